"""The notes of one look at an agent's output, kept to what later ones have not made obsolete.

An agent may write notes without end: what comes of a look is bounded, whatever was read, and so is
what comes of a launch, since much of it is kept in the journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gangsaw.core.launch import SHOWN, Note, ResultNoted, StartedNoted, UsageNoted

EACH_MAX = 200
"""Different notes of one type kept of a look; the oldest go."""

OF_LAUNCH_MAX = 1000
"""Notes of one type that one launch may make, usage and the final word not counted."""

_LAST_ONLY = (UsageNoted, StartedNoted, ResultNoted)
"""Of these only the last one counts: usage is absolute, and there is one final word."""


class Gathered:
    """Takes notes as they are read. `shown` is the last that belongs into the live line."""

    def __init__(self) -> None:
        self.shown = ""
        self._by_type: dict[type, dict[Note, int]] = {}
        self._count = 0

    def add(self, notes: Iterable[Note]) -> None:
        """Keep these, and drop what they make obsolete."""
        for note in notes:
            if isinstance(note, SHOWN):
                self.shown = note.text
                continue
            kept = self._by_type.setdefault(type(note), {})
            if isinstance(note, _LAST_ONLY):
                kept.clear()
            kept.pop(note, None)  # once more said: it is the latest now
            self._count += 1
            kept[note] = self._count
            if len(kept) > EACH_MAX:
                del kept[next(iter(kept))]

    def notes(self) -> list[Note]:
        """What was kept, in the order in which it was last said."""
        said = [item for kept in self._by_type.values() for item in kept.items()]
        return [note for note, _ in sorted(said, key=lambda item: item[1])]


class Heard:
    """What one launch has said so far, in numbers: who says too much is not listened to."""

    def __init__(self) -> None:
        self._counts: Counter[type] = Counter()

    def listen(self, notes: Iterable[Note]) -> list[Note]:
        """Those of the notes that are within the bound."""
        kept = []
        for note in notes:
            self._counts[type(note)] += 1
            if isinstance(note, _LAST_ONLY) or self._counts[type(note)] <= OF_LAUNCH_MAX:
                kept.append(note)
        return kept
