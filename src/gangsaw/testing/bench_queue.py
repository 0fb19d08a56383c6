"""What the landing queue costs and brings, with the real program: batches beside one by one.

All changes wait before anything is measured, so no agent's work is in the figures, but for second
turns of those that are sent back. Times are those of the journal: the queue is busy while a change
is in it, and a check takes as long as its result says.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.evolve import evolve
from gangsaw.core.policy.admission import QUEUE_PER_AGENT
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event
from gangsaw.testing.bench_figures import Figure
from gangsaw.testing.playground import Playground
from gangsaw.testing.queued import ONLY, Changes, ask, begin_held, make_ground, rows_of

LASTS_S = 3600.0
MERGING = frozenset({"merge-tree", "commit-tree", "update-ref", "merge-file"})
"""What makes candidates and moves the branch."""

COUNTING = """\
#!{python} -IS
import os, sys
pid = os.posix_spawn({git!r}, ["git", *sys.argv[1:]], os.environ)
_, status, used = os.wait4(pid, 0)
words = iter(sys.argv[1:])
name = next((w for w in words if not (w in ("-c", "-C") and next(words)) and w[:1] != "-"), "")
line = f"{{name}} {{used.ru_utime + used.ru_stime:.6f}}\\n"
fd = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(fd, line.encode())
os._exit(os.waitstatus_to_exitcode(status) & 255)
"""


@dataclass(frozen=True, slots=True)
class Went:
    """One run: changes that landed, seconds in which the queue was busy, and those of checks in
    these, on the wall and of processors; how often the gate ran, and how often some of its tests.
    """

    landed: int
    busy_s: float
    checks_s: float
    checks_cpu_s: float
    runs: int
    parts: int

    @property
    def an_hour(self) -> float:
        """Landings in an hour at this pace."""
        return self.landed * 3600 / self.busy_s

    @property
    def of_cpu(self) -> float:
        """Landings for an hour of what the checks took of every processor: the same, whatever else
        the machine does meanwhile."""
        return self.landed * 3600 * (os.cpu_count() or 1) / self.checks_cpu_s

    @property
    def ran(self) -> str:
        """How often checks ran."""
        return f"{self.runs} runs, {self.parts} of some tests"


def queue_costs(quick: bool) -> list[Figure]:
    """64 changes, 5 bad, 6 pairs in conflict: batches beside one by one with a check that fills
    every processor, writes a report and can run some tests alone; the same where it cannot; the
    time that is not the checks'; git's own processor time."""
    changes = Changes(15, 1, 2) if quick else Changes(47, 5, 6)
    spin = "0.3" if quick else "1"
    together = _landed(changes, 16, SPIN_S=spin)
    alone = _landed(changes, 1, SPIN_S=spin)
    halved = _landed(changes, 16, only="", SPIN_S=spin)
    waiting = _landed(Changes(12) if quick else Changes(32), 16, WAIT_S="2")
    count = f"{len(changes.names)} changes"
    serial = "window 1"
    return [
        Figure(f"queue, {count}, window 1: {alone.ran}", alone.an_hour, "landings/h"),
        Figure(
            f"queue, {count}, window 16: {together.ran}", together.an_hour, "landings/h",
            serial, together.an_hour / alone.an_hour,
        ),
        Figure(
            f"queue, {count}, window 16, by CPU of the checks", together.of_cpu, "landings/h",
            serial, together.of_cpu / alone.of_cpu,
        ),
        Figure(
            f"queue, {count}, window 16, whole runs only: {halved.runs}", halved.an_hour,
            "landings/h", serial, halved.an_hour / alone.an_hour,
        ),
        Figure(f"queue, not in checks of {spin} s of every CPU, window 16", _rest(together), "%"),
        Figure("queue, not in checks that wait for 2 s, window 16", _rest(waiting), "%"),
        *_git_costs(changes),
    ]  # fmt: skip


def _rest(went: Went) -> float:
    return 100 * (1 - went.checks_s / went.busy_s)


def _agents(changes: Changes) -> int:
    """So many that all changes may wait for their landing at the same time."""
    return max(4, -(-len(changes.names) // QUEUE_PER_AGENT))


@contextmanager
def _full(changes: Changes, window: int, only: str, **env: str) -> Iterator[Playground]:
    """A ground after all its changes have landed or failed."""
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        more = f"\n[landing]\nwindow = {window}\n"
        ground = make_ground(
            Path(folder) / "ground", changes, agents=_agents(changes), settings=more, slots=1,
            only=only,
        )  # fmt: skip
        ground.env.update(env)
        engine = begin_held(ground, len(changes.names))
        (ground.root / "git-costs").unlink(missing_ok=True)
        ask(ground, "queue-resume")
        engine.wait(LASTS_S)
        yield ground


def _landed(changes: Changes, window: int, only: str = ONLY, **env: str) -> Went:
    with _full(changes, window, only, **env) as ground:
        return went(ground)


def went(ground: Playground) -> Went:
    """What the journal says of the time since the queue was released."""
    state = State()
    landed, busy_s, checks_s, cpu_s, before = 0, 0.0, 0.0, 0.0, 0.0
    runs = parts = 0
    for row in rows_of(ground):
        if (state.queue or state.landings) and not state.queue_held:
            busy_s += row.at - before
        before = row.at
        landed += row.kind == "landed"
        if row.kind == "candidate.judged" and row.body["results"]:
            runs += not row.body["only"]
            parts += bool(row.body["only"])
            checks_s += sum(result["duration_s"] for result in row.body["results"])
            cpu_s += sum(result.get("cpu_s", 0.0) for result in row.body["results"])
        evolve(state, decode_event(row.kind, row.body), row.at)
    return Went(landed, busy_s, checks_s, cpu_s, runs, parts)


def _git_costs(changes: Changes) -> list[Figure]:
    """By a program in git's place that writes down what each call used; its own is not counted."""
    real = shutil.which("git")
    assert real is not None
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        log = Path(folder) / "ground" / "git-costs"
        fake = Path(folder) / "bin" / "git"
        fake.parent.mkdir()
        fake.write_text(COUNTING.format(python=sys.executable, git=real, log=str(log)))
        fake.chmod(0o755)
        ground = make_ground(log.parent, changes, agents=_agents(changes), slots=1)
        ground.env["PATH"] = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
        engine = begin_held(ground, len(changes.names))
        log.unlink()
        ask(ground, "queue-resume")
        engine.wait(LASTS_S)
        landed = went(ground).landed
        used: dict[str, tuple[int, float]] = {}
        for line in log.read_text().splitlines():
            name, cpu_s = line.rsplit(" ", 1)
            count, total = used.get(name, (0, 0.0))
            used[name] = count + 1, total + float(cpu_s)
    if os.environ.get("GANGSAW_BENCH_GIT"):
        print(json.dumps({name: (n, round(s, 3)) for name, (n, s) in sorted(used.items())}))
    merging = sum(s for name, (_, s) in used.items() if name in MERGING)
    everything = sum(s for _, s in used.values())
    return [
        Figure("queue, git that combines and moves: CPU", merging * 1000 / landed, "ms/landed"),
        Figure("queue, every git call: CPU", everything * 1000 / landed, "ms/landed"),
    ]


def makespan(quick: bool) -> list[Figure]:
    """Independent tasks whose check takes a fifth of their time and mostly waits, eight at a time,
    beside the time that eight agents need for the work alone."""
    count, task_s = (24, 2.0) if quick else (80, 4.0)
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        ground = make_ground(Path(folder) / "ground", Changes(0), agents=8)
        ground.env["WAIT_S"] = str(task_s / 5)
        script = "sleep {s}; echo {n} > f{n}; git add f{n}; git commit -qm f{n}"
        plan = ground.plan(
            [{"id": f"t{n}", "prompt": script.format(s=task_s, n=n)} for n in range(count)]
        )
        if (code := ground.call("run", plan, "--plain", timeout_s=LASTS_S).returncode) != 0:
            raise RuntimeError(f"exit {code}")
        rows = rows_of(ground)
    last = max(row.at for row in rows if row.kind == "landed")
    took_s, bound_s = last - rows[0].at, count * task_s / 8
    name = f"{count} tasks of {task_s:.0f} s and checks of {task_s / 5:.1f} s, 8 agents: makespan"
    return [Figure(name, took_s, "s", "work / 8", took_s / bound_s)]
