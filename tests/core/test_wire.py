"""Events ↔ JSON: everything that can be said comes back as it was."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gangsaw.core.events import EVENT_CLASSES, AttemptAdmitted, TurnWanted
from gangsaw.core.wire import decode_event, encode

CLASSES = sorted(EVENT_CLASSES.values(), key=lambda cls: cls.kind)

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(str, st.text(max_size=20))


@pytest.mark.parametrize("cls", CLASSES, ids=[cls.kind for cls in CLASSES])
def test_round_trip(cls: type[Any]) -> None:
    @settings(max_examples=20)
    @given(event=st.from_type(cls))
    def check(event: Any) -> None:
        body = json.loads(json.dumps(encode(event)))
        assert decode_event(cls.kind, body) == event

    check()


def test_an_unknown_field_is_ignored_and_a_missing_one_takes_its_default() -> None:
    body = {"attempt": "a.1", "turn": 1, "launch": 1, "why": "work", "colour": "red"}
    assert decode_event("turn.wanted", body) == decode_event(
        "turn.wanted", {key: body[key] for key in ("attempt", "turn", "launch", "why")}
    )
    event = decode_event("turn.wanted", body)
    assert isinstance(event, TurnWanted)
    assert event.onto is None


def test_a_field_without_default_must_be_there() -> None:
    with pytest.raises(TypeError):
        decode_event("landed", {"attempt": "a.1"})


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        decode_event("task.sung", {})


@pytest.mark.parametrize("cls", CLASSES, ids=[cls.kind for cls in CLASSES])
def test_every_event_names_its_subject(cls: type[Any]) -> None:
    named = {field.name for field in dataclasses.fields(cls)}
    body = {name: f"<{name}>" for name in named}
    subject = cls(**body).subject
    assert subject in ("", *body.values())


def test_subjects() -> None:
    admitted = AttemptAdmitted("a.1", "a", 1, "c0", "claude", None, "b")
    assert admitted.subject == "a.1"
    assert encode(admitted)["model"] is None
