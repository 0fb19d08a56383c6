"""The rules of the second bookkeeping about attempts and what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.events import Cause
from gangsaw.core.model import TurnKind, Workspace
from gangsaw.testing.simulation import ledger_honesty, ledger_resolving
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger_money import lacks_money
from gangsaw.testing.simulation.ledger_order import goes_first
from gangsaw.testing.simulation.ledger_seats import may_go_to, stands_for
from gangsaw.testing.simulation.pages import AttemptPage, can_start_from, rule
from gangsaw.testing.simulation.reasons import Reasons

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger

FREE_OF_CHARGE = {
    *(Cause.CRASHED, Cause.LIMITED, Cause.CANCELLED, Cause.STOPPED, Cause.UNDONE),
    *(Cause.NO_ROOM, Cause.INCONCLUSIVE, Cause.SAID, Cause.TAKEN),
}
AT_ONCE = {Cause.STOPPED, Cause.CANCELLED, Cause.CONFLICT, Cause.UNMERGED, Cause.UNDONE}
FINAL = {Cause.EMPTY, Cause.REFUSED, Cause.UNCOMMITTED, Cause.BUDGET}
BLAMELESS = {Cause.NO_ROOM, Cause.INCONCLUSIVE}
BLAMELESS_MAX = 5


@rule(ev.AttemptAdmitted)
def _(book: Ledger, event: ev.AttemptAdmitted, at: float) -> None:
    page = book.tasks[event.task]
    looked = Reasons(book)
    reasons = looked.of(event.task, at)
    if [event.agent] != looked.agents_of(page, at):
        raise Broken(f"{event.attempt} is given to {event.agent}")
    if event.stands_for != stands_for(book, page.task, event.agent, at):
        raise Broken(f"{event.attempt} is begun in the place of {event.stands_for}")
    known = page.task.model if event.agent == may_go_to(book, page.task)[0] else None
    if event.model != known:
        raise Broken(f"{event.attempt} is given to {event.agent} with the model {event.model}")
    if reasons:
        raise Broken(f"{event.attempt} is admitted against {sorted(reasons)}")
    if page.is_over:
        raise Broken(f"{event.attempt} is admitted though {event.task} is closed")
    goes_first(book, page, looked.free(at))
    if page.current and book.attempts[page.current].live:
        raise Broken(f"{event.attempt} is admitted while {page.current} is live")
    if event.number != page.number + 1 or event.attempt in book.attempts:
        raise Broken(f"attempt number {event.number} of {event.task} after {page.number}")
    if page.tries >= (page.task.attempts or book.limits.attempts_max) or page.last_cause in FINAL:
        raise Broken(f"{event.attempt} is admitted after {page.tries} tries: {page.last_cause}")
    if page.crashes > book.limits.crashes_max:
        raise Broken(f"{event.attempt} is admitted after {page.crashes} crashes")
    for need in page.task.needs:
        landed = book.tasks[need].landed
        if landed and not book.world.trees.is_ancestor(landed, event.base):
            raise Broken(f"the base of {event.attempt} does not contain {need}")
    can_start_from(page, event.start)
    page.number, page.current = event.number, event.attempt
    page.first_base = page.first_base or event.base
    by_hand = bool(event.start) and event.start == page.given
    book.attempts[event.attempt] = AttemptPage(
        event.task, event.agent, event.model or "", start=event.start, by_hand=by_hand
    )


@rule(ev.WorkFound)
def _(book: Ledger, event: ev.WorkFound, at: float) -> None:
    page = book.attempts[event.attempt]
    if book.world.trees.worktrees[event.attempt].head != event.commit:
        raise Broken(f"{event.commit} is not what {event.attempt} left")
    against = book.world.trees.worktrees[event.attempt].base
    # A person agrees with what they have seen, not with the same found once more.
    page.sealed, page.approved, page.asked = event.commit, "", 0
    page.paths = book.world.trees.paths_between(event.commit, against)
    ledger_honesty.note_work(book, event)
    ledger_resolving.note_work(event, page)


@rule(ev.ReviewApproved)
def _(book: Ledger, event: ev.ReviewApproved, at: float) -> None:
    page = book.attempts[event.attempt]
    page.approved = page.sealed


@rule(ev.VerdictReached)
def _(book: Ledger, event: ev.VerdictReached, at: float) -> None:
    page, trees = book.attempts[event.attempt], book.world.trees
    wanted = book.gate_of_work(page)
    if book.tasks[page.task].task.workspace is Workspace.NONE:
        green = book.world.plain_green.get(event.attempt, set())
        red = event.attempt in book.world.plain_red
    else:
        green = trees.green.get(event.tree, set())
        red = event.tree in trees.seen_red
        if page.sealed not in trees.commits:
            raise Broken(f"a verdict on {event.attempt}, which has no work")
    if event.judgement is ev.Judgement.PASSED and not wanted <= green:
        raise Broken(f"{event.attempt} is called green without {sorted(wanted - green)}")
    if event.judgement is ev.Judgement.FAILED and not red:
        raise Broken(f"{event.attempt} is called red, but no check has failed on it")
    if event.judgement is ev.Judgement.FAILED and not page.tested:
        page.tested = True


@rule(ev.WorkReturned)
def _(book: Ledger, event: ev.WorkReturned, at: float) -> None:
    page = book.attempts[event.attempt]
    known = event.attempt in book.queue.blamed and page.place == "verdict.reached"
    if event.cause is Cause.COMBINATION and page.place != "candidate.wanted" and not known:
        raise Broken(f"{event.attempt} is sent back for a candidate that it is not in")
    if event.cause is Cause.CONCERNS:
        ledger_honesty.may_go_back(book, event.attempt, page)
    if event.cause is Cause.SAID and not book.talk.words_for(page.task):
        raise Broken(f"{event.attempt} goes back, and nobody has said anything")
    page.returned = event.cause
    if event.cause is Cause.FINDINGS:
        _take_findings(book, event.attempt, page)


@rule(ev.WorkFaulty)
def _(book: Ledger, event: ev.WorkFaulty, at: float) -> None:
    book.attempts[event.attempt].returned = event.cause


@rule(ev.AttemptFailed)
def _(book: Ledger, event: ev.AttemptFailed, at: float) -> None:
    attempt = book.attempts[event.attempt]
    page, limits = book.tasks[attempt.task], book.limits
    if event.attempt in book.world.alive or attempt.launch != attempt.ended_launch:
        raise Broken(f"{event.attempt} fails while its agent is alive")
    asked_for = event.cause in (Cause.CANCELLED, Cause.UNDONE)
    ended = attempt.place in ("turn.exited", "turn.lost")
    reviewed = ended and attempt.why is TurnKind.REVIEW
    if (attempt.is_parked or reviewed) and not asked_for:
        # Work that was checked, and an attempt that waits, end only because somebody says so.
        raise Broken(f"{event.attempt} ends as {event.cause} in a wait, or by its reviewer")
    own = asked_for or event.cause is Cause.WORKSPACE
    if ended and attempt.stopped is Cause.MEMORY and not own:
        raise Broken(f"{event.attempt} ends as {event.cause}, and was stopped for memory")
    unpaid = lacks_money(book, attempt.task, attempt.agent, alone=True)
    if event.cause is Cause.BUDGET and not unpaid:
        raise Broken(f"{event.attempt} ends for want of money, and there is enough")
    if event.counts == (event.cause in FREE_OF_CHARGE):
        raise Broken(f"{event.attempt} ends as {event.cause} and counts: {event.counts}")
    page.tries += int(event.cause not in FREE_OF_CHARGE)
    page.blameless += int(event.cause in BLAMELESS)
    page.retry_at, page.last_cause = event.retry_at, event.cause
    page.cancelled, page.cancel_asked = event.cause is Cause.CANCELLED, False
    if event.cause not in FREE_OF_CHARGE | AT_ONCE:
        plain = min(limits.backoff_base_s * 2.0 ** (page.tries - 1), limits.backoff_max_s)
        if not 0.74 * plain <= event.retry_at - at <= 1.26 * plain:
            raise Broken(f"{event.attempt} may be tried again after {event.retry_at - at} s")


def _take_findings(book: Ledger, name: str, page: AttemptPage) -> None:
    if page.word is None or page.word.approved or page.why is not TurnKind.REVIEW:
        raise Broken(f"{name} is sent back, and no reviewer has rejected it")
    page.rejections += 1
    if page.rejections >= book.limits.rounds_max:
        raise Broken(f"{name} is sent back for the {page.rejections}th time by its reviewer")
