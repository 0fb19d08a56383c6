"""What the end of a process says, in words and as an outcome, for any kind of agent."""

from __future__ import annotations

import signal

from gangsaw.agents.lines import OUTCOME_TEXT_MAX, clipped, tail_text
from gangsaw.core.launch import Ended, OutcomeKind, TurnOutcome


def crashed(ended: Ended) -> TurnOutcome | None:
    """The outcome of a process that a signal ended; `None` for one that exited."""
    if ended.signal is None:
        return None
    return TurnOutcome(OutcomeKind.CRASHED, ending_text(ended))


def failed(ended: Ended, said: str, stderr_tail: bytes) -> TurnOutcome:
    """A failure told by how it ended and by the most telling words there are: what the agent
    said, else the end of its standard error."""
    words = said.strip() or tail_text(stderr_tail)
    text = f"{ending_text(ended)}: {words}" if words else ending_text(ended)
    return TurnOutcome(OutcomeKind.FAILED, clipped(text, OUTCOME_TEXT_MAX))


def ending_text(ended: Ended) -> str:
    """For example `exit code 3`, or `killed by SIGKILL`."""
    if ended.signal is None:
        return f"exit code {ended.code}"
    try:
        return f"killed by {signal.Signals(ended.signal).name}"
    except ValueError:
        return f"killed by signal {ended.signal}"
