"""What is known: `State` and the frozen values in it.

`State` is a mutable container owned by one loop; what it holds for a task or an attempt is
replaced by a new frozen value, never changed in place. Indexes (ready list, live attempts) are
kept with every event (`indexes`), so that no decision has to look at all tasks. Only `evolve`
writes to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gangsaw.core import events as ev
from gangsaw.core.after import After
from gangsaw.core.breaker import Breaker
from gangsaw.core.check_records import CheckRecord
from gangsaw.core.conditions import Condition
from gangsaw.core.edits import SourceBook
from gangsaw.core.findings import Finding, Review
from gangsaw.core.honesty import Concern
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.machine import Machine
from gangsaw.core.measures import MachineBook
from gangsaw.core.messages import Message, Question
from gangsaw.core.model import Check, Limits, Plan, Task, TurnKind
from gangsaw.core.overlaps import KnownOverlap
from gangsaw.core.pace import Pace
from gangsaw.core.phases import ENDED, Phase
from gangsaw.core.policy.projection import Kind
from gangsaw.core.policy.slots import CheckCost
from gangsaw.core.seating import Seating
from gangsaw.core.standing import Entry, TaskFile, Told

BATCH_START = 4
"""How many changes the first batch of a run may hold."""


class IllegalEvent(Exception):
    """An event that the phase table does not allow: a bug in `record` or a policy."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and money. `cost_usd` is what agents reported, `estimated_usd` what launches cost by a
    list of prices whose agents told none; `unpriced` counts launches that reported tokens of which
    nobody knows the price."""

    tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    estimated_usd: float = 0.0

    @property
    def known_usd(self) -> float:
        """What was reported and what was estimated, together: what budgets go by."""
        return self.cost_usd + self.estimated_usd


@dataclass(frozen=True, slots=True)
class Dearest:
    """The most that a launch of an agent has used so far."""

    cost_usd: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Exit:
    """How the last launch of an attempt ended; `lost` without exit record, `no_room` while the disk
    was full. `condition` is what ended it, where that was told."""

    outcome: OutcomeKind
    code: int | None
    signal: int | None
    text: str
    retry_at: float | None
    lost: bool = False
    never_ran: bool = False
    no_room: bool = False
    condition: Condition | None = None
    account: str = ""

    @property
    def crashed(self) -> bool:
        """Whether the process was killed, or left no exit record."""
        return self.outcome is OutcomeKind.CRASHED


@dataclass(frozen=True, slots=True)
class LaunchUsage:
    """What one launch used so far. `session` is the one it reported from, where its agent counts
    by session; `estimated_usd` what it cost by a list of prices, where its agent tells none."""

    launch: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float | None
    session: str = ""
    estimated_usd: float | None = None

    @property
    def tokens(self) -> int:
        """All kinds together."""
        return self.input_tokens + self.output_tokens + self.cached_tokens

    @property
    def known_usd(self) -> float:
        """What it cost, reported or else estimated; 0 where nobody knows."""
        return (self.cost_usd if self.cost_usd is not None else self.estimated_usd) or 0.0

    @property
    def is_unpriced(self) -> bool:
        """Whether it used tokens of which nobody knows the price."""
        return self.cost_usd is None and self.estimated_usd is None and self.tokens > 0


@dataclass(frozen=True, slots=True)
class Part:
    """These tests of a check, by its key."""

    of: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Blame:
    """Work that was red on top of what landed: its commit, the tree of both, and the evidence."""

    commit: str
    tree: str
    results: tuple[ev.CheckResult, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a task.

    `ran` counts launches that began, `turns_used` those of them that count against `turns_max`,
    `continues` those that went on after an interruption, `waits` how often it was parked for a
    time, `switches` how often another agent went on in its place. `stage` is what the author is at,
    `begun` the launch with which the work itself was begun.
    `stands_for` is the agent in whose place its agent began it.
    `tests` is the commit with the tests that came before the work.
    `acting` is the reviewing agent while one acts. `given` is the word of the present review turn,
    `findings` and `rejections` are of all reviews so far; `agreed` and `approved`: the reviewing
    agent, or a person, agrees with exactly this commit, about which there are `concerns`. `paths`
    are those that its work changed, `None` where not all are known. Of the messages it was `told`,
    the first `read` are known to have reached its session; it went back `nudged` times for agents'
    alone. `taken_by` names who wants to work in its place, and does once it is `in_hand`.
    `returned_tree` is the tree whose checks sent it back. `barrier` are paths for which it lands
    alone; `queued_at` is when this work came into the queue, `against` a change with which it does
    not merge and which is ahead of it. It had `resolves` turns to resolve a conflict; `resolved`
    are the ways in which conflicts of it were; it begins with the resolution of the person
    `solver`. With it the tests `suspected` are red, and it is looked at by itself. `blamed` is what
    was last sent back for what it did together with what landed; `unchanged`: its work is still
    nothing else. `unpaid`: it is parked for want of money; `allowed`: a person let it go on all the
    same. `memory_mb` is what its present launch uses, `peak_mb` the most that it used.
    """

    id: str
    task: str
    number: int
    base: str
    agent: str
    model: str | None
    branch: str
    phase: Phase
    since: float
    admitted_at: float
    path: str = ""
    turn: int = 0
    launch: int = 0
    turns_used: int = 0
    ran: int = 0
    crashes: int = 0
    continues: int = 0
    waits: int = 0
    switches: int = 0
    why: TurnKind = TurnKind.WORK
    stage: TurnKind = TurnKind.WORK
    begun: int = 0
    acting: str = ""
    onto: str | None = None
    launched_at: float = 0.0
    beat_at: float = 0.0
    started: bool = False
    session: str | None = None
    stop_cause: ev.Cause | None = None
    stop_hard: bool = False
    exit: Exit | None = None
    commit_leftovers: bool = False
    commit: str = ""
    tree: str = ""
    returned: ev.Cause | None = None
    returned_text: str = ""
    returned_paths: tuple[str, ...] = ()
    returned_tree: str = ""
    review_text: str = ""
    approved: bool = False
    results: tuple[ev.CheckResult, ...] = ()
    judgement: ev.Judgement | None = None
    inconclusive: int = 0
    diff: tuple[int, int, int] | None = None
    paths: tuple[str, ...] | None = None
    concerns: tuple[Concern, ...] = ()
    tests: str = ""
    usage: tuple[LaunchUsage, ...] = ()
    failed: ev.Cause | None = None
    closed: bool = False
    question: str = ""
    start: str = ""
    kept: tuple[str, ...] = ()
    told: tuple[Message, ...] = ()
    read: int = 0
    nudged: int = 0
    asked: tuple[Question, ...] = ()
    claims: tuple[str, ...] = ()
    done_at: float = 0.0
    done_text: str = ""
    taken_by: str = ""
    in_hand: bool = False
    refused: str = ""
    condition: Condition | None = None
    parked: Condition | None = None
    parked_text: str = ""
    parked_until: float | None = None
    unpaid: bool = False
    allowed: bool = False
    given: Review | None = None
    findings: tuple[Finding, ...] = ()
    rejections: int = 0
    review_tries: int = 0
    agreed: bool = False
    resolves: int = 0
    resolved: tuple[str, ...] = ()
    solver: str = ""
    barrier: tuple[str, ...] = ()
    queued_at: float = 0.0
    against: str = ""
    suspected: Part | None = None
    blamed: Blame | None = None
    unchanged: bool = False
    memory_mb: float = 0.0
    peak_mb: float = 0.0
    stands_for: str = ""

    @property
    def seat(self) -> str:
        """The agent whose slot the attempt takes: the reviewing one while one acts."""
        return self.acting or self.agent


@dataclass(frozen=True, slots=True)
class TaskState:
    """What a task has come to. `unmet` counts needs that have not landed, `blameless` attempts that
    ended by the machine's fault. `undone` is the commit that took its landing back; `start` the ref
    that its next attempt starts from; attempts up to number `outdated` were built on a need that
    was undone since, or before there was this need. `messages` wait for the next turn. `first`: it
    lands before all others. `resolver` is the person who resolves its conflict now, `solver` the
    one whose resolution the next attempt is. `memory_stops`: how often it was stopped because the
    machine was short."""

    unmet: int
    attempts: int = 0
    tries: int = 0
    crashes: int = 0
    blameless: int = 0
    current: str = ""
    retry_at: float = 0.0
    last_text: str = ""
    last_cause: ev.Cause | None = None
    landed_commit: str = ""
    done: bool = False
    given_up: str = ""
    person: bool = False
    cancelled: bool = False
    cancel_wanted: str = ""
    since_landing: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    usage: Usage = Usage()
    undone: str = ""
    undo_failed: str = ""
    start: str = ""
    outdated: int = 0
    messages: tuple[Message, ...] = ()
    resolver: str = ""
    solver: str = ""
    first: bool = False
    memory_stops: int = 0

    @property
    def finished(self) -> bool:
        """Landed or done: what dependants wait for."""
        return bool(self.landed_commit) or self.done

    @property
    def closed(self) -> bool:
        """Nothing more will happen by itself."""
        return self.finished or bool(self.given_up) or self.cancelled or bool(self.undone)


@dataclass(frozen=True, slots=True)
class Landing:
    """A change on its way onto the integration branch: a link of the chain (see `chain`).

    `onto` is what its candidate was built on. `batch` numbers the batch in which it is checked (0:
    not yet in one); `judgement` is of the candidate's tree, which failed `fails` times. `wanted`:
    the branch is to be moved from `head` to the candidate, as of `wanted_at`. `against` and
    `resolved` as in the events; `paths` are those in which the candidate differs from `onto`, as
    far as that was told, `None` where not all are known. `part` names the tests that were red in
    each run of some tests of that tree, `None` before the first; `part_runs` is how many of these
    ended with a verdict, `part_unsure` how many without. `round` counts the runs of any kind that
    its candidate did not pass as a whole: a report names its own."""

    about: str
    work: str
    onto: str
    candidate: str = ""
    tree: str = ""
    conflict: tuple[str, ...] = ()
    judgement: ev.Judgement | None = None
    results: tuple[ev.CheckResult, ...] = ()
    wanted: bool = False
    missed: bool = False
    inconclusive: int = 0
    batch: int = 0
    fails: int = 0
    head: str = ""
    wanted_at: float = 0.0
    against: str = ""
    resolved: str = ""
    paths: tuple[str, ...] | None = ()
    part: tuple[str, ...] | None = None
    part_runs: int = 0
    part_unsure: int = 0
    round: int = 0

    @property
    def doubted(self) -> bool:
        """Whether its tree was checked, as it is now, without passing as a whole."""
        return self.fails + self.inconclusive + self.part_runs + self.part_unsure > 0


@dataclass(frozen=True, slots=True)
class Undo:
    """A landed task that is to be undone: since when, who asked, and the commit that landed."""

    at: float
    by: str
    landed: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the target stands against the integration branch. `blocked` is why it is not moved, or
    not pushed; `passing`: that may end by itself, `tries` says how often it was tried since. What
    moved the target lies at `target_remote`, or here."""

    wanted: str = ""
    delivered: str = ""
    blocked: str = ""
    blocked_at: float = 0.0
    target_commit: str = ""
    target_remote: str = ""
    merge_failed: str = ""
    pushed: str = ""
    pushed_commit: str = ""
    passing: bool = False
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """An effect that failed: how often, when last, and what it said. `for_room` counts the failures
    for want of disk space, which are waited for without end."""

    count: int
    at: float
    text: str
    for_room: int = 0

    @property
    def blamed(self) -> int:
        """How often it failed for another reason than a full disk."""
        return self.count - self.for_room


@dataclass(slots=True)
class State:
    """Everything known about one run. `head` is where the integration branch is, `checked_head`
    the last commit that we ourselves moved it to: only such a one is delivered. `landings` is
    the chain of those in progress, in its order; `head_link` the link with the same tree as
    `head`, where that joins several. `batch_size` bounds the next batch; `firsts` says of the
    latest ones whether they were green at the first go, `costs` what checking them took. A held
    queue forms none, and nothing lands while it is `frozen`, both as `held_by` asked.
    `candidate_runs` counts how often checks were run on a candidate, `part_runs` how often only
    some of their tests. `landed` names every landing in order, those that were undone since
    included. `dearest` is the most that a launch of each agent has used. `wave` holds the tasks
    of the present wave, the last of `waves`, where the run goes in waves. `day` numbers the present
    day (see `days`) where it is bounded, `days` says what this run used on each, `elsewhere` what
    other runs of the repository did. `account_limits` says until when (epoch seconds) a usage limit
    holds back all agents of an account, `limits_since` since when, `breakers` which accounts are
    asked to send less. `blocks` numbers the live attempts, see `ports`. `green` holds the keys of
    the checks that passed on a tree, `red` how often others failed on it, both as seen in one
    `environment`. `overlaps` are those that stand, by key; `overlap_count` is how many there were,
    `advised` what was said of each pair. `memory_peaks` are the largest whole trees that attempts
    were seen with, in MB. `governor` is what the governor last noted of the machine, `launched_at`
    when an agent was started last, `footprints` the peaks of agents' memory by what they were at;
    tasks in `alone` were stopped for memory so often that nothing may run beside
    them; `loners` are those of which the plan says so. Tasks in `checked_after` have checks of
    their own for what has landed. `pace` is what is known of how long things take."""

    run: str = ""
    goal: str = ""
    plan: Plan = field(default_factory=lambda: Plan("", ()))
    limits: Limits = field(default_factory=Limits)
    seating: Seating = field(default_factory=Seating)
    gate: tuple[Check, ...] = ()
    target: str = ""
    integration: str = ""
    base: str = ""
    head: str = ""
    checked_head: str = ""
    started_at: float = 0.0
    ended_at: float | None = None
    end: ev.RunEnd | None = None
    engine_pid: int | None = None
    engine_reason: str = ""
    containment: str = ""
    paused: bool = False
    draining: bool = False
    stopping: str = ""
    stop_hard: bool = False
    pressure: ev.Pressure = ev.Pressure.NONE
    pressure_text: str = ""
    machine: MachineBook = field(default_factory=MachineBook)
    memory_peaks: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    task_states: dict[str, TaskState] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    live: dict[str, None] = field(default_factory=dict)
    blocks: dict[str, int] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    landings: tuple[Landing, ...] = ()
    head_link: str = ""
    batches: int = 0
    batch_size: int = BATCH_START
    firsts: tuple[bool, ...] = ()
    costs: tuple[CheckCost, ...] = ()
    queue_held: bool = False
    frozen: bool = False
    held_by: str = ""
    candidate_runs: int = 0
    part_runs: int = 0
    landed: list[str] = field(default_factory=list)
    undos: dict[str, Undo] = field(default_factory=dict)
    green: dict[str, frozenset[str]] = field(default_factory=dict)
    red: dict[str, dict[str, int]] = field(default_factory=dict)
    known_checks: dict[str, CheckRecord] = field(default_factory=dict)
    environment: str = ""
    after: After = field(default_factory=After)
    delivery: Delivery = field(default_factory=Delivery)
    troubles: dict[tuple[str, str], Trouble] = field(default_factory=dict)
    answers: dict[str, tuple[bool, str]] = field(default_factory=dict)
    pending: dict[str, ev.Requested] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    dearest: dict[str, Dearest] = field(default_factory=dict)
    account_limits: dict[str, float] = field(default_factory=dict)
    limits_since: dict[str, float] = field(default_factory=dict)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    day: int = -1
    days: dict[int, Usage] = field(default_factory=dict)
    elsewhere: dict[int, Usage] = field(default_factory=dict)
    wave: tuple[str, ...] = ()
    waves: int = 0
    dependants: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rank: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    ready: list[tuple[tuple[int, int, int], str]] = field(default_factory=list)
    backing_off: dict[str, float] = field(default_factory=dict)
    open_tasks: int = 0
    overlaps: dict[str, KnownOverlap] = field(default_factory=dict)
    overlap_count: int = 0
    advised: dict[str, tuple[str, ...]] = field(default_factory=dict)
    radar_troubles: tuple[str, ...] = ()
    governor: Machine | None = None
    launched_at: float | None = None
    footprints: dict[Kind, tuple[float, ...]] = field(default_factory=dict)
    alone: set[str] = field(default_factory=set)
    loners: frozenset[str] = frozenset()
    checked_after: frozenset[str] = frozenset()
    touched: set[str] = field(default_factory=set)
    task_file: TaskFile | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    untold: dict[str, None] = field(default_factory=dict)
    source: SourceBook = field(default_factory=SourceBook)

    def attempt_of(self, task: str) -> Attempt | None:
        """The latest attempt at a task, or `None` before the first."""
        current = self.task_states[task].current
        return self.attempts[current] if current else None

    def live_attempts(self) -> list[Attempt]:
        """Attempts that hold a slot or whose workspace is not yet closed, in order of admission."""
        return [self.attempts[name] for name in self.live]


def is_live(attempt: Attempt) -> bool:
    """Whether the attempt may still act."""
    return attempt.phase not in ENDED


def landing_of(state: State, about: str) -> Landing | None:
    """The landing in progress of an attempt (or `@target`, or an undo), or `None`."""
    return next((landing for landing in state.landings if landing.about == about), None)
