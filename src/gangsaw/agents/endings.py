"""What the end of a process says, in words and as an outcome, for any kind of agent."""

from __future__ import annotations

import signal

from gangsaw.agents.lines import OUTCOME_TEXT_MAX, clipped, tail_text
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import Ended, OutcomeKind, TurnOutcome


def crashed(ended: Ended) -> TurnOutcome | None:
    """The outcome of a process that a signal ended; `None` for one that exited."""
    if ended.signal is None:
        return None
    return TurnOutcome(OutcomeKind.CRASHED, ending_text(ended), condition=Condition.CRASHED)


def failed(
    ended: Ended, said: str, stderr_tail: bytes, condition: Condition | None = None
) -> TurnOutcome:
    """A failure told by how it ended and by the most telling words there are: what the agent
    said, else the end of its standard error."""
    words = said.strip() or tail_text(stderr_tail)
    text = f"{ending_text(ended)}: {words}" if words else ending_text(ended)
    return TurnOutcome(OutcomeKind.FAILED, clipped(text, OUTCOME_TEXT_MAX), condition=condition)


KIND_OF: dict[Condition, OutcomeKind] = {
    Condition.QUOTA: OutcomeKind.LIMITED,
    Condition.THROTTLED: OutcomeKind.LIMITED,
    Condition.OVERLOADED: OutcomeKind.LIMITED,
    Condition.NETWORK: OutcomeKind.LIMITED,
    Condition.LOGIN_MISSING: OutcomeKind.REFUSED,
    Condition.LOGIN_EXPIRED: OutcomeKind.REFUSED,
    Condition.MODEL_UNKNOWN: OutcomeKind.REFUSED,
    Condition.TRUST: OutcomeKind.REFUSED,
    Condition.MONEY_LIMIT: OutcomeKind.REFUSED,
    Condition.LATE_FAILURE: OutcomeKind.DONE,
    Condition.CRASHED: OutcomeKind.CRASHED,
}
"""The kind of outcome that a turn has which ended by a condition; any other is `FAILED`."""


def ended_by(
    condition: Condition,
    ended: Ended,
    said: str,
    stderr_tail: bytes = b"",
    *,
    retry_at: float | None = None,
    account: str = "",
) -> TurnOutcome:
    """The outcome of a turn that ended by this condition, in the agent's own words."""
    kind = KIND_OF.get(condition, OutcomeKind.FAILED)
    words = said.strip() or tail_text(stderr_tail) or ending_text(ended)
    return TurnOutcome(kind, clipped(words, OUTCOME_TEXT_MAX), retry_at, condition, account)


def ending_text(ended: Ended) -> str:
    """For example `exit code 3`, or `killed by SIGKILL`."""
    if ended.signal is None:
        return f"exit code {ended.code}"
    try:
        return f"killed by {signal.Signals(ended.signal).name}"
    except ValueError:
        return f"killed by signal {ended.signal}"
