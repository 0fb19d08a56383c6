"""`gangsaw machine`: the machine, and what agents use of it."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

from gangsaw.testing.playground import Playground
from gangsaw.views.schemas import printed_schema
from tests.cli.shapes import misfits

LINE = re.compile(
    r"\[\d\d:\d\d:\d\d\] Memory: \d+% \| CPU: (\d+%|–) \| Disk: \d+% \| "
    r"Agent Processes: (\d+) \((\d+)MB\)"
)
# Holds 60 MB, in a daemon in a session of its own.
EATER = """\
setsid -f python3 -c "
import os, time
held = bytearray(os.urandom(60 << 20))
open('held', 'w').close()
time.sleep(600)
"
while ! test -e held; do sleep 0.05; done
touch "$LEDGER.held"
sleep 600
"""


def test_without_a_run(pg: Playground) -> None:
    done = pg.call("machine", "--json")
    told = json.loads(done.stdout)
    assert misfits(told, printed_schema("machine")) == []
    assert (told["agents"], told["run"], told["agent_processes"]) == ([], None, 0)
    assert 0 <= told["processors"]["used_pct"] <= 100
    assert told["limits"]["memory_max_pct"] == 99.0
    text = pg.call("machine").stdout.splitlines()
    assert LINE.fullmatch(text[0])
    assert text[-1] == "No agent is alive."


def test_outside_of_any_repository(pg: Playground, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    done = pg.call("machine", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert LINE.match(done.stdout)


def test_what_cannot_start_an_agent_is_said(pg: Playground) -> None:
    pg.env = {"DISK_THRESHOLD": "0.001", "MEMORY_THRESHOLD": "0"}
    told = json.loads(pg.call("machine", "--json").stdout)
    assert [text.split()[1:4] for text in told["short"]] == [
        ["%", "of", "memory"], ["%", "of", "disk"],
    ]  # fmt: skip
    assert "! no agent starts: " in pg.call("machine").stdout


def test_each_live_agent_with_all_its_processes(pg: Playground) -> None:
    plan = pg.plan([{"id": "eats", "prompt": EATER, "workspace": "none"}])
    engine = pg.start("run", plan, "--plain")
    try:
        held = pg.root / "ledger.held"
        pg.wait_for(held.exists, "the memory")
        told = json.loads(pg.call("machine", "--json").stdout)
        assert misfits(told, printed_schema("machine")) == []
        (agent,) = told["agents"]
        assert (agent["attempt"], agent["agent"], agent["launch"]) == ("eats.1", "sh", 1)
        assert agent["rss_mb"] >= agent["pss_mb"] >= 60
        # sh, sleep, the daemon and the shim
        assert agent["processes"] >= 4
        assert told["agent_processes"] == agent["processes"]
        assert told["engine_pid"] == engine.pid
        line = LINE.match(pg.call("machine").stdout)
        assert line is not None
        assert (int(line[2]) >= 4, int(line[3]) >= 60) == (True, True)
    finally:
        pg.call("kill")
        engine.wait(60)
    assert json.loads(pg.call("machine", "--json").stdout)["agents"] == []


def test_the_watch_prints_a_line_each_time(pg: Playground) -> None:
    pg.env = {"CHECK_INTERVAL": "0.2"}
    watching = pg.start("machine", "--watch")
    output = pg.root / "output"
    pg.wait_for(lambda: output.read_text().count("\n") >= 3, "three lines")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) == 130
    lines = [line for line in output.read_text().splitlines() if line]
    assert all(LINE.fullmatch(line) for line in lines)
    # A use of processors needs two readings.
    assert "CPU: –" in lines[0]
    assert "CPU: –" not in lines[1]


def test_the_watch_prints_an_object_a_line(pg: Playground) -> None:
    pg.env = {"CHECK_INTERVAL": "0.2"}
    watching = pg.start("machine", "--watch", "--json")
    output = pg.root / "output"
    pg.wait_for(lambda: output.read_text().count("\n") >= 2, "two lines")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) == 130
    for line in filter(None, output.read_text().splitlines()):
        assert misfits(json.loads(line), printed_schema("machine")) == []
