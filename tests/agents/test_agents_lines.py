"""Lines, JSON objects and plain text, from any bytes."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents import lines
from gangsaw.agents.lines import LineSplitter, json_object, one_line, plain_text, tail_text


def split(chunks: list[bytes]) -> list[bytes]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)]


@given(st.lists(st.binary(max_size=40)))
def test_lines_do_not_depend_on_how_bytes_are_cut(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert split(chunks) == whole.split(b"\n")[:-1]


def test_half_a_line_is_held_until_its_end() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b'{"a"') == []
    assert splitter.feed(b": 1}\n{") == [b'{"a": 1}']
    assert splitter.feed(b"}\n") == [b"{}"]


@pytest.mark.parametrize("piece", [1 << 16, 60 << 20])
def test_a_line_of_50_megabytes_is_skipped_in_bounded_memory(piece: int) -> None:
    splitter = LineSplitter()
    size = 50 << 20
    chunk = b"x" * min(piece, size)
    tracemalloc.start()
    try:
        for _ in range(0, size, len(chunk)):
            assert splitter.feed(chunk) == []
        held_bytes, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert splitter.feed(b"\nnext\n") == [b"next"]
    assert splitter.skipped == 1
    assert held_bytes < 1 << 20
    assert peak_bytes < 3 * lines.MAX_LINE_BYTES


def test_the_longest_line_passes_and_one_byte_more_does_not() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"x" * lines.MAX_LINE_BYTES + b"\n") == [b"x" * lines.MAX_LINE_BYTES]
    assert splitter.feed(b"x" * lines.MAX_LINE_BYTES) == []
    assert splitter.feed(b"x\n") == []
    assert splitter.skipped == 1


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1]",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b"{" + b'"a":[' * 100_000,
        b'{"a":' + b"9" * 5_000 + b"}",
        b"\x1b[31m{}\x1b[0m",
    ],
)
def test_what_is_no_json_object_is_none(line: bytes) -> None:
    assert json_object(line) is None


@pytest.mark.parametrize("unit", ["y", "ä", "\U0001fab5", "\n", '"', "\\", "\\\\x", "\x01"])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("shift", range(13))
def test_a_long_text_in_a_long_line_is_cut_and_nothing_else(
    unit: str, ascii_only: bool, shift: int
) -> None:
    text = "z" * shift + unit * (lines.LONG_LINE_BYTES // len(unit))
    line = json.dumps({"type": "user", "text": text, "é": ["a\\", 1]}, ensure_ascii=ascii_only)
    found = json_object(line.encode())
    assert found is not None
    cut = found.pop("text").rstrip("\ufffd").encode("utf-8", "ignore").decode()
    assert found == {"type": "user", "é": ["a\\", 1]}
    assert text.startswith(cut)
    assert lines.TEXT_BYTES_MAX / 12 - 13 <= len(cut) <= lines.TEXT_BYTES_MAX


def test_the_longest_line_is_read_in_bounded_memory() -> None:
    size = lines.MAX_LINE_BYTES - 100
    line = b'{"text": "\xf0\x9f\xaa\xb5' + b"x" * size + b'", "n": 1}'
    tracemalloc.start()
    try:
        found = json_object(line)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found is not None
    assert found["n"] == 1
    assert peak_bytes < 4 << 20


@pytest.mark.parametrize("unit", [b'\\"', b'"', b'"a', b"[", b"1,", b"\\"])
def test_a_long_line_of_malice_is_read_or_not_and_soon(unit: bytes) -> None:
    """In a time that grows with its length: with its square it would take days."""
    line = b'{"text": ' + unit * (lines.MAX_LINE_BYTES // len(unit))
    assert json_object(line) is None


def test_control_sequences_and_characters_are_taken_out() -> None:
    raw = b"\x1b]0;title\x07\x1b[1;31mred\x1b[0m \xc2\x9b2Jand\x07\x00 "
    raw += b"\xe2\x80\xaegreen\t\xff\r\nnext"
    assert plain_text(raw) == "red and green\t�\nnext"
    assert plain_text("10%\r20%\n") == "10%\n20%\n"


def test_a_title_that_never_ends_swallows_its_own_line_only() -> None:
    assert plain_text("\x1b]0;never ended\nthe error") == "\nthe error"


@given(st.binary())
def test_plain_text_holds_no_control_and_can_be_encoded(raw: bytes) -> None:
    text = plain_text(raw)
    text.encode("utf-8")
    assert not any(c < " " and c not in "\n\t" for c in text)


@given(st.text(alphabet=st.characters()))
def test_one_line_is_one_bounded_line(text: str) -> None:
    line = one_line(text, 20)
    assert len(line) <= 20
    assert "\n" not in line
    line.encode("utf-8")


def test_the_tail_of_a_large_output_is_bounded() -> None:
    text = tail_text(b"a" * 1_000_000 + b"the end", 100)
    assert text.endswith("the end")
    assert len(text) == 100


def test_half_a_surrogate_in_json_is_taken_out() -> None:
    value = json_object(b'{"a": "x\\ud800y"}')
    assert value is not None
    assert plain_text(value["a"]) == "xy"
