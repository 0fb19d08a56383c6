"""What the events of a landing do to the state; used by `evolve` only."""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core import indexes as ix
from gangsaw.core.replacing import replace
from gangsaw.core.state import Landing, State


def wanted(event: ev.CandidateWanted, state: State, at: float) -> None:
    """The change leaves the queue: it is to be combined with the integration branch."""
    if event.attempt in state.queue:
        state.queue.remove(event.attempt)
    if event.attempt in state.attempts:
        ix.move_attempt(state, event, at)
    ix.put_landing(state, Landing(event.attempt, event.work, event.onto))


def built(event: ev.CandidateBuilt, state: State, at: float) -> None:
    """The candidate exists."""
    landing = ix.landing_in_progress(state, event.attempt)
    ix.put_landing(state, replace(landing, candidate=event.commit, tree=event.tree))


def conflicted(event: ev.CandidateConflicted, state: State, at: float) -> None:
    """The work does not merge."""
    ix.put_landing(
        state, replace(ix.landing_in_progress(state, event.attempt), conflict=event.paths)
    )


def judged(event: ev.CandidateJudged, state: State, at: float) -> None:
    """The checks of the candidate have said something."""
    landing = ix.landing_in_progress(state, event.attempt)
    if event.judgement is ev.Judgement.INCONCLUSIVE:
        again = landing.inconclusive + 1
        ix.put_landing(state, replace(landing, inconclusive=again, results=event.results))
        return
    ix.note_green(state, event.tree, event.results)
    ix.put_landing(state, replace(landing, judgement=event.judgement, results=event.results))


def move_wanted(event: ev.LandingWanted, state: State, at: float) -> None:
    """From now on the integration branch may have been moved."""
    ix.put_landing(state, replace(ix.landing_in_progress(state, event.attempt), wanted=True))


def missed(event: ev.LandingMissed, state: State, at: float) -> None:
    """The integration branch was elsewhere: nothing was moved."""
    landing = ix.landing_in_progress(state, event.attempt)
    if state.head == landing.onto:
        state.head = event.found
    ix.put_landing(state, replace(landing, missed=True, wanted=False))


def landed(event: ev.Landed, state: State, at: float) -> None:
    """The integration branch is at the candidate; whoever needs the task may start."""
    landing = ix.landing_in_progress(state, event.attempt)
    ix.drop_landing(state, event.attempt)
    if state.head in (event.onto, event.commit):
        # Otherwise later landings were heard of first: the branch is further on already.
        state.head = state.checked_head = event.commit
    if event.attempt not in state.attempts:
        state.delivery = replace(state.delivery, target_commit="", wanted="")
        return
    state.landed.append(event.task)
    ix.move_attempt(
        state, event, at, results=landing.results or state.attempts[event.attempt].results
    )
    known = state.task_states[event.task]
    ix.finish_task(
        state, event.task, replace(known, landed_commit=event.commit, ended_at=at, last_text="")
    )
