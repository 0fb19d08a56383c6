"""What the validators raise."""

from __future__ import annotations


class Broken(AssertionError):
    """The core broke one of its promises in a simulated schedule."""
