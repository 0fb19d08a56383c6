"""What `gangsaw queue` says of a folded run: what is checked and why, what waits for what, and when
it is expected to land."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gangsaw.core.barriers import BARRIERS, barrier_paths
from gangsaw.core.events import Cause
from gangsaw.core.evidence import command_of, evidence
from gangsaw.core.forecast import check_times_s, expected_s, groups
from gangsaw.core.model import Check
from gangsaw.core.state import State
from gangsaw.core.terms import CheckResult, Judgement
from gangsaw.store.rows import Row
from gangsaw.testing.scenario import Player
from gangsaw.views.facts import fact_line
from gangsaw.views.history import sentence
from gangsaw.views.live import News, summary
from gangsaw.views.queue import queue_object, queue_rows, queue_text
from tests.core.core_stage import found, played, state_after

AT = 100.0
NAMES = ("a", "b", "c", "d")
TASKS = "gate lint\n" + "".join(f"task {name}\n" for name in NAMES)


def passed(*names: str) -> str:
    """Their own work passed its checks."""
    return "".join(
        f"in ChecksDone {n}.1 commit=w-{n} tree=t-{n} judgement=passed "
        f'results={{"lint": "passed"}}\n'
        for n in names
    )


def made(*names: str) -> str:
    """Their candidates, each on the one before it."""
    before = ("c0", *(f"m-{name}" for name in names))
    return "".join(
        f"in CandidateMade {n}.1 work=w-{n} onto={onto} commit=m-{n} tree=k-{n}\n"
        for n, onto in zip(names, before, strict=False)
    )


def judged(name: str, judgement: str, again: int = 0) -> str:
    """The verdict on the tree up to that change."""
    return (
        f"in ChecksDone {name}.1 commit=m-{name} tree=k-{name} judgement={judgement} "
        f'results={{"lint": "{judgement}"}} round={again}\n'
    )


BATCH = TASKS + found(*NAMES) + passed(*NAMES) + made(*NAMES)
RED = BATCH + judged("d", "failed")


def queue_of(state: State, rows: list[Row] | None = None, pid: int | None = 7) -> dict[str, Any]:
    return queue_object(state, rows or [], pid, AT)


def said(player: Player) -> str:
    state = player.state
    return "\n".join(News().lines(state, player.events, AT))


def test_a_whole_batch_is_checked_by_its_last_ones_tree() -> None:
    queue = queue_of(state_after(BATCH))
    checked = queue["batches"][0]["checked"]
    assert [each["task"] for each in queue["batches"][0]["members"]] == list(NAMES)
    assert (checked["task"], checked["up_to"], checked["of"]) == ("d", 4, 4)
    assert (checked["why"], checked["tree"], checked["checks"]) == ("whole", "k-d", ["lint"])
    assert [each["waits_for"] for each in queue["changes"]] == ["checks"] * 4
    assert [each["behind"] for each in queue["changes"]] == [None, "a", "b", "c"]
    assert "all 4 by the last one's tree (tree k-d)" in "\n".join(queue_text(queue, AT))


def test_a_red_batch_is_narrowed_and_a_red_change_checked_once_more() -> None:
    player = played(RED)
    checked = queue_of(player.state)["batches"][0]["checked"]
    assert (checked["why"], checked["between"], checked["task"]) == ("narrowing", ["a", "d"], "b")
    assert "looking between a and d, now up to b (2 of 4)" in "\n".join(
        queue_text(queue_of(player.state), AT)
    )
    assert "✗ red together: a, b, c, d (lint); looking for which (2 of 4)" in said(player)
    alone = played(RED + judged("b", "failed") + judged("a", "failed"))
    checked = queue_of(alone.state)["batches"][0]["checked"]
    assert (checked["why"], checked["task"]) == ("once_more", "a")
    assert "✗ a red with what landed (lint); once more on a clean slot" in said(alone)


def test_a_change_that_goes_back_has_command_output_tests_and_tree() -> None:
    text = RED + judged("b", "failed") + judged("a", "failed") + judged("a", "failed", 1)
    state = state_after(text)
    why = evidence(state, "a")
    assert why is not None
    assert (why["cause"], why["tree"], why["attempt"]) == ("combination", "k-a", "a.1")
    assert [each["command"] for each in why["checks"]] == ["lint"]
    assert {"tail", "failing", "log", "code"} <= why["checks"][0].keys()
    assert evidence(state, "b") is None
    assert state.candidate_runs == 4
    assert "runs of checks" not in summary(state, AT), "nothing has landed"


def test_evidence_names_the_command_of_a_check_with_a_name_of_its_own() -> None:
    state = state_after(TASKS)
    unit = Check("unit", ("pytest", "-q", "a b"))
    lint, other = (Check("lint", ("sh", "-c", line)) for line in ("make lint", "make other"))
    state.gate = (unit, lint, other)

    def command(name: str, key: str) -> str:
        return command_of(state, CheckResult(name, Judgement.FAILED, 1.0, key=key))

    assert command("unit", unit.key) == "pytest -q 'a b'"
    assert command("lint", other.key) == "make other"
    assert command("lint", "") == "make lint"
    assert command("gone", "gone#1") == "gone"


def test_those_that_land_with_one_move_are_told_together() -> None:
    text = BATCH + judged("d", "passed")
    player = played(text + "in IntegrationMoved d.1 commit=m-d onto=c0 head=j1\n")
    assert "✓ a, b, c, d landed together" in said(player)
    assert said(player).count("landed together") == 1
    assert "4 landings by 1 run of checks" in summary(player.state, AT)
    landed = [event for event in player.events if event.kind == "landed"]
    assert sentence(landed[0]) == "landed as m-a, with what it was checked together with, by j1"


def test_a_batch_is_told_and_one_change_alone_is_not() -> None:
    told = {len(e.members): fact_line(state_after(BATCH), e, AT) for e in _formed(BATCH)}
    assert "◇ batch 1: a, b, c, d checked together" in (told[4] or "")
    alone = "limits window=1\n" + TASKS + found("a") + passed("a") + made("a")
    assert [fact_line(state_after(alone), event, AT) for event in _formed(alone)] == [None]


def _formed(text: str) -> list[Any]:
    lines = text.splitlines()
    for end in range(1, len(lines) + 1):
        if lines[end - 1].startswith("in CandidateMade"):
            events = [e for e in played("\n".join(lines[:end])).events if e.kind == "batch.formed"]
            if events:
                return events
    return []


def test_what_does_not_merge_waits_for_the_one_ahead_of_it() -> None:
    text = TASKS + found(*NAMES) + passed(*NAMES) + made("a", "b")
    player = played(text + 'in CandidateClashed c.1 work=w-c onto=m-b paths=["x"] against=b.1\n')
    queue = queue_of(player.state)
    (waiting,) = [each for each in queue["changes"] if each["task"] == "c"]
    assert (waiting["stage"], waiting["waits_for"], waiting["conflicts_with"]) == (
        "queued",
        "conflict",
        "b",
    )
    assert "◦ c waits: does not merge with b ahead" in said(player)
    assert [group for group in groups(player.state) if "c.1" in group] != [groups(player.state)[0]]


def test_what_does_not_merge_with_what_landed_waits_for_nobody_ahead() -> None:
    text = TASKS + found(*NAMES) + passed(*NAMES) + made("a", "b")
    player = played(text + 'in CandidateClashed c.1 work=w-c onto=m-b paths=["x"]\n')
    assert player.state.attempts["c.1"].returned is Cause.CONFLICT
    assert [each["task"] for each in queue_of(player.state)["changes"]] == ["a", "b", "d"]
    assert not [line for line in said(player) if "ahead" in line]


@pytest.mark.parametrize(
    ("verb", "state_word", "waits"),
    [("queue-pause", "paused", "paused"), ("queue-freeze", "frozen", "frozen")],
)
def test_a_held_queue_says_by_whom_and_how_it_goes_on(
    verb: str, state_word: str, waits: str
) -> None:
    text = TASKS + f"at 100\nin Asked k verb={verb} by=ann\n" + found("a") + passed("a")
    player = played(text)
    queue = queue_of(player.state)
    assert (queue["state"], queue["held_by"]) == (state_word, "ann")
    assert [each["waits_for"] for each in queue["changes"]] == [waits]
    assert queue["changes"][0]["expected_at"] is None
    assert f"{state_word} by ann" in queue_text(queue, AT)[1]
    again = played(text + "in Asked l verb=queue-resume by=ann\n").state
    assert (again.held_by, queue_of(again)["state"]) == ("", "open")


def test_a_barrier_and_what_is_put_first_go_alone() -> None:
    state = state_after(TASKS + found(*NAMES) + passed(*NAMES))
    state.attempts["b.1"] = replace(state.attempts["b.1"], barrier=("x.lock", "y.lock"))
    queue = queue_of(state)
    (change,) = [each for each in queue["changes"] if each["task"] == "b"]
    assert (change["alone"], change["barrier"]) == ("barrier", ["x.lock", "y.lock"])
    assert ["b.1"] in groups(state)
    assert "lands alone, for x.lock and 1 more" in "\n".join(queue_text(queue, AT))


def test_when_it_lands_is_a_guess_from_what_was_green_so_far() -> None:
    state = state_after(BATCH)
    record = state.known_checks["lint"]
    state.known_checks["lint"] = replace(record, green_s=(10.0, 30.0, 20.0))
    assert check_times_s(state) == {"lint": 20.0}
    assert expected_s(state, 5.0) == dict.fromkeys(("a.1", "b.1", "c.1", "d.1"), 15.0)
    assert expected_s(state, 50.0)["a.1"] == 0.0
    state.known_checks["lint"] = replace(record, green_s=())
    assert expected_s(state) == {}, "no guess where nothing was green"


def test_later_batches_are_expected_later_and_grow() -> None:
    names = tuple(f"t{n}" for n in range(9))
    text = "limits window=4 max_agents=16\ngate lint\n" + "".join(
        f"task {name}\n" for name in names
    )
    state = state_after(text + found(*names) + passed(*names))
    state.batch_size = 2
    state.landings, state.queue = (), [f"{name}.1" for name in names]
    assert [len(group) for group in groups(state)] == [2, 4, 3]
    guess = expected_s(state)
    assert guess["t0.1"] < guess["t2.1"] < guess["t8.1"]


def test_the_last_move_and_the_last_start_of_checks_are_kept() -> None:
    rows: list[Row] = []
    for seq, (kind, body) in enumerate(
        [
            ("landed", '{"task": "x", "commit": "1", "tree": "t1", "head": "", "checked": ""}'),
            ("batch.formed", "{}"),
            ("landed", '{"task": "a", "commit": "2", "tree": "t2", "head": "9", "checked": "t3"}'),
            ("landed", '{"task": "b", "commit": "3", "tree": "t3", "head": "9", "checked": "t3"}'),
            ("task.done", "{}"),
            ("candidate.built", "{}"),
        ],
        1,
    ):
        rows = queue_rows(rows, Row(seq, float(seq), kind, "", body))
    assert [(row.kind, row.at) for row in rows] == [
        ("landed", 3.0), ("landed", 4.0), ("candidate.built", 6.0),
    ]  # fmt: skip
    queue = queue_of(state_after(BATCH), rows)
    assert queue["last_landed"] == {"tasks": ["a", "b"], "commit": "9", "tree": "t3", "at": 4.0}
    assert queue["batches"][0]["checked"]["since"] == 6.0
    assert queue_of(state_after(BATCH), rows, None)["batches"][0]["checked"]["since"] is None


def test_an_empty_queue_says_so() -> None:
    queue = queue_of(State(run="r1"), pid=None)
    assert queue["changes"] == []
    assert queue["batches"] == []
    assert "nothing waits for its landing" in queue_text(queue, AT)


@pytest.mark.parametrize(
    ("path", "is_barrier"),
    [
        ("package-lock.json", True),
        ("web/app/package-lock.json", True),
        ("go.sum", True),
        (".github/workflows/ci.yml", True),
        ("Makefile", True),
        ("shop/migrations/0001_first.py", True),
        ("package.json", False),
        ("src/makefile.py", False),
        ("docs/migrations.md", False),
        ("lib/go.sum.txt", False),
    ],
)
def test_what_lands_alone_where_the_settings_say_nothing(path: str, is_barrier: bool) -> None:
    assert barrier_paths(BARRIERS, ["src/app.py", path]) == ((path,) if is_barrier else ())
