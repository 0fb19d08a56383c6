"""Why a run ended before its work did, as a schedule's log says it."""

from __future__ import annotations

from typing import Any

import pytest

from gangsaw.store.rows import TaskRow
from gangsaw.views.unfinished import unfinished_text

LANDED = TaskRow("r1", "a", 1, "landed")
HELD = TaskRow("r1", "b", 2, "held", "the budget is spent: $1.20 of $1.00")
ASKS = TaskRow("r1", "c", 3, "needs_you", "asks: which one?")
WAITS = TaskRow("r1", "d", 4, "waiting", "for b")


@pytest.mark.parametrize(
    ("code", "summary", "tasks", "text"),
    [
        (4, {}, [LANDED, HELD, WAITS], "b is held: the budget is spent: $1.20 of $1.00"),
        (3, {"delivery_blocked": "x"}, [HELD, ASKS], "c needs you: asks: which one?"),
        (3, {"delivery_blocked": "a merge is in progress"}, [LANDED],
         "main is not moved: a merge is in progress"),
        (3, {"delivery_blocked": "refused", "push_blocked": "refused"}, [LANDED],
         "main is not pushed: refused"),
        (3, {"red_after_landing": "lint\nfailed"}, [LANDED], "red after landing: lint failed"),
        (3, {}, [WAITS], ""),
        (1, {"delivery_blocked": "x"}, [HELD, ASKS], ""),
        (0, {}, [LANDED], ""),
        (None, {}, [ASKS], ""),
    ],
)  # fmt: skip
def test_an_unfinished_run_says_what_it_waits_for(
    code: int | None, summary: dict[str, Any], tasks: list[TaskRow], text: str
) -> None:
    assert unfinished_text(code, "main", summary, tasks) == text
