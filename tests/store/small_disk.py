"""Appends to a journal on a disk that is full at every n-th append; run by the tests.

Arguments: folder, rounds, seed, way ("disk": the folder is on a small file system, which is really
filled; "limit": no file may grow beyond a size, for those who may not mount), and "apart" for a
writer that is wrong. Prints the figures as JSON; `AssertionError` at the first thing amiss.
"""

from __future__ import annotations

import json
import random
import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from gangsaw.store.control import make_control
from gangsaw.store.errors import DiskFull
from gangsaw.store.inbox import Request, discard, pending, submit
from gangsaw.store.journal import Journal, open_journal
from gangsaw.store.reserve import RESERVE_BYTES, ensure_reserve, release_reserve
from gangsaw.store.rows import NewEvent
from tests.store.kill_yard import Fold, a_batch

PAGE_BYTES = 4096
LEFT_PAGES_MAX = 30
EVERY_MAX = 6
"""Appends with room between two that have none."""
APPENDS_MAX = 3000
"""Appends within which a disk without room is noticed: so many fit into a log written before."""
ROUNDS_PER_JOURNAL = 20


class Room(Protocol):
    """How room is taken and given back."""

    def take(self, log: Path, left_bytes: int) -> None:
        """Leave no more than so many bytes to the log."""

    def give_back(self) -> None:
        """There is room again."""


@dataclass
class FullDisk:
    """A file that takes up all the room there is."""

    filler: Path

    def take(self, log: Path, left_bytes: int) -> None:
        with self.filler.open("wb", buffering=0) as file:
            size = 0
            for piece in (b"x" * 1024 * 1024, b"x" * PAGE_BYTES):
                try:
                    while written := file.write(piece):
                        size += written
                except OSError:
                    pass
            file.truncate(max(0, size - left_bytes))

    def give_back(self) -> None:
        self.filler.unlink(missing_ok=True)


class SizeLimit:
    """The kernel's bound on the size of a file."""

    def __init__(self) -> None:
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def take(self, log: Path, left_bytes: int) -> None:
        size = log.stat().st_size if log.exists() else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + left_bytes, self._hard))

    def give_back(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._soft, self._hard))


@contextmanager
def full(room: Room, log: Path, left_bytes: int) -> Iterator[None]:
    """No more room than this within it."""
    room.take(log, left_bytes)
    try:
        yield
    finally:
        room.give_back()


@dataclass
class Figures:
    """What a campaign came to."""

    way: str
    rounds: int = 0
    appends: int = 0
    refused: int = 0
    reserve_used: int = 0
    places: set[tuple[int, int]] = field(default_factory=set)


class Campaign:
    def __init__(self, folder: Path, seed: int, way: str, *, apart: bool) -> None:
        self.folder, self.apart = folder, apart
        self.chance = random.Random(seed)
        self.room: Room = FullDisk(folder / "filler") if way == "disk" else SizeLimit()
        self.real = way == "disk"
        self.figures = Figures(way)
        self.known = Fold()

    def run(self, rounds: int) -> Figures:
        for number in range(0, rounds, ROUNDS_PER_JOURNAL):
            path = self.folder / f"j{number}.db"
            self.known = Fold()
            with open_journal(path, writer=True) as journal:
                self._append(journal, a_batch(self.chance))
                with open_journal(path, writer=False) as reader:
                    for inner in range(number, min(rounds, number + ROUNDS_PER_JOURNAL)):
                        self._round(journal, reader, inner)
            self._reopened_while_full(path)
            for left in self.folder.iterdir():
                left.unlink()
        return self.figures

    def _round(self, journal: Journal, reader: Journal, number: int) -> None:
        reserve = self.folder / "reserve"
        if self.real:
            assert ensure_reserve(reserve)
        for _ in range(1 + number % EVERY_MAX):
            self._append(journal, a_batch(self.chance))
        left = self.chance.randrange(LEFT_PAGES_MAX * PAGE_BYTES)
        log = journal.path.with_name(journal.path.name + "-wal")
        with full(self.room, log, left):
            batch = self._until_refused(journal)
            self.figures.places.add((log.stat().st_size // PAGE_BYTES, self.known.last))
            self._audit(reader)
            self._audit(journal)
            with open_journal(journal.path, writer=False) as late:
                self._audit(late)
            for _ in range(2):
                assert not self._try(journal, batch), "room out of nothing"
            if self.real:
                assert release_reserve(reserve)
                assert self._try(journal, batch), "the reserve does not help"
                self.figures.reserve_used += 1
                batch = a_batch(self.chance)
        self._append(journal, batch)
        self._audit(reader)
        self.figures.rounds += 1

    def _until_refused(self, journal: Journal) -> list[NewEvent]:
        """Append until there is no room; the batch that did not fit."""
        for _ in range(APPENDS_MAX):
            batch = a_batch(self.chance)
            if not self._try(journal, batch):
                return batch
        raise AssertionError("never full")

    def _append(self, journal: Journal, batch: list[NewEvent]) -> None:
        assert self._try(journal, batch), "no room although there is"

    def _try(self, journal: Journal, batch: list[NewEvent]) -> bool:
        """Whether the batch went in. Whatever else an append raises is a failure."""
        known = Fold(self.known.last, dict(self.known.tasks), self.known.run_row)
        for _, kind, subject, body in batch:
            known.take(kind, subject, body)
        rows = [known.tasks[name] for name in sorted({event[2] for event in batch})]
        after = self.known.last
        try:
            if self.apart:
                after = journal.append("r1", batch, after=after)
                batch = []
            journal.append("r1", batch, after=after, tasks=rows, run_row=known.run_row)
        except DiskFull:
            self.figures.refused += 1
            return False
        self.known = known
        self.figures.appends += 1
        return True

    def _audit(self, journal: Journal) -> None:
        """The file is sound and holds what was acknowledged, and the projections follow from it."""
        with journal.frozen():
            again = Fold()
            for row in journal.read("r1"):
                assert row.seq == again.last + 1, "a gap"
                again.take(row.kind, row.subject, row.body)
            assert again == self.known, "the events differ from what was acknowledged"
            assert {row.task: row for row in journal.tasks("r1")} == again.tasks
            assert journal.run_row("r1") == again.run_row
        connection = sqlite3.connect(f"file://{journal.path}?mode=ro", uri=True)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()

    def _reopened_while_full(self, path: Path) -> None:
        """Nobody has the journal open, and there is no room for the files that opening makes."""
        with full(self.room, path.with_name(path.name + "-wal"), 0):
            with open_journal(path, writer=False) as reader:
                assert reader.last_seq("r1") == self.known.last
                assert len(list(reader.read("r1"))) == self.known.last
            with pytest.raises(DiskFull), open_journal(path, writer=True) as journal:
                journal.append("r1", a_batch(self.chance), after=self.known.last)
        with open_journal(path, writer=True) as journal:
            self._append(journal, a_batch(self.chance))
            self._audit(journal)


def inbox_on_a_full_disk(folder: Path) -> None:
    """Requests are refused in words, and leave nothing; a reserve is made whole or not at all."""
    control = make_control(folder / "gangsaw")
    room = FullDisk(folder / "filler")
    waiting = Request("first", "pause", {}, 1.0, "me")
    submit(control.inbox, waiting)
    with full(room, folder, 0):
        with pytest.raises(DiskFull, match="try freeing space"):
            submit(control.inbox, Request("k", "say", {"text": "x" * 9000}, 1.0, "me"))
        assert pending(control.inbox) == [waiting]
        assert len(list(control.inbox.iterdir())) == 1
        assert not ensure_reserve(control.reserve)
        assert not control.reserve.exists()
        discard(control.inbox, "first")
        assert pending(control.inbox) == []
    with full(room, folder, RESERVE_BYTES // 2):
        assert not ensure_reserve(control.reserve)
        assert not control.reserve.exists()
    assert ensure_reserve(control.reserve)
    assert release_reserve(control.reserve)
    assert not release_reserve(control.reserve)


def main(folder: str, rounds: str, seed: str, way: str, writer: str = "whole") -> None:
    figures = Campaign(Path(folder), int(seed), way, apart=writer == "apart").run(int(rounds))
    if way == "disk":
        inbox_on_a_full_disk(Path(folder))
    print(json.dumps({**vars(figures), "places": len(figures.places)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
