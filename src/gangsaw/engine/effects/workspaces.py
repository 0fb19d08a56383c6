"""The worktree of an attempt: made, and closed once everything in it is held by refs."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from gangsaw.core import actions as ac
from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.core.observations import AttemptClosed, Observation, WorkspaceAt
from gangsaw.core.phases import Phase
from gangsaw.core.settings import WorktreeSettings
from gangsaw.core.state import Attempt
from gangsaw.core.trouble import TROUBLES_MAX, worst_trouble
from gangsaw.engine.effects.setup import check_environment, set_up
from gangsaw.engine.room import lacks_room
from gangsaw.engine.scrubbing import scrub_ended
from gangsaw.engine.world import Job, World
from gangsaw.git import (
    GitFailed,
    Moved,
    NotHeld,
    RemovalBlocked,
    Repository,
    Start,
    WorktreeBlocked,
    WorktreeReady,
    add_worktree,
    candidate_ref,
    contents_at,
    delete_ref,
    drop_branch,
    included_files,
    keep_turn,
    learn,
    read_ref,
    remove_kept,
    start_from,
    turn_refs,
)


def prepare(action: ac.PrepareWorkspace, world: World) -> Job:
    """Make the worktree on its branch, from a base that contains every landed parent, or from
    earlier work on such a base."""
    repo, path = world.repo, world.layout.worktree(action.about)
    limits, env = world.state.limits, check_environment(world, action.about)
    begun_at = int(world.state.attempts[action.about].admitted_at)

    def job(unwanted: threading.Event) -> list[Observation]:
        start = Start(action.base, action.base)
        if action.start:
            message = f"Earlier work, for {action.about}\n\nGangsaw-Attempt: {action.about}\n"
            start = start_from(repo, action.start, action.base, message, begun_at)
        for commit in action.contains:
            if not repo.is_ancestor(commit, start.base):
                raise RuntimeError(f"base {start.base} does not contain the parent {commit}")
        path.parent.mkdir(parents=True, exist_ok=True)
        match add_worktree(repo, path, action.branch, start.commit, world.pool):
            case WorktreeBlocked(reason):
                raise UserError(f"cannot make the worktree {path}: {reason}")
            case WorktreeReady():
                furnish(world, repo.main_root or repo.root, path)
                if world.settings.worktree.setup:
                    if not set_up(world, limits, action.about, path, env, unwanted):
                        return []
                    world.secrets.learn(path)
                base = start.base if action.start else ""
                return [WorkspaceAt(action.about, str(path), base)]

    return job


def furnish(world: World, origin: Path, path: Path) -> None:
    """Copy and link the files that the settings and `.worktreeinclude` name from the main checkout
    into a worktree.

    What is already there stays; what the settings name and the main checkout has not is a
    `UserError`.
    """
    settings = world.settings.worktree
    included = included_files(world.repo, origin)
    world.secrets.learn(origin, included)
    if settings.copy or settings.link or included:
        durable("engine.furnish", lambda: _furnish(origin, path, settings, included), str(path))


def _furnish(
    origin: Path, path: Path, settings: WorktreeSettings, included: tuple[str, ...]
) -> None:
    for name in (*settings.copy, *(each for each in included if (origin / each).is_file())):
        source, target = _pair(origin, path, name)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)
    for name in settings.link:
        source, target = _pair(origin, path, name)
        if not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)


def _pair(origin: Path, path: Path, name: str) -> tuple[Path, Path]:
    source, target = origin / name, path / name
    if not target.parent.resolve().is_relative_to(path.resolve()):
        raise UserError(
            f"cannot furnish the worktree: {name} lies behind a link that leads out of it; "
            "try mending copy and link in [worktree] of gangsaw.toml, or the link"
        )
    if not source.exists():
        raise UserError(
            f"cannot furnish the worktree: {source} does not exist; "
            "try mending copy and link in [worktree] of gangsaw.toml"
        )
    return source, target


def close(action: ac.CloseWorkspace, world: World) -> Job:
    """Hold everything the attempt left by refs, then remove its worktree and its branch.

    What cannot be removed, time and again, stays where it is: no run waits for that for ever.
    Only room on the disk is waited for.
    """
    repo, run = world.repo, world.layout.run
    attempt = world.state.attempts[action.about]
    path = world.layout.worktree(action.about)
    trouble = worst_trouble(world.state, action.about)
    last_try = trouble is not None and trouble.blamed >= TROUBLES_MAX - 1

    def job(unwanted: threading.Event) -> list[Observation]:
        left = f"left in place: {path}"
        refs: tuple[str, ...] = ()
        try:
            scrub_ended(_outputs(world, attempt), world.secrets.redactor)
            found = contents_at(repo, path, action.branch)
            keep_turn(repo, run, attempt.id, attempt.launch, path, attempt.base, found)
            kept, gone = remove_kept(repo, run, attempt.id, path, action.branch, found, world.pool)
            refs = (*kept.refs, *turn_refs(repo, run, attempt.id))
            if isinstance(gone, NotHeld):
                # What no ref can hold, as a nested repository, stays where it is.
                return [AttemptClosed(attempt.id, (*refs, left))]
            if isinstance(gone, RemovalBlocked):
                raise UserError(f"cannot remove the worktree {path}: {gone.reason}")
        except (UserError, OSError, GitFailed) as error:
            if last_try and not lacks_room(error):
                return [AttemptClosed(attempt.id, (*refs, left))]
            raise
        if attempt.phase is Phase.LANDED and attempt.resolved:
            # Once it has landed, how it was resolved may be done again for others.
            learn(repo, attempt.base, attempt.commit)
        drop_branch(repo, run, attempt.id, action.branch)
        _delete_ref(repo, candidate_ref(run, attempt.id))
        return [AttemptClosed(attempt.id, refs)]

    return job


def _outputs(world: World, attempt: Attempt) -> list[Path]:
    """The folders with what the attempt's turns, checks and setup wrote."""
    turns = [world.layout.turn(attempt.id, n) for n in range(1, attempt.launch + 1)]
    return [*turns, *world.layout.checks_of(attempt.id).glob("*.*")]


def _delete_ref(repo: Repository, ref: str) -> None:
    tip = read_ref(repo, ref)
    if tip is None:
        return
    if not isinstance(delete_ref(repo, ref, tip), Moved):
        raise RuntimeError(f"{ref} moved while it was being removed")
