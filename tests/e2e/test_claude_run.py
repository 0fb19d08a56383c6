"""The real Claude Code CLI, unmodified, through the real `gangsaw run`, against a scripted model.

No account and no network: a home of its own, a key that is none, a server on loopback. Install the
CLI with `npm ci` in `tests/e2e`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.models import ModelServer, Scenarios
from gangsaw.testing.playground import Playground

CLI = Path(__file__).parent / "node_modules" / ".bin" / "claude"
WAIT_S = 240.0
MODEL = "claude-sonnet-4-5"
FOREIGN = ("ANTHROPIC_", "CLAUDE_", "XDG_", "DISABLE_", "http", "HTTP", "all_", "ALL_")

Figure = Callable[[str, object], None]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not CLI.exists(),
        reason="THE REAL CLAUDE CLI IS NOT TESTED: run `npm ci` in tests/e2e to install it",
    ),
]

SCENARIOS: Scenarios = {
    "edit": [
        {
            "say": "I will write {file}.",
            "write": {"path": "{file}", "content": "{word}\n"},
            "usage": {"input": 1200, "output": 40, "cached": 300},
        },
        {
            "bash": "git add -A && git commit -q -m add-{file}",
            "usage": {"input": 100, "output": 30, "cached": 1500, "cache_write": 20},
        },
        {"say": "Done with {file}.", "usage": {"input": 110, "output": 12, "cached": 1600}},
    ],
    "stuck": [
        {"say": "I begin.", "write": {"path": "begun.txt", "content": "half\n"}},
        {"gate": "halfway", "bash": "git add -A && git commit -q -m finished"},
        {"say": "Finished."},
    ],
}
# 1200+100+110 fresh, 20 written to the cache, 82 out, 3400 cached; the CLI's own list price.
EDIT_TOKENS, EDIT_COST = 1430 + 82 + 3400, 0.006555

SETTINGS = """\
[run]
agent = "claude"
max_agents = 4
backoff_s = 0.2
grace_s = 2
memory_floor_pct = 1
disk_floor_mb = 10

[agents.claude]
kind = "claude"
binary = "{cli}"
model = "{model}"
pass_env = ["ANTHROPIC_API_KEY"]
env = {{ {env} }}
"""


class Place:
    """A playground whose only agent is the real CLI, talking to the scripted model."""

    def __init__(self, folder: Path, server: ModelServer) -> None:
        self.server = server
        self.pg = Playground(folder, env={"ANTHROPIC_API_KEY": "test-key"})
        pairs = {
            "ANTHROPIC_BASE_URL": server.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
        }
        if os.geteuid() == 0:
            # As root the CLI refuses to skip permissions without this word.
            pairs["IS_SANDBOX"] = "1"
        env = ", ".join(f'{name} = "{value}"' for name, value in pairs.items())
        self.pg.write("gangsaw.toml", SETTINGS.format(cli=CLI, model=MODEL, env=env))
        self.pg.git("commit", "-qam", "settings")

    def run(self, tasks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """`gangsaw run` of the tasks, all of which must land; the tasks of the status by id."""
        return self.tasks_of(self.pg.run(self.pg.plan(tasks)))

    def tasks_of(self, status: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {found["id"]: found for found in status["tasks"]}

    def sessions(self, attempt: str) -> list[str]:
        kinds = [event for event in self.pg.events() if event["kind"] == "session.opened"]
        return [event["body"]["session"] for event in kinds if event["subject"] == attempt]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    with ModelServer(SCENARIOS) as server:
        yield Place(tmp_path, server)


def edits(name: str, word: str = "ok", **fields: Any) -> dict[str, Any]:
    prompt = f"Write the file. [[scenario:edit file={name}.txt word={word}]]"
    return {"id": name, "title": f"add {name}", "prompt": prompt,
            "checks": [f"grep -q ok {name}.txt"], **fields}  # fmt: skip


def told(body: Mapping[str, Any]) -> str:
    return str(body["messages"])


def test_two_dependent_and_two_independent_tasks_land(
    place: Place, record_property: Figure
) -> None:
    tasks = [edits("a"), edits("b", needs=["a"], checks=["test -e a.txt", "grep -q ok b.txt"]),
             edits("c"), edits("d")]  # fmt: skip
    found = place.run(tasks)
    for name in "abcd":
        task = found[name]
        assert (task["status"], task["attempts"]) == ("landed", 1)
        assert task["tokens"] == EDIT_TOKENS
        assert task["cost"] == pytest.approx(EDIT_COST)
        assert (place.pg.repo / f"{name}.txt").read_text() == "ok\n"
    status = place.pg.status()
    assert status["tokens"] == 4 * EDIT_TOKENS
    assert status["cost"] == pytest.approx(4 * EDIT_COST)
    landed = [place.pg.trailer(commit, "Gangsaw-Task") for commit in place.pg.landings()]
    order = [name for name in landed if name]
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order.index("a") < order.index("b")
    subjects = place.pg.git("log", "--format=%s", "main").splitlines()
    assert {f"add-{name}.txt" for name in "abcd"} <= set(subjects)
    assert place.pg.git("status", "--porcelain") == ""
    record_property(
        "figure",
        f"real Claude CLI: 4 of 4 landed, {status['tokens']} tokens, ${status['cost']:.6f}",
    )


def test_a_red_check_is_mended_by_resuming_the_session(
    place: Place, record_property: Figure
) -> None:
    # What the check prints carries the scenario of the second turn; its command does not.
    place.pg.write("again", "[[scenario:edit file=a.txt word=ok]]\n")
    place.pg.git("add", "-A")
    place.pg.git("commit", "-qm", "again")
    found = place.run([edits("a", "wrong", checks=["grep -q ok a.txt || { cat again; false; }"])])
    assert (found["a"]["status"], found["a"]["attempts"]) == ("landed", 1)
    assert found["a"]["tokens"] == 2 * EDIT_TOKENS
    assert (place.pg.repo / "a.txt").read_text() == "ok\n"
    log = [seen for seen in place.server.log() if seen.scenario == "edit"]
    assert len({seen.session for seen in log}) == 1
    assert place.sessions("a.1")[-1] == log[0].session
    mending = [seen for seen in log if "Not yet right" in told(seen.body)]
    assert mending
    assert "Done with a.txt." in told(mending[0].body)
    assert "Write the file." in told(mending[0].body)
    record_property(
        "figure", f"real Claude CLI: red check mended in its session, {len(log)} requests"
    )


def test_an_agent_killed_in_the_middle_is_taken_up_again(
    place: Place, record_property: Figure
) -> None:
    prompt = "Begin. [[scenario:stuck]]"
    tasks = [{"id": "a", "title": "a", "prompt": prompt, "checks": ["grep -q half begun.txt"]}]
    plan = place.pg.plan(tasks)
    engine = place.pg.start("run", plan)
    try:
        assert place.server.wait_for_gate("halfway", WAIT_S)
        place.pg.wait_for(lambda: _is_saved(place.pg.root), "the session to be saved", WAIT_S)
        started = [event for event in place.pg.events() if event["kind"] == "turn.started"]
        os.kill(started[0]["body"]["pid"], signal.SIGKILL)
        place.server.open_gate("halfway")
        assert engine.wait(WAIT_S) == 0, (place.pg.root / "output").read_text()
    finally:
        place.server.open_gate("halfway")
        if engine.poll() is None:
            place.pg.call("kill")
            engine.wait(WAIT_S)
    events = place.pg.events()
    exits = [event["body"] for event in events if event["kind"] == "turn.exited"]
    assert exits[0]["outcome"] == "crashed"
    assert exits[-1]["outcome"] == "done"
    assert place.tasks_of(place.pg.status())["a"]["status"] == "landed"
    assert (place.pg.repo / "begun.txt").read_text() == "half\n"
    sessions = {seen.session for seen in place.server.log() if seen.scenario == "stuck"}
    assert len(sessions) == 1
    prompts = place.pg.repo / ".git/gangsaw/attempts/r1/a.1"
    assert "Do not start over" in (prompts / "prompt-2.md").read_text()
    record_property("figure", f"real Claude CLI: killed and resumed, {len(exits)} launches")


def _is_saved(home: Path) -> bool:
    """Whether a session file holds the result of the first tool."""
    for file in home.glob(".claude/projects/*/*.jsonl"):
        lines = file.read_text(errors="replace").splitlines()
        if any("tool_result" in line and "begun.txt" in line for line in lines):
            return True
    return False
