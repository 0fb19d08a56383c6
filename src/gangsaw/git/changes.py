"""The files of a change with their contents, in a few processes, bounded.

Contents come from the object store alone: no filter, no text converter, no file of a worktree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gangsaw.core.changes import REPOSITORY_MODE, Change, ChangedFile, Side
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S

FILES_MAX = 3_000
"""Files of one change whose contents are read; further ones are counted."""
FILE_BYTES_MAX = 2_000_000
"""Larger files are known by their size only."""
TOTAL_BYTES_MAX = 64_000_000
"""Contents read for one change."""
COMMITS_MAX = 200
"""Commits whose passing files are looked at."""

_RAW = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv",
        "--ignore-submodules=dirty")  # fmt: skip
_NONE = re.compile("0+")


@dataclass(frozen=True, slots=True)
class _Pair:
    """Modes and blobs of a path before and after; an empty blob where there is no file."""

    path: str
    old_mode: str
    new_mode: str
    old: str
    new: str


def read_change(repo: Repository, base: str, commit: str) -> Change:
    """What differs between the two commits, and what commits in between brought and took away."""
    ends = tuple(_pairs(repo.git("diff-tree", *_RAW, base, commit,
                                 timeout_s=WRITE_TIMEOUT_S).fields))  # fmt: skip
    held = {pair.new for pair in ends}
    passing, uncounted = _passing(repo, base, commit)
    between = [pair for pair in passing if pair.new and pair.new not in held]
    wanted = [*ends, *between]
    sides = _read(repo, wanted[:FILES_MAX])
    seen = ends[:FILES_MAX]
    later = between[: max(FILES_MAX - len(ends), 0)]
    unread = len(wanted) - len(seen) - len(later) + uncounted
    return Change(
        tuple(_file(pair, sides) for pair in seen),
        tuple(_file(pair, sides) for pair in later),
        unread,
    )


def _passing(repo: Repository, base: str, commit: str) -> tuple[list[_Pair], int]:
    """What each of the commits changed; and how many commits were not looked at."""
    listed = repo.git("rev-list", "--no-merges", commit, f"^{base}", timeout_s=WRITE_TIMEOUT_S)
    commits = listed.text.split()
    if len(commits) < 2:
        return [], 0
    stdin = "".join(f"{each}\n" for each in commits[:COMMITS_MAX]).encode()
    out = repo.git(
        "diff-tree", "--stdin", "--no-commit-id", *_RAW, stdin=stdin, timeout_s=WRITE_TIMEOUT_S
    )
    return list(_pairs(out.fields)), max(len(commits) - COMMITS_MAX, 0)


def _pairs(fields: tuple[str, ...]) -> Iterator[_Pair]:
    for about, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old, new, _ = about.lstrip(":").split(" ")
        before, after = ("" if _NONE.fullmatch(blob) else blob for blob in (old, new))
        yield _Pair(path, old_mode, new_mode, before, after)


def _file(pair: _Pair, sides: dict[str, tuple[int, bytes | None]]) -> ChangedFile:
    return ChangedFile(
        pair.path,
        _side(pair.old_mode, pair.old, sides),
        _side(pair.new_mode, pair.new, sides),
    )


def _side(mode: str, blob: str, sides: dict[str, tuple[int, bytes | None]]) -> Side | None:
    if not blob:
        return None
    size, content = sides.get(blob, (0, None))
    return Side(mode, blob, size, content)


def _read(repo: Repository, pairs: Iterable[_Pair]) -> dict[str, tuple[int, bytes | None]]:
    """Size and content of every blob; no content where it is too large."""
    blobs: dict[str, None] = {}
    for pair in pairs:
        for mode, blob in ((pair.new_mode, pair.new), (pair.old_mode, pair.old)):
            if blob and mode != REPOSITORY_MODE:
                blobs[blob] = None
    if not blobs:
        return {}
    out = repo.git(
        "cat-file", "--batch-check=%(objectname) %(objectsize)",
        stdin=_lines(blobs), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    sizes: dict[str, int] = {}
    for line in out.text.splitlines():
        name, _, size = line.partition(" ")
        if size.isdigit():
            sizes[name] = int(size)
    wanted: list[str] = []
    left = TOTAL_BYTES_MAX
    for blob, length in sizes.items():
        if length <= FILE_BYTES_MAX and length <= left:
            wanted.append(blob)
            left -= length
    contents = _contents(repo, wanted)
    return {blob: (length, contents.get(blob)) for blob, length in sizes.items()}


def _contents(repo: Repository, blobs: list[str]) -> dict[str, bytes]:
    if not blobs:
        return {}
    raw = repo.git("cat-file", "--batch", stdin=_lines(blobs), timeout_s=WRITE_TIMEOUT_S).stdout
    found: dict[str, bytes] = {}
    at = 0
    while at < len(raw):
        end = raw.index(b"\n", at)
        name, kind, *rest = raw[at:end].decode("ascii", "replace").split(" ")
        at = end + 1
        if kind != "blob" or len(rest) != 1:
            continue
        size = int(rest[0])
        found[name] = raw[at : at + size]
        at += size + 1
    return found


def _lines(blobs: Iterable[str]) -> bytes:
    return "".join(f"{blob}\n" for blob in blobs).encode()
