"""Every event as a frozen value, and the table wire name ↔ class.

Events are for ever: fields are only ever added, with defaults. Each class names its `kind` (the
wire name) and its `subject` (a run, task or attempt id). An event is a fact (something happened)
or an intent (something is wanted from now on); both are in the log before anything acts on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.conditions import Condition
from gangsaw.core.disturbances import ClockJumped as ClockJumped
from gangsaw.core.disturbances import IntegrationRestored as IntegrationRestored
from gangsaw.core.disturbances import JournalWaited as JournalWaited
from gangsaw.core.durations import NOTHING_LEARNED, Durations
from gangsaw.core.events_agents import AgentEvent
from gangsaw.core.events_checks import AfterJudged as AfterJudged
from gangsaw.core.events_checks import AfterWanted as AfterWanted
from gangsaw.core.events_delivery import Pushed as Pushed
from gangsaw.core.events_delivery import PushFailed as PushFailed
from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.events_landing import BatchFormed as BatchFormed
from gangsaw.core.events_landing import CandidateBuilt as CandidateBuilt
from gangsaw.core.events_landing import CandidateConflicted as CandidateConflicted
from gangsaw.core.events_landing import CandidateJudged as CandidateJudged
from gangsaw.core.events_landing import CandidateWanted as CandidateWanted
from gangsaw.core.events_landing import Landed as Landed
from gangsaw.core.events_landing import LandingEvent
from gangsaw.core.events_landing import LandingMissed as LandingMissed
from gangsaw.core.events_landing import LandingWanted as LandingWanted
from gangsaw.core.events_landing import PutFirst as PutFirst
from gangsaw.core.events_landing import QueueHeld as QueueHeld
from gangsaw.core.events_landing import QueueReleased as QueueReleased
from gangsaw.core.events_machine import MachineEvent
from gangsaw.core.events_money import MoneyEvent
from gangsaw.core.events_radar import RadarEvent
from gangsaw.core.events_resolving import ResolvingEvent
from gangsaw.core.events_sources import SourceEvent
from gangsaw.core.events_talk import TalkEvent
from gangsaw.core.events_turns import AttemptParked as AttemptParked
from gangsaw.core.events_turns import ConditionSeen as ConditionSeen
from gangsaw.core.events_turns import ParkEnded as ParkEnded
from gangsaw.core.events_turns import ReviewGiven as ReviewGiven
from gangsaw.core.events_turns import ReviewPassed as ReviewPassed
from gangsaw.core.events_undo import UndoFailed as UndoFailed
from gangsaw.core.events_undo import Undone as Undone
from gangsaw.core.events_undo import UndoWanted as UndoWanted
from gangsaw.core.events_watchdog import WatchdogEvent
from gangsaw.core.events_waves import WaveEvent
from gangsaw.core.honesty import Concern
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import Check, Limits, Plan, TurnKind
from gangsaw.core.standing import TaskFile
from gangsaw.core.subjects import OfAttempt, OfRun, OfTask
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
    commit then, `durations` is what earlier runs have taught by then, `task_file` what the plan was
    read from if that is no plan of ours."""

    kind: ClassVar[str] = "run.started"
    run: str
    plan: Plan
    limits: Limits
    target: str
    integration: str
    base: str
    gate: tuple[Check, ...] = ()
    plan_source: str = ""
    durations: Durations = NOTHING_LEARNED
    task_file: TaskFile | None = None

    @property
    def subject(self) -> str:
        return self.run


@dataclass(frozen=True, slots=True)
class IntegrationReady(OfRun):
    kind: ClassVar[str] = "integration.ready"
    commit: str


@dataclass(frozen=True, slots=True)
class EngineStarted(OfRun):
    """`strays`: turns that were alive though nothing of this run needs them; they were ended.
    `environment` stands for what checks see besides commands and trees: where it is another one
    than before, no earlier verdict holds."""

    kind: ClassVar[str] = "engine.started"
    pid: int
    version: str
    boot_id: str = ""
    containment: str = ""
    strays: tuple[str, ...] = ()
    environment: str = ""


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
    """Somebody else put commits on the target (`remote`: there); they must be merged in as a
    candidate."""

    kind: ClassVar[str] = "target.moved"
    commit: str
    remote: str = ""


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
class TaskGivenUp(OfTask):
    """No further attempt is made. `person`: it needs a person, not a new try."""

    kind: ClassVar[str] = "task.given_up"
    text: str
    person: bool = False


@dataclass(frozen=True, slots=True)
class TaskCancelled(OfTask):
    kind: ClassVar[str] = "task.cancelled"
    by: str


@dataclass(frozen=True, slots=True)
class TaskReopened(OfTask):
    """With `start`, a ref, the next attempt starts from the work that it holds."""

    kind: ClassVar[str] = "task.reopened"
    by: str
    start: str = ""


# --- attempts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttemptAdmitted(OfAttempt):
    """`start`: the ref of earlier work at the task that it begins with. `stands_for` is the agent
    whose task it is, where that cannot begin it and its fallback does."""

    kind: ClassVar[str] = "attempt.admitted"
    task: str
    number: int
    base: str
    agent: str
    model: str | None
    branch: str
    start: str = ""
    stands_for: str = ""


@dataclass(frozen=True, slots=True)
class WorkspacePrepared(OfAttempt):
    """`base`, where given, is what earlier work in it was begun from, instead of the newest."""

    kind: ClassVar[str] = "workspace.prepared"
    path: str
    base: str = ""


@dataclass(frozen=True, slots=True)
class TurnWanted(OfAttempt):
    """`launch` numbers the turn folders of the attempt, never reused; `turn` is what the agent is
    told. They differ after a launch that never ran. `onto` is merged into the worktree first.
    `agent`: the one that reviews, or that goes on in place of the attempt's own. `fresh`: in a
    session of its own."""

    kind: ClassVar[str] = "turn.wanted"
    turn: int
    launch: int
    why: TurnKind
    onto: str | None = None
    agent: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class TurnStarted(OfAttempt):
    kind: ClassVar[str] = "turn.started"
    launch: int
    pid: int
    containment: str = ""


@dataclass(frozen=True, slots=True)
class SessionOpened(OfAttempt):
    kind: ClassVar[str] = "session.opened"
    launch: int
    session: str


@dataclass(frozen=True, slots=True)
class UsageReported(OfAttempt):
    """Tokens and money of one launch so far; the last report of a launch counts. `estimated_usd`
    is by a list of prices for that `model`, where the agent told no cost."""

    kind: ClassVar[str] = "usage.reported"
    launch: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float | None
    session: str = ""
    reasoning_tokens: int = 0
    estimated_usd: float | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class QuestionAsked(OfAttempt):
    """With `key` it was put by command (`by` whom); `waits`: the command stands there for it."""

    kind: ClassVar[str] = "question.asked"
    launch: int
    text: str
    key: str = ""
    by: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True)
class BeatSeen(OfAttempt):
    """The agent wrote something; recorded at a bounded rate."""

    kind: ClassVar[str] = "beat.seen"
    launch: int


@dataclass(frozen=True, slots=True)
class TurnExited(OfAttempt):
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
    condition: Condition | None = None
    account: str = ""


@dataclass(frozen=True, slots=True)
class TurnLost(OfAttempt):
    """The launch left no exit record. `started`: the agent may have run."""

    kind: ClassVar[str] = "turn.lost"
    launch: int
    started: bool
    text: str = ""
    no_room: bool = False


@dataclass(frozen=True, slots=True)
class StopWanted(OfAttempt):
    kind: ClassVar[str] = "stop.wanted"
    cause: Cause
    hard: bool = False


@dataclass(frozen=True, slots=True)
class InspectionWanted(OfAttempt):
    kind: ClassVar[str] = "inspection.wanted"
    commit_leftovers: bool


@dataclass(frozen=True, slots=True)
class WorkFound(OfAttempt):
    """The work is sealed: this commit, and no other, may land for this attempt; alone, if it
    touches paths that are a `barrier`. `concerns` are what a maintainer would want to know. `paths`
    are those that it changed, both names of a moved file; none where there are too many to write
    down. `unchanged`: it is nothing but what was sent back for what it did together with others,
    with what landed since."""

    kind: ClassVar[str] = "work.found"
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
class WorkFaulty(OfAttempt):
    """The worktree holds nothing that could land: `cause` says why, `paths` where."""

    kind: ClassVar[str] = "work.faulty"
    cause: Cause
    paths: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class VerifyWanted(OfAttempt):
    """Checks of an attempt without worktree are wanted."""

    kind: ClassVar[str] = "verify.wanted"


@dataclass(frozen=True, slots=True)
class VerdictReached(OfAttempt):
    kind: ClassVar[str] = "verdict.reached"
    tree: str
    judgement: Judgement
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkReturned(OfAttempt):
    """The work goes back to the agent, for the given reason."""

    kind: ClassVar[str] = "work.returned"
    cause: Cause
    text: str


@dataclass(frozen=True, slots=True)
class ReviewOpened(OfAttempt):
    kind: ClassVar[str] = "review.opened"
    text: str


@dataclass(frozen=True, slots=True)
class ReviewApproved(OfAttempt):
    kind: ClassVar[str] = "review.approved"
    by: str


@dataclass(frozen=True, slots=True)
class ChangeQueued(OfAttempt):
    """`against`: it waits for this change, with which it does not merge. With `tests` it was set
    aside from its batch: since it is in the chain these tests of the check `suspect` (a key) fail,
    and it is looked at by itself."""

    kind: ClassVar[str] = "change.queued"
    commit: str
    against: str = ""
    suspect: str = ""
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskDone(OfAttempt):
    """A task without worktree succeeded."""

    kind: ClassVar[str] = "task.done"
    task: str


@dataclass(frozen=True, slots=True)
class AttemptFailed(OfAttempt):
    """`counts`: it uses up one of the task's attempts. `retry_at`: not before this moment."""

    kind: ClassVar[str] = "attempt.failed"
    cause: Cause
    text: str
    counts: bool
    retry_at: float


@dataclass(frozen=True, slots=True)
class WorkspaceClosed(OfAttempt):
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
    | MachineGoverned
    | Requested
    | RequestAnswered
    | DeliveryWanted
    | Delivered
    | DeliveryBlocked
    | TargetMoved
    | TargetMergeFailed
    | Pushed
    | PushFailed
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
    | LandingEvent
    | TaskDone
    | ConditionSeen
    | AttemptParked
    | ParkEnded
    | ReviewGiven
    | ReviewPassed
    | AttemptFailed
    | WorkspaceClosed
    | ClockJumped
    | JournalWaited
    | IntegrationRestored
    | ResolvingEvent
    | AfterWanted
    | AfterJudged
    | TalkEvent
    | RadarEvent
    | MachineEvent
    | WatchdogEvent
    | WaveEvent
    | SourceEvent
    | MoneyEvent
    | AgentEvent
)

EVENT_CLASSES: dict[str, type[Event]] = {cls.kind: cls for cls in Event.__args__}
"""Wire name → class."""
