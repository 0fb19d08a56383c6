"""Commits that nothing refers to any more, not even a log: an agent made them and lost them.

They are looked for among the loose objects, where new ones are; so a repository's size does not
matter, only what was made lately.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from gangsaw.git.named_commits import heads_of
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S
from gangsaw.git.worktrees import list_worktrees

LOOSE_MAX = 200_000
_OURS = ("Gangsaw-Kept:", "Gangsaw-Run:", "gangsaw: can this be signed?")
"""What commits say that we make and leave behind: old candidates, snapshots."""


def dangling_commits(repo: Repository, since: float) -> tuple[str, ...]:
    """The newest of the commits written since then (epoch seconds) that no ref, no worktree and
    no log names. Our own left-overs are not among them."""
    ids = "".join(f"{name}\n" for name in _loose_objects(repo.common_dir / "objects", since))
    if not ids:
        return ()
    out = repo.git(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", "--buffer",
        stdin=ids.encode(), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    pairs = (line.split(" ") for line in out.text.split("\n"))
    commits = [pair[0] for pair in pairs if pair[1] == "commit"]
    if not commits:
        return ()
    heads = [f"^{entry.head}" for entry in list_worktrees(repo) if entry.head]
    found = repo.git(
        "rev-list", "--parents", "--ignore-missing", "--stdin", "--not", "--all", "--reflog",
        stdin="".join(f"{line}\n" for line in (*commits, *heads)).encode(),
        timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    rows = [line.split(" ") for line in found.text.split("\n") if line]
    ours = _made_by_us(repo, [row[0] for row in rows])
    return heads_of([(row[0], tuple(row[1:])) for row in rows if row[0] not in ours])


def _loose_objects(folder: Path, since: float) -> Iterator[str]:
    count = 0
    for part in sorted(folder.glob("[0-9a-f][0-9a-f]")):
        for file in os.scandir(part):
            count += 1
            if count > LOOSE_MAX:
                return
            if len(file.name) >= 38 and file.stat(follow_symlinks=False).st_mtime >= since:
                yield part.name + file.name


def _made_by_us(repo: Repository, commits: list[str]) -> set[str]:
    if not commits:
        return set()
    out = repo.git(
        "log", "--no-walk=unsorted", "--stdin", "-z", "--format=%H%n%B",
        stdin="".join(f"{commit}\n" for commit in commits).encode(), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    records = (record.partition("\n") for record in out.fields)
    return {commit for commit, _, text in records if any(words in text for words in _OURS)}
