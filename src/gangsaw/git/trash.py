"""What a clean took away, and can bring back: refs, branches and whole worktrees.

Everything lies below `refs/gangsaw/trash/<clean>/`: a ref under its full old name, a worktree as
its state under `worktrees/`. So garbage collection spares it until somebody drops it. Each thing
is moved by itself: made in the trash first, then taken away; and on the way back in the other
order. Whatever moment a kill hits, the thing is in one of both places, or in both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gangsaw.git.keeping import drop_branch
from gangsaw.git.refs import (
    RefElsewhere,
    RefTaken,
    create_ref,
    delete_ref,
    list_refs,
)
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S
from gangsaw.git.states import read_about, restore_state
from gangsaw.git.worktrees import WorktreeBlocked, list_worktrees

TRASH = "refs/gangsaw/trash"
_WORKTREES = "worktrees/"


@dataclass(frozen=True, slots=True)
class Trashed:
    """One thing in the trash of a clean: a ref (`name` is its full old name) or a worktree
    (`name` is its path); `ref` holds it at `commit`."""

    clean: str
    ref: str
    name: str
    commit: str
    is_worktree: bool


@dataclass(frozen=True, slots=True)
class Returned:
    """What came of bringing one thing back; `why` it did not come and stays in the trash."""

    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Burden:
    """What only these refs hold."""

    commits: int
    files: int
    size: int
    """Bytes of the files, as they were before compression."""


def next_clean(repo: Repository) -> str:
    """A name for a clean that no trash has: `c1`, `c2`, …"""
    return f"c{max((_number(each) for each in cleans(repo)), default=0) + 1}"


def cleans(repo: Repository) -> tuple[str, ...]:
    """The cleans that have something in the trash, oldest first."""
    names = {ref.removeprefix(f"{TRASH}/").split("/")[0] for ref in list_refs(repo, TRASH)}
    return tuple(sorted(names, key=lambda name: (_number(name), name)))


def _number(clean: str) -> int:
    found = re.fullmatch(r"c([0-9]{1,9})", clean)
    return int(found[1]) if found else 0


def trashed(repo: Repository, clean: str) -> tuple[Trashed, ...]:
    """Everything in the trash of a clean: branches first, worktrees last."""
    prefix = f"{TRASH}/{clean}/"
    found = []
    for ref, commit in list_refs(repo, f"{TRASH}/{clean}").items():
        rest = ref.removeprefix(prefix)
        is_worktree = rest.startswith(_WORKTREES)
        name = read_about(repo, commit).path if is_worktree else rest
        found.append(Trashed(clean, ref, name, commit, is_worktree))
    return tuple(
        sorted(found, key=lambda each: (each.is_worktree, "/heads/" not in each.ref, each.ref))
    )


def trash_ref(repo: Repository, clean: str, ref: str, commit: str) -> str | None:
    """Move a ref that is at `commit` to the trash; why not, when it has moved. Gone is as good."""
    match create_ref(repo, f"{TRASH}/{clean}/{ref}", commit):
        case RefTaken(found):
            return f"another value of it ({found[:12]}) is in the trash of {clean}"
        case _:
            pass
    moved = delete_ref(repo, ref, commit)
    return f"it has moved to {moved.found}" if isinstance(moved, RefElsewhere) else None


def trash_branch(
    repo: Repository, clean: str, run: str, attempt: str, branch: str, commit: str
) -> str | None:
    """Like `trash_ref` for an attempt's branch, of which the log is kept as well."""
    match create_ref(repo, f"{TRASH}/{clean}/refs/heads/{branch}", commit):
        case RefTaken(found):
            return f"another value of it ({found[:12]}) is in the trash of {clean}"
        case _:
            drop_branch(repo, run, attempt, branch)
            return None


def trash_state(repo: Repository, clean: str, run: str, attempt: str, state: str) -> None:
    """Hold the state of a worktree that is about to go."""
    create_ref(repo, f"{TRASH}/{clean}/{_WORKTREES}{run}/{attempt}", state)


def bring_back_all(repo: Repository, clean: str) -> tuple[Returned, ...]:
    """Bring everything back that the clean took away. Safe to repeat; what is in the way of
    something is named, and that stays in the trash."""
    return tuple(_returned(repo, each) for each in trashed(repo, clean))


def _returned(repo: Repository, each: Trashed) -> Returned:
    if each.is_worktree:
        found = restore_state(repo, each.commit)
        if isinstance(found, WorktreeBlocked):
            return Returned(each.name, found.reason)
    else:
        taken = create_ref(repo, each.name, each.commit)
        if isinstance(taken, RefTaken):
            return Returned(each.name, f"it is there again, at {taken.found[:12]}")
    delete_ref(repo, each.ref, each.commit)
    return Returned(each.name)


def drop_trash(repo: Repository, items: Sequence[Trashed]) -> None:
    """Let go of these for ever."""
    for each in items:
        delete_ref(repo, each.ref, each.commit)


def burden_of(repo: Repository, items: Sequence[Trashed]) -> Burden:
    """What becomes unreachable when these go: commits and files that nothing else holds."""
    if not items:
        return Burden(0, 0, 0)
    mine = {each.ref for each in items}
    others = [ref for ref in list_refs(repo) if ref not in mine]
    heads = [entry.head for entry in list_worktrees(repo) if entry.head]
    lines = [*(each.commit for each in items), *(f"^{name}" for name in (*others, *heads))]
    out = repo.git(
        "rev-list", "--objects", "--no-object-names", "--ignore-missing", "--stdin",
        stdin="".join(f"{line}\n" for line in lines).encode(), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    sizes = repo.git(
        "cat-file", "--batch-check=%(objecttype) %(objectsize)", "--buffer",
        stdin=out.stdout, timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    rows = [line.split(" ") for line in sizes.text.split("\n") if line]
    blobs = [int(size) for kind, size in rows if kind == "blob"]
    return Burden(sum(kind == "commit" for kind, _ in rows), len(blobs), sum(blobs))
