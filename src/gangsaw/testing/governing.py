"""Policies for a machine short of memory, played in a made-up time and compared.

The very functions of the core govern: `pressure.govern` and `projection.shortage`. Beside them
plays what guides recommend, "kill all at 80 %", and the same governor with other victims. A task
that is ended begins anew, so everything it has done is lost: the worst case for each policy.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from gangsaw.core.machine import (
    AfterStop,
    Bounds,
    Candidate,
    Deed,
    Governed,
    Load,
    MachineReading,
    Want,
)
from gangsaw.core.policy.pressure import govern
from gangsaw.core.policy.projection import Kind, expected_mb, shortage
from gangsaw.core.policy.victims import Score, after_stop, memory_per_progress
from gangsaw.testing.bench_figures import Figure

BOUNDS = Bounds()
TASKS = 60
PARALLEL = 10
TOTAL_MB = 24 * 1024.0
SYSTEM_MB = 1536.0
"""What everything else on the machine uses."""
LEAKERS = 0.06
"""The part that leaks: half of them are tasks that do so in each try, the others tries, by
chance."""
LEAK_MB_S = (20.0, 80.0)
LEAKED_MB = (6_000.0, 15_000.0)
"""How fast; and how much at most, for tasks that leak in each try: alone such a one can end."""
TRIES_DRAWN = 64
"""After so many tries of one task its luck repeats itself."""
TICK_S = 2.0
"""Between two readings; also how long a killed agent's memory takes to come back."""
GRACE_S = 6.0
"""How long an agent that was asked to stop takes for it."""
CUT_OFF_S = 20_000.0
KILL_ALL_PCT = 80.0
PEAKS_MB = (600.0, 900.0, 1400.0)
"""Medians of three kinds of tasks."""
LASTS_S = 270.0


@dataclass(slots=True)
class Job:
    """One task: how long it takes, to which memory it grows within the first third of that, how
    fast each of its tries leaks, and to which amount."""

    name: str
    kind: Kind
    lasts_s: float
    peak_mb: float
    leaks_mb_s: tuple[float, ...]
    leaked_mb: float
    tries: int = 0
    stops: int = 0
    began: float = 0.0
    ends_at: float = 0.0
    """When one that was asked to end has ended; 0 while it was not."""

    def memory_mb(self, now: float) -> float:
        """What it uses now."""
        ran = now - self.began
        ramp = min(1.0, 0.15 + 0.85 * ran / (self.lasts_s / 3))
        leak = self.leaks_mb_s[self.tries % len(self.leaks_mb_s)]
        return self.peak_mb * ramp + min(leak * ran, self.leaked_mb)


@dataclass(slots=True)
class Outcome:
    """What a run came to. `below_s`: the longest time with less than the hard reserve; `person`:
    tasks left to a person."""

    finished: int = 0
    kills: int = 0
    by_kernel: int = 0
    lost_s: float = 0.0
    wall_s: float = 0.0
    below_s: float = 0.0
    person: int = 0
    at_once: int = 0
    """The most victims that were being ended at one time."""


@dataclass(slots=True)
class Play:
    """One run of one plan under one policy."""

    waiting: list[Job]
    running: list[Job] = field(default_factory=list)
    now: float = 0.0
    out: Outcome = field(default_factory=Outcome)
    footprints: dict[Kind, list[float]] = field(default_factory=dict)
    expected: dict[Kind, float] = field(default_factory=dict)
    below: float = 0.0

    def reading(self) -> MachineReading:
        """The machine now."""
        used = SYSTEM_MB + sum(job.memory_mb(self.now) for job in self.running)
        return MachineReading(TOTAL_MB, max(0.0, TOTAL_MB - used))

    def start(self, job: Job) -> None:
        """It runs from now on."""
        self.waiting.remove(job)
        job.began, job.ends_at = self.now, 0.0
        self.running.append(job)

    def end(self, job: Job) -> None:
        """It was ended: all it did is lost."""
        self.running.remove(job)
        job.tries += 1
        self.out.kills += 1
        self.out.lost_s += self.now - job.began
        if job.stops and after_stop(job.stops) is AfterStop.PERSON:
            self.out.person += 1
        else:
            self.waiting.append(job)

    def pass_time(self) -> MachineReading:
        """One tick: who is done is over; the kernel ends the largest where memory is used up."""
        self.now += TICK_S
        for job in list(self.running):
            if self.now >= job.began + job.lasts_s and not job.ends_at:
                self.running.remove(job)
                self.out.finished += 1
                self._learn(job)
            elif job.ends_at and self.now >= job.ends_at:
                self.end(job)
        reading = self.reading()
        if reading.available_mb <= 0 and self.running:
            self.out.by_kernel += 1
            self.end(max(self.running, key=lambda job: job.memory_mb(self.now)))
            reading = self.reading()
        low = reading.available_pct < BOUNDS.hard_pct
        self.below = self.below + TICK_S if low else 0.0
        self.out.below_s = max(self.out.below_s, self.below)
        return reading

    def _learn(self, job: Job) -> None:
        agent, model, _ = job.kind
        for kind in (job.kind, (agent, model, ""), (agent, "", "")):
            self.footprints.setdefault(kind, []).append(job.memory_mb(self.now))
        self.expected.clear()

    def expected_mb(self, job: Job) -> float:
        """The peak that is expected of it."""
        if job.kind not in self.expected:
            self.expected[job.kind] = expected_mb(self.footprints, job.kind)
        return self.expected[job.kind]


def jobs(seed: int) -> list[Job]:
    """A plan's tasks, the same for each policy."""
    rng = Random(seed)
    found = []
    for at in range(TASKS):
        kind = rng.randrange(len(PEAKS_MB))
        stubborn = rng.random() < LEAKERS / 2
        leaks = [_leak(rng, LEAKERS / 2) for _ in range(TRIES_DRAWN)]
        found.append(
            Job(
                name=f"t{at}",
                kind=("scripted", "", f"k{kind}"),
                lasts_s=min(1200.0, LASTS_S * rng.lognormvariate(0.0, 0.45)),
                peak_mb=PEAKS_MB[kind] * rng.lognormvariate(0.0, 0.3),
                leaks_mb_s=(_leak(rng, 1.0),) if stubborn else tuple(leaks),
                leaked_mb=rng.uniform(*LEAKED_MB) if stubborn else TOTAL_MB,
            )
        )
    return found


def _leak(rng: Random, often: float) -> float:
    return rng.uniform(*LEAK_MB_S) if rng.random() < often else 0.0


def kill_all(plan: list[Job]) -> Outcome:
    """Starts whatever has a slot, and ends everything at 80 %."""
    play = Play(plan)
    while play.out.finished < TASKS and play.now < CUT_OFF_S:
        reading = play.pass_time()
        if reading.used_pct >= KILL_ALL_PCT:
            play.out.at_once = max(play.out.at_once, len(play.running))
            for job in list(play.running):
                play.end(job)
        elif play.waiting and len(play.running) < PARALLEL:
            play.start(play.waiting[0])
    play.out.wall_s = play.now
    return play.out


def governed(plan: list[Job], score: Score = memory_per_progress) -> Outcome:
    """The governor of the core, with the victims of the given score."""
    play, known = Play(plan), Governed()
    started_at: float | None = None
    while play.out.finished + play.out.person < TASKS and play.now < CUT_OFF_S:
        reading = play.pass_time()
        loads = _loads(play)
        known, want = govern(known, reading, loads, BOUNDS, PARALLEL, play.now, score)
        if want is not None:
            _obey(play, want)
        if len(play.running) < PARALLEL:
            started_at = _start_one(play, loads, reading, known, started_at)
    play.out.wall_s = play.now
    return play.out


def _start_one(
    play: Play,
    loads: list[Load],
    reading: MachineReading,
    known: Governed,
    started_at: float | None,
) -> float | None:
    """Start the first that has room; when the last one was started."""
    held: set[Candidate] = set()
    for job in play.waiting:
        candidate = Candidate(play.expected_mb(job), alone=_follows(job) is AfterStop.ALONE)
        if candidate in held:
            continue
        at = play.now
        if shortage(candidate, loads, reading, known, BOUNDS, at, started_at=started_at) is None:
            play.start(job)
            return at
        held.add(candidate)
    return started_at


def _loads(play: Play) -> list[Load]:
    return [
        Load(
            job.name,
            job.memory_mb(play.now),
            play.now - job.began,
            expected_mb=play.expected_mb(job),
            alone=_follows(job) is AfterStop.ALONE,
        )
        for job in play.running
    ]


def _follows(job: Job) -> AfterStop:
    return after_stop(job.stops) if job.stops else AfterStop.AGAIN


def _obey(play: Play, want: Want) -> None:
    job = next(job for job in play.running if job.name == want.attempt)
    job.stops += not job.ends_at
    job.ends_at = play.now + (TICK_S if want.deed is Deed.KILL else GRACE_S)
    play.out.at_once = max(play.out.at_once, sum(bool(job.ends_at) for job in play.running))


POLICIES: dict[str, Callable[[list[Job]], Outcome]] = {
    f"kill all at {KILL_ALL_PCT:.0f} %": kill_all,
    "youngest first": lambda plan: governed(plan, lambda load: -load.ran_s),
    "largest first": lambda plan: governed(plan, lambda load: load.memory_mb),
    "memory per progress": governed,
}
"""The last is what the program does."""


@dataclass(frozen=True, slots=True)
class Means:
    """A policy over many seeds: means per run, the median of the wall time, the worst reserve.
    `seeds` in which each task was finished."""

    seeds: int
    whole: int
    finished: float
    kills: float
    by_kernel: int
    lost_s: float
    wall_s: float
    below_s: float
    at_once: int

    @property
    def text(self) -> str:
        """One line of the comparison."""
        return (
            f"{self.finished:.1f} of {TASKS} finished, {self.kills:.1f} kills/run, "
            f"{self.lost_s:.0f} agent-seconds lost, median wall {self.wall_s:.0f} s"
        )


def compare(policy: str, seeds: Iterable[int]) -> Means:
    """The policy on the plans of these seeds."""
    found = [POLICIES[policy](jobs(seed)) for seed in seeds]
    return Means(
        seeds=len(found),
        whole=sum(one.finished == TASKS for one in found),
        finished=statistics.mean(one.finished for one in found),
        kills=statistics.mean(one.kills for one in found),
        by_kernel=sum(one.by_kernel for one in found),
        lost_s=statistics.mean(one.lost_s for one in found),
        wall_s=statistics.median(one.wall_s for one in found),
        below_s=max(one.below_s for one in found),
        at_once=max(one.at_once for one in found),
    )


def governor_figures(quick: bool) -> list[Figure]:
    """The policies beside each other."""
    figures = []
    for policy in POLICIES:
        found = compare(policy, range(20 if quick else 300))
        figures += [
            Figure(f"{policy}: finished of {TASKS} ({found.seeds} seeds)", found.finished, "tasks"),
            Figure(f"{policy}: ended, per run", found.kills, "kills"),
            Figure(f"{policy}: work lost, per run", found.lost_s, "agent-s"),
            Figure(f"{policy}: wall time, median", found.wall_s, "s"),
            Figure(f"{policy}: longest under the hard reserve", found.below_s, "s"),
        ]
    return figures
