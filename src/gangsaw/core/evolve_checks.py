"""What the events of checks of what has landed do to the state; used by `evolve` only."""

from __future__ import annotations

from gangsaw.core.after import INCONCLUSIVE_MAX
from gangsaw.core.events_checks import AFTER, AfterJudged, AfterWanted
from gangsaw.core.indexes import end_troubles, note_green
from gangsaw.core.replacing import replace
from gangsaw.core.state import State
from gangsaw.core.terms import Judgement
from gangsaw.core.trouble import TROUBLES_MAX, worst_trouble


def wanted(event: AfterWanted, state: State, at: float) -> None:
    """A commit is under check."""
    landings = len(state.landed)
    state.after = replace(
        state.after, wanted=event.commit, wanted_landings=landings, inconclusive=0
    )


def judged(event: AfterJudged, state: State, at: float) -> None:
    """Its checks have said something, or will say nothing any more."""
    note_green(state, event.commit, event.results)
    before = state.after
    again = event.judgement is Judgement.INCONCLUSIVE and before.inconclusive < INCONCLUSIVE_MAX
    trouble = worst_trouble(state, AFTER)
    end_troubles(state, AFTER)
    if again and (trouble is None or trouble.blamed < TROUBLES_MAX):
        state.after = replace(before, inconclusive=before.inconclusive + 1, results=event.results)
        return
    green = event.judgement is Judgement.PASSED
    state.after = replace(
        before,
        wanted="",
        judged=event.commit,
        landings=before.wanted_landings,
        green=before.wanted_landings if green else before.green,
        judgement=event.judgement,
        results=event.results,
    )
