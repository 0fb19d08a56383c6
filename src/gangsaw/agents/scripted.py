"""The shipped scripted agent: a real program that does what a script in the task's prompt says.

It stands in for a coding agent in the demo and in tests; its language is described in
`testing/scripted_agent.py`, which this module starts and whose stream it reads.
"""

from __future__ import annotations

import sys
from pathlib import PurePath

from gangsaw.agents.endings import crashed, failed
from gangsaw.agents.lines import (
    OUTCOME_TEXT_MAX,
    LineSplitter,
    clipped,
    cost_in,
    count_in,
    json_object,
    moment_in,
    one_line,
    plain_text,
    text_in,
)
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Reader, TurnBrief
from gangsaw.core.launch import (
    ActivityNoted,
    Ended,
    LaunchSpec,
    Note,
    OutcomeKind,
    QuestionNoted,
    ResultNoted,
    SessionNoted,
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
        session = brief.session or f"scripted-{brief.run}-{brief.attempt}"
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
        return ScriptedReader()


class ScriptedReader:
    """Reads `session`, `activity`, `usage`, `question` and `result` lines."""

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._malformed = 0
        self._result: ResultNoted | None = None
        self._kind: OutcomeKind | None = None
        self._retry_at: float | None = None

    @property
    def ignored_lines(self) -> int:
        """Lines that were no JSON object, or too long."""
        return self._malformed + self._lines.skipped

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for line in self._lines.feed(chunk) for note in self._notes(line)]

    def _notes(self, line: bytes) -> list[Note]:
        event = json_object(line)
        if event is None:
            self._malformed += bool(line.strip())
            return []
        text = text_in(event.get("text"))
        match event.get("type"):
            case "session":
                session = one_line(text_in(event.get("session")))
                return [SessionNoted(session)] if session else []
            case "activity":
                return [ActivityNoted(one_line(text))]
            case "question":
                return [QuestionNoted(clipped(plain_text(text), OUTCOME_TEXT_MAX))]
            case "usage":
                return [
                    UsageNoted(
                        count_in(event.get("input")),
                        count_in(event.get("output")),
                        count_in(event.get("cached")),
                        cost_in(event.get("cost")),
                    )
                ]
            case "result":
                return [self._take_result(event, clipped(plain_text(text), OUTCOME_TEXT_MAX))]
            case _:
                return []

    def _take_result(self, event: dict[str, object], text: str) -> ResultNoted:
        self._result = ResultNoted(event.get("ok") is True, text)
        if event.get("outcome") == "limited":
            self._kind = OutcomeKind.LIMITED
            self._retry_at = moment_in(event.get("retry_at"))
        elif event.get("outcome") == "refused":
            self._kind = OutcomeKind.REFUSED
        return self._result

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a result that says so."""
        self.feed(b"\n")
        result = self._result
        if (crash := crashed(ended)) is not None:
            return crash
        if self._kind is not None:
            return TurnOutcome(self._kind, result.text if result else "", self._retry_at)
        if result is None:
            return failed(ended, "", stderr_tail or b"ended without a result")
        if result.ok and ended.code == 0:
            return TurnOutcome(OutcomeKind.DONE, result.text)
        return failed(ended, result.text, stderr_tail)
