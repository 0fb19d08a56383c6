"""The nouns: plan, task, check, attempt ids and the limits of a run. All frozen values."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from gangsaw.core.honesty import Honesty


class Workspace(StrEnum):
    """Where an attempt works. `NONE` is an empty folder: nothing to land."""

    WORKTREE = "worktree"
    NONE = "none"


class Uncommitted(StrEnum):
    """What happens to files an agent left uncommitted."""

    COMMIT = "commit"
    ASK = "ask"
    FAIL = "fail"


class Deliver(StrEnum):
    """When the user's branch is moved to what landed."""

    EACH = "each"
    END = "end"
    NEVER = "never"


class Push(StrEnum):
    """When what was delivered is pushed: with each delivery, or once when nothing can follow."""

    EACH = "each"
    END = "end"


class History(StrEnum):
    """What a landed task looks like on the integration branch: a merge commit, one commit with all
    of its work, or its own commits in a row."""

    MERGE = "merge"
    SQUASH = "squash"
    LINEAR = "linear"


class Review(StrEnum):
    """Who must agree before checked work is queued for landing."""

    NONE = "none"
    PERSON = "person"


class TurnKind(StrEnum):
    """Why an agent is launched inside an attempt."""

    WORK = "work"
    FIX = "fix"
    RESOLVE = "resolve"
    CONTINUE = "continue"
    TEST = "test"
    REVIEW = "review"


class Stage(StrEnum):
    """A step of a task's own way to its landing, in this order: write failing tests, do the work,
    have another agent review it, have a person agree."""

    TEST = "test"
    WORK = "work"
    REVIEW = "review"
    APPROVE = "approve"


class When(StrEnum):
    """At which trees a check looks: the work alone, what is to land, both, or (`AFTER`) what has
    landed, without holding anything up."""

    ALWAYS = "always"
    WORK = "work"
    LANDING = "landing"
    AFTER = "after"


class RadarPolicy(StrEnum):
    """What follows when two pieces of live work would not merge: the later agent is told, tasks
    that would be a third are held back, it is only shown, or nobody looks."""

    TELL = "tell"
    SERIALISE = "serialise"
    SHOW = "show"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Check:
    """A command which must exit 0. `name` is what the user calls it, `argv` is what is run.

    With `paths` (entries of a scope) it is needed only by changes that touch one of them. Checks
    of a lower `order` come first; where one fails, those of a higher are not run. `junit` and
    `sarif` are reports that it leaves in the tree. `env` names variables and `files` files (such
    as lock files) on which its verdict depends besides the tree. A red result on a task's own work
    is believed after `retries` further runs. `only` is a shell line that runs some of its tests,
    with `{tests}` where their names go. `estimate_s` is how long it is expected to take.
    """

    name: str
    argv: tuple[str, ...]
    paths: tuple[str, ...] = ()
    when: When = When.ALWAYS
    timeout_s: float | None = None
    order: int = 0
    junit: str = ""
    sarif: str = ""
    env: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    retries: int = 1
    only: str = ""
    estimate_s: float | None = None

    @property
    def key(self) -> str:
        """What its verdicts are kept under: two checks of one name but with different commands are
        two. The name itself where that says it all, as it does for a plain command."""
        if self.argv == ("sh", "-c", self.name) and not self.env and not self.files:
            return self.name
        return _key_of(self.name, self.argv, self.env, self.files)


@lru_cache(maxsize=65_536)
def _key_of(name: str, argv: tuple[str, ...], env: tuple[str, ...], files: tuple[str, ...]) -> str:
    line = argv[2].strip() if argv[:2] == ("sh", "-c") and len(argv) == 3 else shlex.join(argv)
    if name == line and not env and not files:
        return name
    content = "\0\0".join("\0".join(part) for part in (argv, env, files))
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name}#{digest[:12]}"


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of wanted change. Defaults of the plan are already applied. `estimate_s` is how long
    its agent is expected to be at work: the longest chains start first. `alone`: nothing else runs
    from its start to its landing."""

    id: str
    title: str
    prompt: str
    needs: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    track: str | None = None
    priority: int = 0
    agent: str | None = None
    model: str | None = None
    checks: tuple[Check, ...] = ()
    review: Review = Review.NONE
    workspace: Workspace = Workspace.WORKTREE
    timeout_s: float | None = None
    attempts: int | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None
    env: tuple[tuple[str, str], ...] = ()
    stages: tuple[Stage, ...] = (Stage.WORK,)
    reviewer: str | None = None
    role: str | None = None
    estimate_s: float | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """An accepted set of tasks, in file order; needs are known ids and have no cycle."""

    goal: str
    tasks: tuple[Task, ...]
    version: int = 1


@dataclass(frozen=True, slots=True)
class AgentSlots:
    """How many live attempts one configured agent may have; `resumes` says whether its
    sessions can be taken up again; `fallback` names the agent that goes on in its place when it
    cannot (not signed in, model unknown, usage limit reached), after a usage limit only if that has
    more than `fallback_after_s` to go. `told`: each turn's own prompt reaches it, so that a fresh
    session can be told what is in the worktree already. Agents of one `account` (empty: its own)
    meet a usage limit together, and have `seats` together: so many live attempts at a time, the
    least that any of them names. `memory_max_mb` is its own limit: who is over it gives way before
    all others."""

    name: str
    slots: int | None = None
    resumes: bool = False
    fallback: str = ""
    told: bool = True
    account: str = ""
    memory_max_mb: float | None = None
    seats: int | None = None
    fallback_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a run. Seconds unless the name says otherwise. `reviewer` reviews where a
    task names nobody (empty: the task's own agent, in a session of its own); `rounds_max`
    bounds how often work goes back to its author for what a reviewer found. `window` bounds how
    many changes are checked together for their landing, `check_slots` how many such
    combinations are checked side by side, on a machine with so many `cores`; `honesty` says
    what follows from what is found in a change. `reserve_usd` is set aside for a launch as long
    as no launch of its agent has told what one costs. A worktree is looked at for overlaps at
    most every `radar_every_s`. `remote` is where the target is pushed (empty: nowhere).

    No agent starts with less than `memory_floor_pct` of the memory or `disk_floor_mb` of the disk
    free, or with more than `disk_max_pct` of the disk used; `cpu_warn_pct` is only told. The
    machine is read every `check_every_s`, and more often while it is short. Between two starts
    there are `launch_delay_s`; where that is not set, only while memory is short.
    `memory_budget_mb` is what all agents of the run together may use. `batched`: the next agents
    start only when all that started together have ended. Tasks that name no agent go to the first
    of the `pool` with a free slot (empty: to the default agent)."""

    max_agents: int = 4
    turns_max: int = 3
    attempts_max: int = 3
    crashes_max: int = 8
    backoff_base_s: float = 10.0
    backoff_max_s: float = 300.0
    timeout_s: float = 3600.0
    stall_s: float = 900.0
    grace_s: float = 10.0
    check_timeout_s: float = 1800.0
    budget_usd: float | None = None
    budget_tokens: int | None = None
    budget_day_usd: float | None = None
    budget_day_tokens: int | None = None
    reserve_usd: float = 0.5
    deliver: Deliver = Deliver.EACH
    uncommitted: Uncommitted = Uncommitted.COMMIT
    window: int = 16
    history: History = History.MERGE
    check_slots: int = 1
    cores: int = 1
    agents: tuple[AgentSlots, ...] = ()
    default_agent: str = ""
    reviewer: str = ""
    rounds_max: int = 3
    memory_floor_pct: float = 20.0
    disk_floor_mb: int = 512
    honesty: Honesty = field(default_factory=Honesty)
    radar: RadarPolicy = RadarPolicy.TELL
    radar_every_s: float = 30.0
    remote: str = ""
    push: Push = Push.EACH
    batched: bool = False
    disk_max_pct: float = 90.0
    cpu_warn_pct: float = 90.0
    check_every_s: float = 5.0
    launch_delay_s: float | None = None
    memory_budget_mb: float | None = None
    pool: tuple[str, ...] = ()


def account_of(limits: Limits, agent: str) -> str:
    """Whose usage limits the agent meets: what its settings name, else nobody's but its own."""
    return next((a.account for a in limits.agents if a.name == agent and a.account), agent)


def attempt_id(task: str, number: int) -> str:
    """The id of the given try at a task, 1 or more: `task.n`."""
    return f"{task}.{number}"


def task_of(attempt: str) -> str:
    """The task id within an attempt id."""
    return attempt.rpartition(".")[0]
