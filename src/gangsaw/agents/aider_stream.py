"""aider's text, and the events within, into notes and an outcome. Pure; see `aider.py`.

A reply is what stands between the event `message_send_starting` and the line `Tokens: …`. A
failed request is told there instead, in a line that begins with the error's class.
"""

from __future__ import annotations

import re
from typing import Any

from gangsaw.agents.endings import (
    crashed,
    ended_by,
    ended_by_fault,
    error_outcome,
    good_outcome,
    moment_of,
    without_last_word,
)
from gangsaw.agents.jsonl import JsonLines
from gangsaw.agents.lines import (
    OUTCOME_TEXT_MAX,
    LineSplitter,
    clipped,
    cost_in,
    count_in,
    inside,
    json_object,
    object_in,
    one_line,
    plain_text,
    text_in,
)
from gangsaw.agents.litellm import litellm_fault
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import (
    RESULT_TEXT_MAX,
    ActivityNoted,
    ConditionNoted,
    Ended,
    FileNoted,
    MessageNoted,
    Note,
    PermissionNoted,
    ResultNoted,
    SessionNoted,
    StartedNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)

_EVENT = b'{"event": "'
_VERSION = re.compile(r"Aider v(\S+)$")
_MODEL = re.compile(r"(?:Main model|Model): (\S+) with ")
_TOKENS = re.compile(r"Tokens: \S+ sent\b")
_CACHED = re.compile(r"([\d.]{1,12})(k?) cache hit")
_ERROR = re.compile(r"litellm\.\w+: ")
_RETRYING = re.compile(r"Retrying in [\d.]+ seconds\.\.\.")
# What the library that asks the vendor says of a list of prices it could not fetch.
_NOISE = ("HTTPSConnectionPool(",)

_RESTORED = "Restored previous conversation history."
_COMPLETED = "Completed --message"
# Lines that end a turn badly without an error of the vendor's.
_ENDINGS: tuple[tuple[re.Pattern[str], Condition], ...] = (
    (re.compile(r"Model \S+ has hit a token limit!"), Condition.CONTEXT_FULL),
    (re.compile(r"Only \d+ reflections allowed, stopping\."), Condition.TURN_LIMIT),
    (re.compile(r"No LLM model was specified and no API keys"), Condition.LOGIN_MISSING),
    (re.compile(r"Unable to proceed without an \S+ API key"), Condition.LOGIN_MISSING),
)


class AiderReader:
    """Reads the output of one turn. `history` is the session: the file of the chat so far."""

    def __init__(self, history: str, worktree: str, *, resumed: bool) -> None:
        self._history = history
        self._worktree = worktree
        self._resumed = resumed
        self._restored = False
        self._lines = LineSplitter()
        self._version = ""
        self._begun = False
        self._replying = False
        self._reply = ""
        self._said = ""
        self._error = ""
        self._retried = ""
        self._noted: Condition | None = None
        self._condition: Condition | None = None
        self._why = ""
        self._ended_well = False
        self._cached = 0
        self._usage = UsageNoted(0, 0, 0, None)

    @property
    def ignored_lines(self) -> int:
        """Lines that were too long; no text is malformed here."""
        return self._lines.skipped

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for line in self._lines.feed(chunk) for note in self._notes(line)]

    def _notes(self, line: bytes) -> list[Note]:
        at = line.find(_EVENT)
        event = json_object(line[at:]) if at >= 0 else None
        if event is not None and "user_id" in event:
            return self._of_event(text_in(event["event"]), object_in(event.get("properties")))
        text = plain_text(line).strip("\n")
        if text.startswith(_NOISE):
            return []
        return self._of_reply(text) if self._replying else self._of_text(text.strip())

    # --- events ----------------------------------------------------------------------------

    def _of_event(self, name: str, fields: dict[str, Any]) -> list[Note]:
        match name:
            case "message_send_starting":
                return self._of_start()
            case "message_send":
                return self._of_answer(fields)
            case "message_send_exception":
                self._error = one_line(text_in(fields.get("exception")), OUTCOME_TEXT_MAX)
                self._error = self._error or "an error without words"
                return []
            case "exit":
                return self._of_exit(text_in(fields.get("reason")))
            case _:
                return []

    def _of_start(self) -> list[Note]:
        notes: list[Note] = []
        if not self._begun:
            lost = self._resumed and not self._restored
            notes.append(SessionNoted("" if lost else self._history))
        self._begun = self._replying = True
        self._reply = self._error = ""
        self._noted = None
        return notes

    def _of_answer(self, fields: dict[str, Any]) -> list[Note]:
        """Tokens and cost of one request; where it was answered, no error of it counts."""
        sent, received = (
            count_in(fields.get("prompt_tokens")),
            count_in(fields.get("completion_tokens")),
        )
        if received:
            self._error = self._retried = ""
        cached = min(self._cached, sent)
        before, cost = self._usage, cost_in(fields.get("cost"))
        # Its price of a model it knows nothing of is 0.
        spent = before.cost_usd if not cost else (before.cost_usd or 0.0) + cost
        self._usage = UsageNoted(
            before.input_tokens + sent - cached,
            before.output_tokens + received,
            before.cached_tokens + cached,
            round(spent, 9) if spent is not None else None,
        )
        self._cached = 0
        return [self._usage]

    def _of_exit(self, reason: str) -> list[Note]:
        self._replying = False
        if not reason.startswith(_COMPLETED):
            self._error = self._error or reason or "ended for no reason it told"
        elif not self._error and self._condition is None:
            self._ended_well = True
        notes: list[Note] = []
        if self._error:
            notes = self._of_fault()
        words = self._said if self._ended_well else self._why or self._error
        return [*notes, ResultNoted(self._ended_well, words)]

    # --- text ------------------------------------------------------------------------------

    def _of_reply(self, text: str) -> list[Note]:
        if _TOKENS.match(text):
            self._replying = False
            self._said = self._reply.strip()
            self._take_cached(text)
            return []
        if _ERROR.match(text):
            self._error = clipped(text, OUTCOME_TEXT_MAX)
            return []
        if self._error:
            return self._of_retry() if _RETRYING.match(text) else []
        first = not self._reply.strip()
        self._reply = (self._reply + text + "\n")[:RESULT_TEXT_MAX]
        return [MessageNoted(one_line(text))] if first and text.strip() else []

    def _of_retry(self) -> list[Note]:
        waiting = ActivityNoted(one_line(f"waiting for the model: {self._error}"))
        notes = [*self._of_fault(), waiting]
        self._retried, self._error = self._error, ""
        return notes

    def _of_fault(self) -> list[Note]:
        """What the error means, once for all tries of a request."""
        fault = litellm_fault(self._error, None)
        if fault is None or fault.condition is self._noted:
            return []
        self._noted = fault.condition
        words = one_line(self._error)
        limit = fault.limit(text=words)
        return [limit if limit is not None else ConditionNoted(fault.condition, words)]

    def _take_cached(self, text: str) -> None:
        """Its count of what came from a cache, which it rounds above a thousand."""
        if (found := _CACHED.search(text)) is not None and found[1].count(".") <= 1:
            number = float(found[1].strip(".") or 0)
            self._cached = count_in(int(number * (1000 if found[2] else 1)))

    def _of_text(self, text: str) -> list[Note]:
        for pattern, condition in _ENDINGS:
            if pattern.match(text):
                self._condition, self._why = condition, text
                return [ConditionNoted(condition, one_line(text))]
        if not self._begun:
            return self._of_greeting(text)
        if _TOKENS.match(text):
            self._take_cached(text)
        word, _, rest = text.partition(" ")
        if text.startswith("Applied edit to "):
            path = inside(text.removeprefix("Applied edit to "), self._worktree)
            return [ToolNoted("edit", one_line(f"editing {path}")), FileNoted(path)]
        if text.startswith("Skipping edits to "):
            return [PermissionNoted(one_line(text), refused=True)]
        if word == "Commit" and rest:
            return [ToolNoted("commit", one_line(f"committing: {rest.partition(' ')[2]}"))]
        if text.startswith("The LLM did not conform to the edit format"):
            return [ConditionNoted(Condition.MALFORMED, one_line(text))]
        return []

    def _of_greeting(self, text: str) -> list[Note]:
        if (found := _VERSION.match(text)) is not None:
            self._version = found[1]
        elif (found := _MODEL.match(text)) is not None:
            return [StartedNoted(one_line(self._version), one_line(found[1]))]
        elif text == _RESTORED:
            self._restored = True
        return []

    # --- the end ---------------------------------------------------------------------------

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0, its word that the message was completed, and no error."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        if self._begun and self._resumed and not self._restored:
            return ended_by(Condition.SESSION_LOST, ended, "its chat history is gone")
        if self._condition is not None:
            return ended_by(self._condition, ended, self._why)
        if self._ended_well:
            return good_outcome(clipped(self._said, OUTCOME_TEXT_MAX), ended, stderr_tail)
        if error := self._error or self._retried:
            fault = litellm_fault(error, moment_of(ended))
            if fault is not None:
                return ended_by_fault(fault, ended, error)
            return error_outcome(error, ended, stderr_tail)
        return without_last_word(JsonLines(), ended, stderr_tail, begun=self._begun)
