"""Bystanders that look like ours and are not: nobody may ever signal them.

A decoy is a shell under the name of an agent, a shim or an engine, with such arguments and the
marks of another run in its environment, in a session, a group or neither of its own. It writes
every signal that can be caught to a file; that it was killed or stopped is seen from outside.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gangsaw.testing.processes import state_of

UNCATCHABLE = (signal.SIGKILL, signal.SIGSTOP)
END_MAX_S = 20.0
_CAUGHT = " ".join(str(int(n)) for n in signal.Signals if n < 32 and n not in UNCATCHABLE)
SCRIPT = f"""\
for n in {_CAUGHT}; do trap "echo $$ $n >> '$DECOY_SIGNALS'" $n; done
echo $$ >> "$DECOY_UP"
while :; do
    read word
    [ $? -gt 128 ] || exit 0
done
"""
"""Ends with its input, and with nothing else that it can help."""


@dataclass(frozen=True, slots=True)
class Guise:
    """What a decoy looks like. `argv[0]` is its name."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    own_session: bool = False
    own_group: bool = False
    opened: Path | None = None
    """A file that it holds open for reading, as a pager does."""


def guises(count: int, cwd: Path, foreign: Path) -> list[Guise]:
    """So many decoys of every sort, at work in `cwd`; `foreign` is a folder of attempts that does
    not exist."""
    turn = foreign / "gangsaw" / "attempts" / "r1" / "a.1" / "turn-1"
    argvs = (
        ("claude", "-p", "--output-format", "stream-json", "--verbose"),
        ("codex", "exec", "--json", "-"),
        ("sh", "-eu", str(turn.parent / "task-prompt")),
        ("python3", "-I", "-S", "shim.py", "3", str(turn)),
        ("python3", "forks.py", str(turn.parent)),
        ("gangsaw", "run", "plan.yaml", "--plain"),
        ("git", "worktree", "add", "-q", str(turn)),
    )
    found: list[Guise] = []
    for n in range(count):
        mark = f"r1-a.1-{secrets.token_hex(12)}"
        marks = {
            "GANGSAW_MARK": mark, "GANGSAW_RUN": "r1", "GANGSAW_TASK": "a",
            "GANGSAW_ATTEMPT": "a.1", "GANGSAW_TURN": "1", "GANGSAW_FOLDER": str(turn),
        }  # fmt: skip
        found.append(
            Guise(
                argvs[n % len(argvs)],
                marks if n % 5 else {},
                cwd,
                own_session=n % 3 == 1,
                own_group=n % 3 == 2,
            )
        )
    return found


class Decoys:
    """Decoys that live as long as this; `folder` is for their files."""

    def __init__(self, folder: Path, looks: Sequence[Guise]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._signals, self._up = folder / "signals", folder / "up"
        self._up.touch()
        self._read, self._write = os.pipe()
        self._folder = folder
        shell = shutil.which("dash") or shutil.which("sh") or "/bin/sh"
        self._script = folder / "decoy"
        self._script.write_text(SCRIPT)
        self._processes = [self._start(Path(shell), look) for look in looks]

    @property
    def pids(self) -> list[int]:
        """Their numbers."""
        return [process.pid for process in self._processes]

    def are_up(self) -> bool:
        """Whether all of them listen to signals by now."""
        return len(self._up.read_text().split()) == len(self._processes)

    def harmed(self) -> list[str]:
        """What was done to them: each signal received, each that is dead or stopped."""
        found = []
        if self._signals.exists():
            for line in self._signals.read_text().splitlines():
                pid, number = line.split()
                found.append(f"{pid} received {signal.Signals(int(number)).name}")
        for process in self._processes:
            if process.poll() is not None:
                found.append(f"{process.pid} ended with {process.returncode}")
            elif state_of(process.pid) in "tT":
                found.append(f"{process.pid} was stopped")
        return found

    def close(self) -> None:
        """Let them end, by the end of their input."""
        os.close(self._write)
        os.close(self._read)
        for process in self._processes:
            process.wait(END_MAX_S)

    def _start(self, shell: Path, look: Guise) -> subprocess.Popen[bytes]:
        # A copy under that name: what the kernel calls a process is the name of its file.
        program = self._folder / "bin" / look.argv[0]
        if not program.exists():
            program.parent.mkdir(exist_ok=True)
            shutil.copy(shell, program)
        env = {"DECOY_SIGNALS": str(self._signals), "DECOY_UP": str(self._up), **look.env}
        opened = os.open(look.opened, os.O_RDONLY) if look.opened else None
        try:
            return subprocess.Popen(
                [look.argv[0], str(self._script), *look.argv[1:]],
                executable=program, cwd=look.cwd, env=env, stdin=self._read,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=look.own_session, process_group=0 if look.own_group else None,
                pass_fds=() if opened is None else (opened,),
            )  # fmt: skip
        finally:
            if opened is not None:
                os.close(opened)
