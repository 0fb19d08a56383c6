"""Copies of frozen values: the same as those of `dataclasses.replace`."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gangsaw.core.phases import Phase
from gangsaw.core.replacing import replace
from gangsaw.core.state import Attempt, Delivery, Landing, TaskState, Usage

ATTEMPT = Attempt("a.1", "a", 1, "c0", "one", None, "branch", Phase.READY, 1.0, 2.0)


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (ATTEMPT, {"phase": Phase.RUNNING, "since": 3.0}),
        (ATTEMPT, {"id": "a.2", "question": "what now?"}),
        (ATTEMPT, {}),
        (TaskState(unmet=2), {"unmet": 1, "usage": Usage(1, 2.0, 3)}),
        (Landing("a.1", "c1", "c0"), {"conflict": ("file",)}),
        (Delivery(), {"blocked": "dirty", "blocked_at": 5.0}),
    ],
)
def test_as_dataclasses_would(value: Any, changes: dict[str, Any]) -> None:
    before = dataclasses.asdict(value)
    found = replace(value, **changes)
    assert found == dataclasses.replace(value, **changes)
    assert type(found) is type(value)
    assert hash(found) == hash(dataclasses.replace(value, **changes))
    assert dataclasses.asdict(value) == before


def test_the_copy_is_frozen_too() -> None:
    copy: Any = replace(ATTEMPT, since=3.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        copy.since = 4.0


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(AttributeError):
        replace(ATTEMPT, colour="red")
