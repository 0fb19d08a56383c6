"""Waiting until the work of an attempt that has ended is put away, to be gone on from."""

from __future__ import annotations

from gangsaw.cli import clock
from gangsaw.cli.place import chosen_run, find_control, reading
from gangsaw.store.lock import WriterLock

PUT_AWAY_WAIT_S = 20.0
"""Longer than an agent's usual grace, and the worktree's removal after it."""
POLL_S = 0.05
_OVER = ("cancelled", "failed", "needs_you", "held", "waiting", "undone")


def wait_until_put_away(task: str) -> None:
    """Wait, at most `PUT_AWAY_WAIT_S` seconds and while an engine is alive, for the end of an
    attempt that is being stopped or put away. Whatever it came to, the engine's answer says it."""
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, None).run
        for _ in clock.until(PUT_AWAY_WAIT_S, POLL_S):
            row = journal.task(run, task)
            if row is None or not row.live or WriterLock.holder(control.lock) is None:
                return
            if row.status not in _OVER and not row.reason.startswith("being stopped"):
                return
