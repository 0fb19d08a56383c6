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


def set_probe(probe: Probe | None) -> None:
    """Install the function called with (point, "before" or "after"); `None` removes it."""
    global _probe
    _probe = probe


def durable(point: str, step: Callable[[], T]) -> T:
    """What `step` returns, with the fault point `point` before and after it."""
    if _probe is None:
        return step()
    _probe(point, "before")
    result = step()
    _probe(point, "after")
    return result
