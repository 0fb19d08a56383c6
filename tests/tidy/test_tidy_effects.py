"""Effect spread: in how many files the program starts processes, speaks SQL, reads the clock.

The numbers are recorded in `effect_spread.toml`. One may grow only with a decision record which
says why, named beside it.
"""

from __future__ import annotations

import ast
import tomllib

import pytest

from tests.tidy.sources import ROOT, Figures, Module, imports, modules

RECORDED = ROOT / "tests" / "tidy" / "effect_spread.toml"
EXEMPT_ROOMS = frozenset({"testing"})

PROCESS_MODULES = frozenset({"subprocess", "multiprocessing", "pty"})
PROCESS_CALLS = frozenset(
    "os.fork os.forkpty os.posix_spawn os.posix_spawnp os.system os.popen "
    "os.execv os.execve os.execvp os.execvpe os.execl os.execle os.execlp os.execlpe".split()
)
CLOCK_CALLS = frozenset(
    "time.time time.time_ns time.monotonic time.monotonic_ns time.perf_counter "
    "time.perf_counter_ns time.sleep time.localtime time.gmtime datetime.now datetime.utcnow "
    "datetime.today date.today datetime.datetime.now datetime.datetime.utcnow "
    "datetime.date.today".split()
)


def mentions(module: Module) -> set[str]:
    """Dotted names that a module speaks of: imported, or written as `a.b` or `a.b.c`."""
    found = set(imports(module))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
    return found


def effects(module: Module) -> set[str]:
    """Which of the counted effects a module has."""
    spoken = mentions(module)
    found = set()
    if spoken & (PROCESS_MODULES | PROCESS_CALLS):
        found.add("processes")
    if "sqlite3" in spoken:
        found.add("sql")
    if spoken & CLOCK_CALLS:
        found.add("clock")
    return found


def spread() -> dict[str, list[str]]:
    """Files by effect."""
    found: dict[str, list[str]] = {"processes": [], "sql": [], "clock": []}
    for module in modules():
        if module.room not in EXEMPT_ROOMS:
            for effect in effects(module):
                found[effect].append(module.path)
    return found


@pytest.mark.parametrize("effect", ["processes", "sql", "clock"])
def test_effects_stay_where_they_are(effect: str, record_property: Figures) -> None:
    recorded = tomllib.loads(RECORDED.read_text())[effect]
    paths = spread()[effect]
    record_property("figure", f"effect spread, {effect}: {len(paths)} files")

    listing = "\n  ".join(paths)
    assert len(paths) <= recorded["files"], (
        f"more files with the effect '{effect}': pass a value instead, or write a decision record "
        f"and raise the number in {RECORDED.name}:\n  {listing}"
    )
    assert len(paths) == recorded["files"], f"fewer files: lower the number to {len(paths)}"


@pytest.mark.parametrize("effect", ["processes", "sql", "clock"])
def test_recorded_numbers_name_their_decision(effect: str) -> None:
    decision = tomllib.loads(RECORDED.read_text())[effect]["decision"]
    assert list((ROOT / "docs" / "decisions").glob(f"{decision}-*.md"))


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("import subprocess", "processes"),
        ("import os\nos.fork()", "processes"),
        ("from os import execve", "processes"),
        ("def f():\n    import sqlite3", "sql"),
        ("from time import monotonic", "clock"),
        ("import time\nstart = time.time", "clock"),
        ("import datetime\ndatetime.datetime.now(tz)", "clock"),
    ],
)
def test_the_count_sees_every_way(text: str, effect: str) -> None:
    assert effects(Module("gangsaw.x.y", "src/gangsaw/x/y.py", text, ast.parse(text))) == {effect}


def test_turning_a_known_time_into_text_is_no_clock() -> None:
    text = "import datetime\nimport time\ndatetime.datetime.fromtimestamp(at)\ntime.strftime(form)"
    assert not effects(Module("gangsaw.x.y", "src/gangsaw/x/y.py", text, ast.parse(text)))
