"""The pool: files of ended attempts' worktrees, used again for the next.

Most of what a worktree costs is writing its files. So of one that has ended, and whose contents are
held, those files stay which nobody has touched since we wrote them: the index as it was handed out
knows each by its number, size and times, and the time of a file's last change cannot be set.
Everything else goes as it always did: git's records of the worktree, all its folders, whatever is
ignored, changed, linked or of nobody's knowledge. The files wait in folders that are made anew, so
that neither a process nor a container that still sits in an old one comes along.

What is handed out is proved to be exactly the commit; else it is made afresh. Nothing in the pool
is anybody's work: it may be deleted at any moment, and is when an engine begins or its run ends.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.git.deleting import delete_folder, trash_of
from gangsaw.git.index_file import IndexedFile, read_plain, with_ctimes
from gangsaw.git.making import is_plain
from gangsaw.git.repository import Repository, is_folder, real, with_index
from gangsaw.git.runner import Place

POOL_FOLDER = ".gangsaw-pool"
_READY = "ready"
_INDEX = "index"
_FILES = "files"
_OLD = "old"
_ENTRIES_MAX = 100_000
_ATTRIBUTES = (":(top,glob)**/.gitattributes",)


@dataclass(frozen=True, slots=True)
class Pool:
    """Where a run's pool is, and how many worktrees' files are in it at most. `in_use` says whether
    somebody has a file below a folder open for writing, or may have."""

    folder: Path
    most: int
    in_use: Callable[[Path], bool]


def remember(repo: Repository, path: Path, admin: Path, settings: bytes) -> None:
    """Note how the files of the worktree at `path`, just made, are, before anybody has it."""
    note = _note(repo, path)
    if not is_plain(repo, settings):
        note.unlink(missing_ok=True)
        return
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    note.write_bytes(_print_of(settings) + (admin / "index").read_bytes())


def forget(repo: Repository, path: Path) -> None:
    """Nobody will ask for the files of the worktree at `path`."""
    _note(repo, path).unlink(missing_ok=True)


def can_take(repo: Repository, pool: Pool, path: Path, aside: Path) -> bool:
    """Whether files of the worktree at `path`, which lie aside, may go into the pool."""
    if not _note(repo, path).exists() or len(list(_ready(pool))) >= pool.most:
        return False
    return not pool.in_use(aside)


def put_in(
    repo: Repository, pool: Pool, path: Path, aside: Path, drop_records: Callable[[], None]
) -> None:
    """Move the worktree's folder into the pool, drop git's records of it, and keep what nobody has
    touched. What is left goes to the worktree's trash place. To be called in the lane, for a
    worktree that might be deleted as well."""
    _tidy(pool)
    entry = _new_entry(pool)
    _note_folder(repo, pool)
    durable("git.pool_take", lambda: os.rename(aside, entry / _OLD), str(path))
    drop_records()
    durable("git.pool_fill", lambda: _keep_untouched(repo, path, entry), str(path))


def take(repo: Repository, pool: Pool, path: Path, commit: str, settings: bytes) -> Path | None:
    """Put files from the pool to `path`, where nothing is, for a worktree of `commit`; their index,
    or None where there is nothing that fits. To be called in the lane."""
    for entry in _ready(pool):
        # From here on it is nobody's, so that it can never be handed out twice.
        fits = (entry / _READY).read_bytes() == _print_of(settings)
        (entry / _READY).unlink()
        if fits and _same_attributes(repo, entry, commit):
            os.rename(entry / _FILES, path)
            return entry / _INDEX
    return None


def empty_pool(repo: Repository, folder: Path) -> None:
    """Delete the pool that lies in that folder. What belongs to somebody else stays there."""
    with repo.lane(), suppress(UserError):
        if os.path.lexists(folder) or os.path.lexists(trash_of(folder)):
            durable("git.pool_empty", lambda: delete_folder(folder), str(folder))
        _place_note(repo, folder.parent.name).unlink(missing_ok=True)


def pool_folder(repo: Repository, run: str) -> Path | None:
    """Where the pool of a run lies that has not been emptied; None where there is none."""
    try:
        folder = Path(os.fsdecode(_place_note(repo, run).read_bytes()))
    except FileNotFoundError:
        return None
    return folder if is_folder(folder) and folder.name == POOL_FOLDER else None


# -- putting in ----------------------------------------------------------------------------------


def _keep_untouched(repo: Repository, path: Path, entry: Path) -> None:
    """Of the old folder take the files that are as they were handed out; the rest goes."""
    note, old = _note(repo, path), entry / _OLD
    try:
        content, noted_ns = note.read_bytes(), note.stat().st_mtime_ns
        settings, index = content[:_PRINT_SIZE], content[_PRINT_SIZE:]
        hash_size = 32 if _is_sha256(repo) else 20
        files = read_plain(index, hash_size)
        if files is not None and _tells_changes(entry):
            kept = _move_untouched(files, old, entry / _FILES, noted_ns)
            (entry / _INDEX).write_bytes(with_ctimes(index, kept, hash_size))
            (entry / _READY).write_bytes(settings)
    finally:
        note.unlink(missing_ok=True)
        os.rename(old, trash_of(path))


def _move_untouched(
    files: tuple[IndexedFile, ...], old: Path, new: Path, noted_ns: int
) -> dict[int, int]:
    """Move them; the new time of last change of each, by where its index entry is."""
    kept: dict[int, int] = {}
    made: dict[str, bool] = {"": True}
    new.mkdir()
    for file in files:
        folder = file.path.rpartition("/")[0]
        if folder not in made:
            _make_like(old, new, folder, made)
        source, target = old / file.path, new / file.path
        if not made[folder]:
            continue
        try:
            found = os.lstat(source)
        except (FileNotFoundError, NotADirectoryError):
            continue
        # One written in the very instant of the note might have been changed in it, too.
        if file.is_still(found) and found.st_ctime_ns < noted_ns:
            os.rename(source, target)
            kept[file.at] = os.lstat(target).st_ctime_ns
    return kept


def _make_like(old: Path, new: Path, folder: str, made: dict[str, bool]) -> None:
    """Make the folder, and those it is in, where there are true folders in the old place."""
    parts = folder.split("/")
    for count in range(1, len(parts) + 1):
        name, above = "/".join(parts[:count]), "/".join(parts[: count - 1])
        if name not in made:
            made[name] = made[above] and is_folder(old / name)
            if made[name]:
                (new / name).mkdir()


def _tells_changes(entry: Path) -> bool:
    """Whether this file system itself keeps the time of a file's last change."""
    probe = entry / "probe"
    probe.touch()
    os.utime(probe, ns=(0, 0))
    return probe.stat().st_ctime_ns != 0


# -- entries -------------------------------------------------------------------------------------


def _entries(pool: Pool) -> list[Path]:
    names = os.listdir(pool.folder) if is_folder(pool.folder) else []
    return [pool.folder / name for name in sorted(names)]


def _ready(pool: Pool) -> Iterator[Path]:
    return (entry for entry in _entries(pool) if (entry / _READY).exists())


def _new_entry(pool: Pool) -> Path:
    for number in range(_ENTRIES_MAX):
        entry = pool.folder / f"{number:03}"
        if not os.path.lexists(entry):
            entry.mkdir(parents=True)
            return entry
    raise RuntimeError(f"{_ENTRIES_MAX} entries in {pool.folder}")


def _tidy(pool: Pool) -> None:
    """Delete entries that were handed out, or never came to be."""
    for entry in _entries(pool):
        if not (entry / _READY).exists():
            with suppress(UserError, OSError):
                shutil.rmtree(entry)


def _same_attributes(repo: Repository, entry: Path, commit: str) -> bool:
    """Whether the commit's rules for writing files are those of the entry's."""
    place = with_index(Place(repo.common_dir, cwd=repo.common_dir), entry / _INDEX)
    out = repo.git(
        "diff-index", "--cached", "--quiet", "--no-renames", commit, "--", *_ATTRIBUTES,
        place=place, ok=(0, 1, 128),
    )  # fmt: skip
    return out.code == 0


# -- notes ---------------------------------------------------------------------------------------


def _note(repo: Repository, path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(real(path))).hexdigest()[:32]
    return repo.control_dir / "handed-out" / name


def _place_note(repo: Repository, run: str) -> Path:
    return repo.control_dir / "pools" / run


def _note_folder(repo: Repository, pool: Pool) -> None:
    note = _place_note(repo, pool.folder.parent.name)
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    note.write_bytes(os.fsencode(pool.folder))


def _print_of(settings: bytes) -> bytes:
    return hashlib.sha256(settings).digest()


_PRINT_SIZE = hashlib.sha256().digest_size


def _is_sha256(repo: Repository) -> bool:
    out = repo.git("rev-parse", "--show-object-format", ok=(0, 128))
    return out.text == "sha256"
