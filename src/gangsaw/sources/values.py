"""Values as other people's files hold them: texts where a plan wants texts, numbers among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ENTRIES_MAX = 500
"""Entries of one list of a record."""

_DIGITS_MAX = 18


def text_in(value: Any) -> str:
    """A text that can be written down; a number as its digits; empty for all else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**_DIGITS_MAX else ""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def texts_in(value: Any) -> list[str]:
    """The texts of a list, or the one text that there is instead; what is none is left out."""
    given = value if isinstance(value, list) else [value]
    return [text for each in given[:ENTRIES_MAX] if (text := text_in(each)).strip()]


def first_of(table: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these members that there is and that is not null."""
    return next((table[name] for name in names if table.get(name) is not None), None)


def listed_under(head: str, entries: Sequence[str]) -> str:
    """A list with its heading; empty where there are no entries."""
    return f"{head}:\n" + "\n".join(f"- {entry}" for entry in entries) if entries else ""


def paragraphs(parts: Sequence[str]) -> str:
    """The parts that say something, each once, with empty lines between them."""
    return "\n\n".join(dict.fromkeys(part.strip() for part in parts if part.strip()))
