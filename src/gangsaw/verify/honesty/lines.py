"""Lines that a change has added, with their numbers."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator

from gangsaw.core.changes import ChangedFile

EXACT_MAX = 4_000
"""Lines of a file up to which additions are found in order; of longer ones as a set."""


def added_lines(file: ChangedFile) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that the file did not have before."""
    new = file.after.text if file.after is not None else None
    old = file.before.text if file.before is not None else None
    if new is None:
        return
    yield from added_in(old or "", new)


def removed_lines(file: ChangedFile) -> Iterator[tuple[int, str]]:
    """Number and text of each line that the file has no more."""
    old = file.before.text if file.before is not None else None
    new = file.after.text if file.after is not None else None
    if old is not None:
        yield from added_in(new or "", old)


def added_in(old: str, new: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line of `new` that was added to `old`."""
    before, after = old.splitlines(), new.splitlines()
    if not before:
        yield from enumerate(after, 1)
        return
    if max(len(before), len(after)) > EXACT_MAX:
        left = Counter(before)
        for number, line in enumerate(after, 1):
            if left[line]:
                left[line] -= 1
            else:
                yield number, line
        return
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, _, _, first, end in matcher.get_opcodes():
        if tag in ("insert", "replace"):
            yield from ((number + 1, after[number]) for number in range(first, end))
