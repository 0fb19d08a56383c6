"""Ask a program something: a call that is over in moments, its answer in memory.

Other than a turn it is nothing that has to survive us: it is bounded in time and in output, nobody
adopts it, and who is ended while he waits for it ends it too. Output goes through pipes here, since
there is no folder to keep it in; what the program leaves behind in the background may hold these
open, so the answer is over with the program and not with its pipes.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

TIMEOUT_S = 60.0
OUTPUT_BYTES_MAX = 64 * 1024 * 1024
"""Of each of the two outputs."""

_PIECE = 64 * 1024
_LOOK_EVERY_S = 0.1
"""How often who reads looks whether the program is over though its output is not."""

_REAP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """How the program ended (a negative number: by that signal), and what it wrote."""

    code: int
    out: bytes
    err: bytes


@dataclass(frozen=True, slots=True)
class NoReply:
    """It did not come to its end by itself; `reason` is for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class TookTooLong(NoReply):
    """It was stopped at its time limit."""


class _Reader(threading.Thread):
    """Keeps what a pipe gives, up to a size. Beyond that the pipe is closed, which ends most
    programs, and the time limit the others."""

    def __init__(self, pipe: IO[bytes], most: int) -> None:
        super().__init__(name="ask", daemon=True)
        self._pipe, self._most = pipe, most
        self._parts: list[bytes] = []
        self.is_too_much = False
        self.ended = threading.Event()

    def run(self) -> None:
        size = 0
        with self._pipe as pipe:
            while piece := self._piece(pipe.fileno()):
                size += len(piece)
                if size > self._most:
                    self.is_too_much = True
                    return
                self._parts.append(piece)

    def _piece(self, fd: int) -> bytes:
        while not select.select([fd], [], [], _LOOK_EVERY_S)[0]:
            if self.ended.is_set():
                return b""
        return os.read(fd, _PIECE)

    def content(self) -> bytes:
        """All of it, when the program is over."""
        self.ended.set()
        self.join()
        return b"".join(self._parts)


def ask(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
    output_bytes_max: int = OUTPUT_BYTES_MAX,
) -> Reply | NoReply:
    """What the program answers, with nothing on its standard input."""
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return NoReply(f"cannot be started: {error.strerror or error}")
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [_Reader(pipe, output_bytes_max) for pipe in (process.stdout, process.stderr)]
    try:
        for reader in readers:
            reader.start()
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return TookTooLong(f"did not end within {timeout_s:g} s and was stopped")
    finally:
        if process.returncode is None:
            _kill(process)
        out, err = (reader.content() for reader in readers if reader.ident is not None)
    if any(reader.is_too_much for reader in readers):
        return NoReply(f"wrote more than {output_bytes_max // 1024} KiB")
    return Reply(code, out, err)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it and what it started (its own process group), and reap it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_REAP_TIMEOUT_S)
