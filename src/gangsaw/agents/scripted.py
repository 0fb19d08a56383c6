"""The shipped scripted agent: a real program that does what a script in the task's prompt says.

It stands in for a coding agent in the demo and in tests; its language is described in
`testing/scripted_agent.py`, which this module starts and whose stream it reads.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from gangsaw.agents.endings import (
    crashed,
    ended_by,
    ended_by_fault,
    ending_text,
    failed,
    moment_of,
)
from gangsaw.agents.jsonl import JsonLines
from gangsaw.agents.last_words import limit_in_words
from gangsaw.agents.lines import (
    OUTCOME_TEXT_MAX,
    clipped,
    cost_in,
    count_in,
    inside,
    moment_in,
    one_line,
    plain_text,
    tail_text,
    text_in,
)
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Reader, TurnBrief
from gangsaw.core.conditions import NOT_TOLD, Condition
from gangsaw.core.launch import (
    RESULT_TEXT_MAX,
    ActivityNoted,
    ConditionNoted,
    Ended,
    FileNoted,
    LaunchSpec,
    LimitKind,
    LimitNoted,
    MessageNoted,
    Note,
    OutcomeKind,
    PermissionNoted,
    QuestionNoted,
    ResultNoted,
    SessionNoted,
    StartedNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.settings import AgentSettings

PROGRAM = str(PurePath(__file__).parent.parent / "testing" / "scripted_agent.py")


class ScriptedAdapter:
    """Starts the program with this interpreter, isolated, the prompt on its standard input."""

    kind = "scripted"
    resumes = True
    program = None
    variables: tuple[str, ...] = ()

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The program reads its script from the task's own prompt, so that a prompt template
        cannot lose it. `binary` names another Python interpreter."""
        session = brief.session or new_session(brief)
        argv = (
            agent.binary or sys.executable,
            *("-I", PROGRAM, "--session", session, *agent.args, brief.task_prompt_file),
        )
        own = (("GANGSAW_TURN_KIND", brief.kind.value),)
        return LaunchSpec(
            argv=argv,
            cwd=brief.worktree,
            env=tuple(sorted((dict(process_environment(brief)) | dict(own)).items())),
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec | None:
        """There is no such form."""
        return None

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of the program's JSON lines."""
        return ScriptedReader(brief.worktree)


def new_session(brief: TurnBrief) -> str:
    """The session that begins with this turn."""
    first = f"scripted-{brief.run}-{brief.attempt}"
    return first if brief.turn == 1 else f"{first}-{brief.turn}"


class ScriptedReader:
    """Reads the program's events: a type for every note."""

    def __init__(self, worktree: str) -> None:
        self._worktree = worktree
        self._lines = JsonLines()
        self._result: ResultNoted | None = None
        self._ending: dict[str, Any] = {}

    @property
    def ignored_lines(self) -> int:
        """Lines that were no JSON object, or too long."""
        return self._lines.ignored

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for event in self._lines.feed(chunk) for note in self._notes(event)]

    def _notes(self, event: dict[str, Any]) -> Iterator[Note]:
        text = clipped(plain_text(text_in(event.get("text"))), OUTCOME_TEXT_MAX)
        match event.get("type"):
            case "started":
                yield StartedNoted(one_line(text_in(event.get("version"))))
            case "session":
                yield SessionNoted(one_line(text_in(event.get("session"))))
            case "activity":
                yield ActivityNoted(one_line(text))
            case "message":
                yield MessageNoted(one_line(text))
            case "tool":
                yield ToolNoted(one_line(text_in(event.get("name"))), one_line(text))
            case "file":
                yield FileNoted(inside(text_in(event.get("path")), self._worktree))
            case "question":
                yield QuestionNoted(text)
            case "permission":
                yield PermissionNoted(text, event.get("refused") is True)
            case "limit":
                quota = event.get("kind") == LimitKind.QUOTA
                resets_at = moment_in(event.get("resets_at"))
                account = one_line(text_in(event.get("account")))
                kind = LimitKind.QUOTA if quota else LimitKind.THROTTLE
                yield LimitNoted(kind, resets_at, account, text)
            case "condition":
                condition = _condition_in(event.get("condition"))
                if condition is not None:
                    yield ConditionNoted(condition, text)
            case "usage":
                yield UsageNoted(
                    count_in(event.get("input")),
                    count_in(event.get("output")),
                    count_in(event.get("cached")),
                    cost_in(event.get("cost")),
                )
            case "result":
                self._ending = event
                said = clipped(plain_text(text_in(event.get("text"))), RESULT_TEXT_MAX)
                self._result = ResultNoted(event.get("ok") is True, said)
                yield self._result

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a result that says so; a condition is what the result names,
        or what the two make of each other."""
        self.feed(b"\n")
        result = self._result
        if (crash := crashed(ended)) is not None:
            return crash
        if result is None:
            return self._without_result(ended, stderr_tail)
        text = clipped(result.text, OUTCOME_TEXT_MAX)
        retry_at = moment_in(self._ending.get("retry_at"))
        condition = _condition_in(self._ending.get("condition"))
        if condition is not None:
            account = one_line(text_in(self._ending.get("account")))
            return ended_by(condition, ended, text, retry_at=retry_at, account=account)
        if self._ending.get("outcome") == "limited":
            return TurnOutcome(OutcomeKind.LIMITED, text, retry_at)
        if self._ending.get("outcome") == "refused":
            return TurnOutcome(OutcomeKind.REFUSED, text)
        if result.ok and ended.code == 0:
            return TurnOutcome(OutcomeKind.DONE, text)
        if result.ok:
            return ended_by(Condition.LATE_FAILURE, ended, ending_text(ended), stderr_tail)
        if ended.code == 0:
            return ended_by(Condition.FALSE_SUCCESS, ended, text, stderr_tail)
        return failed(ended, text, stderr_tail)

    def _without_result(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        if self._lines.cut:
            return ended_by(Condition.CUT, ended, "", stderr_tail)
        if self._lines.ignored:
            return ended_by(Condition.MALFORMED, ended, "", stderr_tail)
        words = tail_text(stderr_tail).rpartition("\n")[2]
        if ended.code and (fault := limit_in_words(words, now=moment_of(ended))) is not None:
            return ended_by_fault(fault, ended, words)
        return failed(ended, "", stderr_tail or b"ended without a result")


def _condition_in(value: object) -> Condition | None:
    return Condition(value) if value in _CONDITIONS else None


_CONDITIONS = frozenset(condition.value for condition in Condition if condition not in NOT_TOLD)
