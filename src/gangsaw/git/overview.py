"""What lies about: kept refs, and work that is on no integration branch. Changes nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from gangsaw.git.dangling import dangling_commits
from gangsaw.git.keeping import ATTEMPTS, LOST, STASHES, stash_entries, worktree_place
from gangsaw.git.making import Kind
from gangsaw.git.named_commits import heads_of, named_commits, unheld
from gangsaw.git.reach import Reach, reach_of, sizes_of
from gangsaw.git.refs import INTEGRATION
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S
from gangsaw.git.shapes import landed_works
from gangsaw.git.trash import TRASH
from gangsaw.git.work import read_status
from gangsaw.git.worktrees import WorktreeEntry, list_worktrees

_BRANCHES = "refs/heads/gangsaw"
_RECORD = "\x1e"


@dataclass(frozen=True, slots=True)
class KeptRef:
    """One kept ref: its commit's subject, date (epoch seconds) and the files it changes."""

    ref: str
    commit: str
    subject: str
    at: int
    files: tuple[str, ...]


class StrandedKind(StrEnum):
    """Where stranded work lies."""

    BRANCH = "branch"
    DANGLING = "dangling"
    KEPT = "kept"
    STASH = "stash"
    TRASH = "trash"
    WORKTREE = "worktree"


@dataclass(frozen=True, slots=True)
class Stranded:
    """Work that is on no integration branch.

    `name` is a branch, a ref, a commit or a path; `call` is the short name for `gangsaw rescue`;
    `at` is in epoch seconds, `size` in bytes of all its `files`; `bring_back` is a command for a
    person; `within` are the other stranded commits that it contains.
    """

    kind: StrandedKind
    name: str
    commit: str
    at: int
    files: tuple[str, ...]
    bring_back: str
    size: int = 0
    call: str = ""
    run: str | None = None
    attempt: str | None = None
    within: frozenset[str] = frozenset()


def list_kept(repo: Repository, run: str | None = None) -> tuple[KeptRef, ...]:
    """Everything kept from attempts, of one run or of all, sorted by ref."""
    return _described(repo, [ATTEMPTS if run is None else f"{ATTEMPTS}/{run}"])


def list_kept_sizes(repo: Repository, known: Sequence[str]) -> tuple[tuple[KeptRef, int], ...]:
    """Every kept ref, of attempts, stashes and lost heads, with the bytes of the files that it
    has and `known` has not."""
    found = _described(repo, [ATTEMPTS, STASHES, LOST])
    reach = reach_of(repo, sorted({each.commit for each in found}), known or ["HEAD"])
    files = [tuple(reach.files(each.commit).values()) for each in found]
    sizes = sizes_of(repo, (blob for blobs in files for blob in blobs))
    totals = (sum(sizes.get(blob, 0) for blob in blobs) for blobs in files)
    return tuple(zip(found, totals, strict=True))


def stranded(
    repo: Repository, integration: Sequence[str], since: float | None = None
) -> tuple[Stranded, ...]:
    """Everything that none of the given refs contains, nor was made anew in them: attempt branches,
    kept refs, stashes, what cleans took away, worktrees of ours with uncommitted files or commits
    of their own, and, where `since` (epoch seconds) says when the first run began, commits nothing
    refers to. Newest first.
    """
    known = [ref for ref in integration if repo.resolve(ref) is not None] or ["HEAD"]
    if since is not None:
        known += landed_works(repo, known, since)
    refs = _unmerged(repo, known)
    trees = _worktrees(repo)
    dangling = () if since is None else dangling_commits(repo, since)
    tips = {*refs.values(), *dangling, *(each.head for each in trees), *_loose(trees)}
    reach = reach_of(repo, sorted(tips), known)
    ours = _agents_stashes(repo)
    found = [
        _of_ref(ref, commit, reach) for ref, commit in refs.items()
        if ours is None or not ref.startswith(f"{STASHES}/") or commit in ours
    ]  # fmt: skip
    found += [_of_commit(commit, reach) for commit in dangling if commit in reach.commits]
    found += [one for tree in trees for one in _of_worktree(tree, reach)]
    return tuple(sorted(_measured(repo, reach, found), key=lambda each: (-each.at, each.name)))


def _measured(repo: Repository, reach: Reach, found: Sequence[Stranded]) -> list[Stranded]:
    """The same with files and bytes, where they are not known from a worktree."""
    files = {each.commit: reach.files(each.commit) for each in found}
    sizes = sizes_of(repo, (blob for brought in files.values() for blob in brought.values()))
    return [
        each if each.files else replace(
            each,
            files=tuple(sorted(files[each.commit])),
            size=sum(sizes.get(blob, 0) for blob in files[each.commit].values()),
        )
        for each in found
    ]  # fmt: skip


def distinct(found: Iterable[Stranded]) -> tuple[Stranded, ...]:
    """Of several names of one commit one, and nothing that other work of its attempt contains."""
    best: dict[tuple[str, bool], Stranded] = {}
    for each in found:
        key = (each.commit, each.kind is StrandedKind.WORKTREE)
        if key not in best or _rank(each) < _rank(best[key]):
            best[key] = each
    within: dict[tuple[str | None, str | None], set[str]] = {}
    for each in best.values():
        if each.attempt is not None and each.kind is not StrandedKind.TRASH:
            within.setdefault((each.run, each.attempt), set()).update(each.within)
    return tuple(
        each for each in best.values()
        if each.kind is StrandedKind.WORKTREE
        or each.commit not in within.get((each.run, each.attempt), ())
    )  # fmt: skip


def _rank(each: Stranded) -> tuple[int, int, str]:
    kinds = (StrandedKind.KEPT, StrandedKind.BRANCH, StrandedKind.WORKTREE, StrandedKind.STASH)
    kind = kinds.index(each.kind) if each.kind in kinds else len(kinds)
    last = each.name.rpartition("/")[2]
    return kind, 0 if last.startswith(("work", "dirty")) else 1, each.name


# -- where to look -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tree:
    """A worktree of an attempt: its uncommitted files and the commits only its records name."""

    entry: WorktreeEntry
    head: str
    files: tuple[str, ...]
    size: int
    at: float
    loose: tuple[str, ...]


def _unmerged(repo: Repository, known: Sequence[str]) -> dict[str, str]:
    out = repo.git(
        "for-each-ref", "--format=%(objectname) %(refname)",
        *(f"--no-merged={ref}" for ref in known), _BRANCHES, ATTEMPTS, STASHES, LOST, TRASH,
        timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    pairs = (line.split(" ", 1) for line in out.text.split("\n") if line)
    return {
        ref: commit for commit, ref in pairs
        if not ref.startswith(f"refs/heads/{INTEGRATION}/") and not _is_state(ref)
    }  # fmt: skip


def _is_state(ref: str) -> bool:
    """Whether it is the whole state of a worktree in the trash: its work has refs of its own."""
    return ref.startswith(f"{TRASH}/") and ref.split("/")[4] == "worktrees"


def _worktrees(repo: Repository) -> list[_Tree]:
    found: list[_Tree] = []
    for entry in list_worktrees(repo):
        ours = entry.kind is Kind.ATTEMPT or (entry.branch or "").startswith("gangsaw/")
        place = worktree_place(repo, entry.path) if ours else None
        if place is None or place.work_tree is None:
            continue
        status = read_status(repo, place)
        if status.head is None:
            continue
        commits = named_commits(repo, place, entry.branch)
        loose = heads_of(unheld(repo, commits, [status.head]))
        files = tuple(item.path for item in status.changed)
        size, at = _lying(place.work_tree, files)
        found.append(_Tree(entry, status.head, files, size, at, loose))
    return found


def _loose(trees: Iterable[_Tree]) -> set[str]:
    return {commit for tree in trees for commit in tree.loose}


def _lying(root: Path, files: Iterable[str]) -> tuple[int, float]:
    """Bytes of the files, and when the newest of them was written."""
    size, at = 0, 0.0
    for name in files:
        try:
            found = os.lstat(root / name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        size, at = size + found.st_size, max(at, found.st_mtime)
    return size, at


def _agents_stashes(repo: Repository) -> set[str] | None:
    """Commits of kept stashes without those that the user made on a branch of theirs and still has
    in the stash; None when there is no stash now."""
    mine = set(stash_entries(repo))
    if not mine:
        return None
    kept = _described(repo, [STASHES])
    return {
        each.commit for each in kept
        if each.commit not in mine or "gangsaw/" in each.subject or "(no branch)" in each.subject
    }  # fmt: skip


# -- what is found -------------------------------------------------------------------------------


def _of_ref(ref: str, commit: str, reach: Reach) -> Stranded:
    kind, name, call = StrandedKind.KEPT, ref, ref.removeprefix("refs/gangsaw/")
    run = attempt = None
    if ref.startswith("refs/heads/"):
        kind, name = StrandedKind.BRANCH, ref.removeprefix("refs/heads/")
        call, parts = name, name.split("/")
        run, attempt = (parts[1], parts[2]) if len(parts) == 3 else (None, None)
    elif ref.startswith(f"{STASHES}/"):
        kind, call = StrandedKind.STASH, f"stash/{commit[:12]}"
    elif ref.startswith(f"{ATTEMPTS}/"):
        call = ref.removeprefix(f"{ATTEMPTS}/")
        run, attempt = call.split("/")[:2]
    elif ref.startswith(f"{TRASH}/"):
        kind, call = StrandedKind.TRASH, ref.removeprefix(f"{TRASH}/")
    one = _stranded(kind, name, commit, call, reach, run, attempt)
    if kind is not StrandedKind.TRASH:
        return one
    return replace(one, bring_back=f"gangsaw clean --undo {shlex.quote(call.split('/')[0])}")


def _of_commit(commit: str, reach: Reach) -> Stranded:
    return _stranded(StrandedKind.DANGLING, commit, commit, commit[:12], reach)


def _of_worktree(tree: _Tree, reach: Reach) -> list[Stranded]:
    path = tree.entry.path
    run, attempt = path.parent.name, path.name
    call = f"{run}/{attempt}"
    found = [
        _stranded(StrandedKind.DANGLING, commit, commit, commit[:12], reach, run, attempt)
        for commit in tree.loose if commit in reach.commits
    ]  # fmt: skip
    if not tree.files and tree.head not in reach.commits:
        return found
    one = _stranded(StrandedKind.WORKTREE, str(path), tree.head, call, reach, run, attempt)
    if tree.files:
        at = int(tree.at) or one.at
        one = replace(one, files=tree.files, size=tree.size, at=at)
    return [*found, one]


def _stranded(
    kind: StrandedKind,
    name: str,
    commit: str,
    call: str,
    reach: Reach,
    run: str | None = None,
    attempt: str | None = None,
) -> Stranded:
    at = reach.commits[commit].at if commit in reach.commits else 0
    bring_back = f"gangsaw rescue {shlex.quote(call)}"
    within = reach.below(commit)
    return Stranded(
        kind, name, commit, at, (), bring_back, 0, call, run, attempt, frozenset(within) - {commit}
    )


# -- kept refs -----------------------------------------------------------------------------------


def _described(repo: Repository, prefixes: list[str]) -> tuple[KeptRef, ...]:
    """The refs under the prefixes, with what they change."""
    out = repo.git(
        "for-each-ref", "--format=%(objectname) %(refname)", *prefixes, timeout_s=WRITE_TIMEOUT_S
    )
    pairs = [line.split(" ", 1) for line in out.text.split("\n") if line]
    about = _commits(repo, sorted({commit for commit, _ in pairs}))
    return tuple(KeptRef(ref, commit, *about[commit]) for commit, ref in pairs)


def _commits(repo: Repository, commits: list[str]) -> dict[str, tuple[str, int, tuple[str, ...]]]:
    """Subject, date and files (against the first parent) of each commit, by one git."""
    if not commits:
        return {}
    out = repo.git(
        "log", "--no-walk=unsorted", "--stdin", "-z", "--name-only", "--no-renames", "--root",
        "--diff-merges=first-parent", f"--format={_RECORD}%H%x00%ct%x00%s",
        stdin="".join(f"{commit}\n" for commit in commits).encode(), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    found: dict[str, tuple[str, int, tuple[str, ...]]] = {}
    for record in "\0".join(out.fields).split(_RECORD)[1:]:
        commit, at, subject, *rest = record.split("\0")
        subject, _, first = subject.partition("\n")
        files = tuple(name for name in (first, *rest) if name)
        found[commit] = (subject, int(at), tuple(name.removeprefix("\n") for name in files))
    return found
