"""Named fault points around every durable step.

A durable step is one whose effect outlives the process: a committed transaction, a created
worktree, a moved ref, a started process. Each goes through `durable`, so that a test can end the
process just before or just after it. In normal use no probe is set and nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Probe = Callable[[str, str], None]

_probe: Probe | None = None


class Passing(str):
    """What a probe is given: the point's name, with what this very step is about, such as the ref
    or the kinds of the events. One place in the source is many moments of a run."""

    __slots__ = ("about",)
    about: tuple[str, ...]


def set_probe(probe: Probe | None) -> None:
    """Install the function called with (point, "before" or "after"); `None` removes it. The point
    is a `Passing`."""
    global _probe
    _probe = probe


def durable(point: str, step: Callable[[], T], *about: str) -> T:
    """What `step` returns, with the fault point `point` before and after it; `about` says what it
    is done to."""
    if _probe is None:
        return step()
    passing = Passing(point)
    passing.about = about
    _probe(passing, "before")
    result = step()
    _probe(passing, "after")
    return result
