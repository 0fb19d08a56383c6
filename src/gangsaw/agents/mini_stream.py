"""mini-swe-agent's text, and the figures of its trajectory, into notes and an outcome. Pure; see
`mini.py`.

A step is a header with number and dollars, then the model's words, then its commands between
fences. What a header is not part of are the prompt, outputs of commands and the like.
"""

from __future__ import annotations

import json
import re

from gangsaw.agents.endings import (
    SIGNAL_EXIT_BASE,
    crashed,
    ended_by_fault,
    error_outcome,
    good_outcome,
    moment_of,
    without_last_word,
)
from gangsaw.agents.faults import Fault
from gangsaw.agents.jsonl import JsonLines
from gangsaw.agents.lines import (
    OUTCOME_TEXT_MAX,
    LineSplitter,
    clipped,
    cost_in,
    count_in,
    one_line,
    plain_text,
    text_in,
)
from gangsaw.agents.litellm import litellm_fault
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import (
    RESULT_TEXT_MAX,
    ConditionNoted,
    Ended,
    MessageNoted,
    Note,
    ResultNoted,
    StartedNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)

MARKER = "=== figures of the trajectory ==="
END_MARKER = "=== end of the figures ==="
FIGURES = (
    *("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
    *("instance_cost", "exit_status", "exception_str", "submission"),
)
"""What is picked out of the trajectory, each on a line of its own there."""

_VERSION = re.compile(r"This is mini-swe-agent version (\d[\w.]*\w)\.?$")
_STEP = re.compile(r"mini-swe-agent \(step \d+, \$[\d.]+\):$")
_FIGURE = re.compile(rf' *"({"|".join(FIGURES)})": (.*?),?$')
_FENCE = "```"
# A header of another role, or the line between steps, ends what the model says.
_OTHERS = frozenset({"System:", "User:", "Tool:", "Exit:"})
_RULE = "───"

_STATUSES: dict[str, Condition] = {
    "LimitsExceeded": Condition.MONEY_LIMIT,
    "TimeExceeded": Condition.TURN_LIMIT,
    "RepeatedFormatError": Condition.MALFORMED,
    "AuthenticationError": Condition.LOGIN_EXPIRED,
    "PermissionDeniedError": Condition.LOGIN_EXPIRED,
    "ContextWindowExceededError": Condition.CONTEXT_FULL,
}
_SUBMITTED = "Submitted"


class MiniReader:
    """Reads the output of one turn."""

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._in_step = False
        self._in_fence = False
        self._spoken = False
        self._begun = False
        self._figures: dict[str, str] | None = None
        self._counts: dict[str, int] = {}
        self._cost: float | None = None
        self._said = ""
        self._ended = False

    @property
    def ignored_lines(self) -> int:
        """Lines that were too long; no text is malformed here."""
        return self._lines.skipped

    def feed(self, chunk: bytes) -> list[Note]:
        """The notes of the lines completed by `chunk`."""
        return [note for line in self._lines.feed(chunk) for note in self._notes(line)]

    def _notes(self, line: bytes) -> list[Note]:
        text = plain_text(line).rstrip()
        if text == MARKER:
            # Only what follows the last one counts: a command's output may hold anything.
            self._figures, self._counts = {}, {}
            return []
        if text == END_MARKER and self._figures is not None:
            return self._of_end(self._figures)
        if self._figures is not None:
            self._take_figure(text, self._figures)
            return []
        if _STEP.match(text):
            self._begun = self._in_step = True
            self._in_fence = self._spoken = False
            return []
        if self._in_step:
            return self._of_step(text)
        if not self._begun and (found := _VERSION.match(text)) is not None:
            return [StartedNoted(one_line(found[1]))]
        return []

    def _of_step(self, text: str) -> list[Note]:
        words = text.strip()
        if words in _OTHERS or words.startswith(_RULE):
            self._in_step = False
            return []
        if words == _FENCE:
            self._in_fence = not self._in_fence
            self._spoken = False
            return []
        if not words or self._spoken:
            return []
        self._spoken = True
        if self._in_fence:
            return [ToolNoted("bash", one_line(f"running: {words}"))]
        self._said = one_line(words, OUTCOME_TEXT_MAX)
        return [MessageNoted(one_line(words))]

    def _take_figure(self, text: str, figures: dict[str, str]) -> None:
        if (found := _FIGURE.match(text)) is None:
            return
        name, raw = found[1], found[2]
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return
        if name.endswith("_tokens"):
            self._counts[name] = self._counts.get(name, 0) + count_in(value)
        elif name == "instance_cost":
            # Where it knows no price it says 0.
            cost = cost_in(value)
            self._cost = round(cost, 9) if cost else None
        elif words := text_in(value).strip():
            figures[name] = words

    def _of_end(self, figures: dict[str, str]) -> list[Note]:
        self._ended = True
        usage = self._usage()
        notes: list[Note] = [usage] if usage.output_tokens or usage.cost_usd else []
        ok = figures.get("exit_status") == _SUBMITTED
        if not ok and (fault := _fault(figures, None)) is not None:
            words = one_line(_words(figures))
            limit = fault.limit(text=words)
            notes.append(limit if limit is not None else ConditionNoted(fault.condition, words))
        said = (figures.get("submission") or self._said) if ok else _words(figures)
        return [*notes, ResultNoted(ok, clipped(plain_text(said), RESULT_TEXT_MAX))]

    def _usage(self) -> UsageNoted:
        sent, cached = self._counts.get("prompt_tokens", 0), self._counts.get("cached_tokens", 0)
        return UsageNoted(
            max(sent - cached, 0),
            self._counts.get("completion_tokens", 0),
            min(cached, sent),
            self._cost,
            self._counts.get("reasoning_tokens", 0),
        )

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """Done needs exit code 0 and a trajectory that says the work was handed in."""
        self.feed(b"\n")
        if (crash := crashed(ended)) is not None:
            return crash
        code, figures = ended.code or 0, self._figures or {}
        status = figures.get("exit_status", "")
        # Told to end, it writes a last trajectory without a status.
        if not self._ended or not status or code > SIGNAL_EXIT_BASE:
            return without_last_word(JsonLines(), ended, stderr_tail, begun=self._begun)
        if status == _SUBMITTED:
            said = plain_text(figures.get("submission") or self._said)
            said = clipped(said, OUTCOME_TEXT_MAX)
            return good_outcome(said, ended, stderr_tail)
        fault = _fault(figures, moment_of(ended))
        if fault is not None:
            return ended_by_fault(fault, ended, _words(figures))
        return error_outcome(_words(figures), ended, stderr_tail)


def _words(figures: dict[str, str]) -> str:
    return figures.get("exception_str") or figures.get("exit_status", "")


def _fault(figures: dict[str, str], now: float | None) -> Fault | None:
    words = _words(figures)
    fault = litellm_fault(words, now)
    if fault is not None and fault.condition is Condition.LOGIN_MISSING:
        return fault
    condition = _STATUSES.get(figures.get("exit_status", ""))
    return Fault(condition) if condition is not None else fault
