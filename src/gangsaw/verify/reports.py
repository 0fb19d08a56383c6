"""What the reports that a check leaves, or else its output, say about single tests.

A report is evidence, never a verdict: that is the exit code's. It was written by code under test,
so nothing in it is trusted: it is only read where it is an ordinary file within the tree, up to a
size, without document type or entities (JUnit's XML), and it names nothing that is then opened.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.parsers import expat

REPORT_BYTES_MAX = 32 * 1024 * 1024
OUTPUT_BYTES_MAX = 512 * 1024
"""So much of the end of an output is searched for names of tests."""

NAMES_MAX = 20
NAME_MAX = 200
"""Tests that are named, and characters of a name; the others are counted."""

DEPTH_MAX = 100
"""Elements within elements of a report."""

Mark = tuple[int, int, int, int] | None
"""What tells a file from the one that was there before: device, inode, size and time."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Tests that failed, the number of those not named, and how many tests there were at all
    (`None`: not told)."""

    names: tuple[str, ...] = ()
    more: int = 0
    tests: int | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Why there is nothing to learn from a report."""

    why: str


class _Broken(Exception):
    pass


def mark_of(tree: Path, report: str) -> Mark:
    """How the report is told from a later one; `None` if there is none."""
    try:
        found = os.stat(tree / report, follow_symlinks=False)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def read_junit(tree: Path, report: str, before: Mark) -> Failing | Unread:
    """The failed tests of a JUnit report that the check has written since `before`."""
    return _read(tree, report, before, _junit)


def read_sarif(tree: Path, report: str, before: Mark) -> Failing | Unread:
    """The findings of a SARIF report, as `rule file:line`: errors, else warnings."""
    return _read(tree, report, before, _sarif)


def _read(tree: Path, report: str, before: Mark, parse: Any) -> Failing | Unread:
    content = _content(tree, report, before)
    if isinstance(content, Unread):
        return content
    try:
        found: Failing = parse(content)
    except (_Broken, expat.ExpatError, ValueError, RecursionError) as error:
        return Unread(f"its report {report} cannot be read: {error}")
    return found


def _content(tree: Path, report: str, before: Mark) -> bytes | Unread:
    """The bytes of the report; no link is followed on the way to it."""
    parts = PurePosixPath(report).parts
    if not parts or report.startswith("/") or ".." in parts:
        return Unread(f"its report {report} lies outside of the tree, and is not read")
    folder = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(
                part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder
            )
            os.close(folder)
            folder = below
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(parts[-1], flags, dir_fd=folder)
    except FileNotFoundError:
        return Unread(f"it left no report {report}")
    except OSError as error:
        links = "it is a link, or behind one" if error.errno in _LINKS else error.strerror
        return Unread(f"its report {report} is not read: {links}")
    finally:
        os.close(folder)
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            return Unread(f"its report {report} is not read: it is no ordinary file")
        if (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns) == before:
            return Unread(f"it left no report {report}: there is only one from before")
        if about.st_size > REPORT_BYTES_MAX:
            return Unread(f"its report {report} is not read: {about.st_size} bytes are too many")
        with os.fdopen(os.dup(file), "rb") as opened:
            return opened.read(REPORT_BYTES_MAX)
    finally:
        os.close(file)


_LINKS = frozenset({errno.ELOOP, errno.ENOTDIR})
"""A link, or something else in the place of a folder."""


class _Names:
    """The first names, each once; the others counted."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.more = 0

    def add(self, name: str) -> None:
        """Note one more, on one line."""
        flat = " ".join(name.split())
        flat = flat if len(flat) <= NAME_MAX else flat[: NAME_MAX - 1] + "…"
        if flat in self.names:
            return
        if len(self.names) < NAMES_MAX:
            self.names[flat] = None
        else:
            self.more += 1

    def failing(self, tests: int | None = None) -> Failing:
        """What was noted."""
        return Failing(tuple(self.names), self.more, tests)


def failing_of(names: Iterable[str]) -> Failing:
    """These names, bounded."""
    found = _Names()
    for name in names:
        found.add(name)
    return found.failing()


# --- JUnit ---------------------------------------------------------------------------------------


def _junit(content: bytes) -> Failing:
    """Names of the test cases with a failure or an error; suites that failed as such too."""
    reading = _JUnit()
    parser = expat.ParserCreate()
    for callback, on in (
        ("StartDoctypeDeclHandler", _refuse),
        ("EntityDeclHandler", _refuse),
        ("StartElementHandler", reading.begin),
        ("EndElementHandler", reading.end),
    ):
        setattr(parser, callback, on)
    parser.Parse(content, True)
    if not reading.is_junit:
        raise _Broken("it is no JUnit report")
    return reading.names.failing(reading.tests)


def _refuse(*_: object) -> None:
    raise _Broken("it declares a document type, which is not read")


class _JUnit:
    def __init__(self) -> None:
        self.names = _Names()
        self.tests = 0
        self.is_junit = False
        self._open: list[tuple[str, str]] = []
        self._failed = 0

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if len(self._open) >= DEPTH_MAX:
            raise _Broken("it is nested too deep")
        if not self._open:
            self.is_junit = tag in ("testsuites", "testsuite")
        if tag == "testcase":
            self.tests += 1
            self._failed = 0
        if tag in ("failure", "error") and not self._failed:
            around = [name for kind, name in self._open if kind == "testcase"]
            suites = [name for kind, name in self._open if kind == "testsuite" and name]
            self._failed = 1 if around else 0
            self.names.add(around[-1] if around else suites[-1] if suites else "a test suite")
        self._open.append((tag, _named(attributes)))

    def end(self, tag: str) -> None:
        """An element ends."""
        self._open.pop()
        if tag == "testcase":
            self._failed = 0


def _named(attributes: dict[str, str]) -> str:
    name, within = attributes.get("name", ""), attributes.get("classname", "")
    return f"{within}::{name}" if within and within != name else name


def as_pytest_names(tree: Path, names: Iterable[str]) -> tuple[str, ...]:
    """The names as pytest takes them, where its report names a module of the tree:
    `tests.test_a.TestB::test_c` is `tests/test_a.py::TestB::test_c`. Others as they are."""
    return tuple(_as_pytest_name(tree, name) for name in names)


def _as_pytest_name(tree: Path, name: str) -> str:
    within, mark, test = name.partition("::")
    parts = within.split(".")
    if not 1 <= len(parts) <= DEPTH_MAX or not all(part.isidentifier() for part in parts):
        return name
    for end in range(len(parts), 0, -1):
        path = "/".join(parts[:end]) + ".py"
        if (tree / path).is_file():
            return "::".join([path, *parts[end:], *([test] if mark else [])])
    return name


# --- SARIF ---------------------------------------------------------------------------------------


def _sarif(content: bytes) -> Failing:
    """Errors that are not suppressed; warnings where there are no errors."""
    report = json.loads(content.decode("utf-8-sig"))
    runs = _at(report, "runs")
    if not isinstance(runs, list):
        raise _Broken("it is no SARIF report")
    found: dict[str, list[str]] = {"error": [], "warning": []}
    for result in (each for run in runs for each in _listed(run, "results")):
        level = _at(result, "level") or "warning"
        kind = _at(result, "kind") or "fail"
        if kind == "fail" and not _listed(result, "suppressions") and level in found:
            found[level].append(_finding(result))
    return failing_of(found["error"] or found["warning"])


def _finding(result: Any) -> str:
    rule = _at(result, "ruleId") or _at(_at(result, "rule"), "id")
    places = _listed(result, "locations")
    place = _at(places[0], "physicalLocation") if places else None
    file = _at(_at(place, "artifactLocation"), "uri")
    line = _at(_at(place, "region"), "startLine")
    where = f"{file}:{line}" if isinstance(line, int) else file
    parts = [str(part) for part in (rule, where) if part]
    return " ".join(parts) or "a finding without a name"


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _listed(value: Any, key: str) -> list[Any]:
    found = _at(value, key)
    return found if isinstance(found, list) else []


# --- outputs -------------------------------------------------------------------------------------

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LINES = (
    re.compile(r"(?:FAILED|ERROR) (\S+\.py(?:::.+?)?)(?: - .*)?"),  # pytest's short summary
    re.compile(r" *--- FAIL: (Test\S*|Fuzz\S*|Example\S*) \([0-9.]+s\)"),  # go test
    re.compile(r"test (\S+) \.\.\. FAILED"),  # cargo test
)


def names_in_output(folder: Path) -> Failing:
    """Tests that the output of a failed check names in one of a few well-known forms."""
    return failing_of(_names(folder))


def _names(folder: Path) -> Iterator[str]:
    for stream in ("out", "err"):
        with suppress(FileNotFoundError), (folder / stream).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - OUTPUT_BYTES_MAX))
            text = file.read(OUTPUT_BYTES_MAX).decode("utf-8", "replace")
            for line in _COLOURS.sub("", text).splitlines():
                for form in _LINES:
                    if found := form.fullmatch(line.rstrip()):
                        yield found[1]
