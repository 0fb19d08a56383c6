"""Replace a task, an attempt or a landing in the state, and keep what follows from it: the ready
list, the live attempts, the busy slots, the tasks whose rows must be written again. Used by
`evolve` only."""

from __future__ import annotations

from bisect import bisect_left, insort

from gangsaw.core import events as ev
from gangsaw.core.check_records import learn
from gangsaw.core.events_undo import undone_by
from gangsaw.core.phases import ENDED, HOLDS_SLOT, Phase, next_phase
from gangsaw.core.ports import number_blocks
from gangsaw.core.replacing import replace
from gangsaw.core.state import (
    Attempt,
    IllegalEvent,
    Landing,
    State,
    TaskState,
    is_live,
    landing_of,
)


def set_task(state: State, name: str, known: TaskState) -> None:
    """Replace a task's state and keep the indexes that follow from it."""
    before = state.task_states[name]
    state.task_states[name] = known
    state.touched.add(name)
    if known.current in state.live and known.current not in state.blocks:
        number_blocks(state)
    state.open_tasks += int(before.closed) - int(known.closed)
    _index_ready(state, name)
    if before.finished != known.finished:
        state.touched.update(state.dependants.get(name, ()))
    elif before.closed != known.closed:
        _touch_all_after(state, name)


def _touch_all_after(state: State, name: str) -> None:
    """All that needs the task, at any depth: what holds them has changed."""
    seen, open_names = {name}, [name]
    while open_names:
        fresh = set(state.dependants.get(open_names.pop(), ())) - seen
        seen |= fresh
        open_names.extend(fresh)
    state.touched |= seen


def _index_ready(state: State, name: str) -> None:
    """Keep `ready`: tasks whose needs landed and which have no live attempt and are not closed."""
    known = state.task_states[name]
    attempt = state.attempts[known.current] if known.current else None
    wanted = not known.unmet and not known.closed and (attempt is None or not is_live(attempt))
    entry = (state.rank[name], name)
    at = bisect_left(state.ready, entry)
    present = at < len(state.ready) and state.ready[at] == entry
    if wanted and not present:
        insort(state.ready, entry)
    elif present and not wanted:
        del state.ready[at]
    if wanted and known.retry_at:
        state.backing_off[name] = known.retry_at
    else:
        state.backing_off.pop(name, None)


def take_up_again(state: State, name: str, **changes: object) -> None:
    """The task has all its tries before it again, with these changes besides."""
    state.alone.discard(name)
    fresh = replace(
        state.task_states[name],
        memory_stops=0,
        tries=0,
        crashes=0,
        blameless=0,
        retry_at=0.0,
        given_up="",
        person=False,
        ended_at=None,
        **changes,
    )
    set_task(state, name, fresh)


def finish_task(state: State, name: str, known: TaskState) -> None:
    """The task landed or is done: one need less for each that waits for it."""
    set_task(state, name, known)
    for dependant in state.dependants.get(name, ()):
        waiting = state.task_states[dependant]
        set_task(state, dependant, replace(waiting, unmet=waiting.unmet - 1))


def unfinish_task(state: State, name: str, known: TaskState) -> None:
    """The task is undone: one need more for each that waits for it, or was built on it."""
    set_task(state, name, known)
    _touch_all_after(state, name)
    for dependant in state.dependants.get(name, ()):
        waiting = state.task_states[dependant]
        after = replace(waiting, unmet=waiting.unmet + 1, start="", outdated=waiting.attempts)
        set_task(state, dependant, after)


def put_attempt(state: State, attempt: Attempt) -> None:
    """Replace an attempt; one that is closed is no longer live."""
    state.attempts[attempt.id] = attempt
    state.touched.add(attempt.task)
    if attempt.closed and attempt.phase in ENDED:
        state.live.pop(attempt.id, None)


def move_attempt(state: State, event: ev.Event, at: float, **changes: object) -> Attempt:
    """Replace an attempt by the one after the event, in its next phase."""
    before = state.attempts[event.subject]
    phase = next_phase(before.phase, event.kind)
    if phase is None:
        raise IllegalEvent(f"{event.kind} of {before.id} in phase {before.phase}")
    after = replace(before, phase=phase, since=at, **changes)
    if phase is not before.phase:
        end_troubles(state, before.id)
    held, holds = _place(before), _place(after)
    if held != holds:
        if held is not None:
            count_busy(state, held, -1)
        if holds is not None:
            count_busy(state, holds, 1)
    put_attempt(state, after)
    return after


def _place(attempt: Attempt) -> str | None:
    """The agent whose slot the attempt takes, empty where it takes one of the run only, or
    `None`."""
    if attempt.phase in HOLDS_SLOT:
        return attempt.seat
    return "" if attempt.phase is Phase.VERIFIED else None


def end_troubles(state: State, about: str) -> None:
    """What failed before has been done: it is trouble no more."""
    if not state.troubles:
        return
    for key in [key for key in state.troubles if key[0] == about]:
        del state.troubles[key]


def count_busy(state: State, agent: str, by: int) -> None:
    """The attempt takes (or gives back) a slot, of all and of its agent."""
    for name in {"", agent}:
        state.busy[name] = state.busy.get(name, 0) + by


def drop_landing(state: State, about: str) -> None:
    """The landing is over, for whatever reason."""
    if state.landings:
        state.landings = tuple(landing for landing in state.landings if landing.about != about)


def put_landing(state: State, landing: Landing) -> None:
    """Put a landing at the end of the chain, or replace it in its place."""
    end_troubles(state, landing.about)
    others = [each.about for each in state.landings]
    if landing.about in others:
        at = others.index(landing.about)
        state.landings = (*state.landings[:at], landing, *state.landings[at + 1 :])
    else:
        state.landings = (*state.landings, landing)
    if landing.about in state.attempts:
        state.touched.add(state.attempts[landing.about].task)
    elif task := undone_by(landing.about):
        state.touched.add(task)


def landing_in_progress(state: State, about: str) -> Landing:
    """The landing of an attempt (or `@target`); `IllegalEvent` if there is none."""
    landing = landing_of(state, about)
    if landing is None:
        raise IllegalEvent(f"no landing of {about} in progress")
    return landing


def note_green(state: State, tree: str, results: tuple[ev.CheckResult, ...]) -> None:
    """Remember which checks have passed on the tree, and what is learned of each of them."""
    if not tree:
        return
    for result in results:
        learn(state.known_checks, state.red, tree, state.green.get(tree, frozenset()), result)
    passed = {result.of for result in results if result.judgement is ev.Judgement.PASSED}
    state.green[tree] = state.green.get(tree, frozenset()) | passed
