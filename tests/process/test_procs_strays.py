"""Turns whose folder was removed, moved or is unknown: found by mark and place, ended, told."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gangsaw import procs
from tests.process.turns import FACT_MAX_S, PATH, Room, shell, sigkill, until

LIVE = (
    "setsid sleep 86399 & (setsid sleep 86399 </dev/null >/dev/null 2>&1 &) ; "
    "echo up; exec sleep 86399"
)


def live(room: Room, script: str = LIVE) -> Path:
    """A turn folder three levels below the root, as the engine lays them out, with a live turn."""
    name = "r1/docs.1/turn-1"
    folder = room.folder(name)
    room.marks[folder] = "r1-docs.1-" + room.marks[folder]
    assert isinstance(room.launch(shell(script), name), procs.Started)
    room.started(name)
    until(lambda: (folder / "out").exists() and "up" in room.output(name), "the agent")
    return folder


@pytest.mark.parametrize("shim_dead", [False, True])
def test_a_removed_folder_of_a_live_turn_is_noticed_and_its_tree_ended(
    room: Room, shim_dead: bool
) -> None:
    folder = live(room)
    record = room.started("r1/docs.1/turn-1")
    if shim_dead:
        sigkill(record.shim.pid)
        until(lambda: not isinstance(procs.probe(folder), procs.Running), "the shim's end")
    shutil.rmtree(folder.parent)
    assert procs.probe(folder) == procs.Absent()  # all that a folder alone can tell
    assert folder in procs.turns_in_use(room.root)
    found = procs.strays("r1-docs.1-", (folder,))
    assert record.agent in found
    assert (record.shim in found) != shim_dead
    assert len(found) == (3 if shim_dead else 4)
    assert procs.end_strays("r1-docs.1-", (folder,)) >= 1
    until(lambda: procs.strays("r1-docs.1-", (folder,)) == [], "the end of all")
    assert room.leftovers() == []
    assert folder not in procs.turns_in_use(room.root)


def test_a_folder_that_was_emptied_or_moved_is_noticed_too(room: Room, tmp_path: Path) -> None:
    folder = live(room)
    for path in folder.iterdir():
        path.unlink()
    assert procs.probe(folder) == procs.Absent()
    assert folder in procs.turns_in_use(room.root)
    folder.rename(tmp_path / "moved")
    found = procs.strays("r1-docs.1-", (folder, tmp_path / "moved"))
    assert len(found) == 4
    procs.end_strays("r1-docs.1-", (tmp_path / "moved",))
    assert room.leftovers() == []


def test_the_worktree_tells_whose_a_moved_turn_is(room: Room, tmp_path: Path) -> None:
    worktree = tmp_path / "worktree"
    worktree.mkdir()
    folder = live(room, f"cd {worktree}; {LIVE}")
    folder.rename(tmp_path / "moved")
    assert procs.strays("r1-docs.1-", (folder,)) == []
    assert len(procs.strays("r1-docs.1-", (folder, worktree))) == 4
    procs.end_strays("r1-docs.1-", (folder, worktree))
    assert room.leftovers() == []


@pytest.mark.guarantee("G6")
def test_nobody_is_a_stray_for_its_place_or_its_mark_alone(room: Room, tmp_path: Path) -> None:
    """A shell in the folder, a reader, a writer without a mark, the same mark elsewhere, another
    run's mark in the same place: none is signalled."""
    folder = live(room)
    mark = room.marks[folder]
    sleep = ["sleep", "86399"]
    other = {"PATH": PATH, procs.MARK_VARIABLE: "r1-docs.10-0123456789abcdef"}
    elsewhere = {"PATH": PATH, procs.MARK_VARIABLE: "r1-docs.1-of-another-repository"}
    unmarked = {"PATH": PATH}
    with (folder / "err").open("ab") as err:
        decoys = [
            subprocess.Popen(sleep, cwd=folder, env=unmarked),
            subprocess.Popen(["tail", "-f", str(folder / "out")], stdout=subprocess.DEVNULL),
            subprocess.Popen(sleep, cwd=folder, env=other),
            subprocess.Popen(sleep, cwd=tmp_path, env=elsewhere),
            subprocess.Popen([*sleep], cwd="/", env=unmarked, stderr=err),
            subprocess.Popen(["sh", "-c", "exec sleep 86399", mark], cwd=folder, env=unmarked),
        ]
    try:
        shutil.rmtree(folder)
        assert procs.end_strays("r1-docs.1-", (folder,)) >= 1
        until(lambda: procs.strays("r1-docs.1-", (folder,)) == [], "the end of all")
        assert room.leftovers() == []
        assert [decoy.poll() for decoy in decoys] == [None] * len(decoys)
    finally:
        for decoy in decoys:
            decoy.kill()
            decoy.wait(FACT_MAX_S)


def test_a_live_turn_with_its_folder_is_in_use_and_only_looked_at(room: Room) -> None:
    folder = live(room)
    record = room.started("r1/docs.1/turn-1")
    assert procs.turns_in_use(room.root) == {folder}
    assert procs.turns_in_use(room.root / "r1" / "docs.1") == set()
    assert procs.probe(folder) == procs.Running(record)
    assert os.getpid() not in {one.pid for one in procs.strays("", (Path("/"),))}
    procs.kill(folder)
    room.finished("r1/docs.1/turn-1")
