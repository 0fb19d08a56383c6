"""What ended runs have left on disk and what of it may go without losing anything.

Only these are ever offered: worktrees of ended attempts whose every commit and file is held by a
ref, worktrees for checks of runs that are over, and the records of runs before the last. Refs are
never touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gangsaw.cli.living import is_over
from gangsaw.core.phases import ENDED
from gangsaw.git import (
    Kind,
    RemovalBlocked,
    Repository,
    WorktreeEntry,
    is_kept,
    list_worktrees,
    remove_worktree,
)
from gangsaw.git.deleting import delete_folder
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal

OVER = ("landed", "failed")


class Sort(StrEnum):
    """What a leftover is."""

    WORKTREE = "worktree"
    CHECKS = "checks"
    RECORDS = "records"


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that may go. `size` is in bytes, of its files' contents."""

    sort: Sort
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Spared:
    """Something that looks like a leftover and stays, and why."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """What may go and what stays."""

    leftovers: tuple[Leftover, ...]
    spared: tuple[Spared, ...]


def find_leftovers(repo: Repository, journal: Journal | None, *, engine_alive: bool) -> Found:
    """The leftovers now. With a live engine nothing of the last run is among them."""
    runs = {} if journal is None else {row.run: row.state for row in journal.runs()}
    last = next(reversed(runs), None)
    open_run = last if last is not None and (engine_alive or runs[last] not in OVER) else None
    live = _live_attempts(journal, open_run)
    leftovers: list[Leftover] = []
    spared: list[Spared] = []
    for entry in list_worktrees(repo):
        run = entry.path.parent.name
        if entry.kind is None or run not in runs:
            continue
        match _judge(repo, entry, run, open_run, live):
            case Sort() as sort:
                leftovers.append(Leftover(sort, entry.path, size_of(entry.path)))
            case why:
                spared.append(Spared(entry.path, why))
    for path in _records(Control(repo.control_dir), last):
        leftovers.append(Leftover(Sort.RECORDS, path, size_of(path)))
    return Found(tuple(leftovers), tuple(spared))


def _live_attempts(journal: Journal | None, run: str | None) -> frozenset[str]:
    """Attempts of the open run that are not over."""
    if journal is None or run is None:
        return frozenset()
    from gangsaw.engine.loop import fold

    state, _ = fold(journal, run)
    return frozenset(
        name for name, attempt in state.attempts.items()
        if attempt.phase not in ENDED or not attempt.closed
    )  # fmt: skip


def _judge(
    repo: Repository, entry: WorktreeEntry, run: str, open_run: str | None, live: frozenset[str]
) -> Sort | str:
    if entry.kind is Kind.SLOT:
        return "checks of this run may be running" if run == open_run else Sort.CHECKS
    if run == open_run and entry.path.name in live:
        return "its attempt is not over"
    if not is_kept(repo, entry.path):
        return "it holds work that nothing else holds; see: gangsaw stranded"
    return Sort.WORKTREE


def _records(control: Control, last: str | None) -> Iterator[Path]:
    """Folders with prompts, output and check logs of runs before the last, nothing alive there."""
    for kind, pattern in (("attempts", "*/turn-*"), ("checks", "*/*.*")):
        for path in sorted((control.root / kind).glob("*")):
            if path.name != last and path.is_dir() and all(map(is_over, path.glob(pattern))):
                yield path


def remove(repo: Repository, leftover: Leftover) -> str | None:
    """Remove it, after looking once more whether it may go; why not, if it may not."""
    if leftover.sort is Sort.RECORDS:
        delete_folder(leftover.path)
        return None
    if leftover.sort is Sort.WORKTREE and not is_kept(repo, leftover.path):
        return "it has changed and holds work that nothing else holds"
    match remove_worktree(repo, leftover.path):
        case RemovalBlocked(reason):
            return reason
        case _:
            for folder in leftover.path.parents[:2]:  # of the run, of all runs
                _remove_if_empty(folder)
            return None


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def size_of(path: Path) -> int:
    """Bytes of all files below the path; links are not followed."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue
    return total
