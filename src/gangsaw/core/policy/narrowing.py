"""Which change of a red batch is to blame? What is run next to find that out, and what was found.

Where the check that failed says how to run some of its tests, only those that failed are run, on
the trees up to the changes between: cheap, and never a reason to land anything. When every one of
them has its first red tree, the changes that bring these are set aside; the others stay together
and are checked as a whole, and each of those set aside is looked at by itself, on top of what
landed. Otherwise, and where the tests that failed do not fail again, whole runs halve the batch
from below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gangsaw.core.model import Check
from gangsaw.core.partial import named_tests
from gangsaw.core.state import Landing, Part, State
from gangsaw.core.terms import Judgement

DOUBTED_AFTER = 2
"""How often the checks of a batch may end without a verdict before it is narrowed."""

RERUNS_MAX = 2
"""How often a tree whose failed tests do not fail again is checked as a whole, before it is halved
like one without names."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is checked next of a batch: the tree of the link at this place, or some tests of it."""

    at: int
    part: Part | None = None


def next_step(state: State, batch: Sequence[Landing]) -> Step:
    """The next run for a batch: of its last tree; below a red one of some of the failed tests, or
    of the middle; and of a first one that is red once more."""
    red = lowest_red(batch)
    if red is None:
        return Step(len(batch) - 1, _suspicion(state, batch) if len(batch) == 1 else None)
    halved = Step(0 if red == 0 else (red - 1) // 2)
    part = failed_tests(state, batch[red])
    if part is None:
        return halved
    if red == 0:
        return Step(0, part if batch[0].part != () else None)
    again = batch[red].part
    if again is None:
        return Step(red, part)
    if not again:
        # They do not fail by themselves: it was chance, or they fail only among others.
        return Step(red) if batch[red].fails < RERUNS_MAX else halved
    between = _place_between(batch[: red + 1])
    return Step(red if between is None else between, Part(part.of, again))


def lowest_red(batch: Sequence[Landing]) -> int | None:
    """The place of the first link that is red as a whole, or about which nothing can be told."""
    return next(
        (
            at
            for at, link in enumerate(batch)
            if link.judgement is Judgement.FAILED or link.inconclusive >= DOUBTED_AFTER
        ),
        None,
    )


def culprits(state: State, batch: Sequence[Landing]) -> dict[int, Part]:
    """The places of the changes with which tests of a red batch begin to fail, and which these are;
    none while that is not known of all of them."""
    red = lowest_red(batch)
    if not red:
        return {}
    part = failed_tests(state, batch[red])
    tried = batch[: red + 1]
    if part is None or not batch[red].part or _place_between(tried) is not None:
        return {}
    found: dict[int, tuple[str, ...]] = {}
    for test in batch[red].part or ():
        _, first = _bounds(tried, test)
        found[first] = (*found.get(first, ()), test)
    return {at: Part(part.of, tests) for at, tests in sorted(found.items())}


def failed_tests(state: State, link: Landing) -> Part | None:
    """The tests for which the link is red as a whole, of the first check that can run them alone;
    `None` where there is none."""
    if link.judgement is not Judgement.FAILED:
        return None
    for result in link.results:
        if result.judgement is Judgement.FAILED and (tests := named_tests(result)):
            check = check_of(state, result.of)
            if check is not None and check.only:
                return Part(check.key, tests)
    return None


def check_of(state: State, key: str) -> Check | None:
    """The check with this key."""
    return next((check for check in _checks(state) if check.key == key), None)


def _checks(state: State) -> Iterator[Check]:
    yield from state.gate
    for task in state.tasks.values():
        yield from task.checks


def _suspicion(state: State, batch: Sequence[Landing]) -> Part | None:
    """The tests for which a change was set aside, until they were seen not to fail with it."""
    attempt = state.attempts.get(batch[0].about)
    suspected = attempt.suspected if attempt is not None else None
    if suspected is None or batch[0].part == () or check_of(state, suspected.of) is None:
        return None
    return suspected


def _place_between(tried: Sequence[Landing]) -> int | None:
    """A place at which it is not known whether a test fails there already; `None` when every one
    of them has its first red tree."""
    for test in tried[-1].part or ():
        below, first = _bounds(tried, test)
        if first - below > 1:
            return (below + first) // 2
    return None


def _bounds(tried: Sequence[Landing], test: str) -> tuple[int, int]:
    """The last place at which the test was tried and not red, -1 for what landed, below the first
    one at which it was red."""
    first = next(at for at, link in enumerate(tried) if link.part and test in link.part)
    known = [at for at in range(first) if tried[at].part is not None]
    return (known[-1] if known else -1), first
