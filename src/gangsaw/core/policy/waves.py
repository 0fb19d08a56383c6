"""Which tasks start together where a run goes in waves?

A wave is what is ready when it is formed and can be at work together: as many as there may be
agents, none of the same track or with overlapping scopes, each with a slot of its agent and a seat
of its account, and whatever runs alone by itself. Nobody joins it later, and the next one is formed
when nothing of it can go on by itself: that is slower than starting each task as soon as it may,
and is what `batched` asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gangsaw.core import apart
from gangsaw.core.events_waves import WaveFormed
from gangsaw.core.model import account_of
from gangsaw.core.phases import Phase
from gangsaw.core.policy.seats import choices, fallback_of, is_out, nobody_for, seats_for, slots_of
from gangsaw.core.scopes import overlaps
from gangsaw.core.state import Attempt, State, is_live


def form(state: State, now: float) -> list[WaveFormed]:
    """The next wave; nothing while one is on its way, or nothing is ready."""
    halted = state.paused or state.stopping or not state.head
    if not state.limits.batched or halted or open_tasks(state):
        return []
    members = _together(state, (name for _, name in state.ready if _may_join(state, name, now)))
    return [WaveFormed(state.waves + 1, members)] if members else []


def _together(state: State, ready: Iterable[str]) -> tuple[str, ...]:
    """Of these the first, and each further one that can be at work beside those before it."""
    members: list[str] = []
    taken: Counter[str] = Counter()
    for name in ready:
        if len(members) >= state.limits.max_agents:
            break
        if any(not _fit(state, name, other) for other in members):
            continue
        agent = _place_of(state, name, taken)
        # The first has all places: what is in its way will not be there for ever.
        if agent is not None or not members:
            members.append(name)
            taken[agent or ""] += 1
    return tuple(members)


def _fit(state: State, name: str, other: str) -> bool:
    """Whether both can be at work at once."""
    if apart.is_alone(state, name) or apart.is_alone(state, other):
        return False
    return not _same_place(state, name, other, state.tasks[other].scope)


def _same_place(state: State, name: str, other: str, scope: tuple[str, ...]) -> bool:
    """Whether two tasks are of one track, or this one's scope overlaps the other's."""
    task, beside = state.tasks[name], state.tasks[other]
    same = task.track is not None and beside.track == task.track
    return same or overlaps(task.scope, scope)


def _place_of(state: State, name: str, taken: Counter[str]) -> str | None:
    """The first agent of the task that has a slot and a seat beside those taken."""
    for each in choices(state, state.tasks[name]):
        out = is_out(state, each)
        agent = fallback_of(state, each) if out else each
        if out and not agent:
            continue
        slots, seats = slots_of(state, agent), seats_for(state, agent)
        account = account_of(state.limits, agent)
        seated = sum(n for one, n in taken.items() if account_of(state.limits, one) == account)
        if (slots is None or taken[agent] < slots) and (seats is None or seated < seats):
            return agent
    return None


def open_tasks(state: State) -> tuple[str, ...]:
    """Those of the present wave that may go on by themselves."""
    return tuple(name for name in state.wave if _is_open(state, name))


def waits_for_wave(state: State, name: str) -> bool:
    """Whether the task is not in the present wave, in a run that goes in waves, and not merely
    kept from being in the next one by what a person has to see to."""
    if not state.limits.batched or name in state.wave:
        return False
    return bool(open_tasks(state)) or not _waits_for_person(state, name)


def _may_join(state: State, name: str, now: float) -> bool:
    known = state.task_states[name]
    if known.retry_at > now or known.resolver or nobody_for(state, state.tasks[name]):
        return False
    return not _waits_for_person(state, name)


def _is_open(state: State, name: str) -> bool:
    known, attempt = state.task_states[name], state.attempt_of(name)
    if known.closed or known.resolver:
        return False
    if attempt is None or not is_live(attempt):
        away = known.unmet or nobody_for(state, state.tasks[name])
        return not (away or _waits_for_person(state, name))
    return not _is_for_person(attempt)


def _waits_for_person(state: State, name: str) -> bool:
    """Whether the track or scope of the task is taken by an attempt that a person has to see to."""
    return any(
        is_live(attempt)
        and attempt.task != name
        and _is_for_person(attempt)
        and _same_place(
            state, name, attempt.task, (*state.tasks[attempt.task].scope, *attempt.claims)
        )
        for attempt in state.live_attempts()
    )


def _is_for_person(attempt: Attempt) -> bool:
    parked = attempt.phase is Phase.PARKED and attempt.parked_until is None
    return parked or attempt.phase is Phase.REVIEWING
