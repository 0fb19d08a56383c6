"""The records in a turn folder as values. A torn or foreign record is an answer, not a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gangsaw.core.launch import Ended
from gangsaw.procs import levels, sentry, shim
from gangsaw.procs.identity import Containment, Identity

T = TypeVar("T")
RECORD_READ_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """A record that is there but cannot be believed."""

    text: str


@dataclass(frozen=True, slots=True)
class ForeignRecord:
    """A record of another protocol; nothing in it can be read, but it is no garbage either."""

    text: str


@dataclass(frozen=True, slots=True)
class NotExecuted:
    """The program could not be started: `error` is the name of the errno, `step` is "exec" or
    "chdir"."""

    error: str
    step: str


@dataclass(frozen=True, slots=True)
class StartedRecord:
    """Who runs. `at` is epoch seconds."""

    shim: Identity
    agent: Identity
    boot_id: str
    containment: Containment
    mark: str
    at: float


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """How the agent ended, and what the whole tree used.

    `outcome` is its true wait status; `swept` is the number of processes it left behind, which
    were killed; `stop_asked` says whether we asked for the end. `at` is epoch seconds.
    """

    outcome: Ended | NotExecuted
    cpu_s: float
    rss_max_kb: int
    swept: int
    stop_asked: bool
    containment: Containment
    at: float


@dataclass(frozen=True, slots=True)
class ShimError:
    """What the shim itself failed at."""

    step: str
    error: str
    text: str


@dataclass(frozen=True, slots=True)
class SpecRecord:
    """What is kept of the launch spec: enough to find the processes and to explain the turn.
    Values of variables are not kept, they may be secrets."""

    argv: tuple[str, ...]
    cwd: str
    env_names: tuple[str, ...]
    mark: str
    grace_s: float


@dataclass(frozen=True, slots=True)
class WatchdogNote:
    """Why the watchdog ended the turn: what was available, of how much, how long all processes
    waited for memory (percent), and what the turn's tree used. `at` is epoch seconds."""

    available_mb: float
    total_mb: float
    full_pct: float
    used_mb: float
    at: float


class _OtherProtocol(Exception):
    """A record of a protocol that is not ours."""


class _Fields:
    """Typed access to a JSON object; anything unexpected raises `ValueError`."""

    def __init__(self, text: bytes) -> None:
        loaded = json.loads(text)
        if not isinstance(loaded, dict):
            raise ValueError("not an object")
        self._loaded = loaded

    def get(self, name: str, kind: type[T]) -> T:
        value = self._loaded.get(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"field {name!r} is {value!r:.60}")
        return value

    def number(self, name: str) -> float:
        value = self._loaded.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"field {name!r} is {value!r:.60}")
        return float(value)

    def count(self, name: str) -> int:
        value = self.get(name, int)
        if value < 0:
            raise ValueError(f"field {name!r} is negative")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.get(name, list)
        if not all(isinstance(item, str) for item in value):
            raise ValueError(f"field {name!r} is not a list of text")
        return tuple(value)

    def has(self, name: str) -> bool:
        return self._loaded.get(name) is not None


def read_started(folder: Path) -> StartedRecord | BrokenRecord | ForeignRecord | None:
    """The `started` record; `None` if there is none."""
    return _read(folder / shim.STARTED, _started)


def read_exit(folder: Path) -> ExitRecord | BrokenRecord | ForeignRecord | None:
    """The `exit` record; `None` if there is none."""
    return _read(folder / shim.EXIT, _exit)


def read_error(folder: Path) -> ShimError | BrokenRecord | ForeignRecord | None:
    """The `shim-error` record; `None` if there is none."""
    return _read(folder / shim.ERROR, _error)


def read_spec(folder: Path) -> SpecRecord | BrokenRecord | ForeignRecord | None:
    """The `spec.json` record; `None` if there is none."""
    return _read(folder / shim.SPEC, _spec, maximum=shim.SPEC_BYTES_MAX)


def read_note(folder: Path) -> WatchdogNote | None:
    """What the watchdog wrote about the turn; `None` if it wrote nothing that can be read."""
    found = _read(folder / sentry.NOTE, _note)
    return found if isinstance(found, WatchdogNote) else None


def spec_text(record: SpecRecord) -> bytes:
    """`spec.json`, one line."""
    fields = {
        "protocol": shim.PROTOCOL,
        "minor": shim.MINOR,
        "argv": record.argv,
        "cwd": record.cwd,
        "env_names": record.env_names,
        "mark": record.mark,
        "grace_s": record.grace_s,
    }
    return (json.dumps(fields) + "\n").encode("ascii")


def _read(
    path: Path, parse: Callable[[_Fields], T], *, maximum: int = RECORD_READ_MAX
) -> T | BrokenRecord | ForeignRecord | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return BrokenRecord(f"{path.name}: {error.strerror}")
    try:
        with os.fdopen(fd, "rb") as file:
            return parse(_Fields(file.read(maximum)))
    except _OtherProtocol as error:
        return ForeignRecord(f"{path.name}: {error}")
    except (ValueError, RecursionError, OSError) as error:
        return BrokenRecord(f"{path.name}: {error}")


def _started(fields: _Fields) -> StartedRecord:
    _same_protocol(fields)
    return StartedRecord(
        shim=Identity(_pid(fields, "shim_pid"), fields.count("shim_ticks")),
        agent=Identity(_pid(fields, "agent_pid"), fields.count("agent_ticks")),
        boot_id=fields.get("boot_id", str),
        containment=Containment(fields.get("containment", str)),
        mark=fields.get("mark", str),
        at=fields.number("at"),
    )


def _exit(fields: _Fields) -> ExitRecord:
    _same_protocol(fields)
    outcome: Ended | NotExecuted
    if fields.has("exec_error"):
        outcome = NotExecuted(fields.get("exec_error", str), fields.get("exec_step", str))
    else:
        outcome = _ended(fields.count("status"))
    return ExitRecord(
        outcome=outcome,
        cpu_s=fields.number("cpu_s"),
        rss_max_kb=fields.count("rss_max_kb"),
        swept=fields.count("swept"),
        stop_asked=fields.get("stop_asked", bool),
        containment=Containment(fields.get("containment", str)),
        at=fields.number("at"),
    )


def _error(fields: _Fields) -> ShimError:
    return ShimError(fields.get("step", str), fields.get("error", str), fields.get("text", str))


def _spec(fields: _Fields) -> SpecRecord:
    _same_protocol(fields)
    return SpecRecord(
        argv=fields.texts("argv"),
        cwd=fields.get("cwd", str),
        env_names=fields.texts("env_names"),
        mark=fields.get("mark", str),
        grace_s=fields.number("grace_s"),
    )


def _note(fields: _Fields) -> WatchdogNote:
    if fields.count("protocol") != levels.PROTOCOL:
        raise _OtherProtocol("a note of another watchdog")
    return WatchdogNote(
        available_mb=round(fields.number("available_kb") / 1024, 1),
        total_mb=round(fields.number("total_kb") / 1024, 1),
        full_pct=fields.number("full_pct"),
        used_mb=round(fields.number("used_kb") / 1024, 1),
        at=fields.number("at"),
    )


def _same_protocol(fields: _Fields) -> None:
    """Every minor version of our protocol can be read: fields are only ever added."""
    protocol = fields.count("protocol")
    if protocol != shim.PROTOCOL:
        raise _OtherProtocol(f"records of protocol {protocol}, this gangsaw knows {shim.PROTOCOL}")


def _pid(fields: _Fields, name: str) -> int:
    value = fields.count(name)
    if not 1 < value < 1 << 31:
        raise ValueError(f"field {name!r} is no process number")
    return value


def _ended(status: int) -> Ended:
    if status > 0xFFFF:
        raise ValueError("field 'status' is no wait status")
    if os.WIFEXITED(status):
        return Ended(code=os.WEXITSTATUS(status), signal=None)
    if os.WIFSIGNALED(status):
        return Ended(code=None, signal=os.WTERMSIG(status))
    raise ValueError("field 'status' is no final wait status")
