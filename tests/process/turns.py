"""What the tests of `procs` share: specs, waiting for facts, and a look at what is left."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from gangsaw import procs
from gangsaw.core.launch import LaunchSpec
from gangsaw.procs.probe import lock_held

T = TypeVar("T")
FACT_MAX_S = 60.0
POLL_S = 0.01
PATH = os.environ.get("PATH", os.defpath)
SOURCES = Path(procs.__file__).parents[2]
ENDED = (procs.Finished, procs.Lost, procs.Absent, procs.Broken)


def until(fact: Callable[[], T | None], what: str) -> T:
    """The first true answer of `fact`; fails loudly when it does not come."""
    deadline = time.monotonic() + FACT_MAX_S
    while True:
        answer = fact()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(POLL_S)


def shell(script: str, *, stdin: bytes | None = None, **env: str) -> LaunchSpec:
    """A spec that runs a shell script."""
    variables = {"PATH": PATH} | env
    return LaunchSpec(("sh", "-c", script), "/", tuple(variables.items()), stdin)


def python(code: str, **env: str) -> LaunchSpec:
    """A spec that runs Python code."""
    variables = {"PATH": PATH} | env
    return LaunchSpec((sys.executable, "-I", "-S", "-c", code), "/", tuple(variables.items()))


class Way(StrEnum):
    """How shims come into being."""

    DIRECT = "direct"
    NURSERY = "nursery"


@dataclass
class Room:
    """Turn folders of one test, with their marks."""

    root: Path
    way: Way = Way.DIRECT
    marks: dict[Path, str] = field(default_factory=dict)

    def folder(self, name: str = "turn") -> Path:
        folder = self.root / name
        self.marks.setdefault(folder, "test-" + secrets.token_hex(8))
        return folder

    def launch(
        self, spec: LaunchSpec, name: str = "turn", *, grace_s: float = 1.0
    ) -> procs.Started | procs.AlreadyClaimed:
        folder = self.folder(name)
        return procs.launch(folder, spec, mark=self.marks[folder], grace_s=grace_s)

    def started(self, name: str = "turn") -> procs.StartedRecord:
        """The record of a turn that must be running or begin to run."""

        def look() -> procs.StartedRecord | None:
            found = procs.probe(self.folder(name))
            return found.record if isinstance(found, procs.Running) else None

        return until(look, "a running turn")

    def finished(self, name: str = "turn") -> procs.ExitRecord:
        """The exit record of a turn that must end properly."""
        ended = self.ended(name)
        assert isinstance(ended, procs.Finished), ended
        return ended.record

    def ended(self, name: str = "turn") -> procs.Probed:
        """The end of a turn, whatever it is."""

        def look() -> list[procs.Probed]:
            found = procs.probe(self.folder(name))
            # The exit record is the shim's last word, not yet its end.
            ended = isinstance(found, ENDED) and not lock_held(self.folder(name))
            return [found] if ended else []

        return until(look, "the end of the turn")[0]

    def run(
        self, spec: LaunchSpec, name: str = "turn", *, grace_s: float = 1.0
    ) -> procs.ExitRecord:
        assert isinstance(self.launch(spec, name, grace_s=grace_s), procs.Started)
        return self.finished(name)

    def output(self, name: str = "turn") -> str:
        return (self.folder(name) / "out").read_text()

    def leftovers(self) -> list[str]:
        """Command lines of live processes that carry a mark of this test. Written anew here, so
        that it does not share an error with what it checks."""
        wanted = {f"{procs.MARK_VARIABLE}={mark}".encode() for mark in self.marks.values()}
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if wanted & set((entry / "environ").read_bytes().split(b"\0")):
                    found.append((entry / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue
        return found

    def clean(self) -> None:
        for folder in self.marks:
            if not isinstance(procs.probe(folder), procs.Finished | procs.Absent):
                procs.settle(folder)
        procs.reap()


OPEN_NURSERY = "from gangsaw import procs; _nursery = procs.Nursery(); _nursery.__enter__()\n"


def run_python(
    code: str, *args: str, way: Way = Way.DIRECT, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run Python code that can import gangsaw, to its end; a nursery is never closed by it."""
    return subprocess.run(
        [sys.executable, "-c", OPEN_NURSERY * (way is Way.NURSERY) + code, *args],
        env={"PATH": PATH, "PYTHONPATH": str(SOURCES)} | env,
        capture_output=True,
        text=True,
        timeout=FACT_MAX_S,
        check=False,
    )


def spawn_python(code: str, *args: str, way: Way = Way.DIRECT, **env: str) -> subprocess.Popen[str]:
    """The same, not waited for."""
    return subprocess.Popen(
        [sys.executable, "-c", OPEN_NURSERY * (way is Way.NURSERY) + code, *args],
        env={"PATH": PATH, "PYTHONPATH": str(SOURCES)} | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def sigkill(pid: int) -> None:
    """`kill -9`."""
    os.kill(pid, signal.SIGKILL)
