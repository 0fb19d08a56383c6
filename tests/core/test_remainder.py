"""What of a plan is left to do after earlier runs of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gangsaw.core.model import Plan, Task
from gangsaw.core.remainder import FormerRun, FormerTask, LeftOut, Remainder, remainder


def task(name: str, *needs: str, prompt: str = "") -> Task:
    return Task(name, name.title(), prompt or f"do {name}", needs=needs)


def was(each: Task, status: str, commit: str = "", attempts: int = 1) -> FormerTask:
    return FormerTask(each.title, each.prompt, status, commit, attempts)


def run(number: int, tasks: Mapping[str, FormerTask], over: bool = True) -> FormerRun:
    return FormerRun(f"r{number}", "main", float(number), over, tasks)


A, B, C = task("a"), task("b", "a"), task("c", "b")
PLAN = Plan("goal", (A, B, C))
LANDED_A = {"a": was(A, "landed", "c0ffee")}


def left(plan: Plan, *former: FormerRun, base: str = "c0ffee", since: float = 0.0) -> Remainder:
    return remainder(plan, former, lambda commit: commit == base, since=since, tries_max=3)


def names(found: Remainder) -> list[str]:
    return [] if found.plan is None else [each.id for each in found.plan.tasks]


def test_without_a_former_run_it_is_the_whole_plan() -> None:
    assert left(PLAN) == Remainder(PLAN, ())


def test_what_has_landed_is_a_need_no_more() -> None:
    found = left(PLAN, run(1, LANDED_A))
    assert names(found) == ["b", "c"]
    assert found.plan is not None
    assert [each.needs for each in found.plan.tasks] == [(), ("b",)]
    assert found.left_out == (LeftOut("a", "has landed in r1", 0, True, "c0ffee"),)


def test_all_has_landed() -> None:
    former = {each.id: was(each, "landed", "c0ffee") for each in PLAN.tasks}
    found = left(PLAN, run(1, former))
    assert (found.plan, found.code, found.text) == (None, 0, "3 tasks have landed")


def test_a_task_without_changes_is_done_once() -> None:
    found = left(Plan("", (A, B)), run(1, {"a": was(A, "done")}), base="")
    assert names(found) == ["b"]
    assert found.plan is not None
    assert found.plan.tasks[0].needs == ()


@pytest.mark.parametrize("what", ["prompt", "title"])
def test_a_changed_task_is_a_new_wish(what: str) -> None:
    fields = {"title": "A", "prompt": "do a"} | {what: "before"}
    former = FormerTask(fields["title"], fields["prompt"], "landed")
    assert names(left(Plan("", (A,)), run(1, {"a": former}))) == ["a"]


@pytest.mark.parametrize("field", ["priority", "scope", "timeout_s", "checks"])
def test_how_a_task_is_run_is_no_new_wish(field: str) -> None:
    values: dict[str, object] = {"priority": 5, "scope": ("src/",), "timeout_s": 9.0, "checks": ()}
    changed = Task("a", "A", "do a", **{field: values[field]})  # type: ignore[arg-type]
    assert names(left(Plan("", (changed,)), run(1, LANDED_A))) == []


def test_landed_work_that_is_not_on_the_target_is_not_repeated_and_its_dependants_wait() -> None:
    found = left(PLAN, run(1, LANDED_A), base="other")
    assert names(found) == []
    assert [each.task for each in found.left_out] == ["a", "b", "c"]
    assert found.left_out[1].text == "needs a, which has landed, but is not on the target yet"
    assert found.left_out[2].text.startswith("needs b, which needs a, which")
    assert found.code == 1


@pytest.mark.parametrize("status", ["cancelled", "undone"])
def test_what_a_person_did_away_with_stays_away(status: str) -> None:
    found = left(Plan("", (A,)), run(1, LANDED_A), run(2, {"a": was(A, status)}))
    assert names(found) == []
    assert found.code == 0


def test_a_failed_task_is_run_again_a_few_times() -> None:
    failed = {"a": was(A, "failed")}
    runs = [run(1, failed), run(2, failed)]
    assert names(left(Plan("", (A,)), *runs)) == ["a"]
    found = left(Plan("", (A,)), *runs, run(3, failed))
    assert names(found) == []
    assert (found.code, found.text) == (1, "a failed in 3 runs and is left alone")
    # failures of before this schedule do not count, nor what never began
    assert names(left(Plan("", (A,)), *runs, run(3, failed), since=2.0)) == ["a"]
    never = {"a": was(A, "failed", attempts=0)}
    assert names(left(Plan("", (A,)), run(1, never), run(2, never), run(3, never))) == ["a"]


def test_a_task_that_needs_a_person_waits_for_one() -> None:
    found = left(Plan("", (A,)), run(1, {"a": was(A, "needs_you")}))
    assert (found.plan, found.code) == (None, 3)
    assert found.text == "a needs a person (gangsaw why a)"
    # in a run that is not over nothing is decided yet
    assert names(left(Plan("", (A,)), run(1, {"a": was(A, "needs_you")}, over=False))) == ["a"]


def test_dependants_of_a_task_that_is_left_alone_wait_and_others_run() -> None:
    failed = {"a": was(A, "failed")}
    plan = Plan("", (A, B, task("d")))
    found = left(plan, run(1, failed), run(2, failed), run(3, failed))
    assert names(found) == ["d"]
    assert found.left_out[1].text == "needs a, which failed in 3 runs and is left alone"


def test_many_words_are_cut() -> None:
    tasks = tuple(task(f"t{n}") for n in range(9))
    former = {each.id: was(each, "cancelled") for each in tasks}
    text = left(Plan("", tasks), run(1, former)).text
    assert text == "t0 was cancelled, t1 was cancelled, t2 was cancelled, and 6 more"
