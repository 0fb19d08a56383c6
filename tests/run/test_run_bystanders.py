"""Whose number, marks or files are nearly those of an agent, and who must not be touched for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.procs.records import SpecRecord, StartedRecord, read_spec, read_started
from gangsaw.store.lock import HeldBy, WriterLock
from gangsaw.testing.decoys import Decoys, Guise
from gangsaw.testing.endstate import complaints, control_of
from gangsaw.testing.ledger import START, STOP, open_lives, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import end, is_dead, processes_of

Figure = Callable[[str, object], None]
NAMES = ("a", "b")
BODY = f"""\
{START}
i=0; until [ -e "$LEDGER.go" ] || [ $i -gt 4000 ]; do sleep 0.03; i=$((i+1)); done
echo work > $GANGSAW_TASK.txt
git add -A
git commit -qm work
{STOP}
"""


def turn_of(ground: Playground, task: str) -> Path:
    return control_of(ground).root / "attempts" / "r1" / f"{task}.1" / "turn-1"


def on_record(ground: Playground, task: str) -> StartedRecord:
    found = read_started(turn_of(ground, task))
    assert isinstance(found, StartedRecord)
    return found


def lookalikes(ground: Playground, task: str) -> list[Guise]:
    """Each has something of the live turn of that task, and none of it makes it a part."""
    turn = turn_of(ground, task)
    spec = read_spec(turn)
    assert isinstance(spec, SpecRecord)
    mark, worktree = spec.mark, Path(spec.cwd)
    return [
        Guise(("claude", "-p", mark), {"GANGSAW_MARK": f"{mark}0"}, worktree),
        Guise(("claude", "-p"), {"GANGSAW_MARK": mark[:-1]}, worktree, own_session=True),
        Guise(("codex", "exec"), {"X_GANGSAW_MARK": mark, "NOTE": f"GANGSAW_MARK={mark}"}, turn),
        Guise(("sh", "-eu", str(turn.parent / "task-prompt")), {}, worktree, own_group=True),
        Guise(("tail", "-f", str(turn / "out")), {}, turn, opened=turn / "out"),
        Guise(("less", str(turn / "err")), {}, worktree, opened=turn / "err"),
        Guise(("python3", "-I", "-S", "shim.py", "3", str(turn)), {}, turn, opened=turn / "lock"),
        Guise(("gangsaw", "run", "--plain"), {}, ground.repo, own_session=True),
    ]


def reuse_numbers(ground: Playground, task: str, shim: int, agent: int) -> None:
    """Make the record of a dead turn name these processes, which began at other times."""
    path = turn_of(ground, task) / "started"
    fields = json.loads(path.read_bytes()) | {"shim_pid": shim, "agent_pid": agent}
    path.write_text(json.dumps(fields) + "\n")


@pytest.mark.guarantee("G6")
@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_numbers_marks_and_files_of_others(
    tmp_path: Path, verb: str, record_property: Figure
) -> None:
    ground = Playground(tmp_path / "ground")
    plan = ground.plan([{"id": name, "prompt": BODY} for name in NAMES])
    engine = ground.start("run", plan, "--plain")
    ground.wait_for(lambda: len(open_lives(read_ledger(ground.ledger))) == len(NAMES), "agents")
    engine.kill()
    engine.wait(60)

    agent_of_b = on_record(ground, "b").agent.pid
    decoys = Decoys(tmp_path / "decoys", lookalikes(ground, "b"))
    ground.wait_for(decoys.are_up, "the decoys")
    dead = on_record(ground, "a")
    for pid in (dead.shim.pid, dead.agent.pid):
        end(pid)
        ground.wait_for(lambda pid=pid: is_dead(pid), "the end of a's turn")  # type: ignore[misc]
    reuse_numbers(ground, "a", decoys.pids[0], decoys.pids[1])

    assert ground.call(verb).returncode == 0
    ground.wait_for(lambda: is_dead(agent_of_b), "the end of b's agent")
    ours = {found.pid for found in processes_of(ground.root)} - set(decoys.pids)
    assert ours == set()
    Path(f"{ground.ledger}.go").touch()
    assert ground.call("run").returncode == 0
    assert not isinstance(WriterLock.holder(control_of(ground).lock), HeldBy)
    assert decoys.harmed() == []
    count = len(decoys.pids)
    decoys.close()
    assert complaints(ground, dict.fromkeys(NAMES, ())) == []
    record_property(
        "figure",
        f"bystanders of `{verb}`: {count} processes with reused numbers, nearly the marks, or the "
        "files of a turn; 0 signals received",
    )


def test_a_signal_to_a_decoy_is_seen(tmp_path: Path) -> None:
    decoys = Decoys(tmp_path, [Guise(("claude",)), Guise(("codex",), own_session=True)])
    ground = Playground(tmp_path / "ground")
    ground.wait_for(decoys.are_up, "the decoys")
    assert decoys.harmed() == []
    assert end(decoys.pids[1])
    ground.wait_for(lambda: is_dead(decoys.pids[1]), "its end")
    assert decoys.harmed() == [f"{decoys.pids[1]} ended with -9"]
    decoys.close()
