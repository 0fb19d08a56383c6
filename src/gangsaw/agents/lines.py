"""Bytes of agent output into lines, JSON objects and text that is fit for a terminal.

No bytes make anything here raise, and memory stays bounded whatever the length of a line.
"""

from __future__ import annotations

import json
import re
from typing import Any

# A longer line is skipped as a whole. The longest honest ones (a tool result with an image) are
# some megabytes.
MAX_LINE_BYTES = 16 * 1024 * 1024

# Lines beyond this have their long texts cut to `TEXT_BYTES_MAX` each before they are read as JSON:
# no note needs more of a text, and a text takes up to eight times the memory of its bytes. A line
# that is still longer than `CUT_LINE_BYTES_MAX` is no event of an agent.
LONG_LINE_BYTES = 1024 * 1024
TEXT_BYTES_MAX = 256 * 1024
CUT_LINE_BYTES_MAX = 4 * 1024 * 1024

# Length of what is shown in a live line or kept as the text of an outcome, in characters.
ACTIVITY_MAX = 120
OUTCOME_TEXT_MAX = 2_000
PATH_MAX = 1_024

# A count or a price beyond these is no figure of an agent but damage.
COUNT_MAX = 10**15
COST_USD_MAX = 10**9
EPOCH_S_MAX = 10**11


class LineSplitter:
    """Cuts a stream of bytes into lines. `skipped` counts lines over `MAX_LINE_BYTES`, which
    are dropped while they arrive, not held."""

    __slots__ = ("_held", "_skipping", "skipped")

    def __init__(self) -> None:
        self._held = bytearray()
        self._skipping = False
        self.skipped = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines completed by `chunk`, without their newline. Half a line is held."""
        lines: list[bytes] = []
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            if self._take(chunk, start, end):
                lines.append(bytes(self._held))
            self._held.clear()
            self._skipping = False
            start = end + 1
        if start < len(chunk):
            self._take(chunk, start, len(chunk))
        return lines

    def _take(self, chunk: bytes, start: int, end: int) -> bool:
        """Hold chunk[start:end]; false if the line is, or became, too long to be held."""
        if self._skipping:
            return False
        if len(self._held) + end - start > MAX_LINE_BYTES:
            self._held = bytearray()
            self._skipping = True
            self.skipped += 1
            return False
        self._held += chunk[start:end]
        return True


def json_object(line: bytes) -> dict[str, Any] | None:
    """The JSON object on this line, or `None` if there is none. In long lines, texts are cut."""
    if line.lstrip()[:1] != b"{":
        return None
    if len(line) > LONG_LINE_BYTES:
        line = _TEXT.sub(_cut, line)
        if len(line) > CUT_LINE_BYTES_MAX:
            return None
    try:
        value = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


# A JSON text, or what would be one if the line did not end: so every quote begins a match, and the
# time is bounded by the length of the line.
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)


def _cut(found: re.Match[bytes]) -> bytes:
    """The text, or its beginning; still a JSON text."""
    begin, end = found.span()
    if end - begin <= TEXT_BYTES_MAX:
        return found[0]
    head = found.string[begin : begin + TEXT_BYTES_MAX]
    # Not within an escape. An even number of backslashes are whole escapes of their own.
    last = head.rfind(b"\\", -12)
    run = head[: last + 1]
    opens = (len(run) - len(run.rstrip(b"\\"))) % 2
    return (head[:last] if opens else head) + b'"'


def object_in(value: object) -> dict[str, Any]:
    """`value` if it is a JSON object, an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def text_in(value: object) -> str:
    """`value` if it is a string, an empty one otherwise."""
    return value if isinstance(value, str) else ""


def count_in(value: object) -> int:
    """`value` as a count; 0 for all that is none (not a number, negative, absurd)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value <= COUNT_MAX else 0


def cost_in(value: object) -> float | None:
    """`value` as US dollars, or `None` where it is no sum of money."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= COST_USD_MAX else None


def moment_in(value: object) -> float | None:
    """`value` as seconds since the epoch, or `None` where it is no moment."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= EPOCH_S_MAX else None


_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor movements
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # titles, links
    r"|\x1b[PX^_][^\x1b\n]*(?:\x1b\\)?"  # device strings
    r"|\x1b[ -/]*[0-~]?"  # the rest
)
# Control characters, marks that turn the direction of text round, and halves of surrogates
# (which no terminal, file or database takes).
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def plain_text(raw: bytes | str) -> str:
    """`raw` with control sequences and characters taken out; newlines and tabs stay, and a
    carriage return starts a new line. Bytes that are not UTF-8 become replacement marks."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def one_line(text: str, limit: int = ACTIVITY_MAX) -> str:
    """The first line of `text` that is not blank, plain and cut to `limit` characters."""
    # Only a bounded head is looked at: an activity may quote megabytes.
    for line in plain_text(text[: limit * 20]).splitlines():
        words = " ".join(line.split())
        if words:
            return clipped(words, limit)
    return ""


def inside(path: str, worktree: str) -> str:
    """`path` as it is called in the worktree, if it lies in there; plain and on one line."""
    folder = worktree.rstrip("/") + "/"
    return one_line(path.removeprefix(folder), PATH_MAX)


def clipped(text: str, limit: int) -> str:
    """`text`, ending in an ellipsis if it had to be cut to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def tail_text(raw: bytes | str, limit: int = OUTCOME_TEXT_MAX) -> str:
    """The last `limit` characters of `raw`, plain."""
    # Four bytes a character, and as much again for sequences that are taken out.
    text = plain_text(raw[-limit * 8 :]).strip()
    return text if len(text) <= limit else "…" + text[1 - limit :]
