"""A source read again while its run goes on: what gangsaw wrote there itself is no edit."""

from __future__ import annotations

import pytest

from gangsaw.core.model import Plan
from gangsaw.sources import Document, Report, SourceRead, Standing, read_documents, with_edits
from gangsaw.sources.rereading import reopened, unplaced
from tests.sources.corpus import Case, cases
from tests.sources.test_sources_corpus import texts_or_skip

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _written(
    case: Case, texts: list[Document], reports: list[tuple[int, Report]]
) -> list[Document]:
    """The documents after these were written back."""
    kind = case.dialect
    found = []
    for at, text in enumerate(texts):
        own = [report for document, report in reports if document == at]
        edits = kind.edits(text, own).edits
        found.append(Document(text.path, with_edits(text.text, edits)))
    return found


@pytest.mark.parametrize("case", cases(), ids=str)
def test_own_write_backs_are_no_edits(case: Case) -> None:
    """Begin every task, then land one after the other: the plan that is read stays the accepted
    one, to the last need, order and id."""
    texts = texts_or_skip(case)
    kind = case.dialect
    accepted = read_documents(kind, texts)
    plan = accepted.plan.plan
    if plan is None:
        pytest.skip("nothing of it can be run")
    items = {task.id: accepted.items[task.id] for task in plan.tasks}
    keys = {item.key: name for name, item in items.items()}
    homes = [(it.home, it.key) for it in items.values() if it.home is not None]
    running = [(home, Report(key, Standing.RUNNING, at=1.0)) for home, key in homes]
    texts = _written(case, texts, running)
    assert _plan(case, texts, keys) == plan
    assert _remarks(_read(case, texts, keys)) <= _remarks(accepted)
    done = [(home, Report(key, Standing.DONE, COMMIT, at=2.0)) for home, key in homes]
    for end in sorted({1, len(done) // 2, len(done)}):
        written = _written(case, texts, done[:end])
        assert _plan(case, written, keys) == plan
        assert _remarks(_read(case, written, keys)) <= _remarks(accepted)


def _plan(case: Case, texts: list[Document], keys: dict[str, str]) -> Plan | None:
    return _read(case, texts, keys).plan.plan


def _read(case: Case, texts: list[Document], keys: dict[str, str]) -> SourceRead:
    texts, _ = reopened(case.dialect, texts, keys)
    return read_documents(case.dialect, texts, None, (), keys)


def _remarks(read: SourceRead) -> set[tuple[str, str]]:
    return {unplaced(each) for each in (*read.unread, *read.notes)}
