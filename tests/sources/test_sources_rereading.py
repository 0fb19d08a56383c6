"""A source read again while its run goes on: what gangsaw wrote there itself is no edit."""

from __future__ import annotations

import pytest

from gangsaw.core.model import Plan, Task
from gangsaw.core.standing import Entry, TaskFile
from gangsaw.sources import (
    Document,
    Expected,
    Report,
    SourceRead,
    Standing,
    dialect,
    read_documents,
    with_edits,
)
from gangsaw.sources.rereading import Reread, reopened, reread, unplaced
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


def _again(
    kind: str, first: str, then: str, landed: tuple[str, ...] = (), path: str = "some/file"
) -> tuple[dict[str, Task | None], Reread]:
    """A file that was accepted and is another by now: its tasks by name, and all that is read."""
    accepted = read_documents(dialect(kind), [Document(path, first)])
    assert accepted.plan.plan is not None
    entries = {
        task.id: Entry(task.id, accepted.items[task.id].key, 0, Standing.OPEN)
        for task in accepted.plan.plan.tasks
    }
    file = TaskFile(kind, (path,), (path,), tuple(entries.values()))
    read = reread(file, entries, Expected(), lambda plan: plan, [Document(path, then)], (), landed)
    return {record.entry.task: record.task for record in read.records}, read


BEAD = '{{"id":"{}","title":"{}","status":"open"}}\n'


def test_a_key_twice_is_told_while_watching_and_the_first_counts() -> None:
    first = BEAD.format("a-1", "A") + BEAD.format("a-2", "B")
    then = first + BEAD.format("a-1", "Other") + BEAD.format("a-3", "New")
    tasks, read = _again("beads", first, then)
    assert [str(each).partition(" (")[0] for each in read.unread] == [
        "some/file:3:1: 'a-1' is taken by line 1; this record is not read"
    ]
    assert list(tasks) == ["a-1", "a-2", "a-3"]
    assert tasks["a-1"] == Task("a-1", "A", tasks["a-1"].prompt if tasks["a-1"] else "")


def test_a_double_that_is_closed_says_nothing_of_the_first() -> None:
    first = BEAD.format("a-1", "A")
    _, read = _again("beads", first, first + first.replace("open", "closed"))
    assert [record.entry.standing for record in read.records] == [Standing.OPEN]


TASKS = "- [ ] T001 a\n- [ ] T002 [P] b (depends on T001)\n- [ ] T003 c (depends on T002)\n"


def test_a_need_that_is_not_there_any_more_holds_what_has_it() -> None:
    then = TASKS.replace("- [ ] T001 a\n", "") + "- [ ] T004 [P] d\n"
    tasks, read = _again("speckit", TASKS, then, path="tasks.md")
    assert tasks == {"T002": None, "T003": None}  # what is new, T004, waits for these
    assert [str(each).partition(" (")[0] for each in read.notes][:1] == [
        "tasks.md:1:7: 'T002' is on hold and is left out: it needs 'T001', which is not there"
    ]
    tasks, _ = _again("speckit", TASKS, then, ("T001",), "tasks.md")
    assert {name: task is None for name, task in tasks.items()} == {
        "T002": False, "T003": False, "T004": False,
    }  # fmt: skip
    assert [task.needs for task in tasks.values() if task] == [(), ("T002",), ("T003",)]


def test_what_has_landed_is_not_held_by_a_need_that_is_not_there() -> None:
    done = TASKS.replace("- [ ] T001 a\n", "").replace("[ ] T002", "[x] T002")
    tasks, read = _again("speckit", TASKS, done, path="tasks.md")
    assert tasks["T003"] is not None
    assert read.notes == ()


def _plan(case: Case, texts: list[Document], keys: dict[str, str]) -> Plan | None:
    return _read(case, texts, keys).plan.plan


def _read(case: Case, texts: list[Document], keys: dict[str, str]) -> SourceRead:
    texts, *_ = reopened(case.dialect, texts, keys)
    return read_documents(case.dialect, texts, None, (), keys)


def _remarks(read: SourceRead) -> set[tuple[str, str]]:
    return {unplaced(each) for each in (*read.unread, *read.notes)}
