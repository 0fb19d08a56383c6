"""The chain of landings in progress.

Each link is a change whose candidate is built on the candidate of the link before it, the first on
the integration branch; so a link's tree is that of the branch with everything up to this change. A
batch is a run of links that are checked together: by the tree of the last of them.
"""

from __future__ import annotations

from gangsaw.core.state import Landing, State
from gangsaw.core.terms import Judgement


def index_of(state: State, about: str) -> int:
    """The place of a landing in the chain, from 0; -1 if it is not in it."""
    return next((at for at, link in enumerate(state.landings) if link.about == about), -1)


def base_of(state: State, at: int) -> str:
    """What the candidate of the link must be built on; empty while that is not yet known.

    `head_link` is as good as the head itself: the trees are the same.
    """
    if at > 0:
        return state.landings[at - 1].candidate
    first = state.landings[0]
    built = bool(first.candidate or first.conflict)
    if first.wanted or (built and state.head_link and first.onto == state.head_link):
        return first.onto
    return state.head


def is_current(state: State, at: int) -> bool:
    """Whether the link is built (or in conflict) on what is before it now."""
    link = state.landings[at]
    built = bool(link.candidate or link.conflict)
    return built and not link.missed and link.onto == base_of(state, at)


def moving_at(state: State) -> int:
    """The place of the link that the integration branch is being moved to; -1 if it is not."""
    return next((at for at, link in enumerate(state.landings) if link.wanted), -1)


def is_moving(state: State, about: str) -> bool:
    """Whether the integration branch may already have been moved to a candidate with this change
    in it."""
    at = index_of(state, about)
    return 0 <= at <= moving_at(state)


def is_foreign(state: State) -> bool:
    """Whether the integration branch is at a commit that somebody else put there: nobody knows
    what that changed, and nothing has been checked with it."""
    return state.head not in (state.base, state.checked_head)


def has_passed(state: State, at: int) -> bool:
    """Whether a tree with the link in it has passed: its own, or that of a link behind it."""
    return any(link.judgement is Judgement.PASSED for link in state.landings[at:])


def ahead_of(state: State, about: str) -> tuple[str, ...]:
    """What is before this landing in the chain, in order."""
    return tuple(link.about for link in state.landings[: max(index_of(state, about), 0)])


def checked_together(state: State) -> tuple[Landing, ...]:
    """The links of the batches being checked, those that are being landed left out."""
    return tuple(link for link in state.landings[moving_at(state) + 1 :] if link.batch)
