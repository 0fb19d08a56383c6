"""How checks are run: retries, time limits, order, what they leave behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gangsaw.core.failing import named_with_tests
from gangsaw.core.terms import Judgement
from tests.verify.check_yard import CheckYard, shell

ONCE_RED = 'echo run >> "$NOTES/runs"; test $(wc -l < "$NOTES/runs") -gt 1'
RED = 'echo run >> "$NOTES/runs"; exit 3'
GREEN = 'echo run >> "$NOTES/runs"'


@pytest.fixture
def yard(tmp_path: Path) -> CheckYard:
    return CheckYard(tmp_path)


def test_a_check_that_is_red_once_passes_and_says_so(yard: CheckYard) -> None:
    judgement, (result,) = yard.run(shell(ONCE_RED, "unit"))
    assert judgement is Judgement.PASSED
    assert (result.red_runs, result.code, len(yard.lines())) == (1, 0, 2)


def test_a_red_check_is_believed_after_its_retries(yard: CheckYard) -> None:
    judgement, (result,) = yard.run(shell(RED, "unit", retries=2))
    assert (judgement, result.code, result.red_runs) == (Judgement.FAILED, 3, 2)
    assert len(yard.lines()) == 3


def test_without_retries_one_red_run_is_enough(yard: CheckYard) -> None:
    assert yard.one(shell(RED, "unit", retries=0)).red_runs == 0
    assert len(yard.lines()) == 1
    # A candidate's is confirmed by the queue instead.
    assert yard.one(shell(RED, "unit"), retries=False).judgement is Judgement.FAILED
    assert len(yard.lines()) == 2


def test_a_program_that_is_not_there_is_not_asked_for_again(yard: CheckYard) -> None:
    result = yard.one(replace(shell("x"), argv=("no-such-program",)))
    assert (result.judgement, result.red_runs) == (Judgement.FAILED, 0)
    assert "no-such-program" in result.tail


def test_a_higher_order_is_not_run_after_a_red_one(yard: CheckYard) -> None:
    checks = (
        shell('echo slow >> "$NOTES/runs"', "slow", order=2),
        shell("exit 1", "types", order=1, retries=0),
        shell('echo style >> "$NOTES/runs"', "style", order=1),
    )
    judgement, results = yard.run(*checks)
    assert judgement is Judgement.FAILED
    assert [result.name for result in results] == ["types", "style"]
    assert yard.lines() == ["style"]


def test_all_orders_are_run_where_all_is_green(yard: CheckYard) -> None:
    judgement, results = yard.run(shell("true", "b", order=2), shell("true", "a", order=1))
    assert (judgement, [result.name for result in results]) == (Judgement.PASSED, ["a", "b"])


def test_a_run_into_the_learned_limit_is_followed_by_one_in_full(yard: CheckYard) -> None:
    first_hangs = GREEN + '; test $(wc -l < "$NOTES/runs") -gt 1 || exec sleep 600'
    check = shell(first_hangs, "unit")
    result = yard.one(check, learned_s={check.key: 0.3})
    assert (result.judgement, len(yard.lines())) == (Judgement.PASSED, 2)


def test_a_check_that_never_ends_is_red_after_its_full_limit(yard: CheckYard) -> None:
    check = shell(GREEN + "; exec sleep 600", "unit", timeout_s=0.4)
    result = yard.one(check)
    assert (result.judgement, len(yard.lines())) == (Judgement.FAILED, 2)
    assert "still running after 0.4 s, and stopped" in result.tail
    assert named_with_tests(result) == "unit (out of time)"


@pytest.mark.parametrize("how", ["kill -KILL $$", "exit 137", "exit 143"])
def test_what_was_killed_blames_nobody(yard: CheckYard, how: str) -> None:
    judgement, (result,) = yard.run(shell(f'echo run >> "$NOTES/runs"; {how}', "unit"))
    assert (judgement, result.judgement) == (Judgement.INCONCLUSIVE, Judgement.INCONCLUSIVE)
    assert len(yard.lines()) == 1


def test_a_check_that_changes_tracked_files_is_not_believed(yard: CheckYard) -> None:
    changing = shell(f"{GREEN}; echo two > a.txt; echo new > other; git add other", "format")
    judgement, (first, second) = yard.run(changing, shell("grep one a.txt", "after"))
    assert (judgement, first.judgement) == (Judgement.FAILED, Judgement.FAILED)
    assert first.note.startswith("it changed tracked files: a.txt, other; so what it")
    assert named_with_tests(first) == "format (changed tracked files)"
    assert (first.red_runs, len(yard.lines())) == (0, 1)
    assert (second.judgement, second.note) == (Judgement.PASSED, "")
    assert yard.one(changing).judgement is Judgement.FAILED, "nor by its record"


def test_a_commit_by_a_check_is_not_what_the_next_one_sees(yard: CheckYard) -> None:
    identity = "git -c user.name=A -c user.email=a@b commit -qam mine"
    _, results = yard.run(
        shell(f"echo two > a.txt; {identity}", "bad"), shell("grep one a.txt", "after")
    )
    assert "a.txt" in results[0].note
    assert results[1].judgement is Judgement.PASSED


def test_processes_that_are_left_are_ended_and_told_of(yard: CheckYard) -> None:
    result = yard.one(shell("sleep 600 & true", "unit"))
    assert result.judgement is Judgement.PASSED
    assert result.note == "left 1 process running, which was ended"


def test_the_time_of_the_processor_is_told(yard: CheckYard) -> None:
    busy = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done"
    assert yard.one(shell(busy, "unit")).cpu_s > 0
