"""The governor and the state: which loads there are, what of a reading is news, and whether the
machine has room for one more."""

from __future__ import annotations

from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.machine import (
    Bounds,
    Candidate,
    Deed,
    Governed,
    Level,
    Load,
    Machine,
    MachineReading,
    MemoryUsed,
)
from gangsaw.core.measures import Measure
from gangsaw.core.model import Limits, TurnKind
from gangsaw.core.phases import AGENT_ALIVE, HOLDS_SLOT, Phase
from gangsaw.core.policy.pressure import govern
from gangsaw.core.policy.projection import UNKNOWN_MB, Kind, Shortage, expected_mb, shortage
from gangsaw.core.policy.victims import passed
from gangsaw.core.replacing import replace
from gangsaw.core.state import Attempt, State

NOTED_EVERY_S = 10.0
"""A reading that changes no decision is noted at most so often."""
NOTED_PCT = 1.0
CALM_PCT = 5.0
"""And only if memory or disk have changed by this part of the machine's since: the second, while
nothing waits for them."""
GROWN = 1.1
GROWN_MB = 32.0
"""Or, and then at once, if an agent's peak is both this much larger than noted, and by so many MB:
what a short life took at its end would be forgotten else, and the next ones be thought small."""
NEAR = 1.5
"""Memory is near its bound with less than so many times the floor available."""
NEAR_EVERY_S = 1.0
"""Then the machine is read so often."""


def bounds_of(limits: Limits) -> Bounds:
    """The governor's bounds by the run's limits. Nothing is begun below `memory_floor_pct`; the
    other levels keep their proportion to it, and are no higher than by default."""
    plain = Bounds()
    floor_pct = limits.memory_floor_pct
    part = min(1.0, floor_pct / plain.warn_pct)
    start_pct = max(0.0, 100.0 - (100.0 - plain.start_pct) * floor_pct / plain.warn_pct)
    delay_s = limits.launch_delay_s
    return Bounds(
        warn_pct=floor_pct,
        soft_pct=plain.soft_pct * part,
        hard_pct=plain.hard_pct * part,
        warn_some_pct=plain.warn_some_pct if floor_pct else 100.0,
        soft_full_pct=plain.soft_full_pct if floor_pct else 100.0,
        disk_floor_mb=float(limits.disk_floor_mb),
        disk_max_pct=limits.disk_max_pct,
        start_pct=start_pct,
        raise_pct=start_pct * plain.raise_pct / plain.start_pct,
        launch_delay_s=plain.launch_delay_s if delay_s is None else delay_s,
    )


def reading_of(measure: Measure, limits: Limits) -> MachineReading:
    """What of a measure the governor goes by. With a budget of memory the machine is no larger than
    that, and nobody but the run's agents is on it."""
    total_mb, free_mb = float(measure.memory_total_mb), float(measure.memory_available_mb)
    budget_mb = limits.memory_budget_mb
    if budget_mb is not None and budget_mb < total_mb:
        left_mb = budget_mb - sum(each.memory_mb for each in measure.agents)
        total_mb, free_mb = budget_mb, max(0.0, min(free_mb, left_mb))
    # Nobody can be frozen, so free swap is of no use.
    return MachineReading(
        total_mb,
        free_mb,
        some_pct=measure.some_wait_pct,
        full_pct=measure.all_wait_pct,
        disk_free_mb=float(measure.disk_free_mb),
        disk_used_pct=measure.disk_used_pct,
    )


def read_every_s(state: State, measure: Measure | None) -> float:
    """How soon the machine is to be read again: at once, nearly, while memory is short or near it,
    or somebody is over a limit of its own."""
    every_s = state.limits.check_every_s
    if measure is None or not measure.agents:
        return every_s
    known, bounds = state.governor, bounds_of(state.limits)
    free_pct = reading_of(measure, state.limits).available_pct
    near = free_pct < min(NEAR * bounds.warn_pct, 100.0 - bounds.raise_pct)
    short = known is not None and known.governed.level is not Level.NONE
    return min(NEAR_EVERY_S, every_s) if near or short else every_s


def kind_of(attempt: Attempt) -> Kind:
    """What the peak of its present launch is learned for."""
    kind = "review" if attempt.why is TurnKind.REVIEW else "work"
    model = attempt.model if attempt.seat == attempt.agent else None
    return (attempt.seat, model or "", kind)


def report(state: State, measure: Measure, now: float) -> list[MachineGoverned]:
    """The event for a reading, if it is news: it changes what the governor knows, or the numbers
    have changed by much since they were noted last."""
    known = state.governor
    before = known.governed if known is not None else Governed()
    reading = reading_of(measure, state.limits)
    memory = {each.attempt: float(each.memory_mb) for each in measure.agents}
    alive = [each for each in state.live_attempts() if each.phase in AGENT_ALIVE]
    loads = [_load(state, each, memory.get(each.id, 0.0), now) for each in alive]
    governed, want = govern(
        before, reading, loads, bounds_of(state.limits), state.limits.max_agents, now
    )
    noted = tuple(MemoryUsed(load.attempt, load.memory_mb) for load in loads)
    # Other numbers in the words alone are no news.
    same = replace(governed, text=before.text) == before
    worktree_mb = float(measure.worktree_mb)
    same = same and known is not None and worktree_mb == known.worktree_mb
    if known is not None and same and not _differs(state, known, reading, noted, now):
        return []
    return [MachineGoverned(reading, noted, governed, want, before.level, worktree_mb)]


def _differs(
    state: State, known: Machine, reading: MachineReading, used: tuple[MemoryUsed, ...], now: float
) -> bool:
    if any(_has_grown(state.attempts[each.attempt], each.memory_mb) for each in used):
        return True
    if not passed(known.at, NOTED_EVERY_S, now):
        return False
    waited_for = state.ready or known.governed.level is not Level.NONE
    part = (NOTED_PCT if waited_for else CALM_PCT) / 100.0
    disk_mb = known.reading.disk_free_mb or 0.0
    return (
        abs(known.reading.available_mb - reading.available_mb) >= part * reading.total_mb
        or abs(disk_mb - (reading.disk_free_mb or 0.0)) >= max(1.0, part * disk_mb)
        or any(_has_shrunk(state.attempts[each.attempt], each.memory_mb) for each in used)
    )


def _has_grown(attempt: Attempt, memory_mb: float) -> bool:
    """Whether an agent uses more by much than it was noted with."""
    return memory_mb > max(attempt.peak_mb * GROWN, attempt.peak_mb + GROWN_MB)


def _has_shrunk(attempt: Attempt, memory_mb: float) -> bool:
    """Whether it uses a fraction of that."""
    return memory_mb < attempt.memory_mb / 2 - GROWN_MB


def _load(state: State, attempt: Attempt, memory_mb: float, now: float) -> Load:
    return Load(
        attempt.id,
        memory_mb,
        max(0.0, now - attempt.launched_at),
        limit_mb=_limit_mb(state, attempt.seat),
        expected_mb=_expected_mb(state, kind_of(attempt)),
        alone=runs_alone(state, attempt.task),
    )


def _expected_mb(state: State, kind: Kind) -> float:
    """Of an agent of which nothing is known yet, it is expected to keep to its own limit."""
    return expected_mb(state.footprints, kind, _limit_mb(state, kind[0]) or UNKNOWN_MB)


def _limit_mb(state: State, agent: str) -> float:
    return next((a.memory_max_mb or 0.0 for a in state.limits.agents if a.name == agent), 0.0)


def runs_alone(state: State, task: str) -> bool:
    """Whether nothing may run beside the task, since it was stopped for memory too often."""
    return task in state.alone


def memory_hold(state: State, kind: Kind, now: float, *, worktree: bool = True) -> Shortage | None:
    """Why the machine has no room for one more of this kind now, which brings a `worktree` or has
    one already. Without a reading nothing is held."""
    if state.governor is None:
        return None
    loads = [
        _load(state, each, each.memory_mb if each.phase in AGENT_ALIVE else 0.0, now)
        for each in state.live_attempts()
        if each.phase in HOLDS_SLOT
    ]
    machine = state.governor
    candidate = Candidate(_expected_mb(state, kind), machine.worktree_mb if worktree else 0.0)
    in_making = sum(1 for load in state.live_attempts() if load.phase is Phase.PREPARING)
    return shortage(
        candidate,
        loads,
        machine.reading,
        machine.governed,
        bounds_of(state.limits),
        now,
        started_at=state.launched_at,
        preparing_mb=in_making * machine.worktree_mb,
    )


def launch_pause_until(state: State, now: float) -> float | None:
    """When a pause between two starts ends, the one of the settings or that of a short machine."""
    since = state.launched_at
    if since is None or (state.governor is None and not state.limits.launch_delay_s):
        return None
    until = since + bounds_of(state.limits).launch_delay_s
    return until if now < until else None


def paused_until(state: State, now: float) -> float | None:
    """Until when (epoch seconds) the pause that the settings ask for between two starts lasts;
    `None` if it is over, or none is asked for."""
    delay_s, since = state.limits.launch_delay_s, state.launched_at
    if not delay_s or since is None or passed(since, delay_s, now):
        return None
    return since + delay_s


def is_victim(state: State, attempt: Attempt) -> Deed | None:
    """What the governor wants of the attempt now, if that ends its launch."""
    if state.governor is None:
        return None
    governed = state.governor.governed
    if governed.victim != attempt.id or governed.gone_at is not None:
        return None
    return governed.deed if governed.deed in (Deed.STOP, Deed.KILL) else None


def agents_most(state: State) -> int | None:
    """The limit of agents side by side, while it is lowered since memory was short."""
    return None if state.governor is None else state.governor.governed.parallel


def machine_text(state: State) -> str:
    """Why the machine holds new starts, whoever they are; empty while it does not."""
    known = state.governor
    memory = known.governed.text if known is not None else ""
    return " · ".join(text for text in (state.pressure_text, memory) if text)
