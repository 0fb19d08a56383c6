"""Where the setup of a worktree is recorded: never does a second one run beside the first."""

from __future__ import annotations

from gangsaw.engine.effects.setup import folder_of
from tests.process.turns import Room, shell


def test_a_setup_under_way_is_taken_up_and_one_that_failed_is_done_anew(room: Room) -> None:
    go = room.root / "go"
    waiting = f"while [ ! -e {go} ]; do sleep 0.02; done; exit "
    first, second = room.folder("setup-t.1.0"), room.folder("setup-t.1.1")
    assert folder_of(room.root, "t.1") == first

    room.launch(shell(waiting + "7"), first.name)
    room.started(first.name)
    assert folder_of(room.root, "t.1") == first
    go.touch()
    room.finished(first.name)
    assert folder_of(room.root, "t.1") == second

    room.run(shell("exit 0"), second.name)
    assert folder_of(room.root, "t.1") == second
