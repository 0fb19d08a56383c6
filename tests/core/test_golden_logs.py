"""Logs of released versions fold to what they folded to then."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from gangsaw.core.events import EVENT_CLASSES
from gangsaw.core.wire import decode_event, encode
from gangsaw.testing.golden import digest, fold_lines, summary

LOGS = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def holds(now: Any, then: Any) -> bool:
    """Whether a value has all that it had then, at every depth; fields may have been added."""
    if isinstance(then, dict):
        return now.keys() >= then.keys() and all(holds(now[key], then[key]) for key in then)
    if isinstance(then, list):
        return len(now) == len(then) and all(map(holds, now, then))
    return bool(now == then)


@pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])
def test_it_folds_to_what_it_did(path: Path) -> None:
    expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
    assert [summary(state) for state in fold_lines(lines(path))] == expected


@pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])
def test_every_line_is_written_again_as_it_was(path: Path) -> None:
    for line in lines(path):
        event = decode_event(line["kind"], line["body"])
        assert event.subject == line["subject"]
        assert holds(encode(event), line["body"])


@pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])
def test_a_log_from_before_a_field_was_added_folds_the_same(path: Path) -> None:
    """Fields are only ever added, with defaults: an earlier format is today's without them."""
    earlier, dropped = [], 0
    for line in lines(path):
        event = EVENT_CLASSES[line["kind"]]
        body = dict(line["body"])
        for field in fields(event):
            if field.name in body and body[field.name] == field.default:
                del body[field.name]
                dropped += 1
        earlier.append({**line, "body": body})
    assert dropped > 10
    expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
    assert [summary(state) for state in fold_lines(earlier)] == expected
    for one, other in zip(fold_lines(earlier), fold_lines(lines(path)), strict=True):
        assert digest(one) == digest(other)


def test_every_kind_of_event_is_in_a_golden_log() -> None:
    kinds = {line["kind"] for path in LOGS for line in lines(path)}
    assert kinds == set(EVENT_CLASSES)
