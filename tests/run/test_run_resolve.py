"""The ladder of a conflict with the real program: mechanical means, replays, agents, a person."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground
from tests.run.test_run_landing import (
    COMMIT,
    after_landing_of,
    outcomes,
    prompt_of,
    reasons,
    task,
    until,
)

Figure = Callable[[str, object], None]

HERS = f"echo hers > shared.txt; echo a > a.done\n{COMMIT}"
ME = "resolved by hand\n"


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    ground = Playground(tmp_path)
    ground.write("shared.txt", "old\n")
    ground.write("gone.txt", "old\n")
    ground.write("CHANGELOG.md", "# log\n")
    ground.git("add", "-A")
    ground.git("commit", "-qm", "shared")
    return ground


def mine(later: str, change: str = "echo mine > shared.txt") -> str:
    """A first turn whose work conflicts with what `HERS` has landed, and what later turns do."""
    return (
        f'if [ "$GANGSAW_TURN" -gt 1 ]; then\n{later}\nexit 0\nfi\n'
        f"{after_landing_of('a.done')}{change}\n{COMMIT}"
    )


def ways(pg: Playground) -> dict[str, str]:
    """Task → the trailer of its landing that says how a conflict was resolved."""
    landed = [e["body"] for e in pg.events() if e["kind"] == "landed"]
    return {one["task"]: pg.trailer(one["commit"], "Gangsaw-Resolved") for one in landed}


def history(pg: Playground, *words: str) -> list[dict[str, Any]]:
    done = pg.call("resolve", *words, "--history", "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["resolutions"]
    return found


def say(pg: Playground, *words: str, expect: int = 0) -> str:
    done = pg.call(*words)
    assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


# --- without anybody ---------------------------------------------------------------------------


def test_a_log_that_both_sides_write_lands_without_a_further_turn(pg: Playground) -> None:
    pg.settings('[landing]\nunion = ["CHANGELOG.md"]\nmergiraf = "off"\n')
    hers = f"echo '- hers' >> CHANGELOG.md; echo a > a.done\n{COMMIT}"
    plan = pg.plan([task("a", hers), task("b", mine("exit 1", "echo '- mine' >> CHANGELOG.md"))])
    status = pg.run(plan)
    assert outcomes(status) == {"a": ("landed", 1), "b": ("landed", 1)}
    assert (pg.repo / "CHANGELOG.md").read_text() == "# log\n- hers\n- mine\n"
    assert ways(pg) == {"a": "", "b": "union"}
    assert "mechanically resolved conflict (union)" in reasons(status)["b"]
    turns = [event["subject"] for event in pg.events() if event["kind"] == "turn.wanted"]
    assert sorted(turns) == ["a.1", "b.1"]
    [found] = history(pg)
    assert (found["how"], found["outcome"], found["paths"]) == ("union", "landed", ["CHANGELOG.md"])


def test_a_resolution_that_landed_is_replayed_after_an_undo(
    pg: Playground, record_property: Figure
) -> None:
    again = '[ "$GANGSAW_ATTEMPT" = b.1 ] || exit 0\n'
    both = "test -e a.done\necho hers and mine > shared.txt; git add -A; git commit -q --no-edit"
    plan = pg.plan([task("a", HERS), task("b", again + mine(both))])
    status = pg.run(plan)
    assert ways(pg) == {"a": "", "b": "model"}
    assert "model-resolved" in reasons(status)["b"]
    say(pg, "undo", "b")
    pg.call("run")
    assert pg.statuses()["b"] == "undone"
    assert (pg.repo / "shared.txt").read_text() == "hers\n"
    # From its work as it was before the conflict: the same conflict once more, and nobody is asked.
    say(pg, "retry", "b", "--from", "1")
    say(pg, "run")
    assert pg.statuses() == {"a": "landed", "b": "landed"}
    assert (pg.repo / "shared.txt").read_text() == "hers and mine\n"
    assert ways(pg) == {"a": "", "b": "rerere"}
    kinds = [e["kind"] for e in pg.events() if e["subject"] == "b.2"]
    assert "candidate.conflicted" not in kinds
    assert kinds.count("turn.wanted") == 1
    found = [(one["how"], one["outcome"]) for one in history(pg)]
    assert found == [("model", "landed"), ("rerere", "landed")]
    record_property("figure", "rerere: a landed resolution replayed after an undo, 0 resolve turns")


# --- agents ------------------------------------------------------------------------------------


def test_a_structural_conflict_goes_to_the_agent_with_both_sides(pg: Playground) -> None:
    pg.settings('[landing]\nunion = ["**"]\nmergiraf = "off"\n')
    hers = f"git rm -q gone.txt; echo a > a.done\n{COMMIT}"
    later = "git rm -q gone.txt; echo new > instead.txt; git add -A; git commit -q --no-edit"
    plan = pg.plan(
        [task("a", hers), task("b", mine(later, "echo mine > gone.txt"))]
    )  # fmt: skip
    status = pg.run(plan)
    assert outcomes(status) == {"a": ("landed", 1), "b": ("landed", 1)}
    assert ways(pg) == {"a": "", "b": "model"}
    told = prompt_of(pg, "b.1", 2)
    for text in ("gone.txt (one side changed it, the other deleted it)", "### a: task a",
                 "git rm -q gone.txt", "deleted file mode", "echo mine > gone.txt"):  # fmt: skip
        assert text in told, f"{text}\n---\n{told}"


def test_two_resolve_turns_then_a_new_attempt_that_is_told_of_the_former(pg: Playground) -> None:
    # Each resolve turn leaves the conflict; the second attempt does its work on the new base.
    prompt = (
        '[ "$GANGSAW_ATTEMPT" = b.1 ] || { echo hers and mine > shared.txt; '
        "git add -A; git commit -qm anew; exit 0; }\n" + mine(":")
    )
    toml = (pg.repo / "gangsaw.toml").read_text()
    pg.write("gangsaw.toml", toml.replace("[run]", "[run]\nturns = 5", 1))
    pg.git("commit", "-qam", "turns")
    status = pg.run(pg.plan([task("a", HERS), task("b", prompt)]))
    assert outcomes(status) == {"a": ("landed", 1), "b": ("landed", 2)}
    why = [(e["subject"], e["body"]["why"]) for e in pg.events() if e["kind"] == "turn.wanted"]
    of_b = [each for each in why if each[0].startswith("b.")]
    assert of_b == [("b.1", "work"), ("b.1", "resolve"), ("b.1", "resolve"), ("b.2", "work")]
    told = prompt_of(pg, "b.2", 1)
    assert "An earlier attempt at this task could not be merged" in told
    assert "+mine" in told
    assert "An earlier attempt" not in prompt_of(pg, "b.1", 1)
    assert ways(pg) == {"a": "", "b": ""}


# --- a person ----------------------------------------------------------------------------------


def worktree(pg: Playground) -> Path:
    return pg.root / "repo-worktrees" / "r1" / "b.resolve"


KILLED = """
import os, signal, sys
from gangsaw.core import faults
def probe(point, when):
    if (point, when) == ({point!r}, "after"):
        os.kill(os.getpid(), signal.SIGKILL)
faults.set_probe(probe)
from gangsaw.cli.main import run
sys.exit(run({words!r}))
"""


def killed(pg: Playground, point: str, *words: str) -> None:
    """The command, killed right after that step."""
    code = KILLED.format(point=point, words=list(words))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=pg.repo, env=pg.environment(), capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == -9, f"{point}: {done.stdout}{done.stderr}"


def nothing_left(pg: Playground) -> None:
    assert not worktree(pg).exists()
    assert "b.resolve" not in pg.git("worktree", "list")
    assert pg.git("for-each-ref", "refs/heads/gangsaw/r1/b.resolve") == ""
    assert not (pg.repo / ".git/gangsaw/resolve/r1/b/RESOLVE.md").exists()


def test_a_person_resolves_what_no_agent_could_without_an_engine(
    pg: Playground, record_property: Figure
) -> None:
    plan = pg.plan(
        [task("a", HERS), task("b", mine(":"), attempts=1, checks=["grep -q hand shared.txt || "
                                                                  "grep -q mine shared.txt"]),
         task("c", f"test -e shared.txt; echo c > c.txt\n{COMMIT}", needs=["b"])]
    )  # fmt: skip
    status = pg.run(plan, expect=3)
    assert outcomes(status)["b"] == ("needs_you", 1)
    for point in ("store.inbox.submit", "git.worktree_add", "git.merge_begin"):
        killed(pg, point, "resolve", "b")
    told = say(pg, "resolve", "b")
    assert str(worktree(pg)) in told
    marked = (worktree(pg) / "shared.txt").read_text()
    assert marked.splitlines()[0].startswith("<<<<<<<")
    assert "|||||||" in marked
    page = (pg.repo / ".git/gangsaw/resolve/r1/b/RESOLVE.md").read_text()
    for text in ("shared.txt (both sides changed the same lines)", "echo hers > shared.txt",
                 "echo mine > shared.txt", "+hers", "+mine", "gangsaw resolve b --done",
                 "grep -q hand"):  # fmt: skip
        assert text in page, f"{text}\n---\n{page}"
    # Not yet: in conflict. Asked for again it is the same place, and nothing is lost.
    assert "still in conflict" in say(pg, "resolve", "b", "--done", expect=2)
    (worktree(pg) / "notes").write_text("mine\n")
    say(pg, "resolve", "b")
    assert (worktree(pg) / "notes").read_text() == "mine\n"
    (worktree(pg) / "notes").unlink()
    (worktree(pg) / "shared.txt").write_text(ME)
    for point in ("git.leftovers_commit", "store.inbox.submit", "git.folder_aside"):
        killed(pg, point, "resolve", "b", "--done")
    assert "given already" in say(pg, "resolve", "b", "--done")
    nothing_left(pg)
    say(pg, "run")
    assert outcomes(pg.status()) == {
        "a": ("landed", 1), "b": ("landed", 2), "c": ("landed", 1)
    }  # fmt: skip
    assert (pg.repo / "shared.txt").read_text() == ME
    assert ways(pg) == {"a": "", "b": "person", "c": ""}
    turns = [e["subject"] for e in pg.events() if e["kind"] == "turn.wanted"]
    assert "b.2" not in turns
    [found] = [one for one in history(pg) if one["how"] == "person"]
    assert (found["outcome"], found["paths"], bool(found["by"])) == ("landed", ["shared.txt"], True)
    record_property(
        "figure", "a person's resolution, given without an engine, landed with the next"
    )


def test_a_person_steps_in_while_the_agent_resolves_and_the_queue_goes_on(pg: Playground) -> None:
    hang = f"echo resolving >> $LEDGER\n{until('test -e $LEDGER.never')}"
    plan = pg.plan(
        [task("a", HERS), task("b", mine(hang)),
         task("c", f"echo c > c.txt\n{COMMIT}", needs=["b"]),
         task("d", until("test -e $LEDGER.d") + f"echo d > d.txt\n{COMMIT}")]
    )  # fmt: skip
    engine = pg.start("run", plan, "--json")
    try:
        pg.wait_for(lambda: ["resolving"] in pg.ledger_lines(), "the resolve turn")
        say(pg, "resolve", "b")
        pg.wait_for(lambda: "resolves its conflict" in reasons(pg.status())["b"], "it is in hand")
        assert "whose conflict" in reasons(pg.status())["c"]
        # Others land meanwhile.
        Path(f"{pg.ledger}.d").touch()
        pg.wait_for(lambda: pg.statuses()["d"] == "landed", "d has landed")
        assert pg.statuses()["b"] == "needs_you"
        # Given back, the agent goes on; taken once more, it is stopped again.
        assert "goes on" in say(pg, "resolve", "b", "--abort")
        nothing_left(pg)
        pg.wait_for(lambda: pg.statuses()["b"] != "needs_you", "its agent goes on")
        assert "resolves" not in reasons(pg.status())["c"]
        pg.wait_for(lambda: pg.ledger_lines().count(["resolving"]) == 2, "its next turn")
        say(pg, "resolve", "b")
        (worktree(pg) / "shared.txt").write_text(ME)
        pg.wait_for(lambda: "resolves its conflict" in reasons(pg.status())["b"], "it is in hand")
        assert "checked and landed" in say(pg, "resolve", "b", "--done")
        nothing_left(pg)
        pg.wait_for(lambda: engine.poll() is not None, "the end")
    finally:
        engine.kill()
        engine.wait()
    assert pg.statuses() == dict.fromkeys("abcd", "landed")
    assert ways(pg) == {"a": "", "b": "person", "c": "", "d": ""}
    assert (pg.repo / "shared.txt").read_text() == ME
    assert engine.returncode == 0


def test_what_cannot_be_resolved_says_why(pg: Playground) -> None:
    plan = pg.plan([task("a", HERS), task("n", "echo x", workspace="none")])
    pg.run(plan)
    assert "no files" in say(pg, "resolve", "n", expect=2)
    assert "cannot find" in say(pg, "resolve", "a", expect=2)
    assert "nobody resolves" in say(pg, "resolve", "a", "--abort", expect=1)
    assert "try gangsaw resolve a first" in say(pg, "resolve", "a", "--done", expect=2)
    assert "cannot find task" in say(pg, "resolve", "zzz", expect=2)
    assert history(pg) == []
