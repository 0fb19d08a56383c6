"""JSON text → plain values quickly, and their places only when somebody asks.

A plan of 100,000 tasks is JSON from a program; it is read by the standard parser. Places are found
by one scan of the text, which is known to be valid by then.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gangsaw.plan.complaint import Finding, Path
from gangsaw.plan.shapes import Number

_TOKEN = re.compile(r'[\s,]*+(?:"((?:[^"\\]|\\.)*+)"|([\[\]{}:])|([^\s,:\[\]{}"]+))', re.DOTALL)


@dataclass(slots=True)
class JsonTree:
    """A document: its plain value, and its text for places."""

    value: Any
    text: str
    doubled: bool

    def find(
        self, wanted: Collection[tuple[Path, bool]]
    ) -> dict[tuple[Path, bool], tuple[int, int]]:
        """See `Places.find`."""
        every = set(wanted) | {
            (path[:n], False) for path, _ in wanted for n in range(len(path) + 1)
        }
        offsets, _ = _scan(self.text, every)
        lines = _Lines(self.text)
        found = {}
        for path, on_key in wanted:
            spot = offsets.get((path, on_key))
            length = len(path)
            while spot is None:
                spot = offsets.get((path[:length], False))
                length -= 1
            found[path, on_key] = lines.spot(spot)
        return found

    def twice(self) -> list[tuple[int, int, Finding]]:
        """Keys given twice in one table, at their second place."""
        if not self.doubled:
            return []
        _, doubled = _scan(self.text, set())
        lines = _Lines(self.text)
        said = "the key is given twice"
        return [(*lines.spot(at), Finding(path, said, "keep one of them")) for path, at in doubled]


class _Lines:
    """Line and column of offsets."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def spot(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def read_json(text: str) -> JsonTree | json.JSONDecodeError | None:
    """The document, the parser's error, or `None` if it is too deep or its numbers too long."""
    doubled = False

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        made = dict(pairs)
        doubled = doubled or len(made) < len(pairs)
        return made

    try:
        value = json.loads(text, object_pairs_hook=table, parse_float=Number, parse_constant=Number)
    except json.JSONDecodeError as error:
        return error
    except (RecursionError, ValueError):
        return None
    return JsonTree(value, text, doubled)


def _scan(
    text: str, wanted: Collection[tuple[Path, bool]]
) -> tuple[dict[tuple[Path, bool], int], list[tuple[Path, int]]]:
    """Offsets of wanted paths in a valid JSON text, and every key given twice."""
    found: dict[tuple[Path, bool], int] = {}
    doubled: list[tuple[Path, int]] = []
    path: list[str | int] = []
    seen: list[set[str] | None] = []
    is_key = False
    for match in _TOKEN.finditer(text):
        string, mark, _ = match.groups()
        at = match.start(match.lastindex or 0) - (string is not None)
        if mark == ":":
            is_key = False
            continue
        if mark in {"]", "}"}:
            path.pop()
            seen.pop()
            is_key = bool(seen) and seen[-1] is not None
            continue
        keys = seen[-1] if seen else None
        if is_key and keys is not None and string is not None:
            key = json.loads(f'"{string}"')
            path[-1] = key
            if key in keys:
                doubled.append((tuple(path), at))
            elif (tuple(path), True) in wanted:
                found[tuple(path), True] = at
            keys.add(key)
            continue
        if seen and keys is None:
            path[-1] = int(path[-1]) + 1
        here = (tuple(path), False)
        if here in wanted:
            found[here] = at
        if mark == "{" or mark == "[":
            path.append(-1)
            seen.append(set() if mark == "{" else None)
        is_key = bool(seen) and seen[-1] is not None
    return found, doubled
