"""Slots of agents, seats of accounts, the choice among agents, and agents that come and go."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from gangsaw.core.model import AgentSlots
from gangsaw.core.observations import Asked
from gangsaw.core.phases import Phase
from gangsaw.core.policy import seats
from gangsaw.core.policy.admission import HoldKind, hold_for
from gangsaw.core.requests import answer
from gangsaw.core.state import State
from gangsaw.core.status import exit_code, view
from gangsaw.core.work import at_rest
from tests.core.core_stage import BEGIN, FOUND, state_after, working

NOW = 100.0
Table = Mapping[str, object]


def limits(*agents: Table, **more: object) -> str:
    named = json.dumps(list(agents), separators=(",", ":"))
    words = [f"{key}={json.dumps(value, separators=(',', ':'))}" for key, value in more.items()]
    return f"limits agents={named} {' '.join(words)}\n"


def ask(verb: str, text: str = "", number: int = 0, key: str = "k") -> str:
    return f"in Asked {key} verb={verb} by=me number={number} text={json.dumps(text)}\n"


ONE: Table = {"name": "one"}
TWO: Table = {"name": "two"}
DRAINED = limits(ONE, TWO, default_agent="one") + "task a\ntask b agent=two\n"


def given(state: State) -> dict[str, str]:
    return {name: attempt.agent for name, attempt in state.attempts.items()}


@pytest.mark.parametrize(
    ("text", "number", "ok", "said"),
    [
        ("one=3 two=1", 0, True, "up to 3 of one; up to 1 of two"),
        ("one=2", 5, True, "up to 5 agents; up to 2 of one"),
        ("two=settings", 0, True, "as many of two as the settings say"),
        ("two=0", 0, True, "no new task for two; what it has begun goes on"),
        ("onne=1", 0, False, "there is no agent 'onne' in r1; did you mean one?"),
        ("zzz=1", 0, False, "there is no agent 'zzz' in r1; known agents: one, two"),
        ("one=-1", 0, False, "'-1' is no number of agents; try one=N with N from 0 to 1000"),
        ("one=", 0, False, "'' is no number of agents; try one=N with N from 0 to 1000"),
        ("one=1001", 0, False, "'1001' is no number of agents; try one=N with N from 0 to 1000"),
        ("one=²", 0, False, "'²' is no number of agents; try one=N with N from 0 to 1000"),
        ("three", 0, False, "'three' is no number of agents; try NAME=N, such as one=2"),
        ("=1", 0, False, "'=1' is no number of agents; try NAME=N, such as one=2"),
        ("one=1 zzz=1", 0, False, "there is no agent 'zzz' in r1; known agents: one, two"),
        ("", 0, False, "the number of agents must be 1 or more; to start none: gangsaw pause"),
        (
            "one=1",
            -2,
            False,
            "the number of agents must be 1 or more; to start none: gangsaw pause",
        ),
    ],
)
def test_scaling_is_all_or_nothing(text: str, number: int, ok: bool, said: str) -> None:
    state = state_after(DRAINED + BEGIN)
    before = (state.limits, state.seating)
    *facts, last = answer(state, Asked("k", "scale", "", "me", text, number))
    assert (last.ok, last.text) == (ok, said)  # type: ignore[union-attr]
    assert bool(facts) is ok
    assert (state.limits, state.seating) == before, "answering changes nothing"


def test_scaled_slots_come_before_those_of_the_settings() -> None:
    text = limits({"name": "one", "slots": 1}, default_agent="one", max_agents=4)
    text += "task a\ntask b\ntask c\n" + BEGIN
    assert list(state_after(text).live) == ["a.1"]
    assert list(state_after(text + ask("scale", "one=2")).live) == ["a.1", "b.1"]
    back = state_after(text + ask("scale", "one=2") + ask("scale", "one=settings", key="l"))
    assert seats.slots_of(back, "one") == 1
    assert back.busy["one"] == 2, "who is at work goes on"


@pytest.mark.parametrize(
    ("verb", "text", "said"),
    [
        ("scale", "two=0", "agent two is scaled to 0: gangsaw scale two=1"),
        ("agents-remove", "two", "agent two was removed from this run: gangsaw agents add two"),
    ],
)
def test_what_waits_for_an_agent_that_is_out_says_so(verb: str, text: str, said: str) -> None:
    state = state_after(DRAINED + ask(verb, text) + BEGIN)
    hold = hold_for(state, "b", NOW)
    assert hold is not None
    assert (hold.kind, view(state, "b", NOW).reason) == (HoldKind.AGENT_OUT, said)
    assert given(state) == {"a.1": "one"}


def test_a_run_that_waits_for_such_an_agent_needs_a_person() -> None:
    state = state_after(limits(TWO) + "task b agent=two\n" + ask("scale", "two=0") + BEGIN)
    assert at_rest(state, NOW) == "waiting for a person or a limit"
    assert exit_code(state, NOW) == 3


@pytest.mark.parametrize("verb", ["scale", "agents-remove"])
def test_an_agent_that_is_out_ends_what_it_has_begun(verb: str) -> None:
    asked = ask(verb, "one=0" if verb == "scale" else "one")
    text = limits(ONE, turns_max=3, max_agents=1, default_agent="one") + "task a review=person\n"
    text += "task b\n" + working("a") + asked + FOUND.format("a")
    state = state_after(text + ask("reject", key="r").replace("by=me", "task=a by=me"))
    assert state.attempts["a.1"].turn == 2
    assert state.attempts["a.1"].phase is Phase.STARTING
    assert list(state.live) == ["a.1"]


@pytest.mark.parametrize(
    ("agents", "live"),
    [
        ([{"name": "one", "account": "x", "seats": 2}, {"name": "two", "account": "x"}], 2),
        ([{"name": "one", "account": "x", "seats": 3}, {"name": "two", "account": "x",
                                                        "seats": 1}], 1),
        ([{"name": "one", "account": "x", "seats": 1}, {"name": "two", "account": "y"}], 3),
        ([{"name": "one", "seats": 1}, {"name": "two", "account": "one"}], 1),
    ],
)  # fmt: skip
def test_seats_are_of_all_agents_of_an_account(agents: list[Table], live: int) -> None:
    tasks = "task a agent=one\ntask b agent=two\ntask c agent=one\ntask d agent=two\n"
    state = state_after(limits(*agents, max_agents=9) + tasks + BEGIN)
    assert len(state.live) == live
    held = [hold_for(state, name, NOW) for name in "abcd" if f"{name}.1" not in state.live]
    assert {hold.kind for hold in held if hold} == {HoldKind.AGENT_SEATS}


def test_a_task_without_an_agent_goes_to_the_first_that_is_free() -> None:
    one, two = {"name": "one", "slots": 1}, {"name": "two", "slots": 2}
    text = limits(one, two, pool=["one", "two"], default_agent="one", max_agents=9)
    tasks = "task a\ntask b\ntask c agent=one\ntask d model=m\ntask e\ntask f\n"
    state = state_after(text + tasks + BEGIN)
    assert given(state) == {"a.1": "one", "b.1": "two", "e.1": "two"}
    assert view(state, "c", NOW).reason == "for a free slot of agent one"
    assert view(state, "d", NOW).reason == "for a free slot of agent one", "its model binds it"
    assert view(state, "f", NOW).reason == "for a free slot of agent one or two"


def test_an_added_agent_joins_after_those_that_were_there() -> None:
    text = limits({"name": "one", "slots": 1}, default_agent="one", max_agents=9)
    state = state_after(text + "task a\ntask b\n" + BEGIN)
    asked = Asked("k", "agents-add", "", "me", "new", agent=AgentSlots("new", 1))
    facts = answer(state, asked)
    assert [fact.kind for fact in facts] == ["agent.added", "request.answered"]
    added = state_after(
        text + "task a\ntask b\n" + BEGIN
        + 'in Asked k verb=agents-add by=me text=new agent={"name":"new","slots":1}\n'
    )  # fmt: skip
    assert given(added) == {"a.1": "one", "b.1": "new"}
    assert seats.pool(added) == ("one", "new")


def test_a_fallback_stands_in_for_an_agent_that_is_out() -> None:
    two = {"name": "two", "fallback": "one"}
    text = limits(ONE, two, default_agent="one") + "task b agent=two\n"
    assert given(state_after(text + ask("scale", "two=0") + BEGIN)) == {"b.1": "one"}
    both = state_after(text + ask("scale", "one=0 two=0") + BEGIN)
    assert given(both) == {}
    hold = hold_for(both, "b", NOW)
    assert hold is not None
    assert hold.text == "agent two is scaled to 0: gangsaw scale two=1"


def test_a_wave_does_not_wait_for_an_agent_that_is_out() -> None:
    text = limits(ONE, TWO, default_agent="one", batched=True, max_agents=1)
    state = state_after(text + "task b agent=two\ntask a\n" + ask("scale", "two=0") + BEGIN)
    assert given(state) == {"a.1": "one"}
    assert state.wave == ("a",)


def test_a_removed_agent_cannot_be_removed_twice_and_can_come_back() -> None:
    gone = state_after(DRAINED + ask("agents-remove", "two") + BEGIN)
    *facts, last = answer(gone, Asked("l", "agents-remove", "", "me", "two"))
    assert not facts
    assert last.text == "two is removed already; to take it back: gangsaw agents add two"  # type: ignore[union-attr]
    back = state_after(
        DRAINED + ask("agents-remove", "two") + BEGIN
        + 'in Asked l verb=agents-add by=me text=two agent={"name":"two"}\n'
    )  # fmt: skip
    assert given(back) == {"a.1": "one", "b.1": "two"}
