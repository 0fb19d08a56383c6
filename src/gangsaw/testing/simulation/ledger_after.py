"""The second bookkeeping of which checks a tree needs, and of what is checked after its landing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gangsaw.core.events import Judgement
from gangsaw.core.events_checks import AFTER, AfterJudged, AfterWanted
from gangsaw.core.model import Check, When
from gangsaw.core.policy.after import red_text
from gangsaw.core.state import State
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.pages import rule
from gangsaw.testing.simulation.trees import tree_id

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger

AT_WORK = (When.ALWAYS, When.WORK)
AT_LANDING = (When.ALWAYS, When.LANDING)
UNSURE_MAX = 4
TROUBLES_MAX = 4


def names_of(
    checks: Iterable[Check], moments: tuple[When, ...], paths: tuple[str, ...] | None
) -> set[str]:
    """Names of those that look at such a tree when these paths have changed (`None`: any)."""
    return {
        check.name
        for check in checks
        if check.when in moments and (paths is None or is_touched(check, paths))
    }


def is_touched(check: Check, paths: Iterable[str]) -> bool:
    """Whether one of the paths is the check's own; its entries are plain folders here."""
    if not check.paths:
        return True
    return any(path == own or path.startswith(own + "/") for own in check.paths for path in paths)


Landings = set[tuple[str, str]]
"""Tasks, each with the commit as which it landed."""


@dataclass(slots=True)
class AfterPage:
    """`wanted` is under check, with the checks that it needs; `holds`, `held` and `good` are the
    landed tasks, as what, in that one, in the last that was judged, and in the last green one."""

    wanted: str = ""
    names: set[str] = field(default_factory=set)
    holds: Landings = field(default_factory=set)
    held: Landings = field(default_factory=set)
    good: Landings = field(default_factory=set)
    judged: set[str] = field(default_factory=set)
    last: Judgement | None = None
    unsure: int = 0
    failed: int = 0
    """How often trying to check it has failed."""


def landings_now(book: Ledger) -> Landings:
    """What has landed, and was not undone since."""
    return {(name, book.tasks[name].landed) for name in book.landed}


def names_after(book: Ledger) -> set[str]:
    """Names of the checks of what has landed."""
    own = [check for name in book.landed for check in book.tasks[name].task.checks]
    return names_of((*book.gate, *own), (When.AFTER,), None)


def ends_well(book: Ledger) -> None:
    """A run does not end while what landed last is not checked."""
    page = book.after
    if page.wanted or (book.checked and names_after(book) and book.checked not in page.judged):
        raise Broken(f"the run ends, and {page.wanted or book.checked} was not checked")


@rule(AfterWanted)
def _(book: Ledger, event: AfterWanted, at: float) -> None:
    page = book.after
    if page.wanted or book.stopping or event.commit in page.judged:
        raise Broken(f"{event.commit} is to be checked beside {page.wanted}, or again")
    page.names = names_after(book)
    if event.commit != book.checked or not page.names:
        raise Broken(f"{event.commit} is to be checked, and {book.checked} has landed")
    page.wanted, page.holds, page.unsure = event.commit, landings_now(book), 0


@rule(AfterJudged)
def _(book: Ledger, event: AfterJudged, at: float) -> None:
    page, trees = book.after, book.world.trees
    failed, page.failed = page.failed, 0
    if event.commit != page.wanted:
        raise Broken(f"{event.commit} is judged, and {page.wanted} was to be")
    if event.judgement is Judgement.INCONCLUSIVE:
        page.unsure += 1
        if page.unsure > UNSURE_MAX:
            raise Broken(f"{event.commit} is checked for the {page.unsure}th time")
        if page.unsure < UNSURE_MAX and failed < TROUBLES_MAX:
            return
    green = trees.green.get(tree_id(trees.commits[event.commit].tree), set())
    missing = (page.names & names_after(book)) - green
    if event.judgement is Judgement.PASSED and missing:
        raise Broken(f"{event.commit} is called green without {sorted(missing)}")
    if event.judgement is Judgement.FAILED and not trees.red_runs[AFTER, event.commit]:
        raise Broken(f"{event.commit} is called red, and was not")
    page.wanted, page.last = "", event.judgement
    page.judged.add(event.commit)
    page.held = page.holds
    if event.judgement is Judgement.PASSED:
        page.good = page.holds


def check_after(book: Ledger, state: State) -> None:
    """What is red is told, with what may be to blame; and nothing else is."""
    page, text = book.after, red_text(state)
    if bool(text) is not (page.last is Judgement.FAILED) or state.after.wanted != page.wanted:
        raise Broken(f"what landed last is {page.last}, and it is told: {text}")
    suspects = {name for name, _ in (page.held - page.good) & landings_now(book)}
    _, _, named = text.partition("landed since it was green: ")
    named = named.partition(" · ")[0].partition(" and ")[0]
    told = set(named.split(", ")) if named else set()
    if text and (not told <= suspects or len(told) != min(len(suspects), 5)):
        raise Broken(f"{suspects} may be to blame, and it is told: {text}")


__all__ = ["AfterPage", "check_after", "ends_well", "names_of"]
