"""Every recording of a real program gives the notes kept beside it; a changed stream says how."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.agents.golden_streams import changes, differences, inventory, neutral, recordings

ALL = recordings()
EDIT = next(path for path in ALL if path.name == "claude_2_1_329_edit.jsonl")


def shows_stream(recording: Path) -> Any:
    """A recording as a parameter, marked with whose stream it shows to be understood."""
    kind, program, *_ = recording.name.split("_")
    agent = f"acp-{program}" if kind == "acp" else kind
    mark = pytest.mark.capability(agent, "stream")
    return pytest.param(recording, id=recording.name, marks=mark)


@pytest.mark.parametrize("recording", [*map(shows_stream, ALL)])
def test_a_recording_gives_its_notes(recording: Path) -> None:
    assert not (told := differences(recording)), told


@pytest.mark.parametrize("recording", ALL, ids=lambda path: path.name)
def test_a_recording_names_no_person_and_no_place(recording: Path) -> None:
    kept = recording.read_bytes() + recording.with_suffix(".notes").read_bytes()
    assert not re.search(rb"(?<!user)/tmp/|-tmp-|/home/(?!user)|127\.0\.0\.1:(?!9\b)\d", kept)


def test_a_changed_stream_says_what_changed() -> None:
    changed = EDIT.read_bytes().replace(b'"is_error"', b'"failed"')
    changed = changed.replace(b'"subtype":"init"', b'"subtype":"hello"', 1)
    told = differences(EDIT, changed)
    assert "new kind of event system/hello" in told
    assert "no event system/init any more" in told
    assert "result/success: new field failed" in told
    assert re.search(r"^-SessionNoted", told, re.MULTILINE)


def test_what_a_stream_has_is_told_field_by_field() -> None:
    before = inventory(b'{"type":"a","x":{"y":1}}\n{"type":"b"}\nnoise\n')
    assert before == {"a": {"type", "x", "x.y"}, "b": {"type"}}
    after = inventory(b'{"type":"a","x":[{"z":1}]}\n{"type":"c"}\n')
    assert changes(before, after) == [
        "a: new field x.z",
        "a: no field x.y any more",
        "no event b any more",
        "new kind of event c: type",
    ]
    assert changes(before, after, whole=False) == [
        "a: new field x.z",
        "new kind of event c: type",
    ]


def test_a_recording_is_made_neutral() -> None:
    raw = b'{"p":"/t/w/a","id":"9aa4403b-02e0-4267-be37-3499642d5351","q":"/t",\n"at":"'
    raw += b'2026-11-21T00:48:05.511Z","again":"9aa4403b-02e0-4267-be37-3499642d5351"}'
    kept = neutral(raw, {"/t": "/home/user", "/t/w": "/wt"})
    first = b"00000000-0000-4000-8000-000000000001"
    assert kept == (
        b'{"p":"/wt/a","id":"' + first + b'","q":"/home/user",\n"at":"2026-01-01T00:00:00.000Z"'
        b',"again":"' + first + b'"}'
    )
