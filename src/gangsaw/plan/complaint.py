"""What is wrong in a file of the user, where exactly, and what to do about it.

Readers never stop at the first trouble: they gather complaints in a `Findings` by the path of the
value (`("tasks", 1, "need")`) and look the positions up at the end, once, so that a file without
faults pays nothing for positions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Protocol

Path = tuple[str | int, ...]
"""Keys and list positions (from 0) that lead to a value."""

COMPLAINTS_MAX = 200
"""Complaints listed of one file; the rest is counted."""

SHOWN_MAX = 60
"""Characters of a user's text repeated in a complaint."""


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """One fault of a file. `line` and `col` count from 1; 0 means the source has no lines.

    Text and remedy are printable and of one line, whatever the file holds.
    """

    source: str
    line: int
    col: int
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))
        object.__setattr__(self, "remedy", printable(self.remedy))

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.col}" if self.line else self.source
        return f"{where}: {self.text} ({self.remedy})" if self.remedy else f"{where}: {self.text}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault at a path. `on_key`: the key is wrong, not its value."""

    path: Path
    text: str
    remedy: str = ""
    on_key: bool = False


class Places(Protocol):
    """Where values stand in a text."""

    def find(
        self, wanted: Collection[tuple[Path, bool]]
    ) -> dict[tuple[Path, bool], tuple[int, int]]:
        """Line and column of each wanted (path, on_key), both from 1. A path that does not exist
        stands where its nearest existing parent does."""
        ...


@dataclass(slots=True)
class Findings:
    """Faults gathered while reading one file."""

    items: list[Finding] = field(default_factory=list)

    def add(self, path: Path, text: str, remedy: str = "", *, on_key: bool = False) -> None:
        """Note a fault of the value (or the key) at `path`."""
        self.items.append(Finding(path, text, remedy, on_key))


def located(findings: Sequence[Finding], source: str, places: Places) -> tuple[Complaint, ...]:
    """The findings as complaints, in the order of the file, with the rest counted."""
    if not findings:
        return ()
    spots = places.find({(finding.path, finding.on_key) for finding in findings})
    complaints = sorted(
        {
            Complaint(source, *spots[finding.path, finding.on_key], _said(finding), finding.remedy)
            for finding in findings
        }
    )
    rest = len(complaints) - COMPLAINTS_MAX
    if rest <= 0:
        return tuple(complaints)
    last = complaints[COMPLAINTS_MAX]
    more = Complaint(source, last.line, last.col, f"and {rest} more like these", "mend the first")
    return (*complaints[:COMPLAINTS_MAX], more)


def _said(finding: Finding) -> str:
    return f"{dotted(finding.path)}: {finding.text}" if finding.path else finding.text


def dotted(path: Path) -> str:
    """The path as users read it: `tasks.1.need`."""
    return ".".join(str(step) if isinstance(step, int) else _key(step) for step in path)


def _key(key: str) -> str:
    return key if key and len(key) <= SHOWN_MAX and key.isprintable() else shown(key)


def printable(text: str) -> str:
    """The text with escapes for what a terminal must not get."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shown(text: str) -> str:
    """A user's text in quotes, on one line, and not too long."""
    cut = text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"
    return f"'{printable(cut)}'"


def listed(words: Iterable[str], most: int = 6) -> str:
    """Words with commas between them, the rest counted."""
    words = list(words)
    rest = len(words) - most
    text = ", ".join(words[:most])
    return f"{text} and {rest} more" if rest > 0 else text


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`did you mean 'needs'?`, or nothing if no known word is near."""
    near = nearest(word, known)
    return f"did you mean {shown(near)}?" if near else ""


def nearest(word: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    """The known word most like `word`, upper and lower case alike; `cutoff` is how alike (to 1)."""
    if len(word) > 2 * SHOWN_MAX:
        return None
    folded = {each.casefold().replace("-", "_"): each for each in known}
    near = get_close_matches(word.casefold().replace("-", "_"), folded, n=1, cutoff=cutoff)
    return folded[near[0]] if near else None


def kind_of(value: object) -> str:
    """What a value read from a file is, in words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"'{str(value).lower()}'"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a table of keys"
        case _:
            return "a date or time"
