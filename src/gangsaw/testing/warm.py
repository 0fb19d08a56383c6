"""Many short lives of the program without the start of an interpreter for each.

    with Warm() as warm:
        life = warm.begin(["--calm", "--", "run"], cwd=…, env=…, output=…)
        code = life.wait()

A process of its own has imported the whole program and done nothing else; each life is a fork of
it, with the folder, environment and streams that it is told, and runs `gangsaw.testing.faulty`.
Nothing of one life reaches the next. That such a life is that of the real program is for the
caller to test: same end state, same moments.

    with Commands() as commands:
        done = commands.call(["status"], cwd=…, env=…, timeout_s=…)

gives the commands of a test such lives, with what `subprocess.run` would have told of each.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import gangsaw

SOURCE = Path(gangsaw.__file__).resolve().parents[1]
PROGRAM = Path(gangsaw.__file__).with_name("__main__.py")
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
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        output: Path,
        errors: Path | None = None,
    ) -> Life:
        """A life of `gangsaw.testing.faulty`; what it says is appended to the file, or files."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        said = {"output": str(output), "errors": str(errors or output)}
        order = {"argv": [*arguments], "cwd": str(cwd), "env": dict(env), **said}
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        pid = int(self._server.stdout.readline())
        return Life(self._server.stdin, self._server.stdout, pid)

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(LIFE_MAX_S)


class Commands:
    """Commands of the program in such lives, one at a time; nothing is started before the first."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._warm: Warm | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._given = 0

    def call(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str] | None:
        """What the command came to; `None` where it has to be a process from the start on: while
        another is at work, and for an environment that an interpreter reads when it starts."""
        if _for_a_start(env) != at_start() or not self._mutex.acquire(blocking=False):
            return None
        try:
            return self._call(list(words), cwd, env, timeout_s)
        finally:
            self._mutex.release()

    def _call(
        self, words: list[str], cwd: Path, env: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        if self._warm is None or self._folder is None:
            self._warm, self._folder = Warm(), tempfile.TemporaryDirectory(prefix="gangsaw-")
        self._given += 1  # another may still write to what an earlier one has left it
        output, errors = (Path(self._folder.name, f"{self._given}.{n}") for n in (1, 2))
        life = self._warm.begin(
            ["--calm", "--", *words], cwd=cwd, env=env, output=output, errors=errors
        )
        code = life.wait(timeout_s)
        if code is None:
            life.kill()
            raise subprocess.TimeoutExpired(words, timeout_s)
        said = [path.read_text(errors="replace") for path in (output, errors)]
        output.unlink()
        errors.unlink()
        return subprocess.CompletedProcess(words, code, *said)

    def __enter__(self) -> Commands:
        return self

    def __exit__(self, *error: object) -> None:
        if self._warm is not None and self._folder is not None:
            self._warm.__exit__()
            self._folder.cleanup()


def _for_a_start(env: Mapping[str, str]) -> dict[str, str]:
    """What an interpreter reads only when it starts."""
    return {k: v for k, v in env.items() if k.startswith(("PYTHON", "LC_", "LANG", "TZ"))}


def at_start() -> dict[str, str]:
    """What the server had of that: what the environment of a command must have of it."""
    return {**_for_a_start(os.environ), "PYTHONPATH": str(SOURCE)}


def main() -> int:
    """Serve until the input ends; a life that is under way is ended with it."""
    gc.disable()
    _import_everything()
    gc.freeze()  # else each life would copy what its collector looks through
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
        said = (order["output"], order["errors"])
        _redirect(*(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) for path in said))
        from gangsaw.testing.faulty import main as faulty

        words: list[str] = order["argv"]
        sys.argv = [str(PROGRAM), *words[words.index("--") + 1 :]]
        sys.path[0] = order["cwd"]  # as for `python -m gangsaw` there
        gc.enable()
        code = faulty(words)
        vars(threading)["_shutdown"]()  # as at the end of every interpreter: wait for its threads
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


def _redirect(output: int, errors: int) -> None:
    """Nothing to read, all that is said into the files, no other descriptor of the server."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((nothing, output, errors)):
        os.dup2(source, target)
    os.closerange(3, 256)


if __name__ == "__main__":
    sys.exit(main())
