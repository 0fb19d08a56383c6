"""Every file of the corpus is read as expected, and written back with nothing else changed."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from gangsaw.core.errors import UserError
from gangsaw.sources import NAMES, Document, Report, Standing, Sure, dialect, dialects
from gangsaw.sources.lines import lines_of
from gangsaw.sources.writing import with_edits
from tests.sources.corpus import CORPUS, Case, cases, done_everywhere, found_in

FILES_LEAST = 12
BOXES_MOST = 8
"""Boxes of one issue in the check lists of the corpus: it is done when all of them are ticked."""

CASES = cases()


def texts_or_skip(case: Case) -> list[Document]:
    try:
        return case.texts()
    except UserError:
        pytest.skip("is refused as a whole")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_corpus_file_is_read_as_expected(case: Case) -> None:
    assert found_in(case) == json.loads(case.expected.read_text("utf-8"))


def test_every_dialect_has_a_corpus() -> None:
    counts = Counter(case.kind for case in CASES)
    assert set(counts) == set(NAMES) == {path.name for path in CORPUS.iterdir()}
    assert all(count >= FILES_LEAST for count in counts.values()), counts


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_other_dialect_is_certain_of_a_corpus_file(case: Case) -> None:
    texts = texts_or_skip(case)
    certain = {
        each.name
        for each in dialects()
        for text in texts
        if each.detect(text.path, text.text) is Sure.CERTAIN
    }
    assert certain <= {case.kind}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_written_back_is_read_as_meant(case: Case) -> None:
    kind = case.dialect
    for text in texts_or_skip(case):
        before = kind.read([text]).items
        after = kind.read([done_everywhere(text, kind)]).items
        assert [item.key for item in after] == [item.key for item in before]
        first = {item.key: item for item in reversed(after)}
        told = [item for item in first.values() if item.home is not None]
        assert {item.standing for item in told} <= {Standing.DONE}
        assert [item.title for item in after] == [item.title for item in before]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_writing_twice_changes_nothing_more(case: Case) -> None:
    kind = case.dialect
    for text in texts_or_skip(case):
        once = done_everywhere(text, kind)
        assert done_everywhere(once, kind) == once


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_stands_there_already_needs_no_edit(case: Case) -> None:
    kind = case.dialect
    for text in texts_or_skip(case):
        reports = [Report(item.key, item.standing) for item in kind.read([text]).items]
        assert kind.edits(text, reports).edits == ()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_edits_touch_only_lines_of_their_records(case: Case) -> None:
    """Each record's edit alone leaves every other line as it is, line end and all."""
    kind = case.dialect
    for text in texts_or_skip(case):
        old = [line.text + line.end for line in lines_of(text.text)]
        for item in kind.read([text]).items:
            report = Report(item.key, Standing.DONE)
            new = lines_of(with_edits(text.text, kind.edits(text, [report]).edits))
            kept = Counter(line.text + line.end for line in new)
            lost = Counter(old) - kept
            most = BOXES_MOST if case.kind == "planning" else 2  # its own line, and its group's
            assert lost.total() <= most, item.key


@pytest.mark.parametrize("name", NAMES)
def test_a_record_that_is_gone_is_named(name: str) -> None:
    answer = dialect(name).edits(Document("x", ""), [Report("nobody", Standing.DONE)])
    assert answer.edits == ()
    assert answer.missing == ("nobody",)
