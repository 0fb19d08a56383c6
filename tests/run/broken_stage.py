"""A run of the real program in surroundings that break, and the facts its tests wait for."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gangsaw.core.state import State
from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import open_journal
from gangsaw.testing.endstate import complaints, control_of, folded
from gangsaw.testing.ledger import START, STOP, open_lives, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import is_dead, processes_of

GATE = (
    'i=0; until [ -e "$LEDGER.go.$GANGSAW_TASK" ] || [ $i -gt 4000 ]; '
    "do sleep 0.02; i=$((i+1)); done"
)
"""The agent works on until the test lets its task go."""
PIECE = b"x" * 65536


def work(name: str, *before: str, **fields: Any) -> dict[str, Any]:
    """A task whose agent writes and commits one file, after the given shell lines."""
    lines = [START, *before, f"echo {name} > {name}.txt", "git add -A",
             f"git commit -qm 'Work of {name}'", STOP]  # fmt: skip
    return {"id": name, "title": f"Task {name}", "prompt": "\n".join(lines), **fields}


def gated(name: str, **fields: Any) -> dict[str, Any]:
    """The same, once the test lets it go."""
    return work(name, GATE, **fields)


def lingering(name: str, **fields: Any) -> dict[str, Any]:
    """A task whose agent has committed its work, and ends once the test lets it go."""
    lines = [START, f"echo {name} > {name}.txt", "git add -A", f"git commit -qm 'Work of {name}'",
             'echo "done $GANGSAW_TASK" >> "$LEDGER"', GATE, STOP]  # fmt: skip
    return {"id": name, "title": f"Task {name}", "prompt": "\n".join(lines), **fields}


class Site:
    """A playground, its plan, and its engine in the foreground of nobody."""

    def __init__(self, root: Path, tasks: Sequence[dict[str, Any]], **options: Any) -> None:
        self.ground = Playground(root / "ground", **options)
        self.control = control_of(self.ground)
        self.needs = {task["id"]: task.get("needs", []) for task in tasks}
        self.plan = self.ground.plan(tasks)

    # --- doing ---------------------------------------------------------------------------------

    def setting(self, old: str, new: str) -> None:
        """Change a line of `gangsaw.toml`, and commit it."""
        path = self.ground.repo / "gangsaw.toml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        self.ground.git("commit", "-qam", "settings")

    def let_go(self, *tasks: str) -> None:
        for name in tasks:
            Path(f"{self.ground.ledger}.go.{name}").touch()

    @contextmanager
    def engine(self, *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """The engine, killed at the end together with all that is left of the run."""
        engine = self.ground.start("run", self.plan, "--plain", *more)
        try:
            yield engine
        finally:
            engine.kill()
            engine.wait(60)
            self.sweep()

    def sweep(self) -> None:
        """End what a failed test has left."""
        for found in processes_of(self.ground.root):
            with suppress(ProcessLookupError):
                os.kill(found.pid, 9)

    # --- facts ---------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """By the log."""
        return folded(self.ground)

    def said(self) -> str:
        """What engines have printed."""
        path = self.ground.root / "output"
        return path.read_text() if path.exists() else ""

    def kinds(self) -> list[str]:
        """The wire names of all events, in order."""
        with open_journal(self.control.journal, writer=False) as journal:
            return [row.kind for row in journal.read("r1")]

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the events of that kind."""
        if not self.control.journal.exists():
            return []
        with suppress(NoJournal), open_journal(self.control.journal, writer=False) as journal:
            return [dict(row.body) for row in journal.read("r1") if row.kind == kind]
        return []

    def wait_event(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Until the log has so many of these events; the last one's body."""
        self.ground.wait_for(lambda: len(self.bodies(kind)) >= count, f"{count} {kind}")
        return self.bodies(kind)[-1]

    def wait_said(self, text: str) -> None:
        self.ground.wait_for(lambda: text in self.said(), f"the sentence: {text}")

    def wait_started(self, *attempts: str) -> None:
        """Until the log has the start of these attempts' agents, and the agents are at work."""

        def fact() -> bool:
            lives = {line.attempt for line in read_ledger(self.ground.ledger)}
            known = self.state.attempts
            started = all(name in known and known[name].started for name in attempts)
            return started and set(attempts) <= lives

        self.ground.wait_for(fact, f"recorded start of {attempts}")

    def wait_done(self, *tasks: str) -> None:
        """Until the agents of these lingering tasks have committed their work."""
        wanted = {f"done {name}" for name in tasks}
        ledger = self.ground.ledger
        self.ground.wait_for(
            lambda: ledger.exists() and wanted <= set(ledger.read_text().splitlines()), "the work"
        )

    def alive(self) -> dict[str, int]:
        """The attempts whose agents are alive, with their pids."""
        lives = open_lives(read_ledger(self.ground.ledger)).items()
        return {attempt: pid for (attempt, _), pid in lives if not is_dead(pid)}

    def ends_well(self, engine: subprocess.Popen[bytes], *, unannounced: int = 0) -> None:
        """The engine ends with everything landed once, and nothing is left. So many agents ended
        badly, without having announced it."""
        assert engine.wait(120) == 0, self.said()[-3000:]
        every = complaints(self.ground, self.needs)
        found = [one for one in every if "said None, recorded" not in one]
        assert len(every) - len(found) == unannounced, every
        assert found == [], found


def fill(folder: Path, leave_bytes: int = 0) -> Path:
    """Fill the file system of the folder by one file, which is returned, but for so many bytes."""
    path = folder / "filler"
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(PIECE)
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 512)
    if leave_bytes:
        os.truncate(path, path.stat().st_size - leave_bytes)
    return path


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size at the folder, which is made if needed; what was in it is in it
    again. Needs the right to mount (see `own_mounts` in `conftest`)."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix="before-"))
    subprocess.run(["cp", "-a", f"{folder}/.", str(beside)], check=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    subprocess.run(mount, check=True)
    try:
        subprocess.run(["cp", "-a", f"{beside}/.", str(folder)], check=True)
        shutil.rmtree(beside)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
