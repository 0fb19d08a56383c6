"""The facts of the landing queue as lines for people: what is checked together, what was red, and
what that means for whom.
"""

from __future__ import annotations

from collections.abc import Sequence

from gangsaw.core import events as ev
from gangsaw.core.events_undo import undone_by
from gangsaw.core.model import task_of
from gangsaw.core.partial import red_tests
from gangsaw.core.policy import landing, narrowing
from gangsaw.core.state import Landing, State
from gangsaw.views.text import count_of

NAMES_MAX = 12


def names_of(abouts: Sequence[str]) -> str:
    """The tasks by name, the rest counted."""
    names = [_name(about) for about in abouts]
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more


def _name(about: str) -> str:
    undone = undone_by(about)
    return f"the undo of {undone}" if undone else task_of(about) or about.removeprefix("@")


def formed(event: ev.BatchFormed, state: State) -> str | None:
    """Of a batch of one there is nothing to tell."""
    if len(event.members) < 2:
        return None
    return f"◇ batch {event.number}: {names_of(event.members)} checked together"


def judged(event: ev.CandidateJudged, state: State) -> str | None:
    """What is done about a red candidate. A change that goes back has a line of its own."""
    found = next((link for link in state.landings if link.about == event.attempt), None)
    if found is None or not found.batch:
        return None
    batch = [link for link in state.landings if link.batch == found.batch]
    if event.only:
        return _judged_in_part(event, state, found, batch)
    if event.judgement is ev.Judgement.PASSED:
        return None
    upto = batch[: batch.index(found) + 1]
    who = names_of([link.about for link in upto])
    if event.judgement is ev.Judgement.INCONCLUSIVE:
        return f"· no verdict on {who}; checking again"
    what = ", ".join(each.name for each in event.results if each.judgement is event.judgement)
    if len(upto) > 1:
        return f"✗ red together: {who} ({what}); {_looking(state, batch)}"
    if not landing.is_to_blame(found):
        if found is not state.landings[0]:
            return f"✗ {who} red on top of what is ahead of it ({what}); that is looked at first"
        return f"✗ {who} red with what landed ({what}); once more on a clean slot"
    return None


def _judged_in_part(
    event: ev.CandidateJudged, state: State, found: Landing, batch: list[Landing]
) -> str | None:
    """What some of the tests say of the changes up to this one, and what is done next."""
    tests = count_of(len(event.only), "failed test")
    upto = f"{batch.index(found) + 1} of {len(batch)} changes"
    if len(batch) == 1:
        upto = _name(found.about)
    if event.judgement is ev.Judgement.INCONCLUSIVE:
        return f"· no verdict of {tests} on {upto}"
    red = red_tests(event.results, event.only)
    said = f"{len(red)} red" if red else "green" if event.judgement.value == "passed" else "not run"
    if len(batch) == 1:
        if landing.is_to_blame(found):
            return None
        after = "once more on a clean slot" if found.part else "so all of it is checked"
        return f"· {tests} with {upto}: {said}; {after}"
    if narrowing.culprits(state, batch):
        return f"· {tests} with {upto}: {said}"
    return f"· {tests} with {upto}: {said}; {_looking(state, batch)}"


def _looking(state: State, batch: list[Landing]) -> str:
    step = narrowing.next_step(state, batch)
    if step.part is not None:
        tests = count_of(len(step.part.tests), "test")
        return f"narrowing: {tests} on {step.at + 1} of {len(batch)} changes"
    return f"looking for which ({step.at + 1} of {len(batch)})"


def queued(event: ev.ChangeQueued, state: State) -> str | None:
    """Only what has to wait for another one, or is set aside."""
    if event.tests:
        more = f" and {len(event.tests) - 1} more" if len(event.tests) > 1 else ""
        name = task_of(event.attempt)
        return f"◦ {name} set aside: {event.tests[0]}{more} red since it; looked at by itself"
    if not event.against:
        return None
    return f"◦ {task_of(event.attempt)} waits: does not merge with {_name(event.against)} ahead"


def held(event: ev.QueueHeld, state: State) -> str:
    """Nobody should wonder why nothing lands."""
    how = "frozen" if event.frozen else "paused"
    return f"■ the landing queue is {how} by {event.by}; to go on: gangsaw queue --resume"


def released(event: ev.QueueReleased, state: State) -> str:
    """The other way round."""
    return f"▸ the landing queue goes on ({event.by})"


def first(event: ev.PutFirst, state: State) -> str:
    """Who asked for it is of interest to those who wait longer."""
    return f"· {event.task} is put first by {event.by}"


def together_line(landed: Sequence[ev.Landed]) -> str | None:
    """One line for those that one move of the integration branch has landed; `None` for one."""
    if len(landed) < 2:
        return None
    return f"✓ {names_of([event.attempt for event in landed])} landed together"
