"""What talk between people and agents does to the state; used by `evolve` only.

`RULES` are the rules of its own events. `AFTER` is what else follows from events of others: a turn
hands messages over, the end of an attempt gives them back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import events_talk as et
from gangsaw.core import indexes as ix
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.messages import Message, Question
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.replacing import replace
from gangsaw.core.state import Attempt, State

Rule = Callable[[Any, State, float], None]
HANDED_BACK = "{by} took over for a while and has worked in the worktree"


# --- events of its own --------------------------------------------------------------------------


def _left(event: et.MessageLeft, state: State, at: float) -> None:
    known = state.task_states[event.task]
    said = Message(event.key, event.text, event.by, event.agent, event.question, event.advice)
    ix.set_task(state, event.task, replace(known, messages=(*known.messages, said)))
    attempt = state.attempt_of(event.task)
    if event.question and attempt is not None:
        open_ones = tuple(one for one in attempt.asked if one.waits)
        ix.put_attempt(state, replace(attempt, question="", asked=open_ones))


def asked(event: ev.QuestionAsked, state: State, at: float) -> None:
    """A question, put in the agent's stream or by command."""
    attempt = state.attempts[event.attempt]
    put = (Question(event.key, event.text, at, event.waits),) if event.key else ()
    after = replace(attempt, question=event.text, asked=(*attempt.asked, *put))
    ix.put_attempt(state, after)


def _answered(event: et.QuestionAnswered, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    known = state.task_states[attempt.task]
    question = next(one.text for one in attempt.asked if one.key == event.key)
    said = Message(event.key, event.text, event.by, question=question)
    ix.set_task(state, attempt.task, replace(known, messages=(*known.messages, said)))
    left = tuple(one for one in attempt.asked if one.key != event.key)
    _put_questions(state, attempt, left, at)
    after = state.attempts[event.attempt]
    shown = left[-1].text if left else ""
    ix.put_attempt(state, replace(after, question=shown))


def _dropped(event: et.QuestionDropped, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    left = tuple(
        replace(one, waits=False) if one.key == event.key else one for one in attempt.asked
    )
    _put_questions(state, attempt, left, at)


def _put_questions(
    state: State, attempt: Attempt, questions: tuple[Question, ...], at: float
) -> None:
    """Replace the open questions. While one waited, the agent's time stood still."""
    since = [one.at for one in attempt.asked if one.waits]
    waits_on = any(one.waits for one in questions)
    after = replace(attempt, asked=questions)
    if since and not waits_on and attempt.phase in AGENT_ALIVE:
        waited_s = max(0.0, at - min(since))
        launched_at = min(attempt.launched_at + waited_s, at)
        after = replace(after, launched_at=launched_at, beat_at=at)
    ix.put_attempt(state, after)


def _heard(event: et.AnswerHeard, state: State, at: float) -> None:
    task = state.attempts[event.attempt].task
    known = state.task_states[task]
    left = tuple(said for said in known.messages if said.key != event.key)
    ix.set_task(state, task, replace(known, messages=left))


def _claimed(event: et.PathsClaimed, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    claims = tuple(dict.fromkeys((*attempt.claims, *event.paths)))
    ix.put_attempt(state, replace(attempt, claims=claims))


def _released(event: et.PathsReleased, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    claims = tuple(path for path in attempt.claims if path not in event.paths)
    ix.put_attempt(state, replace(attempt, claims=claims))


def _done(event: et.DoneSaid, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    ix.put_attempt(state, replace(attempt, done_at=at, done_text=event.text))


def _take(event: et.TakeWanted, state: State, at: float) -> None:
    ix.put_attempt(state, replace(state.attempts[event.attempt], taken_by=event.by))


def _taken(event: et.AttemptTaken, state: State, at: float) -> None:
    text = f"taken over by {event.by}"
    ix.move_attempt(
        state, event, at, taken_by=event.by, in_hand=True, parked_text=text, parked_until=None
    )


def _handed_back(event: et.HandedBack, state: State, at: float) -> None:
    before = state.attempts[event.attempt]
    text = HANDED_BACK.format(by=event.by)
    if before.returned_text and before.returned not in (ev.Cause.TAKEN, ev.Cause.SAID):
        text += f"; before that: {before.returned_text}"
    ix.move_attempt(
        state,
        event,
        at,
        taken_by="",
        in_hand=False,
        returned=ev.Cause.TAKEN,
        returned_text=text,
        # Whoever acted before, a reviewer perhaps: the author goes on with what is there now.
        why=TurnKind.CONTINUE,
        acting="",
    )


RULES: dict[type[Any], Rule] = {
    et.MessageLeft: _left,
    ev.QuestionAsked: asked,
    et.QuestionAnswered: _answered,
    et.QuestionDropped: _dropped,
    et.AnswerHeard: _heard,
    et.PathsClaimed: _claimed,
    et.PathsReleased: _released,
    et.DoneSaid: _done,
    et.TakeWanted: _take,
    et.AttemptTaken: _taken,
    et.HandedBack: _handed_back,
}


# --- what follows from others' ------------------------------------------------------------------


def _turn_wanted(event: ev.TurnWanted, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    known = state.task_states[attempt.task]
    told = attempt.told
    if known.messages and event.why is not TurnKind.REVIEW:
        told = (*told, *known.messages)
        ix.set_task(state, attempt.task, replace(known, messages=()))
    if told is not attempt.told or attempt.asked or attempt.done_at:
        after = replace(attempt, told=told, asked=(), done_at=0.0, done_text="")
        ix.put_attempt(state, after)


def _turn_over(event: ev.TurnExited | ev.TurnLost, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    done = attempt.exit is not None and attempt.exit.outcome is OutcomeKind.DONE
    done = done or attempt.stop_cause is ev.Cause.SAID_DONE
    read = len(attempt.told) if done and attempt.why is not TurnKind.REVIEW else attempt.read
    if read != attempt.read or attempt.asked:
        ix.put_attempt(state, replace(attempt, read=read, asked=()))


def _attempt_failed(event: ev.AttemptFailed, state: State, at: float) -> None:
    """Whoever tries the task next has to be told all of it."""
    attempt = state.attempts[event.attempt]
    if attempt.told or state.task_states[attempt.task].messages:
        known = state.task_states[attempt.task]
        # Advice was about this one's work, which the next one does not have.
        messages = tuple(said for said in (*attempt.told, *known.messages) if not said.advice)
        ix.set_task(state, attempt.task, replace(known, messages=messages))
        ix.put_attempt(state, replace(attempt, told=(), read=0))


def _landed(event: ev.Landed | ev.TaskDone, state: State, at: float) -> None:
    known = state.task_states.get(event.task)
    if known is not None and known.messages:
        ix.set_task(state, event.task, replace(known, messages=()))


def _returned(event: ev.WorkReturned, state: State, at: float) -> None:
    if event.attempt in state.queue:
        state.queue.remove(event.attempt)
    attempt = state.attempts[event.attempt]
    messages = state.task_states[attempt.task].messages
    if event.cause is ev.Cause.SAID and all(said.agent or said.advice for said in messages):
        ix.put_attempt(state, replace(attempt, nudged=attempt.nudged + 1))


AFTER: dict[type[Any], Rule] = {
    ev.TurnWanted: _turn_wanted,
    ev.TurnExited: _turn_over,
    ev.TurnLost: _turn_over,
    ev.AttemptFailed: _attempt_failed,
    ev.Landed: _landed,
    ev.TaskDone: _landed,
    ev.WorkReturned: _returned,
}
