"""The integration branch: made, and moved to candidates by compare-and-swap."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial

from gangsaw.core import actions as ac
from gangsaw.core.events import TARGET
from gangsaw.core.model import History
from gangsaw.core.observations import (
    CandidateClashed,
    CandidateMade,
    IntegrationAt,
    IntegrationElsewhere,
    IntegrationMoved,
    IntegrationPutBack,
    Observation,
)
from gangsaw.core.state import State
from gangsaw.engine.effects.marks import Marks, marks_of
from gangsaw.engine.effects.resolving import means_of
from gangsaw.engine.world import Job, World
from gangsaw.git import (
    Candidate,
    Conflict,
    Means,
    Moved,
    RefElsewhere,
    RefTaken,
    Repository,
    branch_ref,
    build_candidate,
    build_undo,
    candidate_ref,
    changed_paths,
    create_ref,
    delete_ref,
    join,
    joined_before,
    merge_tree,
    move_ref,
    read_ref,
    resolve,
)

RESTORES_MAX = 3
"""How often the integration branch is put back for one landing."""


def create_integration(action: ac.CreateIntegration, world: World) -> Job:
    """Make the run's integration branch at its base, or find it."""
    repo = world.repo

    def job(unwanted: threading.Event) -> list[Observation]:
        match create_ref(repo, branch_ref(action.branch), action.base):
            case RefTaken(found):
                return [IntegrationAt(found)]
            case _:
                return [IntegrationAt(action.base)]

    return job


def build(action: ac.BuildCandidate, world: World) -> Job:
    """Merge the work with the integration branch's head, in the object store only."""
    repo, run = world.repo, world.layout.run
    attempt = world.state.attempts.get(action.about)
    # The moment of the intent: carried out again, the same commit comes out.
    at = int(attempt.since) if attempt else int(action.at or time.time())
    name = action.about.removeprefix("@")
    message = f"{action.title}\n\n{action.body}\n"
    # A moved target is in the history of what is delivered to it, or it could not be moved.
    history = world.state.limits.history if attempt else History.MERGE
    by_path = attempt is not None and _some_check_by_path(world.state)
    marks = marks_of(world.state) if action.about == TARGET else None

    def job(unwanted: threading.Event) -> list[Observation]:
        about, work, onto = action.about, action.work, action.onto
        means = None if action.undoes else means_of(world)
        if means is not None and marks is not None:
            means = replace(means, marked=partial(_merged, repo, marks))
        if action.undoes:
            found = build_undo(repo, onto, work, message, at, run=run, name=name)
        else:
            found = build_candidate(
                repo, onto, work, message, at,
                run=run, attempt=name, history=history, means=means,
            )  # fmt: skip
        match found:
            case Conflict(paths):
                against = "" if action.undoes else _first_against(repo, action, means)
                named = paths or ("(no single file)",)
                return [CandidateClashed(about, work, onto, named, against)]
            case Candidate(commit, tree, resolved=resolved, paths=paths):
                files, changed = changed_paths(repo, onto, commit) if by_path else (0, ())
                made = (about, work, onto, commit, tree, resolved, paths, files, changed)
                return [CandidateMade(*made)]

    return job


def _merged(
    repo: Repository, marks: Marks, path: str, base: bytes, ours: bytes, theirs: bytes
) -> bytes | None:
    """A task file whose marks somebody has committed on the target, with what has landed."""
    return marks.carried(repo.root / path, base, ours, theirs)


def _some_check_by_path(state: State) -> bool:
    """Whether it matters which paths a candidate changes."""
    own = (check for task in state.tasks.values() for check in task.checks)
    return any(check.paths for check in (*state.gate, *own))


def _first_against(repo: Repository, action: ac.BuildCandidate, means: Means | None) -> str:
    """The first change ahead with which the work does not merge, by any of the means; empty where
    that is none of them, but what has landed."""
    if not action.ahead or (action.landed and not _merges(repo, action.landed, action, means)):
        return ""
    for about, candidate in action.ahead[:-1]:
        if not _merges(repo, candidate, action, means):
            return about
    return action.ahead[-1][0]


def _merges(repo: Repository, onto: str, action: ac.BuildCandidate, means: Means | None) -> bool:
    """Whether git, or these means, merge the work with that commit."""
    if not isinstance(merge_tree(repo, onto, action.work), Conflict):
        return True
    return means is not None and resolve(repo, onto, action.work, means) is not None


def move(action: ac.MoveIntegration, world: World) -> Job:
    """Move the integration branch from `onto` to the candidate, or say where it is instead.

    The branch is ours alone. Commits that somebody put on top of it are told, so that the next
    candidate is checked with them; where it was deleted, or reset to something else, the truth is
    in the log: what was found is held by a ref, and the branch is put back.
    """
    repo, run = world.repo, world.layout.run
    ref = branch_ref(action.branch)
    message = f"{action.title}\n\n{action.body}\n"
    # What landed is held by the branch. An attempt's own pin goes with its worktree.
    own = action.about in world.state.attempts
    unpinned = "" if own else candidate_ref(run, action.about.removeprefix("@"))

    def job(unwanted: threading.Event) -> list[Observation]:
        told: list[Observation] = []
        about, commit, onto = action.about, action.commit, action.onto
        if not action.title:
            head, joined = commit, ""
        elif (done := joined_before(repo, ref, onto, commit)) is not None:
            # A signed commit comes out differently each time: one that is there is the one.
            return [IntegrationMoved(about, commit, onto, done)]
        else:
            head = joined = join(repo, onto, commit, message, int(action.at))
        for _ in range(RESTORES_MAX):
            match move_ref(repo, ref, head, onto):
                case Moved():
                    _let_go(repo, unpinned)
                    return [*told, IntegrationMoved(about, commit, onto, joined)]
                case RefElsewhere(None):
                    create_ref(repo, ref, action.onto)
                    told.append(IntegrationPutBack(action.onto, ""))
                case RefElsewhere(str() as found):
                    if not joined and repo.is_ancestor(commit, found):
                        # Ours was put there, by a former life, and somebody built on it.
                        _let_go(repo, unpinned)
                        return [IntegrationMoved(about, commit, onto)]
                    if repo.is_ancestor(action.onto, found):
                        seen = (action.about, action.commit, action.onto, found)
                        return [IntegrationElsewhere(*seen)]
                    create_ref(repo, f"refs/gangsaw/lost/{run}/{found}", found)
                    move_ref(repo, ref, action.onto, found)
                    told.append(IntegrationPutBack(action.onto, found))
        raise RuntimeError(f"the integration branch {action.branch} is moved by somebody else")

    return job


def _let_go(repo: Repository, ref: str) -> None:
    """Drop the pin of a candidate that is on the integration branch."""
    tip = read_ref(repo, ref) if ref else None
    if tip is not None:
        delete_ref(repo, ref, tip)
