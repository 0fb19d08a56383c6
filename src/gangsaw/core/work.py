"""What is outstanding, until when nothing can change by itself, and one whole turn of the core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gangsaw.core import actions as ac
from gangsaw.core import chain, honesty, resolving, standing
from gangsaw.core.decide import decide
from gangsaw.core.events import TARGET, Event, Stage
from gangsaw.core.events_checks import AFTER
from gangsaw.core.events_undo import undone_by
from gangsaw.core.evolve import evolve
from gangsaw.core.governing import launch_pause_until
from gangsaw.core.model import History, Workspace
from gangsaw.core.observations import Observation
from gangsaw.core.partial import part_of
from gangsaw.core.phases import AGENT_ALIVE, ENDED, Phase
from gangsaw.core.policy import (
    accounts,
    after,
    batches,
    delivery,
    landing,
    money,
    narrowing,
    soon,
    stall,
)
from gangsaw.core.policy.admission import HoldKind, hold_for
from gangsaw.core.policy.remedy import goes_on_at, waits_for_a_person
from gangsaw.core.record import record
from gangsaw.core.state import Attempt, Landing, State
from gangsaw.core.trouble import cannot_close, retry_at, stuck_text

_RECORDERS = record.registry

TITLE_MAX = 60
"""Characters of task names in the title of a commit that joins several."""


def turn(
    state: State, now: float, observations: Iterable[Observation]
) -> tuple[list[Event], list[ac.Action]]:
    """One turn: the events that follow from the observations, and all outstanding actions.

    `state` contains the events when this returns; nothing may be done before they are in the log.
    """
    events: list[Event] = []
    for observation in observations:
        for fact in _RECORDERS.get(type(observation), record)(observation, state, now):
            evolve(state, fact, now)
            events.append(fact)
    events += decide(state, now)
    return events, outstanding(state, now)


def outstanding(state: State, now: float) -> list[ac.Action]:
    """What is wanted and not yet reported done. The same action may be in here many times in a
    row; carrying it out twice is harmless. An action that failed is left out for a pause."""
    found = list(_outstanding(state, now))
    if not state.troubles:
        return found
    return [action for action in found if _may_try(state, action, now)]


def _may_try(state: State, action: ac.Action, now: float) -> bool:
    trouble = state.troubles.get((action.about, ac.name_of(action)))
    return trouble is None or now >= retry_at(trouble)


def _outstanding(state: State, now: float) -> Iterator[ac.Action]:
    if state.run and not state.head:
        yield ac.CreateIntegration("", state.integration, state.base)
    for name in state.live:
        yield from _of_attempt(state, state.attempts[name])
    yield from _of_chain(state)
    if commit := state.after.wanted:
        checks = landing.missing_checks(state, commit, after.checks(state))
        yield ac.RunChecks(AFTER, Stage.AFTER, commit, commit, checks)
    wants = delivery.is_wanted(state) and bool(state.delivery.wanted)
    if wants and now >= delivery.retry_at(state):
        yield ac.Deliver("", state.target, state.checked_head, state.delivery.delivered)
    if delivery.is_push_wanted(state) and now >= delivery.retry_at(state):
        yield ac.Push("", state.limits.remote, state.target, state.delivery.delivered)
    for task in standing.due(state, now):
        stands, was = standing.standing_of(state, task), standing.was(state, task)
        yield ac.WriteStanding(task, *stands, was, standing.phase_of(state, task))


def _of_attempt(state: State, attempt: Attempt) -> Iterator[ac.Action]:
    match attempt.phase:
        case Phase.PREPARING:
            task = state.tasks[attempt.task]
            parents = [state.task_states[need].landed_commit for need in task.needs]
            landed = tuple(commit for commit in parents if commit)
            yield ac.PrepareWorkspace(
                attempt.id, attempt.base, attempt.branch, landed, attempt.start
            )
        case Phase.STARTING | Phase.RUNNING | Phase.STOPPING:
            yield ac.RunTurn(attempt.id, attempt.launch, attempt.turn, attempt.why, attempt.onto)
            if attempt.phase is Phase.STOPPING:
                yield ac.StopTurn(attempt.id, attempt.launch, attempt.stop_hard)
        case Phase.INSPECTING:
            against = attempt.onto or attempt.base
            yield ac.InspectWork(
                attempt.id, attempt.launch, against, attempt.commit_leftovers, attempt.tests,
                attempt.blamed.commit if attempt.blamed is not None else "",
            )  # fmt: skip
        case Phase.VERIFYING:
            gate = landing.gate_of_work(state, attempt.task)
            checks = landing.missing_checks(state, attempt.tree, gate)
            yield ac.RunChecks(attempt.id, Stage.WORK, attempt.commit, attempt.tree, checks)
        case phase if phase in ENDED and not attempt.closed:
            if state.tasks[attempt.task].workspace is Workspace.WORKTREE:
                yield ac.CloseWorkspace(attempt.id, attempt.branch)
        case _:
            pass


def _of_chain(state: State) -> Iterator[ac.Action]:
    if not state.landings:
        return
    for at, link in enumerate(state.landings):
        if not (link.candidate or link.conflict):
            base = chain.base_of(state, at)
            if base:
                yield _build(state, at, base)
            break  # what comes after it is built on it
    for wanted in batches.wanted(state):
        yield _check(state, wanted)
    moving = chain.moving_at(state)
    if moving >= 0:
        yield _move(state, moving)


def _check(state: State, wanted: batches.Wanted) -> ac.Action:
    link, part = wanted.link, wanted.part
    run = (link.about, Stage.CANDIDATE, link.candidate, link.tree)
    whole = None if part is None else narrowing.check_of(state, part.of)
    if part is None or whole is None:
        checks = landing.missing_checks(state, link.tree, landing.gate_of_landing(state, link))
        return ac.RunChecks(*run, checks, link.round)
    some = (part_of(whole, part.tests),)
    return ac.RunChecks(*run, some, link.round, part.tests, part.of)


def _build(state: State, at: int, base: str) -> ac.Action:
    link = state.landings[at]
    title, body = _message(state, link)
    task = undone_by(link.about)
    asked_at = state.undos[task].at if task else 0.0
    ahead = tuple((each.about, each.candidate) for each in state.landings[:at])
    landed = state.landings[0].onto if at else ""
    return ac.BuildCandidate(
        link.about, link.work, base, title, body,
        undoes=bool(task), at=asked_at, ahead=ahead, landed=landed,
    )  # fmt: skip


def _move(state: State, at: int) -> ac.Action:
    link = state.landings[at]
    head = link.head or link.onto
    # A chain that goes on from what was joined before has to be joined itself.
    straight = state.limits.history is not History.MERGE and state.landings[0].onto == head
    if link.onto == head or straight:
        return ac.MoveIntegration(link.about, state.integration, link.candidate, head)
    attempts = [state.attempts[each.about] for each in state.landings[: at + 1]]
    names = ", ".join(attempt.task for attempt in attempts)
    title = f"Land {names}" if len(names) <= TITLE_MAX else f"Land {len(attempts)} tasks"
    body = f"Gangsaw-Run: {state.run}\n" + "\n".join(f"Gangsaw-Joins: {a.id}" for a in attempts)
    return ac.MoveIntegration(
        link.about, state.integration, link.candidate, head, title, body, link.wanted_at
    )


def _message(state: State, found: Landing) -> tuple[str, str]:
    """Title and trailers of the landing's commit."""
    if found.about == TARGET:
        return f"Merge {state.target}", f"Gangsaw-Run: {state.run}"
    if task := undone_by(found.about):
        trailers = f"Gangsaw-Run: {state.run}\nGangsaw-Undo: {task}{_file(state, task)}"
        return f'Undo "{_title(state, task)}"', f"This reverts commit {found.work}.\n\n{trailers}"
    attempt = state.attempts[found.about]
    trailers = (
        f"Gangsaw-Run: {state.run}\nGangsaw-Task: {attempt.task}\nGangsaw-Attempt: {attempt.id}"
    )
    trailers += _file(state, attempt.task) + resolving.trailers(attempt)
    return _title(state, attempt.task), trailers + honesty.trailers(attempt.concerns)


def _file(state: State, task: str) -> str:
    """The trailer that tells this task from others of its name, in other files."""
    path = standing.file_of(state, task)
    return f"\nGangsaw-File: {path}" if path else ""


def _title(state: State, task: str) -> str:
    return state.tasks[task].title.strip().splitlines()[0]


def next_wakeup(state: State, now: float) -> float | None:
    """When something may have to be done although nothing is reported (epoch seconds); `None` when
    only a report can change anything."""
    moments = [
        stall.deadline(state, attempt)
        for attempt in map(state.attempts.__getitem__, state.live)
        if attempt.phase is Phase.RUNNING
    ]
    moments += _parked_until(state, now)
    moments += [moment for moment in state.backing_off.values() if moment > now]
    moments += [moment for moment in map(retry_at, state.troubles.values()) if moment > now]
    if state.ready and (state.queue or state.landings):
        moments += [each.until for each in soon.coming(state, now)]
    if (until := launch_pause_until(state, now)) is not None:
        moments.append(until)
    if delivery.is_open(state) and delivery.retry_at(state) > now:
        moments.append(delivery.retry_at(state))
    if (refused := standing.next_moment(state, now)) is not None:
        moments.append(refused)
    return min(moments) if moments else None


def _parked_until(state: State, now: float) -> list[float]:
    """When parked attempts, and the tasks of accounts at their limit, may go on."""
    attempts = map(state.attempts.__getitem__, state.live)
    parked = [goes_on_at(state, each) for each in attempts if each.phase is Phase.PARKED]
    moments = [*parked, *accounts.moments(state), money.next_day(state)]
    return [moment for moment in moments if moment is not None and moment > now]


def _rests(state: State, name: str) -> bool:
    """Whether the attempt waits for a person and for nothing else."""
    attempt = state.attempts[name]
    if attempt.in_hand:
        return False  # a person is at work there
    return attempt.phase is Phase.REVIEWING or waits_for_a_person(attempt)


def _puts_away(state: State) -> bool:
    """Whether work of ended attempts is still to be held by refs, so that people can go on from it
    while no engine runs. Killing does not wait for that, nor does stopping once it has failed."""
    return not state.stop_hard and any(
        state.attempts[name].phase in ENDED and (name, "CloseWorkspace") not in state.troubles
        for name in state.live
    )


def _lands(state: State) -> bool:
    """Whether something of what waits for its landing can land by itself."""
    return not state.queue_held or (not state.frozen and any(x.batch for x in state.landings))


_WAITS_FOR_A_PERSON = frozenset(
    {
        HoldKind.SCOPE,
        HoldKind.TRACK,
        HoldKind.BUDGET,
        HoldKind.OVERLAP,
        HoldKind.RESOLVING,
        HoldKind.WAVE,
        HoldKind.AGENT_OUT,
    }
)


_WAITS_FOR_LANDING = frozenset({Phase.QUEUED, Phase.LANDING})


def _waits(state: State, name: str) -> bool:
    return state.attempts[name].phase in _WAITS_FOR_LANDING or _rests(state, name)


def at_rest(state: State, now: float) -> str | None:
    """Why an engine has nothing more to do: `finished`, `stopped`, or `waiting for a person or a
    limit`; `None` while anything can still happen by itself."""
    reason = _rest(state, now)
    return None if reason is not None and standing.is_owed(state) else reason


def _rest(state: State, now: float) -> str | None:
    open_names = [name for name in state.live if not cannot_close(state, name)]
    phases = [state.attempts[name].phase for name in open_names]
    if state.stopping:
        # One that cannot be moved is left to the next engine, which finds either outcome.
        moving = any(
            found.wanted and (found.about, "MoveIntegration") not in state.troubles
            for found in state.landings
        )
        busy = moving or any(phase in AGENT_ALIVE for phase in phases) or _puts_away(state)
        return None if busy else "stopped"
    if state.end is not None:
        return "finished"
    landings = bool(state.queue or state.landings or state.undos)
    if state.draining and not (landings and _lands(state)):
        # What is parked goes on in a later run.
        waiting = {Phase.REVIEWING, Phase.PARKED, *_WAITS_FOR_LANDING}
        busy = any(phase not in waiting for phase in phases)
        return None if busy else "paused"
    stuck = stuck_text(state)
    if stuck and (not state.head or all(_waits(state, name) for name in open_names)):
        return f"in trouble: {stuck}"
    if state.paused or landings or not state.head:
        return None
    if not all(_rests(state, name) for name in open_names):
        return None
    if after.is_open(state) or (delivery.is_open(state) and not delivery.is_waiting(state)):
        return None
    holds = (hold_for(state, name, now) for _, name in state.ready)
    if all(hold is not None and hold.kind in _WAITS_FOR_A_PERSON for hold in holds):
        return "waiting for a person or a limit"
    return None
