"""What lies about: kept refs, and work that is on no integration branch. Reads only."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gangsaw.git.keeping import ATTEMPTS, STASHES, status_of
from gangsaw.git.refs import INTEGRATION
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S
from gangsaw.git.worktrees import list_worktrees

LOST = "refs/gangsaw/lost"
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
    KEPT = "kept"
    STASH = "stash"
    WORKTREE = "worktree"


@dataclass(frozen=True, slots=True)
class Stranded:
    """Work that is on no integration branch. `name` is a branch, a ref or a path; `at` is in epoch
    seconds; `bring_back` is a command for a person."""

    kind: StrandedKind
    name: str
    commit: str
    at: int
    files: tuple[str, ...]
    bring_back: str


def list_kept(repo: Repository, run: str | None = None) -> tuple[KeptRef, ...]:
    """Everything kept from attempts, of one run or of all, sorted by ref."""
    return _described(repo, [ATTEMPTS if run is None else f"{ATTEMPTS}/{run}"], ())


def stranded(repo: Repository, integration: Sequence[str]) -> tuple[Stranded, ...]:
    """Attempt branches, kept refs and stashes whose commit none of the given refs contains, and
    worktrees of ours with uncommitted files."""
    known = tuple(ref for ref in integration if repo.resolve(ref) is not None)
    found: list[Stranded] = []
    for kept in _described(repo, [_BRANCHES, ATTEMPTS, STASHES, LOST], known):
        if kept.ref.startswith(f"refs/heads/{INTEGRATION}/"):
            continue
        found.append(_stranded_ref(kept))
    return (*found, *_dirty_worktrees(repo))


def _stranded_ref(kept: KeptRef) -> Stranded:
    kind, name = StrandedKind.KEPT, kept.ref
    bring_back = f"git cherry-pick {shlex.quote(kept.ref)}"
    if kept.ref.startswith("refs/heads/"):
        kind, name = StrandedKind.BRANCH, kept.ref.removeprefix("refs/heads/")
        bring_back = f"git merge {shlex.quote(name)}"
    elif kept.ref.startswith(f"{STASHES}/"):
        kind, bring_back = StrandedKind.STASH, f"git stash apply {kept.commit}"
    elif kept.ref.rpartition("/")[2].startswith("work"):
        bring_back = f"git merge {shlex.quote(kept.ref)}"
    return Stranded(kind, name, kept.commit, kept.at, kept.files, bring_back)


def _dirty_worktrees(repo: Repository) -> list[Stranded]:
    found: list[Stranded] = []
    for entry in list_worktrees(repo):
        ours = entry.kind is not None or (entry.branch or "").startswith("gangsaw/")
        status = status_of(repo, entry.path) if ours and not entry.missing else None
        if status is None or not status.changed or status.head is None:
            continue
        files = tuple(item.path for item in status.changed)
        at = int(repo.git("log", "-1", "--format=%ct", status.head).text)
        place = shlex.quote(str(entry.path))
        bring_back = f"git -C {place} add -A && git -C {place} commit"
        found.append(
            Stranded(StrandedKind.WORKTREE, str(entry.path), status.head, at, files, bring_back)
        )
    return found


def _described(
    repo: Repository, prefixes: list[str], not_in: tuple[str, ...]
) -> tuple[KeptRef, ...]:
    """The refs under the prefixes which none of `not_in` contains, with what they change."""
    out = repo.git(
        "for-each-ref", "--format=%(objectname) %(refname)",
        *(f"--no-merged={ref}" for ref in not_in), *prefixes, timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
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
