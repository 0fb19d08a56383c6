"""The journal beside a naive model: appends, readers, restarts, and crashes at any instant."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gangsaw.store.connect import connect_writer
from gangsaw.store.errors import StaleWriter
from gangsaw.store.journal import Journal, open_journal
from gangsaw.store.rows import NewEvent, RunRow, TaskRow
from tests.stateful_runs import PORTIONS, how_found, quick_folder, run_portion

RUNS = st.sampled_from(("r1", "r2"))
NAMES = ("a", "b", "ü")
SUBJECTS = st.sampled_from(NAMES)
READERS = st.sampled_from((0, 1))
BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"n": 2**60, "x": -0.0},
    {"é\udc80\x00": [None, True, {"": ""}]},
    {"text": "x" * 5000},
)
EVENTS: st.SearchStrategy[list[NewEvent]] = st.lists(
    st.tuples(
        st.sampled_from((0.0, 1.25, 1e10)),
        st.sampled_from(("admitted", "landed")),
        SUBJECTS,
        st.sampled_from(BODIES),
    ),
    max_size=5,
)


class Model:
    """What a journal holds."""

    def __init__(self) -> None:
        self.log: dict[str, list[NewEvent]] = {}
        self.tasks: dict[tuple[str, str], TaskRow] = {}
        self.runs: dict[str, RunRow] = {}

    def copy(self) -> Model:
        other = Model()
        other.log = {run: list(log) for run, log in self.log.items()}
        other.tasks, other.runs = dict(self.tasks), dict(self.runs)
        return other

    def put(
        self, run: str, batch: list[NewEvent], tasks: list[TaskRow], run_row: RunRow | None
    ) -> None:
        if run_row is None and not self.log.get(run):
            run_row = RunRow(run)
        if run_row is not None:
            self.runs[run] = run_row
        self.log.setdefault(run, []).extend(batch)
        self.tasks.update({(row.run, row.task): row for row in tasks})


class Interrupted(list[TaskRow]):
    """Task rows during whose writing, after the events, something happens."""

    def __init__(self, rows: Sequence[TaskRow], happens: Callable[[], None]) -> None:
        super().__init__(rows)
        self.left, self.happens = 2, happens  # first they are looked through, then written

    def __iter__(self) -> Iterator[TaskRow]:
        self.left -= 1
        if self.left == 0:
            self.happens()
        return super().__iter__()


class JournalBesideModel(RuleBasedStateMachine):
    open_writer: Callable[[Path], Journal] = staticmethod(
        lambda path: open_journal(path, writer=True)
    )
    open_reader: Callable[[Path], Journal] = staticmethod(
        lambda path: open_journal(path, writer=False)
    )

    def __init__(self) -> None:
        super().__init__()
        self.folder = quick_folder()
        self.images = 0
        self.home = self.folder / "0"
        self.home.mkdir()
        self.model = Model()
        self.journal = self.open_writer(self.home / "j.db")
        self._open_readers()

    def _open_readers(self) -> None:
        self.readers = [self.open_reader(self.home / "j.db") for _ in range(2)]
        self.views: list[tuple[Any, Model] | None] = [None, None]

    def teardown(self) -> None:
        self._compare(self.journal, self.model)
        self._close_all()
        shutil.rmtree(self.folder)

    def _close_all(self) -> None:
        for reader in range(2):
            self._thaw(reader)
            self.readers[reader].close()
        self.journal.close()

    # --- the writer -----------------------------------------------------------------------------

    def _rows(self, run: str, batch: list[NewEvent], status: str) -> list[TaskRow]:
        known = len(self.model.log.get(run, []))
        names = sorted({event[2] for event in batch})
        return [
            TaskRow(run, name, at, status, tokens=known, live=bool(known % 2), title=f"{known}")
            for at, name in enumerate(names)
        ]

    @rule(run=RUNS, batch=EVENTS, status=st.sampled_from(("x", "y")), put=st.booleans())
    def append(self, run: str, batch: list[NewEvent], status: str, put: bool) -> None:
        known = len(self.model.log.get(run, []))
        rows = self._rows(run, batch, status)
        run_row = RunRow(run, state=status, summary_json=f"{known}") if put else None
        last = self.journal.append(run, batch, after=known, tasks=rows, run_row=run_row)
        self.model.put(run, batch, rows, run_row)
        assert last == known + len(batch)

    @rule(run=RUNS, off=st.sampled_from((-2, -1, 1, 3)), batch=EVENTS)
    def append_stale(self, run: str, off: int, batch: list[NewEvent]) -> None:
        known = len(self.model.log.get(run, []))
        with pytest.raises(StaleWriter):
            self.journal.append(
                run, batch, after=known + off, tasks=self._rows(run, batch, "stale")
            )

    @rule(run=RUNS, batch=EVENTS)
    def append_that_breaks_off(self, run: str, batch: list[NewEvent]) -> None:
        def break_off() -> None:
            self._compare(self.readers[0], self.views[0][1] if self.views[0] else self.model)
            raise KeyboardInterrupt

        rows = Interrupted(self._rows(run, batch, "broken"), break_off)
        with pytest.raises(KeyboardInterrupt):
            self.journal.append(run, batch, after=len(self.model.log.get(run, [])), tasks=rows)

    @rule()
    def close_and_open(self) -> None:
        self.journal.close()
        self.journal = self.open_writer(self.home / "j.db")

    # --- crashes --------------------------------------------------------------------------------

    def _image(self) -> Path:
        """What would lie on the disk if everything ended at this instant."""
        self.images += 1
        image = self.folder / str(self.images)
        image.mkdir()
        for name in ("j.db", "j.db-wal"):
            shutil.copyfile(self.home / name, image / name)
        return image

    def _go_on_with(self, image: Path) -> None:
        self._close_all()
        shutil.rmtree(self.home)
        self.home = image
        with self.open_reader(image / "j.db") as reader:
            self._compare(reader, self.model)
        self.journal = self.open_writer(image / "j.db")
        self._open_readers()

    @rule()
    def crash(self) -> None:
        self._go_on_with(self._image())

    @rule(run=RUNS, batch=EVENTS)
    def crash_in_an_append(self, run: str, batch: list[NewEvent]) -> None:
        images = list[Path]()
        rows = Interrupted(self._rows(run, batch, "lost"), lambda: images.append(self._image()))
        self.journal.append(run, batch, after=len(self.model.log.get(run, [])), tasks=rows)
        self._go_on_with(images[0])

    # --- readers --------------------------------------------------------------------------------

    @rule(reader=READERS)
    def freeze_or_thaw(self, reader: int) -> None:
        if self.views[reader] is not None:
            self._thaw(reader)
            return
        view = self.readers[reader].frozen()
        view.__enter__()
        self.readers[reader].last_seq("r1")  # what it sees is what is there at its first look
        self.views[reader] = (view, self.model.copy())

    def _thaw(self, reader: int) -> None:
        view = self.views[reader]
        if view is not None:
            view[0].__exit__(None, None, None)
            self.views[reader] = None

    @rule(
        reader=READERS,
        run=RUNS,
        after=st.integers(0, 12),
        limit=st.sampled_from((None, 0, 1, 8)),
        subject=st.none() | SUBJECTS,
    )
    def read(
        self, reader: int, run: str, after: int, limit: int | None, subject: str | None
    ) -> None:
        view = self.views[reader]
        log = (view[1] if view else self.model).log.get(run, [])
        wanted = [
            (seq, *event)
            for seq, event in enumerate(log, start=1)
            if seq > after and subject in (None, event[2])
        ][:limit]
        found = self.readers[reader].read(run, after, limit, subject)
        assert [(row.seq, row.at, row.kind, row.subject, row.body) for row in found] == wanted

    @precondition(lambda self: any(self.views))
    @rule()
    def reopen_readers(self) -> None:
        for reader in range(2):
            self._thaw(reader)
            self.readers[reader].close()
        self._open_readers()

    # --- what must agree ------------------------------------------------------------------------

    def _compare(self, journal: Journal, model: Model) -> None:
        for run, log in model.log.items():
            assert journal.last_seq(run) == len(log)
            found = [(row.task, row) for row in journal.tasks(run)]
            tasks = [(task, row) for (owner, task), row in model.tasks.items() if owner == run]
            assert sorted(found) == sorted(tasks)
            wanted = [(at, kind, subject, json.dumps(body)) for at, kind, subject, body in log]
            events = journal.read(run)
            assert [(e.at, e.kind, e.subject, json.dumps(e.body)) for e in events] == wanted
        assert {row.run: row for row in journal.runs()} == model.runs

    @invariant()
    def readers_see_what_they_should(self) -> None:
        for reader, view in zip(self.readers, self.views, strict=True):
            model = view[1] if view else self.model
            assert {row.run: row for row in reader.runs()} == model.runs
            for run, log in model.log.items():
                assert reader.last_seq(run) == len(log)
                found = {(run, row.task): row for row in reader.tasks(run)}
                assert found.items() <= model.tasks.items()
                assert len(found) == sum(owner == run for owner, _ in model.tasks)


# --- planted faults ------------------------------------------------------------------------------


class StaleIsWelcome(Journal):
    """Writers that are behind are let through."""

    def append(self, run: str, events: Any, *, after: int, **rows: Any) -> int:
        return super().append(run, events, after=self.last_seq(run), **rows)


class RowsAfterwards(Journal):
    """Events and projections are two transactions."""

    def append(
        self, run: str, events: Any, *, after: int, tasks: Any = (), run_row: Any = None
    ) -> int:
        last = super().append(run, events, after=after, run_row=run_row)
        return super().append(run, [], after=last, tasks=tasks)


class RowForgotten(Journal):
    """The last row of several is not written."""

    def append(self, run: str, events: Any, *, tasks: Any = (), **others: Any) -> int:
        kept = tasks[:-1] if len(tasks) > 1 and not isinstance(tasks, Interrupted) else tasks
        return super().append(run, events, tasks=kept, **others)


class NeverFrozen(Journal):
    """A reader's view moves on under it."""

    @contextmanager
    def frozen(self) -> Iterator[None]:
        yield


def planted(kind: type[Journal]) -> type[JournalBesideModel]:
    """The machine with journals of this kind."""

    class Planted(JournalBesideModel):
        open_writer = staticmethod(lambda path: kind(connect_writer(path), path, writer=True))

    class PlantedReader(JournalBesideModel):
        open_reader = staticmethod(
            lambda path: kind(open_journal(path, writer=False)._connection, path, writer=False)
        )

    return PlantedReader if kind is NeverFrozen else Planted


@pytest.mark.parametrize("kind", [StaleIsWelcome, RowsAfterwards, RowForgotten, NeverFrozen])
def test_a_planted_fault_of_the_journal_is_found(kind: type[Journal]) -> None:
    how_found(planted(kind))


@pytest.mark.parametrize("portion", PORTIONS)
@pytest.mark.guarantee("G1", "G2")
def test_the_journal_beside_a_model(
    portion: int, record_property: Callable[[str, object], None]
) -> None:
    run_portion(JournalBesideModel, portion, record_property)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.text(st.characters(), max_size=3), JSON), max_size=4))
def test_any_body_comes_back_as_it_was(bodies: list[dict[str, Any]]) -> None:
    folder = quick_folder()
    try:
        with open_journal(folder / "j.db", writer=True) as journal:
            batch: list[NewEvent] = [(1.0, "k", "s", body) for body in bodies]
            journal.append("r1", batch, after=0)
            assert [row.body for row in journal.read("r1")] == bodies
    finally:
        shutil.rmtree(folder)
