"""No tree is checked twice for the same question, within a run or across runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gangsaw.core.terms import Judgement
from gangsaw.verify import verdicts
from tests.verify.check_yard import CheckYard, shell

UNIT = shell('echo run >> "$NOTES/runs"', "unit")


@pytest.fixture
def yard(tmp_path: Path) -> CheckYard:
    return CheckYard(tmp_path)


def in_another_run(yard: CheckYard, name: str = "r2") -> dict[str, object]:
    return {"run": name, "folder": yard.root / name, "verdicts": yard.verdicts()}


def test_what_was_green_is_not_run_again_in_a_later_run(yard: CheckYard) -> None:
    fresh = yard.one(UNIT, **in_another_run(yard, "r1"))
    cached = yard.one(UNIT, **in_another_run(yard))
    assert len(yard.lines()) == 1
    assert (fresh.seen_in, cached.seen_in, cached.judgement) == ("", "r1", Judgement.PASSED)
    assert cached.seen_at > 0
    assert (cached.log, cached.fingerprint) == ("", fresh.fingerprint)


@pytest.mark.parametrize("kind", ["tree", "command", "environment", "file"])
def test_another_question_is_asked(yard: CheckYard, kind: str) -> None:
    check = shell('echo run >> "$NOTES/runs"', "unit", files=("lock",))
    origin = yard.root / "lock"
    origin.write_text("1")

    def copy(slot: Path) -> None:
        (slot / "lock").write_bytes(origin.read_bytes())

    yard.one(check, **in_another_run(yard, "r1"), prepare=copy)
    yard.one(check, **in_another_run(yard, "r2"), prepare=copy)
    assert len(yard.lines()) == 1
    if kind == "tree":
        yard.commit(**{"a.txt": "two\n"})
    elif kind == "command":
        check = shell('echo run  >> "$NOTES/runs"', "unit", files=("lock",))
    elif kind == "environment":
        yard.environment = "elsewhere"
    else:
        origin.write_text("2")
    yard.one(check, **in_another_run(yard, "r3"), prepare=copy)
    assert len(yard.lines()) == 2


def test_red_and_flaky_results_are_not_kept(yard: CheckYard) -> None:
    once_red = 'echo run >> "$NOTES/runs"; test $(wc -l < "$NOTES/runs") -gt 1'
    assert yard.one(shell(once_red, "flaky"), **in_another_run(yard, "r1")).red_runs == 1
    yard.one(shell("exit 1", "red"), **in_another_run(yard, "r1"))
    assert not (yard.root / "verdicts").exists()


def test_without_the_setting_nothing_is_kept(yard: CheckYard) -> None:
    yard.one(UNIT)
    assert not (yard.root / "verdicts").exists()


def test_within_a_run_the_record_of_a_former_engine_is_taken(yard: CheckYard) -> None:
    yard.one(UNIT)
    again = yard.one(UNIT)
    assert (len(yard.lines()), again.judgement, again.seen_in) == (1, Judgement.PASSED, "")
    yard.environment = "elsewhere"
    yard.one(UNIT)
    assert len(yard.lines()) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b'{"tree": 1}', b"\xff\xfe", b"null"])
def test_a_broken_file_was_never_there(yard: CheckYard, content: bytes) -> None:
    yard.one(UNIT, **in_another_run(yard, "r1"))
    (kept,) = (yard.root / "verdicts").iterdir()
    kept.write_bytes(content)
    assert yard.one(UNIT, **in_another_run(yard, "r2")).seen_in == ""
    assert len(yard.lines()) == 2
    assert json.loads(kept.read_bytes())["run"] == "r2"


def test_a_verdict_under_the_name_of_another_is_not_believed(yard: CheckYard) -> None:
    store = yard.verdicts()
    store.keep("tree", "print", UNIT, verdicts.Seen("r1", 1.0, 2.0))
    (kept,) = (yard.root / "verdicts").iterdir()
    store.keep("other", "print", UNIT, verdicts.Seen("r1", 1.0, 2.0))
    other = next(path for path in (yard.root / "verdicts").iterdir() if path != kept)
    kept.write_bytes(other.read_bytes())
    assert store.find("tree", "print") is None
    assert store.find("other", "print") == verdicts.Seen("r1", 1.0, 2.0)


def test_their_number_is_bounded(yard: CheckYard) -> None:
    folder = yard.root / "verdicts"
    folder.mkdir()
    for number in range(verdicts.KEPT_MAX):
        (folder / f"{number}.json").touch()
    yard.verdicts().keep("tree", "print", UNIT, verdicts.Seen("r1", 1.0, 2.0))
    assert len(list(folder.iterdir())) == verdicts.KEPT_MAX // 2 + 1
    assert yard.verdicts().find("tree", "print") is not None
