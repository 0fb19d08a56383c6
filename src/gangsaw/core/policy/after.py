"""What is checked after it has landed?

One commit of the integration branch at a time, the newest: what lands meanwhile is checked together
when that is over. Nothing waits for it but the end of the run. A red result is shown with what has
landed since the last green one, and asks a person; it takes nothing back by itself.
"""

from __future__ import annotations

from gangsaw.core.after import INCONCLUSIVE_MAX
from gangsaw.core.events_checks import AFTER, AfterJudged, AfterWanted
from gangsaw.core.model import Check, When
from gangsaw.core.policy import gates
from gangsaw.core.policy.landing import failing_text
from gangsaw.core.state import State
from gangsaw.core.terms import Judgement
from gangsaw.core.trouble import TROUBLES_MAX, worst_trouble

NAMED_MAX = 5
"""Landed tasks that are named."""

_MOMENT = frozenset({When.AFTER})


def checks(state: State) -> tuple[Check, ...]:
    """The checks of what has landed: the run's own and those of the landed tasks."""
    if not state.checked_after:  # the usual case, asked in every turn of a long run
        return gates.needed(state.gate, _MOMENT, None)
    those = dict.fromkeys(name for name in state.landed if name in state.checked_after)
    landed = [name for name in those if state.task_states[name].landed_commit]
    own = [check for name in landed for check in state.tasks[name].checks]
    return gates.needed((*state.gate, *own), _MOMENT, None)


def is_open(state: State) -> bool:
    """Whether something that has landed is still to be checked."""
    if state.after.wanted:
        return True
    return state.checked_head not in ("", state.after.judged) and bool(checks(state))


def advance(state: State) -> list[AfterWanted | AfterJudged]:
    """The next commit to check, or the end of trying to check one."""
    wanted = state.after.wanted
    if not wanted:
        return [AfterWanted(state.checked_head)] if is_open(state) and not state.stopping else []
    trouble = worst_trouble(state, AFTER) if state.troubles else None
    given_up = state.after.inconclusive >= INCONCLUSIVE_MAX
    if given_up or (trouble is not None and trouble.blamed >= TROUBLES_MAX):
        return [AfterJudged(wanted, Judgement.INCONCLUSIVE, state.after.results)]
    return []


def red_text(state: State) -> str:
    """What is red after landing, and what may be to blame; empty while nothing is."""
    found = state.after
    if not found.is_red:
        return ""
    names = _held_since_green(state)
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    landed = f" · landed since it was green: {', '.join(names[:NAMED_MAX])}{more}" if names else ""
    remedy = f" · gangsaw undo {names[0] if len(names) == 1 else 'TASK'}" if names else ""
    return f"{failing_text(found.results)} on {found.judged[:10]}{landed}{remedy}"


def _held_since_green(state: State) -> list[str]:
    """The tasks whose present landings are in the judged commit, and not in the last green one. A
    task that was undone and has landed again since is not in it as it is now."""
    last = {name: at for at, name in enumerate(state.landed)}
    places = range(state.after.green, state.after.landings)
    names = ((at, state.landed[at]) for at in places)
    return [n for at, n in names if last[n] == at and state.task_states[n].landed_commit]
