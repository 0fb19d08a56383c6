"""Gemini CLI's event stream into notes and an outcome. Pure; see `gemini.py` for the facts."""

from __future__ import annotations

import re
from dataclasses import replace
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
    count_in,
    inside,
    json_object,
    object_in,
    one_line,
    plain_text,
    text_in,
)
from gangsaw.agents.resets import reset_in
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import (
    RESULT_TEXT_MAX,
    ActivityNoted,
    ConditionNoted,
    Ended,
    FileNoted,
    MessageNoted,
    Note,
    OutcomeKind,
    PermissionNoted,
    ResultNoted,
    SessionNoted,
    StartedNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)

# Edits whose result is awaited; a turn has some hundreds.
EDITS_MAX = 10_000

# Exit codes of its own; any other above 1 is an HTTP status modulo 256.
_INTERRUPTED = 130
_CODES: dict[int, Condition] = {
    41: Condition.LOGIN_MISSING,
    53: Condition.TURN_LIMIT,
    55: Condition.TRUST,
}
_STATUSES = (400, 401, 402, 403, 404, 408, 413, 429, 499, 500, 502, 503, 504, 529)
_STATUS_OF_CODE = {status % 256: status for status in _STATUSES}

_TYPES: dict[str, Condition] = {
    "FatalAuthenticationError": Condition.LOGIN_MISSING,
    "FatalTurnLimitedError": Condition.TURN_LIMIT,
    "FatalUntrustedWorkspaceError": Condition.TRUST,
}
_LOST_SESSION = re.compile(r"Error (resuming|starting) session\b|Invalid session identifier")
_TURNS = re.compile(r"\bmax(imum)? session turns\b", re.IGNORECASE)
# What it says on standard error though nothing is wrong.
_NOISE = re.compile(
    r"^(Warning: |YOLO mode is enabled|Ripgrep is not available|\[STARTUP\]"
    r"|Loaded cached credentials|Approval mode overridden)[^\n]*\n?",
    re.MULTILINE,
)
# What it adds to a vendor's words on a limit.
_ADVICE = re.compile(r"\n(Please wait and try again later|Possible quota limitations)\b.*", re.S)

_API_ERROR = re.compile(r"\[API Error: (.*)\]", re.DOTALL)

_EDITING = frozenset({"replace", "write_file"})
_LOOKING_UP = frozenset({"google_web_search", "web_fetch"})
_SEARCHING = frozenset({"glob", "grep_search", "search_file_content"})
_SHELL = "run_shell_command"
_REFUSED = frozenset({"policy_violation", "tool_not_registered"})


class GeminiReader:
    """Reads the events of one turn.

    The model's words come in pieces; a message is noted when it is over. `readonly`: refusals
    are what was asked for, and are no condition.
    """

    def __init__(self, worktree: str, *, resumed: bool, readonly: bool = False) -> None:
        self._worktree = worktree
        self._resumed = resumed
        self._readonly = readonly
        self._events = JsonLines()
        self._session = ""
        self._words = ""
        self._said = ""
        self._edits: dict[str, str] = {}
        self._tools: dict[str, str] = {}
        self._warned: Fault | None = None
        self._warning = ""
        self._refused = False
        self._result: dict[str, Any] | None = None

    @property
    def ignored_lines(self) -> int:
        """Lines that were no JSON object, or too long."""
        return self._events.ignored

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for event in self._events.feed(chunk) for note in self._notes(event)]

    def _notes(self, event: dict[str, Any]) -> list[Note]:
        if event.get("type") == "message":
            return self._of_message(event)
        notes = self._message_over()
        match event.get("type"):
            case "init":
                notes += self._of_init(event)
            case "tool_use":
                notes.append(self._of_tool(event))
            case "tool_result":
                notes += self._of_tool_result(event)
            case "error":
                notes += self._of_error_event(event)
            case "result":
                notes += self._of_result(event)
        return notes

    def _of_init(self, event: dict[str, Any]) -> list[Note]:
        session = one_line(text_in(event.get("session_id")))
        if not session or session == self._session:
            return []
        self._session = session
        return [StartedNoted("", one_line(text_in(event.get("model")))), SessionNoted(session)]

    def _of_message(self, event: dict[str, Any]) -> list[Note]:
        if event.get("role") != "assistant":
            return self._message_over()
        notes = [] if event.get("delta") is True else self._message_over()
        room = RESULT_TEXT_MAX - len(self._words)
        self._words += text_in(event.get("content"))[: max(0, room)]
        return notes

    def _message_over(self) -> list[Note]:
        words, self._words = self._words, ""
        line = one_line(words)
        if not line:
            return []
        self._said = words
        return [MessageNoted(line)]

    def _of_tool(self, event: dict[str, Any]) -> Note:
        name, arguments = text_in(event.get("tool_name")), object_in(event.get("parameters"))
        id_ = text_in(event.get("tool_id"))
        if len(self._tools) < EDITS_MAX:
            self._tools[id_] = name
            if name in _EDITING:
                self._edits[id_] = self._path(arguments)
        return ToolNoted(
            one_line(name) or "tool", one_line(self._activity(name, arguments)) or "using a tool"
        )

    def _activity(self, name: str, arguments: dict[str, Any]) -> str:
        if name == _SHELL:
            return f"running: {text_in(arguments.get('command')).strip()}"
        if name in _EDITING:
            return f"editing {self._path(arguments)}"
        if name == "read_file":
            return f"reading {self._path(arguments)}"
        if name in _SEARCHING:
            return f"searching: {text_in(arguments.get('pattern'))}"
        if name in _LOOKING_UP:
            wanted = text_in(arguments.get("query")) or text_in(arguments.get("prompt"))
            return f"looking up: {wanted}"
        return f"using {name}"

    def _path(self, arguments: dict[str, Any]) -> str:
        path = text_in(arguments.get("file_path")) or text_in(arguments.get("absolute_path"))
        return inside(path, self._worktree)

    def _of_tool_result(self, event: dict[str, Any]) -> list[Note]:
        """The file that was written, or the refusal. Without a terminal a tool that may not be
        used is not offered; one that is called all the same is `tool_not_registered`."""
        id_ = text_in(event.get("tool_id"))
        path, name = self._edits.pop(id_, ""), self._tools.pop(id_, "")
        if event.get("status") == "success":
            self._refused = False  # it went on in another way
            return [FileNoted(path)] if path else []
        error = object_in(event.get("error"))
        known = name in _EDITING or name == _SHELL
        if text_in(error.get("type")) not in _REFUSED or not known:
            return []
        self._refused = True
        words = text_in(error.get("message"))
        if error.get("type") == "tool_not_registered":
            words = "not offered where nobody can be asked"
        return [PermissionNoted(one_line(f"{name}: {words}"), refused=True)]

    def _of_error_event(self, event: dict[str, Any]) -> list[Note]:
        """Trouble in the middle; a warning alone (a loop, a blocked step) makes a good end one
        that is not believed."""
        text = one_line(text_in(event.get("message"))) or "it reported an error"
        if _TURNS.search(text):
            fault = Fault(Condition.TURN_LIMIT)
        elif event.get("severity") == "error":
            fault = fault_of(text) or Fault(Condition.MALFORMED)
        else:
            self._warned, self._warning = Fault(Condition.FALSE_SUCCESS), text
            return [ActivityNoted(text)]
        self._warned, self._warning = fault, text
        return [ConditionNoted(fault.condition, text)]

    def _of_result(self, event: dict[str, Any]) -> list[Note]:
        self._result = event
        notes: list[Note] = []
        usage = _usage(object_in(event.get("stats")))
        if usage != UsageNoted(0, 0):
            notes.append(usage)
        ok = event.get("status") == "success"
        text, status = (self._said, 0) if ok else self._complaint(event)
        if not ok and (fault := fault_of(text, status=status)) is not None:
            limit = fault.limit(text=one_line(text))
            notes += [limit] if limit is not None else []
        notes.append(ResultNoted(ok, clipped(plain_text(text).strip(), RESULT_TEXT_MAX)))
        return notes

    def _complaint(self, event: dict[str, Any]) -> tuple[str, int]:
        """The error of the final event in the vendor's own words, and the HTTP status where these
        were a JSON object; what warned of it before, where it says nothing."""
        message = text_in(object_in(event.get("error")).get("message"))[: OUTCOME_TEXT_MAX * 8]
        message = plain_text(_ADVICE.sub("", message)).strip()
        found = _API_ERROR.fullmatch(message)
        if found is None:
            return message or self._warning, 0
        told = object_in(object_in(json_object(found[1].encode())).get("error"))
        return text_in(told.get("message")) or found[1], count_in(told.get("code"))

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a final event that says success, without a warning of its
        own before it."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        stderr = _quiet(stderr_tail)
        if self._result is None:
            return self._without_result(ended, stderr)
        if self._result.get("status") != "success":
            return _with_reset(self._of_error(self._result, ended, stderr), ended, stderr)
        if self._warned is not None and ended.code == 0:
            return ended_by_fault(self._warned, ended, self._warning)
        said = clipped(plain_text(self._said[: OUTCOME_TEXT_MAX * 8]).strip(), OUTCOME_TEXT_MAX)
        outcome = good_outcome(said, ended, stderr)
        if self._refused and not self._readonly and outcome.condition is None:
            return replace(outcome, condition=Condition.PERMISSION)
        return outcome

    def _of_error(self, result: dict[str, Any], ended: Ended, stderr: bytes) -> TurnOutcome:
        said, told = self._complaint(result)
        code = ended.code or 0
        if code == _INTERRUPTED:
            return crashed(Ended(None, 2)) or failed(ended, said, stderr)
        condition = _CODES.get(code) or _TYPES.get(
            text_in(object_in(result.get("error")).get("type"))
        )
        if condition is not None:
            return ended_by(condition, ended, said, stderr)
        status = _STATUS_OF_CODE.get(code, told)
        if self._warned is not None and not status:
            fault = fault_of(said, now=moment_of(ended)) or self._warned
            condition = Condition.FALSE_SUCCESS if ended.code == 0 else fault.condition
            return ended_by(condition, ended, said, stderr)
        return error_outcome(said, ended, stderr, status=status)

    def _without_result(self, ended: Ended, stderr: bytes) -> TurnOutcome:
        """Refused at the start: by its own exit code, in words on standard error."""
        words = plain_text(stderr)
        if _LOST_SESSION.search(words):
            return ended_by(Condition.SESSION_LOST, ended, "", stderr)
        if (condition := _CODES.get(ended.code or 0)) is not None:
            return ended_by(condition, ended, "", stderr)
        return without_last_word(self._events, ended, stderr, begun=bool(self._session))


def _with_reset(outcome: TurnOutcome, ended: Ended, stderr: bytes) -> TurnOutcome:
    """A limit with the moment at which it passes: only the vendor's own words have it, and these
    stand in the trace on standard error alone."""
    if outcome.kind is not OutcomeKind.LIMITED or outcome.retry_at is not None:
        return outcome
    return replace(outcome, retry_at=reset_in(plain_text(stderr), now=moment_of(ended)))


def _usage(stats: dict[str, Any]) -> UsageNoted:
    """The figures of this process. What the total has beyond input and output is thinking."""
    told, cached = count_in(stats.get("input_tokens")), count_in(stats.get("cached"))
    output = count_in(stats.get("output_tokens"))
    thinking = max(0, count_in(stats.get("total_tokens")) - told - output)
    return UsageNoted(max(0, told - cached), output + thinking, cached, None, thinking)


def _quiet(stderr_tail: bytes) -> bytes:
    """The end of standard error without what it says on every start."""
    return _NOISE.sub("", plain_text(stderr_tail)).encode("utf-8", "replace")
