"""The page of agents is what the tests showed of the real programs, and says what they did not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gangsaw.agents import KINDS, adapter_for
from gangsaw.plan.settings_fields import KINDS as SETTINGS_KINDS
from gangsaw.plan.settings_fields import RESUMING_KINDS
from gangsaw.testing.capabilities import (
    CAPABILITIES,
    Shown,
    is_up_to_date,
    main,
    merged,
    page,
    pinned,
    program_of,
    read_record,
    read_results,
    tell,
)
from gangsaw.testing.guarantees import DOCS

TESTS = DOCS.parent / "tests"
EDIT = Shown("claude", "edit", True, "", "1.0", "tests/a.py::test_a", "2026-11-21", "linux")
LINE = {"test": "tests/a.py::test_a[claude]", "outcome": "passed", "guarantees": [],
        "capabilities": ["claude/edit"], "figures": [], "reason": "", "at": "2026-11-21",
        "long": False, "where": "linux"}  # fmt: skip
VERSIONS = {"claude": "1.0", "qwen": "2.0"}


def test_the_page_is_up_to_date() -> None:
    assert is_up_to_date(DOCS), "try: ./dev docs"


def test_what_is_recorded_is_of_tests_that_exist_and_of_pinned_programs() -> None:
    for shown in read_record(DOCS):
        file, _, name = shown.test.partition("::")
        assert f"def {name}(" in (TESTS.parent / file).read_text(encoding="utf-8"), shown
        assert shown.capability in CAPABILITIES
        assert program_of(shown.agent) in pinned()


def test_the_settings_know_every_adapter_and_which_of_them_resume() -> None:
    assert set(SETTINGS_KINDS) == set(KINDS)
    resuming = {kind for kind in KINDS if kind != "command" and adapter_for(kind).resumes}
    assert resuming == RESUMING_KINDS - {"command"}


def results(tmp_path: Path, *lines: Mapping[str, object]) -> Path:
    file = tmp_path / "results.jsonl"
    file.write_text("".join(json.dumps({**LINE, **line}) + "\n" for line in lines))
    return file


def test_what_passed_is_proven(tmp_path: Path) -> None:
    told = read_results(results(tmp_path, {}, {"capabilities": []}), VERSIONS)
    assert told.shown == (EDIT,)
    assert (told.failed, told.absent) == ((), {})


def test_what_is_known_not_to_work_is_told_with_its_reason(tmp_path: Path) -> None:
    skipped = {"outcome": "skipped", "reason": "LACKING: it waits in silence"}
    told = read_results(results(tmp_path, skipped), VERSIONS)
    assert told.shown == (replace(EDIT, proven=False, reason="it waits in silence"),)
    text = page(told.shown, VERSIONS)
    assert "| claude | 1.0 | no | – |" in text
    assert "- No edit: it waits in silence." in text


def test_a_program_that_was_not_there_is_said_and_keeps_its_record(tmp_path: Path) -> None:
    skipped = {"outcome": "skipped", "reason": "not installed"}
    told = read_results(results(tmp_path, skipped), VERSIONS)
    assert (told.shown, told.absent) == ((), {"claude": "not installed"})
    assert merged([EDIT], told.shown) == [EDIT]
    lines = list(tell(told, VERSIONS))
    assert "agents: claude 1.0: 0 of 6 shown, NOT AVAILABLE: not installed" in lines
    assert "agents: qwen 2.0: 0 of 6 shown" in lines


def test_of_several_tests_of_one_capability_all_must_pass(tmp_path: Path) -> None:
    lacking = {"outcome": "skipped", "reason": "LACKING: half of it"}
    for lines in ([{}, lacking], [lacking, {}]):
        (shown,) = read_results(results(tmp_path, *lines), VERSIONS).shown
        assert (shown.proven, shown.reason) == (False, "half of it")


def test_what_failed_is_said_and_not_recorded(tmp_path: Path) -> None:
    told = read_results(results(tmp_path, {"outcome": "failed"}), VERSIONS)
    assert told.shown == ()
    assert "agents: FAILED claude/edit: tests/a.py::test_a[claude]" in tell(told, VERSIONS)


def test_what_was_shown_with_another_version_says_so() -> None:
    text = page([EDIT], {"claude": "1.1"})
    assert "| claude | 1.1 | with 1.0 | – |" in text
    assert "- Shown by `tests/a.py::test_a` (edit; 2026-11-21, linux)" in text


def test_a_program_spoken_to_in_another_way_has_a_row_of_its_own() -> None:
    text = page([replace(EDIT, agent="acp-qwen", version="2.0")], VERSIONS)
    assert "| qwen | 2.0 | – |" in text
    assert "| acp-qwen | 2.0 | yes |" in text
    assert "- An agent of kind `acp`, whose command is in the settings." in text


def test_usage_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--nonsense"]) == 2
    assert "usage:" in capsys.readouterr().err
