"""Stranded work made a branch of the user's, without touching any checkout.

A branch that exists is never moved. The same work gives the same commit each time, so a second
rescue finds the branch of the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.git.candidates import commit_tree
from gangsaw.git.contents import add_entries, empty_index, write_tree
from gangsaw.git.keeping import keep_attempt
from gangsaw.git.overview import Stranded, StrandedKind
from gangsaw.git.refs import RefTaken, branch_ref, create_ref, read_ref
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S

RESCUE = "rescue"
NAMES_MAX = 1000
_UNNUMBERED = {"work": "", "dirty": "", "index": "staged", "progress": "conflict"}
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Rescued:
    """A branch that has the work of `source` now; `made` is False when it had it before."""

    branch: str
    commit: str
    source: str
    made: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    """A commit to be rescued and the name that its branch would like."""

    commit: str
    name: str
    source: str


def rescue(repo: Repository, found: Sequence[Stranded], to: str | None) -> tuple[Rescued, ...]:
    """A branch for each piece of the work; pieces that others contain need none of their own.

    With `to` there must be one piece, which goes to that branch. Raises `UserError` when that
    branch has other work, or its name cannot be one.
    """
    pieces = _needed(repo, [piece for each in found for piece in _pieces(repo, each)])
    if to is None:
        return tuple(_on_free_branch(repo, piece) for piece in pieces)
    if len(pieces) != 1:
        names = ", ".join(piece.source for piece in pieces)
        raise UserError(
            f"cannot bring {len(pieces)} pieces of work to one branch ({names}); "
            "try one of them, or without --to"
        )
    return (_on_branch(repo, pieces[0], to),)


def _pieces(repo: Repository, each: Stranded) -> Iterator[_Piece]:
    base = f"{RESCUE}/{each.attempt or each.commit[:_SHORT]}"
    match each.kind:
        case StrandedKind.WORKTREE:
            yield from _of_worktree(repo, each, base)
        case StrandedKind.STASH:
            yield _Piece(_stashed(repo, each), f"{RESCUE}/stash-{each.commit[:_SHORT]}", each.name)
        case StrandedKind.KEPT if each.attempt is not None:
            yield _Piece(each.commit, _name(base, each.name), each.name)
        case StrandedKind.DANGLING if each.attempt is not None:
            yield _Piece(each.commit, f"{base}-left-{each.commit[:_SHORT]}", each.name)
        case _:
            yield _Piece(each.commit, base, each.name)


def _name(base: str, ref: str) -> str:
    """`rescue/x.1` for its work or files, with an addition for other kinds."""
    kind = ref.split("/", 5)[5].replace("/", "-")
    word = kind.partition("-")[0]
    addition = _UNNUMBERED.get(word, kind)
    return f"{base}-{addition}" if addition else base


def _of_worktree(repo: Repository, each: Stranded, base: str) -> Iterator[_Piece]:
    """Everything in the worktree, kept first; it stays as it is."""
    assert each.run is not None
    assert each.attempt is not None
    branch = f"gangsaw/{each.run}/{each.attempt}"
    kept = keep_attempt(repo, each.run, each.attempt, Path(each.name), branch)
    for ref in kept.refs:
        if ref.startswith(f"refs/gangsaw/attempts/{each.run}/"):
            commit = read_ref(repo, ref)
            assert commit is not None  # it has just been made
            yield _Piece(commit, _name(base, ref), each.name)


def _stashed(repo: Repository, each: Stranded) -> str:
    """A commit with the files of a stash, untracked ones too, on what they were stashed from."""
    fields = repo.git("log", "-1", "--format=%P%x00%ct%x00%s", each.commit).text.split("\0")
    parents = fields[0].split(" ")
    with empty_index(repo) as index:
        repo.git("read-tree", each.commit, place=index)
        if len(parents) > 2:
            rows = repo.git("ls-tree", "-r", "-z", parents[2]).fields
            files = [(*row.partition("\t")[0].split(" "), row.partition("\t")[2]) for row in rows]
            add_entries(repo, index, ((mode, blob, path) for mode, _, blob, path in files))
        tree = write_tree(repo, index)
    return commit_tree(repo, tree, (parents[0],), f"{fields[2]}\n", int(fields[1]), sign=False)


def _needed(repo: Repository, pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces whose commit no other piece contains, each commit once."""
    once = {piece.commit: piece for piece in reversed(pieces)}
    out = repo.git(
        "rev-list", "--parents", "--ignore-missing", "--stdin",
        stdin="".join(f"{commit}\n" for commit in (*once, "^HEAD")).encode(),
        timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    rows = [line.split(" ") for line in out.text.split("\n") if line]
    below = {parent for row in rows for parent in row[1:]}
    return [piece for piece in once.values() if piece.commit not in below]


def _on_free_branch(repo: Repository, piece: _Piece) -> Rescued:
    for number in range(1, NAMES_MAX + 1):
        branch = piece.name if number == 1 else f"{piece.name}-{number}"
        found = _taken(repo, piece, branch)
        if found is None:
            return Rescued(branch, piece.commit, piece.source, made=True)
        if repo.is_ancestor(piece.commit, found):
            return Rescued(branch, piece.commit, piece.source, made=False)
    raise UserError(f"cannot find a free name like {piece.name}; try: gangsaw rescue --to BRANCH")


def _on_branch(repo: Repository, piece: _Piece, branch: str) -> Rescued:
    out = repo.git("check-ref-format", "--branch", branch, ok=(0, 1, 128))
    if out.code != 0 or branch.startswith("-"):
        raise UserError(f"cannot make a branch '{branch}': that is no name for one; try another")
    found = _taken(repo, piece, branch)
    if found is None:
        return Rescued(branch, piece.commit, piece.source, made=True)
    if repo.is_ancestor(piece.commit, found):
        return Rescued(branch, piece.commit, piece.source, made=False)
    raise UserError(
        f"cannot bring the work to branch '{branch}': it exists, at {found[:12]}; try another name",
        exit_code=1,
    )


def _taken(repo: Repository, piece: _Piece, branch: str) -> str | None:
    """Make the branch; where it is already, if it existed."""
    before = read_ref(repo, branch_ref(branch))
    if before is not None:
        return before
    made = create_ref(repo, branch_ref(branch), piece.commit)
    return made.found if isinstance(made, RefTaken) else None
