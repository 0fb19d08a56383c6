"""Green results that outlive their run, so that no tree is checked twice for the same question.

One small file for each, named by what the verdict is about: tree, command, and everything else
that was declared to matter. Only what was green at once is kept: never a red result, and none of a
check that has also been red on that tree. Logs are not kept with it, and none is claimed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.core.model import Check

KEPT_MAX = 4096
"""So many are kept; then the oldest half goes."""

FILE_BYTES_MAX = 64 * 1024 * 1024
"""Of a declared file no more than this takes part in a fingerprint."""


@dataclass(frozen=True, slots=True)
class Seen:
    """That a check was green on a tree: in which run, when (epoch seconds), and how long it took
    in seconds."""

    run: str
    at: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The green results kept in `folder`. Every method may be called twice, and from any thread."""

    folder: Path

    def find(self, tree: str, fingerprint: str) -> Seen | None:
        """That exactly this was green, or `None`. What cannot be read was never there."""
        try:
            held = json.loads(self._path(tree, fingerprint).read_bytes())
            if (held["tree"], held["fingerprint"]) != (tree, fingerprint):
                return None
            return Seen(str(held["run"]), float(held["at"]), float(held["duration_s"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, tree: str, fingerprint: str, check: Check, seen: Seen) -> None:
        """Keep that it was green."""
        held = {
            "tree": tree, "fingerprint": fingerprint, "check": check.name, "run": seen.run,
            "at": seen.at, "duration_s": seen.duration_s,
        }  # fmt: skip
        path = self._path(tree, fingerprint)
        durable("verify.verdict_kept", lambda: self._write(path, json.dumps(held).encode()))

    def _path(self, tree: str, fingerprint: str) -> Path:
        name = hashlib.sha256(f"{tree}\n{fingerprint}".encode()).hexdigest()[:32]
        return self.folder / f"{name}.json"

    def _write(self, path: Path, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._thin_out()
        # Not synced: after a power cut it is whole, or not there, or no JSON; each is harmless.
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.write_bytes(content)
        fresh.replace(path)

    def _thin_out(self) -> None:
        with os.scandir(self.folder) as entries:
            names = [entry.path for entry in entries]
        if len(names) < KEPT_MAX:
            return
        aged = sorted((_changed_at(name), name) for name in names)
        for _, name in aged[: len(aged) // 2]:
            with suppress(FileNotFoundError):
                os.unlink(name)


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def fingerprint_of(check: Check, environment: str, place: Path | None) -> str:
    """What stands for the command and all that it depends on besides the tree. `environment` stands
    for variables and setup; `place` is where the declared files are looked at, as the check finds
    them there (`None` where it declares none)."""
    told = hashlib.sha256()
    for part in (environment, *check.argv, "\0", *check.env, "\0", *_contents(check.files, place)):
        told.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return told.hexdigest()[:24]


def _contents(files: Iterable[str], place: Path | None) -> Iterable[str]:
    for name in files:
        yield name
        yield "" if place is None else _content(place / name)


def _content(path: Path) -> str:
    try:
        if not path.is_file():
            return "no file"
        with path.open("rb") as file:
            return hashlib.sha256(file.read(FILE_BYTES_MAX)).hexdigest()
    except OSError as error:
        return f"unread: {error.errno}"
