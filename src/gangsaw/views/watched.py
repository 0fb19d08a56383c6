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
    where, several = _where(event, state)
    were = "were" if several else "was"
    later = state.source.later
    edited = [task.id for task in event.edited]
    parts = _said("added", (each.entry.task for each in event.added if not each.joined))
    parts += _said(
        "added to what was done, which is open again",
        (each.entry.task for each in event.added if each.joined),
    )
    parts += _said("edited", (name for name in edited if name not in later))
    parts += _said(
        "edited (holds after the present attempt)",
        (name for name in edited if name in later and not state.task_states[name].finished),
    )
    parts += _said(
        "edited, but done: stays as it was",
        (name for name in edited if name in later and state.task_states[name].finished),
    )
    by_mark: dict[str, list[str]] = {}
    for each in event.marked:
        waits = " (holds after the present attempt)" if each.task in later else ""
        by_mark.setdefault(mark_text(each.mark) + waits, []).append(each.task)
    for words, names in by_mark.items():
        parts += _said(f"{words} there", names)
    parts += _said("in another file", (entry.task for entry in event.moved))
    parts += _said("open again", event.opened)
    parts += _said("landed, but open again there: written once more", event.restored)
    parts += _said("landed, but opened there again: left so", event.left)
    parts += _said("to be written now that it can be", event.again)
    parts += _listed("not read", event.unread) + _listed("noted", event.notes)
    return f"· {where} {were} changed: {' · '.join(parts) or 'nothing to do about it'}"


def _where(event: SourceTaken, state: State) -> tuple[str, bool]:
    """What has changed of the source, and whether these are several files; where no reading before
    is known, the files of the records that are news."""
    shown = event.shown or (state.task_file.shown if state.task_file is not None else ())
    if len(shown) == 1:
        return shown[0], False
    names = [record.entry.task for record in event.added]
    names += [task.id for task in event.edited]
    names += [*(each.task for each in event.marked), *event.opened, *event.restored, *event.left]
    homes = [state.entries[name].document for name in names]
    found = event.changed or tuple(dict.fromkeys(shown[at] for at in homes if at < len(shown)))
    return named(list(found), NAMES_MAX) or "the task file", len(found) > 1


def _listed(words: str, texts: tuple[str, ...]) -> list[str]:
    rest = len(texts) - TEXTS_MAX
    more = [f"and {rest} more, see gangsaw plan check"] if rest > 0 else []
    return [f"{words}: {'; '.join([*map(flat, texts[:TEXTS_MAX]), *more])}"] if texts else []


def _said(words: str, names: Iterable[str]) -> list[str]:
    found = list(names)
    return [f"{named(found, NAMES_MAX)} {words}"] if found else []
