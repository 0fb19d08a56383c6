"""Which paths a task may change, and whether two tasks may meet.

A scope is a list of entries relative to the root of the repository, with `/` between parts:

- a plain path, `src/app.py` or `src/` or `src`: that path and everything below it;
- a pattern with `*`, `?`, `[a-z]`, `[!a-z]`, none of which crosses a `/`, and `**` as a whole
  part for any number of parts, none included. A pattern that ends in `/` takes in everything
  below what it matches. A pattern without any `/` holds at every depth, as in `.gitignore`:
  `*.md` is `**/*.md`, and `./*.md` only those at the root.

An entry with brackets also stands for the path spelled exactly so (`app/[id]/page.tsx`). `.` is
the whole repository. An empty scope is unknown: it covers nothing and overlaps nothing, so that
tasks without a scope are never held for one another.

`overlaps` is sound: it is true whenever a path exists that both lists cover. It may say yes
where only an odd bracket expression would have told the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

ANY_DEPTH = "**"

Part = str
Shape = tuple[Part, ...]

_WILD = frozenset("*?[")


def is_pattern(entry: str) -> bool:
    """Whether the entry holds a wildcard."""
    return not _WILD.isdisjoint(entry)


def covers(scope: Sequence[str], path: str) -> bool:
    """Whether one of the entries names `path` (relative, `/` between parts, no wildcards)."""
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    return any(_covers_shape(_shape(entry), parts) for entry in scope)


def overlaps(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether the two scopes may name a common path; never false when there is one."""
    return any(_meet(_shape(x), _shape(y)) for x in a for y in b)


def plain_prefix(entry: str) -> tuple[str, ...]:
    """The leading parts of the entry that hold no wildcard: all it covers is below them."""
    prefix = []
    for part in _shape(entry):
        if is_pattern(part):
            break
        prefix.append(part)
    return tuple(prefix)


@lru_cache(maxsize=65_536)
def _shape(entry: str) -> Shape:
    """The entry as a list of parts, with `**` where any number of parts may stand."""
    parts = [part for part in entry.split("/") if part not in {"", "."}]
    pattern = is_pattern(entry)
    if pattern and "/" not in entry:
        parts.insert(0, ANY_DEPTH)
    if not pattern or entry.endswith("/"):
        parts.append(ANY_DEPTH)
    return tuple(
        part for n, part in enumerate(parts) if not (part == ANY_DEPTH == parts[n - 1]) or n == 0
    )


def _covers_shape(shape: Shape, parts: tuple[str, ...]) -> bool:
    """Whether the whole path fits the shape: one row of the table per part of the shape."""
    row = [True] + [False] * len(parts)
    for want in shape:
        if want == ANY_DEPTH:
            for n, _ in enumerate(parts):
                row[n + 1] = row[n + 1] or row[n]
        else:
            row = [False] + [row[n] and _fits(want, part) for n, part in enumerate(parts)]
    return row[-1]


def _meet(a: Shape, b: Shape) -> bool:
    """Whether some path fits both shapes: reachable pairs of positions, from the front."""
    reached = {(0, 0)}
    pending = [(0, 0)]
    while pending:
        i, j = pending.pop()
        if i == len(a) and j == len(b):
            return True
        steps = []
        if i < len(a) and a[i] == ANY_DEPTH:
            steps += [(i + 1, j)] + ([(i, j + 1)] if j < len(b) else [])
        if j < len(b) and b[j] == ANY_DEPTH:
            steps += [(i, j + 1)] + ([(i + 1, j)] if i < len(a) else [])
        if not steps and i < len(a) and j < len(b) and _parts_meet(a[i], b[j]):
            steps = [(i + 1, j + 1)]
        for step in steps:
            if step not in reached:
                reached.add(step)
                pending.append(step)
    return False


# --- one part of a path ------------------------------------------------------------------------


def _fits(want: Part, part: str) -> bool:
    """Whether a name fits one part of an entry."""
    return want == part or (is_pattern(want) and _tokens_meet(_tokens(want), _literal(part)))


def _parts_meet(a: Part, b: Part) -> bool:
    """Whether a name exists that fits both parts."""
    if a == b:
        return True
    if not is_pattern(a) and not is_pattern(b):
        return False
    if _tokens_meet(_tokens(a), _tokens(b)):
        return True
    # brackets also stand for themselves
    return _tokens_meet(_literal(a), _tokens(b)) or _tokens_meet(_tokens(a), _literal(b))


class _Star:
    """Any number of characters."""


_STAR = _Star()

Ranges = tuple[tuple[int, int], ...]
"""Code points that one character may have: inclusive, in order."""

Token = Ranges | _Star

_LAST = 0x10FFFF


def _literal(text: str) -> tuple[Token, ...]:
    """The text itself, as tokens."""
    return tuple(((ord(char), ord(char)),) for char in text)


@lru_cache(maxsize=65_536)
def _tokens(part: Part) -> tuple[Token, ...]:
    """The tokens of one part; an unclosed `[` stands for itself."""
    tokens: list[Token] = []
    n = 0
    while n < len(part):
        char = part[n]
        end = part.find("]", n + 3 if part[n + 1 : n + 2] in {"!", "^"} else n + 2)
        if char == "*":
            if not tokens or not isinstance(tokens[-1], _Star):
                tokens.append(_STAR)
        elif char == "?":
            tokens.append(((0, _LAST),))
        elif char == "[" and end > 0:
            tokens.append(_bracket(part[n + 1 : end]))
            n = end
        else:
            tokens.append(((ord(char), ord(char)),))
        n += 1
    return tuple(tokens)


def _bracket(inside: str) -> Ranges:
    """The code points of a bracket expression; a leading `!` or `^` means all others."""
    negated = inside[:1] in {"!", "^"}
    chars = inside[1:] if negated else inside
    ranges: list[tuple[int, int]] = []
    n = 0
    while n < len(chars):
        first = last = ord(chars[n])
        if chars[n + 1 : n + 2] == "-" and n + 2 < len(chars):
            last = ord(chars[n + 2])
            n += 2
        if first <= last:
            ranges.append((first, last))
        n += 1
    return _others(sorted(ranges)) if negated else tuple(sorted(ranges))


def _others(ranges: list[tuple[int, int]]) -> Ranges:
    """All code points outside the ranges."""
    rest: list[tuple[int, int]] = []
    free = 0
    for first, last in ranges:
        if first > free:
            rest.append((free, first - 1))
        free = max(free, last + 1)
    if free <= _LAST:
        rest.append((free, _LAST))
    return tuple(rest)


def _tokens_meet(a: tuple[Token, ...], b: tuple[Token, ...]) -> bool:
    """Whether a text exists that fits both token lists."""
    reached = {(0, 0)}
    pending = [(0, 0)]
    while pending:
        i, j = pending.pop()
        if i == len(a) and j == len(b):
            return True
        left = a[i] if i < len(a) else None
        right = b[j] if j < len(b) else None
        steps: list[tuple[int, int]] = []
        if isinstance(left, _Star):
            steps += [(i + 1, j)] + ([(i, j + 1)] if right is not None else [])
        if isinstance(right, _Star):
            steps += [(i, j + 1)] + ([(i + 1, j)] if left is not None else [])
        if isinstance(left, tuple) and isinstance(right, tuple) and _share(left, right):
            steps = [(i + 1, j + 1)]
        for step in steps:
            if step not in reached:
                reached.add(step)
                pending.append(step)
    return False


def _share(a: Ranges, b: Ranges) -> bool:
    """Whether the two have a code point in common."""
    return any(x[0] <= y[1] and y[0] <= x[1] for x in a for y in b)
