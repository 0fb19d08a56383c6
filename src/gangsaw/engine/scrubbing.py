"""Secrets taken out of what programs wrote themselves: the output files of turns, checks and
setups, and what agents put beside their prompts, once the program has ended.

A secret is overwritten in place by as many bytes, so that whoever reads by offset is not led
astray. Doing it again changes nothing, so it may be cut short at any moment; a marker in the folder
says that it was done.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.core.redaction import Redactor
from gangsaw.engine.secrets import Secrets
from gangsaw.procs import Dying, Foreign, Headless, Running, Starting, probe

MARKER = "scrubbed"
OUTPUTS = ("out", "err")
TURN = "turn-"
CHUNK_BYTES = 1 << 20


def scrub(folder: Path, redactor: Redactor) -> None:
    """Overwrite every secret in the outputs of a program that has ended."""
    if redactor and folder.is_dir() and not (folder / MARKER).exists():
        durable("engine.scrub", lambda: _scrub(folder, redactor), str(folder))


def scrub_ended(folders: Iterable[Path], redactor: Redactor) -> None:
    """The same for those of the folders whose programs have ended and that are not done yet."""
    for folder in folders:
        if redactor and not (folder / MARKER).exists() and is_over(folder):
            scrub(folder, redactor)


def is_over(folder: Path) -> bool:
    """Whether nobody writes there any more."""
    return not isinstance(probe(folder), Running | Starting | Headless | Dying | Foreign)


def _scrub(folder: Path, redactor: Redactor) -> None:
    for path in (*(folder / name for name in OUTPUTS), *_beside(folder)):
        with suppress(FileNotFoundError):
            _blank(path, redactor)
    with suppress(FileNotFoundError):  # somebody removed the folder
        (folder / MARKER).touch(mode=0o600)


def _beside(turn: Path) -> list[Path]:
    """What the agent's program has put beside the prompts of this turn and of those before it,
    such as a history that every turn goes on with. A later turn may be writing its own."""
    found = []
    for path in turn.parent.glob("prompt-*.md.*") if turn.name.startswith(TURN) else ():
        number = path.name.partition(".")[0].removeprefix("prompt-")
        if number.isdigit() and int(number) <= int(turn.name.removeprefix(TURN)):
            found.append(path)
    return [path for path in found if path.is_file()]


def _blank(path: Path, redactor: Redactor) -> None:
    """Go through the file a piece at a time; each begins with the end of the one before it."""
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "r+b") as file:
        held, at = b"", 0
        while chunk := file.read(CHUNK_BYTES):
            piece = held + chunk
            clean = redactor.blank(piece)
            if clean != piece:
                file.seek(at)
                file.write(clean)
                file.flush()
                file.seek(at + len(piece))
            keep = min(redactor.longest, len(clean))
            held, at = clean[len(clean) - keep :], at + len(clean) - keep


class Scrubber:
    """Scrubs in a thread of its own, so that a long output holds nothing up."""

    def __init__(self, secrets: Secrets | None = None) -> None:
        self.secrets = secrets or Secrets()
        self._pool = ThreadPoolExecutor(1, "scrub")

    def later(self, folder: Path) -> None:
        """Scrub the outputs in a folder whose program has ended, soon."""
        if self.secrets.redactor:
            self._pool.submit(self._ended, folder)

    def later_all(self, folders: Iterable[Path]) -> None:
        """Scrub whatever a former engine has left to do."""
        if self.secrets.redactor:
            for folder in folders:
                self._pool.submit(self._ended, folder)

    def _ended(self, folder: Path) -> None:
        # What fails here, as on a full disk, is tried once more when the attempt is closed.
        with suppress(OSError):
            scrub_ended([folder], self.secrets.redactor)

    def close(self) -> None:
        """Wait until all is done."""
        self._pool.shutdown(wait=True)
