"""Many short lives of the program without the start of an interpreter for each.

    with Warm() as warm:
        life = warm.begin(["--calm", "--", "run"], cwd=…, env=…, output=…)
        code = life.wait()

A process of its own has imported the whole program and done nothing else; each life is a fork of
it, with the folder, environment and streams that it is told, and runs `gangsaw.testing.faulty`.
Nothing of one life reaches the next. That such a life is that of the real program is for the
caller to test: same end state, same moments.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import gangsaw

SOURCE = Path(gangsaw.__file__).resolve().parents[1]
LIFE_MAX_S = 240.0
"""No life takes nearly as long."""
_KILL = b"kill\n"


class Life:
    """One life, begun. Only the server reaps it, so only through the server it is killed."""

    def __init__(self, orders: IO[bytes], answers: IO[bytes], pid: int) -> None:
        self._orders, self._answers = orders, answers
        self._code: int | None = None
        self.pid = pid

    def wait(self, timeout_s: float = LIFE_MAX_S) -> int | None:
        """How it ended: its exit code, or minus the number of the signal; `None` while it lives."""
        if self._code is None and select.select([self._answers], [], [], timeout_s)[0]:
            self._code = int(self._answers.readline())
        return self._code

    def kill(self) -> bool:
        """KILL it, and wait for that; whether it was still alive."""
        if self._code is None:
            self._orders.write(_KILL)
        code = self.wait()
        if code is None:
            raise TimeoutError(f"{self.pid} does not die")
        return code == -signal.SIGKILL


class Warm:
    """The server's end for callers. One life at a time: the next one begins after a `wait`."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "gangsaw.testing.warm"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )  # fmt: skip

    def begin(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Path
    ) -> Life:
        """A life of `gangsaw.testing.faulty`; what it says is appended to the file."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        order = {"argv": [*arguments], "cwd": str(cwd), "env": dict(env), "output": str(output)}
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        pid = int(self._server.stdout.readline())
        return Life(self._server.stdin, self._server.stdout, pid)

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(LIFE_MAX_S)


def main() -> int:
    """Serve until the input ends; a life that is under way is ended with it."""
    _import_everything()
    with os.fdopen(os.dup(1), "wb", 0) as answers, os.fdopen(os.dup(0), "rb", 0) as orders:
        os.dup2(2, 1)
        while line := orders.readline():
            if line != _KILL:  # else it comes too late
                _live(json.loads(line), orders, answers)
    return 0


def _import_everything() -> None:
    """So that no life has to."""
    for module in pkgutil.walk_packages(gangsaw.__path__, "gangsaw."):
        if not module.name.endswith("__main__") and ".testing." not in module.name:
            importlib.import_module(module.name)
    importlib.import_module("gangsaw.testing.faulty")


def _live(order: Mapping[str, Any], orders: IO[bytes], answers: IO[bytes]) -> None:
    pid = os.fork()
    if pid == 0:
        _become(order)
    answers.write(f"{pid}\n".encode())
    fd = os.pidfd_open(pid)
    while fd not in select.select([orders.fileno(), fd], [], [])[0]:
        orders.readline()  # the one word that can come, or the end of all
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    answers.write(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(order: Mapping[str, Any]) -> None:
    """In the fork: the program, from its start to its end. Never returns."""
    code = 70
    try:
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["env"])
        _redirect(os.open(order["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
        from gangsaw.testing.faulty import main as faulty

        code = faulty(order["argv"])
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    finally:
        # Whatever was raised ends here: above is the server's own code.
        if (error := sys.exc_info()[1]) is not None:
            traceback.print_exception(error)
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _redirect(output: int) -> None:
    """Nothing to read, everything said into the file, no other descriptor of the server."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((nothing, output, output)):
        os.dup2(source, target)
    os.closerange(3, 256)


if __name__ == "__main__":
    sys.exit(main())
