"""What happened to a task, in sentences."""

from __future__ import annotations

import pytest

from gangsaw.core.events import WorkspaceClosed
from gangsaw.views.history import history

WORK = "refs/gangsaw/attempts/r1/a.1/work"


@pytest.mark.parametrize(
    ("refs", "sentences"),
    [
        ((), []),
        ((WORK,), [f"worktree closed; its work is kept as {WORK}"]),
        ((WORK, "refs/gangsaw/stashes/0c1d"), [f"worktree closed; its work is kept as {WORK}"]),
        (("refs/gangsaw/attempts/r1/a.1/turn-1",), []),
        (("left in place: /w/a.1",), ["worktree left in place: /w/a.1"]),
        (
            tuple(f"{WORK}-{n}" for n in range(5)),
            [f"worktree closed; its work is kept as {WORK}-0, {WORK}-1, {WORK}-2 and 2 more"],
        ),
    ],
)
def test_what_was_kept_of_an_attempt(refs: tuple[str, ...], sentences: list[str]) -> None:
    told = history([(1, 0.0, WorkspaceClosed("a.1", refs))])
    assert [each.text for each in told] == sentences
