"""Which changes are checked together, and which of their trees next?

The chain takes in changes in order of their rank, the one that waits longest before all others, so
that nothing is passed without bound. A batch is checked by the tree of its last link, and a red
one narrowed (see `narrowing`). Batches grow while they are green and shrink when a change was to
blame that only whole runs could find (source of the figures: simulated policies, see
docs/decisions/0014 and 0016).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from gangsaw.core import chain
from gangsaw.core.events import TARGET, BatchFormed, CandidateWanted, ChangeQueued, Event, Judgement
from gangsaw.core.events_undo import undo_about
from gangsaw.core.policy import narrowing
from gangsaw.core.policy.slots import slots_allowed
from gangsaw.core.state import Landing, Part, State

CHANCE_MIN = 0.7
"""How probable it must be that a batch is green before another one is checked on top of it."""


def size_of(state: State) -> int:
    """How many changes the next batch may hold."""
    return max(1, min(state.batch_size, state.limits.window))


# --- taking in ----------------------------------------------------------------------------------


def extend(state: State) -> list[Event]:
    """Take changes into the chain, as many as the next batch may hold; a moved target goes first,
    then what is to be undone, then what people put first."""
    wanted = state.queue or state.landings or state.undos or state.delivery.target_commit
    if not wanted or not state.head:
        return []
    special = _special(state)
    waiting = [link for link in state.landings if not link.batch]
    urgent = special is not None or any(_is_first(state, name) for name in _free(state))
    passed = [
        link for link in _before_the_first(state, waiting) if not goes_alone(state, link.about)
    ]
    if passed or (urgent and any(not goes_alone(state, link.about) for link in waiting)):
        return list(_give_way(state, waiting))
    if special is not None:
        # Alone: whatever landed beside it would have to be checked without it once more.
        return [] if state.landings else [special]
    if any(link.about not in state.attempts for link in state.landings):
        return []
    room = size_of(state) - len(waiting)
    return [_taken(state, name, at) for at, name in enumerate(_order(state)[: max(room, 0)])]


def _taken(state: State, name: str, at: int) -> Event:
    onto = "" if at or state.landings else state.head
    return CandidateWanted(name, state.attempts[name].commit, onto)


def _special(state: State) -> Event | None:
    """The landing of a moved target or of an undo that is to be begun, or `None`."""
    moved = state.delivery.target_commit
    if moved and moved != state.delivery.merge_failed:
        begun = chain.index_of(state, TARGET) >= 0
        return None if begun else CandidateWanted(TARGET, moved, state.head)
    if state.undos and not any(chain.index_of(state, undo_about(t)) >= 0 for t in state.undos):
        task = next(iter(state.undos))
        return CandidateWanted(undo_about(task), state.undos[task].landed, state.head)
    return None


def _give_way(state: State, waiting: list[Landing]) -> Iterator[Event]:
    """What is not yet in a batch goes back into the queue, for something that must be first."""
    for link in waiting:
        if not goes_alone(state, link.about):
            yield ChangeQueued(link.about, link.work)


def _order(state: State) -> list[str]:
    """The queued changes that may be taken in, in the order in which they are."""
    chosen: list[str] = []
    for name in in_order(state, _free(state)):
        if state.attempts[name].against not in chosen:
            chosen.append(name)
    # What would be built on a change under suspicion would mostly have to be built anew.
    waiting = [link.about for link in state.landings if not link.batch]
    known = [state.attempts[name] for name in (*waiting, *chosen) if name in state.attempts]
    if any(attempt.suspected for attempt in known):
        return [name for name in chosen if _is_first(state, name)]
    return chosen


def in_order(state: State, names: list[str]) -> list[str]:
    """Queued changes in the order in which they are taken in: what people put first and what was
    set aside, the one that waits longest, then by rank."""
    if not names:
        return []
    oldest = min(names, key=lambda name: (state.attempts[name].queued_at, _rank(state, name)))

    def key(name: str) -> tuple[bool, bool, tuple[int, int, int]]:
        return (not _is_first(state, name), name != oldest, _rank(state, name))

    return sorted(names, key=key)


def _free(state: State) -> list[str]:
    """The queued changes that wait for nothing ahead of them."""
    if state.queue_held:
        return []
    inside = {link.about for link in state.landings}
    return [name for name in state.queue if state.attempts[name].against not in inside]


def _rank(state: State, name: str) -> tuple[int, int, int]:
    return state.rank[state.attempts[name].task]


def _before_the_first(state: State, waiting: list[Landing]) -> list[Landing]:
    """Those that stand before one that people put first."""
    first = [
        at
        for at, link in enumerate(waiting)
        if link.about in state.attempts and _is_first(state, link.about)
    ]
    return waiting[: first[-1]] if first else []


def _is_first(state: State, name: str) -> bool:
    attempt = state.attempts[name]
    return state.task_states[attempt.task].first or attempt.suspected is not None


# --- forming ------------------------------------------------------------------------------------


def form(state: State) -> list[Event]:
    """The next batch: links that are built and in none, while no other batch is being checked or
    a second one pays."""
    inside = sum(1 for link in state.landings if link.batch)
    if state.queue_held or (inside and not _may_go_ahead(state)):
        return []
    members: list[str] = []
    for at, link in enumerate(state.landings[inside : inside + size_of(state)], inside):
        if not chain.is_current(state, at) or link.conflict:
            return []  # soon
        if members and goes_alone(state, link.about):
            break
        members.append(link.about)
        if goes_alone(state, link.about):
            break
    if not members:
        return []
    return [BatchFormed(state.batches + 1, tuple(members), size_of(state))]


def _may_go_ahead(state: State) -> bool:
    """Whether a second batch may be checked on top of the one that is: where two at a time are
    measured to pay, and the first will probably be green."""
    links = chain.checked_together(state)
    if not links or links[0].batch != links[-1].batch or any(link.doubted for link in links):
        return False
    following = [link.about for link in state.landings if not link.batch][:1]
    if any(goes_alone(state, about) for about in (links[0].about, *following)):
        return False
    if chance_of_green(state) < CHANCE_MIN:
        return False
    limits = state.limits
    return slots_allowed(state.costs, limits.cores, limits.check_slots) > 1


def chance_of_green(state: State) -> float:
    """How probable it is that a batch passes at the first go, by the latest ones (0 to 1)."""
    seen = state.firsts
    return (sum(seen) + 1) / (len(seen) + 1)


def goes_alone(state: State, about: str) -> bool:
    """Whether a landing is checked by itself: for its barrier paths, under suspicion, or as people
    wish."""
    attempt = state.attempts.get(about)
    return attempt is None or bool(attempt.barrier) or _is_first(state, about)


# --- checking -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked now: the link's tree, or only some tests of it."""

    link: Landing
    part: Part | None = None


def to_check(state: State) -> list[Landing]:
    """The links of which something is to be checked now: one of the first batch and, while that has
    not been red, the last of a second one."""
    return [each.link for each in wanted(state)]


def wanted(state: State) -> list[Wanted]:
    """The same, with what it is of each."""
    found: list[Wanted] = []
    moving = chain.moving_at(state) >= 0
    links = chain.checked_together(state)
    for _, batch in groupby(links, key=lambda link: link.batch):
        members = list(batch)
        if not all(_is_built(state, link) for link in members):
            break  # some are being built anew
        if any(link.judgement is Judgement.PASSED for link in members):
            break  # that lands first
        if found and any(link.doubted for link in members):
            break  # it is narrowed when it is the first
        step = narrowing.next_step(state, members)
        link = members[step.at]
        if moving and (link.doubted or step.part):
            break  # nobody can be blamed before it is known where the branch is
        found.append(Wanted(link, step.part))
        if step.part or any(link.doubted for link in members):
            break
    return found


def to_narrow(state: State) -> list[Landing]:
    """The first batch, where its links are built and none of them is green; else nothing."""
    links = chain.checked_together(state)
    members = [link for link in links if link.batch == links[0].batch]
    built = all(_is_built(state, link) for link in members)
    green = any(link.judgement is Judgement.PASSED for link in members)
    return members if built and not green and chain.moving_at(state) < 0 else []


def _is_built(state: State, link: Landing) -> bool:
    return bool(link.candidate) and chain.is_current(state, chain.index_of(state, link.about))
