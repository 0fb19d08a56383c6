"""Words of planning files: issues that a text names, tables, paths, and commands in code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gangsaw.sources.commands import command_of
from gangsaw.sources.lines import Line, one_line

RANGE_MAX = 100
"""Issues between the two ends of `#62-68`."""

LINE_MAX = 5_000
"""Characters of a line that are looked at for issues and words."""

POINT_MAX = 600
"""Characters of a point or a cell that are looked at."""

CELLS_MAX = 100
"""Cells of one row of a table."""

_ISSUE = re.compile(
    r"(?:(?<![\w&#])#|(?<![\w-])(?:issues?|gh|tickets?)[ \t/-]?#?)(\d{1,7})(?![\w%])"
    r"(?:(?:[-–—]#?|\.\.\.?#?|[ \t]+(?:[-–—]|to|through)[ \t]+#|[ \t]+through[ \t]+)"
    r"(\d{1,7})(?![\w%-]|\.\d))?",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"(?:[ \t]*(?:,|&|\band\b)[ \t]*(?:and[ \t]+)?)(\d{1,7})(?:[-–—](\d{1,7}))?(?![\w%#.-])"
)
_LEAD = re.compile(r"(?:[^\w#]|_)*(?:\d{1,3}[.)][ \t]+)?(?:[^\w#]|_)*")
_BEHIND = re.compile(r"(?:[^\w]|_)*")
_TRAILING = re.compile(r"(.{3,300}?)[ \t]*(?:[(\[]|[-–—:][ \t]*)((?:issue |gh-?)?#\d{1,7})[)\]]?",
                       re.IGNORECASE)  # fmt: skip
_NO_TITLE = re.compile(
    r"\W*(?:depend|block|unblock|requires?|needs?|after|before|prerequisite|closes|fixes|refs?\b|"
    r"see\b|related|parent|epic|part of|once|model|files?\b)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\*\*|__|`|~~|<br ?/?>")
_RULE = re.compile(r"[ \t]*\|?(?:[ \t]*:?-{1,200}:?[ \t]*\|)*[ \t]*:?-{1,200}:?[ \t]*\|?[ \t]*")
_CODE = re.compile(r"(`+)([^`]{1,1000})\1(?!`)")
_PASSING = frozenset(
    [
        "run", "runs", "running", "verify", "check", "ensure", "that", "the", "a", "full", "whole",
        "still", "must", "should", "pass", "passes", "passing", "succeed", "succeeds", "is", "are",
        "green", "clean", "exit", "exits", "code", "0", "with", "without", "no", "any", "zero",
        "error", "errors", "complete", "completes", "work", "works", "successfully", "locally",
        "command", "build", "test", "tests", "lint", "and", "it", "ok",
    ]
)  # fmt: skip
"""Words around a command that say nothing but that it passes."""

_ENDLESS = re.compile(r"(?:^|[ :])(?:dev|start|serve|watch|preview)(?:$|[ :])|--watch")


@dataclass(frozen=True, slots=True)
class Named:
    """Issues named at one place of a text: one, or those of a range or list."""

    start: int
    end: int
    keys: tuple[str, ...]


def issues_in(text: str) -> list[Named]:
    """The issues that a text names, in order. `#62`, `Issue 62`, `GH-62`, `#62-68`, `Issues 62, 63
    and 65`: a key is always `#` and the number."""
    found = []
    for match in _ISSUE.finditer(text[:LINE_MAX]):
        end, keys = match.end(), _range(match[1], match[2])
        if match[2] and len(keys) == 1:
            end = match.end(1)
        if match[0][:6].lower() == "issues":
            while more := _MORE.match(text, end):
                keys += _range(more[1], more[2])
                end = more.end()
        found.append(Named(match.start(), end, tuple(dict.fromkeys(keys))))
    return found


def keys_in(text: str) -> list[str]:
    """The keys of all issues that a text names, each once."""
    return list(dict.fromkeys(key for named in issues_in(text) for key in named.keys))


def _range(first: str, last: str | None) -> tuple[str, ...]:
    low = int(first)
    high = int(last) if last else low
    if not low < high < low + RANGE_MAX:
        high = low
    return tuple(f"#{number}" for number in range(low, high + 1))


def led(text: str) -> tuple[str, str] | None:
    """The one issue that a text begins with, and what follows it; `None` where it begins with none
    or with several."""
    text = text[:LINE_MAX]
    lead = _LEAD.match(text)
    start = lead.end() if lead is not None else 0
    named = next(iter(issues_in(text[start:])), None)
    if named is None or named.start != 0 or len(named.keys) != 1:
        return None
    rest = text[start + named.end :]
    if re.match(r"[ \t]*(?:,|&|/|and\b)[ \t]*#?\d", rest):
        return None
    behind = _BEHIND.match(rest)
    opening = rest[: behind.end()] if behind is not None else ""
    kept = max(opening.rfind("("), opening.rfind("["), opening.rfind("`"))
    return named.keys[0], rest[kept:] if kept >= 0 else rest[len(opening) :]


def trailing(text: str) -> tuple[str, str] | None:
    """The issue that a heading ends with, and its words: `Details page (#63)`."""
    match = _TRAILING.fullmatch(text[:LINE_MAX].strip())
    if match is None or issues_in(match[1]) or _NO_TITLE.match(match[1]):
        return None
    return keys_in(match[2])[0], match[1]


def bare(text: str) -> str:
    """A text without the marks of Markdown."""
    return _MARKUP.sub("", text).strip()


# --- tables ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its line, and its cells by the head of their columns (small letters)."""

    line: Line
    cells: tuple[tuple[str, str], ...]

    def cell(self, names: re.Pattern[str]) -> str | None:
        """The first cell whose column is so called."""
        return next((cell for head, cell in self.cells if names.search(head)), None)


def rows_of(lines: Iterable[Line]) -> Iterator[Row]:
    """The rows of all tables, without heads and rules."""
    before: list[str] | None = None
    head: list[str] | None = None
    for line in lines:
        if "|" not in line.text:
            before = head = None
        elif _RULE.fullmatch(line.text[:LINE_MAX]):
            head = head or before
        else:
            cells = cells_of(line.text)
            if head is not None:
                yield Row(line, tuple(zip(head, cells, strict=False)))
            before = [bare(cell).lower() for cell in cells]


def cells_of(text: str) -> list[str]:
    """The cells of a line of a table."""
    parts = re.split(r"(?<!\\)\|", text[:LINE_MAX].strip())
    if parts and not parts[0].strip():
        parts = parts[1:]
    if parts and not parts[-1].strip():
        parts = parts[:-1]
    return [part.strip().replace("\\|", "|") for part in parts[:CELLS_MAX]]


# --- commands ----------------------------------------------------------------------------------


def command_in(point: str) -> str | None:
    """The command of a point that says nothing but that it passes, such as "`npm test` passes".
    Only what is marked as code may be one: everything else is prose."""
    point = one_line(point, POINT_MAX)
    found = list(_CODE.finditer(point))
    if len(found) != 1:
        return None
    around = point[: found[0].start()] + " " + point[found[0].end() :]
    command = command_of(found[0][2])
    if command is None or _ENDLESS.search(command):
        return None
    is_bare = all(word in _PASSING for word in re.findall(r"\w+", around.lower()))
    return command if is_bare and "`" not in around else None


def unmarked_command(point: str) -> str:
    """What would be the command of a point if it were marked as code; empty for what is prose."""
    words = re.sub(r" (?:pass|passes|succeeds|is green)\W{0,3}$", "", one_line(point, POINT_MAX))
    is_one = "`" not in point and command_of(words) is not None and not _ENDLESS.search(words)
    return words if is_one else ""


# --- paths -------------------------------------------------------------------------------------

_PATH = re.compile(r"(?:\./)?[\w@.*\[\](){}+~$-]+(?:/[\w@.*\[\](){}+~$ -]*[\w@.*\[\]()}+~$-])*/?")


def paths_in(cell: str) -> list[str]:
    """The paths that a cell or an entry names, from the root of the repository."""
    cell = one_line(cell, LINE_MAX)
    code = [match[2] for match in _CODE.finditer(cell)]
    plain = re.split(r",(?![^{}]{0,200}\})|;|<br ?/?>| (?:and|\+) ", bare(cell))
    found = [path for text in code or plain for each in _spread(text) if (path := _path(each))]
    return list(dict.fromkeys(found))


def odd_paths_in(cell: str) -> list[str]:
    """What is marked as code like a path, but is none below the repository."""
    code = [match[2] for match in _CODE.finditer(one_line(cell, LINE_MAX))]
    return [text for text in code if "/" in text and not all(map(_path, _spread(text)))]


def _spread(text: str) -> list[str]:
    """`a/{b,c}.ts` as two paths; more than one pair of braces is left as it is."""
    match = re.fullmatch(r"([^{}]*)\{([^{}]*,[^{}]*)\}([^{}]*)", text)
    if match is None:
        return [text]
    return [match[1] + each.strip() + match[3] for each in match[2].split(",")]


def _path(text: str) -> str:
    """A path without what stands around it; empty where there is none."""
    text = re.sub(r" [(\[].*$| (?:-|–|—|:|←|→) .*$", "", text.strip())
    text = re.sub(r"(?<=\w):\d+(?:-\d+)?$", "", text).replace("\\", "/").removeprefix("/")
    is_path = "/" in text or re.fullmatch(r"\.?[\w*-]+(?:\.[\w*-]+)+|Makefile|Dockerfile", text)
    if text.count("{") != text.count("}"):
        return ""
    is_below = not text.startswith(("/", "~")) and ".." not in text.split("/")
    return text if is_path and is_below and _PATH.fullmatch(text) and text.strip("./*") else ""


def several(keys: Sequence[str], most: int = 6) -> str:
    """Keys for a sentence."""
    more = len(keys) - most
    return ", ".join(keys[:most]) + (f" and {more} more" if more > 0 else "")
