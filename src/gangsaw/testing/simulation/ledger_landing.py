"""The rules of the second bookkeeping about landings, undoing and delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.model import Review, Stage, Workspace
from gangsaw.testing.simulation import ledger_honesty, ledger_resolving
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.pages import rule
from gangsaw.testing.simulation.trees import owner

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger


@rule(ev.ChangeQueued)
def _(book: Ledger, event: ev.ChangeQueued, at: float) -> None:
    page = book.attempts[event.attempt]
    task, approved = book.tasks[page.task].task, page.approved == event.commit
    ledger_honesty.may_be_queued(book, event.attempt, page)
    if (task.review is Review.PERSON or Stage.APPROVE in task.stages) and not approved:
        raise Broken(f"{event.attempt} is queued without review")
    if Stage.REVIEW in task.stages and page.agreed != event.commit and not approved:
        raise Broken(f"{event.attempt} is queued, and no reviewer agrees with {event.commit}")
    if event.commit != page.sealed:
        raise Broken(f"{event.attempt} queues {event.commit}, not {page.sealed}")


@rule(ev.LandingWanted)
def _(book: Ledger, event: ev.LandingWanted, at: float) -> None:
    trees = book.world.trees
    tree = "t:" + " ".join(sorted(trees.commits[event.commit].tree))
    missing = book.gate_of_landing(event.attempt, event.commit) - trees.green.get(tree, set())
    if missing:
        raise Broken(f"{event.attempt} is to land without {sorted(missing)} green")
    if event.attempt in book.attempts:
        above = trees.commits[event.commit].above
        if book.attempts[event.attempt].sealed not in above:
            raise Broken(f"{event.attempt} is to land without its work")


@rule(ev.LandingMissed)
def _(book: Ledger, event: ev.LandingMissed, at: float) -> None:
    book.head = event.found


@rule(ev.Landed)
def _(book: Ledger, event: ev.Landed, at: float) -> None:
    head = event.head or event.commit
    trees = book.world.trees
    if (event.onto, head) not in [(onto, commit) for _, onto, commit in trees.moves]:
        raise Broken(f"{event.attempt} is called landed, but nothing was moved")
    if event.commit not in trees.commits[head].above:
        raise Broken(f"{event.attempt} is called landed as {event.commit}, which is not in {head}")
    book.head = book.checked = head
    if event.attempt not in book.attempts:
        return
    ledger_resolving.is_told(book, event)
    page = book.tasks[event.task]
    if page.finished:
        raise Broken(f"{event.task} lands twice")
    page.finished, page.landed = True, event.commit
    book.landed.append(event.task)
    _stays_undone(book, head)


@rule(ev.UndoWanted)
def _(book: Ledger, event: ev.UndoWanted, at: float) -> None:
    page = book.tasks[event.task]
    if page.undo_wanted or not page.landed or event.landed != page.landed:
        raise Broken(f"{event.task} is to be undone twice, or has not landed as {event.landed}")
    page.undo_wanted = True


@rule(ev.Undone)
def _(book: Ledger, event: ev.Undone, at: float) -> None:
    page, about = book.tasks[event.task], f"@undo/{event.task}"
    if not page.undo_wanted or (about, event.onto, event.commit) not in book.world.trees.moves:
        raise Broken(f"{event.task} is called undone, but nobody asked, or nothing was moved")
    book.head = book.checked = event.commit
    book.landed.remove(event.task)
    page.finished, page.landed, page.undone, page.undo_wanted = False, "", True, False
    for other in book.tasks.values():
        if event.task in other.task.needs:
            other.outdated = other.number
    _stays_undone(book, event.commit)


@rule(ev.UndoFailed)
def _(book: Ledger, event: ev.UndoFailed, at: float) -> None:
    book.tasks[event.task].undo_wanted = False


def _stays_undone(book: Ledger, commit: str) -> None:
    """Nothing of an undone task is on the integration branch."""
    owners = set(map(owner, book.world.trees.commits[commit].tree))
    left = [name for name in owners if name in book.tasks and book.tasks[name].undone]
    if left:
        raise Broken(f"{commit} has work of {left}, which is undone")


@rule(ev.TaskDone)
def _(book: Ledger, event: ev.TaskDone, at: float) -> None:
    page = book.tasks[event.task]
    if page.finished or page.task.workspace is not Workspace.NONE:
        raise Broken(f"{event.task} is done twice, or has something to land")
    page.finished = True


@rule(ev.Delivered)
def _(book: Ledger, event: ev.Delivered, at: float) -> None:
    trees = book.world.trees
    if not trees.is_ancestor(event.commit, trees.target):
        raise Broken(f"{event.commit} is called delivered, but the target does not contain it")


@rule(ev.Pushed)
def _(book: Ledger, event: ev.Pushed, at: float) -> None:
    trees = book.world.trees
    if not trees.is_ancestor(event.commit, trees.remote):
        raise Broken(f"{event.commit} is called pushed, but the remote does not contain it")
