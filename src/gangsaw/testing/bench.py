"""`./dev bench`: what gangsaw itself costs, beside plain tools, in one run.

    python -m gangsaw.testing.bench [--quick] [--only NAME ...] [--json]

Each figure stands beside a yardstick measured in the same rounds, since milliseconds of one machine
mean little on another. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind, TurnOutcome
from gangsaw.core.model import Limits, Plan, Task, Workspace
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import turn
from gangsaw.testing.bench_figures import ROUNDS, Cost, Figure, measure
from gangsaw.testing.bench_git import pool_costs, slot_costs
from gangsaw.testing.bench_meters import meters_costs
from gangsaw.testing.bench_queue import makespan, queue_costs
from gangsaw.testing.bench_radar import radar_costs
from gangsaw.testing.bench_shape import shape_costs
from gangsaw.testing.bench_sources import source_costs
from gangsaw.testing.governing import governor_figures
from gangsaw.testing.playground import SOURCE, Playground

SLOTS = 2


@contextmanager
def playground(agent: str = "sh") -> Iterator[Playground]:
    """A repository with an agent that is the program `true`."""
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        # Byte code may be written: a start without it costs more than all else.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        ground = Playground(Path(folder), agent=agent, max_agents=SLOTS)
        ground.settings('[agents.true]\nkind = "command"\nargv = ["true"]\n')
        yield ground


# --- overhead per task ---------------------------------------------------------------------------


def plain_overhead(quick: bool) -> list[Figure]:
    """`true` tasks without worktree, beside make and a plain loop."""
    count = 200 if quick else 1000
    makes = _median([measure(lambda: _make(count)) for _ in range(ROUNDS)])
    loops = _median([measure(lambda: _loop(count)) for _ in range(ROUNDS)])
    ours = _median([measure(lambda: _run_plain(count)) for _ in range(1 if quick else 2)])
    ms = 1000.0 / count
    return [
        Figure(f"make -j{SLOTS}, {count} true: wall", makes.wall_s * ms, "ms/task"),
        Figure(f"make -j{SLOTS}, {count} true: CPU", makes.cpu_s * ms, "ms/task"),
        _beside(f"subprocess loop, {count} true: wall", loops.wall_s * ms, makes.wall_s * ms),
        _beside(f"gangsaw, {count} true, no worktree: wall", ours.wall_s * ms, makes.wall_s * ms),
        _beside(f"gangsaw, {count} true, no worktree: CPU", ours.cpu_s * ms, makes.cpu_s * ms),
    ]


def worktree_overhead(quick: bool) -> list[Figure]:
    """Tasks with worktree, commit and landing, beside the same git work by hand."""
    count = 40 if quick else 200
    by_hand = measure(lambda: _git_by_hand(count))
    ours = measure(lambda: _run_worktrees(count))
    ms = 1000.0 / count
    return [
        Figure(
            f"git by hand, {count} worktrees, commits, merges: wall", by_hand.wall_s * ms, "ms/task"
        ),
        _beside(
            f"gangsaw, {count} with worktree and landing: wall",
            ours.wall_s * ms,
            by_hand.wall_s * ms,
            "git by hand",
        ),
        _beside(
            f"gangsaw, {count} with worktree and landing: CPU",
            ours.cpu_s * ms,
            by_hand.cpu_s * ms,
            "git by hand",
        ),
    ]


def _make(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        names = " ".join(f"t{n}" for n in range(count))
        text = f".PHONY: all {names}\nall: {names}\n{names}:\n\t@/bin/true\n"
        (Path(folder) / "Makefile").write_text(text)
        subprocess.run(["make", f"-j{SLOTS}", "-s"], cwd=folder, check=True)


def _loop(count: int) -> None:
    live: list[subprocess.Popen[bytes]] = []
    for _ in range(count):
        if len(live) == SLOTS:
            live.pop(0).wait()
        live.append(subprocess.Popen(["/bin/true"]))
    for process in live:
        process.wait()


def _run_plain(count: int) -> None:
    with playground() as ground:
        task = {"prompt": "x", "agent": "true", "workspace": "none"}
        plan = ground.plan([{"id": f"t{n}", **task} for n in range(count)])
        _must(ground.call("run", plan, "--plain", timeout_s=3600))


def _run_worktrees(count: int) -> None:
    with playground() as ground:
        line = "echo {n} > f{n} && git add f{n} && git commit -q -m f{n}"
        plan = ground.plan([{"id": f"t{n}", "prompt": line.format(n=n)} for n in range(count)])
        _must(ground.call("run", plan, "--plain", timeout_s=3600))


def _git_by_hand(count: int) -> None:
    with playground() as ground:
        for number in range(count):
            path = ground.root / f"w{number}"
            ground.git("worktree", "add", "-q", "--no-track", "-b", f"b{number}", str(path))
            (path / f"f{number}").write_text(f"{number}\n")
            ground.git("add", f"f{number}", cwd=path)
            ground.git("commit", "-q", "-m", f"f{number}", cwd=path)
            ground.git("merge", "-q", "--no-ff", "--no-edit", f"b{number}")
            ground.git("worktree", "remove", "--force", str(path))


def _must(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr[-2000:]}")


# --- core ----------------------------------------------------------------------------------------


def core_costs(quick: bool) -> list[Figure]:
    """One turn of the core at 10,000 tasks, and the fold of a long log."""
    count = 2000 if quick else 10_000
    state, rows = _whole_run(count)
    turns = sum(1 for _ in rows) / max(1, count)
    drive = measure(lambda: _whole_run(count))
    wanted = 100_000 if quick else 1_000_000
    encoded = [(kind, json.dumps(body), at) for kind, body, at in rows]
    began = time.perf_counter()
    folded = 0
    while folded < wanted:
        fresh = State()
        for kind, body, at in encoded:
            evolve(fresh, decode_event(kind, json.loads(body)), at)
        folded += len(encoded)
    fold_s = (time.perf_counter() - began) * wanted / folded
    began = time.perf_counter()
    read = 0
    while read < wanted:
        for _, body, _ in encoded:
            json.loads(body)
        read += len(encoded)
    parse_s = (time.perf_counter() - began) * wanted / read
    assert state.open_tasks == 0
    return [
        Figure(f"core, a whole run of {count} tasks: per task", drive.wall_s * 1000 / count, "ms"),
        Figure("core, events per task", turns, "events"),
        Figure(f"fold of {wanted} events: JSON alone", parse_s, "s"),
        Figure(f"fold of {wanted} events", fold_s, "s", "JSON alone", fold_s / parse_s),
    ]


def _whole_run(count: int) -> tuple[State, list[tuple[str, dict[str, object], float]]]:
    """A run of plain tasks in layers, in memory, with its log."""
    width = 100
    tasks = tuple(
        Task(
            f"t{n}", f"t{n}", "x", workspace=Workspace.NONE,
            needs=tuple(f"t{m}" for m in (n - width, n - width - 1) if m >= 0),
        )
        for n in range(count)
    )  # fmt: skip
    state = State()
    log: list[tuple[str, dict[str, object], float]] = []
    first = ev.RunStarted("r1", Plan("", tasks), Limits(max_agents=8), "main", "i", "base")
    evolve(state, first, 0.0)
    log.append((first.kind, encode(first), 0.0))
    seen: list[ob.Observation] = [ob.IntegrationAt("base")]
    now = 1.0
    done = TurnOutcome(OutcomeKind.DONE)
    while state.open_tasks:
        events, actions = turn(state, now, seen)
        log += [(event.kind, encode(event), now) for event in events]
        seen = [ob.LaunchExited(a.about, getattr(a, "launch", 1), done, 0, None) for a in actions]
        now += 1.0
    return state, log


# --- memory and status -----------------------------------------------------------------------


def engine_memory(quick: bool) -> list[Figure]:
    """The engine's own memory with many live agents, and its shims'."""
    count = 10 if quick else 50
    with playground() as ground:
        task = {"prompt": "touch up.$GANGSAW_TASK; exec sleep 600", "workspace": "none"}
        plan = ground.plan([{"id": f"t{n}", **task} for n in range(count)])
        process = ground.start("run", plan, "--plain", "-n", str(count))
        alive = ground.repo / ".git" / "gangsaw" / "attempts" / "r1"
        ground.wait_for(
            lambda: len(list(alive.glob("*/turn-1/started"))) == count, "all agents started"
        )
        engine_mb = _rss_mb(process.pid)
        shims_mb = sum(_pss_mb(pid) for pid in _shims(alive))
        _must(ground.call("kill"))
        process.wait(60)
    bare = _bare_rss_mb()
    return [
        Figure("python -c pass: RSS", bare, "MB"),
        Figure(
            f"engine with {count} live agents: RSS", engine_mb, "MB", "python", engine_mb / bare
        ),
        Figure(f"one shim of {count}: PSS", shims_mb / count, "MB"),
    ]


def _shims(alive: Path) -> list[int]:
    records = (json.loads(path.read_text()) for path in alive.glob("*/turn-1/started"))
    return [record["shim_pid"] for record in records]


def _rss_mb(pid: int) -> float:
    return _field_kb(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def _pss_mb(pid: int) -> float:
    return _field_kb(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / 1024


def _field_kb(path: Path, name: str) -> float:
    lines = path.read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(name)))


def _bare_rss_mb() -> float:
    code = "print(open('/proc/self/status').read())"
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(next(x.split()[1] for x in text.stdout.splitlines() if "VmRSS" in x)) / 1024


def status_cost(quick: bool) -> list[Figure]:
    """`gangsaw status` on a large run, beside an empty Python."""
    from gangsaw.store.control import make_control
    from gangsaw.store.journal import open_journal
    from gangsaw.store.rows import RunRow, TaskRow

    count = 1000 if quick else 10_000
    with playground() as ground:
        control = make_control(ground.repo / ".git" / "gangsaw")
        rows = [
            TaskRow("r1", f"t{n}", n, "waiting" if n % 3 else "landed", "for a free slot", 1)
            for n in range(count)
        ]
        with open_journal(control.journal, writer=True) as journal:
            journal.append("r1", [(0.0, "note", "", {})], after=0, tasks=rows, run_row=RunRow("r1"))
        bare = _median([measure(lambda: _python("pass")) for _ in range(5)])
        ground.call("status")
        text = _median([measure(lambda: ground.call("status")) for _ in range(5)])
        shape = _median([measure(lambda: ground.call("status", "--json")) for _ in range(5)])
        version = _median([measure(lambda: ground.call("--version")) for _ in range(5)])
    base = bare.cpu_s * 1000
    return [
        Figure("python -c pass: CPU", base, "ms"),
        _beside("gangsaw --version: CPU", version.cpu_s * 1000, base, "python"),
        _beside(f"gangsaw status, {count} tasks: CPU", text.cpu_s * 1000, base, "python"),
        _beside(f"gangsaw status --json, {count} tasks: CPU", shape.cpu_s * 1000, base, "python"),
    ]


def _python(code: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)


# --- the table -----------------------------------------------------------------------------------


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
    )


def _beside(name: str, value: float, yardstick: float, beside: str = "make") -> Figure:
    return Figure(name, value, "ms", beside, value / yardstick if yardstick else None)


BENCHES: dict[str, Callable[[bool], list[Figure]]] = {
    "plain": plain_overhead,
    "worktree": worktree_overhead,
    "core": core_costs,
    "memory": engine_memory,
    "status": status_cost,
    "pool": pool_costs,
    "slots": slot_costs,
    "radar": radar_costs,
    "sources": source_costs,
    "queue": queue_costs,
    "meters": meters_costs,
    "makespan": makespan,
    "shape": shape_costs,
    "governor": governor_figures,
}


def main() -> int:
    """Run the benches and print their figures."""
    parser = argparse.ArgumentParser(prog="dev bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--only", nargs="*", choices=list(BENCHES), default=list(BENCHES))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures: list[Figure] = []
    for name in asked.only:
        found = BENCHES[name](asked.quick)
        figures += found
        if not asked.json:
            for figure in found:
                beside = f"   {figure.ratio:6.2f} x {figure.beside}" if figure.ratio else ""
                print(f"{figure.name:<62} {figure.value:9.2f} {figure.unit}{beside}", flush=True)
    if asked.json:
        print(json.dumps([asdict(figure) for figure in figures]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
