"""What in the work a careful maintainer wants to know of: read from git, held against the task."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core import actions as ac
from gangsaw.core.changes import Change, ChangedFile
from gangsaw.core.honesty import Answer, Concern, ConcernKind, Honesty, answer_to
from gangsaw.core.policy.landing import gate_of_work
from gangsaw.core.state import Attempt, State
from gangsaw.engine.secrets import Secrets
from gangsaw.git import Repository, common_base, read_change
from gangsaw.verify.honesty import Expected, find_concerns


@dataclass(frozen=True, slots=True)
class Demands:
    """What an attempt's work is held against, taken from the state on the loop's thread. `head` is
    the integration branch, whose commits are no doing of the attempt's."""

    scope: tuple[str, ...]
    commands: tuple[str, ...]
    rules: Honesty
    head: str

    @classmethod
    def of(cls, state: State, attempt: Attempt) -> Demands:
        """Those of this attempt now."""
        task = state.tasks[attempt.task]
        commands = tuple(check.name for check in gate_of_work(state, task.id))
        return cls(task.scope, commands, state.limits.honesty, state.head)

    def blocks(self, kind: ConcernKind, path: str) -> bool:
        """Whether a concern of this kind about this path goes back to the agent."""
        return answer_to(self.rules, kind, path) is Answer.BLOCK


def concerns_of(
    repo: Repository, demands: Demands, action: ac.InspectWork, work: str, secrets: Secrets
) -> tuple[Concern, ...]:
    """The concerns about what `work` brings besides what others have landed.

    It is compared with the newest commit of the integration branch that it contains, so that what
    was merged into it is nobody's fault but that of who landed it. Tests that the attempt has
    written before its work are held against what they were then."""
    base = own_base(repo, demands.head, action.against, work)
    change = read_change(repo, base, work)
    written = _since(repo, base, action.tests, work, change) if action.tests else ()

    def named_in(text: str) -> str:
        return secrets.redactor.named_in(text)

    expected = Expected(demands.scope, demands.commands, demands.rules, named_in)
    return find_concerns(change, expected, written)


def _since(
    repo: Repository, base: str, tests: str, work: str, change: Change
) -> tuple[ChangedFile, ...]:
    """What the work has done to the files of its own tests since they were written."""
    own = {file.path for file in (*change.files, *read_change(repo, base, tests).files)}
    return tuple(file for file in read_change(repo, tests, work).files if file.path in own)


def own_base(repo: Repository, head: str, against: str, work: str) -> str:
    """The newest of what `work` has in common with the integration branch at `head` and with
    `against`, which was merged into it or which it was begun from."""
    told = common_base(repo, against, work) or against
    landed = common_base(repo, head, work) if head else None
    if landed is None or repo.is_ancestor(landed, told):
        return told
    return landed
