"""The nouns: plan, task, check, attempt ids and the limits of a run. All frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Check:
    """A command which must exit 0. `name` is what the user wrote; `argv` is what is run."""

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of wanted change. Defaults of the plan are already applied."""

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
    env: tuple[tuple[str, str], ...] = ()
    stages: tuple[Stage, ...] = (Stage.WORK,)
    reviewer: str | None = None
    role: str | None = None


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
    cannot (not signed in, model unknown, usage limit reached). `told`: each turn's own prompt
    reaches it, so that a fresh session can be told what is in the worktree already."""

    name: str
    slots: int | None = None
    resumes: bool = False
    fallback: str = ""
    told: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a run. Seconds unless the name says otherwise. `reviewer` reviews where a task
    names nobody (empty: the task's own agent, in a session of its own); `rounds_max` bounds how
    often work goes back to its author for what a reviewer found. `window` bounds how many changes
    are checked together for their landing."""

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
    deliver: Deliver = Deliver.EACH
    uncommitted: Uncommitted = Uncommitted.COMMIT
    window: int = 16
    history: History = History.MERGE
    agents: tuple[AgentSlots, ...] = ()
    default_agent: str = ""
    reviewer: str = ""
    rounds_max: int = 3
    memory_floor_pct: float = 12.0
    disk_floor_mb: int = 512


def attempt_id(task: str, number: int) -> str:
    """The id of the given try at a task, 1 or more: `task.n`."""
    return f"{task}.{number}"


def task_of(attempt: str) -> str:
    """The task id within an attempt id."""
    return attempt.rpartition(".")[0]
