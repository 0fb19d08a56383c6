"""Killing the engine disturbs no agent: fifty of them are adopted by the next one, whole."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import open_journal
from gangsaw.testing.endstate import complaints, control_of
from gangsaw.testing.ledger import START, STOP, open_lives, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import is_dead, processes_of

AGENTS = 50
ADOPTED_MAX_S = 20.0
"""Of a machine that is busy with other things. On a quiet one it is well below two seconds."""
LINES = 40
BODY = f"""\
{START}
i=0
while [ $i -lt {LINES} ]; do echo "$GANGSAW_TASK before $i"; i=$((i+1)); done
read word < "$GO.$GANGSAW_TASK"
i=0
while [ $i -lt {LINES} ]; do echo "$GANGSAW_TASK after $i"; i=$((i+1)); done
echo "$GANGSAW_TASK" > "$GANGSAW_TASK.txt"
git add -A
git commit -qm work
{STOP}
"""
"""Waits at a pipe for a word, which costs nothing."""
Figure = Callable[[str, object], None]


def wanted_output(name: str) -> list[str]:
    return [f"{name} {when} {i}" for when in ("before", "after") for i in range(LINES)]


def agents_on_record(ground: Playground) -> int:
    """How many agents the engine knows to run; none before it has made its log."""
    found = 0
    with suppress(NoJournal), open_journal(control_of(ground).journal, writer=False) as journal:
        found = sum(row.kind == "turn.started" for row in journal.read("r1"))
    return found


def watched_by(pid: int) -> set[int]:
    """The processes whose end that process is told by the kernel, through descriptors of them."""
    found: set[int] = set()
    for file in Path(f"/proc/{pid}/fdinfo").glob("*"):
        with suppress(OSError):
            words = [line.split() for line in file.read_text().splitlines()]
            found |= {int(word[1]) for word in words if word[0] == "Pid:"}
    return found


def cpu_of(pid: int) -> float:
    """Seconds of processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.guarantee("G5")
def test_fifty_agents_are_adopted(tmp_path: Path, record_property: Figure) -> None:
    names = [f"t{n:02}" for n in range(AGENTS)]
    go = tmp_path / "go"
    ground = Playground(tmp_path / "ground", max_agents=AGENTS, env={"GO": str(go)})
    text = (ground.repo / "gangsaw.toml").read_text()
    ground.write("gangsaw.toml", text.replace('["LEDGER"]', '["LEDGER", "GO"]\nmemory_max_mb = 64'))
    ground.git("commit", "-q", "-am", "settings")
    plan = ground.plan([{"id": name, "prompt": BODY} for name in names])
    for name in names:
        os.mkfifo(f"{go}.{name}")

    first = ground.start("run", plan, "--plain")
    ground.wait_for(lambda: len(open_lives(read_ledger(ground.ledger))) == AGENTS, "50 agents")
    ground.wait_for(lambda: agents_on_record(ground) == AGENTS, "50 agents on record")
    first.kill()
    first.wait(60)
    agents = open_lives(read_ledger(ground.ledger))
    assert not [pid for pid in agents.values() if is_dead(pid)]
    shims = {found.pid for found in processes_of(ground.root) if found.is_shim}
    assert len(shims) == AGENTS

    began = time.monotonic()
    second = ground.start("run", plan, "--plain")
    ground.wait_for(lambda: shims <= watched_by(second.pid), "50 agents adopted", ADOPTED_MAX_S)
    adopted_s, cpu_s = time.monotonic() - began, cpu_of(second.pid)
    assert open_lives(read_ledger(ground.ledger)) == agents
    for name in names:
        with open(f"{go}.{name}", "w") as pipe:
            pipe.write("go\n")

    assert second.wait(300) == 0, (ground.root / "output").read_text()
    assert complaints(ground, dict.fromkeys(names, ())) == []
    attempts = control_of(ground).root / "attempts" / "r1"
    outputs = {name: attempts / f"{name}.1" / "turn-1" / "out" for name in names}
    assert {name: outputs[name].read_text().splitlines() for name in names} == {
        name: wanted_output(name) for name in names
    }
    record_property(
        "figure",
        f"adoption: {AGENTS} live agents adopted {adopted_s:.2f} s after the start of the next "
        f"engine (its processor time {cpu_s:.2f} s), none disturbed, their output complete, "
        f"{AGENTS} landed",
    )
