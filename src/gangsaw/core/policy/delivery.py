"""Is the user's branch to be moved now, and to be pushed?

A branch is pushed once it is where it should be here, so that a remote in trouble keeps nobody from
what has landed. No network is waited out for a while; whatever else a remote says is for a person.
"""

from __future__ import annotations

import shlex

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.model import Deliver, Push
from gangsaw.core.state import State
from gangsaw.core.trouble import cannot_close

BLOCKED_RETRY_S = 3.0
"""Seconds between two looks at a target that could not be moved."""

PUSH_RETRY_S = 30.0
"""Seconds between two pushes to a remote that has refused one, while others are still at work."""

PUSH_TRIES_MAX = 6
"""How often a remote that cannot be reached is tried before a person is asked. The pause before
each doubles from the run's backoff on: with its default, two and a half minutes in all and more."""


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
    """Whether this engine has looked at the target (or the remote) and found that nothing can be
    done now."""
    known = state.delivery
    goes_on = known.passing and known.tries < PUSH_TRIES_MAX
    return bool(known.blocked) and known.blocked_at > 0 and not goes_on


def retry_at(state: State) -> float:
    """When delivery or push may be tried next (epoch seconds); 0 for at once."""
    known = state.delivery
    if not known.blocked or not known.blocked_at:
        return 0.0
    pause_s = BLOCKED_RETRY_S
    if known.passing:
        doubled = state.limits.backoff_base_s * 2.0 ** min(known.tries - 1, 30)
        pause_s = min(doubled, state.limits.backoff_max_s)
    return known.blocked_at + pause_s


def is_push_wanted(state: State) -> bool:
    """Whether what was delivered is still to be pushed, and the settings allow it now."""
    known, limits = state.delivery, state.limits
    if not limits.remote or limits.deliver is Deliver.NEVER or not known.delivered:
        return False
    if known.delivered != state.checked_head or known.delivered == known.pushed_commit:
        return False
    if known.target_commit and known.target_commit != known.merge_failed:
        return False
    return limits.push is Push.EACH or all_landed_that_can(state)


def is_open(state: State) -> bool:
    """Whether something is still to be delivered or pushed."""
    return is_wanted(state) or is_push_wanted(state)


def pause_s(action: ac.Action, found: list[ob.Observation]) -> float:
    """How long the same is not tried again after this report, in seconds, although the same reason
    once more is no event; 0 where the event says when."""
    match action:
        case ac.Deliver() if not any(isinstance(seen, ob.TargetAtIntegration) for seen in found):
            return BLOCKED_RETRY_S
        case ac.Push():
            over = (isinstance(seen, ob.TargetPushed) for seen in found)
            passing = (isinstance(seen, ob.PushRefused) and seen.passing for seen in found)
            return 0.0 if any(over) or any(passing) else PUSH_RETRY_S
        case _:
            return 0.0


def by_hand(state: State) -> tuple[str, ...]:
    """The commands with which a person takes over what landed, where the settings leave it to
    them; nothing before something has landed. They name the commit that was checked, since
    anybody may have moved the branch on."""
    if state.limits.deliver is not Deliver.NEVER or not state.checked_head:
        return ()
    target, remote = shlex.quote(state.target), shlex.quote(state.limits.remote)
    commands = (f"git switch {target}", f"git merge --ff-only {state.checked_head[:12]}")
    return (*commands, f"git push {remote} {target}") if state.limits.remote else commands
