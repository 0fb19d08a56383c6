"""The real Claude Code CLI, unmodified, driven by the adapter against a scripted model.

No account and no network: the CLI gets an allow-listed environment, a home of its own, a key
that is none, and a server on loopback.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gangsaw.agents import TurnBrief, adapter_for, allowed_environment
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import (
    Ended,
    Note,
    OutcomeKind,
    ResultNoted,
    SessionNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.model import TurnKind
from gangsaw.core.settings import AgentSettings
from gangsaw.testing.models import ModelServer, Scenarios
from tests.e2e.conftest import ProgramOf

WAIT_S = 180.0

pytestmark = pytest.mark.e2e


def refused(status: int, kind: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"fault": {"status": status, "type": kind, "message": "scripted"} | fields}]


SCENARIOS: Scenarios = {
    "edit": [
        {
            "say": "I will write the file.",
            "write": {"path": "{file}", "content": "hello from {file}\n"},
            "usage": {"input": 1200, "output": 40, "cached": 300},
        },
        {
            "bash": "git add -A && git commit -q -m add-{file}",
            "usage": {"input": 100, "output": 30, "cached": 1500, "cache_write": 20},
        },
        {"say": "Done with {file}.", "usage": {"input": 110, "output": 12, "cached": 1600}},
    ],
    "env": [{"bash": "env | cut -d= -f1 | sort > names.txt"}, {"say": "Done."}],
    "e401": refused(401, "authentication_error"),
    "e404": refused(404, "not_found_error"),
    "e429": refused(429, "rate_limit_error", headers={"retry-after": "3600"}),
    "e529": refused(529, "overloaded_error"),
}
# 1200+100+110 fresh and 20 written to the cache; the price is the CLI's own list price.
EDIT_USAGE = UsageNoted(1430, 82, 3400, 0.006555)


@dataclass
class Turn:
    """How a turn of the CLI went."""

    notes: list[Note]
    outcome: TurnOutcome

    @property
    def session(self) -> str:
        return [note.session for note in self.notes if isinstance(note, SessionNoted)][-1]

    @property
    def usage(self) -> UsageNoted:
        return [note for note in self.notes if isinstance(note, UsageNoted)][-1]


class Place:
    """A scratch repository with a linked worktree, a home, and the server."""

    def __init__(self, folder: Path, server: ModelServer, program: Path) -> None:
        self.server = server
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / ".gitconfig").write_text("[user]\nname = A\nemail = a@example.invalid\n")
        self.worktree = folder / "worktrees" / "a.1"
        repository = folder / "repository"
        self.git(folder, "init", "-q", "-b", "main", str(repository))
        self.git(repository, "commit", "-q", "--allow-empty", "-m", "root")
        self.git(repository, "worktree", "add", "-q", "-b", "work", str(self.worktree))
        environ = dict(os.environ) | {
            "HOME": str(self.home),
            "AWS_SECRET_ACCESS_KEY": "must not pass",
        }
        self.agent = AgentSettings(
            "claude",
            "claude",
            binary=str(program),
            env=(
                ("ANTHROPIC_API_KEY", "test-key"),
                ("ANTHROPIC_BASE_URL", server.url),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
                ("CLAUDE_CODE_MAX_RETRIES", "0"),
                # As root the CLI refuses to skip permissions without this word.
                *((("IS_SANDBOX", "1"),) if os.geteuid() == 0 else ()),
            ),
        )
        self.brief = TurnBrief(
            run="r1",
            task="a",
            attempt="a.1",
            turn=1,
            kind=TurnKind.WORK,
            prompt="",
            prompt_file="unused",
            task_prompt_file="unused",
            worktree=str(self.worktree),
            model="claude-sonnet-4-5",
            ambient=allowed_environment(environ, self.agent),
        )

    def git(self, folder: Path, *arguments: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def subjects(self) -> list[str]:
        return self.git(self.worktree, "log", "--format=%s").splitlines()

    def start(self, brief: TurnBrief) -> subprocess.Popen[bytes]:
        spec = adapter_for("claude").launch(self.agent, brief)
        prompt = self.home / f"prompt.{brief.turn}"
        prompt.write_bytes(spec.stdin or b"")
        with prompt.open("rb") as stdin:
            return subprocess.Popen(
                spec.argv,
                cwd=spec.cwd,
                env=dict(spec.env),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

    def finish(self, brief: TurnBrief, process: subprocess.Popen[bytes]) -> Turn:
        try:
            stdout, stderr = process.communicate(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate(timeout=WAIT_S)
        reader = adapter_for("claude").reader(brief)
        notes = reader.feed(stdout)
        assert reader.ignored_lines == 0
        code = process.returncode
        ended = Ended(code, None) if code >= 0 else Ended(None, -code)
        return Turn(notes, reader.conclude(ended, stderr))

    def turn(self, prompt: str, **fields: Any) -> Turn:
        brief = replace(self.brief, prompt=prompt, **fields)
        return self.finish(brief, self.start(brief))

    def fix(self, prompt: str, session: str) -> Turn:
        return self.turn(prompt, turn=2, kind=TurnKind.FIX, session=session)


@pytest.fixture
def place(tmp_path: Path, program_of: ProgramOf) -> Iterator[Place]:
    with ModelServer(SCENARIOS) as server:
        yield Place(tmp_path, server, program_of("claude"))


def told(body: Mapping[str, Any]) -> str:
    """All that the model was told in a request's messages."""
    return str(body["messages"])


def test_it_edits_and_commits_and_tells_session_tokens_and_cost(place: Place) -> None:
    turn = place.turn("[[scenario:edit file=a.txt]] Write it.")
    assert turn.outcome == TurnOutcome(OutcomeKind.DONE, "Done with a.txt.")
    assert place.subjects() == ["add-a.txt", "root"]
    assert place.git(place.worktree, "show", "HEAD:a.txt") == "hello from a.txt"
    preset = adapter_for("claude").launch(place.agent, place.brief).argv
    assert turn.session == preset[preset.index("--session-id") + 1]
    assert turn.usage == EDIT_USAGE
    assert ToolNoted("Write", "editing a.txt") in turn.notes
    assert ToolNoted("Bash", "running: git add -A && git commit -q -m add-a.txt") in turn.notes
    assert turn.notes[-1] == ResultNoted(True, "Done with a.txt.")
    assert {seen.session for seen in place.server.log()} == {turn.session}


def test_a_fix_turn_goes_on_in_the_same_session_and_counts_itself_alone(place: Place) -> None:
    first = place.turn("[[scenario:edit file=a.txt]] Write it.")
    second = place.fix("[[scenario:edit file=b.txt]] A check failed.", first.session)
    assert second.outcome.kind is OutcomeKind.DONE
    assert second.session == first.session
    assert second.usage == EDIT_USAGE
    assert place.subjects() == ["add-b.txt", "add-a.txt", "root"]
    resumed = next(seen for seen in place.server.log()[3:] if seen.scenario == "edit")
    assert "[[scenario:edit file=a.txt]] Write it." in told(resumed.body)
    assert "Done with a.txt." in told(resumed.body)
    assert "A check failed." in told(resumed.body)


def test_a_session_that_was_never_saved_is_taken_back_and_a_new_one_starts(place: Place) -> None:
    unknown = "6d556c83-e7a7-42c1-81cb-7e9328191f65"
    lost = place.fix("[[scenario:edit file=a.txt]] Go on.", unknown)
    assert lost.outcome.condition is Condition.SESSION_LOST
    assert lost.session == ""
    assert place.server.log() == []
    fresh = place.turn("[[scenario:edit file=a.txt]] Go on.", turn=3, session=lost.session)
    assert fresh.outcome.kind is OutcomeKind.DONE
    assert fresh.session not in ("", unknown)


def test_the_agent_sees_its_marks_and_nothing_that_is_not_allowed(place: Place) -> None:
    assert place.turn("[[scenario:env]]").outcome.kind is OutcomeKind.DONE
    names = (place.worktree / "names.txt").read_text().split()
    marks = {"GANGSAW_RUN", "GANGSAW_TASK", "GANGSAW_ATTEMPT", "GANGSAW_TURN"}
    assert marks <= set(names)
    assert "AWS_SECRET_ACCESS_KEY" not in names


def test_a_prompt_of_a_megabyte_arrives_whole(place: Place) -> None:
    words = "".join(f"-line {number}\n" for number in range(90_000))
    assert len(words) > 1_000_000
    turn = place.turn(words + "[[scenario:edit file=a.txt]]")
    assert turn.outcome.kind is OutcomeKind.DONE
    first = next(seen for seen in place.server.log() if seen.scenario == "edit")
    assert "-line 0\\n" in told(first.body)
    assert "-line 89999\\n" in told(first.body)


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("e401", OutcomeKind.REFUSED),
        ("e404", OutcomeKind.REFUSED),
        ("e429", OutcomeKind.LIMITED),
        ("e529", OutcomeKind.LIMITED),
    ],
)
def test_what_the_model_refuses_is_told_apart(
    place: Place, scenario: str, kind: OutcomeKind
) -> None:
    turn = place.turn(f"[[scenario:{scenario}]]")
    assert turn.outcome.kind is kind
    assert turn.outcome.text != ""
    assert any(isinstance(note, ResultNoted) and not note.ok for note in turn.notes)


def test_without_a_key_it_is_refused(place: Place) -> None:
    kept = tuple(pair for pair in place.brief.ambient if pair[0] != "ANTHROPIC_API_KEY")
    turn = place.turn("[[scenario:edit file=a.txt]]", ambient=kept)
    assert turn.outcome.kind is OutcomeKind.REFUSED
    assert place.server.log() == []
