"""What it takes to start an agent or a check, and what its output means: values only.

`agents` makes a `LaunchSpec` and reads notes; `procs` starts the spec; neither knows the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gangsaw.core.conditions import Condition


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
    """The true wait status of a process: exactly one of `code` and `signal` is set. `at` is when
    it ended, in epoch seconds, 0 where that is not known; no part of what makes two ends equal."""

    code: int | None
    signal: int | None
    at: float = field(default=0.0, compare=False)


# --- notes: what an agent's output said; one vocabulary for all agents -------------------------


@dataclass(frozen=True, slots=True)
class StartedNoted:
    """The agent's own first word: its version and model, as far as it tells them."""

    version: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class SessionNoted:
    """The agent named the session under which it can be resumed. Empty: the session it was to
    resume does not exist; forget it and begin a fresh one."""

    session: str


@dataclass(frozen=True, slots=True)
class UsageNoted:
    """Tokens and money of this turn so far (absolute, not an increment).

    `input_tokens` are those not read from a cache (writes to it included), `cached_tokens` those
    read from it; `reasoning_tokens` are a part of `output_tokens`. `cost_usd` is `None` where the
    agent reports none. `of_session`: the figures count from the beginning of the session, so what
    its earlier turns used has to be taken off; `cost_of_session` says the same of the cost alone.
    `estimated_usd` is what the tokens of a `model` cost by a list of prices, where the agent tells
    no cost; it counts from where the tokens do.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cost_usd: float | None = None
    reasoning_tokens: int = 0
    of_session: bool = False
    cost_of_session: bool = False
    estimated_usd: float | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class ActivityNoted:
    """What the agent is doing now, in a few words, for the live line."""

    text: str


@dataclass(frozen=True, slots=True)
class MessageNoted:
    """The agent's own words; `text` is their first line."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolNoted:
    """A tool in use: its name as the agent has it, and in a few words what it does."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class FileNoted:
    """A file the agent wrote or edited; relative to the worktree where it lies in it."""

    path: str


@dataclass(frozen=True, slots=True)
class QuestionNoted:
    """The agent asked a person something."""

    text: str


@dataclass(frozen=True, slots=True)
class PermissionNoted:
    """The agent asked for a permission, or was refused one."""

    text: str
    refused: bool = False


class LimitKind(StrEnum):
    """`THROTTLE` passes within minutes, `QUOTA` is an allowance that is used up."""

    THROTTLE = "throttle"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class LimitNoted:
    """The vendor limits the agent, whether or not the turn ends by it. `resets_at` is epoch
    seconds or `None`; `account` names whose limit it is, where the agent tells."""

    kind: LimitKind
    resets_at: float | None = None
    account: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ConditionNoted:
    """Something is wrong while the turn goes on; the agent may yet get over it."""

    condition: Condition
    text: str = ""


@dataclass(frozen=True, slots=True)
class ResultNoted:
    """The agent's own final word, whole up to `RESULT_TEXT_MAX`. Never proof of success."""

    ok: bool
    text: str


RESULT_TEXT_MAX = 64_000
"""Length of a final word, in characters; a review's findings are read from it."""

Note = (
    StartedNoted
    | SessionNoted
    | UsageNoted
    | ActivityNoted
    | MessageNoted
    | ToolNoted
    | FileNoted
    | QuestionNoted
    | PermissionNoted
    | LimitNoted
    | ConditionNoted
    | ResultNoted
)

SHOWN = (ActivityNoted, MessageNoted, ToolNoted)
"""Notes that say what the agent is doing now; their `text` is the live line."""


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
    limit or trouble on the way to it, `retry_at` is epoch seconds or `None`. `REFUSED`: login or
    model unusable; a new try would end the same way. `condition` tells it more finely and is
    `None` for `DONE` without anything odd; `account` is whose limit it is, where told."""

    kind: OutcomeKind
    text: str = ""
    retry_at: float | None = None
    condition: Condition | None = None
    account: str = ""
