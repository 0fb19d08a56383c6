"""A text from the arguments of a command, or from standard input."""

from __future__ import annotations

import sys

from gangsaw.core.errors import UserError
from gangsaw.core.talk import TEXT_MAX

STANDARD_INPUT = "-"


def text_or_file(words: tuple[str, ...]) -> str:
    """The words as one text; `-` alone stands for all of standard input. `UserError` for none, and
    for more than may be sent."""
    if words == (STANDARD_INPUT,):
        # Four bytes a character at most, and one more shows that it was too long.
        text = sys.stdin.buffer.read(4 * TEXT_MAX + 1).decode("utf-8", "replace")
    else:
        text = " ".join(words)
    if not text.strip():
        raise UserError("cannot send nothing; try a text in quotes, or - to read it from a file")
    if len(text) > TEXT_MAX:
        raise UserError(
            f"cannot send more than {TEXT_MAX} characters; try naming a file of the repository"
        )
    return text
