"""A changed task file in the second bookkeeping: nothing of it reaches a task that is being worked
on or has landed, and all of it the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core.events_watching import EditTaken, SourceRefused, SourceTaken
from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.core.state import State
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.pages import TaskPage, rule

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger


def _is_bound(book: Ledger, name: str) -> bool:
    page = book.tasks[name]
    current = book.attempts.get(page.current)
    return page.finished or (current is not None and current.live)


@rule(SourceTaken)
def _(book: Ledger, event: SourceTaken, at: float) -> None:
    edits, is_other = book.world.edits, False
    for record in event.added:
        task = record.task
        if task is None or task.id in book.tasks:
            raise Broken(f"{record.entry.task} comes for the second time, or without a task")
        book.tasks[task.id] = TaskPage(task)
        is_other = True
    for edited in event.edited:
        page = book.tasks[edited.id]
        if edited != edits.says(edited.id):
            raise Broken(f"{edited.id} is said to be {edited}, and the file says something else")
        if _is_bound(book, edited.id):
            page.later = None if edited == page.task else edited
        else:
            _become(page, edited)
            is_other = True
    for name in event.opened:
        _open(book, name)
    for each in event.marked:
        page = book.tasks[each.task]
        if page.finished:
            raise Broken(f"{each.task} has landed, and is closed by its file")
        if each.mark.holder and page.number:
            raise Broken(f"{each.task} is held for {each.mark.holder} after we have begun it")
        if _is_bound(book, each.task):
            page.later_mark = each.mark.standing
        else:
            _close(page, each.mark.standing)
    for name in (*event.restored, *event.left):
        if not book.tasks[name].finished or name not in book.world.played_file.lost:
            raise Broken(f"{name} is said to be open again, and is not")
    for name in event.restored:
        page = book.tasks[name]
        if page.restored == page.number:
            raise Broken(f"the tick of {name} is set for the second time")
        page.restored = page.number
    if is_other:
        book.order.rank(book)


def _become(page: TaskPage, task: Task) -> None:
    """Work from before there was this need is not built upon."""
    if not set(task.needs) <= set(page.task.needs):
        page.outdated = page.number
    page.task, page.later = task, None


def _open(book: Ledger, name: str) -> None:
    page = book.tasks[name]
    page.later_mark = None
    if not page.by_file:
        return
    page.by_file = False
    if page.cancelled:
        page.given_up = page.cancelled = page.cancel_asked = False
        page.tries = page.crashes = page.blameless = 0
        page.retry_at, page.last_cause = 0.0, None
        book.machine.stops.pop(name, None)


def _close(page: TaskPage, standing: Standing) -> None:
    if page.finished or page.undone:
        return
    page.resolved_by = ""
    if standing is Standing.DONE:
        page.finished = True
    elif not page.is_over:
        page.cancelled = page.by_file = True


@rule(SourceRefused)
def _(book: Ledger, event: SourceRefused, at: float) -> None:
    if not event.reason:
        raise Broken("a version of the file is refused without a reason")


@rule(EditTaken)
def _(book: Ledger, event: EditTaken, at: float) -> None:
    page = book.tasks[event.task]
    if _is_bound(book, event.task):
        raise Broken(f"{event.task} becomes another while it is worked on, or after its landing")
    if page.later is None and page.later_mark is None:
        raise Broken(f"nothing has waited for the end of {event.task}")
    mark, page.later_mark = page.later_mark, None
    if page.later is not None:
        _become(page, page.later)
        book.order.rank(book)
    if mark is not None:
        _close(page, mark)


def check_source(book: Ledger, state: State) -> None:
    """Every task is what it was when its attempt began, or else what the file has said last."""
    if state.tasks.keys() != book.tasks.keys():
        raise Broken(f"the run has {sorted(state.tasks)}, and not {sorted(book.tasks)}")
    for name, page in book.tasks.items():
        if state.tasks[name] != page.task:
            raise Broken(f"{name} is {state.tasks[name]}, and should be {page.task}")
        if page.later is not None and not _is_bound(book, name):
            raise Broken(f"{name} is not what its file says, and nothing hinders that")


def check_all_came(book: Ledger) -> None:
    """When a run ends, everything that was read before is a part of it."""
    lacking = book.world.edits.read - book.tasks.keys()
    if lacking:
        raise Broken(f"the run ends without {sorted(lacking)}")
