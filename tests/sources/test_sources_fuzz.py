"""Whatever a file holds, a dialect reads it: without an exception, without going on for ever; and
what it would write is read as meant."""

from __future__ import annotations

import os

import pytest

from gangsaw.sources import NAMES, Document, dialect
from gangsaw.sources.lines import uncommented
from tests.sources.fuzzing import HOSTILE, OTHER_PATHS, PATHS, Campaign, hang_guard

LONG = bool(os.environ.get("GANGSAW_LONG"))
INPUTS = 100_000 if LONG else 400
STRETCHED = 200_000 if LONG else 10_000
"""Characters of the long inputs."""


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_too_odd_for_a_dialect(name: str) -> None:
    Campaign(name, "1", judged_every=10 if LONG else 2).run(INPUTS)


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
            for path in PATHS.get(name, OTHER_PATHS):
                with hang_guard():
                    kind.detect(path, text)
                    kind.read([Document(path, text)])


ONCE_ENDLESS = {
    "fixes": "### FIX-001: x\n**Status:** Open\n" + "\n" * 150_000,
    "backlog": "---\nid: task-1\ntitle: x\n---\n" + "<!--" * 250_000,
}
"""What took minutes once."""


@pytest.mark.parametrize("name", ONCE_ENDLESS)
def test_a_text_that_once_took_minutes_is_read(name: str) -> None:
    with hang_guard():
        assert len(dialect(name).read([Document("task-1.md", ONCE_ENDLESS[name])]).items) == 1


def test_comments_are_left_out_and_what_only_begins_like_one_stays() -> None:
    assert uncommented("a<!-- b -->c<!---->d<!--> e --> f <!-- g") == "acd f <!-- g"
