"""What the agent left: found, completed where the settings say so, and sealed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from gangsaw.core import actions as ac
from gangsaw.core.barriers import barrier_paths
from gangsaw.core.errors import UserError
from gangsaw.core.events import Cause
from gangsaw.core.honesty import ConcernKind
from gangsaw.core.observations import Observation, WorkInspected, WorkUnsound
from gangsaw.core.replacing import replace
from gangsaw.core.state import Attempt
from gangsaw.engine.effects.honesty import Demands, concerns_of
from gangsaw.engine.world import Job, World
from gangsaw.git import (
    CHANGED_MAX,
    DiffStat,
    IndexLocked,
    Merged,
    Repository,
    StillConflicted,
    Work,
    WorkAstray,
    WorkGone,
    commit_leftovers,
    conflict_markers,
    create_ref,
    foreign_repositories,
    inspect_work,
    is_empty_change,
    merge_tree,
    work_diffstat,
)

PATHS_MAX = 200
WORDS_MAX = 200
NESTED = "made a git repository of its own, whose files cannot be part of this one"


def inspect(action: ac.InspectWork, world: World) -> Job:
    """Look at the worktree and report its sealed commit, or what is wrong with it."""
    attempt = world.state.attempts[action.about]
    repo, run = world.repo, world.layout.run
    title, barriers = world.state.tasks[attempt.task].title, world.settings.landing.barriers
    demands = Demands.of(world.state, attempt)

    def job(unwanted: threading.Event) -> list[Observation]:
        path = Path(attempt.path)
        committed: tuple[str, ...] = ()
        found = inspect_work(repo, path, attempt.branch, attempt.base)
        if action.commit_leftovers and isinstance(found, Work) and _has_leftovers(found):
            committed = _commit(repo, path, found, title, attempt)
            found = inspect_work(repo, path, attempt.branch, attempt.base)
        fault = _fault(repo, attempt, action, found, demands)
        if fault is not None:
            return [fault]
        assert isinstance(found, Work)
        concerns = concerns_of(repo, demands, action, found.head, world.secrets)
        sealed = _seal(repo, run, attempt, action, found, committed, barriers)
        return [
            replace(sealed, concerns=concerns, unchanged=_is_unchanged(repo, action, found.tree))
        ]

    return job


def _has_leftovers(found: Work) -> bool:
    """Whether something may be committed for the agent. That includes a conflict whose markers it
    removed without staging the file; what is in the middle of a rebase is not for us to end."""
    return not found.clean and not found.rebasing


def _commit(
    repo: Repository, path: Path, found: Work, title: str, attempt: Attempt
) -> tuple[str, ...]:
    """Commit what the agent left uncommitted; the paths."""
    subject = title.strip().splitlines()[0]
    message = f"{subject}\n\nFiles the agent left uncommitted.\n\nGangsaw-Attempt: {attempt.id}\n"
    match commit_leftovers(repo, path, message, stale_lock_ok=True):
        case IndexLocked(lock):
            raise UserError(f"cannot commit in {path}: {lock} exists; try removing it")
        case StillConflicted():
            return ()
        case _:
            return _left(found)[:PATHS_MAX]


def _fault(
    repo: Repository,
    attempt: Attempt,
    action: ac.InspectWork,
    found: Work | WorkAstray | WorkGone,
    demands: Demands,
) -> WorkUnsound | None:
    def unsound(cause: Cause, text: str, paths: tuple[str, ...] = ()) -> WorkUnsound:
        return WorkUnsound(attempt.id, action.launch, cause, paths[:PATHS_MAX], text)

    tip = found.branch_tip
    if isinstance(found, Work) and tip is not None and not repo.is_ancestor(tip, found.head):
        return unsound(
            Cause.STRAYED, f"its branch {attempt.branch} has commits that its worktree has not"
        )
    match found:
        case WorkGone():
            return unsound(Cause.STRAYED, "its worktree has vanished")
        case WorkAstray(head, branch):
            where = branch or (head or "nothing")[:12]
            return unsound(
                Cause.STRAYED,
                f"left its base: its worktree is at {where}, without {attempt.base[:12]}",
            )
        case Work() if found.unmerged:
            return unsound(
                Cause.UNMERGED, _names("left conflicts in", found.unmerged), found.unmerged
            )
        case Work() if found.merging or found.rebasing:
            return unsound(Cause.UNMERGED, "left a merge or rebase unfinished")
        case Work() if not found.clean:
            return _uncommitted(found, unsound)
        case Work() if is_empty_change(repo, action.against, found.head):
            return unsound(
                Cause.EMPTY, "says it is done but changed nothing" + _last_words(attempt)
            )
        case Work():
            pass
    foreign = foreign_repositories(repo, action.against, found.head)
    if foreign:
        return unsound(Cause.UNCOMMITTED, _names(f"{NESTED}:", foreign), foreign)
    marks = [
        (path, line)
        for path, line in conflict_markers(repo, action.against, found.head)
        if demands.blocks(ConcernKind.CONFLICT_MARKERS, path)
    ]
    if marks:
        paths = tuple(dict.fromkeys(path for path, _ in marks))
        where = ", ".join(f"{path}:{line}" for path, line in marks[:5])
        return unsound(Cause.UNMERGED, f"committed conflict markers: {where}", paths)
    return None


def _last_words(attempt: Attempt) -> str:
    """What its agent ended with, which may say why: often it is a question in plain words."""
    words = " ".join(attempt.exit.text.split()) if attempt.exit is not None else ""
    if len(words) > WORDS_MAX:
        words = words[: WORDS_MAX - 1].rstrip() + "…"
    return f"; its last words: {words}" if words else ""


def _uncommitted(
    found: Work, unsound: Callable[[Cause, str, tuple[str, ...]], WorkUnsound]
) -> WorkUnsound:
    nested = tuple(path for path in found.untracked if path.endswith("/"))
    if nested:
        text = _names(f"{NESTED}:", nested)
        return unsound(Cause.UNCOMMITTED, text, nested)
    return unsound(Cause.UNCOMMITTED, _names("left uncommitted:", _left(found)), _left(found))


def _left(found: Work) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*found.dirty, *found.untracked)))


def _names(text: str, paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return f"{text} {', '.join(paths[:5])}{more}"


def _seal(
    repo: Repository,
    run: str,
    attempt: Attempt,
    action: ac.InspectWork,
    found: Work,
    committed: tuple[str, ...],
    barriers: tuple[str, ...],
) -> WorkInspected:
    """Pin the commit, so that no one can make it vanish, and describe it."""
    ref = f"refs/gangsaw/attempts/{run}/{attempt.id}/sealed-{action.launch}/{found.head[:16]}"
    create_ref(repo, ref, found.head)
    stat = work_diffstat(repo, action.against, found.head)
    return WorkInspected(
        attempt.id,
        action.launch,
        found.head,
        found.tree,
        len(stat.files),
        stat.added,
        stat.deleted,
        committed,
        found.commits_ahead,
        barrier_paths(barriers, (change.path for change in stat.files))[:PATHS_MAX],
        paths=_changed(stat),
    )


def _is_unchanged(repo: Repository, action: ac.InspectWork, tree: str) -> bool:
    """Whether there is nothing in it but the work that was blamed and what was merged into that
    before the turn."""
    if not action.blamed:
        return False
    again = merge_tree(repo, action.against, action.blamed)
    return isinstance(again, Merged) and again.tree == tree


def _changed(stat: DiffStat) -> tuple[str, ...]:
    """The changed paths, or none where they are too many to be written down."""
    return tuple(change.path for change in stat.files) if len(stat.files) <= CHANGED_MAX else ()
