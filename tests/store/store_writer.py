"""A program that appends to a journal until it is killed; run by the tests, imports no tests.

Arguments: journal, lock, seed, and optionally a fault point and a side ("before" or "after") at
whose fifth passing it kills itself. It prints the run's last seq after each append.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

from gangsaw.core.faults import set_probe
from gangsaw.store.journal import open_journal
from gangsaw.store.lock import Held, WriterLock
from gangsaw.store.rows import NewEvent, Row, TaskRow

KINDS = ("admitted", "running", "checking", "landed")


def project(known: TaskRow, kind: str, body: dict[str, Any]) -> TaskRow:
    """The row after one more event: every field depends on all events before."""
    return known._replace(
        status=kind, attempts=known.attempts + 1, tokens=(known.tokens * 31 + body["n"]) % 2**40
    )


def fold(tasks: dict[str, TaskRow], row: Row) -> None:
    known = tasks.get(row.subject, TaskRow("r1", row.subject, int(row.subject[1:]), ""))
    tasks[row.subject] = project(known, row.kind, row.body)


def main(journal_path: str, lock_path: str, seed: str, *fault: str) -> None:
    chance = random.Random(int(seed))
    held = WriterLock.acquire(Path(lock_path))
    assert isinstance(held, Held), held
    journal = open_journal(Path(journal_path), writer=True)
    last = journal.last_seq("r1")
    tasks = {row.task: row for row in journal.tasks("r1")}
    passed = 0

    def probe(point: str, side: str) -> None:
        nonlocal passed
        passed += (point, side) == fault
        if passed == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    set_probe(probe)
    while True:
        batch: list[NewEvent] = []
        changed: dict[str, TaskRow] = {}
        for _ in range(chance.choice((1, 1, 2, 10, 40))):
            subject, kind = f"t{chance.randrange(30)}", chance.choice(KINDS)
            body = {"n": chance.randrange(1000), "text": "x" * chance.choice((0, 100, 3000))}
            known = tasks.get(subject, TaskRow("r1", subject, int(subject[1:]), ""))
            tasks[subject] = changed[subject] = project(known, kind, body)
            batch.append((1.5e9, kind, subject, body))
        last = journal.append("r1", batch, after=last, tasks=list(changed.values()))
        os.write(1, f"{last}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
