"""Any command line program as an agent: a template of arguments, success is exit code 0.

Of its output only the last line is shown; it has no session, so every turn gets a whole prompt.
"""

from __future__ import annotations

import re
import uuid

from gangsaw.agents.endings import crashed, ended_by_fault, failed, moment_of
from gangsaw.agents.last_words import limit_in_words
from gangsaw.agents.lines import ACTIVITY_MAX, OUTCOME_TEXT_MAX, clipped, plain_text
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Reader, TurnBrief
from gangsaw.core.errors import UserError
from gangsaw.core.launch import ActivityNoted, Ended, LaunchSpec, Note, OutcomeKind, TurnOutcome
from gangsaw.core.settings import AgentSettings

_PLACEHOLDER = re.compile(r"\{(prompt_file|task_prompt_file|worktree|model|session|port)\}")
_NAMESPACE = uuid.UUID("5b8f6c6e-5f0c-4c5e-9a43-0b1d6f0f7a11")

# How much of the end of a burst of output is looked through for a line worth showing, and how
# much of an unended line is held.
TAIL_BYTES = 4096


class CommandAdapter:
    """Starts `argv` of the settings; `{session}` is an id made from run and attempt."""

    kind = "command"
    resumes = False
    program = None
    variables: tuple[str, ...] = ()

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The command with its placeholders filled; a `{model}` that nobody set is an error."""
        if not agent.argv:
            raise UserError(
                f"cannot start agent {agent.name!r}: it has no command; "
                f'try argv = ["your-cli", "{{prompt_file}}"] under [agents.{agent.name}]'
            )
        values = {
            "prompt_file": brief.prompt_file,
            "task_prompt_file": brief.task_prompt_file,
            "worktree": brief.worktree,
            "model": brief.model or agent.model,
            "port": str(brief.ports.first) if brief.ports else None,
            "session": brief.session or str(uuid.uuid5(_NAMESPACE, f"{brief.run} {brief.attempt}")),
        }
        return LaunchSpec(
            argv=tuple(_filled(argument, values, agent) for argument in (*agent.argv, *agent.args)),
            cwd=brief.worktree,
            env=process_environment(brief),
            stdin=brief.prompt.encode("utf-8", "replace") if agent.stdin == "prompt" else None,
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec | None:
        """There is no such form."""
        return None

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader that keeps the last line only."""
        return CommandReader()


_MISSING = {
    "model": "no model is set; try model = … under [agents.{}] or in the task",
    "port": "there are no ports; try ports = 10 under [worktree], or fewer agents at once",
}


def _filled(argument: str, values: dict[str, str | None], agent: AgentSettings) -> str:
    def value_of(found: re.Match[str]) -> str:
        value = values[found[1]]
        if value is None:
            raise UserError(
                f"cannot start agent {agent.name!r}: its argv wants {found[0]}, but "
                + _MISSING[found[1]].format(agent.name)
            )
        return value

    return _PLACEHOLDER.sub(value_of, argument)


class CommandReader:
    """Notes the last non-empty line of every burst of output. No line is ever malformed here."""

    ignored_lines = 0

    def __init__(self) -> None:
        self._held = b""
        self._last = ""

    def feed(self, chunk: bytes) -> list[Note]:
        """At most one note: the last complete line that shows something."""
        lines, newline, rest = chunk.rpartition(b"\n")
        if not newline:
            self._held = (self._held + rest[:TAIL_BYTES])[:TAIL_BYTES]
            return []
        if len(lines) < TAIL_BYTES:
            lines = self._held + lines
        self._held = rest[:TAIL_BYTES]
        shown = _last_line(lines[-2 * TAIL_BYTES :])
        if not shown:
            return []
        self._last = shown
        return [ActivityNoted(clipped(shown, ACTIVITY_MAX))]

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done if and only if the exit code is 0. Of another one the last line may say that it was
        the vendor's limit: of standard error or, where that is empty, of its output."""
        said = _last_line(self._held) or self._last
        if ended.code == 0:
            return TurnOutcome(OutcomeKind.DONE, said)
        if (crash := crashed(ended)) is not None:
            return crash
        words = _last_line(stderr_tail) or said
        if (fault := limit_in_words(words, now=moment_of(ended))) is not None:
            return ended_by_fault(fault, ended, words)
        return failed(ended, "", stderr_tail or said.encode())


def _last_line(raw: bytes) -> str:
    for line in reversed(plain_text(raw).split("\n")):
        words = " ".join(line.split())
        if words:
            return clipped(words, OUTCOME_TEXT_MAX)
    return ""
