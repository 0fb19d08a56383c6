"""Whatever a file holds, a dialect reads it: without an exception, without going on for ever; and
what it would write is read as meant."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType

import pytest

from gangsaw.core.errors import UserError
from gangsaw.sources import (
    NAMES,
    Document,
    Item,
    Report,
    Standing,
    dialect,
    read_documents,
    with_edits,
)
from gangsaw.sources.lines import lines_of
from tests.sources.corpus import cases

LONG = bool(os.environ.get("GANGSAW_LONG"))
INPUTS = 100_000 if LONG else 400
CHECKED_EVERY = 10
"""Of so many inputs one is made into a plan, too, which takes longer."""

TEXT_MAX = 20_000
HANG_CPU_S = 60.0
"""Of processor time: what takes that long will never end."""

STRETCHED = 200_000 if LONG else 10_000
"""Characters of the long inputs."""

HOSTILE = [
    "", " ", "\t", "\r", "\r\n", "\n", "\n\n", "\x00", "\x0b", "\u2028", "\ufeff", "\u202e", "é",
    "🔄", "- [ ] ", "- [x] ", "[", "]", "(", ")", "**", "`", "```", "~~~", "<!--", "-->", "#",
    "### ", "|", "| a | b |", "T001", "T001-T999", "T000001", "(depends on ", "(depends on T001)",
    " — Deps: ", "[P]", "[US1]", "[IMP-A]", "## Phase 2: x", "### **Group A: x**",
    "### **Group B: y** [DONE]", "**Prerequisites:** Group A-Z complete", "1. **Track 1: x**",
    "(after Track 1-9)", "→", "[DONE]", "### FIX-001: x", "**Status:** ", "**File:** ", "Open",
    "{", "}", '"', ":", ",", "\\", "&a *a", "## Issue #1", "#1", "#2-9", "Issues 1, 2 and 3", " → ",
    "A --> B", "```mermaid", "├── #2", "depends on #1", "blocks all", "| Issue | Depends on |",
    "## Phase 1", "`npm test` passes", "Owner Issue", "Per Issue", "src/{a,b}.py",
]  # fmt: skip

PATHS = {
    "planning": (
        "x/implementation-plan.md", "x/dependency-graph.md", "x/file-ownership.md",
        "x/verification-checklist.md", "x/integration-plan.md", "x/contracts.ts",
    )
}  # fmt: skip
"""Names by which a dialect tells its files apart; texts of all others have any."""


class Hung(Exception):
    """An input that would never have been read to its end."""


@contextmanager
def hang_guard() -> Iterator[None]:
    """Raise `Hung` where something takes a minute of the processor."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hung

    former = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def seeds_of(name: str) -> list[str]:
    texts = []
    for case in cases(name):
        try:
            texts += [text.text for text in case.texts()]
        except UserError:
            continue
    return texts


def mutated(rng: Random, text: str, others: list[str]) -> str:
    """The text with some lines and characters moved, doubled, lost, or taken from elsewhere."""
    for _ in range(rng.randint(1, 6)):
        at, to = sorted(rng.randint(0, len(text)) for _ in range(2))
        other = rng.choice(others)
        match rng.randrange(6):
            case 0:
                text = text[:at] + rng.choice(HOSTILE) + text[at:]
            case 1:
                text = text[:at] + text[min(to, at + 200) :]
            case 2:
                text = text[:to] + text[at : min(to, at + 500)] + text[to:]
            case 3:
                lines = text.split("\n")
                rng.shuffle(lines)
                text = "\n".join(lines)
            case 4:
                start = rng.randint(0, len(other))
                text = text[:at] + other[start : start + 500] + text[at:]
            case _:
                text = text[:at] + rng.choice(HOSTILE) * rng.randint(1, 30) + text[at:]
    return text[:TEXT_MAX]


def judge(name: str, text: str, *, whole: bool, path: str = "some/file.md") -> tuple[Item, ...]:
    """Everything that must hold for any text; its records."""
    kind, document = dialect(name), Document(path, text)
    kind.detect(document.path, text)
    kind.detect(document.path, text[: len(text) // 2])
    reading = kind.read([document])
    last = len(lines_of(text))
    assert all(1 <= item.line <= last for item in reading.items)
    assert all(1 <= remark.line <= max(1, last) for remark in reading.remarks)
    keys = [item.key for item in reading.items]
    for standing in (Standing.DONE, Standing.RUNNING, Standing.OPEN):
        reports = [Report(key, standing, "f" * 40) for key in keys]
        answer = kind.edits(document, reports)
        assert answer.missing == ()
        after = with_edits(text, answer.edits)
        again = kind.read([Document(document.path, after)])
        assert [item.key for item in again.items] == keys
        if standing is Standing.DONE:
            told = [item for item in again.items if item.home is not None]
            left = [item.key for item in told if item.standing is not standing]
            assert left == []
    if whole:
        read = read_documents(kind, [document])
        assert len(read.items) == len(set(keys))
    return reading.items


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_too_odd_for_a_dialect(name: str) -> None:
    rng = Random(f"{name} 1")
    own = seeds_of(name)
    others = [text for each in NAMES for text in seeds_of(each)]
    for n in range(INPUTS):
        text = mutated(rng, rng.choice(own), others)
        path = rng.choice(PATHS.get(name, ("some/file.md",)))
        with hang_guard():
            try:
                judge(name, text, whole=n % CHECKED_EVERY == 0, path=path)
            except BaseException as error:
                error.add_note(f"input {n} of {name}: {text!r}")
                raise


@pytest.mark.parametrize("name", NAMES)
def test_long_texts_take_no_for_ever(name: str) -> None:
    """Pieces that make careless patterns go back and forth, over and over."""
    pieces = [
        *HOSTILE,
        "- [ ] T001 " + " " * 50,
        "(depends on ",
        "((",
        "a/",
        "**a",
        " — ",
        "T1 - T2",
    ]
    for piece in pieces:
        if not piece:
            continue
        for text in (
            piece * (STRETCHED // len(piece)),
            (piece + "\n") * (STRETCHED // (len(piece) + 1)),
            "- [ ] T001 x" + piece * (STRETCHED // len(piece)) + "y\n",
        ):
            kind = dialect(name)
            for path in PATHS.get(name, ("x",)):
                with hang_guard():
                    kind.detect(path, text)
                    kind.read([Document(path, text)])
