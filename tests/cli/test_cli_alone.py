"""Each module can be the first one that is imported: commands are imported one at a time, by
processes that have imported nothing else before."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import gangsaw
import gangsaw.cli.commands as commands

# A fork for each, of an interpreter that knows nothing of the program yet.
FIRST = """
import importlib, os, sys
for name in sys.argv[1:]:
    pid = os.fork()
    if pid == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(f"{name}: {error!r}", flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""


def first(*names: str) -> list[str]:
    """What importing each of them first came to, where that was an error."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST, *names], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_every_command_can_be_imported_first() -> None:
    names = [f"{commands.__name__}.{each.name}" for each in pkgutil.iter_modules(commands.__path__)]
    assert len(names) > 30
    assert first(*names) == []


def test_every_room_can_be_imported_first() -> None:
    names = [f"gangsaw.{each.name}" for each in pkgutil.iter_modules(gangsaw.__path__)]
    assert first(*(name for name in names if not name.endswith("__main__"))) == []


def test_what_cannot_be_imported_is_named() -> None:
    assert "No module named" in first("gangsaw.cli.commands.nowhere")[0]
