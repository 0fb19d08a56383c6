"""Whoever watches is replaced: fifty live turns are taken over, and none of them is disturbed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.launch import Ended
from tests.process.turns import PATH, Room, Way, shell, spawn_python, until

AGENTS = 50
ADOPTED_MAX_S = 20.0
"""Far above what it takes, for a busy machine; the figure says what it took."""
LAUNCHER = """if True:
    import sys
    from pathlib import Path
    from gangsaw import procs
    from gangsaw.core.launch import LaunchSpec
    root, path, script, *marks = sys.argv[1:]
    watch = procs.Watch()
    for number, mark in enumerate(marks):
        env = (("PATH", path), ("N", str(number)))
        spec = LaunchSpec(("sh", "-c", script), "/", env)
        folder = Path(root) / str(number)
        procs.launch(folder, spec, mark=mark, grace_s=1)
        watch.add(folder)
    print("launched", flush=True)
    watch.wait(3600)
"""


def expected(number: int) -> bytes:
    """What an agent has written when it ends by itself."""
    lines = [f"{number} begins", *(f"{number} {line} " + "x" * 200 for line in range(100))]
    return ("\n".join([*lines, f"{number} ends"]) + "\n").encode()


@pytest.mark.guarantee("G5")
def test_fifty_live_turns_are_adopted_after_the_death_of_their_watcher(
    room: Room, record_property: Callable[..., None]
) -> None:
    names = [str(number) for number in range(AGENTS)]
    folders = [room.folder(name) for name in names]
    go = room.root / "go"
    line = "x" * 200
    script = (
        f"echo $N begins; while [ ! -e {go} ]; do sleep 0.5; done; "
        f'i=0; while [ $i -lt 100 ]; do echo "$N $i {line}"; i=$((i+1)); done; '
        "echo $N ends; exit $((N + 1))"
    )
    marks = [room.marks[folder] for folder in folders]
    engine = spawn_python(LAUNCHER, str(room.root), PATH, script, *marks, way=room.way)
    assert engine.stdout is not None
    assert engine.stdout.readline() == "launched\n"
    before = [room.started(name) for name in names]
    engine.kill()
    engine.communicate()

    with procs.Watch() as watch:
        begin = time.monotonic()
        found = [procs.probe(folder) for folder in folders]
        for folder in folders:
            watch.add(folder)
        at_once = watch.wait(0)
        took_s = time.monotonic() - begin
        assert found == [procs.Running(record) for record in before]
        assert at_once == set()
        assert took_s < ADOPTED_MAX_S
        go.touch()
        ended: set[Path] = set()

        def all_ended() -> bool:
            ended.update(watch.wait(1.0))
            return len(ended) == AGENTS

        until(all_ended, "all ends")
        assert ended == set(folders)
    for number, name in enumerate(names):
        assert room.finished(name).outcome == Ended(code=number + 1, signal=None)
        output = (room.folder(name) / "out").read_bytes()
        assert hashlib.sha256(output).digest() == hashlib.sha256(expected(number)).digest()
    assert room.leftovers() == []
    if room.way is Way.NURSERY:
        record_property(
            "figure",
            f"G5 {AGENTS} live turns adopted in {took_s:.3f} s ({took_s / 2:.1%} of 2 s), "
            "their output complete",
        )


def test_a_turn_that_ended_while_nobody_watched_is_told_exactly(room: Room) -> None:
    """The watcher dies first; the agent ends with nobody there but its shim."""
    folder, go = room.folder("0"), room.root / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.02; done; echo alone; exit 42"
    engine = spawn_python(LAUNCHER, str(room.root), PATH, script, room.marks[folder], way=room.way)
    assert engine.stdout is not None
    assert engine.stdout.readline() == "launched\n"
    room.started("0")
    engine.kill()
    engine.communicate()
    go.touch()
    assert room.finished("0").outcome == Ended(code=42, signal=None)
    with procs.Watch() as watch:
        watch.add(folder)
        assert watch.wait(60) == {folder}
    assert room.launch(shell("exit 1"), "0") == procs.AlreadyClaimed()
    assert room.output("0") == "alone\n"
