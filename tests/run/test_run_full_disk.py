"""Full disks with the real program: on file systems that are really full."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.store.lock import WriterLock
from gangsaw.testing.endstate import complaints
from tests.run.broken_stage import Site, fill, gated, lingering, small_disk, work

Figure = Callable[[str, object], None]
pytestmark = pytest.mark.usefixtures("own_mounts")


def waits(site: Site) -> bool:
    holder = WriterLock.holder(site.control.lock)
    return holder is not None and bool(holder.waits)


def used_up(site: Site, disk: Path) -> bool:
    """Whether the engine waits for room and has no reserve; else the disk is filled once more."""
    if waits(site) and not site.control.reserve.exists():
        return True
    fill(disk)
    return False


def wait_short(site: Site, words: str) -> None:
    """Until the governor holds starts for this reason."""

    def fact() -> bool:
        texts = [body["governed"]["text"] for body in site.bodies("machine.governed")]
        return any(words in text for text in texts)

    site.ground.wait_for(fact, words)


def test_no_room_for_the_journal(tmp_path: Path, record_property: Figure) -> None:
    """The reserve is given up, admission stops, exits are recorded all the same, the engine waits
    and says so, and everything goes on when there is room."""
    tasks = [lingering("a"), lingering("b"), gated("c", needs=["a"])]
    site = Site(tmp_path, tasks, max_agents=2)
    with small_disk(site.ground.repo / ".git", 32) as disk, site.engine() as engine:
        site.wait_started("a.1", "b.1")
        site.wait_done("a", "b")
        assert site.control.reserve.exists()
        filler = fill(disk)
        wait_short(site, "MB of disk free, under 10 MB")
        assert not site.control.reserve.exists()
        site.let_go("a")
        site.ground.wait_for(lambda: used_up(site, disk), "the wait, with the reserve given up")
        site.wait_said("waiting for room, nothing new is begun")

        # The journal cannot be written; what ends is recorded by its shim all the same.
        turn = site.control.root / "attempts/r1/a.1/turn-1"
        site.ground.wait_for((turn / "exit").exists, "the record of the exit of a.1")
        before = site.kinds()
        status = site.ground.call("status").stdout
        assert "gangsaw has stood still since then: no room to write the journal" in status
        assert site.ground.call("why", "c").returncode == 0
        assert site.kinds() == before
        assert engine.poll() is None
        assert "b.1" in site.alive()

        filler.unlink()
        waited = site.wait_event("journal.waited")
        site.ground.wait_for(lambda: not waits(site), "the end of the wait")
        site.let_go("b", "c")
        site.ends_well(engine)
        assert site.control.reserve.exists(), "the reserve was not made again"
        assert [a for a in site.state.attempts if not a.endswith(".1")] == []
        assert "c is held" not in site.said()
    record_property(
        "figure",
        f"disk of the journal full: waited {waited['seconds']:.1f} s, 1 exit recorded meanwhile, "
        "3 tasks landed once",
    )


def test_no_room_and_the_end_is_asked_for(tmp_path: Path) -> None:
    """The engine can be stopped although it can record nothing, and loses nothing by it."""
    site = Site(tmp_path, [lingering("a"), lingering("b")], max_agents=1)
    with small_disk(site.ground.repo / ".git", 32) as disk, site.engine() as engine:
        site.wait_started("a.1")
        site.wait_done("a")
        fill(disk)
        site.let_go("a")
        site.ground.wait_for(lambda: waits(site) or not fill(disk), "the wait")
        stopped = site.ground.call("stop")
        assert engine.wait(60) == 1
        assert "without writing what came last" in site.said()
        assert "Traceback" not in site.said() + stopped.stderr
        assert site.alive() == {}
        (disk / "filler").unlink()
        site.let_go("b")
        done = site.ground.call("run", "--plain")
        assert done.returncode == 0, done.stdout + done.stderr
        assert complaints(site.ground, site.needs) == []


def test_no_room_for_a_worktree(tmp_path: Path) -> None:
    """A worktree that cannot be made for want of room is made when there is some: no try is used
    up."""
    site = Site(tmp_path, [work("a"), work("b", needs=["a"])])
    disk_path = tmp_path / "worktrees"
    site.setting("disk_floor_mb = 10", "disk_floor_mb = 0")
    site.ground.settings(f'[worktree]\nroot = "{disk_path}"\n')
    (site.ground.repo / "big").write_bytes(os.urandom(3_000_000))
    site.ground.git("add", "-A")
    site.ground.git("commit", "-qm", "big")
    with small_disk(disk_path, 10) as disk:
        fill(disk, leave_bytes=2_000_000)
        with site.engine() as engine:
            failed = site.wait_event("effect.failed", 2)
            assert failed["no_room"], failed
            status = site.ground.call("status").stdout
            assert "waits for room on the disk" in status
            assert "unable to write file 'big'" in status or "No space left" in status
            (disk / "filler").unlink()
            site.ends_well(engine)
            assert set(site.state.attempts) == {"a.1", "b.1"}


def test_no_room_for_objects(tmp_path: Path) -> None:
    """The agent cannot commit, since git's object store is full: its task has not failed."""
    site = Site(tmp_path, [gated("a")])
    site.setting("disk_floor_mb = 10", "disk_floor_mb = 3")
    site.setting("[agents.sh]", "attempts = 1\n\n[agents.sh]")
    with small_disk(site.ground.repo / ".git/objects", 8) as disk, site.engine() as engine:
        site.wait_started("a.1")
        fill(disk)
        site.let_go("a")
        failed = site.wait_event("attempt.failed")
        assert (failed["cause"], failed["counts"]) == ("no_room", False)
        wait_short(site, "MB of disk free, under 3 MB")
        why = site.ground.call("why", "a").stdout
        reasons = ("of disk free, under 3", "for room on the disk", "again in")
        assert any(reason in why for reason in reasons), why
        (disk / "filler").unlink()
        site.ends_well(engine, unannounced=1)
        assert site.state.task_states["a"].tries == 0
