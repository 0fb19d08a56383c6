"""Commits that only the records of a worktree name: reflogs, merges and rebases in progress.

An agent amends, resets, checks out something else or deletes a branch, and the reflog is all that
still knows of its commits. It goes with the worktree.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gangsaw.git.refs import INTEGRATION
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S, Place

_ID = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")
_FILE_BYTES_MAX = 64 * 1024 * 1024
_NOTE_BYTES_MAX = 1024 * 1024
_IN_PROGRESS = (
    "MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD",
    "BISECT_LOG", "rebase-merge", "rebase-apply", "sequencer",
)  # fmt: skip
_POINTERS = ("HEAD", "ORIG_HEAD", "logs", "refs", *_IN_PROGRESS)
HELD_BY = ("refs/gangsaw/attempts", "refs/gangsaw/stashes", "refs/gangsaw/lost")
"""Where kept work is held."""


def named_commits(repo: Repository, place: Place | None, branch: str | None) -> tuple[str, ...]:
    """Every commit that the worktree's records or its branch's log name and that still exists."""
    return _commits(repo, named_ids(repo, place, branch))


def named_ids(repo: Repository, place: Place | None, branch: str | None) -> tuple[str, ...]:
    """What the worktree's records and its branch's log name, whether or not it exists and is a
    commit: `unheld` passes over what is not."""
    files: list[Path] = []
    if place is not None and place.git_dir is not None:
        files = [each for name in _POINTERS for each in _files(place.git_dir / name)]
    if branch is not None:
        files += _files(repo.common_dir / "logs" / "refs" / "heads" / branch)
    found: dict[bytes, None] = {}
    for file in files:
        found.update(dict.fromkeys(_ID.findall(_read(file, _FILE_BYTES_MAX))))
    if (repo.common_dir / "reftable").is_dir():
        found.update(dict.fromkeys(_asked(repo, place, branch)))
    return tuple(each.decode("ascii") for each in found)


def _asked(repo: Repository, place: Place | None, branch: str | None) -> Iterator[bytes]:
    """What the logs say where they are no files."""
    heads = [] if place is None else ["HEAD"]
    for ref in (*heads, *([] if branch is None else [f"refs/heads/{branch}"])):
        out = repo.git("log", "-g", "--format=%H", ref, "--", place=place, ok=(0, 128))
        yield from _ID.findall(out.stdout)


def _commits(repo: Repository, ids: Iterable[str]) -> tuple[str, ...]:
    lines = "".join(f"{each}\n" for each in ids).encode()
    if not lines:
        return ()
    out = repo.git(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=lines,
        timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    pairs = (line.split(" ") for line in out.text.split("\n"))
    return tuple(pair[0] for pair in pairs if pair[1] == "commit")


def unheld(
    repo: Repository, commits: Sequence[str], known: Sequence[str] = (), *, strictly: bool = False
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Of the commits and their ancestors those that no kept ref contains, and none of `known`,
    each with its parents. What is no commit, or not there, counts for nothing. Unless `strictly`,
    the integration branches, the remotes' branches and the user's checkout hold as well."""
    if not commits:
        return ()
    others = [] if strictly else [f"--branches={INTEGRATION}/*", "--remotes"]
    lines = [*commits, *(f"^{commit}" for commit in known), *([] if strictly else ["^HEAD"])]
    out = repo.git(
        "rev-list", "--parents", "--ignore-missing", "--stdin",
        "--not", *(f"--glob={prefix}/*" for prefix in HELD_BY), *others,
        stdin="".join(f"{line}\n" for line in lines).encode(), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    rows = [line.split(" ") for line in out.text.split("\n") if line]
    return tuple((row[0], tuple(row[1:])) for row in rows)


def heads_of(found: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """Those of the commits that are no other's parent, sorted."""
    below = {parent for _, parents in found for parent in parents}
    return tuple(sorted(commit for commit, _ in found if commit not in below))


def admin_files(repo: Repository, place: Place) -> tuple[tuple[tuple[str, bytes], ...], str | None]:
    """Name and content of every note of a merge or rebase in progress, and git's own automatic
    merge as a tree, if there is one."""
    assert place.git_dir is not None
    notes = tuple(
        (str(file.relative_to(place.git_dir)), _read(file, _NOTE_BYTES_MAX))
        for name in _IN_PROGRESS
        for file in _files(place.git_dir / name)
    )
    found = _ID.findall(_read(place.git_dir / "AUTO_MERGE", _NOTE_BYTES_MAX)) if notes else []
    if not found:
        return notes, None
    name = found[0].decode("ascii")
    out = repo.git("cat-file", "-t", name, ok=(0, 128))
    return notes, name if out.text == "tree" else None


def _files(path: Path) -> list[Path]:
    """The regular files at or below the path; links are not followed."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return []
    if stat.S_ISREG(mode):
        return [path]
    if not stat.S_ISDIR(mode):
        return []
    return sorted(
        Path(folder) / name
        for folder, _, names in os.walk(path)
        for name in names
        if stat.S_ISREG(os.lstat(os.path.join(folder, name)).st_mode)
    )


def _read(file: Path, bytes_max: int) -> bytes:
    try:
        with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            return stream.read(bytes_max)
    except OSError:
        return b""  # gone, or no file that git has written
