"""What a task looks like, in which words, and the exit code of a run."""

from __future__ import annotations

import pytest

from gangsaw.core.status import exit_code, view
from tests.core.core_stage import BEGIN, found, state_after, working

PAIR = 'task a\ntask b needs=["a"]\n'
FAIL = (
    "limits attempts_max=1\n"
    + PAIR
    + working("a")
    + ("in LaunchExited a.1 launch=1 outcome=failed code=1\n")
)
REVIEW = "task a review=person\n" + found("a")
LANDED = (
    "task a\n"
    + found("a")
    + (
        "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-a\n"
        "in IntegrationMoved a.1 commit=m1 onto=c0\n"
    )
)
ENDED = LANDED + "in AttemptClosed a.1\nin TargetAtIntegration m1\n"

VIEWS = [
    ("task a\nat 1\nin EngineUp\n", "a", "waiting", "the integration branch is being made"),
    (PAIR + BEGIN, "a", "working", ""),
    (PAIR + BEGIN, "b", "waiting", "for a"),
    (FAIL, "b", "held", "a did not land"),
    (FAIL, "a", "failed", " · 1 of 1 attempts used"),
    (REVIEW, "a", "needs_you", "review: 0 files +0 −0, no checks"),
    (LANDED, "a", "landed", "0 files +0 −0"),
    ("limits max_agents=1\ntask a\ntask b\n" + BEGIN, "b", "waiting", "for a free slot (at most 1"),
    ("task a track=db\ntask b track=db\n" + BEGIN, "b", "held", "for a (same track db)"),
    (PAIR + BEGIN + "in MachineRead high text=memory\n", "b", "waiting", "for a"),
    ("task a\nin MachineRead high text=memory\n" + BEGIN, "a", "held", "the machine is short: mem"),
    ("task a\nin Asked k verb=pause by=me\n" + BEGIN, "a", "held", "the run is paused"),
    ("task a\nin Asked k verb=stop by=me\n" + BEGIN, "a", "held", "the run is stopped"),
    (
        'limits agents=[{"name": "one", "slots": 1}] default_agent=one\ntask a\ntask b\n' + BEGIN,
        "b",
        "waiting",
        "for a free slot of agent one",
    ),
    (
        "task a\n"
        + working("a")
        + 'in Noted a.1 launch=1 note={"QuestionNoted": {"text": "how?"}}',
        "a",
        "working",
        "asks: how?",
    ),
    ('task a checks=["test"]\n' + found("a"), "a", "checking", "running: test"),
]


@pytest.mark.parametrize(("text", "task", "status", "reason"), VIEWS)
def test_view(text: str, task: str, status: str, reason: str) -> None:
    seen = view(state_after(text), task, 100.0)
    assert seen.status.value == status
    assert seen.reason.startswith(reason)


CODES = [
    (ENDED, 0),
    (FAIL + "in AttemptClosed a.1\n", 1),
    (REVIEW, 3),
    (LANDED + "in AttemptClosed a.1\nin TargetNotMovable m1 text=dirty\n", 3),
    ("task a\n" + working("a") + "in Asked k verb=stop by=me\n", 130),
    (
        "limits budget_usd=1.0 max_agents=1\ntask a\ntask b\n"
        + working("a")
        + 'in Noted a.1 launch=1 note={"UsageNoted": {"input_tokens": 1, "output_tokens": 1, '
        '"cost_usd": 1.5}}\n',
        4,
    ),
]


@pytest.mark.parametrize(("text", "code"), CODES)
def test_exit_code(text: str, code: int) -> None:
    assert exit_code(state_after(text), 100.0) == code
