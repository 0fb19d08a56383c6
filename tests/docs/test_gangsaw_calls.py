"""The judge of calls finds what there is not."""

from __future__ import annotations

import pytest

from tests.docs.gangsaw_calls import fault


@pytest.mark.parametrize(
    "call",
    [
        "gangsaw run --from beads --epic ID --max-agents N",
        "gangsaw run --max-agents 5 --dry-run plan.yaml",
        "gangsaw schedule logs -f",
        "gangsaw status --json | jq .tasks",
        "gangsaw plan --from roadmap:ROADMAP.md -o plan.yaml",
        "gangsaw say TASK …",
        "gangsaw",
    ],
)
def test_calls_that_there_are(call: str) -> None:
    assert fault(call) == ""


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("gangsaw rum", "no command rum"),
        ("gangsaw schedule begin", "no command begin"),
        ("gangsaw run --max-agent", "No such option"),
        ("gangsaw run --max-agents five", "five"),
        ("gangsaw run --deliver sometimes", "sometimes"),
        ("gangsaw run --epic", "requires an argument"),
        ("gangsaw cancel a b", "too many words"),
        ("gang run", "not a call"),
    ],
)
def test_calls_that_there_are_not(call: str, words: str) -> None:
    assert words in fault(call)
