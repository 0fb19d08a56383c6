"""May this task start now, and if not, why not?

`hold_for` is the only answer to that question: admission admits exactly when it says nothing, and
`why` prints what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gangsaw.core import apart
from gangsaw.core.events import AttemptAdmitted, Pressure
from gangsaw.core.governing import memory_hold, paused_until
from gangsaw.core.model import account_of, attempt_id
from gangsaw.core.overlapping import held_by, tasks_of
from gangsaw.core.policy import money, seats, soon, waves
from gangsaw.core.policy.accounts import is_limited, limit_of, limit_over_at, opens_at
from gangsaw.core.policy.projection import Kind
from gangsaw.core.policy.seats import fallback_of, has_slot, is_out
from gangsaw.core.policy.undo import undone_needs
from gangsaw.core.scopes import overlaps
from gangsaw.core.state import State, is_live
from gangsaw.core.trouble import lacking_room, stuck_move

QUEUE_MIN = 32
QUEUE_PER_AGENT = 4
"""No more work is begun while so much of it waits for its landing: each has a worktree on the disk
and a base that grows old."""


class HoldKind(StrEnum):
    """The reasons not to start a task."""

    NEEDS = "needs"
    FAILED_NEEDS = "failed_needs"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    PAUSED = "paused"
    NO_BRANCH = "no_branch"
    PRESSURE = "pressure"
    NO_ROOM = "no_room"
    STUCK = "stuck"
    BUDGET = "budget"
    DAY_BUDGET = "day_budget"
    QUEUE = "queue"
    SLOTS = "slots"
    AGENT_SLOTS = "agent_slots"
    AGENT_SEATS = "agent_seats"
    AGENT_LIMIT = "agent_limit"
    AGENT_PAUSED = "agent_paused"
    AGENT_OUT = "agent_out"
    TRACK = "track"
    SCOPE = "scope"
    RESOLVING = "resolving"
    OVERLAP = "overlap"
    WAVE = "wave"
    SOON = "soon"
    ALONE = "alone"
    MEMORY = "memory"
    LAUNCH = "launch"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a task is not started: for which tasks or until when (epoch seconds), where that is
    known."""

    kind: HoldKind
    tasks: tuple[str, ...] = ()
    until: float | None = None
    text: str = ""


def hold_for(state: State, name: str, now: float) -> Hold | None:
    """The first reason not to start this task now; `None` when it may start.

    Asked of a task without live attempt that is not closed.
    """
    return (
        _hold_of_task(state, name, now)
        or hold_for_all(state)
        or _hold_between_starts(state, now)
        or _hold_apart(state, name, now)
        or _hold_of_place(state, name, now)
        or _hold_of_machine(state, name, now)
        or _hold_of_coming(state, name, now)
    )


def hold_for_all(state: State) -> Hold | None:
    """A reason that holds every task, or `None`."""
    if state.stopping:
        return Hold(HoldKind.STOPPING, text=state.stopping)
    if state.paused:
        return Hold(HoldKind.PAUSED)
    if not state.head:
        return Hold(HoldKind.NO_BRANCH)
    if state.pressure is not Pressure.NONE:
        return Hold(HoldKind.PRESSURE, text=state.pressure_text)
    if state.troubles:
        if text := lacking_room(state):
            return Hold(HoldKind.NO_ROOM, text=text)
        if text := stuck_move(state):
            return Hold(HoldKind.STUCK, text=text)
    if text := money.run_spent(state):
        if (again := money.run_comes_back(state)) is not None:
            return Hold(HoldKind.DAY_BUDGET, until=again, text=f"the budget is spent: {text}")
        return Hold(HoldKind.BUDGET, text=f"the budget is spent: {text}")
    if len(state.queue) >= max(QUEUE_MIN, QUEUE_PER_AGENT * state.limits.max_agents):
        return Hold(HoldKind.QUEUE, text=f"{len(state.queue)}")
    if _no_slot(state):
        return Hold(HoldKind.SLOTS, text=f"{state.limits.max_agents}")
    return None


def _no_slot(state: State) -> bool:
    return state.busy.get("", 0) >= state.limits.max_agents


def _hold_between_starts(state: State, now: float) -> Hold | None:
    until = paused_until(state, now)
    if until is None:
        return None
    return Hold(HoldKind.LAUNCH, until=until, text=f"{state.limits.launch_delay_s:g} s")


def _hold_of_task(state: State, name: str, now: float) -> Hold | None:
    known = state.task_states[name]
    if known.unmet:
        return _hold_for_needs(state, name)
    if known.resolver:
        return Hold(HoldKind.RESOLVING, text=known.resolver)
    if known.retry_at > now:
        return Hold(HoldKind.BACKOFF, until=known.retry_at, text=known.last_text)
    return None


def _hold_for_needs(state: State, name: str) -> Hold:
    missing = [need for need in state.tasks[name].needs if not state.task_states[need].finished]
    failed = [need for need in missing if hopeless(state, need)]
    if failed:
        undone = ", ".join(undone_needs(state, name))
        text = f"needs {undone}, which was undone" if undone else _resolving_text(state, failed)
        return Hold(HoldKind.FAILED_NEEDS, tuple(dict.fromkeys(failed)), text=text)
    text = _resolving_text(state, missing)
    return Hold(HoldKind.NEEDS, tuple(dict.fromkeys(missing)), text=text)


def _resolving_text(state: State, needs: list[str]) -> str:
    """Which of these a person is resolving; empty if none."""
    found = {name: state.task_states[name].resolver for name in needs}
    said = [f"{name}, whose conflict {by} is resolving" for name, by in found.items() if by]
    return f"for {'; '.join(said)}" if said else ""


def hopeless(state: State, name: str) -> bool:
    """Whether the task cannot land without a person: given up, cancelled or undone, or (at any
    depth) waiting for one that is."""
    seen, open_names = set[str](), [name]
    while open_names:
        current = open_names.pop()
        known = state.task_states[current]
        if known.finished or current in seen:
            continue
        if known.closed:
            return True
        seen.add(current)
        if known.unmet:
            open_names.extend(state.tasks[current].needs)
    return False


def _hold_of_place(state: State, name: str, now: float) -> Hold | None:
    """A reason that lies in what else is running: the agent's slots, the track, the scope."""
    agent = agent_now(state, name, now)
    if is_out(state, agent):
        return Hold(HoldKind.AGENT_OUT, text=seats.out_text(state, agent))
    if waves.waits_for_wave(state, name):
        return Hold(HoldKind.WAVE, waves.open_tasks(state), text=f"{state.waves}")
    if (until := limit_over_at(state, agent, name)) > now:
        return Hold(HoldKind.AGENT_LIMIT, until=until, text=agent)
    if (until := opens_at(state, agent, name)) > now:
        return Hold(HoldKind.AGENT_PAUSED, until=until, text=agent)
    if not has_slot(state, agent):
        return _hold_for_slot(state, name, agent, now)
    if text := money.lacking(state, name, agent):
        again = money.comes_back(state, name, agent)
        kind = HoldKind.BUDGET if again is None else HoldKind.DAY_BUDGET
        return Hold(kind, until=again, text=f"the budget has no room for it: {text}")
    if (clash := _hold_of_company(state, name)) is not None:
        return clash
    found = held_by(state, name) if state.overlaps else None
    return Hold(HoldKind.OVERLAP, tasks_of(found[0]), text=found[1]) if found else None


def _hold_of_company(state: State, name: str) -> Hold | None:
    """A reason that lies in the track or the scope of what is at work."""
    task = state.tasks[name]
    clashing: list[str] = []
    for attempt in state.live_attempts():
        if not is_live(attempt) or attempt.task == name:
            continue
        other = state.tasks[attempt.task]
        if task.track is not None and other.track == task.track:
            return Hold(HoldKind.TRACK, (other.id,), text=task.track)
        if overlaps(task.scope, (*other.scope, *attempt.claims)):
            clashing.append(other.id)
    return Hold(HoldKind.SCOPE, tuple(clashing)) if clashing else None


def _hold_apart(state: State, name: str, now: float) -> Hold | None:
    """A reason that lies in tasks that run alone: this one does, or another one does now, or is the
    next to start."""
    if not (state.loners or state.alone):
        return None
    if (other := apart.at_it(state, name, now)) is not None:
        return Hold(HoldKind.ALONE, (other,))
    if apart.is_alone(state, name) and (company := apart.company(state, name)):
        return Hold(HoldKind.ALONE, company, text=apart.why_alone(state, name))
    for other in sorted(state.loners | state.alone, key=state.rank.__getitem__):
        if state.rank[other] < state.rank[name] and _is_next(state, other, now):
            return Hold(HoldKind.ALONE, (other,), text="next")
    return None


def _is_next(state: State, name: str, now: float) -> bool:
    """Whether a task that runs alone waits for nothing else but that others are over."""
    known, attempt = state.task_states[name], state.attempt_of(name)
    if known.closed or (attempt is not None and is_live(attempt)):
        return False
    agent = agent_now(state, name, now)
    if (
        _hold_of_task(state, name, now) is not None
        or waves.waits_for_wave(state, name)
        or not _works(state, agent, now)
        or max(limit_over_at(state, agent, name), opens_at(state, agent, name)) > now
        or money.lacking(state, name, agent, alone=True)
        or (state.overlaps and held_by(state, name))
        or not apart.company(state, name)
    ):
        return False
    task, resting = state.tasks[name], filter(is_live, state.live_attempts())
    return not any(
        (task.track is not None and state.tasks[one.task].track == task.track)
        or overlaps(task.scope, (*state.tasks[one.task].scope, *one.claims))
        for one in resting
        if apart.rests(state, one)
    )


def _hold_of_coming(state: State, name: str, now: float) -> Hold | None:
    """A reason that lies in tasks of a better rank that are about to be ready: they get the slots
    that are free now."""
    if not state.queue and not state.landings:
        return None
    before = [
        each
        for each in soon.coming(state, now)
        if state.rank[each.task] < state.rank[name] and _could_start(state, each.task, now)
    ]
    if not before or len(before) < state.limits.max_agents - state.busy.get("", 0):
        return None
    needs = dict.fromkeys(need for each in before for need in each.needs)
    names = ", ".join(each.task for each in before)
    return Hold(HoldKind.SOON, tuple(needs), min(each.until for each in before), names)


def _hold_for_slot(state: State, name: str, agent: str, now: float) -> Hold:
    """Of which agents the task waits for a slot, or of which account for a seat, or which other
    agent has both and begins nothing for a while."""
    those = [agent, *(each for each in _stand_ins(state, name, now) if _works(state, each, now))]
    for each in those:
        if not seats.has_own_slot(state, each):
            continue
        if (until := limit_over_at(state, each, name)) > now:
            return Hold(HoldKind.AGENT_LIMIT, until=until, text=each)
        if (until := opens_at(state, each, name)) > now:
            return Hold(HoldKind.AGENT_PAUSED, until=until, text=each)
        most = seats.seats_for(state, each)
        account = account_of(state.limits, each)
        return Hold(HoldKind.AGENT_SEATS, text=f"{account} (at most {most})")
    return Hold(HoldKind.AGENT_SLOTS, text=" or ".join(dict.fromkeys(those)))


def _could_start(state: State, name: str, now: float) -> bool:
    """Whether there is an agent for the task now."""
    agent = agent_now(state, name, now)
    return _works(state, agent, now) and has_slot(state, agent)


def _hold_of_machine(state: State, name: str, now: float) -> Hold | None:
    """A reason that lies in the machine's memory or disk, with the numbers."""
    if state.governor is None:
        return None
    short = memory_hold(state, _kind_of_start(state, name, now), now)
    return Hold(HoldKind.MEMORY, until=short.until, text=short.text) if short else None


def _kind_of_start(state: State, name: str, now: float) -> Kind:
    """What the memory of the task's next attempt is expected by."""
    agent = agent_now(state, name, now)
    model = state.tasks[name].model if agent == agent_for(state, name) else None
    return (agent, model or "", "work")


def agent_for(state: State, name: str) -> str:
    """The name of the agent that the task is for, or would be given to first."""
    return seats.choices(state, state.tasks[name])[0]


def agent_now(state: State, name: str, now: float) -> str:
    """The agent that the task would be given to now: the first of those it may go to that has a
    free slot, each with its fallback in its place where it cannot work. Where none has, the one
    that is waited for."""
    those = _stand_ins(state, name, now)
    if len(those) == 1:
        return those[0]
    at_work = [agent for agent in those if _works(state, agent, now)]
    free = [
        agent
        for agent in at_work
        if has_slot(state, agent)
        and max(opens_at(state, agent, name), limit_over_at(state, agent, name)) <= now
    ]
    later = [agent for agent in those if not is_out(state, agent)]
    return next(iter((*free, *at_work, *later, *those)))


def _stand_ins(state: State, name: str, now: float) -> list[str]:
    """The agents that the task may go to, or who stands in for each of them now."""
    return [stand_in(state, agent, now) for agent in seats.choices(state, state.tasks[name])]


def _works(state: State, agent: str, now: float) -> bool:
    """Whether the agent begins tasks now, if it has a slot."""
    return not is_out(state, agent) and not is_limited(state, agent, now)


def stand_in(state: State, agent: str, now: float) -> str:
    """The agent or, while its usage limit has long to go or it begins nothing, its fallback if
    that can."""
    if _works(state, agent, now):
        return agent
    other = fallback_of(state, agent)
    long = limit_of(state, agent) - now > seats.patience_s(state, agent)
    goes = other and (is_out(state, agent) or (long and not is_limited(state, other, now)))
    return other if goes else agent


def may_take_slot(state: State, agent: str, *, begun: bool = True) -> bool:
    """Whether a returned attempt may have a slot now, of this agent, which has `begun` it."""
    return not _no_slot(state) and has_slot(state, agent, begun=begun)


def admit(state: State, now: float) -> AttemptAdmitted | None:
    """The next task to start, best rank first (priority, then longest remaining chain, then file
    order), or `None` when every ready task is held."""
    if not state.ready or _no_slot(state):
        return None
    if hold_for_all(state) is not None or paused_until(state, now) is not None:
        return None
    lonely = bool(state.loners or state.alone)
    if lonely and apart.at_it(state, "", now) is not None:
        return None
    short: dict[Kind, bool] = {}
    clash: dict[tuple[str | None, tuple[str, ...]], bool] = {}
    for _, name in state.ready:
        if lonely and apart.is_alone(state, name) and apart.company(state, name):
            if _is_next(state, name, now):
                return None
            continue
        # The same for all of a track and scope, and there may be thousands of them.
        place = state.tasks[name].track, state.tasks[name].scope
        if place not in clash:
            clash[place] = _hold_of_company(state, name) is not None
        if clash[place]:
            continue
        if _hold_of_task(state, name, now) or _hold_of_place(state, name, now):
            continue
        if state.governor is not None:
            # The same for all of a kind, and there may be thousands of them.
            kind = _kind_of_start(state, name, now)
            if kind not in short:
                short[kind] = memory_hold(state, kind, now) is not None
            if short[kind]:
                continue
        # What keeps this one waiting keeps all of a worse rank waiting.
        return None if _hold_of_coming(state, name, now) else _admission(state, name, now)
    return None


def _admission(state: State, name: str, now: float) -> AttemptAdmitted:
    number = state.task_states[name].attempts + 1
    attempt = attempt_id(name, number)
    task = state.tasks[name]
    agent = agent_now(state, name, now)
    return AttemptAdmitted(
        attempt=attempt,
        task=name,
        number=number,
        base=state.head,
        agent=agent,
        model=task.model if agent == agent_for(state, name) else None,
        branch=f"gangsaw/{state.run}/{attempt}",
        start=state.task_states[name].start,
        stands_for=_stands_for(state, name, agent, now),
    )


def _stands_for(state: State, name: str, agent: str, now: float) -> str:
    """Whose task it is, if the agent is none of those that it may go to; else empty."""
    those = seats.choices(state, state.tasks[name])
    if agent in those:
        return ""
    return next(each for each in those if stand_in(state, each, now) == agent)
