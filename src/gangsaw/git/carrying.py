"""Delivery beside files that are ours to write although they are the user's.

Such a file may differ from the branch by what we have written there. Where its owner can tell that
this is all, it becomes what is delivered with the same written on it, in one exchange, behind the
index and before the branch. A kill between leaves a file that is what it was or what is delivered,
but for that, and the next time it counts as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gangsaw.core.faults import durable
from gangsaw.git.repository import Repository, nul, real
from gangsaw.git.runner import CHECKOUT_TIMEOUT_S, WRITE_TIMEOUT_S, Place

ATTRIBUTES = ".gitattributes"
_REGULAR = ("100644", "100755")


class Owner(Protocol):
    """Who writes files of the user's, and knows what in them is its own."""

    def has(self, path: Path) -> bool:
        """Whether it writes the file at this path (its folders resolved)."""
        ...

    def carried(self, path: Path, old: bytes, new: bytes, now: bytes) -> bytes | None:
        """What the file, which is `now`, should be when `new` comes in the place of `old`; `None`
        where it has anything in it that is not the owner's."""
        ...

    def put(self, path: Path, before: bytes, after: bytes) -> bool:
        """Give the file these bytes at one stroke if it has those before; whether it had."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """What one path is before and after: modes and blobs; absent is mode 000000."""

    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str


@dataclass(frozen=True, slots=True)
class Carried:
    """One such file: what it is, and what it is to be beside the delivered version. `staged` is
    what the index has, `old` and `new` what the branch has and is to have: mode and blob."""

    path: str
    full: Path
    before: bytes
    after: bytes
    staged: str
    old: str
    new: str


def carried_files(
    repo: Repository,
    place: Place,
    owner: Owner,
    paths: Sequence[str],
    incoming: dict[str, Change],
) -> list[Carried]:
    """Those of the paths whose files are the owner's and can go along."""
    found = [path for path in paths if path in incoming and _is_candidate(place, owner, path)]
    # What the line ends are to be may change with these.
    if not found or any(path.rpartition("/")[2] == ATTRIBUTES for path in incoming):
        return []
    staged = _staged(repo, place, found)
    carried = (_carried(repo, place, owner, path, incoming[path], staged) for path in found)
    return [each for each in carried if each is not None]


def put_all(owner: Owner, files: Sequence[Carried]) -> bool:
    """Have the files be what they are to be; whether all are."""
    return all(
        each.before == each.after or owner.put(each.full, each.before, each.after) for each in files
    )


def tell_index(repo: Repository, place: Place, files: Sequence[Carried], lock: int) -> None:
    """Have the index take what is delivered for them, so that only the owner's part differs."""
    if files:
        lines = [f"{each.new}\t{each.path}" for each in files]
        durable("git.deliver_carried", lambda: _write_index(repo, place, lines, lock))


def take_back(
    repo: Repository,
    place: Place,
    owner: Owner,
    files: Sequence[Carried],
    lock: int,
    tip: str | None = None,
) -> None:
    """Have files and index be what they were, as far as nobody has changed them since. `tip` is a
    commit that somebody has put on the branch meanwhile: a file that is in it stays what it is, and
    the index has it as it is there."""
    if not files:
        return
    paths = [each.path for each in files]
    now = _staged(repo, place, paths)
    there = None if tip is None else _in_tree(repo, tip, paths)
    lines = list[str]()
    for each in files:
        committed = each.old if there is None else there.get(each.path, "")
        if committed == each.old:
            _put_back(owner, each)
        if now.get(each.path) == each.new and committed:
            entry = each.staged if there is None else committed
            lines.append(f"{entry}\t{each.path}")
    _write_index(repo, place, lines, lock)


def _put_back(owner: Owner, file: Carried) -> None:
    if file.before != file.after:
        owner.put(file.full, file.after, file.before)


def _write_index(repo: Repository, place: Place, lines: Sequence[str], lock: int) -> None:
    repo.git(
        "update-index", "-z", "--index-info",
        place=place, stdin=nul(lines), timeout_s=WRITE_TIMEOUT_S, lock=lock,
    )  # fmt: skip


def _is_candidate(place: Place, owner: Owner, path: str) -> bool:
    assert place.work_tree is not None
    return owner.has(real(place.work_tree / path))


def _carried(
    repo: Repository,
    place: Place,
    owner: Owner,
    path: str,
    change: Change,
    staged: dict[str, str],
) -> Carried | None:
    assert place.work_tree is not None
    full = real(place.work_tree / path)
    entries = (f"{change.old_mode} {change.old_blob}", f"{change.new_mode} {change.new_blob}")
    is_same = change.old_mode == change.new_mode and change.old_mode in _REGULAR
    if not is_same or staged.get(path) not in entries or full.is_symlink() or not full.is_file():
        return None
    if bool(full.stat().st_mode & 0o100) != (change.old_mode == "100755"):
        return None
    old, new = (_content(repo, place, path, blob) for blob in (change.old_blob, change.new_blob))
    now = full.read_bytes()
    after = owner.carried(full, old, new, now)
    if after is None:
        return None
    return Carried(path, full, now, after, staged[path], *entries)


def _staged(repo: Repository, place: Place, paths: Sequence[str]) -> dict[str, str]:
    """Mode and blob of these in the index, where no merge has left several."""
    lines = repo.git(
        "--literal-pathspecs", "ls-files", "--stage", "-z", "--", *paths,
        place=place, timeout_s=WRITE_TIMEOUT_S,
    ).fields  # fmt: skip
    rows = [line.partition("\t") for line in lines]
    return {path: about.removesuffix(" 0") for about, _, path in rows if about.endswith(" 0")}


def _in_tree(repo: Repository, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """Mode and blob of these in a commit."""
    lines = repo.git("--literal-pathspecs", "ls-tree", "-z", commit, "--", *paths).fields
    rows = [(*line.partition("\t")[0].split(" "), line.partition("\t")[2]) for line in lines]
    return {path: f"{mode} {blob}" for mode, _, blob, path in rows}


def _content(repo: Repository, place: Place, path: str, blob: str) -> bytes:
    """The blob as git would check it out at that path."""
    return repo.git(
        "cat-file", "--filters", f"--path={path}", blob, place=place, timeout_s=CHECKOUT_TIMEOUT_S
    ).stdout
