"""Copilot's event stream into notes and an outcome. Pure; see `copilot.py` for the facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gangsaw.agents.endings import crashed, error_outcome, good_outcome, without_last_word
from gangsaw.agents.faults import fault_of
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

_RUNNING = frozenset({"bash", "powershell", "shell"})
_EDITING = frozenset({"apply_patch", "create", "edit", "str_replace", "str_replace_editor"})
_SEARCHING = frozenset({"glob", "grep", "rg"})
_ASKING = "ask_user"


class CopilotReader:
    """Reads the events of one turn and the usage appended to them, which counts the session.

    `session` is the id the turn was started with, told with the first event. `readonly`: refusals
    are what was asked for, and are no condition.
    """

    def __init__(self, worktree: str, session: str, *, readonly: bool = False) -> None:
        self._worktree = worktree
        self._session = session
        self._readonly = readonly
        self._events = JsonLines()
        self._begun = False
        self._model = ""
        self._said = ""
        self._error = ""
        self._status = 0
        self._ended = False
        self._refused = False

    @property
    def ignored_lines(self) -> int:
        """Lines that were no JSON object, or too long."""
        return self._events.ignored

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for event in self._events.feed(chunk) for note in self._notes(event)]

    def _notes(self, event: dict[str, Any]) -> list[Note]:
        kind = text_in(event.get("type"))
        told = object_in(event.get("data"))
        if not kind and isinstance(event.get("modelMetrics"), dict):
            return _usage(object_in(event["modelMetrics"]))
        if kind == "result":
            return self._of_result(event)
        begun: list[Note] = [] if self._begun or not kind else [SessionNoted(self._session)]
        self._begun = self._begun or bool(begun)
        return begun + self._of_event(kind, told)

    def _of_event(self, kind: str, told: dict[str, Any]) -> list[Note]:
        match kind:
            case "session.tools_updated" | "model.call_start":
                return self._of_model(one_line(text_in(told.get("model"))))
            case "assistant.message":
                return self._of_message(text_in(told.get("content")))
            case "tool.execution_start":
                return self._of_tool(
                    text_in(told.get("toolName")), object_in(told.get("arguments"))
                )
            case "tool.execution_complete":
                return self._of_tool_end(told)
            case "model.call_failure":
                return self._of_refused_try(told)
            case "session.error":
                self._error = _words(text_in(told.get("message"))) or "an error without words"
                self._status = count_in(told.get("statusCode"))
                return []
            case _:
                return []

    def _of_model(self, model: str) -> list[Note]:
        if not model or model == self._model:
            return []
        self._model = model
        return [StartedNoted(model=model)]

    def _of_message(self, text: str) -> list[Note]:
        self._error, self._status = "", 0  # it got over what went wrong before
        self._said = text[: RESULT_TEXT_MAX * 8] or self._said
        words = one_line(text)
        return [MessageNoted(words)] if words else []

    def _of_tool(self, name: str, arguments: dict[str, Any]) -> list[Note]:
        if name == _ASKING:
            asked = _words(text_in(arguments.get("question")))
            return [QuestionNoted(asked or "(a question)")]
        path = inside(text_in(arguments.get("path")), self._worktree)
        words = f"using {name}"
        if name in _RUNNING:
            words = f"running: {text_in(arguments.get('command')).strip()}"
        elif name in _EDITING:
            words = f"editing {path}"
        elif name == "view":
            words = f"reading {path}"
        elif name in _SEARCHING:
            words = f"searching: {text_in(arguments.get('pattern'))}"
        return [ToolNoted(one_line(name) or "tool", one_line(words))]

    def _of_tool_end(self, told: dict[str, Any]) -> list[Note]:
        error = object_in(told.get("error"))
        if told.get("success") is False:
            if error.get("code") != "denied":
                return []
            self._refused = True
            return [PermissionNoted(one_line(text_in(error.get("message"))), refused=True)]
        self._refused = False
        edits = told.get("fileEdits")
        paths = [
            inside(text_in(object_in(edit).get("path")), self._worktree)
            for edit in (edits if isinstance(edits, list) else [])
        ]
        return [FileNoted(path) for path in paths if path]

    def _of_refused_try(self, told: dict[str, Any]) -> list[Note]:
        said = text_in(told.get("errorMessage"))
        said = text_in((json_object(said.encode("utf-8", "replace")) or {}).get("message")) or said
        said = said.strip('"')
        status = count_in(told.get("statusCode"))
        fault = fault_of(said, status=status)
        condition = fault.condition if fault is not None else Condition.NETWORK
        tries = count_in(told.get("retryAttempt")) + 1
        text = one_line(f"waiting for the model: {said or status or 'no answer'}")
        text = f"{text}, try {tries}"
        notes: list[Note] = [ActivityNoted(text), ConditionNoted(condition, text)]
        limit = fault.limit(text=text) if fault is not None else None
        return [*notes, limit] if limit is not None else notes

    def _of_result(self, event: dict[str, Any]) -> list[Note]:
        self._ended = True
        if count_in(event.get("exitCode")) and not self._error:
            self._error = "it ended with an error of which it says nothing"
        said = self._error or _words(self._said, RESULT_TEXT_MAX)
        return [ResultNoted(not self._error, said)]

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a final event before which no error stands."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        if self._error:
            return error_outcome(self._error, ended, stderr_tail, status=self._status)
        if not self._ended:
            return without_last_word(self._events, ended, stderr_tail, begun=self._begun)
        outcome = good_outcome(_words(self._said), ended, stderr_tail)
        if self._refused and not self._readonly and outcome.condition is None:
            return replace(outcome, condition=Condition.PERMISSION)
        return outcome


def _words(text: str, limit: int = OUTCOME_TEXT_MAX) -> str:
    return clipped(plain_text(text[: limit * 8]).strip(), limit)


def _usage(models: dict[str, Any]) -> list[Note]:
    """The tokens of all models together; nothing where no model was asked."""
    fresh = output = cached = reasoning = 0
    for model in map(object_in, models.values()):
        usage = object_in(model.get("usage"))
        read = count_in(usage.get("cacheReadTokens"))
        fresh += max(count_in(usage.get("inputTokens")) - read, 0)
        output += count_in(usage.get("outputTokens"))
        cached += read
        reasoning += count_in(usage.get("reasoningTokens"))
    if not fresh + output + cached:
        return []
    return [UsageNoted(fresh, output, cached, None, reasoning, of_session=True)]
