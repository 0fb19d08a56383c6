"""Where an attempt starts that goes on from earlier work.

Work that has landed, in whole or in part, is below the integration branch, and stays there when
its landing is undone. Merged once more it would bring nothing: for git it is merged already. So it
is given a commit of its own, with the same files, on the integration commit it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.git.candidates import commit_tree
from gangsaw.git.refs import read_ref
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Start:
    """`commit` has the files of the earlier work; `base` is the newest commit of the integration
    branch that they contain."""

    commit: str
    base: str


def start_from(repo: Repository, ref: str, head: str, message: str, at: int) -> Start:
    """Where to start from the work that `ref` holds, with the integration branch at `head`.

    `at` (epoch seconds) dates a commit that has to be made, so that doing it again gives the same
    one. Raises `UserError` when the ref is gone or its work has nothing in common with `head`.
    """
    kept = read_ref(repo, ref)
    if kept is None:
        raise UserError(f"cannot start from {ref}: it is gone; try retrying without --from")
    base = _base_of(repo, kept, head)
    if base is None:
        raise UserError(f"cannot start from {ref}: it was not made from {head[:12]}")
    if repo.git("merge-base", head, kept).text == base:
        return Start(kept, base)
    tree = repo.tree_of(kept)
    commit = durable(
        "git.start_commit", lambda: commit_tree(repo, tree, (base,), message, at, sign=False)
    )
    return Start(commit, base)


def _base_of(repo: Repository, kept: str, head: str) -> str | None:
    """The newest of the commits that the integration branch has been at which `kept` contains."""
    out = repo.git(
        "rev-list", "--first-parent", "--parents", head, f"^{kept}", timeout_s=WRITE_TIMEOUT_S
    )
    lines = out.text.split("\n") if out.text else []
    if not lines:
        return head
    parents = lines[-1].split(" ")[1:]
    return parents[0] if parents else None
