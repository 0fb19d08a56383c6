"""What the core may ask of the world. Each action may be carried out twice, or again after a kill
half-way: the effect does it, or adopts what is there, and reports it."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.events import Stage
from gangsaw.core.model import Check, TurnKind
from gangsaw.core.standing import Standing


@dataclass(frozen=True, slots=True)
class CreateIntegration:
    about: str
    branch: str
    base: str


@dataclass(frozen=True, slots=True)
class PrepareWorkspace:
    """Make the worktree of an attempt on its branch, from a base that contains what it needs; with
    `start`, a ref, from the earlier work that it holds."""

    about: str
    base: str
    branch: str
    contains: tuple[str, ...]
    start: str = ""


@dataclass(frozen=True, slots=True)
class RunTurn:
    """Launch the agent, or adopt the launch, and report until it has ended."""

    about: str
    launch: int
    turn: int
    why: TurnKind
    onto: str | None


@dataclass(frozen=True, slots=True)
class StopTurn:
    about: str
    launch: int
    hard: bool


@dataclass(frozen=True, slots=True)
class InspectWork:
    """Find, complete and seal what the agent left in its worktree; `tests` is the commit with the
    tests that it has written before, which must demand no less now; `blamed` the work that was sent
    back for what it did together with what landed."""

    about: str
    launch: int
    against: str
    commit_leftovers: bool
    tests: str = ""
    blamed: str = ""


@dataclass(frozen=True, slots=True)
class RunChecks:
    """Run the checks on exactly this commit; an empty commit means the attempt's plain folder.
    `round` says how often that was done without passing: then nothing of former checks is used.
    `only` names the tests of the one check, `part_of` its key, where no more is to be run."""

    about: str
    stage: Stage
    commit: str
    tree: str
    checks: tuple[Check, ...]
    round: int = 0
    only: tuple[str, ...] = ()
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class BuildCandidate:
    """Combine the work with the integration branch. `undoes`: take back what the landed commit
    `work` brought, instead; `at` (epoch seconds) is when that was asked for. `ahead`: what is
    before it in the chain, with its candidates, and `landed` what the first of them is built on, to
    say with which of these it does not merge."""

    about: str
    work: str
    onto: str
    title: str
    body: str
    undoes: bool = False
    at: float = 0.0
    ahead: tuple[tuple[str, str], ...] = ()
    landed: str = ""


@dataclass(frozen=True, slots=True)
class MoveIntegration:
    """Move the branch from `onto` to the candidate. With a `title`, what is between them becomes
    the second parent of a commit that joins it, dated `at`: so that every commit on the branch is
    one that was checked."""

    about: str
    branch: str
    commit: str
    onto: str
    title: str = ""
    body: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class CloseWorkspace:
    """Hold everything the attempt left by refs, then remove its worktree and branch."""

    about: str
    branch: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Fast-forward the target; `former` is what was delivered last, and must still be in it."""

    about: str
    target: str
    commit: str
    former: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """Have the remote's branch of the target's name contain the commit, never by force."""

    about: str
    remote: str
    target: str
    commit: str


@dataclass(frozen=True, slots=True)
class WriteStanding:
    """Have the file that the task came from say where it stands; `was` is what it says by the last
    that we know. `phase` is how far it is, for files that say so."""

    about: str
    standing: Standing
    commit: str
    was: Standing
    phase: str = ""


Action = (
    CreateIntegration
    | PrepareWorkspace
    | RunTurn
    | StopTurn
    | InspectWork
    | RunChecks
    | BuildCandidate
    | MoveIntegration
    | CloseWorkspace
    | Deliver
    | Push
    | WriteStanding
)


def name_of(action: Action) -> str:
    """The short name of an action, as written in `effect.failed` events."""
    return type(action).__name__
