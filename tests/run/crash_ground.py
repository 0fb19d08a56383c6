"""The small run that the crash points are taken from, its grounds, and the judgement on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gangsaw.testing.endstate import EndState, complaints, end_state
from gangsaw.testing.ledger import FAIL, START, STOP
from gangsaw.testing.playground import Playground
from gangsaw.testing.warm import Life, Warm

Tasks = list[dict[str, Any]]
LANDED = ["first", "fixed", "second", "untidy"]
BASE = "${LEDGER%/*}"
"""The playground's root, to the shells of agents."""

_REQUEST = json.dumps({"key": "s1", "verb": "scale", "args": {"number": 3}, "at": 1, "by": "fixed"})
_ASK = (
    f"b={BASE}/repo/.git/gangsaw/inbox; echo '{_REQUEST}' > $b/.s1; "
    "mv $b/.s1 $b/000000000001000-s1.json; echo no > $b/.bad; mv $b/.bad $b/not-one.json"
)


def needs_of(tasks: Tasks) -> dict[str, list[str]]:
    """Task → the tasks it needs."""
    return {task["id"]: task.get("needs", []) for task in tasks}


def small_tasks() -> Tasks:
    """A run that passes every kind of durable step.

    `fixed` needs a second turn, at the end of which it is combined with what `first` has landed; it
    also sends a request to the engine, and something that is none. `second` clashes with what
    `first` has landed, and resolves it. `untidy` fails at first, leaving a stash and a file; then
    it leaves its work uncommitted, and the user has the same file already.
    `plain` has no worktree.
    """
    there = f"[ -e {BASE}/repo/shared.txt ]"
    wait = f"i=0; until {there} || [ $i -gt 4000 ]; do sleep 0.03; i=$((i+1)); done"
    bodies: dict[str, tuple[list[str], list[str], list[str]]] = {
        "fixed": (
            [],
            ["[ $GANGSAW_TURN = 1 ] && w=wrong || w=right",
             f"if [ $w = wrong ]; then {_ASK}; else {wait}; fi",
             "echo $w > fixed.txt", "git add -A", "git commit -qm fixed"],
            ["grep -q right fixed.txt"],
        ),
        "first": ([], ["echo first > shared.txt", "git add -A", "git commit -qm first"], []),
        "second": (
            [],
            [wait,
             "[ $GANGSAW_TURN = 1 ] && t=second || t='first\\nsecond'",
             "printf \"$t\\n\" > shared.txt", "git add -A", "git commit -qm second"],
            [],
        ),
        "untidy": (
            ["fixed"],
            ["echo new > README.md", "[ $GANGSAW_ATTEMPT = untidy.2 ] || git stash -q",
             f"echo left > untidy.txt; [ $GANGSAW_ATTEMPT = untidy.2 ] || {FAIL}"],
            ["test -f untidy.txt"],
        ),
        "plain": (["first"], ["echo nothing > file"], ["test -f file"]),
    }  # fmt: skip
    return [
        {"id": name, "title": f"Task {name}", "needs": needs, "checks": checks,
         "prompt": "\n".join([START, *body, STOP]),
         **({"workspace": "none"} if name == "plain" else {})}
        for name, (needs, body, checks) in bodies.items()
    ]  # fmt: skip


def small_ground(root: Path) -> Playground:
    """With a remote to push to, a file with a secret to copy into worktrees, a setup, and in the
    user's checkout a file that a task is going to make."""
    ground = Playground(root, max_agents=2)  # so that slots are used again
    remote = ground.root / "remote.git"
    ground.git("init", "-q", "--bare", str(remote))
    ground.git("remote", "add", "origin", str(remote))
    text = (ground.repo / "gangsaw.toml").read_text().replace("backoff_s = 0.2", "backoff_s = 0.02")
    text = text.replace("[run]", '[run]\nremote = "origin"', 1)
    ground.write("gangsaw.toml", text + '\n[worktree]\ncopy = ["local.cfg"]\nsetup = "true"\n')
    ground.write(".gitignore", "local.cfg\n")
    ground.write("local.cfg", "SECRET_KEY=taken-out-of-outputs\n")
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "push to origin")
    ground.write("untidy.txt", "left\n")
    ground.plan(small_tasks())
    agreed = ground.call("trust")
    assert agreed.returncode == 0, agreed.stderr
    return ground


def begin(warm: Warm, ground: Playground, *head: str) -> Life:
    """A life of the program on the ground's plan."""
    plan = ground.root / "plan.json"
    return warm.begin(
        [*head, "--", "run", str(plan), "--plain"],
        cwd=ground.repo, env=ground.environment(), output=ground.root / "output",
    )  # fmt: skip


def live(warm: Warm, ground: Playground, *head: str) -> int:
    """How a life of the program on the ground's plan ended."""
    life = begin(warm, ground, *head)
    code = life.wait()
    if code is None:
        life.kill()
        raise AssertionError((ground.root / "output").read_text())
    return code


def wrong_after(ground: Playground, expected: EndState | None) -> list[str]:
    """What is wrong with a run that came to its end; its end state must be the expected one."""
    found = complaints(ground, needs_of(small_tasks()), landed=LANDED)
    if expected is not None and (reached := end_state(ground)) != expected:
        found.append(f"{reached}\n  instead of {expected}")
    return found
