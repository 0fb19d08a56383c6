"""The second bookkeeping of what was found in work: who has to agree before it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.events import Cause
from gangsaw.core.model import Review, Stage, Workspace
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.pages import AttemptPage, rule

if TYPE_CHECKING:
    from gangsaw.core.honesty import Concern
    from gangsaw.testing.simulation.ledger import Ledger

BLOCKED = {"secret", "link_out", "conflict_markers"}
WARNED = {"binary", "executable"}
"""What is not for a person to review where the settings say nothing of it."""

CHECKED = ("verdict.reached", "review.passed", "review.approved")
"""Where finished work goes on from."""

REVIEWED = ("turn.exited", "turn.lost")


def follows(book: Ledger, concern: Concern) -> str:
    """What follows from it, by the settings of now."""
    rules, kind, path = book.limits.honesty, concern.kind.value, concern.path
    for folder, allowed in rules.allow:
        below = path == folder or path.startswith(folder + "/")
        if below and allowed in (kind, "any"):
            return "off"
    for named, answer in rules.answers:
        if named == kind:
            return answer
    if kind in BLOCKED:
        return "block"
    return "warn" if kind in WARNED else "review"


def grave(book: Ledger, page: AttemptPage, *answers: str) -> list[Concern]:
    """The concerns about the sealed work that have one of these answers."""
    if page.approved == page.sealed:
        return []
    found = book.world.finds.concerns_in(page.sealed, 0.0)
    return [each for each in found if follows(book, each) in answers]


def note_work(book: Ledger, event: ev.WorkFound) -> None:
    """All that was seen is kept, and nothing else."""
    if event.concerns != book.world.finds.concerns_in(event.commit, 0.0):
        raise Broken(f"{event.attempt} is said to hold {event.concerns}")


def may_be_queued(book: Ledger, name: str, page: AttemptPage) -> None:
    """A person has agreed with exactly this work, where something in it asks for that."""
    found = grave(book, page, "block", "review")
    if page.place in CHECKED and found:
        raise Broken(f"{name} is queued with {found}, and nobody has agreed")


def may_go_back(book: Ledger, name: str, page: AttemptPage) -> None:
    """Only what must not land goes back by itself."""
    if page.place not in CHECKED or not grave(book, page, "block"):
        raise Broken(f"{name} goes back from {page.place}, and nothing in it must not land")


@rule(ev.ReviewOpened)
def _(book: Ledger, event: ev.ReviewOpened, at: float) -> None:
    page = book.attempts[event.attempt]
    task = book.tasks[page.task].task
    if page.place in CHECKED:
        asked = task.review is Review.PERSON or Stage.APPROVE in task.stages
        unread = book.talk.from_people(page.task)
        unpaid = Stage.REVIEW in task.stages
        if not (asked or unread or unpaid or grave(book, page, "block", "review")):
            raise Broken(f"a person is asked about {event.attempt}, and nothing in it asks for it")
        blocked = task.workspace is Workspace.WORKTREE and grave(book, page, "block")
        if blocked and Stage.REVIEW not in task.stages:
            raise Broken(f"a person is asked about {event.attempt} before its agent was")
    elif page.place == "work.returned" and page.returned is not Cause.CONCERNS:
        raise Broken(f"a person is asked about {event.attempt}, which came back")
