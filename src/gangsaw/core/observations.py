"""What the world may report to the core. A report may come late, twice, or out of order; `record`
decides what of it is news."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.edits import Record
from gangsaw.core.events import Cause, CheckResult, Judgement, Jump, Pressure
from gangsaw.core.honesty import Concern
from gangsaw.core.launch import Note, TurnOutcome
from gangsaw.core.measures import Measure
from gangsaw.core.model import AgentSlots, Limits
from gangsaw.core.overlaps import Overlap
from gangsaw.core.standing import Standing


@dataclass(frozen=True, slots=True)
class EngineUp:
    """An engine took over the run; nothing is in flight. `limits` are what it was started with,
    `strays` the turns that belong to nothing of this run and were ended. `environment` stands for
    everything that verdicts of checks depend on besides commands and trees."""

    pid: int
    version: str
    boot_id: str
    containment: str
    limits: Limits
    strays: tuple[str, ...] = ()
    environment: str = ""


@dataclass(frozen=True, slots=True)
class EngineDown:
    reason: str


@dataclass(frozen=True, slots=True)
class IntegrationAt:
    commit: str


@dataclass(frozen=True, slots=True)
class MachineRead:
    level: Pressure
    text: str


@dataclass(frozen=True, slots=True)
class MachineSeen:
    """What the meters say; at least every `check_every_s` of the limits while agents are alive."""

    measure: Measure


@dataclass(frozen=True, slots=True)
class Asked:
    """A request from the inbox. `attempt` is the one it was proved to come from, empty for a
    person's; `refused` says why it must not be obeyed. `agent` is one that is to be added, as the
    settings have it now."""

    key: str
    verb: str
    task: str
    by: str
    text: str = ""
    number: int = 0
    attempt: str = ""
    paths: tuple[str, ...] = ()
    refused: str = ""
    agent: AgentSlots | None = None


@dataclass(frozen=True, slots=True)
class EffectRaised:
    """An effect could not be carried out; `no_room`: for want of disk space."""

    about: str
    action: str
    text: str
    no_room: bool = False


@dataclass(frozen=True, slots=True)
class WorkspaceAt:
    """`base`: what the earlier work in it was begun from; empty for a fresh worktree."""

    attempt: str
    path: str
    base: str = ""


@dataclass(frozen=True, slots=True)
class LaunchStarted:
    attempt: str
    launch: int
    pid: int
    containment: str


@dataclass(frozen=True, slots=True)
class OutputGrew:
    """The launch's output file has grown."""

    attempt: str
    launch: int


@dataclass(frozen=True, slots=True)
class Noted:
    attempt: str
    launch: int
    note: Note


@dataclass(frozen=True, slots=True)
class LaunchExited:
    attempt: str
    launch: int
    outcome: TurnOutcome
    code: int | None
    signal: int | None
    swept: int = 0
    cpu_s: float = 0.0
    memory_max_mb: float = 0.0
    no_room: bool = False


@dataclass(frozen=True, slots=True)
class WatchdogActed:
    """The note that the watchdog left of a launch which was really stopped. It comes before the
    launch's end."""

    attempt: str
    launch: int
    used_mb: float
    available_mb: float
    total_mb: float
    full_pct: float
    at: float


@dataclass(frozen=True, slots=True)
class WatchdogGone:
    """The watchdog has ended by itself, or cannot be started. `again`: it will be."""

    text: str
    again: bool


@dataclass(frozen=True, slots=True)
class LaunchLost:
    attempt: str
    launch: int
    started: bool
    text: str
    no_room: bool = False


@dataclass(frozen=True, slots=True)
class WorkInspected:
    """The work is sound; `launch` is the one after which it was looked at. `unchanged`: it is
    nothing but what was `blamed`, with what landed since."""

    attempt: str
    launch: int
    commit: str
    tree: str
    files: int
    added: int
    deleted: int
    committed_for: tuple[str, ...] = ()
    commits: int = 1
    barrier: tuple[str, ...] = ()
    concerns: tuple[Concern, ...] = ()
    paths: tuple[str, ...] = ()
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class WorkUnsound:
    attempt: str
    launch: int
    cause: Cause
    paths: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class ChecksDone:
    """Checks ended on this commit of the subject (an attempt or `@target`); `round` and `only` as
    asked."""

    about: str
    commit: str
    tree: str
    judgement: Judgement
    results: tuple[CheckResult, ...]
    round: int = 0
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateMade:
    """`resolved` names the mechanical ways by which a conflict in `resolved_paths` was resolved;
    `files` and `paths` as in the event."""

    about: str
    work: str
    onto: str
    commit: str
    tree: str
    resolved: str = ""
    resolved_paths: tuple[str, ...] = ()
    files: int = 0
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateClashed:
    """`against`: the change ahead of it with which it does not merge; empty if it does not merge
    with what landed."""

    about: str
    work: str
    onto: str
    paths: tuple[str, ...]
    against: str = ""


@dataclass(frozen=True, slots=True)
class IntegrationMoved:
    """`head`: the commit that joins several candidates, where the branch was moved to one."""

    about: str
    commit: str
    onto: str
    head: str = ""


@dataclass(frozen=True, slots=True)
class IntegrationElsewhere:
    about: str
    commit: str
    onto: str
    found: str


@dataclass(frozen=True, slots=True)
class AttemptClosed:
    attempt: str
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TargetAtIntegration:
    """The target was moved to (or found at) this commit; `pushed` names the remote, if any."""

    commit: str
    pushed: str = ""


@dataclass(frozen=True, slots=True)
class TargetNotMovable:
    """Delivery has to wait, for this reason; nothing was touched."""

    commit: str
    text: str


@dataclass(frozen=True, slots=True)
class TargetElsewhere:
    """The target has commits of its own; `remote` names the remote where it has."""

    commit: str
    remote: str = ""


@dataclass(frozen=True, slots=True)
class TargetPushed:
    """The remote's branch contains the commit."""

    commit: str
    remote: str


@dataclass(frozen=True, slots=True)
class PushRefused:
    """The remote did not take the commit; `passing`: it may do so by itself, later."""

    commit: str
    remote: str
    text: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class ClockShifted:
    """The wall clock (or the engine's own time) jumped by so many seconds between two turns."""

    seconds: float
    why: Jump


@dataclass(frozen=True, slots=True)
class JournalHeldUp:
    """There was no room for the last turn's events for so many seconds; now they are written."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class IntegrationPutBack:
    """The integration branch was found at `found` (empty: nowhere) and put back to `commit`."""

    commit: str
    found: str


@dataclass(frozen=True, slots=True)
class OverlapsRead:
    """The radar compared the attempts `looked` with each other and with what has landed; or why it
    could not (`trouble`)."""

    overlaps: tuple[Overlap, ...]
    looked: tuple[str, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class StandingSaid:
    """The task's file says where it stands; or, with `kept`, something else that is left alone."""

    task: str
    standing: Standing
    commit: str = ""
    kept: str = ""
    phase: str = ""


@dataclass(frozen=True, slots=True)
class StandingNotSaid:
    """The task's file could not be written."""

    task: str
    standing: Standing
    commit: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceSeen:
    """What the task file says now, read when the state knew of so many changes; with the files that
    it consists of. `unread` tells, with places, what in it could not be read, `notes` what was not
    noted by the reading before; `fresh` is whether some of either is new since that. `changed` are
    the names of the files that are other ones than at the reading before. `returned` are documents
    that can be written again after they could not, and `writes` is how many of our own writings the
    state knew of."""

    change: int
    records: tuple[Record, ...]
    paths: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fresh: bool = False
    changed: tuple[str, ...] = ()
    returned: tuple[int, ...] = ()
    writes: int = 0


@dataclass(frozen=True, slots=True)
class SourceUnread:
    """The task file, as it is now, cannot be used: `reason` names file and line."""

    change: int
    reason: str


@dataclass(frozen=True, slots=True)
class ElsewhereSpent:
    """What other runs of the repository have used on that day (see `days`): tokens, and dollars
    that were reported and that were estimated."""

    day: int
    tokens: int
    cost_usd: float
    estimated_usd: float = 0.0


Observation = (
    EngineUp
    | EngineDown
    | IntegrationAt
    | MachineRead
    | MachineSeen
    | Asked
    | EffectRaised
    | WorkspaceAt
    | LaunchStarted
    | OutputGrew
    | Noted
    | LaunchExited
    | LaunchLost
    | WatchdogActed
    | WatchdogGone
    | WorkInspected
    | WorkUnsound
    | ChecksDone
    | CandidateMade
    | CandidateClashed
    | IntegrationMoved
    | IntegrationElsewhere
    | AttemptClosed
    | TargetAtIntegration
    | TargetNotMovable
    | TargetElsewhere
    | TargetPushed
    | PushRefused
    | ClockShifted
    | JournalHeldUp
    | IntegrationPutBack
    | OverlapsRead
    | StandingSaid
    | StandingNotSaid
    | SourceSeen
    | SourceUnread
    | ElsewhereSpent
)
