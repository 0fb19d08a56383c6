"""A task file that has marks of ours, and of which another version comes: the marks set anew on it.

Ours a mark is only where that can be proved: the dialect's edits for what the run has said, made in
the version that the file was written from, give exactly the bytes that the file has. Then nothing
that anybody else wrote is in it, and the other version takes its place, with the same said of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gangsaw.core.errors import UserError
from gangsaw.core.standing import WORKING
from gangsaw.sources.place import BOM, text_of
from gangsaw.sources.protocol import Dialect, Document, Item, Report, Standing
from gangsaw.sources.writing import OPEN, Wish, granted, with_edits

Said = Mapping[str, Sequence[Report]]
"""For every record of the run what it may have said of it, the likeliest first."""


def carried(
    kind: Dialect, shown: str, said: Said, old: bytes, new: bytes, now: bytes
) -> bytes | None:
    """What a file that is `now` should be when `new` comes in the place of `old`; `None` where it
    has anything but marks of ours in it, or one would be lost that might be somebody else's."""
    try:
        before, after = _Version(kind, shown, old), _Version(kind, shown, new)
        saying = next(before.gives(now, said), None)
        if saying is not None:
            return _carried(before, after, said, saying)
        # It may have been exchanged by a life that was killed before anything followed.
        return now if any(after.gives(now, said)) else None
    except UserError:
        return None  # no text, or too much of it


@dataclass(frozen=True, slots=True)
class _Saying:
    """Reports that were written; `twice`: of what is not at work any more, that it was, before."""

    reports: tuple[Report, ...]
    twice: bool


class _Version:
    """One text of the file, and its records."""

    def __init__(self, kind: Dialect, shown: str, content: bytes) -> None:
        self._kind, self._shown, self._content = kind, shown, content
        found = kind.read([Document(shown, text_of(content, shown))]).items
        self.items: dict[str, Item] = {item.key: item for item in found}
        self._is_certain = len(self.items) == len(found)

    def of(self, content: bytes) -> _Version:
        """Another one of the same file."""
        return _Version(self._kind, self._shown, content)

    def gives(self, now: bytes, said: Said) -> Iterator[_Saying]:
        """How it may have become `now`, by nothing but what was said."""
        items = self.of(now).items
        if list(items) != list(self.items) or not self._is_certain:
            return  # of a key that two records have nobody knows whose mark it is
        for twice in (False, True):
            for pick in (0, -1):
                saying = _Saying(tuple(self._chosen(items, said, pick)), twice)
                if self.saying(saying) == now:
                    yield saying

    def saying(self, said: _Saying) -> bytes:
        """Its bytes after these were written."""
        text = text_of(self._content, self._shown)
        for reports in self._rounds(said):
            edits = self._kind.edits(Document(self._shown, text), reports).edits
            text = with_edits(text, edits)
        bom = BOM if self._content.startswith(BOM) else b""
        return bom + text.encode("utf-8")

    def _rounds(self, said: _Saying) -> Iterator[tuple[Report, ...]]:
        if said.twice:
            open_here = (each for each in said.reports if self._is_open(each.key))
            yield tuple(map(_begun, open_here))
        yield said.reports

    def _is_open(self, key: str) -> bool:
        item = self.items.get(key)
        return item is not None and item.standing in OPEN

    def _chosen(self, now: Mapping[str, Item], said: Said, pick: int) -> Iterator[Report]:
        """What was said of each record, by where it stands now."""
        for key, possible in said.items():
            if key not in now:
                continue
            standing = now[key].standing
            fitting = [each for each in possible if each.standing is standing]
            if fitting:
                yield fitting[pick]
            elif standing is not self.items[key].standing:
                # Said by us after this was asked, or by somebody: it has to survive either way.
                yield Report(key, standing)


def _begun(report: Report) -> Report:
    """What was said while the task was at work. Only where that is told has a file of holders."""
    if report.standing is Standing.RUNNING:
        return report
    phase = WORKING if report.holder else ""
    return replace(report, standing=Standing.RUNNING, commit="", phase=phase, note="")


def _carried(before: _Version, after: _Version, said: Said, saying: _Saying) -> bytes | None:
    """The new version with the same said of it, if nothing is lost with what is not said anew."""
    wishes = []
    for report in saying.reports:
        was = before.items[report.key].standing
        item = after.items.get(report.key)
        # What the new version says otherwise than the old one is not for us to take back.
        if report.standing is not was or (item is not None and item.standing is was):
            wishes.append(Wish(report, was))
    result = after.saying(_Saying(tuple(granted(after.items, wishes)[0]), saying.twice))
    items = after.of(result).items
    others = [each for each in saying.reports if each not in said[each.key]]
    kept = (each.key in items and items[each.key].standing is each.standing for each in others)
    return result if all(kept) else None
