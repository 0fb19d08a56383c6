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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.endstate import (
    complaints,
    end_state,
    folded,
    last_seq,
    wrong_exits,
)
from gangsaw.testing.ledger import (
    DAEMON,
    FAIL,
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
from gangsaw.testing.processes import Found, children_of, end, is_dead, processes_of

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


# --- every durable step ----------------------------------------------------------------------


def small_tasks() -> Tasks:
    """A run that passes every kind of durable step: a fix turn, a conflict that is resolved, files
    left uncommitted, a task without worktree, a dependant."""
    landed = "git cat-file -e gangsaw/run/r1:shared.txt 2>/dev/null"
    bodies: dict[str, tuple[list[str], list[str], list[str]]] = {
        "fixed": (
            [],
            ["[ $GANGSAW_TURN = 1 ] && w=wrong || w=right", "echo $w > fixed.txt", "git add -A",
             "git commit -qm fixed"],
            ["grep -q right fixed.txt"],
        ),
        "first": ([], ["echo first > shared.txt", "git add -A", "git commit -qm first"], []),
        "second": (
            [],
            [f"i=0; until {landed} || [ $i -gt 1000 ]; do sleep 0.02; i=$((i+1)); done",
             "[ $GANGSAW_TURN = 1 ] && t=second || t='first\\nsecond'",
             "printf \"$t\\n\" > shared.txt", "git add -A", "git commit -qm second"],
            [],
        ),
        "untidy": (["fixed"], ["echo left > untidy.txt"], ["test -f fixed.txt"]),
        "plain": (["first"], ["echo nothing > file"], ["test -f file"]),
    }  # fmt: skip
    return [
        {"id": name, "title": f"Task {name}", "needs": needs, "checks": checks,
         "prompt": "\n".join([START, *body, STOP]),
         **({"workspace": "none"} if name == "plain" else {})}
        for name, (needs, body, checks) in bodies.items()
    ]  # fmt: skip


def small_ground(root: Path) -> tuple[Playground, Path]:
    """With a remote to push to."""
    ground = Playground(root)
    remote = ground.root / "remote.git"
    ground.git("init", "-q", "--bare", str(remote))
    ground.git("remote", "add", "origin", str(remote))
    text = (ground.repo / "gangsaw.toml").read_text()
    ground.write("gangsaw.toml", text.replace("[run]", '[run]\nremote = "origin"', 1))
    ground.git("commit", "-q", "-am", "push to origin")
    return ground, ground.plan(small_tasks())


def faulty(ground: Playground, *head: str, plan: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "gangsaw.testing.faulty", *head, "--", "run", str(plan), "--plain"],
        cwd=ground.repo, env=ground.environment(), capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=LIFE_MAX_S,
    )  # fmt: skip
    return done.returncode


def killed_at(root: Path, kills: list[str]) -> tuple[Playground, int]:
    """A run killed at each of the points in turn and then let go to its end; how many kills
    were reached."""
    ground, plan = small_ground(root)
    reached = sum(faulty(ground, kill, plan=plan) == -signal.SIGKILL for kill in kills)
    if faulty(ground, "never:before:1", plan=plan) != 0:
        raise AssertionError(f"{kills}: {ground.call('status').stdout}")
    return ground, reached


LATER_KILLS, PAIRS = 60, 40
"""In the long test: kills at later passings of the points, and kills during a recovery."""
SMALL_LANDED = ["first", "fixed", "second", "untidy"]


def judged(root: Path, kills: list[str], expected: object) -> list[str]:
    """What is wrong after those kills."""
    try:
        ground, reached = killed_at(root, kills)
    except AssertionError as error:
        return [f"{kills}: {error}"]
    found = complaints(ground, needs_of(small_tasks()), landed=SMALL_LANDED)
    if not reached:
        found.append("the point was not reached")
    if end_state(ground) != expected:
        found.append(f"{end_state(ground)}\n  instead of {expected}")
    return [f"{' '.join(kills)}: {complaint}" for complaint in found]


def test_killed_at_every_durable_step(tmp_path: Path, record_property: Figure) -> None:
    calm, plan = small_ground(tmp_path / "calm")
    assert faulty(calm, "--list", str(calm.root / "points"), plan=plan) == 0
    assert complaints(calm, needs_of(small_tasks()),
                      landed=SMALL_LANDED) == []  # fmt: skip
    expected = end_state(calm)
    passed = (calm.root / "points").read_text().split()
    sides = sorted(set(passed))
    names = {side.partition(":")[0] for side in sides}
    assert len(sides) >= 30, sides
    rng = random.Random(11)
    first = [[f"{side}:1"] for side in sides]
    chosen = first if LONG else rng.sample(first, len(first) // 3)
    counts = Counter(passed)
    if LONG:
        later = [[f"{side}:{n}"] for side in sides for n in range(2, counts[side] + 1)]
        chosen += rng.sample(later, min(len(later), LATER_KILLS))
        chosen += [[f"{a}:1", f"{b}:1"] for a, b in (rng.choices(sides, k=2) for _ in range(PAIRS))]
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(judged, tmp_path / f"k{n}", kills, expected)
            for n, kills in enumerate(chosen)
        ]
        wrong = [complaint for job in jobs for complaint in job.result()]
    assert wrong == []
    record_property(
        "figure",
        f"crash points: {len(names)} named steps, {len(sides)} sides, {len(passed)} passings in "
        f"one small run; killed at {len(chosen)} of them, the end state always the same",
    )


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


# --- chaos -----------------------------------------------------------------------------------


def chaos_tasks(rng: random.Random, count: int) -> Tasks:
    """Agents that leave daemons in sessions of their own, and some that fail at first."""
    tasks: Tasks = []
    for n in range(count):
        name = f"t{n:02}"
        needs = (
            sorted({f"t{rng.randrange(max(0, n - 8), n):02}" for _ in range(n % 3)}) if n else []
        )
        fails = f"[ $GANGSAW_ATTEMPT = {name}.1 ] && {FAIL}; :"
        body = [START, DAEMON if n % 2 else ":", f"sleep {rng.uniform(0.05, 0.5):.2f}",
                fails if n % 7 == 3 else ":", f"echo {name} > {name}.txt", "git add -A",
                f"git commit -qm 'Work of {name}'", STOP]  # fmt: skip
        tasks.append({"id": name, "title": f"Task {name}", "needs": needs, "attempts": 50,
                      "prompt": "\n".join(body), "checks": [f"test -f {name}.txt"]})  # fmt: skip
    return tasks


WHOM = ("engine", "shim", "agent", "engine", "agent")


class Chaos:
    """Kills engines, shims and agents of one playground until it has killed enough."""

    def __init__(self, ground: Playground, plan: Path, rng: random.Random, most: int) -> None:
        self.ground, self.plan, self.rng, self.most = ground, plan, rng, most
        self.killed: Counter[str] = Counter()
        self.check_shims = 0
        self.strikes = 0

    def rage(self) -> None:
        """Until `most` kills have been done or the run has come to its end."""
        engine = self.ground.start("run", self.plan, "--plain")
        deadline = time.monotonic() + 2 * LIFE_MAX_S
        while sum(self.killed.values()) < self.most and time.monotonic() < deadline:
            try:
                code = engine.wait(timeout=self.rng.uniform(0.02, 0.3))
            except subprocess.TimeoutExpired:
                engine = self._strike(engine)
            else:
                assert code == 0, self.ground.call("status").stdout
                return
        kill_if_alive(engine)

    def _strike(self, engine: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        whom = WHOM[self.strikes % len(WHOM)]
        if whom == "engine":
            self.strikes += 1
            self.killed["engine"] += kill_if_alive(engine)
            return self.ground.start("run", self.plan, "--plain")
        victims = [found for found in processes_of(self.ground.root) if self._is(found, whom)]
        if victims:  # else there will be some after the next pause
            self.strikes += 1
            victim = self.rng.choice(victims)
            self.check_shims += victim.is_of_check
            self.killed[whom] += end(victim.pid)
        return engine

    def _is(self, found: Found, whom: str) -> bool:
        if whom == "agent":
            return found.is_agent
        # A tree whose check is killed three times has no verdict, and its task a person.
        return found.is_shim and not (found.is_of_check and self.check_shims >= 2)


def kill_if_alive(engine: subprocess.Popen[bytes]) -> bool:
    engine.kill()
    return engine.wait(timeout=60) == -signal.SIGKILL


@pytest.mark.parametrize("seed", range(1, 11 if LONG else 4))
def test_chaos(tmp_path: Path, seed: int, record_property: Figure) -> None:
    rng = random.Random(seed)
    count = 60 if LONG else 20
    tasks = chaos_tasks(rng, count)
    ground = Playground(tmp_path / "ground", max_agents=6)
    ground.settings("")
    text = (ground.repo / "gangsaw.toml").read_text()
    ground.write(
        "gangsaw.toml", text.replace("[run]", "[run]\ncrashes = 1000\nbackoff_max_s = 1", 1)
    )
    ground.git("commit", "-q", "-am", "many crashes")
    chaos = Chaos(ground, ground.plan(tasks), rng, most=count)
    chaos.rage()
    finish(ground, chaos.plan)
    assert complaints(ground, needs_of(tasks)) == []
    assert wrong_exits(ground) == []
    assert set(chaos.killed) == set(WHOM)
    runs = sum(line.word == "start" for line in read_ledger(ground.ledger))
    words = ", ".join(f"{number} {who}s" for who, number in sorted(chaos.killed.items()))
    record_property(
        "figure",
        f"chaos, seed {seed}: {count} tasks, killed {words}; {runs} turns ran; "
        "0 wrong, 0 twice, 0 overlaps, 0 left over, 0 stuck",
    )


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
