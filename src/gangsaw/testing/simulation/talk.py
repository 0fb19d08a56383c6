"""What people and agents said, in the second bookkeeping: no message lost, no claim shared, nothing
runs of an attempt that a person works in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core import events_talk as et
from gangsaw.core.events import Cause
from gangsaw.core.model import task_of
from gangsaw.core.state import State
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger_money import lacks_money

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger
    from gangsaw.testing.simulation.pages import AttemptPage

ANSWER_WAIT_MAX_S = 24 * 3600.0
DONE_QUIET_S = 60.0
RUNS = frozenset({"turn.wanted", "inspection.wanted", "change.queued", "review.opened"})
"""Events that must not come to an attempt in the hands of a person."""


@dataclass(slots=True)
class Said:
    """One attempt. `told` were handed to its turns; `asked` are its open questions, with the moment
    (world's clock) from which its command waits, `None` for those that do not."""

    told: list[str] = field(default_factory=list)
    asked: dict[str, float | None] = field(default_factory=dict)
    claims: set[str] = field(default_factory=set)
    done_at: float | None = None
    taken: str = ""
    in_hand: bool = False
    for_people: int = 0


class Talk:
    """The book. `waiting` are the keys of each task's messages, `agents` those left by agents."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[str]] = {}
        self.agents: set[str] = set()
        self.advice: set[str] = set()
        """Those of the radar: nothing waits for them."""
        self.said: dict[str, Said] = {}

    def of(self, attempt: str) -> Said:
        """The attempt's page."""
        return self.said.setdefault(attempt, Said())

    def from_people(self, task: str) -> list[str]:
        """Messages of people that no turn was told yet."""
        return [key for key in self.words_for(task) if key not in self.agents]

    def words_for(self, task: str) -> list[str]:
        """Messages that are more than advice."""
        return [key for key in self.waiting.get(task, ()) if key not in self.advice]

    def advice_for(self, task: str) -> list[str]:
        """Advice that no turn was told yet."""
        return [key for key in self.waiting.get(task, ()) if key in self.advice]

    def withdraw(self, task: str, prefix: str) -> bool:
        """Advice that begins so is not given any more; whether there was any."""
        before = self.waiting.get(task, [])
        self.waiting[task] = [key for key in before if not key.startswith(prefix)]
        return len(self.waiting[task]) < len(before)

    def is_asking(self, attempt: str) -> bool:
        """Whether a command of its agent has put a question that is open."""
        return bool(self.of(attempt).asked)

    def take(self, book: Ledger, event: ev.Event, at: float) -> None:
        """Check that the event may happen, and note what it says."""
        if event.kind in RUNS and self.of(event.subject).taken:
            raise Broken(f"{event.kind} of {event.subject}, which a person has taken over")
        match event:
            case et.MessageLeft():
                self.waiting.setdefault(event.task, []).append(event.key)
                if event.agent:
                    self.agents.add(event.key)
                if event.advice:
                    self.advice.add(event.key)
                if event.question:
                    self._forget(book.tasks[event.task].current)
            case ev.QuestionAsked():
                if event.key:
                    since = at - book.world.skew if event.waits else None
                    self.of(event.attempt).asked[event.key] = since
            case et.QuestionAnswered():
                self._answer(book, event)
            case et.AnswerHeard():
                self.waiting[book.attempts[event.attempt].task].remove(event.key)
            case et.QuestionDropped():
                self.of(event.attempt).asked[event.key] = None
            case et.PathsClaimed():
                self._claim(book, event)
            case et.PathsReleased():
                self.of(event.attempt).claims -= set(event.paths)
            case et.DoneSaid():
                self.of(event.attempt).done_at = at - book.world.skew
            case et.TakeWanted() | et.AttemptTaken() | et.HandedBack():
                self._change_hands(event)
                if isinstance(event, et.HandedBack):
                    book.tasks[task_of(event.attempt)].resolved_by = ""
                    book.attempts[event.attempt].returned = Cause.TAKEN
            case _:
                self._of_others(book, event, at)

    def _forget(self, attempt: str) -> None:
        page = self.of(attempt)
        page.asked = {key: since for key, since in page.asked.items() if since is not None}

    def _answer(self, book: Ledger, event: et.QuestionAnswered) -> None:
        if self.of(event.attempt).asked.pop(event.key, None) is None:
            raise Broken(f"{event.attempt} is answered {event.key}, which nobody waits for")
        self.waiting.setdefault(book.attempts[event.attempt].task, []).append(event.key)

    def _claim(self, book: Ledger, event: et.PathsClaimed) -> None:
        from gangsaw.testing.simulation.reasons import scopes_meet

        for name, other in book.live():
            task = book.tasks[other.task].task
            held = (*task.scope, *self.of(name).claims)
            if name != event.attempt and scopes_meet(event.paths, held):
                raise Broken(f"{event.attempt} is given {event.paths}, which {name} has")
        self.of(event.attempt).claims |= set(event.paths)

    def _change_hands(self, event: et.TakeWanted | et.AttemptTaken | et.HandedBack) -> None:
        page = self.of(event.attempt)
        match event:
            case et.TakeWanted():
                if page.taken:
                    raise Broken(f"{event.attempt} is taken over twice")
                page.taken = event.by
            case et.AttemptTaken():
                if not page.taken or page.in_hand:
                    raise Broken(f"{event.attempt} is taken, and nobody asked for it")
                page.in_hand = True
            case et.HandedBack():
                if not page.in_hand:
                    raise Broken(f"{event.attempt} is handed back by nobody")
                page.taken, page.in_hand = "", False
                page.for_people += 1

    def _of_others(self, book: Ledger, event: ev.Event, at: float) -> None:
        match event:
            case ev.TurnWanted():
                page, task = self.of(event.attempt), book.attempts[event.attempt].task
                if event.why.value != "review":
                    page.told += self.waiting.pop(task, [])
                page.asked, page.done_at = {}, None
            case ev.TurnExited() | ev.TurnLost():
                self.of(event.attempt).asked = {}
            case ev.WorkReturned():
                self.of(event.attempt).for_people += int(event.cause is Cause.SAID)
            case ev.StopWanted():
                self._stop(book, event, at)
            case ev.ChangeQueued():
                self._goes_on(book, event.attempt)
            case ev.TaskDone() | ev.Landed():
                if event.attempt in book.attempts:
                    self._goes_on(book, event.attempt)
                    self.waiting.pop(event.task, None)
            case ev.AttemptFailed():
                page, task = self.of(event.attempt), book.attempts[event.attempt].task
                said = (*page.told, *self.waiting.get(task, ()))
                self.waiting[task] = [key for key in said if key not in self.advice]
                page.told = []
            case _:
                pass

    def _stop(self, book: Ledger, event: ev.StopWanted, at: float) -> None:
        page, now = self.of(event.attempt), at - book.world.skew
        since = [moment for moment in page.asked.values() if moment is not None]
        overdue = event.cause in (Cause.STALLED, Cause.TIMEOUT, Cause.SAID_DONE)
        if overdue and since and now < max(since) + ANSWER_WAIT_MAX_S - 1e-3:
            raise Broken(f"{event.attempt} is {event.cause} while it waits for an answer")
        if event.cause is Cause.SAID_DONE:
            if page.done_at is None:
                raise Broken(f"{event.attempt} is ended as done, and did not say so")
            if now < page.done_at + min(DONE_QUIET_S, book.limits.stall_s) - 1e-3:
                raise Broken(f"{event.attempt} is ended {now - page.done_at} s after it said done")

    def _goes_on(self, book: Ledger, attempt: str) -> None:
        """Finished work may only go on when its agent has read all; or when there is no money to
        tell it, and a person has agreed."""
        page = book.attempts[attempt]
        unread = self.from_people(page.task)
        if unread and not (page.approved == page.sealed and _is_spent(book, page)):
            raise Broken(f"{attempt} goes on, and has not read {unread}")


def _is_spent(book: Ledger, page: AttemptPage) -> bool:
    """Whether no further turn of its agent, or of its reviewer, may be paid for."""
    return any(lacks_money(book, page.task, agent, alone=True) for agent in (page.agent, page.seat))


def check_talk(book: Ledger, state: State) -> None:
    """Raise `Broken` unless the state has every message where it belongs."""
    talk = book.talk
    for name, known in state.task_states.items():
        found, wanted = [said.key for said in known.messages], talk.waiting.get(name, [])
        if found != wanted:
            raise Broken(f"the messages for {name} are {found}, and should be {wanted}")
    for name, _ in book.live():
        attempt, page = state.attempts[name], talk.of(name)
        if [said.key for said in attempt.told] != page.told:
            raise Broken(f"{name} was told {attempt.told}, and should have been {page.told}")
        if set(attempt.claims) != page.claims or attempt.in_hand != page.in_hand:
            raise Broken(f"{name} holds {attempt.claims}, and should hold {page.claims}")


__all__ = ["Said", "Talk", "check_talk"]
