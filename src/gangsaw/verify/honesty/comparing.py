"""The tests before a change and after it, held side by side over the whole of the change.

A test that goes on elsewhere or by another name is not gone, nor is one whose demands another test,
a helper or a table of cases makes now. What was demanded and is demanded nowhere any more is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gangsaw.core.changes import ChangedFile, Side
from gangsaw.core.honesty import Concern, ConcernKind
from gangsaw.verify.honesty.claims import EXACT, KIND, Assertion, Skip, Suite, Unit
from gangsaw.verify.honesty.files import Language, holds_tests, language_of
from gangsaw.verify.honesty.line_tests import read_lines
from gangsaw.verify.honesty.python_tests import read_python

LIKE = 0.5
"""Share of its statements by which a test is known again under another name."""
MERGED = 0.6
"""Share of its words by which a test is known again within a larger one."""
COVERED = 0.6
"""Share of its words by which a demand is known again in what was added."""
PER_FILE_MAX = 20
_SHOWN_MAX = 80


@dataclass(frozen=True, slots=True)
class _Read:
    """One side of the change: test files by path."""

    files: dict[str, Suite]
    broken: tuple[tuple[str, str], ...] = ()


def test_concerns(files: Iterable[ChangedFile]) -> Iterator[Concern]:
    """Tests that are gone, do not run any more, or demand less."""
    changed = list(files)
    before = _read((file.path, file.before) for file in changed)
    after = _read((file.path, file.after) for file in changed)
    for path, why in after.broken:
        if path in before.files:
            yield Concern(ConcernKind.UNREAD, path, 0, why)
    comparison = _Comparison(before, after)
    counts: Counter[tuple[str, ConcernKind]] = Counter()
    for concern in comparison.concerns():
        counts[concern.path, concern.kind] += 1
        if counts[concern.path, concern.kind] <= PER_FILE_MAX:
            yield concern


def _read(sides: Iterable[tuple[str, Side | None]]) -> _Read:
    found: dict[str, Suite] = {}
    broken: list[tuple[str, str]] = []
    for path, side in sides:
        language = language_of(path)
        if side is None or language is None:
            continue
        text = side.text
        if text is None:
            broken.append((path, "its tests are too large to be looked at"))
        elif holds_tests(path, text):
            reads = read_python if language is Language.PYTHON else read_lines
            read = reads(path, text)
            if read is None:
                broken.append((path, f"cannot be read as {language.value}"))
            else:
                found[path] = read
    return _Read(found, tuple(broken))


Key = tuple[str, str]


class _Comparison:
    """Both sides, and what was added in the new one."""

    def __init__(self, before: _Read, after: _Read) -> None:
        self._before, self._after = before, after
        broken = {path for path, _ in after.broken}
        self._then = {
            (path, unit.name): unit
            for path, file in before.files.items() if path not in broken
            for unit in file.units
        }  # fmt: skip
        self._now = {
            (path, unit.name): unit for path, file in after.files.items() for unit in file.units
        }
        known = {text for file in before.files.values() for text in file.statements}
        self._added_words = {
            word
            for file in after.files.values()
            for text, words in file.statements.items() if text not in known
            for word in words
        }  # fmt: skip
        kept = Counter(each.text for unit in self._then.values() for each in unit.assertions)
        self._added = []
        for unit in self._now.values():
            for each in unit.assertions:
                if kept[each.text] > 0:
                    kept[each.text] -= 1
                else:
                    self._added.append(each)
        self._moved = Counter(each.text for each in self._moved_assertions())

    def _moved_assertions(self) -> Iterator[Assertion]:
        """Assertions that a unit has now and had not before, wherever they were then."""
        for key, unit in self._now.items():
            old = self._then.get(key)
            had = Counter(each.text for each in old.assertions) if old is not None else Counter()
            for each in unit.assertions:
                if had[each.text] > 0:
                    had[each.text] -= 1
                else:
                    yield each

    def concerns(self) -> Iterator[Concern]:
        """All of them, by file."""
        partners: dict[Key, Key] = {key: key for key in self._then if key in self._now}
        missing = [key for key in self._then if key not in self._now]
        fresh = [key for key in self._now if key not in self._then]
        for key in missing:
            partner = self._partner(key, fresh)
            if partner is not None:
                partners[key] = partner
        shared = Counter(partners.values())
        for key, old in self._then.items():
            found = partners.get(key)
            if found is not None:
                is_same = self._now[found].is_test == old.is_test or not old.is_test
                if is_same:
                    yield from self._compare(key[0], old, found, alone=shared[found] == 1)
                    continue
            yield from self._gone(key[0], old)
        yield from self._fresh_skips(set(partners.values()))
        yield from self._file_skips()
        yield from self._tables()

    # -- which is which ---------------------------------------------------------------------------

    def _partner(self, key: Key, fresh: Sequence[Key]) -> Key | None:
        """The unit that this one has become, or has become a part of."""
        old = self._then[key]
        same = [
            each for each in fresh
            if self._now[each].bare == old.bare and self._now[each].is_test == old.is_test
        ]  # fmt: skip
        if len(same) == 1:
            return same[0]
        best, most = None, 0.0
        for each in fresh:
            new = self._now[each]
            if new.is_test != old.is_test:
                continue
            share = _share(old.statements, new.statements)
            if share >= LIKE and share > most:
                best, most = each, share
        if best is not None or len(old.words) < 2:
            return best
        for each in fresh:
            new = self._now[each]
            share = _share(old.words, new.words)
            enough = bool(new.assertions) or not old.assertions
            if new.is_test == old.is_test and enough and share >= MERGED and share > most:
                best, most = each, share
        return best

    # -- what is gone -----------------------------------------------------------------------------

    def _gone(self, path: str, old: Unit) -> Iterator[Concern]:
        """A unit that nothing has taken the place of."""
        left = [each for each in old.assertions if not self._goes_on(each)]
        if not old.is_test:
            # A helper whose callers demand the same themselves has been inlined.
            return
        if (old.assertions and not left) or self._is_doubled(old):
            return
        if not old.assertions and old.words and _share(old.words, self._added_words) >= MERGED:
            return
        if old.skips and not any(skip.conditional for skip in old.skips):
            return  # it did not run before either
        text = f"the test {old.bare} is gone"
        yield Concern(ConcernKind.TESTS_DELETED, path, old.line, text, old=True)

    def _is_doubled(self, old: Unit) -> bool:
        """Whether another test does all that this one did."""
        return bool(old.statements) and any(
            unit.is_test and not unit.skips and unit.statements >= old.statements
            for unit in self._now.values()
        )

    def _goes_on(self, wanted: Assertion) -> bool:
        """Whether the demand is made in something that was added."""
        if self._moved[wanted.text] > 0:
            return True
        if not wanted.words and not wanted.names:
            return False
        words = wanted.words or wanted.names
        if _share(words, self._added_words) < COVERED:
            return False
        about = wanted.callees | wanted.names
        return any(
            each.level >= wanted.level
            and (not about or about & (each.callees | each.names) or each.level >= EXACT)
            for each in self._added
        )

    # -- what demands less ------------------------------------------------------------------------

    def _compare(self, path: str, old: Unit, key: Key, *, alone: bool) -> Iterator[Concern]:
        new = self._now[key]
        was_off = any(not skip.conditional for skip in old.skips)
        if len(new.skips) > len(old.skips) and not was_off:
            known = {skip.text for skip in old.skips}
            skip = next((each for each in new.skips if each.text not in known), new.skips[-1])
            text = f"the test {new.bare} is not run as before: {_short(skip.text)}"
            yield Concern(ConcernKind.TESTS_SKIPPED, key[0], skip.line, text)
        if alone:
            yield from self._fewer_rows(old, new, key[0])
        yield from self._weaker(path, old, new, key[0])

    def _fewer_rows(self, old: Unit, new: Unit, path: str) -> Iterator[Concern]:
        if not old.rows or len(new.rows) >= len(old.rows):
            return
        gone = list((Counter(old.rows) - Counter(new.rows)).elements())
        lost = [row for row in gone if not self._row_goes_on(row)]
        if lost:
            many = "s" if len(lost) > 1 else ""
            text = f"the test {new.bare} has {len(lost)} case{many} less: {_short(lost[0])}"
            yield Concern(ConcernKind.ASSERTS_WEAKENED, path, new.line, text)

    def _row_goes_on(self, row: str) -> bool:
        return any(
            row in text
            for file_path, file in self._after.files.items()
            for text in file.statements
            if text not in self._statements_before(file_path)
        )

    def _statements_before(self, path: str) -> frozenset[str]:
        file = self._before.files.get(path)
        return frozenset(file.statements) if file is not None else frozenset()

    def _weaker(self, path: str, old: Unit, new: Unit, new_path: str) -> Iterator[Concern]:
        had = Counter(each.text for each in new.assertions)
        gone: list[Assertion] = []
        for each in old.assertions:
            if had[each.text] > 0:
                had[each.text] -= 1
            else:
                gone.append(each)
        was = Counter(each.text for each in old.assertions)
        fresh: list[Assertion] = []
        for each in new.assertions:
            if was[each.text] > 0:
                was[each.text] -= 1
            else:
                fresh.append(each)
        for wanted in sorted(gone, key=lambda each: -each.level):
            if self._implied(wanted, new):
                continue
            same = [each for each in fresh if each.sides & wanted.sides]
            as_much = next((each for each in same if not _is_weaker(wanted, each)), None)
            if as_much is not None:
                fresh.remove(as_much)
                continue
            if same:
                looser = same[0]
                text = f"{_short(wanted.shown)} became {_short(looser.shown)}"
                if not self._moved_away(wanted):
                    fresh.remove(looser)
                    yield Concern(ConcernKind.ASSERTS_WEAKENED, new_path, looser.line, text)
                continue
            if self._replaced(wanted, new, fresh):
                continue
            text = f"is demanded no more: {_short(wanted.shown)}"
            yield Concern(ConcernKind.ASSERTS_WEAKENED, path, wanted.line, text, old=True)

    def _moved_away(self, wanted: Assertion) -> bool:
        return self._moved[wanted.text] > 0

    def _implied(self, wanted: Assertion, new: Unit) -> bool:
        """Whether it said little, and something stricter is said of the same."""
        return wanted.level <= KIND and any(
            each.sides & wanted.sides and each.level > wanted.level for each in new.assertions
        )

    def _inlined(self, wanted: Assertion) -> bool:
        """Whether it was a call of a function that is gone, and its demands are made without it."""
        called = [
            unit for (_, name), unit in self._then.items()
            if name in wanted.callees and unit.assertions and not unit.is_test
        ]  # fmt: skip
        there = {unit.name for unit in self._now.values()}
        return any(
            unit.name not in there and all(self._goes_on(each) for each in unit.assertions)
            for unit in called
        )

    def _replaced(self, wanted: Assertion, new: Unit, fresh: list[Assertion]) -> bool:
        """Whether something else now demands as much, here or in what was added."""
        if self._goes_on(wanted):
            return True
        if self._inlined(wanted):
            return True
        about = wanted.names | wanted.callees
        values = wanted.words - wanted.callees
        for each in fresh:
            alike = about & (each.names | each.callees) or (
                values and values == each.words - each.callees
            )
            if each.level >= wanted.level and alike:
                fresh.remove(each)
                return True
        return False

    # -- what does not run ------------------------------------------------------------------------

    def _fresh_skips(self, known: set[Key]) -> Iterator[Concern]:
        """New tests that never run."""
        for key, unit in self._now.items():
            if key in known or key in self._then or not unit.is_test:
                continue
            for skip in unit.skips:
                if not skip.conditional:
                    text = f"the new test {unit.bare} is not run: {_short(skip.text)}"
                    yield Concern(ConcernKind.TESTS_SKIPPED, key[0], skip.line, text)
                    break

    def _file_skips(self) -> Iterator[Concern]:
        """What keeps a whole file from running."""
        had = Counter(skip.text for file in self._before.files.values() for skip in file.skips)
        for path, file in self._after.files.items():
            for skip in file.skips:
                if had[skip.text] > 0:
                    had[skip.text] -= 1
                    continue
                if path in self._before.files or not skip.conditional:
                    text = f"keeps tests of this file from running: {_short(skip.text)}"
                    yield Concern(ConcernKind.TESTS_SKIPPED, path, skip.line, text)

    def _tables(self) -> Iterator[Concern]:
        """Named lists of cases that have become shorter."""
        for path, file in self._after.files.items():
            before = self._before.files.get(path)
            for name, (line, rows) in file.tables.items():
                old = before.tables.get(name) if before is not None else None
                if old is None or len(rows) >= len(old[1]):
                    continue
                gone = list((Counter(old[1]) - Counter(rows)).elements())
                lost = [row for row in gone if not self._row_goes_on_without(row, path, name)]
                if lost:
                    text = f"{name} has {len(lost)} fewer cases: {_short(lost[0])}"
                    yield Concern(ConcernKind.ASSERTS_WEAKENED, path, line, text)

    def _row_goes_on_without(self, row: str, path: str, name: str) -> bool:
        return any(
            row in rows
            for at, file in self._after.files.items()
            for other, (_, rows) in file.tables.items()
            if (at, other) != (path, name)
        ) or self._row_goes_on(row)


def _share(part: frozenset[str], whole: Iterable[str]) -> float:
    """How much of `part` is in `whole`, from 0 to 1."""
    if not part:
        return 0.0
    return len(part & set(whole)) / len(part)


def _is_weaker(old: Assertion, new: Assertion) -> bool:
    """Whether the new demand about the same thing allows what the old one did not."""
    if new.level < old.level:
        return True
    if new.slack > old.slack and new.slack > _SLACK_LEAST:
        return True
    if old.bound is not None and new.bound is not None and old.bound[0] == new.bound[0]:
        way, limit = old.bound
        return new.bound[1] > limit if way == "<" else new.bound[1] < limit
    if old.part is not None and new.part is not None and old.level == new.level:
        return new.part != old.part and new.part in old.part
    return False


_SLACK_LEAST = 1e-5


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_MAX else flat[: _SHOWN_MAX - 1] + "…"


__all__ = ["Skip", "test_concerns"]
