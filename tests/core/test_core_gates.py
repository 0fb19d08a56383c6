"""Which checks a tree needs, and how long they take."""

from __future__ import annotations

import pytest

from gangsaw.core import events as ev
from gangsaw.core.check_records import CheckRecord
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import Check, Limits, Plan, Task, TurnKind, When
from gangsaw.core.policy import gates, landing
from gangsaw.core.state import State
from gangsaw.core.terms import CheckResult, Judgement


def shell(line: str, **fields: object) -> Check:
    return Check(line, ("sh", "-c", line), **fields)  # type: ignore[arg-type]


ALL = shell("all")
DOCS = shell("docs", paths=("docs/", "*.md"))
CODE = shell("code", paths=("src/**/*.py",))


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (("docs/a.txt",), ["all", "docs"]),
        (("README.md", "src/a/b.py"), ["all", "docs", "code"]),
        (("src/a.txt",), ["all"]),
        ((), ["all"]),
        (None, ["all", "docs", "code"]),
    ],
)
def test_a_check_is_needed_where_its_paths_are_touched(
    paths: tuple[str, ...] | None, wanted: list[str]
) -> None:
    found = gates.needed((ALL, DOCS, CODE), gates.ON_WORK, paths)
    assert [check.name for check in found] == wanted


def test_a_check_looks_at_some_trees_only() -> None:
    checks = [shell(when.value, when=when) for when in When]
    on_work = gates.needed(checks, gates.ON_WORK, None)
    on_landing = gates.needed(checks, gates.ON_LANDING, None)
    assert [check.name for check in on_work] == ["always", "work"]
    assert [check.name for check in on_landing] == ["always", "landing"]


def test_cheap_ones_come_first_and_none_twice() -> None:
    checks = (shell("a", order=5), shell("b"), shell("c", order=-1), shell("b"))
    assert [check.name for check in gates.needed(checks, gates.ON_WORK, None)] == ["c", "b", "a"]


def test_the_paths_of_several_changes() -> None:
    assert gates.all_paths([("a", "b"), ("b", "c"), ()]) == ("a", "b", "c")
    assert gates.all_paths([("a",), None]) is None
    assert gates.all_paths([]) == ()


def test_checks_of_one_name_with_different_commands_are_two() -> None:
    mine, theirs = Check("unit", ("pytest",)), Check("unit", ("true",))
    found = gates.needed((mine, theirs), gates.ON_WORK, None)
    assert found == (mine, theirs)
    assert mine.key != theirs.key
    assert mine.key.startswith("unit#")


def test_a_plain_command_is_its_own_key() -> None:
    assert shell("pytest -q").key == "pytest -q"
    assert Check("a 'b c'", ("a", "b c")).key == "a 'b c'"
    assert Check("a", ("sh", "-c", " a\n")).key == "a"
    assert shell("a", env=("CI",)).key != "a"
    assert shell("a", files=("x",)).key not in ("a", shell("a", env=("x",)).key)
    assert shell("a", paths=("x",), order=3, retries=0).key == "a"


def started(*gate: Check, **limits: float) -> State:
    state = State()
    tasks = (Task("a", "a", "do a"), Task("b", "b", "do b", checks=(shell("of b"),)))
    bounds = Limits(**limits)  # type: ignore[arg-type]
    evolve(state, ev.RunStarted("r1", Plan("", tasks), bounds, "main", "i", "base", gate), 1.0)
    return state


def worked(state: State, task: str, *paths: str, files: int | None = None) -> None:
    name = f"{task}.1"
    known = len(paths) if files is None else files
    for event in (
        ev.AttemptAdmitted(name, task, 1, "base", "agent", None, "branch"),
        ev.WorkspacePrepared(name, "/w"),
        ev.TurnWanted(name, 1, 1, TurnKind.WORK),
        ev.TurnExited(name, 1, OutcomeKind.DONE, 0, None),
        ev.InspectionWanted(name, False),
        ev.WorkFound(name, f"commit-{task}", f"tree-{task}", known, 1, 1, paths=paths),
    ):
        evolve(state, event, 2.0)


def test_the_gate_of_work_follows_from_what_it_changed() -> None:
    state = started(ALL, DOCS, CODE)
    assert len(landing.gate_of_work(state, "a")) == 3
    worked(state, "a", "src/a.py", "README.md")
    assert [check.name for check in landing.gate_of_work(state, "a")] == ["all", "docs", "code"]
    worked(state, "b", "docs/x")
    assert [check.name for check in landing.gate_of_work(state, "b")] == ["all", "docs", "of b"]


def test_where_paths_are_not_all_known_everything_is_needed() -> None:
    state = started(ALL, DOCS, CODE)
    worked(state, "a", files=5000)
    assert state.attempts["a.1"].paths is None
    assert len(landing.gate_of_work(state, "a")) == 3


def result(check: Check, seconds: float = 1.0) -> CheckResult:
    return CheckResult(check.name, Judgement.PASSED, seconds, key=check.key)


def test_expected_times_are_known_once_all_were_seen_to_pass() -> None:
    state = started(ALL, CODE)
    worked(state, "a", "src/a.py")
    assert gates.expected_s(state, (ALL, CODE)) is None
    passed = (result(ALL, seconds=3.0), result(CODE, seconds=4.0))
    evolve(state, ev.VerdictReached("a.1", "tree-a", Judgement.PASSED, passed), 3.0)
    assert gates.expected_s(state, (ALL, CODE)) == 7.0
    assert gates.expected_s(state, ()) == 0.0


def test_a_check_of_its_own_limit() -> None:
    state = started(ALL, check_timeout_s=500.0)
    assert gates.timeout_s(state, ALL) == 500.0
    assert gates.timeout_s(state, shell("x", timeout_s=20.0)) == 20.0
    state.known_checks["all"] = CheckRecord("all", (100.0,) * 5, 5)
    assert gates.timeout_s(state, ALL) == 300.0


def test_another_environment_makes_earlier_verdicts_void() -> None:
    state = started(ALL)
    worked(state, "a", "x")
    evolve(state, ev.EngineStarted(1, "1", environment="e1"), 2.5)
    evolve(state, ev.VerdictReached("a.1", "tree-a", Judgement.PASSED, (result(ALL),)), 3.0)
    assert landing.missing_checks(state, "tree-a", (ALL,)) == ()
    evolve(state, ev.EngineStarted(2, "1", environment="e1"), 4.0)
    assert landing.missing_checks(state, "tree-a", (ALL,)) == ()
    evolve(state, ev.EngineStarted(3, "1", environment="e2"), 5.0)
    assert landing.missing_checks(state, "tree-a", (ALL,)) == (ALL,)


def test_names_of_failing_tests_are_in_the_reason() -> None:
    failed = CheckResult(
        "unit", Judgement.FAILED, 1.0, failing=("a::b", "c::d", "e::f", "g::h"), failing_more=3
    )
    lint = CheckResult("lint", Judgement.FAILED, 1.0)
    text = landing.failing_text((failed, CheckResult("x", Judgement.PASSED, 1.0), lint))
    assert text == "check failed: unit (a::b, c::d, e::f and 4 more), lint"
