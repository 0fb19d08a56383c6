"""`gangsaw ask TEXT`: an agent asks a person."""

from __future__ import annotations

import signal
import sys
import uuid
from dataclasses import dataclass
from types import FrameType

import click

from gangsaw.cli import clock, output
from gangsaw.cli.caller import Caller, require_agent
from gangsaw.cli.place import reading
from gangsaw.cli.requests import Answered, Wish, ask, submit
from gangsaw.cli.texts import text_or_file
from gangsaw.core.policy.stall import ANSWER_WAIT_MAX_S
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal

SCHEMA_VERSION = 1
POLL_S = 0.25
NOBODY_ANSWERED = 3
TERMINATED = 143
_OVER = ("turn.exited", "turn.lost", "attempt.failed", "landed")


class Terminated(BaseException):
    """Somebody does not want to wait any longer."""


@click.command("ask")
@click.argument("text", nargs=-1, required=True)
@click.option("--no-wait", is_flag=True, help="The answer is for the next turn; go on at once.")
@click.option(
    "--wait-s", type=click.FloatRange(min=0), default=ANSWER_WAIT_MAX_S,
    help="Give up waiting after so many seconds (a day).",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(text: tuple[str, ...], no_wait: bool, wait_s: float, as_json: bool) -> int:
    """For agents: ask a person, wait for the answer, and print it. TEXT `-` is read from standard
    input.

    While it waits, the turn is not taken for stuck. Where nobody waits any more, because this was
    ended or gave up, the answer is in the prompt of the next turn.

    Exit codes: 0 answered (or asked, with --no-wait) · 1 refused, or the turn is over · 3 nobody
    has answered in time.

    \b
    Examples:
      answer=$(gangsaw ask "Postgres or SQLite?")
      gangsaw ask --no-wait "I took SQLite; is that right?"
    """
    agent = require_agent("ask")
    wish = Wish(
        "ask", text=text_or_file(text), number=int(not no_wait), key=uuid.uuid4().hex, agent=agent
    )
    previous = signal.signal(signal.SIGTERM, _on_term)
    try:
        reply = ask(wish)
        if isinstance(reply, Answered) and not reply.ok:
            return _tell(reply.text, None, 1, as_json=as_json)
        if no_wait:
            return _tell("asked; the answer will be in your next turn's prompt", None, 0, as_json)
        return _wait(agent, wish, wait_s, as_json=as_json)
    except Terminated:
        _leave(agent, wish)
        return TERMINATED
    except KeyboardInterrupt:
        _leave(agent, wish)
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)


def _on_term(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _wait(agent: Caller, wish: Wish, wait_s: float, *, as_json: bool) -> int:
    with reading(Control(agent.control)) as journal:
        ear = _Ear(agent, wish.key)
        for _ in clock.until(wait_s, POLL_S):
            ear.listen(journal)
            if ear.answer is not None:
                code = _tell(ear.answer, ear.answer, 0, as_json=as_json)
                sys.stdout.flush()
                # Only now: until it is known that this was heard, the answer is kept for later.
                _tell_engine(agent, "heard", wish.key)
                return code
            if ear.over:
                return _tell("this turn is over", None, 1, as_json=as_json)
    _leave(agent, wish)
    text = "nobody has answered yet; the answer will be in your next turn's prompt"
    return _tell(text, None, NOBODY_ANSWERED, as_json=as_json)


@dataclass(slots=True)
class _Ear:
    """What the log has said so far of one question."""

    agent: Caller
    key: str
    seq: int = 0
    asked: bool = False
    answer: str | None = None
    over: bool = False

    def listen(self, journal: Journal) -> None:
        """Go on reading: is there an answer, and does anybody wait for it here any more?"""
        for row in journal.read(self.agent.run, self.seq, subject=self.agent.attempt):
            self.seq = row.seq
            if row.body.get("key") == self.key:
                self.asked = True
                if row.kind == "question.answered":
                    self.answer = str(row.body["text"])
            self.over = self.over or (self.asked and row.kind in _OVER)


def _leave(agent: Caller, wish: Wish) -> None:
    """The question stays, but nobody waits for its answer here."""
    _tell_engine(agent, "unask", wish.key)


def _tell_engine(agent: Caller, verb: str, key: str) -> None:
    submit(Control(agent.control), Wish(verb, text=key, agent=agent), uuid.uuid4().hex)


def _tell(text: str, answer: str | None, code: int, as_json: bool) -> int:
    if as_json:
        output.say_json(
            {"schema_version": SCHEMA_VERSION, "answer": answer, "ok": code == 0, "text": text}
        )
    elif code == 0:
        output.say(text)
    else:
        output.complain(text)
    return code
