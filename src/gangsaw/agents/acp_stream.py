"""The lines of `procs/acp_bridge.py` into notes and an outcome. Pure; see `acp.py`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from gangsaw.agents.acp_usage import usage_in
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
    inside,
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
    OutcomeKind,
    PermissionNoted,
    ResultNoted,
    SessionNoted,
    StartedNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)

# Tool calls whose kind and path are remembered; a turn has some hundreds.
CALLS_MAX = 10_000

# The protocol's own code for "sign in first", which some use for other errors too.
AUTH_REQUIRED = -32000

_STOPS: dict[str, Condition] = {
    "max_tokens": Condition.CONTEXT_FULL,
    "max_turn_requests": Condition.TURN_LIMIT,
    "cancelled": Condition.PERMISSION,
}
_WRITING = frozenset({"edit", "delete", "move"})
_DOING = {
    "edit": "editing",
    "delete": "deleting",
    "move": "moving",
    "read": "reading",
    "search": "searching:",
    "fetch": "looking up:",
    "execute": "running:",
}
_LOGIN = frozenset({Condition.LOGIN_MISSING, Condition.LOGIN_EXPIRED})
# How agents put a failure into words of their own that the protocol takes for a good end.
_ERROR_SAID = re.compile(r"(?:^|\n|\.\.\.)((?:API )?Error: )")
# … and a turn that they broke off because of a permission.
_BROKEN_OFF = "Info: Operation cancelled by user"


class AcpReader:
    """Reads the lines of one turn. `readonly`: refused permissions are as they should be."""

    def __init__(self, worktree: str, *, resumed: bool, readonly: bool = False) -> None:
        self._worktree = worktree
        self._resumed = resumed
        self._readonly = readonly
        self._events = JsonLines()
        self._version = ""
        self._keeps = False
        self._session = ""
        self._message = ""
        self._said = ""
        self._calls: dict[str, tuple[str, str, str]] = {}
        self._refused = False
        self._cost: float | None = None
        self._usage: UsageNoted | None = None
        self._stop: str | None = None
        self._error: dict[str, Any] | None = None

    @property
    def ignored_lines(self) -> int:
        """Lines that were no JSON object, or too long."""
        return self._events.ignored

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for event in self._events.feed(chunk) for note in self._notes(event)]

    def _notes(self, event: dict[str, Any]) -> list[Note]:
        match event.get("type"):
            case "agent":
                name, version = text_in(event.get("name")), text_in(event.get("version"))
                self._version = one_line(f"{name} {version}")
                self._keeps = event.get("keeps_sessions") is True
                return []
            case "session":
                return self._of_session(event)
            case "update":
                return self._of_update(object_in(event.get("update")))
            case "permission":
                return self._of_permission(event)
            case "unheeded":
                return self._of_unheeded(event)
            case "end":
                return self._of_end(event)
            case "error":
                return self._of_error(event)
            case _:
                return []

    def _of_session(self, event: dict[str, Any]) -> list[Note]:
        self._session = one_line(text_in(event.get("id")))
        notes: list[Note] = [StartedNoted(self._version, one_line(text_in(event.get("model"))))]
        # One that cannot be loaded again is none for us.
        return [*notes, SessionNoted(self._session)] if self._keeps and self._session else notes

    def _of_unheeded(self, event: dict[str, Any]) -> list[Note]:
        what, wanted = text_in(event.get("what")), text_in(event.get("wanted"))
        text = one_line(f"cannot be told its {what} ({wanted}); it takes its own")
        if what == "model":
            return [ConditionNoted(Condition.MODEL_UNKNOWN, text)]
        return [ActivityNoted(text)]

    # --- updates ---------------------------------------------------------------------------

    def _of_update(self, update: dict[str, Any]) -> list[Note]:
        told = text_in(update.get("sessionUpdate"))
        if told == "agent_message_chunk":
            words = text_in(object_in(update.get("content")).get("text"))
            self._message = (self._message + words)[:RESULT_TEXT_MAX]
            return []
        if told in ("tool_call", "tool_call_update"):
            return [*self._of_message(), *self._of_call(update)]
        if told == "usage_update":
            cost = object_in(update.get("cost"))
            if text_in(cost.get("currency")) == "USD":
                self._cost = cost_in(cost.get("amount"))
        if told == "agent_thought_chunk":
            return self._of_message()
        return []

    def _of_message(self) -> list[Note]:
        """The message that has come in pieces, now that something else comes."""
        words, self._message = plain_text(self._message).strip(), ""
        if not words:
            return []
        self._said = words
        return [MessageNoted(one_line(words))]

    def _of_call(self, update: dict[str, Any]) -> list[Note]:
        id_ = text_in(update.get("toolCallId"))
        if len(self._calls) >= CALLS_MAX:
            self._calls.clear()
        before = self._calls.get(id_, ("", "", ""))
        kind = text_in(update.get("kind")) or before[0]
        path = self._path(update) or before[1]
        text = _doing(kind, path, update) or before[2]
        self._calls[id_] = (kind, path, text)
        notes: list[Note] = []
        if text != before[2]:
            name = text_in(object_in(update.get("_meta")).get("toolName")) or kind or "tool"
            notes.append(ToolNoted(one_line(name), text))
        if update.get("status") == "completed" and kind in _WRITING and path:
            notes.append(FileNoted(path))
        return notes

    def _path(self, call: dict[str, Any]) -> str:
        """The first path that a call names; a command's is only the folder it runs in."""
        if call.get("kind") == "execute":
            return ""
        for field in ("locations", "content"):
            listed = call.get(field)
            for one in listed if isinstance(listed, list) else []:
                if path := text_in(object_in(one).get("path")):
                    return inside(path, self._worktree)
        given = object_in(call.get("rawInput"))
        names = (text_in(given.get(name)) for name in ("file_path", "filePath", "path"))
        return inside(next(filter(None, names), ""), self._worktree)

    def _of_permission(self, event: dict[str, Any]) -> list[Note]:
        call = object_in(event.get("call"))
        refused = event.get("granted") is not True
        self._refused = self._refused or refused
        kind = text_in(call.get("kind"))
        text = _doing(kind, self._path(call), call) or "using a tool"
        return [*self._of_message(), PermissionNoted(text, refused=refused)]

    # --- endings ---------------------------------------------------------------------------

    def _of_end(self, event: dict[str, Any]) -> list[Note]:
        notes = self._of_message()
        self._stop = text_in(event.get("stop")) or "unknown"
        if self._refused and self._said.startswith(_BROKEN_OFF):
            self._stop = "cancelled"
        self._usage = usage_in(event, self._cost)
        notes += [self._usage] if self._usage is not None else []
        error = self._error_said()
        if error and (fault := fault_of(error)) is not None:
            notes += _of_fault(fault, error)
        ok = self._stop == "end_turn" and not error
        return [*notes, ResultNoted(ok, clipped(self._said, RESULT_TEXT_MAX))]

    def _of_error(self, event: dict[str, Any]) -> list[Note]:
        self._error = event
        notes = self._of_message()
        if self._is_lost(event):
            notes.append(SessionNoted(""))
        elif (fault := _fault(event, None)) is not None:
            notes += _of_fault(fault, _words(event))
        return [*notes, ResultNoted(False, _words(event))]

    def _is_lost(self, event: dict[str, Any]) -> bool:
        fault = _fault(event, None)
        signed_out = fault is not None and fault.condition in _LOGIN
        return self._resumed and event.get("at") == "session/load" and not signed_out

    def _error_said(self) -> str:
        """The failure that its last words are, where it told neither an error nor any tokens."""
        used = self._usage is not None and self._usage.output_tokens > 0
        found = None if used else _ERROR_SAID.search(self._said)
        return self._said[found.start(1) :] if found is not None else ""

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and the protocol's word that the turn ended by itself."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        if self._error is not None:
            return self._of_bad_end(self._error, ended, stderr_tail)
        said = clipped(self._said, OUTCOME_TEXT_MAX)
        if self._stop is None:
            begun = bool(self._session)
            return without_last_word(self._events, ended, stderr_tail, begun=begun)
        if error := clipped(self._error_said(), OUTCOME_TEXT_MAX):
            return error_outcome(error, ended, stderr_tail)
        if self._stop != "end_turn":
            condition = _STOPS.get(self._stop)
            words = said or f"it stopped: {self._stop}"
            if condition is None:
                return failed(ended, words, stderr_tail)
            return ended_by(condition, ended, words)
        outcome = good_outcome(said, ended, stderr_tail)
        if self._refused and not self._readonly and outcome.condition is None:
            return replace(outcome, condition=Condition.PERMISSION)
        return outcome

    def _of_bad_end(self, error: dict[str, Any], ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        words = _words(error)
        if error.get("at") == "start":
            text = f"cannot start the agent: {words}; try: gangsaw doctor"
            return TurnOutcome(OutcomeKind.REFUSED, clipped(text, OUTCOME_TEXT_MAX))
        if self._is_lost(error):
            return ended_by(Condition.SESSION_LOST, ended, words)
        code = error.get("exit")
        if isinstance(code, int) and code < 0:
            return crashed(Ended(None, -code)) or failed(ended, words, stderr_tail)
        if (fault := _fault(error, moment_of(ended))) is not None:
            return ended_by_fault(fault, ended, words)
        if "exit" in error:
            own = Ended(code, None, ended.at) if isinstance(code, int) else ended
            return without_last_word(self._events, own, stderr_tail, begun=bool(self._session))
        return error_outcome(words, ended, stderr_tail)


def _doing(kind: str, path: str, call: dict[str, Any]) -> str:
    """A tool call in a few words."""
    title = text_in(call.get("title"))
    given = object_in(call.get("rawInput"))
    command = text_in(given.get("command"))
    if kind == "execute" and given and not command:
        return ""  # it is still being written, the title is but the tool's name
    about = (command or title) if kind == "execute" else (path or title)
    if not about.strip():
        return ""
    doing = _DOING.get(kind)
    return one_line(f"{doing} {about.strip()}" if doing else title or f"using {about}")


def _words(error: dict[str, Any]) -> str:
    """What an error says, with its details where these say more."""
    detail = error.get("detail")
    inner = object_in(detail)
    more = text_in(detail) or text_in(inner.get("details")) or text_in(inner.get("message"))
    if not more and inner:
        more = json.dumps(inner)
    words = text_in(error.get("message"))
    words = words if not more or more in words else f"{words}: {more}"
    return clipped(plain_text(words[: OUTCOME_TEXT_MAX * 2]).strip(), OUTCOME_TEXT_MAX)


def _fault(error: dict[str, Any], now: float | None) -> Fault | None:
    fault = fault_of(_words(error), now=now)
    if fault is None and error.get("code") == AUTH_REQUIRED and "auth" in _words(error).lower():
        return Fault(Condition.LOGIN_MISSING)
    return fault


def _of_fault(fault: Fault, words: str) -> list[Note]:
    limit = fault.limit(text=one_line(words))
    return [limit if limit is not None else ConditionNoted(fault.condition, one_line(words))]
