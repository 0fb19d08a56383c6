"""The report of a run as values. Every figure comes from events alone; units stand last in names.

Moments called `_at` are seconds since the epoch; those called `since_s` and `until_s` are seconds
since the run began. What goes on is measured up to `as_of`. A length of time is never below 0, even
where the clock was set back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gangsaw.core.report.machine_values import Machine


class Doing(StrEnum):
    """What an attempt is at: in each moment exactly one of these. `SET_UP` is making the worktree,
    starting the agent and sealing its work; `WAIT` is for a person, a limit or the next turn's
    slot; `QUEUE` and `LANDING` are before and after it was taken into the chain of landings."""

    SET_UP = "set_up"
    WORK = "work"
    REVIEW = "review"
    CHECK = "check"
    WAIT = "wait"
    QUEUE = "queue"
    LANDING = "landing"


BY_ITSELF = (Doing.SET_UP, Doing.WORK, Doing.REVIEW, Doing.CHECK, Doing.LANDING)
"""What would take its time if nothing ran beside it too."""

AT_WORK = (Doing.WORK, Doing.REVIEW)
"""An agent is at it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which an attempt was at one thing; `slot` is the number of the slot that it held
    (from 1, the lowest free one), if it held one; `agent` the one at work."""

    doing: Doing
    since_s: float
    until_s: float
    slot: int | None
    agent: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return max(0.0, self.until_s - self.since_s)


def at_once(stretches: Iterable[Stretch]) -> list[tuple[float, int]]:
    """How many agents were at work or reviewed, and since when (seconds of the run), in order."""
    moments = [
        (at_s, step)
        for each in stretches
        if each.doing in AT_WORK
        for at_s, step in ((each.since_s, 1), (each.until_s, -1))
    ]
    found, count = [(0.0, 0)], 0
    for at_s, step in sorted(moments):
        count += step
        if found[-1][0] == at_s:
            found[-1] = (at_s, count)
        else:
            found.append((at_s, count))
    return found


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One attempt on the timeline."""

    attempt: str
    task: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of attempts, by what they were at."""

    set_up_s: float = 0.0
    work_s: float = 0.0
    review_s: float = 0.0
    check_s: float = 0.0
    wait_s: float = 0.0
    queue_s: float = 0.0
    landing_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """The run as a whole. `serial_s`: one after the other, all attempts would have taken as long,
    waits left out; `speedup` is how often the run's own length that is. `slots_s` is the sum over
    time of how many agents were allowed, `held_s` of how many slots were taken, `busy_s` of how
    many agents worked or reviewed; `utilisation_pct` is `busy_s` of `slots_s`, `busy_max` how many
    of them were at it at once. `down_s`: no engine was there."""

    wall_s: float
    serial_s: float
    speedup: float | None
    slots_s: float
    held_s: float
    busy_s: float
    utilisation_pct: float | None
    busy_max: int
    times: Times
    tasks: int
    landed: int
    done: int
    failed: int
    needs_you: int
    cancelled: int
    undone: int
    open: int
    attempts: int
    turns: int
    engine_starts: int
    engine_crashes: int
    down_s: float
    clock_jumps: int


@dataclass(frozen=True, slots=True)
class Money:
    """What was used. `cost_usd` is what agents reported, `None` where they used tokens and none
    told a price; `estimated_usd` what launches cost by a list of prices whose agents told none;
    `total_usd` both together, `None` where tokens were used and nobody knows anything. Of the
    launches `priced` told a price, `estimated` have an estimate, `unpriced` are tokens only,
    `silent` told nothing."""

    cost_usd: float | None
    estimated_usd: float
    total_usd: float | None
    tokens: int
    priced: int
    estimated: int
    unpriced: int
    silent: int


@dataclass(frozen=True, slots=True)
class TaskReport:
    """One task. `outcome` is its status, `reason` why. Agent and model are those of its last
    attempt, `crashes` launches that died by nobody's wish. `held_s` is how long it could not be
    started, or waited between attempts. The change's size is that of the last work sealed."""

    task: str
    title: str
    track: str | None
    outcome: str
    reason: str
    commit: str
    agent: str
    model: str | None
    attempts: int
    turns: int
    crashes: int
    files: int | None
    added: int | None
    deleted: int | None
    started_s: float | None
    ended_s: float | None
    held_s: float
    times: Times
    money: Money


@dataclass(frozen=True, slots=True)
class AgentReport:
    """One agent of the settings; attempts that it began, launches and tasks that landed by it.
    `slots_s` is the sum over time of how many of it were allowed."""

    agent: str
    models: tuple[str, ...]
    attempts: int
    turns: int
    landed: int
    work_s: float
    review_s: float
    slots_s: float
    utilisation_pct: float | None
    money: Money


@dataclass(frozen=True, slots=True)
class TrackReport:
    """One track: from its first admission to the end of its last attempt, and how much of that its
    agents worked or reviewed."""

    track: str
    tasks: int
    landed: int
    since_s: float | None
    until_s: float | None
    busy_s: float
    utilisation_pct: float | None


@dataclass(frozen=True, slots=True)
class SlotReport:
    """One slot: how long it was taken, and how long an agent worked or reviewed in it, of the whole
    run."""

    slot: int
    attempts: int
    held_s: float
    busy_s: float
    utilisation_pct: float | None


@dataclass(frozen=True, slots=True)
class Link:
    """A part of the critical chain. With an attempt: what it was at. Without: the task could not
    be started, for `reason`. The links follow upon one another, from the run's beginning to the
    last landing. `freed`: before it, the task got the slot (or track, or scope) of the link
    before."""

    task: str
    attempt: str
    doing: Doing
    reason: str
    since_s: float
    until_s: float
    freed: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """Attempts that ended without landing, by cause; `counted` used up a try; `lost_s` is what
    their agents worked and reviewed."""

    cause: str
    attempts: int
    counted: int
    lost_s: float


@dataclass(frozen=True, slots=True)
class Returned:
    """Work that went back to its agent, by cause."""

    cause: str
    times: int


@dataclass(frozen=True, slots=True)
class Wait:
    """What tasks waited for: the scheduler's own reasons before and between attempts, and `person`,
    `parked`, `gave_way`, `unpaid`, `next_turn` and `landing_queue` of live ones. Each reason as it
    was after each moment of the log, until the next."""

    reason: str
    tasks: int
    seconds: float
    longest_s: float
    longest: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check over all trees. `seen` are results taken from an earlier run; in `partial` runs
    only some tests were run, to find who is to blame. `seconds` and `cpu_s` are of the last run on
    each tree, as reported, earlier red ones (`repeated`) not included. `flaky` counts red runs on a
    tree on which it also passed."""

    check: str
    green: int
    red: int
    inconclusive: int
    repeated: int
    partial: int
    seen: int
    seconds: float
    cpu_s: float
    flaky: int


@dataclass(frozen=True, slots=True)
class QueueReport:
    """The landing queue. `runs`: how often checks were run on a candidate, `red` of them were;
    `waited_s` is from a change's first place in the queue to its landing."""

    landings: int
    batches: int
    runs: int
    red: int
    sent_back: int
    conflicts: int
    missed: int
    waited_s: float
    waited_max_s: float


@dataclass(frozen=True, slots=True)
class ConflictReport:
    """Overlaps of live work, and conflicts that were resolved, by machine, agent or person."""

    overlaps: int
    overlaps_open: int
    overlaps_taken_care_of: int
    resolved_mechanically: int
    resolved_by_agents: int
    resolved_by_people: int


@dataclass(frozen=True, slots=True)
class Spent:
    """Money of the whole run. `told` says whose word it is: `reported` by the agents, `estimated`,
    `mixed` of both, `partly` where of some nobody knows a price, `unknown`, or `nothing` was used.
    `per_landed_usd` is all of it, failed attempts included, over the tasks that landed;
    `failed_usd` is what attempts cost that did not land. Both are reported and estimated money
    together; `per_landed_estimated_usd` and `failed_estimated_usd` are the estimated part."""

    told: str
    budget_usd: float | None
    budget_tokens: int | None
    budget_day_usd: float | None
    budget_day_tokens: int | None
    per_landed_usd: float | None
    per_landed_estimated_usd: float | None
    failed_usd: float
    failed_estimated_usd: float
    money: Money


@dataclass(frozen=True, slots=True)
class RunReport:
    """All of it. `machine` is `None` where no event says anything of it."""

    run: str
    goal: str
    state: str
    target: str
    integration: str
    started_at: float
    ended_at: float | None
    as_of: float
    totals: Totals
    tasks: tuple[TaskReport, ...]
    agents: tuple[AgentReport, ...]
    tracks: tuple[TrackReport, ...]
    slots: tuple[SlotReport, ...]
    chain: tuple[Link, ...]
    retries: tuple[Retry, ...]
    returned: tuple[Returned, ...]
    waits: tuple[Wait, ...]
    checks: tuple[CheckReport, ...]
    queue: QueueReport
    conflicts: ConflictReport
    spent: Spent
    machine: Machine | None
    timeline: tuple[AttemptLine, ...]
