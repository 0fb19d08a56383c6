"""Journal and inbox beside a naive model, over random histories with kills in between."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gangsaw.store.errors import StaleWriter
from gangsaw.store.inbox import Request, discard, pending, submit
from gangsaw.store.journal import open_journal
from gangsaw.store.rows import NewEvent, TaskRow

EXAMPLES = 2000 if os.environ.get("GANGSAW_LONG") == "1" else 60
RUNS = st.sampled_from(("r1", "r2"))
SUBJECTS = st.sampled_from(("a", "b", "ü"))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
EVENTS: st.SearchStrategy[list[NewEvent]] = st.lists(
    st.tuples(
        st.floats(0, 1e10),
        st.sampled_from(("admitted", "landed")),
        SUBJECTS,
        st.dictionaries(st.text(st.characters(), max_size=3), JSON, max_size=3),
    ),
    max_size=6,
)


class StoreBesideModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.lives = 0
        self.home = self.folder / "0"
        self.home.mkdir()
        self.journal = open_journal(self.home / "j.db", writer=True)
        self.log: dict[str, list[NewEvent]] = {}
        self.tasks: dict[tuple[str, str], TaskRow] = {}
        self.requests: dict[str, Request] = {}

    def teardown(self) -> None:
        self.journal.close()
        shutil.rmtree(self.folder)

    @rule(run=RUNS, batch=EVENTS, status=st.sampled_from(("x", "y")), put=st.booleans())
    def append(self, run: str, batch: list[NewEvent], status: str, put: bool) -> None:
        log = self.log.setdefault(run, [])
        rows = [
            TaskRow(run, name, 0, status, tokens=len(log), live=put)
            for name in {event[2] for event in batch}
        ]
        last = self.journal.append(run, batch, after=len(log), tasks=rows)
        log.extend(batch)
        self.tasks.update({(run, row.task): row for row in rows})
        assert last == len(log)

    @rule(run=RUNS, off=st.integers(-3, 3).filter(bool), batch=EVENTS)
    def append_stale(self, run: str, off: int, batch: list[NewEvent]) -> None:
        known = len(self.log.get(run, []))
        with pytest.raises(StaleWriter):
            self.journal.append(run, batch, after=known + off)

    @rule(
        run=RUNS,
        after=st.integers(0, 12),
        limit=st.none() | st.integers(0, 8),
        subject=st.none() | SUBJECTS,
    )
    def read(self, run: str, after: int, limit: int | None, subject: str | None) -> None:
        wanted = [
            (seq, *event)
            for seq, event in enumerate(self.log.get(run, []), start=1)
            if seq > after and subject in (None, event[2])
        ][:limit]
        found = self.journal.read(run, after, limit, subject)
        assert [(row.seq, row.at, row.kind, row.subject, row.body) for row in found] == wanted

    @rule()
    def close_and_open(self) -> None:
        self.journal.close()
        self.journal = open_journal(self.home / "j.db", writer=True)

    @rule()
    def kill_and_open(self) -> None:
        """Go on with what lies on the disk at this instant, as after a kill."""
        self.lives += 1
        image = self.folder / str(self.lives)
        image.mkdir()
        for name in ("j.db", "j.db-wal"):
            shutil.copy(self.home / name, image / name)
        self.journal.close()
        shutil.rmtree(self.home)
        self.home = image
        with open_journal(image / "j.db", writer=False) as reader:
            assert {run: reader.last_seq(run) for run in self.log} == self.lengths()
        self.journal = open_journal(image / "j.db", writer=True)

    @rule(
        key=st.sampled_from("abc"), at=st.integers(0, 10**6), args=st.dictionaries(SUBJECTS, JSON)
    )
    def send(self, key: str, at: int, args: dict[str, Any]) -> None:
        box = self.folder / "inbox"
        box.mkdir(exist_ok=True)
        wanted = Request(key, "say", args, at / 1000, "me")
        submit(box, wanted)
        self.requests.setdefault(key, wanted)

    @rule(key=st.sampled_from("abc"))
    def take(self, key: str) -> None:
        discard(self.folder / "inbox", key)
        self.requests.pop(key, None)

    def lengths(self) -> dict[str, int]:
        return {run: len(log) for run, log in self.log.items()}

    @invariant()
    def projections_agree(self) -> None:
        assert {run: self.journal.last_seq(run) for run in self.log} == self.lengths()
        found = {(run, row.task): row for run in self.log for row in self.journal.tasks(run)}
        assert found == self.tasks
        assert {row.run for row in self.journal.runs()} == set(self.log)

    @invariant()
    def requests_agree(self) -> None:
        wanted = sorted(self.requests.values(), key=lambda one: (int(one.at * 1000), one.key))
        assert pending(self.folder / "inbox") == wanted


TestStoreBesideModel = StoreBesideModel.TestCase
TestStoreBesideModel.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
