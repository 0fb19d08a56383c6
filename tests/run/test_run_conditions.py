"""Every condition of an agent, with the real program: told apart, followed by what the table says,
and said in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gangsaw.core.conditions import LIMITS, NOT_TOLD, REMEDIES, Condition, Remedy, sentence
from gangsaw.core.wire import decode_event
from gangsaw.testing.playground import Playground
from gangsaw.views.history import history

Figure = Callable[[str, object], None]
C = Condition

STALL_S = 8
"""Longer than an interpreter takes to start on a busy machine."""


@dataclass(frozen=True)
class Way:
    """What follows a condition. `turns` are those of the one attempt; `sessions` how many of them
    there were; `words` are in the reason of one that waits for a person."""

    status: str
    turns: Sequence[str]
    sessions: int = 1
    words: str = ""
    parked: bool = False


RESUMED = Way("landed", ["work", "continue"])
AFRESH = Way("landed", ["work", "continue"], sessions=2)
WAITED = Way("landed", ["work", "continue"], parked=True)
LANDED = Way("landed", ["work"])


def asks(words: str, *, parked: bool = False) -> Way:
    return Way("needs_you", ["work"], words=words, parked=parked)


WAYS: dict[Condition, Way] = {
    C.PERMISSION: asks("write b.txt", parked=True),
    C.ANSWER: asks("Which colour?", parked=True),
    C.TRUST: asks("do you trust the files in this folder?"),
    C.LOGIN_MISSING: asks("not logged in, please run login"),
    C.LOGIN_EXPIRED: asks("the token has expired"),
    C.MODEL_UNKNOWN: asks("there is no such model"),
    C.CONTEXT_FULL: AFRESH,
    C.TURN_LIMIT: RESUMED,
    C.MONEY_LIMIT: asks("the budget of this session is used up"),
    C.QUOTA: WAITED,
    C.THROTTLED: WAITED,
    C.OVERLOADED: WAITED,
    C.NETWORK: WAITED,
    C.MALFORMED: RESUMED,
    C.CUT: RESUMED,
    C.CRASHED: RESUMED,
    C.FALSE_SUCCESS: RESUMED,
    C.LATE_FAILURE: LANDED,
    C.SESSION_LOST: AFRESH,
}
"""Without another agent to go on; a stall has a test of its own."""

ARGUMENTS = {
    C.PERMISSION: "write b.txt",
    C.ANSWER: "Which colour?",
    C.LATE_FAILURE: "3",
    **dict.fromkeys(LIMITS, "1"),
}

MAIN = """#!script
write {name}.txt first
commit first
mood {mood}
on continue
{expected}write {name}.txt second
commit second
end
"""


def task(condition: Condition, agent: str) -> dict[str, Any]:
    """A task whose first turn ends in the condition; a further one finishes the work."""
    name = condition.value
    way = WAYS.get(condition, RESUMED)
    # A fresh session is told what is in the worktree.
    expected = f"expect {name}.txt\n" if way is AFRESH else ""
    mood = f"{name} {ARGUMENTS.get(condition, '')}"
    prompt = MAIN.format(name=name, mood=mood, expected=expected)
    return {"id": name, "title": name, "prompt": prompt, "agent": agent, "attempts": 1}


def agents(conditions: Sequence[Condition], more: str = "") -> str:
    """An agent for each, so that the limits of one hold back no other."""
    return "\n".join(f'[agents.a-{name}]\nkind = "scripted"\n{more}' for name in conditions)


class Told:
    """A run's events, by task."""

    def __init__(self, pg: Playground) -> None:
        self.pg = pg
        self.tasks = {found["id"]: found for found in pg.status()["tasks"]}
        self.events = pg.events()

    def bodies(self, name: str, kind: str) -> list[dict[str, Any]]:
        return [
            event["body"]
            for event in self.events
            if event["kind"] == kind and event["subject"] == f"{name}.1"
        ]

    def history(self, name: str) -> str:
        events = [event for event in self.events if event["subject"] == f"{name}.1"]
        told = [(e["seq"], e["at"], decode_event(e["kind"], e["body"])) for e in events]
        return "\n".join(each.text for each in history(told))

    def turns(self, name: str) -> list[str]:
        return [body["why"] for body in self.bodies(name, "turn.wanted")]


def check_way(told: Told, condition: Condition, agent: str) -> None:
    """The condition is an event, what followed is as expected, and a person reads the sentence."""
    name, way = condition.value, WAYS.get(condition, RESUMED)
    found = told.tasks[name]
    assert (found["status"], found["attempts"]) == (way.status, 1), found
    if condition is C.STALLED:
        # On a machine so busy that an agent cannot say a word in time, more than once.
        assert told.turns(name)[:2] == list(way.turns)
    else:
        assert told.turns(name) == list(way.turns)
    first = told.bodies(name, "turn.exited")[0]
    if condition is not C.STALLED:
        assert first["condition"] == name
    sessions = {body["session"] for body in told.bodies(name, "session.opened")} - {""}
    assert len(sessions) == way.sessions
    parked = told.bodies(name, "attempt.parked")
    assert bool(parked) is way.parked
    said = sentence(condition, agent)
    if parked:
        assert [(body["condition"], said in body["text"]) for body in parked] == [(name, True)]
        assert (parked[0]["until"] is None) == (way.status == "needs_you")
    if way.status == "needs_you":
        assert said in found["reason"]
        assert way.words in found["reason"]
    # Whatever came of it, the history that `why` prints tells it afterwards.
    assert sentence(condition, "") in told.history(name)
    if way.status == "landed":
        text = "first" if way is LANDED else "second"
        assert told.pg.git("show", f"gangsaw/run/r1:{name}.txt") == text


def test_every_condition_has_an_expectation() -> None:
    assert set(WAYS) == set(Condition) - NOT_TOLD - {C.STALLED}
    by_remedy = {
        Remedy.RESUME: {"landed"}, Remedy.FRESH: {"landed"}, Remedy.WAIT: {"landed"},
        Remedy.ANSWER: {"needs_you"}, Remedy.PERSON: {"needs_you"}, Remedy.LOOK: {"landed"},
        Remedy.ELSEWHERE: {"landed", "needs_you"},
    }  # fmt: skip
    for condition, way in WAYS.items():
        assert way.status in by_remedy[REMEDIES[condition]]


def test_every_condition_is_followed_by_what_the_table_says(
    tmp_path: Path, record_property: Figure
) -> None:
    pg = Playground(tmp_path)
    pg.settings(agents(list(WAYS)))
    tasks = [task(condition, f"a-{condition}") for condition in WAYS]
    pg.run(pg.plan(tasks), "--max-agents", "6", expect=3)
    told = Told(pg)
    wrong = []
    for condition in WAYS:
        try:
            check_way(told, condition, f"a-{condition}")
        except AssertionError as error:
            wrong.append(f"{condition}: {str(error)[:600]}")
    assert not wrong, "\n\n".join(wrong)
    for condition in (C.CUT, C.THROTTLED, C.ANSWER, C.LOGIN_MISSING):
        assert sentence(condition, "") in pg.call("why", condition.value).stdout
    landed = sum(way.status == "landed" for way in WAYS.values())
    record_property(
        "figure",
        f"conditions: {len(WAYS)} with the real program, {landed} got over by themselves, "
        f"{len(WAYS) - landed} with a person asked, each with its sentence",
    )


def test_a_stall_is_stopped_and_gone_on_with(tmp_path: Path) -> None:
    pg = Playground(tmp_path)
    pg.settings(agents([C.STALLED]))
    config = pg.repo / "gangsaw.toml"
    config.write_text(config.read_text().replace("[run]\n", f"[run]\nstall_s = {STALL_S}\n"))
    pg.git("commit", "-qam", "stall")
    pg.run(pg.plan([task(C.STALLED, "a-stalled")]))
    told = Told(pg)
    assert {body["cause"] for body in told.bodies("stalled", "stop.wanted")} == {"stalled"}
    check_way(told, C.STALLED, "a-stalled")


ELSEWHERE = [condition for condition in Condition if REMEDIES[condition] is Remedy.ELSEWHERE]


def test_the_fallback_goes_on_in_the_same_worktree(tmp_path: Path) -> None:
    pg = Playground(tmp_path)
    pg.settings(agents(ELSEWHERE, 'fallback = "scripted"\n'))
    pg.run(pg.plan([task(condition, f"a-{condition}") for condition in ELSEWHERE]))
    told = Told(pg)
    for condition in ELSEWHERE:
        name = condition.value
        assert told.tasks[name]["status"] == "landed", told.tasks[name]
        assert told.turns(name) == ["work", "continue"]
        assert told.bodies(name, "turn.wanted")[1]["agent"] == "scripted"
        assert told.bodies(name, "attempt.parked") == []
        # The first agent's commit is below the second's.
        subjects = pg.git("log", "--format=%s", "gangsaw/run/r1", "--", f"{name}.txt")
        assert {"first", "second"} <= set(subjects.splitlines())


@pytest.mark.parametrize("condition", [C.ANSWER, C.PERMISSION])
def test_one_that_waits_for_a_person_goes_on_when_told(
    tmp_path: Path, condition: Condition
) -> None:
    pg = Playground(tmp_path)
    pg.settings(agents([condition]))
    asked = task(condition, f"a-{condition}")
    if condition is C.ANSWER:
        asked["prompt"] = asked["prompt"].replace("on continue\n", "on continue\nexpect Blue.\n")
    pg.run(pg.plan([asked]), expect=3)
    words = ("answer", "answer", "Blue.") if condition is C.ANSWER else ("retry", condition.value)
    assert pg.call(*words).returncode == 0
    again = pg.call("run", "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    told = Told(pg)
    assert told.tasks[condition.value]["status"] == "landed"
    assert told.turns(condition.value) == ["work", "continue"]
    assert told.tasks[condition.value]["attempts"] == 1


def test_a_condition_is_told_while_the_turn_goes_on(tmp_path: Path) -> None:
    pg = Playground(tmp_path)
    gate = tmp_path / "gate"
    kinds = (C.OVERLOADED, C.NETWORK, C.THROTTLED, C.QUOTA, C.PERMISSION, C.MALFORMED)
    pg.settings(agents(kinds))
    lines = "#!script\ntrouble {0}\nsay still here\nwait {1}\nwrite {0}.txt x\ncommit x\n"
    tasks = [
        {"id": kind.value, "title": kind.value, "prompt": lines.format(kind, gate),
         "agent": f"a-{kind}"}
        for kind in kinds
    ]  # fmt: skip
    engine = pg.start("run", pg.plan(tasks), "--max-agents", "6")

    def all_told() -> bool:
        printed = pg.call("status", "--json").stdout
        tasks = json.loads(printed)["tasks"] if printed else []
        reasons = {found["id"]: found["reason"] for found in tasks}
        return all(sentence(kind, f"a-{kind}") in reasons.get(kind.value, "") for kind in kinds)

    try:
        pg.wait_for(all_told, "every sentence on status")
    finally:
        gate.touch()
    assert engine.wait(120) == 0
    told = Told(pg)
    for kind in kinds:
        assert told.tasks[kind.value]["status"] == "landed"
        seen = [body["condition"] for body in told.bodies(kind.value, "condition.seen")]
        assert seen == [kind.value]
        assert told.turns(kind.value) == ["work"]
