"""Refs: created once, moved by compare-and-swap, deleted only when they are what we think.

Every function may be carried out again after a kill and then finds what is already done.
"""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S, GitFailed, Output, Place

INTEGRATION = "gangsaw/run"


@dataclass(frozen=True, slots=True)
class RefCreated:
    """The ref is at the wanted commit, by us now or by a former life."""

    ref: str


@dataclass(frozen=True, slots=True)
class RefTaken:
    """The ref exists already and is at another commit."""

    found: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The ref is at the wanted commit."""

    commit: str


@dataclass(frozen=True, slots=True)
class RefElsewhere:
    """The ref was not where it was thought to be; `found` is None when it does not exist."""

    found: str | None


def branch_ref(branch: str) -> str:
    """The full name of a branch."""
    return f"refs/heads/{branch}"


def read_ref(repo: Repository, ref: str) -> str | None:
    """The object id the ref (a full name) is at; None when it does not exist."""
    if not ref.startswith("refs/"):
        raise ValueError(f"not a full ref name: {ref!r}")
    out = repo.git("rev-parse", "--verify", "-q", ref, ok=(0, 1))
    return out.text if out.code == 0 else None


def create_ref(repo: Repository, ref: str, commit: str) -> RefCreated | RefTaken:
    """Create the ref at the commit; being there already is as good, another value is `RefTaken`.

    Raises `UserError` when a ref of the user's makes the name impossible.
    """
    out = durable("git.ref_create", lambda: _update(repo, ref, commit, "", repo.store), ref)
    if out.code == 0:
        return RefCreated(ref)
    found = read_ref(repo, ref)
    if found == commit:
        return RefCreated(ref)
    if found is not None:
        return RefTaken(found)
    _refuse_blocked_name(repo, ref)
    raise GitFailed(["update-ref", ref], out.code, out.trouble)


def move_ref(
    repo: Repository, ref: str, new: str, old: str, *, place: Place | None = None
) -> Moved | RefElsewhere:
    """Move the ref from `old` to `new`, or say where it is instead; at `new` already is `Moved`."""
    out = durable("git.ref_move", lambda: _update(repo, ref, new, old, place or repo.store), ref)
    if out.code == 0:
        return Moved(new)
    found = read_ref(repo, ref)
    if found == new:
        return Moved(new)
    if found != old:
        return RefElsewhere(found)
    raise GitFailed(["update-ref", ref, new, old], out.code, out.trouble)


def set_ref(repo: Repository, ref: str, commit: str) -> None:
    """Put the ref at the commit, wherever it was; for our own pins only."""
    durable(
        "git.ref_set",
        lambda: repo.git("update-ref", "--no-deref", ref, commit, timeout_s=WRITE_TIMEOUT_S),
        ref,
    )


def delete_ref(repo: Repository, ref: str, old: str) -> Moved | RefElsewhere:
    """Delete the ref if it is at `old`; `Moved(old)` when it is gone (now or before)."""
    out = durable(
        "git.ref_delete",
        lambda: repo.git(
            "update-ref", "--no-deref", "-d", ref, old, timeout_s=WRITE_TIMEOUT_S, ok=(0, 1, 128)
        ),
        ref,
    )
    if out.code == 0:
        return Moved(old)
    found = read_ref(repo, ref)
    if found is None:
        return Moved(old)
    if found != old:
        return RefElsewhere(found)
    raise GitFailed(["update-ref", "-d", ref, old], out.code, out.trouble)


def list_refs(repo: Repository, *prefixes: str) -> dict[str, str]:
    """Full name → object id of every ref under the prefixes, sorted by name."""
    out = repo.git("for-each-ref", "--format=%(objectname) %(refname)", *prefixes)
    pairs = (line.split(" ", 1) for line in out.text.split("\n") if line)
    return {ref: commit for commit, ref in pairs}


def _update(repo: Repository, ref: str, new: str, old: str, place: Place) -> Output:
    return repo.git(
        "update-ref", "--no-deref", "-m", "gangsaw", ref, new, old,
        place=place, timeout_s=WRITE_TIMEOUT_S, ok=(0, 1, 128),
    )  # fmt: skip


def _refuse_blocked_name(repo: Repository, ref: str) -> None:
    """A ref `a` forbids `a/b`, and `a/b` forbids `a`: say which one is in the way."""
    parts = ref.split("/")
    above = ["/".join(parts[:count]) for count in range(3, len(parts))]
    blocking = [name for name in above if read_ref(repo, name) is not None]
    blocking += list(list_refs(repo, ref + "/"))
    if blocking:
        raise UserError(
            f"cannot create {ref}: {blocking[0]} is in the way; try renaming that one "
            f"(`git branch -m` for a branch)",
            exit_code=1,
        )
