"""`gangsaw kill` with twenty agents of the worst sort: they ignore TERM, leave daemons, eat memory,
fork without end. It works whatever the engine and its journal are able to do, and ends nobody else.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.decoys import Decoys, guises
from gangsaw.testing.processes import processes_of
from tests.run.broken_stage import Site, fill, small_disk

Figure = Callable[[str, object], None]
KINDS: dict[str, str] = {
    "deaf": "ignore-term\nfork-daemon 600\nwait {gate}",
    "bomb": "ignore-term\nfork-bomb daemon 60 150\nwait {gate}",
    "eater": "ignore-term\neat session 300 0 until {gate}",
    "quiet": "fork-daemon 600\nwait {gate}",
}
AGENTS = (*["deaf"] * 8, *["bomb"] * 2, *["eater"] * 3, *["quiet"] * 7)
RUNNING = len(AGENTS) + 2 * 50
"""At least so many processes of agents there are when all have begun."""
GRACE_S = 5
FULL_MB = 32


def twenty(root: Path) -> list[dict[str, Any]]:
    return [
        {
            "id": f"t{n:02}",
            "title": f"{kind} {n}",
            "agent": "scripted",
            "prompt": "#!script\n" + KINDS[kind].format(gate=root / "never"),
        }
        for n, kind in enumerate(AGENTS)
    ]


def of_agents(site: Site, decoys: Decoys) -> list[int]:
    """Those of agents; the decoys look like some."""
    found = (one.pid for one in processes_of(site.ground.root) if one.is_agent)
    return [pid for pid in found if pid not in decoys.pids]


def eating(site: Site) -> int:
    """How many agents say that they are full."""
    outs = site.control.root.glob("attempts/r1/*/turn-1/out")
    return sum("ate 300 MiB" in out.read_text() for out in outs)


@contextmanager
def locked(journal: Path) -> Iterator[None]:
    """Somebody else keeps the journal from being written, or read anew."""
    other = sqlite3.connect(journal, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


@pytest.mark.usefixtures("own_mounts")
@pytest.mark.guarantee("G6")
@pytest.mark.parametrize("trouble", ["alive", "killed", "stopped", "locked", "full"])
def test_the_kill_switch(tmp_path: Path, trouble: str, record_property: Figure) -> None:
    site = Site(tmp_path, twenty(tmp_path), max_agents=len(AGENTS))
    site.setting("grace_s = 2", f"grace_s = {GRACE_S}")
    decoys = Decoys(tmp_path / "decoys", guises(10, site.ground.repo, tmp_path / "gone"))
    with ExitStack() as stack:
        full = trouble == "full"
        disk = stack.enter_context(small_disk(site.ground.repo / ".git", FULL_MB)) if full else None
        engine = stack.enter_context(site.engine())
        site.ground.wait_for(lambda: len(of_agents(site, decoys)) >= RUNNING, "all the agents")
        site.ground.wait_for(lambda: eating(site) == 3, "the eaters")
        if trouble == "killed":
            engine.kill()
            engine.wait(60)
        elif trouble == "stopped":
            engine.send_signal(signal.SIGSTOP)
        elif trouble == "locked":
            stack.enter_context(locked(site.control.journal))
        elif disk is not None:
            fill(disk)
        count = len(of_agents(site, decoys))
        began = time.monotonic()
        watched = site.ground.start("kill")
        site.ground.wait_for(lambda: not of_agents(site, decoys), "the end of the agents")
        took_s = time.monotonic() - began
        code = watched.wait(60)
        # An engine that is stopped cannot end, and it is said; no agent is left all the same.
        assert code == (1 if trouble == "stopped" else 0), site.said()
        shims = [one.argv for one in processes_of(site.ground.root) if one.is_shim]
        assert shims == []
        # Of ours: what an agent says whose disk is full is told within a line.
        assert not any(line.startswith("Traceback") for line in site.said().splitlines())
        assert ("it ends as soon as it goes on" in site.said()) == (trouble == "stopped")
        if trouble == "stopped":
            assert os.waitpid(engine.pid, os.WNOHANG) == (0, 0)
        assert decoys.harmed() == []
        decoys.close()
    assert took_s < GRACE_S + 2, site.said()
    record_property(
        "figure",
        f"kill switch (engine or journal {trouble}): 20 agents, {count} processes (fork bombs, "
        f"eaters, daemons, deaf to TERM), none left after {took_s:.1f} s; 0 signals to 10 decoys",
    )
