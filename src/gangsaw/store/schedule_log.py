"""The log of schedules: one JSON object a line, appended and safe on disk before it is acted upon.

Who holds the schedule's lock writes; anybody reads. A last line that a crash cut short is no line:
readers pass over it, the next writer takes it away.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.store.control import make_control, make_private_folder, sync_folder

LOG_MAX_BYTES = 8_000_000
"""A schedule that begins when the log is longer begins a new one, and the former is kept once."""
OUTPUTS_KEPT = 50
"""Outputs of ticks that are kept, the last ones."""
CLOSING_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class SchedulePlace:
    """Where everything of the schedules is, below the control folder; nothing of it need exist."""

    control: Path

    @property
    def root(self) -> Path:
        return self.control / "schedule"

    @property
    def log(self) -> Path:
        return self.root / "log.jsonl"

    @property
    def former_log(self) -> Path:
        return self.root / "log-former.jsonl"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def closing(self) -> Path:
        """A request that the schedule end; holds who asks."""
        return self.root / "closing"

    @property
    def said(self) -> Path:
        """What a scheduler in the background says."""
        return self.root / "scheduler.log"

    def output(self, schedule: str, tick: int) -> Path:
        """What the engine of a tick says."""
        return self.root / f"{schedule}.{tick}.out"


class LogRow(NamedTuple):
    """One recorded fact: at (epoch seconds), its name, and its body (JSON values)."""

    at: float
    kind: str
    body: dict[str, Any]


def make_schedule_place(control: Path) -> SchedulePlace:
    """The place with its folder, made if missing. Raises as `make_control`."""
    make_control(control)
    place = SchedulePlace(control)
    make_private_folder(place.root)
    return place


def read_log(path: Path) -> list[LogRow]:
    """All facts of the log, in order; none where there is no log. `UserError` for a line in it that
    is no fact."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; try as its owner") from error
    *lines, _ = content.split(b"\n")  # what follows the last newline was cut short
    return [_row(path, number, line) for number, line in enumerate(lines, start=1)]


def _row(path: Path, number: int, line: bytes) -> LogRow:
    try:
        match json.loads(line):
            case {"at": int() | float() as at, "kind": str(kind), "body": dict(body)}:
                return LogRow(float(at), kind, body)
    except ValueError:
        pass
    raise UserError(f"cannot read {path}:{number}: it is no fact; try moving the file away")


class ScheduleLog:
    """The log, open for appending. Close it, or use it in a `with`."""

    def __init__(self, place: SchedulePlace) -> None:
        self._path = place.log
        self._fd = os.open(place.log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._drop_cut_line()
        sync_folder(place.root)

    def __enter__(self) -> ScheduleLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def append(self, at: float, kind: str, body: dict[str, Any]) -> None:
        """Add a fact; it is safe on disk when this returns. `UserError` where it cannot be."""
        row = {"at": at, "kind": kind, "body": body}
        line = json.dumps(row, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        durable("store.schedule.append", lambda: self._write(line), kind)

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._fd).st_size
        try:
            written = os.write(self._fd, line)
            if written < len(line):
                os.ftruncate(self._fd, size)
                raise UserError(f"cannot write {self._path}: no room; try freeing space there")
            os.fsync(self._fd)
        except OSError as error:
            raise UserError(
                f"cannot write {self._path}: {error.strerror}; try freeing space there"
            ) from error

    def _drop_cut_line(self) -> None:
        size = os.fstat(self._fd).st_size
        content = self._path.read_bytes()[:size]
        whole = content.rfind(b"\n") + 1
        if whole < size:
            os.ftruncate(self._fd, whole)


def begin_log(place: SchedulePlace) -> None:
    """Put a log that has grown too long aside. Only between two schedules, by the lock's holder."""
    try:
        too_long = place.log.stat().st_size > LOG_MAX_BYTES
    except FileNotFoundError:
        return
    if too_long:
        durable("store.schedule.rotate", lambda: place.log.replace(place.former_log))


def ask_to_close(place: SchedulePlace, by: str) -> None:
    """Ask the scheduler to begin no further tick; it is safe on disk when this returns."""
    durable("store.schedule.ask", lambda: _put(place.closing, by.encode()[:CLOSING_MAX_BYTES]))


def closing_asked(place: SchedulePlace) -> str:
    """Who has asked for the end; empty if nobody has."""
    try:
        return place.closing.read_bytes()[:CLOSING_MAX_BYTES].decode(errors="replace")
    except FileNotFoundError:
        return ""


def answer_closing(place: SchedulePlace) -> None:
    """The request is in the log now, or it is about a schedule that is over."""
    durable("store.schedule.answer", lambda: place.closing.unlink(missing_ok=True))


def prune_outputs(place: SchedulePlace) -> None:
    """Remove all but the last outputs of ticks."""
    found = sorted(place.root.glob("*.out"), key=lambda path: path.stat().st_mtime)
    for path in found[:-OUTPUTS_KEPT]:
        path.unlink(missing_ok=True)


def _put(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    sync_folder(path.parent)
