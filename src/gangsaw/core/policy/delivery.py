"""Is the user's branch to be moved now?"""

from __future__ import annotations

from gangsaw.core.model import Deliver
from gangsaw.core.state import State
from gangsaw.core.trouble import cannot_close

BLOCKED_RETRY_S = 3.0
"""Seconds between two looks at a target that could not be moved."""


def is_wanted(state: State) -> bool:
    """Whether something landed is still to be delivered, and the settings allow it now."""
    mode = state.limits.deliver
    checked = state.checked_head
    if mode is Deliver.NEVER or not checked or checked == state.delivery.delivered:
        return False
    pending = state.delivery.target_commit
    if pending and pending != state.delivery.merge_failed:
        return False
    return mode is Deliver.EACH or all_landed_that_can(state)


def all_landed_that_can(state: State) -> bool:
    """No attempt is alive, none is queued, and no task can start any more."""
    waiting = any(not cannot_close(state, name) for name in state.live)
    return not (waiting or state.queue or state.landings or state.undos or state.ready)


def is_waiting(state: State) -> bool:
    """Whether this engine has looked at the target and found that it cannot be moved now."""
    return bool(state.delivery.blocked) and state.delivery.blocked_at > 0


def retry_at(state: State) -> float:
    """When delivery may be tried next (epoch seconds); 0 for at once."""
    return state.delivery.blocked_at + BLOCKED_RETRY_S if state.delivery.blocked else 0.0
