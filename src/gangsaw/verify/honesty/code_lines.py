"""Lines of code without comments, calls that go over several lines joined into one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

JOINED_MAX = 60
"""Lines that are joined at most; what is left open longer is no call."""

_PIECE = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)"""
    r"""|(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)|(?P<hash>\#(?!\[|!\[)[^\n]*)""",
    re.DOTALL,
)
_DEMAND = re.compile(
    r"\bexpect\w*\(|\bassert\w*!?\s*\(|\.should\b|\b(?:assert|require)\.\w+\(|\bverify\(|^\.\w+\("
    r"|\.each\("
)
_OPENS, _CLOSES = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One statement on one line, with the number of the line on which it begins."""

    number: int
    text: str


def code_lines(text: str, *, hash_comments: bool) -> Iterator[CodeLine]:
    """The lines that hold code, in order, blanks made one."""
    kept = _PIECE.sub(lambda found: _without(found, hash_comments=hash_comments), text)
    open_text, first, depth, joined = "", 0, 0, 0
    for number, raw in enumerate(kept.split("\n"), 1):
        line = " ".join(raw.split())
        if not line:
            continue
        if open_text and line.startswith(".") and depth <= 0:
            open_text = open_text + line
        elif open_text and depth > 0:
            open_text = f"{open_text} {line}"
            joined += 1
        else:
            if open_text:
                yield CodeLine(first, open_text)
            open_text, first, depth, joined = line, number, 0, 0
        depth += _depth(line)
        if depth > 0 and (not _goes_on(open_text) or joined >= JOINED_MAX):
            depth = 0
    if open_text:
        yield CodeLine(first, open_text)


def _goes_on(text: str) -> bool:
    """Whether what is open at the end of the text belongs to the same statement."""
    if _DEMAND.search(text) and not re.search(r"(?:=>|\))\s*\{$|\bdo(?:\s*\|[^|]*\|)?$", text):
        return True
    return not text.endswith(("{", "=>", " do", "|", "["))


def _depth(line: str) -> int:
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", "''", line)
    return sum((char in _OPENS) - (char in _CLOSES) for char in bare)


def _without(found: re.Match[str], *, hash_comments: bool) -> str:
    """A text stays as it is, a comment goes, its line ends stay."""
    if found["text"] is not None:
        return found[0]
    if found["hash"] is not None and not hash_comments:
        return found[0]
    return "\n" * found[0].count("\n")
