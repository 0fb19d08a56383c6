"""What looking at the machine costs: one survey of all processes, and the exact size of a few."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gangsaw.meters import Root, exact, read_machine, survey
from gangsaw.testing.bench_figures import Cost, Figure, measure

PROCESSES = 100
TREES = 10
ROUNDS = 15
_TREE = """
import os, sys, time
for n in range(int(sys.argv[1]) - 1):
    if os.fork() == 0:
        break
time.sleep(600)
"""


def meters_costs(quick: bool) -> list[Figure]:
    """A hundred processes in ten trees, beside psutil on the same."""
    rounds = 5 if quick else ROUNDS
    with _trees() as roots:
        ours = [measure(lambda: survey().tree(roots[:1])) for _ in range(rounds)]
        all_trees = [measure(lambda: _every(roots)) for _ in range(rounds)]
        sizes = [measure(lambda: exact(survey().tree(roots))) for _ in range(rounds)]
        theirs = [measure(lambda: _by_psutil(roots)) for _ in range(rounds)]
        count = len(survey().tree(roots).pids)
        there = sum(name.isdigit() for name in os.listdir("/proc"))
    reading = measure(lambda: [read_machine(Path("/")) for _ in range(100)])
    return [
        Figure(f"survey of {there} processes, one tree: CPU", _cpu_ms(ours), "ms"),
        Figure("the same for each 100 processes", _cpu_ms(ours) * 100 / there, "ms"),
        Figure(f"survey of {there} processes, {TREES} trees of {count}: CPU",
               _cpu_ms(all_trees), "ms"),
        Figure(f"and the exact size of these {count}: CPU", _cpu_ms(sizes), "ms"),
        Figure(f"psutil, {TREES} trees of {count}: CPU", _cpu_ms(theirs), "ms"),
        Figure("reading of the machine: CPU", reading.cpu_s * 10, "ms"),
    ]  # fmt: skip


def _cpu_ms(costs: list[Cost]) -> float:
    return statistics.median(cost.cpu_s for cost in costs) * 1000


def _every(roots: list[Root]) -> None:
    seen = survey()
    for root in roots:
        seen.tree([root])


def _by_psutil(roots: list[Root]) -> None:
    import psutil

    for root in roots:
        tree = psutil.Process(root.pid)
        for process in (tree, *tree.children(recursive=True)):
            process.memory_info()


@contextmanager
def _trees() -> Iterator[list[Root]]:
    """Ten trees of ten processes, each in a session of its own."""
    size = PROCESSES // TREES
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        script = Path(folder) / "tree.py"
        script.write_text(_TREE)
        argv = [sys.executable, "-I", "-S", str(script), str(size)]
        made = [subprocess.Popen(argv, start_new_session=True) for _ in range(TREES)]
        try:
            roots = [Root(process.pid, 0) for process in made]
            deadline = time.monotonic() + 60
            while len(survey().tree(roots).pids) < PROCESSES and time.monotonic() < deadline:
                time.sleep(0.02)
            yield roots
        finally:
            for process in made:
                os.killpg(process.pid, 9)
                process.wait()
