"""The pages of the second bookkeeping, one for each task and attempt, and its table of rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gangsaw.core.conditions import Condition
from gangsaw.core.events import Cause
from gangsaw.core.findings import Review
from gangsaw.core.model import Task, TurnKind
from gangsaw.core.standing import Standing
from gangsaw.testing.simulation.broken import Broken

BACKOFF_SPREAD = 1.25
LIMIT_LEFT_MAX_S = 8 * 24 * 3600.0
"""No vendor's limit has longer to go."""

SWITCHES_MAX = 3
SPREAD_S = 30.0
"""How long after the end of a usage limit the last of those that waited for it goes on."""
PASSES_ELSEWHERE = {
    *(Condition.QUOTA, Condition.LOGIN_MISSING, Condition.LOGIN_EXPIRED),
    Condition.MODEL_UNKNOWN,
}
"""What another agent may not have."""


@dataclass(slots=True)
class AttemptPage:
    """One attempt: `place` is the wire name of the last event that moved it, `holds` what it takes:
    a slot of its `agent` (and of the run), one of the `run` only, or nothing. `agreed` and
    `approved` are the commits that a reviewing agent, or a person, agreed with; `word` is what the
    present review turn said. `told`: its vendor told until when it is parked; `freed`: a person
    said that it may go on."""

    task: str
    agent: str
    model: str = ""
    place: str = "attempt.admitted"
    holds: str = "agent"
    launch: int = 0
    ended_launch: int = 0
    turn: int = 0
    never_ran: int = 0
    once_more: int = 0
    sealed: str = ""
    approved: str = ""
    live: bool = True
    began: float = 0.0
    launched_at: float = 0.0
    """When its agent was launched, or has begun (the engine's clock)."""
    start: str = ""
    by_hand: bool = False
    """It begins with a person's resolution, and without a turn."""
    why: TurnKind = TurnKind.WORK
    reviewer: str = ""
    ended_by: Condition | None = None
    ended_at_moment: float | None = None
    """When the vendor of the last launch told that its limit ends."""
    stopped: Cause | None = None
    crashed: bool = False
    parked: Condition | None = None
    parked_until: float | None = None
    told: bool = False
    freed: bool = False
    unpaid: bool = False
    """It is parked for want of money."""
    allowed: bool = False
    """A person let it go on though its budget was spent."""
    writes: int = 0
    tested: bool = False
    """Its tests have failed before the work was begun, or nothing can tell."""
    begun: int = 0
    """The launch with which the work itself was begun."""
    continues: int = 0
    waits: int = 0
    switches: int = 0
    asked: int = 0
    """How often a reviewer was asked about the sealed commit."""
    rejections: int = 0
    word: Review | None = None
    agreed: str = ""
    paths: tuple[str, ...] | None = None
    """What the sealed work touches, where it is a commit."""
    returned: Cause | None = None
    resolves: int = 0
    ways: set[str] = field(default_factory=set)
    """How agent and people have resolved its conflicts."""

    @property
    def seat(self) -> str:
        """Whose slot it takes: its agent's or, in a review turn and until the next, the
        reviewer's."""
        return self.reviewer or self.agent

    @property
    def is_parked(self) -> bool:
        """Whether it waits between turns."""
        return self.place in ("attempt.parked", "park.ended")

    @property
    def for_person(self) -> bool:
        """Whether nothing but a person lets it go on."""
        return self.is_parked and self.parked_until is None


@dataclass(slots=True)
class TaskPage:
    """One task."""

    task: Task
    finished: bool = False
    given_up: bool = False
    cancelled: bool = False
    cancel_asked: bool = False
    retry_at: float = 0.0
    number: int = 0
    tries: int = 0
    blameless: int = 0
    crashes: int = 0
    last_cause: Cause | None = None
    current: str = ""
    first_base: str = ""
    landed: str = ""
    undone: bool = False
    undo_wanted: bool = False
    outdated: int = 0
    resolved_by: str = ""
    given: str = ""
    """The ref of the resolution that a person gave last."""
    later: Task | None = None
    """What its file says of it since its attempt began, or since it landed."""
    later_mark: Standing | None = None
    """How people have settled it there since then."""
    restored: int = 0
    """The attempt whose tick in the file was set once more."""
    by_file: bool = False
    """It was closed by its file."""

    @property
    def is_over(self) -> bool:
        """Whether it has landed, or will not without a person."""
        return self.finished or self.given_up or self.cancelled or self.undone


Rule = Callable[[Any, Any, float], None]
RULES: dict[type[Any], Rule] = {}
"""Class of event → what must hold when it comes, and what it changes."""


def rule(kind: type[Any]) -> Callable[[Rule], Rule]:
    """Enters a function as the rule for a class of events."""

    def note(made: Rule) -> Rule:
        RULES[kind] = made
        return made

    return note


def can_start_from(page: TaskPage, start: str) -> None:
    """Work from before a need was undone is not built upon."""
    if start and int(start.split("/")[-2].rpartition(".")[2]) <= page.outdated:
        raise Broken(f"{page.task.id} is to start from {start}, which is out of date")
