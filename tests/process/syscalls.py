"""Shims under strace: a fault at one system call of one process, and what must hold afterwards.

A shim stops itself before its first step (a fault point, or a wrapper of the interpreter that stops
before it becomes it), strace attaches, and it goes on: nothing of its life is missed, and strace
has no part in the turn. Counting starts there, so a fault is "the N-th call of NAME".
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gangsaw import procs
from gangsaw.core.launch import Ended
from gangsaw.procs import shim
from gangsaw.procs.records import StartedRecord, read_started
from tests.process.turns import ENDED, FACT_MAX_S, PATH, SOURCES, Room, until

STRACE = shutil.which("strace")
ERRORS = ("EIO", "ENOSPC", "EAGAIN", "ENOMEM")
KILL = "KILL"
SETTLES_MAX = 20
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
_CALL = re.compile(r"^(\w+)\(")


class Target(StrEnum):
    """Whose calls fail."""

    FORKED = "forked"
    """The shim that the nursery forked, from its first step."""
    SPAWNED = "spawned"
    """The shim that was started as a program, from before its interpreter."""
    HELD = "held"
    """The child that becomes the agent, from its first step until it is the agent."""


class Scene(StrEnum):
    """What the agent does."""

    PLAIN = "plain"
    """It ends with code 9."""
    LEAVING = "leaving"
    """It ends with code 9 and leaves processes in other sessions behind."""
    STOPPED = "stopped"
    """It is deaf to TERM, has such processes too, and is asked to stop."""


SCRIPTS = {
    Scene.PLAIN: "echo start >> $L; echo stop >> $L; exit 9",
    Scene.LEAVING: (
        "echo start >> $L; setsid sleep 86399 & "
        "(setsid sleep 86399 </dev/null >/dev/null 2>&1 &) ; echo stop >> $L; exit 9"
    ),
    Scene.STOPPED: (
        "trap '' TERM; setsid sleep 86399 & "
        "(setsid sleep 86399 </dev/null >/dev/null 2>&1 &) ; echo start >> $L; "
        "while :; do sleep 0.02; done"
    ),
}
TRUTH = {
    Scene.PLAIN: Ended(code=9, signal=None),
    Scene.LEAVING: Ended(code=9, signal=None),
    Scene.STOPPED: Ended(code=None, signal=9),
}


@dataclass(frozen=True, slots=True)
class Point:
    """The `nth` call of `name` since the beginning; `index` among all calls."""

    name: str
    nth: int
    index: int

    def inject(self, fault: str) -> str:
        """The option of strace."""
        what = "signal=KILL" if fault == KILL else f"error={fault}"
        return f"inject={self.name}:{what}:when={self.nth}"


def points_of(trace: str) -> list[Point]:
    """Every call in the order in which it was made."""
    counts: Counter[str] = Counter()
    found: list[Point] = []
    for line in trace.splitlines():
        call = _CALL.match(line)
        if call:
            counts[call[1]] += 1
            found.append(Point(call[1], counts[call[1]], len(found)))
    return found


def calls_of(trace: str) -> list[str]:
    """The calls, written out, one for each point."""
    return [line for line in trace.splitlines() if _CALL.match(line)]


def pythons() -> list[str]:
    """Our own interpreter first, then one of each other version that can be found."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    named = [name for name in os.environ.get("GANGSAW_PYTHONS", "").split(os.pathsep) if name]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        named += filter(None, [shutil.which(f"python{version}")])
        named += map(str, sorted(pyenv.glob(f"{version}.*/bin/python{version}")))
    found = {own: sys.executable}
    for name in named:
        version, path = _ask_python(name)
        if version in VERSIONS:
            found.setdefault(version, path)
    return list(found.values())


def _ask_python(name: str) -> tuple[str, str]:
    code = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    try:
        done = subprocess.run(
            [name, "-I", "-c", code], capture_output=True, text=True, timeout=FACT_MAX_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "", ""
    version, _, path = done.stdout.strip().partition(" ")
    return version, path


@dataclass
class Tally:
    """How the points of a sweep ended."""

    points: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, end: str) -> None:
        self.points += 1
        self.ends[end] += 1

    def __str__(self) -> str:
        return f"{self.points} points: " + ", ".join(
            f"{count} {end}" for end, count in sorted(self.ends.items())
        )


class Rig:
    """A launcher in some Python, and turns of it with a fault each."""

    def __init__(self, room: Room, python: str, target: Target) -> None:
        self.room, self.target, self._python = room, target, python
        self.tally = Tally()
        self._number = 0
        room.root.mkdir(exist_ok=True)
        self._trace = room.root / "trace"
        self._wrapper = room.root / "python"
        self._wrapper.write_text(f'#!/bin/sh\nkill -STOP $$\nexec {python} "$@"\n')
        self._wrapper.chmod(0o755)
        way = "direct" if target is Target.SPAWNED else "nursery"
        self._launcher = subprocess.Popen(
            [python, str(Path(__file__).with_name("launching.py")), way],
            env={"PATH": PATH, "PYTHONPATH": str(SOURCES)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        first = f"first-{self._launcher.pid}"
        self.nursery = int(str(self._launch(first, "true", "", "")["nursery"]))
        room.finished(first)

    def __str__(self) -> str:
        version = _ask_python(self._python)[0]
        return f"{self.target} shim, Python {version}"

    def close(self) -> None:
        self._launcher.communicate()

    def order(self, name: str, script: str, fault: str, executable: str) -> None:
        """Tell the launcher to launch a turn; `answer` reads what came of it."""
        folder = self.room.folder(name)
        order = {
            "folder": str(folder),
            "argv": ["sh", "-c", script],
            "env": {"PATH": PATH, "L": str(self.ledger(name))},
            "mark": self.room.marks[folder],
            "grace_s": 0.05,
            "fault": fault,
            "executable": executable,
        }
        assert self._launcher.stdin is not None
        self._launcher.stdin.write(json.dumps(order) + "\n")
        self._launcher.stdin.flush()

    def answer(self) -> dict[str, object]:
        assert self._launcher.stdout is not None
        answer = json.loads(self._launcher.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def _launch(self, name: str, script: str, fault: str, executable: str) -> dict[str, object]:
        self.order(name, script, fault, executable)
        return self.answer()

    def ledger(self, name: str) -> Path:
        return self.room.root / f"{name}.ledger"

    def lines(self, name: str) -> list[str]:
        path = self.ledger(name)
        return path.read_text().split() if path.exists() else []

    def run(self, scene: Scene, point: Point | None = None, fault: str = "") -> str:
        """One turn, with a fault or without, to its end; what strace saw."""
        self._number += 1
        name = str(self._number)
        pid = self._standing(name, SCRIPTS[scene])
        assert pid > 1
        until(lambda: _state(pid) == "T", "the stopped process")
        options = ["-e", point.inject(fault)] if point else []
        with traced(pid, self._trace, *options) as strace:
            os.kill(pid, signal.SIGCONT)
            if scene is Scene.STOPPED:
                self._stop(name, strace)
            strace.wait(FACT_MAX_S)
        where = f"{self.target} {scene} {point} {fault}"
        self.tally.add(self.check(name, scene, where))
        return self._trace.read_text(errors="replace")

    def _standing(self, name: str, script: str) -> int:
        """Launch; the pid of the process that stops before its first step."""
        if self.target is Target.HELD:
            self._launch(name, script, "stop@child-session", "")
            return until(lambda: self._held(name), "the held child")
        if self.target is Target.SPAWNED:
            return int(str(self._launch(name, script, "", str(self._wrapper))["pid"]))
        return int(str(self._launch(name, script, "stop@nursery-fork", "")["pid"]))

    def _held(self, name: str) -> int:
        started = read_started(self.room.folder(name))
        return started.agent.pid if isinstance(started, StartedRecord) else 0

    def _stop(self, name: str, strace: subprocess.Popen[str]) -> None:
        """Ask for the stop as soon as the agent runs, if it ever does."""
        until(lambda: self.lines(name) or strace.poll() is not None, "the agent")
        if isinstance(procs.probe(self.room.folder(name)), ENDED):
            assert self.room.leftovers() == [], f"{name} is called over and is alive"
        procs.stop(self.room.folder(name))

    def check(self, name: str, scene: Scene, where: str) -> str:
        """All that must hold when the shim is gone; how the turn ended."""
        folder = self.room.folder(name)
        first = self._settled(name, where)
        lines = self.lines(name)
        assert lines.count("start") <= 1, where
        assert self.room.leftovers() == [], where
        match first:
            case procs.Absent():
                assert not lines, where
                assert self._launch(name, SCRIPTS[Scene.PLAIN], "", "")["answer"] == "Started"
                assert self.room.finished(name).outcome == Ended(code=9, signal=None), where
                assert self.lines(name) == ["start", "stop"], where
                return "absent, launched again"
            case procs.Lost(started):
                assert started or not lines, where
                end = "lost after start" if started else "lost before start"
            case procs.Finished(record):
                end = self._finished(record, scene, lines, where)
            case other:
                raise AssertionError(f"{where}: {other}")
        assert self._launch(name, SCRIPTS[scene], "", "")["answer"] == "AlreadyClaimed", where
        assert procs.probe(folder) == first, where
        assert self.lines(name) == lines, where
        self.room.marks.pop(folder)
        shutil.rmtree(folder)
        return end

    def _finished(
        self, record: procs.ExitRecord, scene: Scene, lines: list[str], where: str
    ) -> str:
        if isinstance(record.outcome, procs.NotExecuted):
            assert not lines, where
            return "not executed"
        expected = ["start"] if scene is Scene.STOPPED else ["start", "stop"]
        assert record.outcome == TRUTH[scene], f"{where}: {record}"
        assert lines == expected, where
        assert record.stop_asked == (scene is Scene.STOPPED), where
        return "finished"

    def _settled(self, name: str, where: str) -> procs.Probed:
        """What the recovery table comes to, once the shim is gone."""
        folder = self.room.folder(name)

        def look() -> list[procs.Probed]:
            found = procs.probe(folder)
            if isinstance(found, procs.Headless | procs.Dying):
                procs.settle(folder)
                return []
            return [] if isinstance(found, procs.Starting | procs.Running) else [found]

        return until(look, f"an end: {where}")[0]


@contextmanager
def traced(pid: int, trace: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """strace, attached to a process that stands still; it ends with that process."""
    assert STRACE is not None
    trace.unlink(missing_ok=True)
    with subprocess.Popen(
        [STRACE, "-s", "40", *options, "-o", str(trace), "-p", str(pid)],
        stderr=subprocess.PIPE,
        text=True,
    ) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        assert "attached" in said, said
        try:
            yield strace
        finally:
            strace.terminate()


@functools.cache
def may_attach() -> bool:
    """Whether the system lets us trace a process that is not our own descendant."""
    assert STRACE is not None
    code = """if True:
        import os
        pid = os.fork()
        if pid == 0:
            os.close(1)
            os.execvp("sleep", ["sleep", "60"])
        print(pid)
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        timeout=FACT_MAX_S,
        check=True,
    )
    pid = int(done.stdout)
    with subprocess.Popen([STRACE, "-p", str(pid)], stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        attached = "attached" in strace.stderr.readline()
        os.kill(pid, signal.SIGKILL)
        strace.terminate()
    return attached


@contextmanager
def rig(room: Room, python: str, target: Target) -> Iterator[Rig]:
    """A rig, closed at the end."""
    made = Rig(room, python, target)
    try:
        yield made
    finally:
        made.close()


def _state(pid: int) -> str:
    fields = shim.stat_fields(pid)
    return fields[0] if fields else "gone"


def own_part(target: Target, trace: str) -> tuple[int, int]:
    """From which to which call (not included) a process does the shim's own work, and neither that
    of the interpreter that starts nor that of the agent."""
    calls = calls_of(trace)
    if target is Target.SPAWNED:
        claim = next(i for i, call in enumerate(calls) if '"claim", O_WRONLY' in call)
        masks = [i for i, call in enumerate(calls[:claim]) if call.startswith("rt_sigprocmask(")]
        return masks[-1], len(calls)
    if target is Target.HELD:
        begun = [i for i, call in enumerate(calls) if re.match(r"execve\(.*= 0$", call)]
        return 0, begun[0] + 1
    return 0, len(calls)
