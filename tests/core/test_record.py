"""Which reports are news: late, doubled, foreign and early ones give no events."""

from __future__ import annotations

import pytest

from gangsaw.core import observations as ob
from gangsaw.core.events import Cause, Judgement, Pressure
from gangsaw.core.launch import (
    ActivityNoted,
    OutcomeKind,
    QuestionNoted,
    ResultNoted,
    SessionNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.record import record
from tests.core.core_stage import BEGIN, found, state_after, working

DONE = TurnOutcome(OutcomeKind.DONE)
ONE = "task a\n"
RUNNING = ONE + working("a")
CHECKING = 'task a checks=["test"]\n' + found("a")
BUILDING = CHECKING + (
    'in ChecksDone a.1 commit=w-a tree=t-a judgement=passed results={"test": "passed"}\n'
)
LANDING = BUILDING + "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-a\n"
LANDED = LANDING + "in IntegrationMoved a.1 commit=m1 onto=c0\n"

NO_NEWS: list[tuple[str, str, ob.Observation]] = [
    ("a second branch", RUNNING, ob.IntegrationAt("c9")),
    ("the same pressure", RUNNING, ob.MachineRead(Pressure.NONE, "all well")),
    ("a workspace twice", RUNNING, ob.WorkspaceAt("a.1", "/w")),
    ("a workspace of nobody", RUNNING, ob.WorkspaceAt("z.1", "/w")),
    ("a start twice", RUNNING, ob.LaunchStarted("a.1", 1, 10, "")),
    ("a start of another launch", RUNNING, ob.LaunchStarted("a.1", 2, 10, "")),
    ("output too soon", RUNNING, ob.OutputGrew("a.1", 1)),
    ("output of another launch", RUNNING, ob.OutputGrew("a.1", 7)),
    ("a note of a launch to come", RUNNING, ob.Noted("a.1", 2, SessionNoted("s"))),
    ("a note of nobody", RUNNING, ob.Noted("z.1", 1, SessionNoted("s"))),
    ("an activity", RUNNING, ob.Noted("a.1", 1, ActivityNoted("edits app.py"))),
    ("a boast", RUNNING, ob.Noted("a.1", 1, ResultNoted(True, "all done"))),
    ("an exit of another launch", RUNNING, ob.LaunchExited("a.1", 2, DONE, 0, None)),
    ("an exit twice", CHECKING, ob.LaunchExited("a.1", 1, DONE, 0, None)),
    ("a loss after the exit", CHECKING, ob.LaunchLost("a.1", 1, True, "")),
    ("work twice", CHECKING, ob.WorkInspected("a.1", 1, "w2", "t2", 1, 1, 1)),
    ("faults after work", CHECKING, ob.WorkUnsound("a.1", 1, Cause.EMPTY, (), "")),
    (
        "a verdict on another commit",
        CHECKING,
        ob.ChecksDone("a.1", "w", "t-a", Judgement.FAILED, ()),
    ),
    ("a verdict on another tree", CHECKING, ob.ChecksDone("a.1", "w-a", "t", Judgement.FAILED, ())),
    ("a verdict twice", BUILDING, ob.ChecksDone("a.1", "w-a", "t-a", Judgement.FAILED, ())),
    ("a candidate on another head", BUILDING, ob.CandidateMade("a.1", "w-a", "c9", "m", "t")),
    ("a candidate of other work", BUILDING, ob.CandidateMade("a.1", "w", "c0", "m", "t")),
    ("a move not yet wanted", BUILDING, ob.IntegrationMoved("a.1", "m1", "c0")),
    ("a candidate twice", LANDING, ob.CandidateMade("a.1", "w-a", "c0", "m1", "t-a")),
    ("a conflict after the candidate", LANDING, ob.CandidateClashed("a.1", "w-a", "c0", ("x",))),
    ("a move of another candidate", LANDING, ob.IntegrationMoved("a.1", "m2", "c0")),
    ("a miss of another candidate", LANDING, ob.IntegrationElsewhere("a.1", "m2", "c0", "x")),
    ("a move twice", LANDED, ob.IntegrationMoved("a.1", "m1", "c0")),
    ("closed while it works", RUNNING, ob.AttemptClosed("a.1", ())),
    ("a delivery nobody wants", RUNNING, ob.TargetAtIntegration("m0")),
    ("a target that waits for nothing", RUNNING, ob.TargetNotMovable("", "dirty")),
]


@pytest.mark.parametrize(
    ("text", "seen"), [case[1:] for case in NO_NEWS], ids=[case[0] for case in NO_NEWS]
)
def test_no_news(text: str, seen: ob.Observation) -> None:
    assert record(seen, state_after(text), 101.0) == []


NEWS: list[tuple[str, ob.Observation, list[str]]] = [
    (RUNNING, ob.LaunchExited("a.1", 1, DONE, 0, None), ["turn.exited"]),
    (RUNNING, ob.LaunchLost("a.1", 1, True, ""), ["turn.lost"]),
    (RUNNING, ob.Noted("a.1", 1, SessionNoted("s")), ["session.opened"]),
    (RUNNING, ob.Noted("a.1", 1, QuestionNoted("which?")), ["question.asked"]),
    (RUNNING, ob.Noted("a.1", 1, UsageNoted(1, 2)), ["usage.reported"]),
    (RUNNING, ob.MachineRead(Pressure.HIGH, "memory"), ["pressure.changed"]),
    (RUNNING, ob.EffectRaised("a.1", "RunTurn", "no"), ["effect.failed"]),
    (
        ONE + BEGIN + "in WorkspaceAt a.1 /w\n",
        ob.LaunchExited("a.1", 1, DONE, 0, None),
        ["turn.started", "turn.exited"],
    ),
    (
        ONE + BEGIN + "in WorkspaceAt a.1 /w\n",
        ob.LaunchLost("a.1", 1, True, ""),
        ["turn.started", "turn.lost"],
    ),
    (
        ONE + BEGIN + "in WorkspaceAt a.1 /w\n",
        ob.LaunchLost("a.1", 1, False, ""),
        ["turn.lost"],
    ),
    (LANDING, ob.IntegrationElsewhere("a.1", "m1", "c0", "x"), ["landing.missed"]),
    (LANDED, ob.TargetElsewhere("u1"), ["target.moved"]),
    (LANDED, ob.TargetNotMovable("m1", "dirty"), ["delivery.blocked"]),
    (LANDED, ob.TargetAtIntegration("m1"), ["delivered"]),
]


@pytest.mark.parametrize(("text", "seen", "kinds"), NEWS)
def test_news(text: str, seen: ob.Observation, kinds: list[str]) -> None:
    assert [event.kind for event in record(seen, state_after(text), 101.0)] == kinds


def test_output_is_noted_at_a_bounded_rate() -> None:
    state = state_after("limits stall_s=100.0\n" + RUNNING)
    seen = ob.OutputGrew("a.1", 1)
    assert record(seen, state, 124.9) == []
    assert [event.kind for event in record(seen, state, 125.0)] == ["beat.seen"]


def test_a_late_word_of_an_ended_launch_takes_nothing_back() -> None:
    """What a launch that is over has used is never less than was known; found by seed 700667."""
    more = 'in Noted a.1 launch=1 note={"UsageNoted": {"input_tokens": 9, "output_tokens": 2}}\n'
    again = "in LaunchLost a.1 launch=1 started=true text=gone\n"
    state = state_after(RUNNING + more + again)
    assert state.attempts["a.1"].launch == 2
    assert record(ob.Noted("a.1", 1, UsageNoted(1, 2)), state, 101.0) == []
    assert record(ob.Noted("a.1", 1, UsageNoted(10, 2)), state, 101.0) != []


def test_the_same_usage_is_told_once() -> None:
    note = 'in Noted a.1 launch=1 note={"UsageNoted": {"input_tokens": 1, "output_tokens": 2}}\n'
    assert record(ob.Noted("a.1", 1, UsageNoted(1, 2)), state_after(RUNNING + note), 101.0) == []


def test_a_request_is_answered_once() -> None:
    asked = ob.Asked("k1", "pause", "", "me")
    events = record(asked, state_after(RUNNING), 101.0)
    assert [event.kind for event in events] == [
        "request.received",
        "run.paused",
        "request.answered",
    ]
    assert record(asked, state_after(RUNNING + "in Asked k1 verb=pause by=me\n"), 101.0) == []


@pytest.mark.parametrize(
    ("verb", "task", "number", "text"),
    [
        ("dance", "", 0, "unknown request 'dance'"),
        ("scale", "", 0, "the number of agents must be 1 or more; to start none: gangsaw pause"),
        ("retry", "z", 0, "there is no task 'z' in r1"),
        ("retry", "a", 0, "a has not failed; see: gangsaw why a"),
        ("approve", "a", 0, "a is not waiting for a decision"),
        ("reject", "a", 0, "a is not waiting for a decision"),
    ],
)
def test_what_cannot_be_done_is_said(verb: str, task: str, number: int, text: str) -> None:
    events = record(ob.Asked("k1", verb, task, "me", "", number), state_after(RUNNING), 101.0)
    assert [event.kind for event in events] == ["request.received", "request.answered"]
    assert getattr(events[-1], "text", "") == text


def test_a_new_engine_brings_its_limits() -> None:
    state = state_after(RUNNING)
    same = ob.EngineUp(1, "v", "b", "group", state.limits)
    assert [event.kind for event in record(same, state, 101.0)] == ["engine.started"]
