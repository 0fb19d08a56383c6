"""`kill -9` of the engine, its shims and its agents at any moment, with the real program.

The judges are the ledgers that the agents write themselves, git, and the log; no moment is waited
for by the clock, only by facts, so that a busy machine changes nothing.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.endstate import (
    complaints,
    end_state,
    folded,
    last_seq,
)
from gangsaw.testing.ledger import (
    START,
    STOP,
    Line,
    doubled,
    open_lives,
    out_of_order,
    overlaps,
    read_ledger,
)
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import children_of, is_dead, processes_of

LONG = bool(os.environ.get("GANGSAW_LONG"))
LIFE_MAX_S = 120.0
"""No life of an engine between two kills takes nearly as long."""
Figure = Callable[[str, object], None]
Tasks = list[dict[str, Any]]


def needs_of(tasks: Tasks) -> dict[str, list[str]]:
    return {task["id"]: task.get("needs", []) for task in tasks}


def kill_engine(engine: subprocess.Popen[bytes]) -> None:
    engine.kill()
    assert engine.wait(timeout=60) == -signal.SIGKILL, "the engine had ended before it was killed"


def finish(ground: Playground, plan: Path) -> None:
    done = ground.call("run", plan, "--plain")
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


# --- ten random moments ----------------------------------------------------------------------


def twenty_tasks(rng: random.Random) -> Tasks:
    """20 tasks in five columns: shell agents, scripted agents, some that need a second turn, and
    checks that take their time."""
    tasks: Tasks = []
    for n in range(20):
        name = f"t{n:02}"
        needs = [f"t{n - 5:02}"] if n >= 5 else []
        if n % 7 == 6:
            needs.append(f"t{n - 6:02}")
        task: dict[str, Any] = {"id": name, "title": f"Task {name}", "needs": needs}
        pause_s = round(rng.uniform(0.1, 0.8), 2)
        if n % 4 == 3:
            who = "$GANGSAW_TASK $GANGSAW_ATTEMPT $GANGSAW_TURN $PPID"
            body = [
                f'run echo "start {who}" >> "$LEDGER"',
                f"sleep {pause_s}",
                f"write {name}.txt right",
                f"commit Work of {name}",
                f'run echo "stop {who} 0" >> "$LEDGER"',
            ]
            task |= {"agent": "scripted", "prompt": "\n".join(["#!script", *body])}
        else:
            word = "$([ $GANGSAW_TURN = 1 ] && echo wrong || echo right)" if n % 6 == 1 else "right"
            body = [START, f"sleep {pause_s}", f"echo {word} > {name}.txt", "git add -A",
                    f"git commit -qm 'Work of {name}'", STOP]  # fmt: skip
            task["prompt"] = "\n".join(body)
        check_s = 0.25 if n % 5 == 2 else 0.02
        task["checks"] = [
            f'echo "check {name}" >> "$LEDGER"; sleep {check_s}; grep -q right {name}.txt; c=$?; '
            f'echo "checked {name}" >> "$LEDGER"; exit $c'
        ]
        tasks.append(task)
    return tasks


def ground_of(root: Path, tasks: Tasks, **options: Any) -> tuple[Playground, Path]:
    ground = Playground(root, **options)
    ground.settings('[checks]\npass_env = ["LEDGER"]\n')
    return ground, ground.plan(tasks)


def a_check_runs(ground: Playground) -> bool:
    words = Counter(words[0] for words in ground.ledger_lines() if words)
    return words["check"] > words["checked"]


def alive_agents(ground: Playground) -> dict[tuple[str, int], int]:
    lives = open_lives(read_ledger(ground.ledger))
    return {life: pid for life, pid in lives.items() if not is_dead(pid)}


@pytest.mark.parametrize("seed", range(1, 21 if LONG else 2))
def test_killed_at_ten_random_moments(tmp_path: Path, seed: int, record_property: Figure) -> None:
    tasks = twenty_tasks(random.Random(seed))
    calm, calm_plan = ground_of(tmp_path / "calm", tasks)
    finish(calm, calm_plan)
    assert complaints(calm, needs_of(tasks)) == []
    expected, events = end_state(calm), last_seq(calm)

    rng = random.Random(seed)
    print(f"seed {seed}: {events} events undisturbed")
    ground, plan = ground_of(tmp_path / "killed", tasks)
    seen = kill_ten_times(ground, plan, rng, events)
    finish(ground, plan)

    assert complaints(ground, needs_of(tasks)) == []
    assert end_state(ground) == expected
    record_property(
        "figure",
        f"kill -9 of the engine, seed {seed}: 10 kills in a run of 20 tasks; "
        f"{seen['adopted']} agents adopted, {seen['during checks']} kills during checks, "
        f"{seen['during a landing']} during a landing; 0 turns twice, 20 landed once",
    )


def wait_for_event(ground: Playground, number: int) -> None:
    ground.wait_for(lambda: last_seq(ground) >= number, f"event {number}", LIFE_MAX_S)


def kill_ten_times(ground: Playground, plan: Path, rng: random.Random, events: int) -> Counter[str]:
    """Kill at ten moments of progress, spread over the run; three of them while a check runs."""
    # Whatever else the engine keeps beside it must end with it; agents and shims must not.
    servants: set[int] = set()
    moments = sorted(rng.sample(range(1, int(events * 0.85)), 10))
    on_check = set(rng.sample(range(1, 9), 3))
    seen: Counter[str] = Counter()
    for number, moment in enumerate(moments):
        engine = ground.start("run", plan, "--plain")
        wait_for_event(ground, moment)
        if number in on_check:
            ground.wait_for(lambda: a_check_runs(ground), "a check that runs", LIFE_MAX_S)
        time.sleep(rng.uniform(0, 0.05))  # not a wait: the moment itself is what is random
        alive = alive_agents(ground)
        lasting = {found.pid for found in processes_of(ground.root)} - {engine.pid}
        servants |= set(children_of(engine.pid)) - lasting
        kill_engine(engine)
        dead = {life for life, pid in alive.items() if is_dead(pid)}
        still_open = set(open_lives(read_ledger(ground.ledger)))
        assert not dead & still_open, "agents died with the engine"
        seen["adopted"] += len(set(alive) & still_open)
        seen["during checks"] += a_check_runs(ground)
        seen["during a landing"] += bool(folded(ground).landings)
    ground.wait_for(lambda: all(map(is_dead, servants)), f"the end of {servants}", LIFE_MAX_S)
    return seen


def faulty(ground: Playground, *head: str, plan: Path) -> int:
    """How a life of the real program ended that was to be killed at a moment."""
    done = subprocess.run(
        [sys.executable, "-m", "gangsaw.testing.faulty", *head, "--", "run", str(plan), "--plain"],
        cwd=ground.repo, env=ground.environment(), capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=LIFE_MAX_S,
    )  # fmt: skip
    return done.returncode


# --- one step, looked at closely ---------------------------------------------------------------


def test_a_half_made_slot_is_made_anew(tmp_path: Path) -> None:
    """The worktree is there, and not yet known to be a slot: it must neither be used nor block
    every check from then on."""
    ground = Playground(tmp_path / "ground", max_agents=1)  # so there is one slot
    task = {"id": "a", "title": "Task a", "checks": ["test -f a.txt"]}
    body = [START, "echo a > a.txt", "git add -A", "git commit -qm a", STOP]
    plan = ground.plan([{**task, "prompt": "\n".join(body)}])
    # The first passing makes the attempt's own worktree, the second the slot.
    assert faulty(ground, "git.worktree_add:after:2", plan=plan) == -signal.SIGKILL
    finish(ground, plan)
    assert complaints(ground, {"a": []}) == []
    kinds = [event["kind"] for event in ground.events()]
    assert "effect.failed" not in kinds
    assert kinds.count("attempt.admitted") == 1
    assert ground.statuses() == {"a": "landed"}


# --- the judges ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "validator"),
    [
        (["start a a.1 1 10", "stop a a.1 1 10 0", "start a a.1 1 11"], doubled),
        (["start a a.1 1 10", "stop a a.1 1 11 0"], doubled),
        (["start a a.1 1 10", "start a a.2 1 11", "beat a a.1 1 12"], overlaps),
        (["start a a.1 1 10", "start a a.1 2 11", "stop a a.1 1 10 0"], overlaps),
        (["start b b.1 1 10"], lambda lines: out_of_order(lines, {"a": [], "b": ["a"]})),
    ],
)
def test_planted_faults_are_seen(
    tmp_path: Path, lines: list[str], validator: Callable[[list[Line]], list[str]]
) -> None:
    ledger = tmp_path / "ledger"
    ledger.write_text("\n".join(lines) + "\n")
    assert validator(read_ledger(ledger))
    assert not validator(read_ledger(ledger)[:1]) or len(lines) == 1
