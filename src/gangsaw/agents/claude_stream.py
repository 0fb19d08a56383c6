"""Claude Code's event stream into notes and an outcome. Pure; see `claude.py` for the facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gangsaw.agents.endings import (
    crashed,
    ended_by,
    ended_by_fault,
    error_outcome,
    failed,
    good_outcome,
    without_last_word,
)
from gangsaw.agents.faults import Fault, condition_of_status, fault_of
from gangsaw.agents.jsonl import JsonLines
from gangsaw.agents.lines import (
    OUTCOME_TEXT_MAX,
    clipped,
    cost_in,
    count_in,
    inside,
    moment_in,
    object_in,
    one_line,
    plain_text,
    text_in,
)
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
    QuestionNoted,
    ResultNoted,
    SessionNoted,
    StartedNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)

# Messages whose usage is remembered for counting each once, and edits whose result is awaited; a
# turn has some hundreds.
MESSAGES_MAX = 10_000

_LOST_SESSION = "No conversation found with session ID"

# What the final event says of itself, before its words are looked at.
_REASONS: dict[str, Condition] = {
    "error_max_turns": Condition.TURN_LIMIT,
    "max_turns": Condition.TURN_LIMIT,
    "error_max_budget_usd": Condition.MONEY_LIMIT,
    "budget_exhausted": Condition.MONEY_LIMIT,
    "prompt_too_long": Condition.CONTEXT_FULL,
    "connection_failed": Condition.NETWORK,
    "usage_limit_reached": Condition.QUOTA,
}
_RETRIED: dict[str, Condition] = {
    "authentication_failed": Condition.LOGIN_EXPIRED,
    "overloaded": Condition.OVERLOADED,
    "rate_limit": Condition.THROTTLED,
    "server_error": Condition.OVERLOADED,
}

_EDITING = frozenset({"Edit", "MultiEdit", "NotebookEdit", "Write"})
_LOOKING_UP = frozenset({"WebFetch", "WebSearch"})
_SEARCHING = frozenset({"Glob", "Grep"})
_DELEGATING = frozenset({"Agent", "Task"})
_ASKING = "AskUserQuestion"


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
    back by `SessionNoted("")`. `readonly`: refusals are what was asked for, and are no condition.
    """

    def __init__(self, worktree: str, *, resumed: bool, readonly: bool = False) -> None:
        self._worktree = worktree
        self._resumed = resumed
        self._readonly = readonly
        self._events = JsonLines()
        self._session = ""
        self._by_message: dict[str, _Tokens] = {}
        self._running = _Tokens()
        self._final = _Tokens()
        self._final_cost: float | None = None
        self._cost_of_session = False
        self._last_usage = UsageNoted(0, 0)
        self._result: dict[str, Any] | None = None
        self._limit: Fault | None = None
        self._edits: dict[str, str] = {}
        self._asked = False
        self._refused = False

    @property
    def ignored_lines(self) -> int:
        """Lines that were no JSON object, or too long."""
        return self._events.ignored

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for event in self._events.feed(chunk) for note in self._notes(event)]

    def _notes(self, event: dict[str, Any]) -> list[Note]:
        match event.get("type"):
            case "system":
                return self._of_system(event)
            case "assistant":
                return self._of_assistant(event)
            case "user":
                return self._of_tool_results(event)
            case "rate_limit_event":
                return self._of_limit(object_in(event.get("rate_limit_info")))
            case "result":
                return self._of_result(event)
            case _:
                return []

    def _of_system(self, event: dict[str, Any]) -> list[Note]:
        match event.get("subtype"):
            case "init":
                started = self._of_session(event)
                version = one_line(text_in(event.get("claude_code_version")))
                model = one_line(text_in(event.get("model")))
                return [StartedNoted(version, model), *started] if started else []
            case "api_retry":
                return self._of_retry(event)
            case "permission_denied":
                self._refused = True
                what = one_line(text_in(event.get("message")))
                tool = one_line(text_in(event.get("tool_name")))
                return [PermissionNoted(f"{tool}: {what}" if tool else what, refused=True)]
            case _:
                return []

    def _of_retry(self, event: dict[str, Any]) -> list[Note]:
        tries = f"{count_in(event.get('attempt'))} of {count_in(event.get('max_retries'))}"
        reason = one_line(text_in(event.get("error")))
        status = count_in(event.get("error_status"))
        text = one_line(f"waiting for the model: {reason or 'no answer'}, try {tries}")
        condition = condition_of_status(status) or _RETRIED.get(reason) or Condition.NETWORK
        return [ActivityNoted(text), ConditionNoted(condition, text)]

    def _of_session(self, event: dict[str, Any]) -> list[Note]:
        session = one_line(text_in(event.get("session_id")))
        if not session or session == self._session:
            return []
        self._session = session
        return [SessionNoted(session)]

    def _of_assistant(self, event: dict[str, Any]) -> list[Note]:
        if event.get("is_api_error_message") is True:
            return []  # the program's own words on a failed request; the final event has them too
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
            return MessageNoted(words) if words else None
        if block.get("type") != "tool_use":
            return None
        name, arguments = text_in(block.get("name")), object_in(block.get("input"))
        self._asked = name == _ASKING
        if self._asked:
            return QuestionNoted(_question(arguments))
        if name in _EDITING and len(self._edits) < MESSAGES_MAX:
            self._edits[text_in(block.get("id"))] = self._path(arguments)
        words = one_line(self._tool_activity(name, arguments)) or "using a tool"
        return ToolNoted(one_line(name) or "tool", words)

    def _of_tool_results(self, event: dict[str, Any]) -> list[Note]:
        """The files that were written: those whose editing tool did not report an error."""
        content = object_in(event.get("message")).get("content")
        notes: list[Note] = []
        for block in map(object_in, content if isinstance(content, list) else []):
            path = self._edits.pop(text_in(block.get("tool_use_id")), "")
            if block.get("is_error") is not True:
                self._refused = False  # it went on in another way
                notes += [FileNoted(path)] if path else []
        return notes

    def _path(self, arguments: dict[str, Any]) -> str:
        path = text_in(arguments.get("file_path")) or text_in(arguments.get("notebook_path"))
        return inside(path, self._worktree)

    def _tool_activity(self, name: str, arguments: dict[str, Any]) -> str:
        if name == "Bash":
            return f"running: {text_in(arguments.get('command')).strip()}"
        if name in _EDITING:
            return f"editing {self._path(arguments)}"
        if name == "Read":
            return f"reading {self._path(arguments)}"
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
        notes += self._usage(
            replace(self._final.noted(self._final_cost), cost_of_session=self._cost_of_session)
        )
        if self._resumed and _LOST_SESSION in _errors(event):
            notes.append(SessionNoted(""))
        if event.get("is_error") is not False and self._limit is None:
            fault = fault_of(_said(event), status=count_in(event.get("api_error_status")))
            limit = fault.limit(text=one_line(_said(event))) if fault is not None else None
            notes += [limit] if limit is not None else []
        notes.append(ResultNoted(event.get("is_error") is False, _said(event, RESULT_TEXT_MAX)))
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
        self._final_cost = cost_in(event.get("total_cost_usd"))
        self._cost_of_session = self._resumed

    def _of_limit(self, told: dict[str, Any]) -> list[Note]:
        """The vendor's word on the allowance of the account; what is still allowed is no limit."""
        if told.get("status") != "rejected":
            self._limit = None if told.get("status") == "allowed" else self._limit
            return []
        self._limit = Fault(Condition.QUOTA, moment_in(told.get("resetsAt")))
        which = one_line(text_in(told.get("rateLimitType"))).replace("_", " ")
        limit = self._limit.limit(text=f"{which} limit" if which else "")
        return [limit] if limit is not None else []

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a final event that is no error."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        if self._result is None:
            return without_last_word(self._events, ended, stderr_tail, begun=bool(self._session))
        if self._result.get("is_error") is not False:
            return self._of_error(self._result, ended, stderr_tail)
        return self._of_good_end(_said(self._result), ended, stderr_tail)

    def _of_good_end(self, said: str, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        outcome = good_outcome(said, ended, stderr_tail)
        if outcome.condition is not None or self._readonly:
            return outcome
        if self._asked:
            return replace(outcome, condition=Condition.ANSWER)
        return replace(outcome, condition=Condition.PERMISSION) if self._refused else outcome

    def _of_error(self, result: dict[str, Any], ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        said = _said(result)
        if self._resumed and _LOST_SESSION in _errors(result):
            return ended_by(Condition.SESSION_LOST, ended, "its session was never saved")
        if self._limit is not None:
            return ended_by_fault(self._limit, ended, said)
        status = count_in(result.get("api_error_status"))
        for field in ("subtype", "terminal_reason", "api_error"):
            condition = _REASONS.get(text_in(result.get(field)))
            if condition is not None:
                fault = fault_of(said, status=status, now=ended.at or None)
                resets_at = fault.resets_at if fault is not None else None
                return ended_by_fault(Fault(condition, resets_at), ended, said)
        if not said and status == 0:
            return failed(ended, text_in(result.get("subtype")), stderr_tail)
        return error_outcome(said, ended, stderr_tail, status=status)


def _tokens(usage: dict[str, Any]) -> _Tokens:
    fresh = count_in(usage.get("input_tokens"))
    fresh += count_in(usage.get("cache_creation_input_tokens"))
    cached = count_in(usage.get("cache_read_input_tokens"))
    return _Tokens(fresh, count_in(usage.get("output_tokens")), cached)


def _said(result: dict[str, Any], limit: int = OUTCOME_TEXT_MAX) -> str:
    words = text_in(result.get("result")) or _errors(result)
    return clipped(plain_text(words[: limit * 8]).strip(), limit)


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
