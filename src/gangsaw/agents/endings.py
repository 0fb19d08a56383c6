"""What the end of a process says, in words and as an outcome, for any kind of agent."""

from __future__ import annotations

import signal

from gangsaw.agents.faults import Fault, fault_of
from gangsaw.agents.jsonl import JsonLines
from gangsaw.agents.lines import OUTCOME_TEXT_MAX, clipped, tail_text
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import Ended, OutcomeKind, TurnOutcome

# What a shell, or a program that caught it, reports for a signal is 128 plus its number.
SIGNAL_EXIT_BASE = 128
# A shell's words for a program that could not be run, or was not found.
NOT_RUN = (126, 127)


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


def ended_by_fault(
    fault: Fault, ended: Ended, said: str, stderr_tail: bytes = b"", *, account: str = ""
) -> TurnOutcome:
    """The outcome of a turn that ended by this fault."""
    return ended_by(
        fault.condition, ended, said, stderr_tail, retry_at=fault.resets_at, account=account
    )


def error_outcome(said: str, ended: Ended, stderr_tail: bytes, *, status: int = 0) -> TurnOutcome:
    """The outcome of a turn whose own last word is an error: by its status and words; where these
    tell nothing, a failure, which with exit code 0 is a false success."""
    if (fault := fault_of(said, status=status, now=moment_of(ended))) is not None:
        return ended_by_fault(fault, ended, said, stderr_tail)
    if ended.code == 0:
        return ended_by(Condition.FALSE_SUCCESS, ended, said or "it reported an error")
    return failed(ended, said, stderr_tail)


def good_outcome(said: str, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
    """The outcome of a turn whose own last word is that all is well: done, or with another exit
    code than 0 done with a doubt."""
    if ended.code == 0:
        return TurnOutcome(OutcomeKind.DONE, said)
    text = f"{said} ({ending_text(ended)})" if said else ending_text(ended)
    return ended_by(Condition.LATE_FAILURE, ended, text, stderr_tail)


def without_last_word(
    events: JsonLines, ended: Ended, stderr_tail: bytes, *, begun: bool, said: str = ""
) -> TurnOutcome:
    """The outcome of a turn that wrote no final event: killed by a signal that its program or
    shell caught, refused to start, or cut. `begun`: it said at least that it had started; `said`
    is the last error it reported."""
    code = ended.code or 0
    if SIGNAL_EXIT_BASE < code <= SIGNAL_EXIT_BASE + 64:
        return crashed(Ended(None, code - SIGNAL_EXIT_BASE)) or failed(ended, said, stderr_tail)
    words = said or tail_text(stderr_tail)
    if (fault := fault_of(words, now=moment_of(ended))) is not None:
        return ended_by_fault(fault, ended, words)
    if code in NOT_RUN and not events.seen:
        text = f"cannot start the agent: {words or ending_text(ended)}; try: gangsaw doctor"
        return TurnOutcome(OutcomeKind.REFUSED, clipped(text, OUTCOME_TEXT_MAX))
    if events.cut or (begun and code == 0):
        return ended_by(Condition.CUT, ended, "ended without a result")
    if events.ignored and not events.seen:
        return failed(ended, words, stderr_tail, Condition.MALFORMED)
    return failed(ended, words or "ended without a result", b"")


def moment_of(ended: Ended) -> float | None:
    """When it ended, in epoch seconds; `None` where that is not known."""
    return ended.at or None


def ending_text(ended: Ended) -> str:
    """For example `exit code 3`, or `killed by SIGKILL`."""
    if ended.signal is None:
        return f"exit code {ended.code}"
    try:
        return f"killed by {signal.Signals(ended.signal).name}"
    except ValueError:
        return f"killed by signal {ended.signal}"
