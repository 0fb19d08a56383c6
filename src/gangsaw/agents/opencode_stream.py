"""opencode's event stream into notes and an outcome. Pure; see `opencode.py` for the facts."""

from __future__ import annotations

import re
from typing import Any

from gangsaw.agents.endings import (
    crashed,
    ended_by,
    ended_by_fault,
    error_outcome,
    failed,
    good_outcome,
    moment_of,
    without_last_word,
)
from gangsaw.agents.faults import Fault, fault_of
from gangsaw.agents.jsonl import JsonLines
from gangsaw.agents.lines import (
    OUTCOME_TEXT_MAX,
    clipped,
    cost_in,
    count_in,
    inside,
    object_in,
    one_line,
    plain_text,
    text_in,
)
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import (
    RESULT_TEXT_MAX,
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

# Files one patch may touch that are noted.
PATCHED_MAX = 200

_NAMES: dict[str, Condition] = {
    "ContextOverflowError": Condition.CONTEXT_FULL,
    "ProviderAuthError": Condition.LOGIN_MISSING,
    "MessageOutputLengthError": Condition.CUT,
}
# Reasons after which a step has not come to its end.
_UNFINISHED = frozenset({"", "tool-calls", "length"})
_LOGGED = re.compile(r'\berror="((?:[^"\\\n]|\\.){1,2000})"')
_NO_SESSION_ID = re.compile(r'Expected a string starting with \\?"ses')
_UNTOLD = "Unexpected server error"
_NO_MODEL = re.compile(r"Model not found: [^/\s]+/(\S+?)\.? Did you mean: ([^?\n]*)\?")
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.{1,1024})$", re.MULTILINE)
_REJECTED = re.compile(r"rejected permission|permission was denied|denied by|unavailable tool")

_EDITING = frozenset({"edit", "multiedit", "patch", "apply_patch", "write"})
_LOOKING_UP = frozenset({"webfetch", "websearch", "codesearch"})
_SEARCHING = frozenset({"glob", "grep", "list"})


class OpencodeReader:
    """Reads the events of one turn.

    Usage and cost are the sum over its steps. There is no final event: a step that ends the turn,
    or an error, is noted as the result, and the last of these counts. `readonly`: refusals are
    what was asked for, and are no condition.
    """

    def __init__(self, worktree: str, *, readonly: bool = False) -> None:
        self._worktree = worktree
        self._readonly = readonly
        self._events = JsonLines()
        self._session = ""
        self._open_step = ""
        self._said = ""
        self._reason: str | None = None
        self._error: dict[str, Any] | None = None
        self._shortening = False
        self._usage = UsageNoted(0, 0)
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
        notes = self._of_session(event)
        part = object_in(event.get("part"))
        match event.get("type"):
            case "step_start":
                notes += self._of_step(part)
            case "text":
                notes += self._of_text(part)
            case "tool_use":
                notes += self._of_tool(part)
            case "step_finish":
                notes += self._of_step_end(part)
            case "error":
                notes += self._of_error(object_in(event.get("error")))
        return notes

    def _of_session(self, event: dict[str, Any]) -> list[Note]:
        session = one_line(text_in(event.get("sessionID")))
        if not session or session == self._session:
            return []
        started: list[Note] = [] if self._session else [StartedNoted()]
        self._session = session
        return [*started, SessionNoted(session)]

    def _of_step(self, part: dict[str, Any]) -> list[Note]:
        """A step that begins again before it ended: the model's answer broke off."""
        message = text_in(part.get("messageID"))
        again = bool(message) and message == self._open_step
        self._open_step, self._reason = message, ""
        self._error = self._error if self._shortening else None
        if not again:
            return []
        text = "the model's answer broke off; it is asked again"
        return [ConditionNoted(Condition.NETWORK, text)]

    def _of_text(self, part: dict[str, Any]) -> list[Note]:
        text = text_in(part.get("text"))
        words = one_line(text)
        if not words or part.get("synthetic") is True:
            return []  # its own words to the model
        self._said = text[: RESULT_TEXT_MAX * 2]
        return [MessageNoted(words)]

    def _of_tool(self, part: dict[str, Any]) -> list[Note]:
        """A tool that has ended; there is no event for its beginning."""
        name, state = text_in(part.get("tool")), object_in(part.get("state"))
        arguments = object_in(state.get("input"))
        self._asked = name == "question"
        if self._asked:
            return [QuestionNoted(_question(arguments))]
        error = text_in(state.get("error")) or text_in(arguments.get("error"))
        if name == "invalid" or state.get("status") == "error":
            wanted = text_in(arguments.get("tool")) if name == "invalid" else name
            if _REJECTED.search(error[:OUTCOME_TEXT_MAX]):
                self._refused = True
                return [PermissionNoted(one_line(f"{wanted}: {error}"), refused=True)]
            return [ToolNoted(one_line(name) or "tool", one_line(f"{wanted} failed: {error}"))]
        self._refused = False  # it went on in another way
        words = one_line(self._activity(name, arguments, state)) or "using a tool"
        tool = ToolNoted(one_line(name) or "tool", words)
        return [tool, *(FileNoted(path) for path in self._files(name, arguments, state))]

    def _activity(self, name: str, arguments: dict[str, Any], state: dict[str, Any]) -> str:
        if name == "bash":
            return f"running: {text_in(arguments.get('command')).strip()}"
        if name in _EDITING:
            return f"editing {', '.join(self._files(name, arguments, state))}"
        if name == "read":
            return f"reading {inside(text_in(arguments.get('filePath')), self._worktree)}"
        if name in _SEARCHING:
            return f"searching: {text_in(arguments.get('pattern'))}"
        if name in _LOOKING_UP:
            return f"looking up: {text_in(arguments.get('url')) or text_in(arguments.get('query'))}"
        if name == "task":
            return f"delegating: {text_in(arguments.get('description'))}"
        return f"using {name}"

    def _files(self, name: str, arguments: dict[str, Any], state: dict[str, Any]) -> list[str]:
        if name not in _EDITING:
            return []
        path = text_in(arguments.get("filePath"))
        path = path or text_in(object_in(state.get("metadata")).get("filepath"))
        paths = [path] if path else _PATCHED.findall(text_in(arguments.get("patchText")))
        return [inside(path, self._worktree) for path in paths[:PATCHED_MAX]]

    def _of_step_end(self, part: dict[str, Any]) -> list[Note]:
        self._open_step = ""
        self._reason = text_in(part.get("reason"))
        self._usage = _sum(self._usage, part)
        if self._shortening:
            self._shortening = False  # that was the summary, not the work
            return [self._usage]
        notes: list[Note] = [self._usage]
        if self._reason not in _UNFINISHED:
            notes.append(
                ResultNoted(True, clipped(plain_text(self._said).strip(), RESULT_TEXT_MAX))
            )
        return notes

    def _of_error(self, error: dict[str, Any]) -> list[Note]:
        """A request that failed for good. It may yet go on: with a shortened conversation."""
        self._error = error
        self._shortening = error.get("name") == "ContextOverflowError"
        said, fault = _complaint(error), _fault(error)
        notes: list[Note] = []
        if fault is not None:
            limit = fault.limit(text=one_line(said))
            notes.append(limit or ConditionNoted(fault.condition, one_line(said)))
        notes.append(ResultNoted(False, clipped(said, RESULT_TEXT_MAX)))
        return notes

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a last step that came to its end, without an error after."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        logged = _LOGGED.findall(plain_text(stderr_tail))
        if self._error is not None:
            return self._of_last_error(self._error, ended, logged[-1] if logged else "")
        if self._reason is None or (ended.code != 0 and self._reason in _UNFINISHED):
            said = logged[-1] if logged else ""
            if _NO_SESSION_ID.search(said):
                return ended_by(Condition.SESSION_LOST, ended, said)
            begun = bool(self._session)
            return without_last_word(self._events, ended, stderr_tail, begun=begun, said=said)
        said = clipped(plain_text(self._said[: OUTCOME_TEXT_MAX * 8]).strip(), OUTCOME_TEXT_MAX)
        if self._reason in _UNFINISHED:
            refused = self._refused and not self._readonly
            condition = Condition.PERMISSION if refused else Condition.CUT
            return ended_by(condition, ended, f"its last step did not end: {said}".rstrip(": "))
        return good_outcome(said, ended, stderr_tail)

    def _of_last_error(self, error: dict[str, Any], ended: Ended, logged: str) -> TurnOutcome:
        said = clipped(_complaint(error), OUTCOME_TEXT_MAX)
        if said.startswith(_UNTOLD) and logged:
            said = clipped(logged, OUTCOME_TEXT_MAX)
            found = _NO_MODEL.search(said)
            if found is not None and found[1] in found[2].split(", "):
                return ended_by(Condition.LOGIN_MISSING, ended, said)
            return error_outcome(said, ended, b"")
        fault = _fault(error, now=moment_of(ended))
        if fault is not None:
            return ended_by_fault(fault, ended, said)
        if ended.code == 0:
            return ended_by(Condition.FALSE_SUCCESS, ended, said or "it reported an error")
        return failed(ended, said, b"")


def _complaint(error: dict[str, Any]) -> str:
    words = text_in(object_in(error.get("data")).get("message")) or text_in(error.get("name"))
    return plain_text(words[: OUTCOME_TEXT_MAX * 8]).strip()


def _fault(error: dict[str, Any], now: float | None = None) -> Fault | None:
    """What an error means: by its name, else by the vendor's status, words and headers."""
    told = object_in(error.get("data"))
    if (condition := _NAMES.get(text_in(error.get("name")))) is not None:
        return Fault(condition)
    headers = object_in(told.get("responseHeaders"))
    words = f"{_complaint(error)}\n{text_in(told.get('responseBody'))[:OUTCOME_TEXT_MAX]}"
    return fault_of(
        words,
        status=count_in(told.get("statusCode")),
        headers={name: value for name, value in headers.items() if isinstance(value, str)},
        now=now,
    )


def _sum(before: UsageNoted, part: dict[str, Any]) -> UsageNoted:
    """The figures with one more step. What its total has beyond the other kinds is output: some
    versions count the thinking there, some beside it. A cost of 0 is that of an unknown price."""
    tokens = object_in(part.get("tokens"))
    cache = object_in(tokens.get("cache"))
    cached, written = count_in(cache.get("read")), count_in(cache.get("write"))
    fresh, thinking = count_in(tokens.get("input")), count_in(tokens.get("reasoning"))
    output = count_in(tokens.get("output"))
    rest = count_in(tokens.get("total")) - fresh - cached - written
    cost = cost_in(part.get("cost")) or 0.0
    total_cost = (before.cost_usd or 0.0) + cost
    return UsageNoted(
        before.input_tokens + fresh + written,
        before.output_tokens + max(output, min(rest, output + thinking)),
        before.cached_tokens + cached,
        total_cost if total_cost > 0 else None,
        before.reasoning_tokens + thinking,
    )


def _question(arguments: dict[str, Any]) -> str:
    asked = arguments.get("questions")
    questions = [
        text_in(object_in(item).get("question"))
        for item in (asked if isinstance(asked, list) else [])
    ]
    words = "\n".join(filter(None, questions))
    return clipped(plain_text(words[: OUTCOME_TEXT_MAX * 8]), OUTCOME_TEXT_MAX) or "(a question)"
