"""Which checks does a tree need, how long may they take, and how long will they?

A check with `paths` is needed by a tree only if what is combined there touches one of them: what
the check looks at is then as it was in a tree that has passed it. Where it is not known which paths
a change touches (a moved target, an undo, a change of very many files), every check is needed.
"""

from __future__ import annotations

from collections.abc import Iterable

from gangsaw.core.check_records import learned_timeout_s, percentile
from gangsaw.core.model import Check, When
from gangsaw.core.scopes import covers
from gangsaw.core.state import State

Paths = tuple[str, ...] | None
"""Changed paths; `None` where not all are known."""

ON_WORK = frozenset({When.ALWAYS, When.WORK})
ON_LANDING = frozenset({When.ALWAYS, When.LANDING})


def needed(checks: Iterable[Check], moments: frozenset[When], paths: Paths) -> tuple[Check, ...]:
    """Those of the checks that look at such a tree and whose paths are touched, each once, cheap
    ones (of a low `order`) first."""
    found = {
        check.key: check for check in checks if check.when in moments and is_touched(check, paths)
    }
    return tuple(sorted(found.values(), key=lambda check: check.order))


def is_touched(check: Check, paths: Paths) -> bool:
    """Whether a change of these paths needs the check."""
    return not check.paths or paths is None or any(covers(check.paths, path) for path in paths)


def all_paths(changes: Iterable[Paths]) -> Paths:
    """The paths of several changes together."""
    union: dict[str, None] = {}
    for paths in changes:
        if paths is None:
            return None
        union.update(dict.fromkeys(paths))
    return tuple(union)


def timeout_s(state: State, check: Check) -> float:
    """How long a run of the check may take before it is ended and, once, run again in full."""
    return learned_timeout_s(state.known_checks.get(check.key), limit_s(state, check))


def limit_s(state: State, check: Check) -> float:
    """The configured limit of the check."""
    return state.limits.check_timeout_s if check.timeout_s is None else check.timeout_s


def expected_s(state: State, gate: Iterable[Check]) -> float | None:
    """How long these checks will take, one after the other, as half of their green runs did;
    `None` where one of them was never seen to pass."""
    total = 0.0
    for check in gate:
        record = state.known_checks.get(check.key)
        if record is None or not record.green_s:
            return None
        total += percentile(record.green_s, 0.5)
    return total
