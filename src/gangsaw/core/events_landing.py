"""Events of a change on its way onto the integration branch.

Their own module only for its size; `events` is where everything else takes them from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfAttempt, OfRun, OfTask
from gangsaw.core.terms import CheckResult, Judgement


@dataclass(frozen=True, slots=True)
class CandidateWanted(OfAttempt):
    """The change (or `@target`) joins the chain of landings: it is to be combined with the
    integration branch at `onto` or, where that is empty, with the link before it."""

    kind: ClassVar[str] = "candidate.wanted"
    work: str
    onto: str


@dataclass(frozen=True, slots=True)
class CandidateBuilt(OfAttempt):
    """`resolved` names what merged it mechanically where git alone could not. `files` is how many
    differ from `onto`, `paths` which, none where there are too many to write down; only told where
    checks depend on it."""

    kind: ClassVar[str] = "candidate.built"
    onto: str
    commit: str
    tree: str
    resolved: str = ""
    files: int = 0
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateConflicted(OfAttempt):
    """`against` is the change ahead of it with which it does not merge; empty for what landed."""

    kind: ClassVar[str] = "candidate.conflicted"
    onto: str
    paths: tuple[str, ...]
    against: str = ""


@dataclass(frozen=True, slots=True)
class BatchFormed(OfRun):
    """These links of the chain, in its order, are checked together; at most `size` are."""

    kind: ClassVar[str] = "batch.formed"
    number: int
    members: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class CandidateJudged(OfAttempt):
    """What the checks say of the candidate's tree. Where only some tests were run, `only` names
    them: that says where a fault is, and never that the tree may land."""

    kind: ClassVar[str] = "candidate.judged"
    tree: str
    judgement: Judgement
    results: tuple[CheckResult, ...] = ()
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LandingWanted(OfAttempt):
    """The integration branch is to be moved from `onto` to this candidate, with every link before
    it in the chain."""

    kind: ClassVar[str] = "landing.wanted"
    commit: str
    onto: str


@dataclass(frozen=True, slots=True)
class LandingMissed(OfAttempt):
    """The integration branch was not where it should have been: nothing was moved."""

    kind: ClassVar[str] = "landing.missed"
    found: str


@dataclass(frozen=True, slots=True)
class Landed(OfAttempt):
    """The task is on the integration branch as `commit`. Where it landed together with others,
    `head` is where the branch is (empty: at `commit`) and `checked` the tree that was checked,
    which is the branch's. `resolved`: how a conflict was resolved on the way, if there was one."""

    kind: ClassVar[str] = "landed"
    task: str
    commit: str
    onto: str
    tree: str
    head: str = ""
    checked: str = ""
    resolved: str = ""


@dataclass(frozen=True, slots=True)
class QueueHeld(OfRun):
    """No further batch is formed; `frozen`: nothing lands either."""

    kind: ClassVar[str] = "queue.held"
    by: str
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class QueueReleased(OfRun):
    kind: ClassVar[str] = "queue.released"
    by: str


@dataclass(frozen=True, slots=True)
class PutFirst(OfTask):
    """The task's change is to land before all others that wait, and alone."""

    kind: ClassVar[str] = "queue.first"
    by: str


LandingEvent = (
    CandidateWanted
    | CandidateBuilt
    | CandidateConflicted
    | BatchFormed
    | CandidateJudged
    | LandingWanted
    | LandingMissed
    | Landed
    | QueueHeld
    | QueueReleased
    | PutFirst
)
