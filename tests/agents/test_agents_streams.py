"""What every reader of a recorded program's stream has to stand: bytes cut anywhere, garbage,
lines beyond all measure, events of any shape."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents import Reader, adapter_for
from gangsaw.core.launch import Ended, Note, OutcomeKind
from tests.agents.golden_streams import BRIEF, recordings

KINDS = ("gemini", "opencode", "qwen")
EXIT_0, EXIT_1 = Ended(0, None), Ended(1, None)
RECORDED = {
    kind: next(path for path in recordings(kind) if path.name.endswith("_edit.jsonl")).read_bytes()
    for kind in KINDS
}


def reader_of(kind: str) -> Reader:
    return adapter_for(kind).reader(BRIEF)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_notes_are_the_same_however_bytes_are_cut(kind: str, data: st.DataObject) -> None:
    raw = RECORDED[kind]
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=30))
    reader = reader_of(kind)
    edges = [0, *sorted(cuts), len(raw)]
    notes = [note for a, b in itertools.pairwise(edges) for note in reader.feed(raw[a:b])]
    assert notes == reader_of(kind).feed(raw)


KEYS = st.sampled_from(
    "type subtype message content usage input name id text role delta tool_name tool_id parameters"
    " status error severity stats result session_id is_error data delayMs attempt preserveText"
    " part state tool tokens cache cost reason messageID sessionID output metadata file_path"
    " filePath command questions question responseHeaders statusCode synthetic".split()
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(
    "init message tool_use tool_result error result system assistant user step_start step_finish"
    " text".split()
)
EVENT_LIKE = st.tuples(st.dictionaries(KEYS, ANY_JSON, max_size=6), TYPES).map(
    lambda drawn: json.dumps(drawn[0] | {"type": drawn[1]}).encode()
)


@pytest.mark.parametrize("kind", KINDS)
@given(raw=st.lists(st.binary(max_size=30) | EVENT_LIKE, max_size=6))
def test_no_bytes_make_a_reader_raise(kind: str, raw: list[bytes]) -> None:
    reader = reader_of(kind)
    notes: list[Note] = reader.feed(b"\n".join(raw) + b"\n")
    for note in [*notes, reader.conclude(EXIT_1, b"\xff\x1b[31m")]:
        repr(note).encode("utf-8")
        for name in note.__slots__:
            value = getattr(note, name)
            assert not isinstance(value, str) or value.encode("utf-8") is not None


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_between_events_is_counted_and_passed_over(kind: str) -> None:
    reader = reader_of(kind)
    dirty = RECORDED[kind].replace(b"\n", b"\n\x1b[31mnoise\x1b[0m\n\n\xff\x00\n", 3)
    assert reader.feed(dirty) == reader_of(kind).feed(RECORDED[kind])
    assert reader.ignored_lines == 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_of_50_megabytes_disturbs_nothing(kind: str) -> None:
    reader = reader_of(kind)
    huge = b'{"type":"user","x":"' + b"A" * (50 << 20) + b'"}\n'
    first, _, rest = RECORDED[kind].partition(b"\n")
    assert reader.feed(first + b"\n" + huge + rest) == reader_of(kind).feed(RECORDED[kind])
    assert reader.ignored_lines == 1


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_are_no_text_stay_where_they_are(kind: str) -> None:
    reader = reader_of(kind)
    broken = RECORDED[kind].replace(b"I will write the file.", b"I \xff\xfewill")
    assert [n for n in reader.feed(broken) if "\ufffd" in repr(n)]
    assert reader.ignored_lines == 0
    assert reader.conclude(EXIT_0, b"").kind is OutcomeKind.DONE


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_event_counts_though_its_line_has_no_end(kind: str) -> None:
    reader = reader_of(kind)
    reader.feed(RECORDED[kind].rstrip(b"\n"))
    assert reader.conclude(EXIT_0, b"").kind is OutcomeKind.DONE
