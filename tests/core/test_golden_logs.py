"""Logs of released versions fold to what they folded to then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gangsaw.core.events import EVENT_CLASSES
from gangsaw.core.wire import decode_event, encode
from gangsaw.testing.golden import fold_lines, summary

LOGS = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])
def test_it_folds_to_what_it_did(path: Path) -> None:
    expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
    assert [summary(state) for state in fold_lines(lines(path))] == expected


@pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])
def test_every_line_is_written_again_as_it_was(path: Path) -> None:
    for line in lines(path):
        event = decode_event(line["kind"], line["body"])
        assert event.subject == line["subject"]
        assert encode(event).items() >= line["body"].items()


def test_every_kind_of_event_is_in_a_golden_log() -> None:
    kinds = {line["kind"] for path in LOGS for line in lines(path)}
    assert kinds == set(EVENT_CLASSES)
