"""A new text for a draft, as a dialect would write it.

A dialect that can be written has a module `DIALECT_compose` with `EXPRESSES`, the keys of a task
that such a file has a place for, and `compose`. What is really lost is never taken from that list,
but found by reading the new text again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gangsaw.core.model import Check, Task
from gangsaw.plan.effective import check_value
from gangsaw.sources.drafts import Draft

NUMBERS_MAX = 1_000_000
"""Numbers that are tried for a new key."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The files of a source by their names (within its folder, if it is one), and the key that each
    task has there, by its id."""

    files: Mapping[str, str]
    keys: Mapping[str, str]


Compose = Callable[[Draft, float], Composed]
"""Takes a draft, and when it is written (epoch seconds) for files that say such things."""


def keys_of(draft: Draft, legal: re.Pattern[str], make: Callable[[int], str]) -> dict[str, str]:
    """A key for each task: its id where that is a legal one, else the next free number."""
    keys = {task.id: task.id for task in draft.tasks if legal.fullmatch(task.id)}
    taken = {key.casefold() for key in keys.values()}
    free = (key for n in range(1, NUMBERS_MAX) if (key := make(n)).casefold() not in taken)
    return {task.id: keys.get(task.id) or next(free) for task in draft.tasks}


def own_keys(draft: Draft) -> dict[str, str]:
    """The ids as keys, for files in which anything may be one."""
    return {task.id: task.id for task in draft.tasks}


def plain_checks(task: Task) -> list[str]:
    """Those checks that are nothing but a command."""
    return [line for each in task.checks if (line := _line(each))]


def _line(check: Check) -> str:
    said = check_value(check)
    return said if isinstance(said, str) else ""


def nearest_word(words: Mapping[str, int], value: int) -> str:
    """The word whose number is nearest to a value, of two equally near ones the higher."""
    return min(words, key=lambda word: (abs(words[word] - value), -words[word]))


def json_text(value: Any) -> str:
    """A value as people read JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def filled(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table without what says nothing."""
    return {key: value for key, value in table.items() if value not in (None, "", [], {})}


def stamp(at: float) -> str:
    """A time as such files write it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def indented(text: str, blanks: str) -> list[str]:
    """The lines of a text, each moved to the right; empty ones stay empty."""
    return [f"{blanks}{line}" if line.strip() else "" for line in text.split("\n")] if text else []
