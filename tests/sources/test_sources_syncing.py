"""Which words of people may be of several task files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.sources import Source
from gangsaw.sources.references import Said
from gangsaw.sources.syncing import shared_words

PAIR, OTHER = ("c0", "t001"), ("c0", "t002")
NAMES = ("specs/001-a/tasks.md", "specs/002-b/tasks.md", "TODO.md")


def source(name: str) -> Source:
    return Source("checklist", (Path("/r") / name,), (name,))


@pytest.mark.parametrize(
    ("branch", "unclear", "owners"),
    [
        ("main", ({PAIR}, {PAIR}, set()), {PAIR: (0, 1)}),
        ("feature/002-b/impl", ({PAIR}, set(), set()), {}),
        ("001-a/002-b", ({PAIR}, {PAIR}, set()), {PAIR: (0, 1)}),
    ],
)
def test_a_name_in_two_files_is_of_the_one_the_branch_is_called_after(
    branch: str, unclear: tuple[set[object], ...], owners: dict[object, object]
) -> None:
    said = [Said(spoken={PAIR}), Said(spoken={PAIR, OTHER}), Said()]
    found = shared_words([source(name) for name in NAMES], said, branch)
    assert found.unclear == unclear
    assert found.owners == owners
