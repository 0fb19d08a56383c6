"""The rules of the second bookkeeping about turns: who has them, how often, after which wait; what
they use; and what reviewers say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.conditions import Condition
from gangsaw.core.events import Cause
from gangsaw.core.launch import OutcomeKind, UsageNoted
from gangsaw.core.model import Stage, TurnKind
from gangsaw.testing.simulation import ledger_accounts
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger_governor import (
    has_company,
    is_kept_apart,
    is_short,
    kind_of,
    note_park,
    note_stop,
)
from gangsaw.testing.simulation.ledger_money import is_paid, may_park, may_stop, note_use
from gangsaw.testing.simulation.ledger_resolving import may_resolve
from gangsaw.testing.simulation.ledger_seats import own_reviewer, patience_of
from gangsaw.testing.simulation.pages import (
    LIMIT_LEFT_MAX_S,
    PASSES_ELSEWHERE,
    SPREAD_S,
    SWITCHES_MAX,
    AttemptPage,
    rule,
)
from gangsaw.testing.simulation.shims import Style

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger

NEVER_RAN_MAX = 5
CONTINUES_MAX = 3
WAITS_MAX = 100
REVIEW_TRIES_MAX = 3
WRITES = {TurnKind.TEST, TurnKind.WORK, TurnKind.FIX, TurnKind.RESOLVE}


@rule(ev.TurnWanted)
def _(book: Ledger, event: ev.TurnWanted, at: float) -> None:
    page = book.attempts[event.attempt]
    if event.launch != page.launch + 1:
        raise Broken(f"launch {event.launch} of {event.attempt} follows launch {page.launch}")
    if book.tasks[page.task].cancel_asked or book.stopping:
        raise Broken(f"{event.attempt} is launched though {page.task} is cancelled, or all stops")
    if page.launch != page.ended_launch or event.attempt in book.world.alive:
        raise Broken(f"{event.attempt} is launched again before launch {page.launch} has ended")
    reviews = event.why is TurnKind.REVIEW
    _as_often_as_allowed(page, event)
    may_resolve(page, event)
    seat = event.agent or page.agent
    after_wait = page.is_parked
    switched = _in_whose_place(book, page, event, at)
    if page.is_parked:
        _after_its_wait(book, page, event, at, switched=switched)
    if reviews:
        _may_review(book, page, event, again=after_wait or switched)
    else:
        _in_its_stage(book, page, event)
    _may_run_beside(book, page, event, at)
    if not book.has_free_slot(seat, page):
        raise Broken(f"{event.attempt} takes a slot of {seat} though none is free")
    is_paid(book, event.attempt, page, seat)
    ledger_accounts.may_launch(book, event.attempt, page, seat, at)
    if not reviews and seat != page.agent:
        page.model = ""
    page.reviewer, page.agent = (seat, page.agent) if reviews else ("", seat)
    page.unpaid = False
    page.launch, page.turn, page.why = event.launch, event.turn, event.why
    ledger_accounts.launch(book, event.attempt, event.launch, seat, at)
    page.launched_at = at
    page.stopped, page.crashed, page.word = None, False, None
    page.parked, page.parked_until, page.freed = None, None, False


def _may_run_beside(book: Ledger, page: AttemptPage, event: ev.TurnWanted, at: float) -> None:
    """What waited begins only where the machine has room, and where nothing runs alone."""
    kind = "review" if event.why is TurnKind.REVIEW else "work"
    agent, model, _ = kind_of(page, event.agent or page.agent)
    if page.is_parked and is_short(book, (agent, model, kind), at, worktree=False):
        raise Broken(f"{event.attempt} goes on though the machine is short")
    if page.holds != "agent" and is_kept_apart(book, page.task):
        raise Broken(f"{event.attempt} goes on beside one that runs alone")
    if not page.holds and has_company(book, page.task):
        raise Broken(f"{event.attempt} goes on, and does not run alone")


def _as_often_as_allowed(page: AttemptPage, event: ev.TurnWanted) -> None:
    """The bounds of what is done again."""
    page.once_more += int(event.turn == page.turn)
    if page.never_ran >= NEVER_RAN_MAX or page.once_more >= NEVER_RAN_MAX:
        raise Broken(f"{event.attempt} is launched again after {page.never_ran} that never ran")
    if event.why is not TurnKind.CONTINUE or event.turn == page.turn:
        return
    if not page.launch and not page.by_hand:
        raise Broken(f"{event.attempt} goes on, and has not begun")
    at_once = page.place in ("turn.exited", "turn.lost")
    if at_once and not (event.agent or page.crashed):
        page.continues += 1
    if page.continues > CONTINUES_MAX:
        raise Broken(f"{event.attempt} goes on for the {page.continues}th time")


def _in_whose_place(book: Ledger, page: AttemptPage, event: ev.TurnWanted, at: float) -> bool:
    """Whether another agent takes the place of the one that was at it. It must be its fallback,
    not be at its limit, and begin a session of its own."""
    reviews = event.why is TurnKind.REVIEW
    asks_anew = reviews and page.holds == "run"
    before = page.reviewer if reviews else page.agent
    if asks_anew or not event.agent or (reviews and event.agent == before):
        return False
    page.switches += 1
    condition = page.parked if page.is_parked else page.ended_by
    usable = event.agent == book.fallback_of(before) and not book.is_limited(event.agent, at)
    if not usable or condition not in PASSES_ELSEWHERE or not event.fresh:
        raise Broken(f"{event.agent} goes on with {event.attempt} in the place of {before}")
    ends = max(page.parked_until or 0.0, book.account_limits.get(book.account_of(before), 0.0))
    if condition is Condition.QUOTA and ends + SPREAD_S - at <= patience_of(book, before):
        raise Broken(f"{event.agent} goes on with {event.attempt}, and the limit soon ends")
    if page.switches > SWITCHES_MAX:
        raise Broken(f"{event.attempt} goes from agent to agent for the {page.switches}th time")
    return True


def _after_its_wait(
    book: Ledger, page: AttemptPage, event: ev.TurnWanted, at: float, *, switched: bool
) -> None:
    """It was parked: its time has come, another agent can go on, or a person said so."""
    told = book.talk.words_for(page.task) and not page.parked_until
    told = told or page.unpaid
    if (page.parked_until is None and not told) or book.paused:
        raise Broken(f"{event.attempt} goes on before a person said so")
    early = at < (page.parked_until or 0.0) or book.is_limited(page.seat, at)
    if early and not switched and not page.freed and not page.unpaid:
        raise Broken(f"{event.attempt} goes on at {at}, and is parked until {page.parked_until}")


def _may_review(book: Ledger, page: AttemptPage, event: ev.TurnWanted, *, again: bool) -> None:
    """The reviewer is asked about checked work, in a session of its own, and not for ever."""
    task = book.tasks[page.task].task
    if Stage.REVIEW not in task.stages or not event.fresh or not page.sealed:
        raise Broken(f"{event.attempt} is reviewed, and is not to be")
    if page.holds == "run":
        wanted = own_reviewer(book, task, page.agent)
        if event.agent not in (wanted, book.fallback_of(wanted)):
            raise Broken(f"{event.agent} reviews {event.attempt}, not {wanted}")
    elif page.why is not TurnKind.REVIEW:
        raise Broken(f"{event.attempt} is reviewed from {page.place}")
    if event.turn != page.turn and not again and page.stopped is not Cause.STOPPED:
        page.asked += 1
    if page.asked > REVIEW_TRIES_MAX or page.sealed == page.agreed:
        raise Broken(f"{event.attempt} is reviewed for the {page.asked}th time")


def _in_its_stage(book: Ledger, page: AttemptPage, event: ev.TurnWanted) -> None:
    """Where tests come first the work is begun when they have failed, if anything can tell."""
    task = book.tasks[page.task].task
    first = event.turn == 1
    if Stage.TEST not in task.stages or page.by_hand:
        wrong = event.why is TurnKind.TEST
    elif event.why is TurnKind.WORK:
        wrong = not (
            _has_tests(book, page.start) if first else page.tested or not book.gate_of_work(page)
        )
    else:
        wrong = first and event.why is not TurnKind.TEST
    if wrong:
        raise Broken(f"{event.attempt} is to {event.why} in its {event.turn}th turn")
    if event.why is TurnKind.WORK:
        page.begun = page.begun or event.launch


def _has_tests(book: Ledger, start: str) -> bool:
    """Whether the kept work that an attempt starts from is from when its tests had failed."""
    if not start:
        return False
    _, _, attempt, turn = start.split("/")
    begun = book.attempts[attempt].begun
    return 0 < begun <= int(turn.removeprefix("turn-")) + 1


def _limit_ends(book: Ledger, told: float | None, at: float) -> float:
    if told is None:
        return at + book.limits.backoff_max_s
    return min(max(told, at + book.limits.backoff_base_s), at + LIMIT_LEFT_MAX_S)


def _end(book: Ledger, page: AttemptPage, launch: int, crashed: bool) -> None:
    page.ended_launch = launch
    page.crashed = crashed and page.stopped is None
    if page.crashed and page.why is not TurnKind.REVIEW:
        book.tasks[page.task].crashes += 1


@rule(ev.AttemptParked)
def _(book: Ledger, event: ev.AttemptParked, at: float) -> None:
    page = book.attempts[event.attempt]
    unpaid = page.place in ("attempt.handed_back", "work.returned") and event.unpaid
    may_park(book, event, page)
    places = ("turn.exited", "turn.lost", "work.faulty", "attempt.parked")
    if page.place not in places and not unpaid:
        raise Broken(f"{event.attempt} is parked from {page.place}")
    if page.launch != page.ended_launch or not event.text:
        raise Broken(f"{event.attempt} is parked while its agent is alive, or nothing says why")
    note_park(book, event, page)
    page.parked, page.parked_until = event.condition, event.until
    page.told, page.freed = page.ended_at_moment is not None, False
    page.unpaid, page.allowed = event.unpaid, False
    if event.until is None:
        return
    page.waits += 1
    if page.waits > WAITS_MAX:
        raise Broken(f"{event.attempt} waits for the {page.waits}th time")
    if ledger_accounts.parks(book, event, page, at):
        return
    least = min(page.ended_at_moment or 0.0, at + LIMIT_LEFT_MAX_S)
    if event.until < max(least, at + 0.7 * book.limits.backoff_base_s):
        raise Broken(f"{event.attempt} waits until {event.until}, and its agent said {least}")


@rule(ev.ParkEnded)
def _(book: Ledger, event: ev.ParkEnded, at: float) -> None:
    page = book.attempts[event.attempt]
    if not page.is_parked:
        raise Broken(f"{event.attempt} may go on, and was not parked")
    ledger_accounts.free(book, page)
    page.allowed = page.allowed or page.unpaid
    page.unpaid = False
    page.parked, page.parked_until, page.freed = None, at, True


@rule(ev.SessionOpened)
def _(book: Ledger, event: ev.SessionOpened, at: float) -> None:
    launch = book.world.launches[event.attempt, event.launch]
    if launch.why is TurnKind.REVIEW:
        raise Broken(f"{event.session} is taken for {event.attempt}'s, and is its reviewer's")


@rule(ev.ReviewGiven)
def _(book: Ledger, event: ev.ReviewGiven, at: float) -> None:
    page = book.attempts[event.attempt]
    launch = book.world.launches[event.attempt, event.launch]
    said = launch.approves if launch.why is TurnKind.REVIEW else None
    if event.launch != page.launch or said is not event.review.approved:
        raise Broken(f"{event.reviewer} is said to think {event.review} of {event.attempt}")
    page.word = event.review


@rule(ev.ReviewPassed)
def _(book: Ledger, event: ev.ReviewPassed, at: float) -> None:
    page = book.attempts[event.attempt]
    if page.word is None or not page.word.approved:
        raise Broken(f"{event.attempt} passes its review without a word")
    page.agreed = page.sealed


@rule(ev.TurnStarted)
def _(book: Ledger, event: ev.TurnStarted, at: float) -> None:
    page = book.attempts[event.attempt]
    if event.launch != page.launch:
        raise Broken(f"{event.attempt} starts launch {event.launch}")
    page.began, page.launched_at = at - book.world.skew, at
    page.resolves += int(page.why is TurnKind.RESOLVE)
    if page.why in WRITES:
        page.writes += 1
        tests = 2 * int(Stage.TEST in book.tasks[page.task].task.stages)
        if page.writes > book.limits.turns_max + tests + page.rejections:
            raise Broken(f"{event.attempt} has its {page.writes}th turn")


@rule(ev.StopWanted)
def _(book: Ledger, event: ev.StopWanted, at: float) -> None:
    page = book.attempts[event.attempt]
    note_stop(book, event, page)
    may_stop(book, event, page)
    page.stopped = page.stopped or event.cause
    if event.cause not in (Cause.STALLED, Cause.TIMEOUT):
        return
    limit_s = book.tasks[page.task].task.timeout_s or book.limits.timeout_s
    least_s = book.limits.stall_s if event.cause is Cause.STALLED else limit_s
    age_s = at - book.world.skew - page.began
    if age_s < least_s - 1e-3:
        raise Broken(f"{event.attempt} is {event.cause} after {age_s} s, the limit is {least_s}")


@rule(ev.UsageReported)
def _(book: Ledger, event: ev.UsageReported, at: float) -> None:
    book.used[event.attempt, event.launch] = event
    note_use(book, event)
    page = book.attempts[event.attempt]
    if event.launch == page.launch and event.input_tokens + event.output_tokens > 0:
        ledger_accounts.answer(book, event.attempt, event.launch, page.seat, at)
    told = book.world.launches[event.attempt, event.launch]
    if not event.session or told.style is Style.LAUNCH:
        return
    # What is noted of all launches of the session is what the agent told of the session.
    noted = [
        used
        for (attempt, launch), used in book.used.items()
        if attempt == event.attempt
        and launch <= event.launch
        and book.world.launches[attempt, launch].session == told.session
    ]
    whole = [note for note in told.notes if isinstance(note, UsageNoted)]
    if all(used.cost_usd is not None for used in noted):
        cost = sum(used.cost_usd or 0.0 for used in noted)
        if cost not in [note.cost_usd for note in whole]:
            raise Broken(f"{event.attempt} used ${cost} in its session, and not {whole}")
    tokens = sum(used.input_tokens for used in noted)
    if told.style is Style.SESSION and tokens not in [note.input_tokens for note in whole]:
        raise Broken(f"{event.attempt} used {tokens} tokens in its session, and not {whole}")


@rule(ev.TurnExited)
def _(book: Ledger, event: ev.TurnExited, at: float) -> None:
    page = book.attempts[event.attempt]
    over = getattr(book.world.launches[event.attempt, event.launch], "over", None)
    if event.launch != page.launch or page.ended_launch == page.launch:
        raise Broken(f"{event.attempt} ends launch {event.launch} in launch {page.launch}")
    truth = over and (over.outcome.kind, over.code, over.signal)
    if truth != (event.outcome, event.code, event.signal):
        raise Broken(f"{event.attempt} is said to end as {event.outcome}, not as {truth}")
    page.ended_by, page.ended_at_moment = event.condition, event.retry_at
    ledger_accounts.end(book, page, event, at)
    if event.condition is Condition.QUOTA:
        until = _limit_ends(book, event.retry_at, at)
        account = book.account_of(page.seat)
        book.account_limits[account] = max(until, book.account_limits.get(account, 0.0))
    _end(book, page, event.launch, event.outcome is OutcomeKind.CRASHED)


@rule(ev.ConditionSeen)
def _(book: Ledger, event: ev.ConditionSeen, at: float) -> None:
    if event.condition in ledger_accounts.ASK_LESS:
        page = book.attempts[event.attempt]
        ledger_accounts.refuse(book, page.seat, event.until, at)


@rule(ev.TurnLost)
def _(book: Ledger, event: ev.TurnLost, at: float) -> None:
    page = book.attempts[event.attempt]
    if event.launch != page.launch or page.ended_launch == page.launch:
        raise Broken(f"{event.attempt} loses launch {event.launch} in launch {page.launch}")
    if event.attempt in book.world.alive:
        raise Broken(f"{event.attempt} is called lost, but it is alive")
    launch = book.world.launches.get((event.attempt, event.launch))
    if launch is not None and launch.over is not None and launch.started != event.started:
        raise Broken(f"{event.attempt} is lost, and wrongly said to have started: {event.started}")
    page.ended_by = page.ended_at_moment = None
    unasked = page.stopped is None and page.why is not TurnKind.REVIEW
    page.never_ran += int(not event.started and unasked)
    _end(book, page, event.launch, event.started)
