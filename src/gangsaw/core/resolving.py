"""Conflicts that somebody resolved: what is told of them, and what people may ask for.

The ladder is: without anybody (while the candidate is built), the agent's own session a bounded
number of times, a new attempt on the new base, a person. A person may step in at any rung after
the first. Their work is done beside the attempts; given, it is a new attempt of the task.
"""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core import events_resolving as er
from gangsaw.core import events_talk as et
from gangsaw.core.model import Workspace, attempt_id
from gangsaw.core.observations import Asked, CandidateMade, WorkInspected
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.reopening import LATER, Answer
from gangsaw.core.state import Attempt, State, is_live

VERBS = ("resolve", "resolve_done", "resolve_abort")
CLASHED = frozenset({ev.Cause.CONFLICT, ev.Cause.UNMERGED})
"""Why work came back whose merge is to be resolved."""

_FREE = frozenset({Phase.RETURNED, Phase.REVIEWING, Phase.PARKED})
_TRAILER = "Gangsaw-Resolved"


def facts_of_work(state: State, seen: WorkInspected) -> list[ev.Event]:
    """What sound work says about a conflict that it was to resolve."""
    attempt = state.attempts[seen.attempt]
    onto = attempt.onto or attempt.base
    if attempt.solver and not seen.launch:
        paths = last_clash(state, attempt.task)
        return [er.ConflictResolved(attempt.id, er.PERSON, paths, onto, attempt.solver)]
    if attempt.returned in CLASHED:
        paths = attempt.returned_paths
        return [er.ConflictResolved(attempt.id, er.MODEL, paths, onto, attempt.agent)]
    return []


def facts_of_candidate(seen: CandidateMade) -> list[ev.Event]:
    """What a candidate says about a conflict that took nobody."""
    if not seen.resolved:
        return []
    return [er.ConflictResolved(seen.about, seen.resolved, seen.resolved_paths, seen.onto)]


def last_clash(state: State, task: str) -> tuple[str, ...]:
    """The paths in which work of the task was last in conflict; empty where that is not known."""
    for number in range(state.task_states[task].attempts, 0, -1):
        attempt = state.attempts[attempt_id(task, number)]
        if attempt.returned_paths:
            return attempt.returned_paths
    return ()


def ways_text(ways: tuple[str, ...]) -> str:
    """How conflicts of a piece of work were resolved, in words; empty where there were none."""
    mechanical = ", ".join(way for way in ways if way not in (er.MODEL, er.PERSON))
    parts = [
        "model-resolved conflict" if er.MODEL in ways else "",
        "conflict resolved by a person" if er.PERSON in ways else "",
        f"mechanically resolved conflict ({mechanical})" if mechanical else "",
    ]
    return " · ".join(part for part in parts if part)


def trailers(attempt: Attempt) -> str:
    """The trailers that say so in the message of a landing, each on a line that it begins."""
    return "".join(f"\n{_TRAILER}: {way}" for way in attempt.resolved)


# --- people -------------------------------------------------------------------------------------


def answer(state: State, asked: Asked) -> Answer:
    """The facts that follow from a request with one of `VERBS`, whether it is granted, and why."""
    match asked.verb:
        case "resolve":
            return _resolve(state, asked)
        case "resolve_done":
            return _done(state, asked)
        case _:
            return _abort(state, asked)


def _resolve(state: State, asked: Asked) -> Answer:
    task, known = asked.task, state.task_states[asked.task]
    if state.tasks[task].workspace is Workspace.NONE:
        return _refused(f"{task} changes no files of the repository: it has no conflicts")
    if known.finished or task in state.undos:
        return _refused(f"{task} has landed; nothing of it is in conflict")
    if known.undone or known.cancelled or known.cancel_wanted:
        return _refused(f"{task} is cancelled or undone; see: gangsaw why {task}")
    if known.resolver == asked.by:
        return [], True, f"{task} is yours already"
    if known.resolver:
        return _refused(f"{known.resolver} resolves {task} already")
    wanted = er.ResolvingWanted(task, asked.by)
    text = f"{task} is yours to resolve; what needs it waits, everything else goes on"
    attempt = _live(state, task)
    if attempt is None:
        if not known.attempts:
            return _refused(f"{task} has not been started; see: gangsaw why {task}")
        return [wanted], True, text
    if attempt.taken_by:
        return _refused(f"{attempt.taken_by} has taken {task} over")
    if attempt.returned not in CLASHED and not attempt.resolves:
        return _refused(f"{task} is {attempt.phase}, and not in conflict; see: gangsaw why {task}")
    if attempt.phase not in _FREE and (attempt.phase not in AGENT_ALIVE or state.stopping):
        return _refused(f"{task} is {attempt.phase}; {LATER}")
    return [wanted, et.TakeWanted(attempt.id, asked.by)], True, text


def _done(state: State, asked: Asked) -> Answer:
    task, known = asked.task, state.task_states[asked.task]
    if not known.resolver:
        return _refused(f"nobody resolves {task} now; try gangsaw resolve {task} first")
    if known.unmet:
        return _refused(f"{task} needs a task that was undone since; see: gangsaw why {task}")
    facts: list[ev.Event] = []
    attempt = _live(state, task)
    if attempt is not None:
        if attempt.phase not in _FREE:
            return _refused(f"the agent of {task} is still being stopped; {LATER}")
        text = f"resolved by {asked.by} in its place"
        facts.append(ev.AttemptFailed(attempt.id, ev.Cause.TAKEN, text, False, 0.0))
    facts.append(er.ResolutionGiven(task, asked.by, asked.text))
    if state.end is not None:
        facts.insert(0, ev.RunReopened(asked.verb))
    return facts, True, f"the resolution of {task} is checked and landed like any other work"


def _abort(state: State, asked: Asked) -> Answer:
    task, known = asked.task, state.task_states[asked.task]
    if not known.resolver:
        return _refused(f"nobody resolves {task} now")
    left: list[ev.Event] = [er.ResolvingLeft(task, asked.by)]
    attempt = _live(state, task)
    if attempt is None or not attempt.taken_by:
        return left, True, f"{task} is as it was before"
    if attempt.phase not in _FREE:
        return _refused(f"the agent of {task} is still being stopped; {LATER}")
    if not attempt.in_hand:
        left.append(et.AttemptTaken(attempt.id, asked.by))
    left.append(et.HandedBack(attempt.id, asked.by))
    return left, True, f"the agent of {task} goes on"


def _live(state: State, task: str) -> Attempt | None:
    attempt = state.attempt_of(task)
    return attempt if attempt is not None and is_live(attempt) else None


def _refused(text: str) -> Answer:
    return [], False, text
