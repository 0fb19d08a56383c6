"""What people may ask of a run, and the facts that follow.

Every request is answered in the turn in which it is read; asking twice with one key is answered
once.
"""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core import overlapping, reopening, resolving, staffing, talk
from gangsaw.core.observations import Asked
from gangsaw.core.phases import Phase
from gangsaw.core.reopening import Answer
from gangsaw.core.state import Attempt, State, is_live

QUEUE_VERBS = ("queue-pause", "queue-freeze", "queue-resume")
RUN_VERBS = ("pause", "drain", "resume", "stop", "kill", "scale", *QUEUE_VERBS, *staffing.VERBS)
TASK_VERBS = ("retry", "cancel", "undo", "approve", "reject", "land")


def answer(state: State, asked: Asked) -> list[ev.Event]:
    """The facts that follow from a request, ending with its answer."""
    facts: list[ev.Event]
    if refusal := talk.refusal(asked):
        facts, ok, text = [], False, refusal
    elif asked.verb == "outlived":
        facts, ok, text = [], True, "already over: no engine was alive then"
    elif asked.verb in talk.VERBS:
        facts, ok, text = talk.answer(state, asked)
    elif asked.verb in overlapping.VERBS:
        facts, ok, text = overlapping.answer(state, asked)
    elif asked.verb in RUN_VERBS:
        facts, ok, text = _of_run(state, asked)
    elif asked.verb not in (*TASK_VERBS, *resolving.VERBS):
        facts, ok, text = [], False, f"unknown request '{asked.verb}'"
    elif asked.task not in state.tasks:
        facts, ok, text = [], False, f"there is no task '{asked.task}' in {state.run}"
    else:
        facts, ok, text = _of_task(state, asked)
    return [*facts, ev.RequestAnswered(asked.key, ok, text)]


def _of_run(state: State, asked: Asked) -> Answer:
    match asked.verb:
        case "pause":
            return [ev.Paused(asked.by)], True, "no new agents are started; running ones go on"
        case "drain":
            text = "letting the running agents finish, then ending"
            return [ev.Paused(asked.by, drain=True)], True, text
        case "resume":
            return [ev.Resumed(asked.by)], True, "starting agents again"
        case "stop":
            return [ev.StopAllWanted(asked.by)], True, "stopping every agent of this run"
        case "kill":
            return [ev.StopAllWanted(asked.by, hard=True)], True, "killing every agent of this run"
        case "queue-pause":
            text = "no further batch is formed; what is being checked still lands"
            return [ev.QueueHeld(asked.by)], True, text
        case "queue-freeze":
            return [ev.QueueHeld(asked.by, frozen=True)], True, "nothing lands any more"
        case "queue-resume":
            return [ev.QueueReleased(asked.by)], True, "landing again"
        case "scale":
            return staffing.scale(state, asked)
        case _:
            return staffing.answer(state, asked)


def _of_task(state: State, asked: Asked) -> Answer:
    known = state.task_states[asked.task]
    attempt = state.attempt_of(asked.task)
    if asked.verb in resolving.VERBS:
        return resolving.answer(state, asked)
    if asked.verb == "undo":
        return reopening.undo(state, asked)
    if asked.verb == "retry" and asked.task in state.undos:
        text = f"{asked.task} is being undone; when that is done: gangsaw retry {asked.task}"
        return [], False, text
    if known.finished:
        return [], False, f"{asked.task} has landed; nothing to {asked.verb}"
    if in_hand := talk.in_hand_text(attempt):
        return [], False, in_hand
    match asked.verb:
        case "retry":
            return reopening.retry(state, asked)
        case "cancel":
            if known.cancelled or known.cancel_wanted:
                return [], False, f"{asked.task} is cancelled already"
            if known.undone:
                return [], False, f"{asked.task} is undone; nothing of it will be started"
            return [ev.TaskCancelled(asked.task, asked.by)], True, "cancelled"
        case "land":
            return _land_first(state, attempt, asked)
        case _:
            if attempt is None or attempt.phase is not Phase.REVIEWING or not is_live(attempt):
                return [], False, f"{asked.task} is not waiting for a decision"
            return _decided(attempt.id, attempt.returned is ev.Cause.UNCOMMITTED, asked)


def _land_first(state: State, attempt: Attempt | None, asked: Asked) -> Answer:
    """The task's change goes before all others; one that waits for a person is agreed to."""
    if attempt is None or not is_live(attempt):
        text = f"{asked.task} has no work that could land; see gangsaw why {asked.task}"
        return [], False, text
    first: list[ev.Event] = [ev.PutFirst(asked.task, asked.by)]
    if attempt.phase is not Phase.REVIEWING:
        return first, True, f"{asked.task} lands before all others as soon as it can"
    if attempt.returned is ev.Cause.UNCOMMITTED:
        return [], False, f"{asked.task} left files uncommitted; try gangsaw approve {asked.task}"
    text = f"approved; {asked.task} lands before all others"
    return [*first, ev.ReviewApproved(attempt.id, asked.by)], True, text


def _decided(attempt: str, leftovers: bool, asked: Asked) -> Answer:
    if asked.verb == "approve":
        if leftovers:
            return (
                [ev.InspectionWanted(attempt, commit_leftovers=True)],
                True,
                "committing its files",
            )
        return [ev.ReviewApproved(attempt, asked.by)], True, "approved"
    text = asked.text or "rejected by a person"
    return [ev.WorkReturned(attempt, ev.Cause.REJECTED, text)], True, "sent back to the agent"
