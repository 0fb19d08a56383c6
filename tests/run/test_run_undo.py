"""Taking landings and cancels back, and going on from earlier work, with the real program."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gangsaw.testing.endstate import complaints
from gangsaw.testing.ledger import START, STOP
from gangsaw.testing.playground import Playground
from tests.run.test_run_steering import Desk, gated

LONG = bool(os.environ.get("GANGSAW_LONG"))
SIDES = 5
"""Crash points that are tried in every run, of about thirty."""
Figure = Callable[[str, object], None]


def task(name: str, *lines: str, **fields: Any) -> dict[str, Any]:
    """A task whose agent runs these lines and commits everything."""
    work = lines or (f"echo {name} > {name}.txt",)
    body = [START, *work, "git add -A", f"git commit -qm 'Work of {name}'", STOP]
    return {"id": name, "title": f"Task {name}", "prompt": "\n".join(body), **fields}


def head(ground: Playground) -> str:
    return ground.git("rev-parse", "gangsaw/run/r1")


def files(ground: Playground, commit: str = "gangsaw/run/r1") -> set[str]:
    return set(ground.git("ls-tree", "-r", "--name-only", commit).splitlines())


def said(ground: Playground, name: str) -> str:
    """The reason of a task's status."""
    return str(next(t["reason"] for t in ground.status()["tasks"] if t["id"] == name))


def asked(ground: Playground, *words: str, ok: bool = True) -> str:
    done = ground.call(*words)
    assert (done.returncode == 0) == ok, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


# --- landings --------------------------------------------------------------------------------


def test_undone_while_others_run_and_landed_again(tmp_path: Path) -> None:
    """The live dependant is stopped and waits; who does not need it goes on."""
    tasks = [task("a"), gated("b"), gated("c", needs=["a"]), task("d", needs=["c"]),
             task("e", needs=["a"])]  # fmt: skip
    desk = Desk(tmp_path, tasks)
    ground = desk.ground
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_recorded("b.1", "c.1")
    desk.wait_status("landed", "a", "e")

    told = desk.ask("undo", "a", "--wait")
    assert "a is undone" in told
    desk.wait_status("held", "c", "d")
    desk.ground.wait_for(lambda: "c.1" not in desk.alive(), "the end of c.1")
    assert "b.1" in desk.alive(), "what does not need it was stopped"
    assert said(ground, "c") == "needs a, which was undone"
    assert said(ground, "d") == "c did not land"
    assert "built on a, which was undone" in said(ground, "e")
    assert files(ground) >= {"e.txt"}
    assert "a.txt" not in files(ground)
    state = json.loads(desk.ask("why", "c", "--json"))
    assert state["attempts"][0]["ended"] == "undone"
    assert "is undone already" in desk.ask("undo", "a", ok=False)

    desk.ask("retry", "a")
    desk.wait_started("c.2")
    desk.let_go("b", "c")
    desk.wait_engine_ended()
    assert set(ground.statuses().values()) == {"landed"}
    assert files(ground) >= {f"{name}.txt" for name in "abcde"}
    first = json.loads(desk.ask("why", "c", "--json"))["attempts"][1]["base"]
    assert "a.txt" in files(ground, first), "it started without what it needs"
    assert ground.git("for-each-ref", "refs/gangsaw/candidates") == "", "left over"
    assert complaints(ground, desk.needs) == []


def test_what_others_built_upon_is_undone_in_their_order(tmp_path: Path) -> None:
    """After the end of the run; a conflict moves nothing, and says who stands in the way."""
    ground = Playground(tmp_path / "ground")
    ground.run(ground.plan([task("a", "echo one > f"), task("b", "echo two > f", needs=["a"])]))
    before = head(ground)
    assert "b stays landed, though built on it" in asked(ground, "undo", "a")
    asked(ground, "run", "--plain")
    assert head(ground) == before
    assert said(ground, "a").endswith(
        "not undone: conflicts in f; b landed on top of it: try gangsaw undo b before it"
    )
    asked(ground, "undo", "b")
    asked(ground, "undo", "a")
    asked(ground, "run", "--plain", ok=False)
    assert ground.statuses() == {"a": "undone", "b": "undone"}
    assert ground.git("rev-parse", "gangsaw/run/r1^{tree}") == ground.git(
        "rev-parse", f"{before}^^^{{tree}}"
    )
    assert ground.git("rev-parse", "main") == head(ground)


def test_a_red_undo_moves_nothing(tmp_path: Path) -> None:
    ground = Playground(tmp_path / "ground")
    ground.run(ground.plan([task("a"), task("b", checks=["test -f a.txt"], needs=["a"])]))
    before = head(ground)
    asked(ground, "undo", "a")
    asked(ground, "run", "--plain")
    assert head(ground) == before
    assert "not undone: check failed: test -f a.txt; b landed" in said(ground, "a")
    assert ground.statuses() == {"a": "landed", "b": "landed"}


def test_landed_work_comes_back_with_its_changes(tmp_path: Path) -> None:
    """For git the old commits are merged; still, what they brought has to be there again."""
    ground = Playground(tmp_path / "ground")
    ground.run(ground.plan([task("a", "echo again >> more.txt", "echo a > a.txt"), task("b")]))
    asked(ground, "undo", "a")
    asked(ground, "run", ok=False)
    assert files(ground).isdisjoint({"a.txt", "more.txt"})
    asked(ground, "retry", "a", "--from", "last")
    asked(ground, "run")
    assert ground.statuses() == {"a": "landed", "b": "landed"}
    assert ground.git("show", "gangsaw/run/r1:a.txt") == "a"
    assert ground.git("show", "gangsaw/run/r1:more.txt") == "again\nagain"
    assert complaints(ground, {"a": [], "b": []}) == []


# --- cancels and turns -----------------------------------------------------------------------


def test_undoing_a_cancel_brings_the_work_back(tmp_path: Path) -> None:
    more = gated("a")["prompt"]
    lines = "[ $GANGSAW_ATTEMPT = a.2 ] && { grep -q half half.txt; exit; }\necho half > half.txt\n"
    desk = Desk(tmp_path, [{"id": "a", "title": "a", "prompt": lines + more}, gated("b")])
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_recorded("a.1", "b.1")
    desk.wait_started("a.1")
    desk.ask("cancel", "a")
    assert "from the work that was kept" in desk.ask("undo", "a")
    desk.wait_status("landed", "a")
    desk.let_go("b")
    desk.wait_engine_ended()
    assert desk.ground.git("show", "main:half.txt") == "half"


def test_stopped_work_is_gone_on_from(tmp_path: Path) -> None:
    """A stop puts the work away, so that the next run can begin from it; without an engine each
    request is answered as it will be after those that wait already."""
    ground = Playground(tmp_path / "ground")
    lines = [START, "[ -e half.txt ] || { echo half > half.txt; touch $LEDGER.half; sleep 600; }",
             "echo rest > rest.txt", "git add -A", "git commit -qm both", STOP]  # fmt: skip
    plan = ground.plan([{"id": "a", "title": "a", "prompt": "\n".join(lines)}])
    asked(ground, "run", str(plan), "--detach")
    ground.wait_for(Path(f"{ground.ledger}.half").exists, "the agent's file")
    asked(ground, "stop")
    assert len(ground.git("worktree", "list").splitlines()) == 1
    asked(ground, "cancel", "a")
    again = asked(ground, "cancel", "a", ok=False)
    assert "cancelled already; this waits for the next gangsaw run already: gangsaw can" in again
    assert "from the work that was kept" in asked(ground, "undo", "a")
    assert "is put away" not in asked(ground, "retry", "a", "--from", "1")
    asked(ground, "run")
    assert files(ground) >= {"half.txt", "rest.txt"}
    assert "no gangsaw is running" in asked(ground, "undo", "a", "--wait", ok=False)
    assert "being undone" in asked(ground, "undo", "a") + asked(ground, "retry", "a", ok=False)
    assert "being undone already" in asked(ground, "undo", "a", ok=False)
    asked(ground, "run", ok=False)
    assert ground.statuses() == {"a": "undone"}


def test_a_new_attempt_from_an_earlier_turn(tmp_path: Path) -> None:
    """Turn 2 spoiled what turn 1 had made."""
    lines = [
        "case $GANGSAW_ATTEMPT.$GANGSAW_TURN in",
        "a.1.1) echo good > good.txt ;;",
        "a.1.2) git rm -q good.txt; echo bad > bad.txt ;;",
        'a.2.1) test ! -e bad.txt; grep -q "earlier attempt" "$PROMPT"; echo end > end.txt ;;',
        "esac",
    ]
    ground = Playground(tmp_path / "ground")
    text = (ground.repo / "gangsaw.toml").read_text()
    text = text.replace("[run]", "[run]\nturns = 2", 1)
    text = text.replace('"{task_prompt_file}"', '"{task_prompt_file}", "{prompt_file}"')
    ground.write("gangsaw.toml", text)
    ground.git("commit", "-q", "-am", "settings")
    plan = ground.plan([task("a", "PROMPT=$1", *lines, attempts=1,
                             checks=["test -f good.txt -a -f end.txt"])])  # fmt: skip
    ground.run(plan, expect=1)
    found = ground.status()["tasks"][0]
    assert (found["status"], found["turns"]) == ("failed", ["1", "2"])
    assert "--from 2" in asked(ground, "why", "a")
    assert "there is: 1, 2" in asked(ground, "retry", "a", "--from", "3", ok=False)
    asked(ground, "retry", "a", "--from", "1")
    asked(ground, "run")
    assert files(ground) >= {"good.txt", "end.txt"}
    assert "bad.txt" not in files(ground)
    assert complaints(ground, {"a": []}) == []


# --- crashes ---------------------------------------------------------------------------------


def faulty(ground: Playground, *head: str, plan: Path) -> int:
    """The exit code of a run that kills itself, or lists what could be killed."""
    done = subprocess.run(
        [sys.executable, "-m", "gangsaw.testing.faulty", *head, "--", "run", str(plan), "--plain"],
        cwd=ground.repo, env=ground.environment(), capture_output=True, check=False,
        stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    return done.returncode


def copied(ground: Playground, root: Path) -> Playground:
    """The same repository in another place."""
    shutil.copytree(ground.root, root, symlinks=True, ignore=shutil.ignore_patterns(".wake"))
    other = copy.copy(ground)
    other.root, other.repo, other.ledger = root, root / "repo", root / "ledger"
    other.git("status")  # git knows files by their times, too
    return other


def killed_during_undo(ground: Playground, plan: Path, side: str) -> list[str]:
    """What is wrong after a kill there and a run that goes on."""
    found: list[str] = []
    if faulty(ground, f"{side}:1", plan=plan) != -signal.SIGKILL:
        found.append("the point was not reached")
    ground.call("run", plan, "--plain")
    found += complaints(ground, {"a": [], "b": []}, landed=["b"])
    if ground.statuses() != {"a": "undone", "b": "landed"}:
        found.append(f"{ground.statuses()}")
    subjects = ground.git("log", "--format=%s", "main").splitlines()
    if subjects.count('Undo "Task a"') != 1 or files(ground) & {"a.txt"}:
        found.append(f"{subjects}")
    return [f"{side}: {complaint}" for complaint in found]


def test_killed_at_the_durable_steps_of_an_undo(tmp_path: Path, record_property: Figure) -> None:
    ground = Playground(tmp_path / "ready")
    plan = ground.plan([task("a"), task("b")])
    ground.run(plan)
    asked(ground, "undo", "a")
    calm = copied(ground, tmp_path / "calm")
    faulty(calm, "--list", str(tmp_path / "points"), plan=plan)
    sides = sorted(set((tmp_path / "points").read_text().split()))
    assert {
        "git.reverse_commit:after",
        "git.candidate_commit:after",
        "git.ref_move[integration]:after",
    } <= set(sides)
    rng = random.Random(5)
    chosen = sides if LONG else ["git.ref_move[integration]:after", *rng.sample(sides, SIDES - 1)]
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(killed_during_undo, copied(ground, tmp_path / f"k{n}"), plan, side)
            for n, side in enumerate(chosen)
        ]
        wrong = [complaint for job in jobs for complaint in job.result()]
    assert wrong == []
    record_property(
        "figure",
        f"undo: killed at {len(chosen)} of {len(sides)} sides of its durable steps; "
        "always undone once",
    )
