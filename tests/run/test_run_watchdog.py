"""The watchdog with the real program: the engine is stopped or dead, an agent eats all there is for
the agents of the run, and is ended; the engine (this one or the next) tells it as what it was.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gangsaw.procs import sentry
from gangsaw.procs.records import read_note
from gangsaw.testing import scripted_load
from gangsaw.testing.decoys import Decoys, guises
from gangsaw.testing.ledger import START, STOP
from gangsaw.testing.processes import is_dead, processes_of
from tests.run.broken_stage import GATE, Site, gated

Figure = Callable[[str, object], None]
BUDGET_MB = 3000
"""Two agents of which nothing is known yet find room in it."""
EATEN_MIB = 3200
EAT = (
    f'{sys.executable} -I -c "import sys; '
    f"sys.path.insert(0, '{Path(scripted_load.__file__).parent}'); import scripted_load as load; "
    f'load.eat(load.Eating(\'daemon\', {EATEN_MIB}, 1600, 120, sys.argv[1]), print)" "$LEDGER.fed"'
)
FED = '[ -e "$LEDGER.fed" ]'


def eater(name: str) -> dict[str, Any]:
    """Once it is let go, it eats in a daemon of its own session; its second life does not."""
    first = f"{FED} || {{ {GATE}; {FED} || {{ {EAT}; sleep 600; }}; }}"
    body = [START, first, f"echo {name} > {name}.txt", "git add -A",
            f"git commit -qm 'Work of {name}'", STOP]  # fmt: skip
    return {"id": name, "title": f"Task {name}", "attempts": 1, "prompt": "\n".join(body)}


def watchdogs(site: Site) -> list[int]:
    found = processes_of(site.ground.root)
    return [
        one.pid for one in found if any(Path(arg).stem.startswith("sentry") for arg in one.argv)
    ]


def make_site(tmp_path: Path) -> Site:
    site = Site(tmp_path, [eater("a"), gated("b")], max_agents=2)
    site.setting("memory_floor_pct = 1", "memory_floor_pct = 20")
    site.setting("[machine]", f"[machine]\nmemory_budget_mb = {BUDGET_MB}")
    return site


@pytest.mark.guarantee("G6")
@pytest.mark.parametrize("engine_is", ["stopped", "killed"])
def test_an_eater_is_ended_without_an_engine(
    tmp_path: Path, engine_is: str, record_property: Figure
) -> None:
    site = make_site(tmp_path)
    decoys = Decoys(tmp_path / "decoys", guises(10, site.ground.repo, tmp_path / "gone"))
    turn = site.control.root / "attempts/r1/a.1/turn-1"
    with site.engine() as engine:
        site.wait_started("a.1", "b.1")
        site.ground.wait_for(lambda: len(watchdogs(site)) == 1, "the watchdog")
        other = site.alive()["b.1"]
        if engine_is == "stopped":
            engine.send_signal(signal.SIGSTOP)
        else:
            engine.kill()
            engine.wait(60)
        site.let_go("a")
        site.ground.wait_for((turn / "exit").exists, "the end of the eater")
        note = read_note(turn)
        assert note is not None
        assert note.used_mb > BUDGET_MB * 0.95
        assert not is_dead(other)
        Path(f"{site.ground.ledger}.fed").touch()
        site.let_go("a", "b")
        if engine_is == "stopped":
            engine.send_signal(signal.SIGCONT)
            assert engine.wait(120) == 0, site.said()
        else:
            done = site.ground.call("run", "--plain")
            assert done.returncode == 0, done.stdout + done.stderr
        assert watchdogs(site) == []
        assert decoys.harmed() == []
        decoys.close()
    stopped = site.bodies("watchdog.stopped")
    assert [(one["attempt"], one["launch"]) for one in stopped] == [("a.1", 1)]
    assert [body["cause"] for body in site.bodies("stop.wanted")] == ["memory"]
    assert site.bodies("attempt.failed") == []
    assert site.ground.statuses() == {"a": "landed", "b": "landed"}
    assert site.state.task_states["a"].memory_stops == 1
    record_property(
        "figure",
        f"watchdog, engine {engine_is}: an agent of {note.used_mb:.0f} MB (budget {BUDGET_MB} MB) "
        "in a daemon of its own session ended; 0 tries used up, 1 other agent and 10 decoys "
        "untouched; both tasks landed",
    )


def test_a_watchdog_that_is_killed_is_started_again(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    with site.engine() as engine:
        site.wait_started("b.1")
        site.ground.wait_for(lambda: len(watchdogs(site)) == 1, "the watchdog")
        (first,) = watchdogs(site)
        os.kill(first, signal.SIGKILL)
        ended = site.wait_event("watchdog.ended")
        assert ended == {"text": "it ended with -9", "again": True}
        site.ground.wait_for(lambda: watchdogs(site) not in ([], [first]), "the next one")
        site.wait_said("the watchdog is not there: it ended with -9; it is started again")
        Path(f"{site.ground.ledger}.fed").touch()
        site.let_go("a", "b")
        assert engine.wait(120) == 0, site.said()
        assert watchdogs(site) == []


def test_no_watchdog_where_memory_is_not_to_be_watched(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.setting("memory_floor_pct = 20", "memory_floor_pct = 0")
    with site.engine() as engine:
        site.wait_started("a.1", "b.1")
        assert not (site.control.root / "attempts/r1" / sentry.CONF).exists()
        Path(f"{site.ground.ledger}.fed").touch()
        site.let_go("a", "b")
        assert engine.wait(120) == 0, site.said()
