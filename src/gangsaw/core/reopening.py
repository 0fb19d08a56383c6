"""Requests that take something back, or take a task up again: `undo` and `retry`.

`undo` of a landing becomes a landing of its own; `undo` of a cancel takes the task up again where
its last attempt stopped. `retry` begins anew, or from the work as it stood after a given turn.
"""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core.observations import Asked
from gangsaw.core.phases import Phase
from gangsaw.core.policy.undo import (
    KeptTurn,
    kept_turns,
    last_work,
    toll_of,
    toll_text,
    undone_needs,
)
from gangsaw.core.state import State, TaskState, is_live

Answer = tuple[list[ev.Event], bool, str]

LAST = "last"
LATER = "try once more in a moment"
"""The remedy for what a live engine is about to do."""
TURNS_MAX = 20
"""Turns that an answer names."""


def undo(state: State, asked: Asked) -> Answer:
    """Take back the task's landing, or its cancelling."""
    task, known = asked.task, state.task_states[asked.task]
    if known.landed_commit:
        if task in state.undos:
            return _refused(f"{task} is being undone already; see: gangsaw why {task}")
        facts = [ev.UndoWanted(task, asked.by, known.landed_commit)]
        toll = toll_text(toll_of(state, task))
        text = f"undoing {task} by a landing of its own, checked like any other{toll}"
        return _reopened(state, "undo", facts), True, text
    if known.done:
        return _refused(f"{task} changes no files of the repository: nothing of it landed")
    if known.undone:
        return _refused(f"{task} is undone already; to bring it back: {_ways_back(state, task)}")
    if known.cancelled:
        return _take_up_again(state, asked)
    if known.cancel_wanted:
        return _refused(f"the agent of {task} is still being stopped; {LATER}")
    if known.given_up:
        return _refused(f"{task} has not landed; to try it again: gangsaw retry {task}")
    return _refused(f"{task} has not landed; to give it up: gangsaw cancel {task}")


def _take_up_again(state: State, asked: Asked) -> Answer:
    """A cancelled task goes on from what its last attempt left."""
    attempt = state.attempt_of(asked.task)
    if attempt is not None and not attempt.closed:
        return _refused(_put_away(state, attempt.id))
    start = last_work(state, asked.task)
    facts = [ev.TaskReopened(asked.task, asked.by, start)]
    if start:
        text = "taken up again, from the work that was kept"
    else:
        text = "taken up again; there is no earlier work to go on from"
    return _reopened(state, "undo", facts), True, text


def retry(state: State, asked: Asked) -> Answer:
    """Try a task again; from the work after a turn where one is named (in `asked.text`)."""
    task, known = asked.task, state.task_states[asked.task]
    attempt = state.attempt_of(task)
    if not asked.text:
        if attempt is not None and attempt.phase is Phase.PARKED:
            return [ev.ParkEnded(attempt.id, asked.by)], True, "goes on as soon as a slot is free"
        if not (known.given_up or known.cancelled or known.undone):
            return _refused(f"{task} has not failed; see: gangsaw why {task}")
        return _reopened(state, "retry", [ev.TaskReopened(task, asked.by)]), True, "trying again"
    if attempt is not None and is_live(attempt):
        return _refused(f"{attempt.id} is not over yet; try gangsaw cancel {task} first")
    if attempt is not None and not attempt.closed:
        return _refused(_put_away(state, attempt.id))
    kept = kept_turns(state, task)
    chosen = _chosen(kept, known, asked.text)
    if chosen is None:
        return _refused(_no_such_turn(state, task, kept, asked.text))
    facts = [ev.TaskReopened(task, asked.by, chosen.ref)]
    text = f"trying again from the work after turn {chosen.launch} of attempt {chosen.attempt}"
    return _reopened(state, "retry", facts), True, text


def _chosen(kept: list[KeptTurn], known: TaskState, turn: str) -> KeptTurn | None:
    """The kept work that `turn` names: `last`, `N` of the last attempt, or `ATTEMPT:N`."""
    if turn == LAST:
        return kept[-1] if kept else None
    attempt, _, launch = turn.rpartition(":")
    wanted = (attempt or str(known.attempts), launch)
    return next((one for one in kept if (str(one.attempt), str(one.launch)) == wanted), None)


def turn_names(kept: list[KeptTurn], known: TaskState) -> list[str]:
    """What `retry --from` takes for each of these."""
    return [
        str(one.launch) if one.attempt == known.attempts else f"{one.attempt}:{one.launch}"
        for one in kept
    ]


def _no_such_turn(state: State, task: str, kept: list[KeptTurn], turn: str) -> str:
    known = state.task_states[task]
    if not kept and known.outdated:
        if why := ", ".join(undone_needs(state, task)):
            return f"the earlier work of {task} was built on {why}, which was undone since"
        return f"the earlier work of {task} began before there was all that it needs now"
    if not kept:
        return f"{task} has no kept work to start from; try: gangsaw retry {task}"
    names = ", ".join(turn_names(kept, known)[-TURNS_MAX:])
    return f"there is no kept work of {task} after turn {turn}; there is: {names}"


def _ways_back(state: State, task: str) -> str:
    anew = f"gangsaw retry {task} (anew)"
    if not kept_turns(state, task):
        return anew
    return f"gangsaw retry {task} --from {LAST} (from its work), {anew}"


def _put_away(state: State, attempt: str) -> str:
    if state.stopping:
        # No engine is at work on it: waiting alone would not help.
        task = state.attempts[attempt].task
        return (
            f"the work of {attempt} is put away by the next gangsaw run, which would begin anew; "
            f"try gangsaw cancel {task}, gangsaw run, and then gangsaw undo {task}"
        )
    return f"the work of {attempt} is still being put away; {LATER}"


def _refused(text: str) -> Answer:
    return [], False, text


def _reopened(
    state: State, by: str, facts: list[ev.TaskReopened] | list[ev.UndoWanted]
) -> list[ev.Event]:
    return [ev.RunReopened(by), *facts] if state.end is not None else [*facts]
