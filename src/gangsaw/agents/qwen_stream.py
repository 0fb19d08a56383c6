"""Qwen Code's event stream into notes and an outcome. Pure; see `qwen.py` for the facts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from gangsaw.agents.endings import (
    crashed,
    ended_by,
    error_outcome,
    good_outcome,
    without_last_word,
)
from gangsaw.agents.faults import fault_of
from gangsaw.agents.jsonl import JsonLines
from gangsaw.agents.lines import (
    OUTCOME_TEXT_MAX,
    clipped,
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

# Edits whose result is awaited; a turn has some hundreds.
EDITS_MAX = 10_000

_CODES: dict[int, Condition] = {53: Condition.TURN_LIMIT, 55: Condition.TURN_LIMIT}
_OWN_WORDS = re.compile(r"\[API Error: |\AQuota exhausted: ")
_DECLINED = re.compile(r"requires permission to use|permission was declined|denied by")
# What it says on standard error though nothing is wrong.
_NOISE = re.compile(
    r"^(Warning: running headless|Ripgrep not available|Retrying (in|provider))[^\n]*\n?",
    re.MULTILINE,
)
# What it adds to a vendor's words on a limit.
_ADVICE = re.compile(r"\n(Please wait and try again later|Possible quota limitations)\b.*", re.S)

_EDITING = frozenset({"edit", "notebook_edit", "write_file"})
_LOOKING_UP = frozenset({"web_fetch", "web_search"})
_SEARCHING = frozenset({"glob", "grep_search", "search_file_content"})
_SHELL = "run_shell_command"
_ASKING = "ask_user_question"


class QwenReader:
    """Reads the events of one turn.

    Usage: while the turn goes on the sum over its messages, at its end what the whole session
    used (`of_session`). `readonly`: refusals are what was asked for, and are no condition.
    """

    def __init__(self, worktree: str, *, readonly: bool = False) -> None:
        self._worktree = worktree
        self._readonly = readonly
        self._events = JsonLines()
        self._session = ""
        self._running = UsageNoted(0, 0)
        self._edits: dict[str, str] = {}
        self._tools: dict[str, str] = {}
        self._asked = False
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
        match event.get("type"):
            case "system":
                return self._of_system(event)
            case "assistant":
                return self._of_assistant(object_in(event.get("message")))
            case "user":
                return self._of_tool_results(object_in(event.get("message")))
            case "result":
                return self._of_result(event)
            case _:
                return []

    def _of_system(self, event: dict[str, Any]) -> list[Note]:
        if event.get("subtype") == "retry":
            return [_retry(object_in(event.get("data")))]
        session = one_line(text_in(event.get("session_id")))
        if event.get("subtype") != "init" or not session or session == self._session:
            return []
        self._session = session
        version = one_line(text_in(event.get("qwen_code_version")))
        model = one_line(text_in(event.get("model")))
        return [StartedNoted(version, model), SessionNoted(session)]

    def _of_assistant(self, message: dict[str, Any]) -> list[Note]:
        content = message.get("content")
        notes: list[Note] = []
        for block in map(object_in, content if isinstance(content, list) else []):
            if block.get("type") == "text":
                text = text_in(block.get("text"))
                words = "" if _OWN_WORDS.search(text) else one_line(text)
                notes += [MessageNoted(words)] if words else []
            elif block.get("type") == "tool_use":
                notes.append(self._of_tool(block))
        return notes + self._count(object_in(message.get("usage")))

    def _count(self, usage: dict[str, Any]) -> list[Note]:
        """Add a message's figures; pieces of a message that are not its last have none."""
        one = _usage(usage)
        if not one.input_tokens and not one.output_tokens and not one.cached_tokens:
            return []
        before = self._running
        self._running = UsageNoted(
            before.input_tokens + one.input_tokens,
            before.output_tokens + one.output_tokens,
            before.cached_tokens + one.cached_tokens,
        )
        return [self._running]

    def _of_tool(self, block: dict[str, Any]) -> Note:
        name, arguments = text_in(block.get("name")), object_in(block.get("input"))
        self._asked = name == _ASKING
        if self._asked:
            return QuestionNoted(_question(arguments))
        id_ = text_in(block.get("id"))
        if len(self._tools) < EDITS_MAX:
            self._tools[id_] = name
            if name in _EDITING:
                self._edits[id_] = self._path(arguments)
        words = one_line(self._activity(name, arguments)) or "using a tool"
        return ToolNoted(one_line(name) or "tool", words)

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
            return f"looking up: {text_in(arguments.get('url')) or text_in(arguments.get('query'))}"
        if name == "agent":
            return f"delegating: {text_in(arguments.get('description'))}"
        return f"using {name}"

    def _path(self, arguments: dict[str, Any]) -> str:
        path = text_in(arguments.get("file_path")) or text_in(arguments.get("notebook_path"))
        return inside(path, self._worktree)

    def _of_tool_results(self, message: dict[str, Any]) -> list[Note]:
        """The files that were written, and what was refused."""
        content = message.get("content")
        notes: list[Note] = []
        for block in map(object_in, content if isinstance(content, list) else []):
            if block.get("type") != "tool_result":
                continue
            id_, said = text_in(block.get("tool_use_id")), text_in(block.get("content"))
            path, name = self._edits.pop(id_, ""), self._tools.pop(id_, "a tool")
            if block.get("is_error") is not True:
                self._refused = False  # it went on in another way
                notes += [FileNoted(path)] if path else []
            elif _DECLINED.search(said[:OUTCOME_TEXT_MAX]):
                self._refused = True
                notes.append(PermissionNoted(one_line(f"{name}: {said}"), refused=True))
        return notes

    def _of_result(self, event: dict[str, Any]) -> list[Note]:
        self._result = event
        notes: list[Note] = []
        usage = replace(_usage(object_in(event.get("usage"))), of_session=True)
        if usage.input_tokens or usage.output_tokens or usage.cached_tokens:
            notes.append(usage)
        ok = event.get("is_error") is False
        said = _said(event, RESULT_TEXT_MAX)
        if not ok and (fault := fault_of(said)) is not None:
            limit = fault.limit(text=one_line(said))
            notes += [limit] if limit is not None else []
        notes.append(ResultNoted(ok, said))
        return notes

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a final event that is no error."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        stderr = _NOISE.sub("", plain_text(stderr_tail)).encode("utf-8", "replace")
        said = _said(self._result or {}, OUTCOME_TEXT_MAX)
        good = self._result is not None and self._result.get("is_error") is False
        if not good and (condition := _CODES.get(ended.code or 0)) is not None:
            return ended_by(condition, ended, said, stderr)
        if self._result is None:
            return without_last_word(self._events, ended, stderr, begun=bool(self._session))
        if not good:
            return error_outcome(said, ended, stderr)
        outcome = good_outcome(said, ended, stderr)
        if outcome.condition is not None or self._readonly:
            return outcome
        if self._asked:
            return replace(outcome, condition=Condition.ANSWER)
        return replace(outcome, condition=Condition.PERMISSION) if self._refused else outcome


def _retry(told: dict[str, Any]) -> Note:
    """A request that is sent again: after a pause where the vendor limits it, at once where no
    answer came, or half of one."""
    if pause_ms := count_in(told.get("delayMs")):
        tries = f"{count_in(told.get('attempt'))} of {count_in(told.get('maxRetries'))}"
        text = f"waiting {pause_ms // 1000} s for the model, try {tries}"
        return ConditionNoted(Condition.THROTTLED, text)
    return ConditionNoted(Condition.NETWORK, "no whole answer came; the model is asked again")


def _usage(usage: dict[str, Any]) -> UsageNoted:
    """Figures without the cached tokens among those of the input."""
    cached = count_in(usage.get("cache_read_input_tokens"))
    fresh = max(0, count_in(usage.get("input_tokens")) - cached)
    return UsageNoted(fresh, count_in(usage.get("output_tokens")), cached)


def _said(result: dict[str, Any], limit: int) -> str:
    words = text_in(result.get("result")) or text_in(object_in(result.get("error")).get("message"))
    return clipped(plain_text(_ADVICE.sub("", words[: limit * 8])).strip(), limit)


def _question(arguments: dict[str, Any]) -> str:
    asked = arguments.get("questions")
    questions = [
        text_in(object_in(item).get("question"))
        for item in (asked if isinstance(asked, list) else [])
    ]
    words = "\n".join(filter(None, questions))
    return clipped(plain_text(words[: OUTCOME_TEXT_MAX * 8]), OUTCOME_TEXT_MAX) or "(a question)"
