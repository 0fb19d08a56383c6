"""A playground with a schedule, whose scheduler goes by a clock of the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from gangsaw.core.schedule import Schedule
from gangsaw.engine.scheduler import fold_log
from gangsaw.store.control import Control
from gangsaw.store.lock import WriterLock
from gangsaw.store.schedule_log import LogRow, SchedulePlace, read_log
from gangsaw.testing.playground import Playground

TICK_S = 600.0
START = 'echo "start $GANGSAW_TASK $GANGSAW_ATTEMPT" >> "$LEDGER"'


def task(name: str, *, gated: bool = False, fails: bool = False, **fields: Any) -> dict[str, Any]:
    """A task that makes a file of its name; a gated one once the file `go-NAME` lies beside the
    repository."""
    wait = f'until [ -e "$(dirname "$LEDGER")/go-{name}" ]; do sleep 0.02; done'
    lines = [START, *([wait] if gated else []), "exit 1" if fails else f"echo {name} > {name}.txt"]
    return {"id": name, "prompt": "\n".join(lines), "checks": ["true"], "attempts": 1, **fields}


class ScheduleStage:
    """One repository; what its schedule and its runs have come to."""

    def __init__(self, root: Path, tasks: list[dict[str, Any]]) -> None:
        self.ground = Playground(root)
        self.tasks = tasks
        self.plan = self.ground.plan(tasks)
        self.control = Control(self.ground.repo / ".git" / "gangsaw")
        self.place = SchedulePlace(self.control.root)
        self.slept_s = self.set_s = 0.0

    def add(self, one: dict[str, Any]) -> None:
        """One more task in the plan."""
        self.tasks = [*self.tasks, one]
        self.ground.plan(self.tasks)

    def let_go(self, name: str) -> None:
        (self.ground.root / f"go-{name}").write_text("")

    # --- time ------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """The machine sleeps for so long, as its scheduler sees it."""
        self.slept_s += seconds
        self._skew()

    def set_clock(self, seconds: float) -> None:
        self.set_s += seconds
        self._skew()

    def _skew(self) -> None:
        fresh = self.ground.root / "skew.new"
        fresh.write_text(f"{self.set_s} {self.slept_s}")
        fresh.rename(self.ground.root / "skew")

    # --- lives -----------------------------------------------------------------------------------

    def keep(self, *words: str) -> subprocess.Popen[bytes]:
        """A scheduler in front: `gangsaw run PLAN --every 10m WORDS`."""
        skew = str(self.ground.root / "skew")
        return self._start("gangsaw.testing.skewed", skew, *self._words(words))

    def keep_until(self, moment: str, *words: str) -> subprocess.Popen[bytes]:
        """One that kills itself there, by the system's own clock."""
        return self._start("gangsaw.testing.faulty", moment, *self._words(words))

    def _words(self, words: tuple[str, ...]) -> list[str]:
        return ["--", "run", str(self.plan), "--every", "10m", *words, "--plain"]

    def _start(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        ground = self.ground
        with (ground.root / "output").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", module, *words], cwd=ground.repo,
                env=ground.environment(), stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def kill_engine(self) -> None:
        """The engine, and nothing else."""
        holder = WriterLock.holder(self.control.lock)
        assert holder is not None
        assert holder.pid is not None
        os.kill(holder.pid, signal.SIGKILL)
        self.ground.wait_for(lambda: WriterLock.holder(self.control.lock) is None, "its end")

    # --- facts -----------------------------------------------------------------------------------

    @property
    def rows(self) -> list[LogRow]:
        return read_log(self.place.log)

    @property
    def state(self) -> Schedule:
        return fold_log(self.rows)

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        return [row.body for row in self.rows if row.kind == kind]

    def wait_fact(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first fact of that kind with these fields, waited for."""

        def found() -> list[dict[str, Any]]:
            return [body for body in self.bodies(kind) if fields.items() <= body.items()]

        self.ground.wait_for(lambda: bool(found()), f"{kind} {fields}\n{self.said()}")
        return found()[0]

    def wait_started(self, name: str) -> None:
        self.ground.wait_for(lambda: name in self.starts(), f"the agent of {name}\n{self.said()}")

    def starts(self) -> list[str]:
        """The tasks whose agent was started, once for each time."""
        return [words[1] for words in self.ground.ledger_lines() if words[0] == "start"]

    def runs(self) -> list[str]:
        """The runs there are branches of."""
        form = "--format=%(refname:lstrip=4)"
        return self.ground.git("for-each-ref", form, "refs/heads/gangsaw/run").split()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ground.call("schedule", "status", "--json").stdout)
        return found

    def said(self) -> str:
        path = self.ground.root / "output"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def sweep(self) -> None:
        """Leave nothing behind."""
        self.ground.call("schedule", "down", "--kill")
        self.ground.call("kill")
