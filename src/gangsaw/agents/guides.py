"""Files with instructions for agents, and which kinds of agents read which by themselves.

What an agent does not read by itself is named in its prompt.
"""

from __future__ import annotations

from collections.abc import Collection

GUIDES = ("AGENTS.md", "CLAUDE.md")
"""Files in the top folder of a repository that tell agents how to work in it."""

_READ_BY = {
    "claude": ("CLAUDE.md",),
    "codex": ("AGENTS.md",),
    "copilot": ("AGENTS.md", "CLAUDE.md"),
    "opencode": ("AGENTS.md",),
    "scripted": GUIDES,
}
"""Kind of agent → the files that it reads by itself; the others read none of them."""


def guides_for(kind: str, present: Collection[str]) -> tuple[str, ...]:
    """The files among those present that an agent of this kind has to be told of. One that reads
    any of them is left to it: where there are two, one leads to the other."""
    reads = _READ_BY.get(kind, ())
    if any(name in present for name in reads):
        return ()
    return tuple(name for name in GUIDES if name in present)
