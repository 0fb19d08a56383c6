"""What ended runs have left and what of it may go without losing anything.

Only these are ever offered: worktrees and branches of ended attempts, worktrees for checks of runs
that are over, records of ended runs and, when asked for, kept refs. Before a worktree goes,
everything in it that git does not ignore is held by refs, and its whole state is in the trash;
branches and refs go to the trash too. What no ref can hold stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gangsaw.cli.living import is_over
from gangsaw.core.phases import ENDED
from gangsaw.git import (
    GitFailed,
    Kind,
    NotHeld,
    RemovalBlocked,
    Repository,
    WorktreeEntry,
    drop_trash,
    empty_pool,
    ignored_files,
    keep_folder,
    list_kept_sizes,
    list_refs,
    list_worktrees,
    pool_folder,
    remove_kept,
    remove_worktree,
    save_state,
    sweep_records,
    trash_branch,
    trash_ref,
    trash_state,
    trashed,
    unholdable,
)
from gangsaw.git.deleting import delete_folder
from gangsaw.procs import working_in
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal

OVER = ("landed", "failed")
_BRANCHES = "refs/heads/gangsaw"


class Sort(StrEnum):
    """What a leftover is, in the order in which they go."""

    WORKTREE = "worktree"
    CHECKS = "checks"
    POOL = "pool"
    BRANCH = "branch"
    RECORDS = "records"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that may go. `size` is in bytes, of its files' contents; `ignored` is the part of
    it that git ignores, and nothing brings back. A branch or ref is at `commit`."""

    sort: Sort
    path: str
    size: int
    run: str = ""
    attempt: str = ""
    ignored: int = 0
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Spared:
    """Something that looks like a leftover and stays, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """What may go and what stays."""

    leftovers: tuple[Leftover, ...]
    spared: tuple[Spared, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be cleaned: also kept refs, also records of the last run; only what is older than
    `before` (epoch seconds)."""

    kept: bool = False
    logs: bool = False
    before: float | None = None

    def is_aged(self, at: float) -> bool:
        """Whether something last touched at `at` is old enough."""
        return self.before is None or at < self.before


@dataclass(frozen=True, slots=True)
class _Runs:
    """The runs of the journal: the one that may go on, if any, the last, and what is alive."""

    states: Mapping[str, str]
    last: str | None
    open: str | None
    live: frozenset[str]

    def is_live(self, run: str, attempt: str) -> bool:
        """Whether this attempt is not over."""
        return run == self.open and attempt in self.live


def find_leftovers(
    repo: Repository, journal: Journal | None, wanted: Wanted, *, engine_alive: bool
) -> Found:
    """The leftovers now. With a live engine nothing that its run may need is among them."""
    runs = _runs(journal, engine_alive=engine_alive)
    control = Control(repo.control_dir)
    found: list[Leftover | Spared] = []
    for entry in list_worktrees(repo):
        run = entry.path.parent.name
        if entry.kind is not None and run in runs.states and wanted.is_aged(_touched(entry)):
            found.append(_judge(repo, control, entry, runs))
    found += _pools(repo, runs)
    checked_out = {each.path for each in found if isinstance(each, Spared)}
    found += _branches(repo, runs, checked_out, wanted)
    found += _records(control, runs, wanted)
    if wanted.kept:
        found += _kept(repo, runs, wanted)
    return Found(
        tuple(each for each in found if isinstance(each, Leftover)),
        tuple(each for each in found if isinstance(each, Spared)),
    )


def _runs(journal: Journal | None, *, engine_alive: bool) -> _Runs:
    states = {} if journal is None else {row.run: row.state for row in journal.runs()}
    last = next(reversed(states), None)
    open_run = last if last is not None and (engine_alive or states[last] not in OVER) else None
    return _Runs(states, last, open_run, _live_attempts(journal, open_run))


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


# -- finding -------------------------------------------------------------------------------------


def _judge(
    repo: Repository, control: Control, entry: WorktreeEntry, runs: _Runs
) -> Leftover | Spared:
    run, name, path = entry.path.parent.name, entry.path.name, str(entry.path)
    if entry.kind is Kind.SLOT:
        if run == runs.open:
            return Spared(path, "checks of this run may be running")
        return Leftover(Sort.CHECKS, path, size_of(entry.path), run)
    if runs.is_live(run, name):
        return Spared(path, "its attempt is not over")
    why = _occupied(control, run, name, entry.path)
    if why is not None:
        return Spared(path, why)
    try:
        missing = unholdable(repo, entry.path)
    except GitFailed as error:
        return Spared(path, f"git cannot read it: {error.stderr}")
    if missing:
        return Spared(path, _no_ref_holds(missing))
    ignored = ignored_files(repo, entry.path)
    return Leftover(Sort.WORKTREE, path, size_of(entry.path), run, name, ignored)


def _pools(repo: Repository, runs: _Runs) -> Iterator[Leftover]:
    """Pools of runs that no engine has emptied."""
    for run in runs.states:
        folder = pool_folder(repo, run)
        if folder is not None and run != runs.open:
            yield Leftover(Sort.POOL, str(folder), size_of(folder), run)


def _no_ref_holds(names: tuple[str, ...]) -> str:
    return f"no ref can hold {', '.join(names[:3])}{' and more' if len(names) > 3 else ''} in it"


def _occupied(control: Control, run: str, attempt: str, path: Path) -> str | None:
    """Who is still at work in the attempt's worktree, if anybody."""
    turns = (control.root / "attempts" / run / attempt).glob("turn-*")
    if not all(map(is_over, turns)):
        return "processes of its agent are alive; see: gangsaw kill"
    inside = working_in(path)
    return f"process {inside[0]} works in it" if inside else None


def _branches(
    repo: Repository, runs: _Runs, spared: set[str], wanted: Wanted
) -> Iterator[Leftover]:
    """Branches of ended attempts, but for those whose worktree stays."""
    stay = {entry.branch for entry in list_worktrees(repo) if str(entry.path) in spared}
    stay |= {entry.branch for entry in list_worktrees(repo) if entry.kind is not Kind.ATTEMPT}
    if wanted.before is not None:
        stay |= {entry.branch for entry in list_worktrees(repo)}
    for ref, commit in list_refs(repo, _BRANCHES).items():
        branch = ref.removeprefix("refs/heads/")
        parts = branch.split("/")
        if len(parts) != 3 or parts[1] not in runs.states or branch in stay:
            continue
        if not runs.is_live(parts[1], parts[2]):
            yield Leftover(Sort.BRANCH, branch, 0, parts[1], parts[2], commit=commit)


def _records(control: Control, runs: _Runs, wanted: Wanted) -> Iterator[Leftover]:
    """Folders with prompts, output and check logs of ended runs, nothing alive there; those of the
    last run only when they are asked for."""
    for kind, pattern in (("attempts", "*/turn-*"), ("checks", "*/*.*")):
        for path in sorted((control.root / kind).glob("*")):
            stays = path.name == runs.open or (path.name == runs.last and not wanted.logs)
            if stays or not path.is_dir() or not all(map(is_over, path.glob(pattern))):
                continue
            if wanted.is_aged(newest(path)):
                yield Leftover(Sort.RECORDS, str(path), size_of(path), path.name)


def _kept(repo: Repository, runs: _Runs, wanted: Wanted) -> Iterator[Leftover]:
    """Kept refs that are old enough, but for those of a run that may go on."""
    lands_on = list(list_refs(repo, "refs/heads/gangsaw/run"))
    for kept, size in list_kept_sizes(repo, lands_on):
        run = kept.ref.split("/")[3]
        if run != runs.open and wanted.is_aged(kept.at):
            yield Leftover(Sort.KEPT, kept.ref, size, commit=kept.commit)


# -- removing ------------------------------------------------------------------------------------


def remove(repo: Repository, leftover: Leftover, clean: str, now: float) -> str | None:
    """Remove it, after looking once more whether it may go; why not, if it may not. What can be
    brought back is in the trash of `clean` then."""
    match leftover.sort:
        case Sort.RECORDS:
            return _remove_records(repo, leftover)
        case Sort.BRANCH:
            return _remove_branch(repo, leftover, clean)
        case Sort.KEPT:
            return trash_ref(repo, clean, leftover.path, leftover.commit)
        case Sort.POOL:
            empty_pool(repo, Path(leftover.path))
            why = "files of somebody else are in it" if Path(leftover.path).exists() else None
        case Sort.CHECKS:
            found = remove_worktree(repo, Path(leftover.path))
            why = found.reason if isinstance(found, RemovalBlocked) else None
        case _:
            why = _remove_worktree(repo, leftover, clean, now)
    if why is None:
        sweep_records(repo)
        for folder in Path(leftover.path).parents[:2]:  # of the run, of all runs
            _remove_if_empty(folder)
    return why


def _remove_branch(repo: Repository, leftover: Leftover, clean: str) -> str | None:
    branch = leftover.path
    for entry in list_worktrees(repo):
        if entry.branch == branch:
            return f"it is checked out at {entry.path}"
    return trash_branch(repo, clean, leftover.run, leftover.attempt, branch, leftover.commit)


def _remove_worktree(repo: Repository, leftover: Leftover, clean: str, now: float) -> str | None:
    run, attempt, path = leftover.run, leftover.attempt, Path(leftover.path)
    branch = f"gangsaw/{run}/{attempt}"
    occupied = _occupied(Control(repo.control_dir), run, attempt, path)
    if occupied is not None:
        return occupied
    state = save_state(repo, run, attempt, path, branch, int(now))
    if state is not None:
        trash_state(repo, clean, run, attempt, state)
    _, gone = remove_kept(repo, run, attempt, path, branch)
    match gone:
        case NotHeld(paths):
            why = _no_ref_holds(paths)
        case RemovalBlocked(reason):
            why = reason
        case _:
            return None
    drop_trash(repo, [each for each in trashed(repo, clean) if each.commit == state])
    return why


def _remove_records(repo: Repository, leftover: Leftover) -> str | None:
    """Remove records of a run; what agents without a worktree wrote is held by refs first."""
    root = Path(leftover.path)
    for folder in sorted(root.glob("*/folder")):
        kept = keep_folder(repo, leftover.run, folder.parent.name, folder)
        if kept.left_out:
            return _no_ref_holds(tuple(f"{folder}/{name}" for name in kept.left_out))
    delete_folder(root)
    return None


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


# -- measuring -----------------------------------------------------------------------------------


def size_of(path: Path) -> int:
    """Bytes of all files below the path; links are not followed."""
    return sum(found.st_size for found in _stats(path))


def newest(path: Path) -> float:
    """When the newest file below the path was written (epoch seconds)."""
    return max((found.st_mtime for found in _stats(path)), default=0.0)


def _touched(entry: WorktreeEntry) -> float:
    """When anything at the top of the worktree or its git records last changed."""
    names = [entry.path, *(entry.path.iterdir() if entry.path.is_dir() else ())]
    return max((os.lstat(name).st_mtime for name in names if os.path.lexists(name)), default=0.0)


def _stats(path: Path) -> Iterator[os.stat_result]:
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                yield os.lstat(os.path.join(folder, name))
            except FileNotFoundError:
                continue
