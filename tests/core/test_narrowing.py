"""A red batch whose check names its failed tests and can run only these: what is run next, who is
set aside and who goes back, what lands, and what people are told of it."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from gangsaw.core import partial
from gangsaw.core.actions import MoveIntegration, RunChecks
from gangsaw.core.events import Stage
from gangsaw.core.evidence import evidence
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Check, When
from gangsaw.core.policy import batches
from gangsaw.core.state import State
from gangsaw.core.terms import CheckResult, Judgement
from gangsaw.core.wire import decode_event, encode
from gangsaw.testing.scenario import Player, Rehearsal
from gangsaw.views.history import sentence
from gangsaw.views.live import News
from gangsaw.views.queue import queue_object, queue_text
from tests.core.core_stage import found

NAMES = ("a", "b", "c", "d")
UNIT = Check("unit", ("sh", "-c", "pytest"), only="pytest {tests}")


def result(
    judgement: str, failing: Iterable[str] = (), key: str = UNIT.key, only: Iterable[str] = ()
) -> str:
    one: dict[str, object] = {"name": "unit", "judgement": judgement, "duration_s": 1.0, "key": key}
    one |= {"failing": list(failing)} if failing else {}
    one |= {"only": list(only), "part_of": UNIT.key} if only else {}
    return json.dumps([one])


def begun(names: Iterable[str] = NAMES, *, window: int = 4, check: Check = UNIT) -> Player:
    """All work found, green by itself, and combined, each on the one before it."""
    player = Rehearsal()
    player.gate = [encode(check)]
    text = f"limits window={window} turns_max=4\n" + "".join(f"task {name}\n" for name in names)
    text += found(*names)
    for name in names:
        text += f"in ChecksDone {name}.1 commit=w-{name} tree=t-{name} judgement=passed "
        text += f"results={result('passed', key=check.key)}\n"
    player.play(text)
    build(player)
    return player


def build(player: Player) -> None:
    """Combine whatever is to be combined now; a candidate is named by what is in it."""
    for _ in range(20):
        link = next((x for x in player.state.landings if not x.candidate), None)
        if link is None:
            return
        state, at = player.state, player.state.landings.index(link)
        onto = state.landings[at - 1].candidate if at else link.onto or state.head
        made = ("" if onto == "c0" else onto) + link.about[0]
        on = f"work={link.work} onto={onto}"
        player.play(f"in CandidateMade {link.about} {on} commit={made} tree=k-{made}")


def runs(player: Player) -> list[RunChecks]:
    actions = [each for each in player.actions if isinstance(each, RunChecks)]
    return [each for each in actions if each.stage is Stage.CANDIDATE]


def whole(player: Player, *failing: str) -> None:
    """The run of all checks that is wanted now ends."""
    (run,) = runs(player)
    assert not run.only, "only some tests are wanted"
    judgement = "failed" if failing else "passed"
    player.play(
        f"in ChecksDone {run.about} commit={run.commit} tree={run.tree} judgement={judgement} "
        f"round={run.round} results={result(judgement, failing)}"
    )
    build(player)


def some(player: Player, *failing: str, unknown: bool = False) -> str:
    """The run of some tests that is wanted now ends; on which tree it was."""
    (run,) = runs(player)
    assert run.only, "all checks are wanted"
    judgement = "failed" if failing or unknown else "passed"
    (check,) = run.checks
    player.play(
        f"in ChecksDone {run.about} commit={run.commit} tree={run.tree} judgement={judgement} "
        f"round={run.round} only={json.dumps(run.only)} "
        f"results={result(judgement, failing, check.key, run.only)}"
    )
    build(player)
    return run.commit


def aside(player: Player) -> list[str]:
    """Who was set aside so far."""
    return [
        body["attempt"] for _, kind, body in player.log if body.get("tests") and "queued" in kind
    ]


def returned(player: Player) -> list[str]:
    """Who went back so far."""
    return [body["attempt"] for _, kind, body in player.log if kind == "work.returned"]


def test_the_failed_tests_are_run_on_the_trees_between() -> None:
    player = begun()
    whole(player, "t::x")
    (run,) = runs(player)
    assert (run.commit, run.only, run.part_of) == ("abcd", ("t::x",), UNIT.key)
    assert run.checks[0].argv == ("sh", "-c", "pytest t::x")
    assert some(player, "t::x") == "abcd"
    assert some(player) == "ab"
    assert some(player, "t::x") == "abc"
    assert aside(player) == ["c.1"]
    assert not returned(player)


def test_the_rest_is_checked_as_a_whole_before_it_lands() -> None:
    player = begun()
    whole(player, "t::x")
    for failing in (["t::x"], [], ["t::x"]):
        some(player, *failing)
    (run,) = runs(player)
    assert (run.commit, run.only) == ("abd", ())
    assert not [each for each in player.actions if isinstance(each, MoveIntegration)]
    whole(player)
    (move,) = [each for each in player.actions if isinstance(each, MoveIntegration)]
    assert move.commit == "abd"


def set_aside(player: Player) -> None:
    """One of four is found, the three others land."""
    whole(player, "t::x", "t::y")
    for failing in (["t::x", "t::y"], [], ["t::x", "t::y"]):
        some(player, *failing)
    whole(player)
    player.play("in IntegrationMoved d.1 commit=abd onto=c0 head=j1")
    build(player)


def test_who_was_set_aside_goes_back_after_two_red_runs_on_what_landed() -> None:
    player = begun()
    set_aside(player)
    assert player.state.landed == ["a", "b", "d"]
    some(player, "t::x", "t::y")
    assert not returned(player)
    assert runs(player)[0].round == 1  # without any cache
    some(player, "t::y")
    assert returned(player) == ["c.1"]
    found = evidence(player.state, "c")
    assert found is not None
    (check,) = found["checks"]
    assert found["tree"] == "k-abdc"
    assert (check["command"], check["only"]) == ("pytest t::x t::y", ["t::x", "t::y"])
    assert player.state.batch_size == 4  # it did not cost whole runs to find it


def test_chance_blames_nobody() -> None:
    """Green the second time: all of it is checked, and lands."""
    player = begun()
    set_aside(player)
    some(player, "t::x")
    some(player)
    whole(player)
    assert [each.commit for each in player.actions if isinstance(each, MoveIntegration)] == ["abdc"]


def test_other_tests_the_second_time_are_chance_too() -> None:
    player = begun()
    set_aside(player)
    some(player, "t::x")
    some(player, "t::y")
    assert not returned(player)
    assert not runs(player)[0].only


def test_several_are_found_by_the_same_runs() -> None:
    player = begun()
    whole(player, "t::x", "t::y")
    assert some(player, "t::x", "t::y") == "abcd"
    assert some(player, "t::x") == "ab"
    assert some(player, "t::x") == "a"
    assert some(player, "t::x") == "abc"
    assert aside(player) == ["a.1", "d.1"]
    assert runs(player)[0].commit == "bc"


def test_a_test_that_is_not_there_yet_is_not_red() -> None:
    """The runner fails for not knowing it, and names nothing."""
    player = begun()
    whole(player, "t::new")
    some(player, "t::new")
    some(player, unknown=True)
    some(player, "t::new")
    assert aside(player) == ["c.1"]


def test_tests_that_do_not_fail_again_are_checked_with_all_others() -> None:
    player = begun()
    whole(player, "t::x")
    some(player)
    (run,) = runs(player)
    assert (run.commit, run.only, run.round) == ("abcd", (), 2)
    whole(player)
    assert [each.commit for each in player.actions if isinstance(each, MoveIntegration)] == ["abcd"]


def test_what_fails_only_among_others_is_found_by_whole_runs() -> None:
    player = begun()
    for _ in range(2):
        whole(player, "t::x")
        some(player)
    assert [(run.commit, run.only) for run in runs(player)] == [("ab", ())]


def test_a_single_change_is_confirmed_by_its_tests() -> None:
    player = begun("a", window=1)
    whole(player, "t::x")
    some(player, "t::x")
    assert returned(player) == ["a.1"]


@pytest.mark.parametrize("name", ["--option", "a" * 199 + "…"])
def test_without_usable_names_it_is_as_without_the_setting(name: str) -> None:
    player = begun()
    whole(player, name)
    assert [(run.commit, run.only) for run in runs(player)] == [("ab", ())]


def test_a_check_without_the_setting_is_narrowed_by_whole_runs() -> None:
    player = begun(check=Check("unit", ("sh", "-c", "pytest")))
    (run,) = runs(player)
    player.play(
        f"in ChecksDone {run.about} commit=abcd tree=k-abcd judgement=failed "
        f"results={result('failed', ['t::x'])}"
    )
    assert [(run.commit, run.only) for run in runs(player)] == [("ab", ())]


def test_a_report_about_other_tests_is_no_news() -> None:
    player = begun()
    whole(player, "t::x")
    player.play(
        'in ChecksDone d.1 commit=abcd tree=k-abcd judgement=failed round=1 only=["t::y"] '
        f"results={result('failed', ['t::y'], 'unit#other')}"
    )
    assert not player.events
    assert runs(player)[0].only == ("t::x",)


def test_a_report_that_is_told_twice_counts_once_after_a_run_of_some_tests_too() -> None:
    player = begun("a", window=1)
    whole(player, "t::x")
    some(player)
    (run,) = runs(player)
    told = f"ChecksDone {run.about} commit={run.commit} tree={run.tree} judgement=failed "
    told += f"round={run.round} results={result('failed', ['t::x'])}"
    player.play(f"in {told}\nand {told}")
    assert [event.kind for event in player.events].count("candidate.judged") == 1


def test_names_are_quoted_and_bounded() -> None:
    names = tuple(f"tests/test_a.py::test_{n}[a b;c]" for n in range(30))
    asked = partial.named_tests(CheckResult("unit", Judgement.FAILED, 1.0, failing=names))
    assert len(asked) == partial.TESTS_MAX
    (_, _, line) = partial.part_of(UNIT, asked[:2]).argv
    assert line == ("pytest 'tests/test_a.py::test_0[a b;c]' 'tests/test_a.py::test_1[a b;c]'")
    long = CheckResult("unit", Judgement.FAILED, 1.0, failing=("x" * 3000, "y" * 3000))
    assert partial.named_tests(long) == ("x" * 3000,)


def test_people_are_told_what_is_run() -> None:
    player = begun()
    whole(player, "t::x")
    some(player, "t::x")
    queue = queue_object(player.state, [], 7, 100.0)
    checked = queue["batches"][0]["checked"]
    assert (checked["why"], checked["tests"], checked["up_to"]) == ("narrowing", ["t::x"], 2)
    text = "\n".join(queue_text(queue, 100.0))
    assert "red: narrowing between a and d: 1 test on 2 of 4 changes" in text
    assert [each.about for each in batches.to_check(player.state)] == ["b.1"]
    some(player)
    some(player, "t::x")
    whole(player)
    player.play("in IntegrationMoved d.1 commit=abd onto=c0 head=j1")
    build(player)
    queue = queue_object(player.state, [], 7, 100.0)
    assert queue["batches"][0]["checked"]["why"] == "suspect"
    assert "1 test that failed in its batch, on what landed" in "\n".join(queue_text(queue, 100.0))


def test_the_log_of_a_run_says_what_was_run() -> None:
    player = begun()
    whole(player, "t::x", "t::y")
    some(player, "t::x", "t::y")
    some(player)
    some(player, "t::x")
    state, news, lines = State(), News(), list[str]()
    for at, kind, body in player.log:
        event = decode_event(kind, body)
        evolve(state, event, at)
        lines += news.lines(state, [event], at)
    text = "\n".join(lines)
    assert "red together: a, b, c, d (unit); narrowing: 2 tests on 4 of 4 changes" in text
    assert "2 failed tests with 2 of 4 changes: green; narrowing: 2 tests on 3 of 4" in text
    assert "c set aside: t::x red since it; looked at by itself" in text
    queued = next(body for _, kind, body in player.log if kind == "change.queued" and body["tests"])
    said = sentence(decode_event("change.queued", queued))
    assert said == "set aside, to be looked at by itself: t::x began to fail with it"


# --- nothing was changed --------------------------------------------------------------------------

AGAIN = "in LaunchStarted a.1 launch=2\nin LaunchExited a.1 launch=2 outcome=done code=0\n"


def sent_back(check: Check) -> Player:
    player = begun("a", window=1, check=check)
    whole(player, "t::x")
    some(player, "t::x")
    assert returned(player) == ["a.1"]
    return player


OF_LANDING = Check("unit", UNIT.argv, only=UNIT.only, when=When.LANDING)


@pytest.mark.parametrize(
    ("commit", "more"), [("w-a", ""), ("w-2", " unchanged=true")], ids=["same", "only merged"]
)
def test_what_nobody_changed_goes_back_without_a_run(commit: str, more: str) -> None:
    player = sent_back(OF_LANDING)
    player.play(AGAIN + f"in WorkInspected a.1 launch=2 commit={commit} tree=t-2{more}")
    assert returned(player) == ["a.1", "a.1"]
    found = evidence(player.state, "a")
    assert found is not None
    assert found["text"].startswith("nothing was changed since it was sent back: check failed")
    assert (found["tree"], found["checks"][0]["failing"]) == ("k-a", ["t::x"])


def test_what_was_changed_is_queued_again() -> None:
    player = sent_back(OF_LANDING)
    player.play(AGAIN + "in WorkInspected a.1 launch=2 commit=w-2 tree=t-2")
    assert returned(player) == ["a.1"]
    assert [link.work for link in player.state.landings] == ["w-2"]


def test_a_check_that_is_green_with_what_landed_has_the_last_word() -> None:
    """The verdict is of the tree, whoever changed it."""
    player = sent_back(UNIT)
    player.play(AGAIN + "in WorkInspected a.1 launch=2 commit=w-2 tree=t-2 unchanged=true")
    player.play(
        "in ChecksDone a.1 commit=w-2 tree=t-2 judgement=passed " + f"results={result('passed')}"
    )
    assert returned(player) == ["a.1"]
    assert [link.work for link in player.state.landings] == ["w-2"]


def test_a_person_may_have_it_land_unchanged() -> None:
    player = sent_back(OF_LANDING)
    player.play("in Asked k1 verb=land task=a by=Ann")
    player.play(AGAIN + "in WorkInspected a.1 launch=2 commit=w-a tree=t-a")
    assert returned(player) == ["a.1"]
    assert [link.work for link in player.state.landings] == ["w-a"]
