"""`git gc` of the user, running beside us.

It finds out what nothing refers to, and deletes that a while later. A ref that we make in between
does not save its objects. So, before the only other copy of something goes, a collection that is
going on has to end; one that begins later sees our refs. git itself notes a running one in
`gc.pid`. A bare `git prune` leaves no such note.
"""

from __future__ import annotations

import os
import socket

from gangsaw.core.errors import UserError
from gangsaw.git.locks import waited
from gangsaw.git.repository import Repository

COLLECTION_WAIT_S = 300.0


def await_collection(repo: Repository, wait_s: float = COLLECTION_WAIT_S) -> None:
    """Return when no `git gc` runs here. Raises `UserError` when one goes on for `wait_s`."""
    if not waited(lambda: not collection_runs(repo), wait_s):
        raise UserError(
            f"cannot remove anything while `git gc` runs in {repo.common_dir}; try again later",
            exit_code=1,
        )


def collection_runs(repo: Repository) -> bool:
    """Whether a `git gc` of this machine is at work in the repository."""
    try:
        text = (repo.common_dir / "gc.pid").read_text("utf-8", "replace")
    except FileNotFoundError:
        return False
    pid, _, host = text.strip().partition(" ")
    if not pid.isdecimal() or (host and host != socket.gethostname()):
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
