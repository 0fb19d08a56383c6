"""A new version of a task file in one line."""

from __future__ import annotations

from collections.abc import Iterable

from gangsaw.core.events_watching import SourceTaken
from gangsaw.core.state import State
from gangsaw.core.watching import mark_text
from gangsaw.views.status import NAMES_MAX, named
from gangsaw.views.text import flat

TEXTS_MAX = 4
"""Faults of single records that are shown of one version."""


def taken_text(event: SourceTaken, state: State) -> str:
    """What is new in it, and what of that has to wait."""
    shown = event.shown or (state.task_file.shown if state.task_file is not None else ())
    where = shown[0] if len(shown) == 1 else "the task file"
    later = state.source.later
    edited = [task.id for task in event.edited]
    parts = _said("added", (record.entry.task for record in event.added))
    parts += _said("edited", (name for name in edited if name not in later))
    parts += _said(
        "edited (holds after the present attempt)", (name for name in edited if name in later)
    )
    by_mark: dict[str, list[str]] = {}
    for each in event.marked:
        waits = " (holds after the present attempt)" if each.task in later else ""
        by_mark.setdefault(mark_text(each.mark) + waits, []).append(each.task)
    for words, names in by_mark.items():
        parts += _said(f"{words} there", names)
    parts += _said("open again", event.opened)
    parts += _listed("not read", event.unread) + _listed("noted", event.notes)
    return f"· {where} was changed: {' · '.join(parts) or 'nothing to do about it'}"


def _listed(words: str, texts: tuple[str, ...]) -> list[str]:
    rest = len(texts) - TEXTS_MAX
    more = [f"and {rest} more, see gangsaw plan check"] if rest > 0 else []
    return [f"{words}: {'; '.join([*map(flat, texts[:TEXTS_MAX]), *more])}"] if texts else []


def _said(words: str, names: Iterable[str]) -> list[str]:
    found = list(names)
    return [f"{named(found, NAMES_MAX)} {words}"] if found else []
