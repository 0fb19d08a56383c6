"""Every event as a frozen value, and the table wire name ↔ class.

Events are for ever: fields are only ever added, with defaults. Each class names its `kind` (the
wire name) and its `subject` (a run, task or attempt id). An event is a fact (something happened)
or an intent (something is wanted from now on); both are in the log before anything acts on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.disturbances import ClockJumped as ClockJumped
from gangsaw.core.disturbances import IntegrationRestored as IntegrationRestored
from gangsaw.core.disturbances import JournalWaited as JournalWaited
from gangsaw.core.disturbances import OfRun
from gangsaw.core.events_undo import UndoFailed as UndoFailed
from gangsaw.core.events_undo import Undone as Undone
from gangsaw.core.events_undo import UndoWanted as UndoWanted
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import Check, Limits, Plan, TurnKind
from gangsaw.core.terms import Cause as Cause
from gangsaw.core.terms import CheckResult as CheckResult
from gangsaw.core.terms import Judgement as Judgement
from gangsaw.core.terms import Jump as Jump
from gangsaw.core.terms import Pressure as Pressure
from gangsaw.core.terms import RunEnd as RunEnd
from gangsaw.core.terms import Stage as Stage

TARGET = "@target"
"""Subject of the landing that merges a moved target into the integration branch."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A plan was accepted; `gate` are the checks run for every task, `base` is the target's
    commit then."""

    kind: ClassVar[str] = "run.started"
    run: str
    plan: Plan
    limits: Limits
    target: str
    integration: str
    base: str
    gate: tuple[Check, ...] = ()
    plan_source: str = ""

    @property
    def subject(self) -> str:
        return self.run


@dataclass(frozen=True, slots=True)
class IntegrationReady(OfRun):
    kind: ClassVar[str] = "integration.ready"
    commit: str


@dataclass(frozen=True, slots=True)
class EngineStarted(OfRun):
    """`strays`: turns that were alive though nothing of this run needs them; they were ended."""

    kind: ClassVar[str] = "engine.started"
    pid: int
    version: str
    boot_id: str = ""
    containment: str = ""
    strays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineStopped(OfRun):
    kind: ClassVar[str] = "engine.stopped"
    reason: str


@dataclass(frozen=True, slots=True)
class RunFinished(OfRun):
    kind: ClassVar[str] = "run.finished"
    end: RunEnd


@dataclass(frozen=True, slots=True)
class RunReopened(OfRun):
    kind: ClassVar[str] = "run.reopened"
    by: str


@dataclass(frozen=True, slots=True)
class LimitsChanged(OfRun):
    """A later engine was started with other limits."""

    kind: ClassVar[str] = "limits.changed"
    limits: Limits


@dataclass(frozen=True, slots=True)
class Paused(OfRun):
    """No new agents are started. `drain`: the engine ends when the running ones have."""

    kind: ClassVar[str] = "run.paused"
    by: str
    drain: bool = False


@dataclass(frozen=True, slots=True)
class Resumed(OfRun):
    kind: ClassVar[str] = "run.resumed"
    by: str


@dataclass(frozen=True, slots=True)
class StopAllWanted(OfRun):
    """Every agent is to be stopped and the engine to end; `hard` skips the grace."""

    kind: ClassVar[str] = "run.stop_wanted"
    by: str
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Scaled(OfRun):
    kind: ClassVar[str] = "run.scaled"
    max_agents: int
    by: str


@dataclass(frozen=True, slots=True)
class PressureChanged(OfRun):
    kind: ClassVar[str] = "pressure.changed"
    level: Pressure
    text: str


@dataclass(frozen=True, slots=True)
class Requested(OfRun):
    """A person (or script) asked for something; `key` makes asking twice harmless."""

    kind: ClassVar[str] = "request.received"
    key: str
    verb: str
    task: str
    by: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class RequestAnswered(OfRun):
    kind: ClassVar[str] = "request.answered"
    key: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class DeliveryWanted(OfRun):
    kind: ClassVar[str] = "delivery.wanted"
    commit: str


@dataclass(frozen=True, slots=True)
class Delivered(OfRun):
    kind: ClassVar[str] = "delivered"
    commit: str
    pushed: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryBlocked(OfRun):
    kind: ClassVar[str] = "delivery.blocked"
    commit: str
    text: str


@dataclass(frozen=True, slots=True)
class TargetMoved(OfRun):
    """Somebody else put commits on the target; they must be merged in as a candidate."""

    kind: ClassVar[str] = "target.moved"
    commit: str


@dataclass(frozen=True, slots=True)
class TargetMergeFailed(OfRun):
    kind: ClassVar[str] = "target.merge_failed"
    commit: str
    text: str


@dataclass(frozen=True, slots=True)
class EffectFailed:
    """The engine could not carry out an action; it will be tried again, with a bound. `no_room`:
    for want of disk space, which is nobody's fault and is waited for."""

    kind: ClassVar[str] = "effect.failed"
    about: str
    action: str
    text: str
    no_room: bool = False

    @property
    def subject(self) -> str:
        return self.about


# --- tasks --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OfTask:
    task: str

    @property
    def subject(self) -> str:
        return self.task


@dataclass(frozen=True, slots=True)
class TaskGivenUp(_OfTask):
    """No further attempt is made. `person`: it needs a person, not a new try."""

    kind: ClassVar[str] = "task.given_up"
    text: str
    person: bool = False


@dataclass(frozen=True, slots=True)
class TaskCancelled(_OfTask):
    kind: ClassVar[str] = "task.cancelled"
    by: str


@dataclass(frozen=True, slots=True)
class TaskReopened(_OfTask):
    """With `start`, a ref, the next attempt starts from the work that it holds."""

    kind: ClassVar[str] = "task.reopened"
    by: str
    start: str = ""


# --- attempts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OfAttempt:
    attempt: str

    @property
    def subject(self) -> str:
        return self.attempt


@dataclass(frozen=True, slots=True)
class AttemptAdmitted(_OfAttempt):
    """`start`: the ref of earlier work at the task that it begins with."""

    kind: ClassVar[str] = "attempt.admitted"
    task: str
    number: int
    base: str
    agent: str
    model: str | None
    branch: str
    start: str = ""


@dataclass(frozen=True, slots=True)
class WorkspacePrepared(_OfAttempt):
    """`base`, where given, is what earlier work in it was begun from, instead of the newest."""

    kind: ClassVar[str] = "workspace.prepared"
    path: str
    base: str = ""


@dataclass(frozen=True, slots=True)
class TurnWanted(_OfAttempt):
    """`launch` numbers the turn folders of the attempt, never reused; `turn` is what the agent is
    told. They differ after a launch that never ran. `onto` is merged into the worktree first."""

    kind: ClassVar[str] = "turn.wanted"
    turn: int
    launch: int
    why: TurnKind
    onto: str | None = None


@dataclass(frozen=True, slots=True)
class TurnStarted(_OfAttempt):
    kind: ClassVar[str] = "turn.started"
    launch: int
    pid: int
    containment: str = ""


@dataclass(frozen=True, slots=True)
class SessionOpened(_OfAttempt):
    kind: ClassVar[str] = "session.opened"
    launch: int
    session: str


@dataclass(frozen=True, slots=True)
class UsageReported(_OfAttempt):
    """Tokens and money of one launch so far; the last report of a launch counts."""

    kind: ClassVar[str] = "usage.reported"
    launch: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class QuestionAsked(_OfAttempt):
    kind: ClassVar[str] = "question.asked"
    launch: int
    text: str


@dataclass(frozen=True, slots=True)
class BeatSeen(_OfAttempt):
    """The agent wrote something; recorded at a bounded rate."""

    kind: ClassVar[str] = "beat.seen"
    launch: int


@dataclass(frozen=True, slots=True)
class TurnExited(_OfAttempt):
    """`no_room`: it failed, and the disk was full then."""

    kind: ClassVar[str] = "turn.exited"
    launch: int
    outcome: OutcomeKind
    code: int | None
    signal: int | None
    text: str = ""
    swept: int = 0
    retry_at: float | None = None
    cpu_s: float = 0.0
    memory_max_mb: float = 0.0
    no_room: bool = False


@dataclass(frozen=True, slots=True)
class TurnLost(_OfAttempt):
    """The launch left no exit record. `started`: the agent may have run."""

    kind: ClassVar[str] = "turn.lost"
    launch: int
    started: bool
    text: str = ""
    no_room: bool = False


@dataclass(frozen=True, slots=True)
class StopWanted(_OfAttempt):
    kind: ClassVar[str] = "stop.wanted"
    cause: Cause
    hard: bool = False


@dataclass(frozen=True, slots=True)
class InspectionWanted(_OfAttempt):
    kind: ClassVar[str] = "inspection.wanted"
    commit_leftovers: bool


@dataclass(frozen=True, slots=True)
class WorkFound(_OfAttempt):
    """The work is sealed: this commit, and no other, may land for this attempt."""

    kind: ClassVar[str] = "work.found"
    commit: str
    tree: str
    files: int
    added: int
    deleted: int
    committed_for: tuple[str, ...] = ()
    commits: int = 1


@dataclass(frozen=True, slots=True)
class WorkFaulty(_OfAttempt):
    """The worktree holds nothing that could land: `cause` says why, `paths` where."""

    kind: ClassVar[str] = "work.faulty"
    cause: Cause
    paths: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class VerifyWanted(_OfAttempt):
    """Checks of an attempt without worktree are wanted."""

    kind: ClassVar[str] = "verify.wanted"


@dataclass(frozen=True, slots=True)
class VerdictReached(_OfAttempt):
    kind: ClassVar[str] = "verdict.reached"
    tree: str
    judgement: Judgement
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkReturned(_OfAttempt):
    """The work goes back to the agent, for the given reason."""

    kind: ClassVar[str] = "work.returned"
    cause: Cause
    text: str


@dataclass(frozen=True, slots=True)
class ReviewOpened(_OfAttempt):
    kind: ClassVar[str] = "review.opened"
    text: str


@dataclass(frozen=True, slots=True)
class ReviewApproved(_OfAttempt):
    kind: ClassVar[str] = "review.approved"
    by: str


@dataclass(frozen=True, slots=True)
class ChangeQueued(_OfAttempt):
    kind: ClassVar[str] = "change.queued"
    commit: str


@dataclass(frozen=True, slots=True)
class CandidateWanted(_OfAttempt):
    """The change (or `@target`) is to be combined with the integration branch at `onto`."""

    kind: ClassVar[str] = "candidate.wanted"
    work: str
    onto: str


@dataclass(frozen=True, slots=True)
class CandidateBuilt(_OfAttempt):
    kind: ClassVar[str] = "candidate.built"
    onto: str
    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class CandidateConflicted(_OfAttempt):
    kind: ClassVar[str] = "candidate.conflicted"
    onto: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CandidateJudged(_OfAttempt):
    kind: ClassVar[str] = "candidate.judged"
    tree: str
    judgement: Judgement
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class LandingWanted(_OfAttempt):
    kind: ClassVar[str] = "landing.wanted"
    commit: str
    onto: str


@dataclass(frozen=True, slots=True)
class LandingMissed(_OfAttempt):
    """The integration branch was not where it should have been: nothing was moved."""

    kind: ClassVar[str] = "landing.missed"
    found: str


@dataclass(frozen=True, slots=True)
class Landed(_OfAttempt):
    kind: ClassVar[str] = "landed"
    task: str
    commit: str
    onto: str
    tree: str


@dataclass(frozen=True, slots=True)
class TaskDone(_OfAttempt):
    """A task without worktree succeeded."""

    kind: ClassVar[str] = "task.done"
    task: str


@dataclass(frozen=True, slots=True)
class AttemptFailed(_OfAttempt):
    """`counts`: it uses up one of the task's attempts. `retry_at`: not before this moment."""

    kind: ClassVar[str] = "attempt.failed"
    cause: Cause
    text: str
    counts: bool
    retry_at: float


@dataclass(frozen=True, slots=True)
class WorkspaceClosed(_OfAttempt):
    """What the attempt left is held by `refs`; its folder and branch are gone."""

    kind: ClassVar[str] = "workspace.closed"
    refs: tuple[str, ...] = ()


Event = (
    RunStarted
    | IntegrationReady
    | EngineStarted
    | EngineStopped
    | RunFinished
    | RunReopened
    | LimitsChanged
    | Paused
    | Resumed
    | StopAllWanted
    | Scaled
    | PressureChanged
    | Requested
    | RequestAnswered
    | DeliveryWanted
    | Delivered
    | DeliveryBlocked
    | TargetMoved
    | TargetMergeFailed
    | EffectFailed
    | TaskGivenUp
    | TaskCancelled
    | TaskReopened
    | UndoWanted
    | Undone
    | UndoFailed
    | AttemptAdmitted
    | WorkspacePrepared
    | TurnWanted
    | TurnStarted
    | SessionOpened
    | UsageReported
    | QuestionAsked
    | BeatSeen
    | TurnExited
    | TurnLost
    | StopWanted
    | InspectionWanted
    | WorkFound
    | WorkFaulty
    | VerifyWanted
    | VerdictReached
    | WorkReturned
    | ReviewOpened
    | ReviewApproved
    | ChangeQueued
    | CandidateWanted
    | CandidateBuilt
    | CandidateConflicted
    | CandidateJudged
    | LandingWanted
    | LandingMissed
    | Landed
    | TaskDone
    | AttemptFailed
    | WorkspaceClosed
    | ClockJumped
    | JournalWaited
    | IntegrationRestored
)

EVENT_CLASSES: dict[str, type[Event]] = {cls.kind: cls for cls in Event.__args__}
"""Wire name → class."""
