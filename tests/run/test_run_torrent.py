"""However much an agent writes, the engine's memory stays flat and the notes stay right."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gangsaw.engine.launches import OUTPUT_READ_MAX
from gangsaw.testing.playground import Playground
from tests.run import torrent

Figure = Callable[[str, object], None]
SIZE_MB = 200
LINE_MB = 50
GROWTH_MB_MAX = 60

AFTERWARDS = """\
echo begun >> "$LEDGER"
n=0
until test -e '{gate}'; do n=$((n + 1)); test $n -lt 6000; sleep 0.05; done
echo x > x
"""


def peak_mb(pid: int) -> float:
    """The most memory that the process ever had, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def run_torrent(
    root: Path, size_mb: float, line_mb: float, hole_mb: int = 0
) -> tuple[Playground, float, float]:
    """The playground after a run whose only agent wrote so much, the engine's peak in MB, and the
    seconds from the end of the agent to the end of its turn."""
    pg = Playground(root)
    binary = root / "claude"
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} {torrent.__file__} "$@"\n')
    binary.chmod(0o755)
    pg.settings(
        f'[agents.flood]\nkind = "claude"\nbinary = "{binary}"\n'
        f'env = {{TORRENT_MB = "{size_mb}", TORRENT_LINE_MB = "{line_mb}", '
        f'TORRENT_HOLE_MB = "{hole_mb}"}}\n'
    )
    gate = root / "gate"
    # The second agent keeps the engine alive until its memory has been looked at.
    tasks: list[dict[str, Any]] = [
        {"id": "flood", "title": "flood", "prompt": "write", "agent": "flood"},
        {"id": "later", "title": "later", "prompt": AFTERWARDS.format(gate=gate),
         "needs": ["flood"]},
    ]  # fmt: skip
    engine = pg.start("run", pg.plan(tasks))
    try:
        pg.wait_for(lambda: bool(pg.ledger_lines()), "the second agent")
        peak = peak_mb(engine.pid)
    finally:
        gate.touch()
    assert engine.wait(120) == 0
    out = next(path for path in (pg.repo / ".git/gangsaw").rglob("out") if "flood.1" in str(path))
    exited = next(event for event in pg.events() if event["kind"] == "turn.exited")
    assert size_mb < SIZE_MB or out.stat().st_size >= 0.97 * size_mb * torrent.MB
    late_s = exited["at"] - out.stat().st_mtime
    out.unlink()  # pytest keeps the folders of three runs
    return pg, peak, late_s


def facts(pg: Playground) -> dict[str, Any]:
    """What is known of the flooding task, but for moments and sizes."""
    task = next(task for task in pg.status()["tasks"] if task["id"] == "flood")
    events = [event for event in pg.events() if event["subject"] == "flood.1"]
    sessions = [event["body"]["session"] for event in events if event["kind"] == "session.opened"]
    used = [event["body"] for event in events if event["kind"] == "usage.reported"]
    exits = [event["body"] for event in events if event["kind"] == "turn.exited"]
    return {
        "status": task["status"],
        "tokens": task["tokens"],
        "cost": task["cost"],
        "sessions": sessions,
        "last usage": (used[-1]["input_tokens"], used[-1]["output_tokens"], used[-1]["cost_usd"]),
        "outcomes": [(body["outcome"], body["text"]) for body in exits],
    }


RIGHT = {
    "status": "landed",
    "tokens": torrent.TOKENS_IN + torrent.TOKENS_OUT,
    "cost": torrent.COST_USD,
    "sessions": [torrent.SESSION],
    "last usage": (torrent.TOKENS_IN, torrent.TOKENS_OUT, torrent.COST_USD),
    "outcomes": [("done", "all written")],
}


def test_two_hundred_megabytes(tmp_path: Path, record_property: Figure) -> None:
    small, before_mb, _ = run_torrent(tmp_path / "small", 1, 0.1)
    large, after_mb, late_s = run_torrent(tmp_path / "large", SIZE_MB, LINE_MB)
    told = len([event for event in large.events() if event["kind"] == "usage.reported"])
    record_property(
        "figure",
        f"{SIZE_MB} MB of stream, one line of {LINE_MB} MB, invalid UTF-8: the engine's peak is "
        f"{after_mb:.0f} MB, {before_mb:.0f} MB for 1 MB of stream; read to its end {late_s:.1f} s "
        f"after it was written; {told} events of usage",
    )
    assert facts(small) == RIGHT
    assert facts(large) == RIGHT
    assert after_mb - before_mb < GROWTH_MB_MAX
    # Of hundred thousand messages each tells its usage; a look at the output makes one event.
    assert told < 1000


def test_of_more_output_than_is_read_the_beginning_and_the_end_count(tmp_path: Path) -> None:
    hole_mb = 3 * OUTPUT_READ_MAX // torrent.MB
    pg, peak, _ = run_torrent(tmp_path, 1, 0.1, hole_mb)
    assert facts(pg) == RIGHT
    assert peak < hole_mb
