"""Codex's event stream into notes and an outcome. Pure; see `codex.py` for the facts."""

from __future__ import annotations

import re
import shlex
from typing import Any

from gangsaw.agents.endings import crashed, error_outcome, good_outcome, without_last_word
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
from gangsaw.core.conditions import LIMITS, Condition
from gangsaw.core.launch import (
    RESULT_TEXT_MAX,
    ActivityNoted,
    ConditionNoted,
    Ended,
    FileNoted,
    MessageNoted,
    Note,
    ResultNoted,
    SessionNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)

# Items under way that are remembered, so that each is told once; some run at the same time.
ITEMS_MAX = 1_000
COMMAND_MAX = 4_000

_AGAIN = re.compile(r"Reconnecting\.\.\. (\d+)/(\d+)(?: \((.*)\))?", re.DOTALL)


class CodexReader:
    """Reads the events of one turn. Usage counts the whole thread: `of_session`."""

    def __init__(self, worktree: str) -> None:
        self._worktree = worktree
        self._events = JsonLines()
        self._session = ""
        self._under_way: set[str] = set()
        self._said = ""
        self._error = ""
        self._good: bool | None = None

    @property
    def ignored_lines(self) -> int:
        """Lines that were no JSON object, or too long."""
        return self._events.ignored

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for event in self._events.feed(chunk) for note in self._notes(event)]

    def _notes(self, event: dict[str, Any]) -> list[Note]:
        match event.get("type"):
            case "thread.started":
                return self._of_thread(one_line(text_in(event.get("thread_id"))))
            case "item.started" | "item.updated" | "item.completed" as when:
                return self._of_item(object_in(event.get("item")), done=when == "item.completed")
            case "error":
                return self._of_error(_words(text_in(event.get("message"))))
            case "turn.completed":
                return self._of_end(object_in(event.get("usage")))
            case "turn.failed":
                said = _words(text_in(object_in(event.get("error")).get("message")))
                return self._of_failure(said or self._error)
            case _:
                return []

    def _of_thread(self, thread: str) -> list[Note]:
        if not thread or thread == self._session:
            return []
        self._session = thread
        return [SessionNoted(thread)]

    def _of_item(self, item: dict[str, Any], *, done: bool) -> list[Note]:
        kind = item.get("type")
        if kind == "agent_message":
            self._said = text_in(item.get("text"))[: RESULT_TEXT_MAX * 8] or self._said
            words = one_line(text_in(item.get("text")))
            return [MessageNoted(words)] if words and done else []
        if kind == "reasoning":
            words = one_line(text_in(item.get("text"))).strip("* ")
            return [ActivityNoted(words)] if words and done else []
        if kind == "error":
            words = one_line(text_in(item.get("message")))
            return [ActivityNoted(words)] if words and done else []
        notes: list[Note] = []
        tool = self._tool(item)
        id_ = text_in(item.get("id"))
        if tool is not None and id_ not in self._under_way:
            notes.append(tool)
        if done:
            self._under_way.discard(id_)
            notes += self._files(item)
        elif len(self._under_way) < ITEMS_MAX:
            self._under_way.add(id_)
        return notes

    def _tool(self, item: dict[str, Any]) -> ToolNoted | None:
        match item.get("type"):
            case "command_execution":
                return ToolNoted("shell", one_line(f"running: {_command(item)}"))
            case "file_change":
                paths = ", ".join(self._paths(item))
                return ToolNoted("apply_patch", one_line(f"editing {paths}"))
            case "mcp_tool_call":
                named = filter(None, (text_in(item.get(key)) for key in ("server", "tool")))
                name = one_line(".".join(named)) or "mcp"
                return ToolNoted(name, one_line(f"using {name}"))
            case "web_search":
                wanted = text_in(item.get("query"))
                return ToolNoted("web_search", one_line(f"looking up: {wanted}"))
            case _:
                return None

    def _paths(self, item: dict[str, Any]) -> list[str]:
        changes = item.get("changes")
        paths = [
            inside(text_in(object_in(change).get("path")), self._worktree)
            for change in (changes if isinstance(changes, list) else [])
        ]
        return [path for path in paths if path]

    def _files(self, item: dict[str, Any]) -> list[Note]:
        if item.get("type") != "file_change" or item.get("status") != "completed":
            return []
        return [FileNoted(path) for path in self._paths(item)]

    def _of_error(self, said: str) -> list[Note]:
        """A failed request: one that is tried again, or the last of them."""
        if (again := _AGAIN.match(said)) is None:
            self._error = said
            return []
        fault = fault_of(again[3] or "")
        condition = Condition.NETWORK
        if fault is not None and fault.condition in (*LIMITS, Condition.LOGIN_EXPIRED):
            condition = fault.condition
        text = one_line(f"waiting for the model: {again[3] or 'no answer'}")
        text = f"{text}, try {again[1]} of {again[2]}"
        notes: list[Note] = [ActivityNoted(text), ConditionNoted(condition, text)]
        limit = fault.limit(text=text) if fault is not None else None
        return [*notes, limit] if limit is not None else notes

    def _of_end(self, usage: dict[str, Any]) -> list[Note]:
        self._good = True
        read = count_in(usage.get("input_tokens"))
        cached = min(count_in(usage.get("cached_input_tokens")), read)
        used = UsageNoted(
            read - cached,
            count_in(usage.get("output_tokens")),
            cached,
            reasoning_tokens=count_in(usage.get("reasoning_output_tokens")),
            of_session=True,
        )
        return [used, ResultNoted(True, _words(self._said, RESULT_TEXT_MAX))]

    def _of_failure(self, said: str) -> list[Note]:
        self._good = False
        self._error = said
        fault = fault_of(said)
        limit = fault.limit(text=one_line(said)) if fault is not None else None
        return [*([limit] if limit is not None else []), ResultNoted(False, said)]

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a completed turn."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        if self._good is None:
            begun = bool(self._session)
            return without_last_word(
                self._events, ended, stderr_tail, begun=begun, said=self._error
            )
        if self._good:
            return good_outcome(_words(self._said), ended, stderr_tail)
        return error_outcome(self._error, ended, stderr_tail)


def _words(text: str, limit: int = OUTCOME_TEXT_MAX) -> str:
    return clipped(plain_text(text[: limit * 8]).strip(), limit)


def _command(item: dict[str, Any]) -> str:
    """The command as the agent wrote it, without the shell that is put around it."""
    command = text_in(item.get("command"))[:COMMAND_MAX].strip()
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    wrapped = len(words) == 3 and words[1] in ("-lc", "-c")
    return words[2].strip() if wrapped else command
