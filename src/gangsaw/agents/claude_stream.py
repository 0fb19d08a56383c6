"""Claude Code's event stream into notes and an outcome. Pure; see `claude.py` for the facts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gangsaw.agents.endings import crashed, failed
from gangsaw.agents.lines import (
    OUTCOME_TEXT_MAX,
    LineSplitter,
    clipped,
    cost_in,
    count_in,
    json_object,
    moment_in,
    object_in,
    one_line,
    plain_text,
    tail_text,
    text_in,
)
from gangsaw.core.launch import (
    ActivityNoted,
    Ended,
    Note,
    OutcomeKind,
    QuestionNoted,
    ResultNoted,
    SessionNoted,
    TurnOutcome,
    UsageNoted,
)

# Messages whose usage is remembered for counting each once; a turn has some hundreds.
MESSAGES_MAX = 10_000

# What a shell reports for a program that a signal ended is 128 plus the signal.
_SIGNAL_EXIT_BASE = 128

_REFUSED_STATUS = frozenset({401, 402, 403, 404})
_LIMITED_STATUS = frozenset({429, 503, 529})
_REFUSED_TEXT = re.compile(
    r"invalid api key|not logged in|please run /login|credit balance is too low"
    r"|issue with the selected model|oauth token (has expired|revoked)",
    re.IGNORECASE,
)
_LIMITED_TEXT = re.compile(r"usage limit reached(?:\|(\d{9,11}))?|you.ve hit your \w+ ?limit", re.I)
_LOST_SESSION = "No conversation found with session ID"

_EDITING = frozenset({"Edit", "MultiEdit", "NotebookEdit", "Write"})
_LOOKING_UP = frozenset({"WebFetch", "WebSearch"})
_SEARCHING = frozenset({"Glob", "Grep"})
_DELEGATING = frozenset({"Agent", "Task"})


@dataclass(frozen=True, slots=True)
class _Tokens:
    fresh: int = 0
    output: int = 0
    cached: int = 0

    def plus(self, other: _Tokens) -> _Tokens:
        return _Tokens(
            self.fresh + other.fresh, self.output + other.output, self.cached + other.cached
        )

    def minus(self, other: _Tokens) -> _Tokens:
        return _Tokens(
            self.fresh - other.fresh, self.output - other.output, self.cached - other.cached
        )

    def noted(self, cost_usd: float | None) -> UsageNoted:
        return UsageNoted(self.fresh, self.output, self.cached, cost_usd)


class ClaudeReader:
    """Reads the events of one turn.

    Usage: input tokens are those not read from the cache (writes to it included). While the turn
    goes on it is the sum over the messages so far, whose output is not yet fully counted; the
    final event has the true figures and the cost. A session that turns out not to exist is taken
    back by `SessionNoted("")`.
    """

    def __init__(self, worktree: str, *, resumed: bool) -> None:
        self._worktree = worktree.rstrip("/") + "/"
        self._resumed = resumed
        self._lines = LineSplitter()
        self._malformed = 0
        self._session = ""
        self._by_message: dict[str, _Tokens] = {}
        self._running = _Tokens()
        self._final = _Tokens()
        self._final_cost: float | None = None
        self._last_usage: UsageNoted | None = None
        self._rejected = False
        self._resets_at: float | None = None
        self._result: dict[str, Any] | None = None

    @property
    def ignored_lines(self) -> int:
        """Lines that were no JSON object, or too long."""
        return self._malformed + self._lines.skipped

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        notes: list[Note] = []
        for line in self._lines.feed(chunk):
            event = json_object(line)
            if event is None:
                self._malformed += bool(line.strip())
            else:
                notes += self._notes(event)
        return notes

    def _notes(self, event: dict[str, Any]) -> list[Note]:
        self._take_limit(object_in(event.get("rate_limit_info")))
        match event.get("type"):
            case "system":
                return self._of_system(event)
            case "assistant":
                return self._of_assistant(event)
            case "result":
                return self._of_result(event)
            case _:
                return []

    def _of_system(self, event: dict[str, Any]) -> list[Note]:
        if event.get("subtype") == "init":
            return self._of_session(event)
        if event.get("subtype") == "api_retry":
            tries = f"{count_in(event.get('attempt'))} of {count_in(event.get('max_retries'))}"
            reason = one_line(text_in(event.get("error"))) or "no answer"
            return [ActivityNoted(one_line(f"waiting for the model: {reason}, try {tries}"))]
        return []

    def _of_session(self, event: dict[str, Any]) -> list[Note]:
        session = one_line(text_in(event.get("session_id")))
        if not session or session == self._session:
            return []
        self._session = session
        return [SessionNoted(session)]

    def _of_assistant(self, event: dict[str, Any]) -> list[Note]:
        message = object_in(event.get("message"))
        notes: list[Note] = []
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            note = self._of_block(object_in(block))
            notes += [note] if note is not None else []
        return notes + self._count(message)

    def _of_block(self, block: dict[str, Any]) -> Note | None:
        if block.get("type") == "text":
            words = one_line(text_in(block.get("text")))
            return ActivityNoted(words) if words else None
        if block.get("type") != "tool_use":
            return None
        name, arguments = text_in(block.get("name")), object_in(block.get("input"))
        if name == "AskUserQuestion":
            return QuestionNoted(_question(arguments))
        return ActivityNoted(one_line(self._tool_activity(name, arguments)) or "using a tool")

    def _tool_activity(self, name: str, arguments: dict[str, Any]) -> str:
        path = text_in(arguments.get("file_path")) or text_in(arguments.get("notebook_path"))
        path = path.removeprefix(self._worktree)
        if name == "Bash":
            return f"running: {text_in(arguments.get('command')).strip()}"
        if name in _EDITING:
            return f"editing {path}"
        if name == "Read":
            return f"reading {path}"
        if name in _SEARCHING:
            return f"searching: {text_in(arguments.get('pattern'))}"
        if name in _DELEGATING:
            return f"delegating: {text_in(arguments.get('description'))}"
        if name in _LOOKING_UP:
            wanted = text_in(arguments.get("url")) or text_in(arguments.get("query"))
            return f"looking up: {wanted}"
        return f"using {name}"

    def _count(self, message: dict[str, Any]) -> list[Note]:
        """Add a message's usage to the running sum; each message counts once, with its latest
        figures, however many events carry it."""
        usage = object_in(message.get("usage"))
        if not usage:
            return []
        tokens = _tokens(usage)
        id_ = text_in(message.get("id"))
        self._running = self._running.plus(tokens).minus(self._by_message.get(id_, _Tokens()))
        if len(self._by_message) >= MESSAGES_MAX:
            self._by_message.clear()
        self._by_message[id_] = tokens
        return self._usage(self._final.plus(self._running).noted(self._final_cost))

    def _usage(self, usage: UsageNoted) -> list[Note]:
        if usage == self._last_usage:
            return []
        self._last_usage = usage
        return [usage]

    def _of_result(self, event: dict[str, Any]) -> list[Note]:
        notes = self._of_session(event) if not event.get("is_error") else []
        self._result = event
        self._take_final(event)
        self._running = _Tokens()
        self._by_message.clear()
        notes += self._usage(self._final.noted(self._final_cost))
        if self._resumed and _LOST_SESSION in _errors(event):
            notes.append(SessionNoted(""))
        notes.append(ResultNoted(event.get("is_error") is False, _said(event)))
        return notes

    def _take_final(self, event: dict[str, Any]) -> None:
        """Add the true figures of what happened since the result before, or since the start."""
        models = event.get("model_usage_since_last_result")
        if isinstance(models, dict):
            cost = 0.0
            for model in map(object_in, models.values()):
                fresh = count_in(model.get("inputTokens"))
                fresh += count_in(model.get("cacheCreationInputTokens"))
                cached = count_in(model.get("cacheReadInputTokens"))
                tokens = _Tokens(fresh, count_in(model.get("outputTokens")), cached)
                self._final = self._final.plus(tokens)
                cost += cost_in(model.get("costUSD")) or 0.0
            self._final_cost = (self._final_cost or 0.0) + cost
            return
        self._final = self._final.plus(_tokens(object_in(event.get("usage"))))
        # Older versions tell only the session's total, which is this turn's for a new session.
        self._final_cost = None if self._resumed else cost_in(event.get("total_cost_usd"))

    def _take_limit(self, limit: dict[str, Any]) -> None:
        if limit.get("status") == "rejected":
            self._rejected = True
            self._resets_at = moment_in(limit.get("resetsAt"))
        elif limit.get("status") == "allowed":
            self._rejected = False

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a final event that is no error."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        if self._result is None:
            return self._without_result(ended, stderr_tail)
        said = _said(self._result)
        if self._result.get("is_error") is False:
            if ended.code == 0:
                return TurnOutcome(OutcomeKind.DONE, said)
            return failed(ended, said, stderr_tail)
        if self._resumed and _LOST_SESSION in _errors(self._result):
            return TurnOutcome(OutcomeKind.CRASHED, "its session was never saved")
        return self._of_error(self._result, ended, said, stderr_tail)

    def _of_error(
        self, result: dict[str, Any], ended: Ended, said: str, stderr_tail: bytes
    ) -> TurnOutcome:
        status = count_in(result.get("api_error_status"))
        limited = _LIMITED_TEXT.search(said)
        if self._rejected or limited or status in _LIMITED_STATUS:
            told = moment_in(int(limited[1])) if limited and limited[1] else None
            return TurnOutcome(OutcomeKind.LIMITED, said, self._resets_at or told)
        if status in _REFUSED_STATUS or _REFUSED_TEXT.search(said):
            return TurnOutcome(OutcomeKind.REFUSED, said)
        return failed(ended, said or text_in(result.get("subtype")), stderr_tail)

    def _without_result(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """It ended before its final event: by a signal it caught, or refusing to start."""
        code = ended.code or 0
        if code > _SIGNAL_EXIT_BASE:
            return crashed(Ended(None, code - _SIGNAL_EXIT_BASE)) or failed(ended, "", stderr_tail)
        words = tail_text(stderr_tail)
        if _REFUSED_TEXT.search(words):
            return TurnOutcome(OutcomeKind.REFUSED, words)
        return failed(ended, words or "ended without a result", b"")


def _tokens(usage: dict[str, Any]) -> _Tokens:
    fresh = count_in(usage.get("input_tokens"))
    fresh += count_in(usage.get("cache_creation_input_tokens"))
    cached = count_in(usage.get("cache_read_input_tokens"))
    return _Tokens(fresh, count_in(usage.get("output_tokens")), cached)


def _said(result: dict[str, Any]) -> str:
    words = text_in(result.get("result")) or _errors(result)
    return clipped(plain_text(words[: OUTCOME_TEXT_MAX * 8]).strip(), OUTCOME_TEXT_MAX)


def _errors(result: dict[str, Any]) -> str:
    errors = result.get("errors")
    return "\n".join(map(text_in, errors)) if isinstance(errors, list) else ""


def _question(arguments: dict[str, Any]) -> str:
    asked = arguments.get("questions")
    questions = [
        text_in(object_in(item).get("question"))
        for item in (asked if isinstance(asked, list) else [])
    ]
    words = "\n".join(filter(None, questions)) or text_in(arguments.get("question"))
    return clipped(plain_text(words[: OUTCOME_TEXT_MAX * 8]), OUTCOME_TEXT_MAX) or "(a question)"
