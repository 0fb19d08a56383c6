"""What comes of two pieces of work when they meet: whether they merge, and where they do not, the
very lines.
"""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.git.clashes import Clash, read_clashes
from gangsaw.git.replaying import read_file
from gangsaw.git.repository import Repository

CONTEXT_LINES = 3
HUNK_LINES_MAX = 120
HUNKS_MAX = 20
"""Of one file."""

_BEGIN, _END = "<<<<<<< ", ">>>>>>> "


@dataclass(frozen=True, slots=True)
class ConflictHunk:
    """Lines in conflict with their markers and some around them; `line` is the first one's number
    in the file as it would lie there."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class MeetingPoint:
    """One path in conflict, with its hunks where it is text."""

    clash: Clash
    hunks: tuple[ConflictHunk, ...]


def meet(repo: Repository, one: str, other: str, names: tuple[str, str]) -> list[MeetingPoint]:
    """Where the two commits conflict, worked out in the object store only; empty: they merge. In
    the markers stand `names` instead of the commits."""
    found = read_clashes(repo, one, other)
    labels = {one: names[0], other: names[1]}
    return [MeetingPoint(clash, _hunks(repo, found.tree, clash, labels)) for clash in found.clashes]


def _hunks(
    repo: Repository, tree: str, clash: Clash, labels: dict[str, str]
) -> tuple[ConflictHunk, ...]:
    content = read_file(repo, tree, clash.path) if clash.is_textual else None
    if content is None:
        return ()
    lines = content.decode("utf-8", "replace").split("\n")
    found: list[ConflictHunk] = []
    begin = -1
    for at, line in enumerate(lines):
        if line.startswith(_BEGIN) and begin < 0:
            begin = at
        elif line.startswith(_END) and begin >= 0:
            first = max(0, begin - CONTEXT_LINES)
            shown = lines[first : at + 1 + CONTEXT_LINES]
            if len(shown) > HUNK_LINES_MAX:
                shown = [*shown[:HUNK_LINES_MAX], "…"]
            found.append(ConflictHunk(first + 1, "\n".join(_named(one, labels) for one in shown)))
            begin = -1
    return tuple(found[:HUNKS_MAX])


def _named(line: str, labels: dict[str, str]) -> str:
    """A line with a marker, with the name of the side instead of its commit."""
    for mark in (_BEGIN, _END):
        for commit, name in labels.items():
            if line.startswith(f"{mark}{commit}"):
                return f"{mark}{name}{line[len(mark) + len(commit) :]}"
    return line
