"""What it takes to start an agent or a check, and what its output means: values only.

`agents` makes a `LaunchSpec` and reads notes; `procs` starts the spec; neither knows the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """A process to start. `env` is its whole environment; `stdin` is the content of its standard
    input (`None`: the null device)."""

    argv: tuple[str, ...]
    cwd: str
    env: tuple[tuple[str, str], ...]
    stdin: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The true wait status of a process: exactly one of `code` and `signal` is set."""

    code: int | None
    signal: int | None


# --- notes: what an agent's output said; one vocabulary for all agents -------------------------


@dataclass(frozen=True, slots=True)
class SessionNoted:
    """The agent named the session under which it can be resumed. Empty: the session it was to
    resume does not exist; forget it and begin a fresh one."""

    session: str


@dataclass(frozen=True, slots=True)
class UsageNoted:
    """Tokens and money of this turn so far (absolute, not an increment). `cost_usd` is `None`
    where the agent reports none."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class ActivityNoted:
    """What the agent is doing now, in a few words, for the live line."""

    text: str


@dataclass(frozen=True, slots=True)
class QuestionNoted:
    """The agent asked a person something."""

    text: str


@dataclass(frozen=True, slots=True)
class ResultNoted:
    """The agent's own final word. Never proof of success."""

    ok: bool
    text: str


Note = SessionNoted | UsageNoted | ActivityNoted | QuestionNoted | ResultNoted


class OutcomeKind(StrEnum):
    """What the end of a turn means, from exit status and the agent's own final event together."""

    DONE = "done"
    FAILED = "failed"
    CRASHED = "crashed"
    LIMITED = "limited"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """How a turn ended. `CRASHED`: killed by a signal nobody here sent. `LIMITED`: the vendor's
    usage limit, `retry_at` is epoch seconds or `None`. `REFUSED`: login or model unusable; a
    new try would end the same way."""

    kind: OutcomeKind
    text: str = ""
    retry_at: float | None = None
