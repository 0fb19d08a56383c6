"""What a run is made of is removed or rewritten under it, with the real program."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from gangsaw.store.lock import WriterLock
from gangsaw.testing.endstate import complaints
from gangsaw.testing.ledger import overlaps, read_ledger
from gangsaw.testing.processes import is_dead
from tests.run.broken_stage import GATE, Site, gated, work

# --- the control folder ----------------------------------------------------------------------


def test_the_journal_is_removed(tmp_path: Path) -> None:
    """The engine ends instead of writing into a file without a name, and hands over a copy."""
    site = Site(tmp_path, [gated("a"), gated("b", needs=["a"])])
    with site.engine() as engine:
        site.wait_started("a.1")
        before = site.kinds()
        site.control.journal.unlink()
        assert engine.wait(60) == 1
        assert f"{site.control.journal} was removed or replaced while gangsaw ran" in site.said()
        assert "try: mv " in site.said()
        assert "Traceback" not in site.said()
        assert not site.control.journal.exists(), "it was made again"
        assert "a.1" in site.alive()
        (site.control.root / "journal.rescued.db").rename(site.control.journal)
        assert site.kinds()[: len(before)] == before
        site.let_go("a", "b")
        done = site.ground.call("run", "--plain")
        assert done.returncode == 0, done.stdout + done.stderr
        assert complaints(site.ground, site.needs) == []


def test_a_stopped_engine_is_overtaken(tmp_path: Path) -> None:
    """Its lock is removed while it stands still, and another engine takes over. When it comes back
    it ends, and has touched nothing."""
    site = Site(tmp_path, [gated("a"), gated("b")])
    with site.engine() as former:
        site.wait_started("a.1", "b.1")
        os.kill(former.pid, signal.SIGSTOP)
        site.control.lock.unlink()
        with site.engine() as engine:
            site.ground.wait_for(lambda: site.kinds().count("engine.started") == 2, "the second")
            os.kill(former.pid, signal.SIGCONT)
            assert former.wait(60) == 1
            assert "engine.lock was removed or replaced" in site.said()
            holder = WriterLock.holder(site.control.lock)
            assert holder is not None
            assert holder.pid == engine.pid
            assert set(site.alive()) == {"a.1", "b.1"}
            site.let_go("a", "b")
            site.ends_well(engine)
    assert site.kinds().count("engine.stopped") == 1


@pytest.mark.parametrize("life", ["the same", "another"])
@pytest.mark.parametrize("what", ["attempts/r1/a.1", "attempts/r1/a.1/turn-1"])
def test_the_records_of_a_live_launch_are_removed(tmp_path: Path, what: str, life: str) -> None:
    """It does not run a second time beside itself: its processes are ended first."""
    daemon = "(trap '' TERM; sleep 300) &"
    first = f'[ "$GANGSAW_ATTEMPT" != a.1 ] || {{ {daemon} {GATE}; }}'
    site = Site(tmp_path, [work("a", first)])
    with site.engine() as engine:
        site.wait_started("a.1")
        pid = site.alive()["a.1"]
        if life == "another":
            engine.kill()
            engine.wait(60)
        shutil.rmtree(site.control.root / what)
        if life == "another":
            with site.engine() as engine:
                site.ends_well(engine)
        else:
            site.ends_well(engine)
    assert is_dead(pid)
    lost = site.bodies("turn.lost")
    assert "its folder was removed while it was alive" in lost[0]["text"]
    assert overlaps(read_ledger(site.ground.ledger)) == []


def test_an_exit_record_is_removed(tmp_path: Path) -> None:
    """Nobody knows how it ended: it is lost, never guessed, and its work is tried again."""
    site = Site(tmp_path, [gated("a")])
    with site.engine() as engine:
        site.wait_started("a.1")
        engine.kill()
        engine.wait(60)
        site.let_go("a")
        record = site.control.root / "attempts/r1/a.1/turn-1/exit"
        site.ground.wait_for(record.exists, "the record")
        site.ground.wait_for(lambda: site.alive() == {}, "the end of the agent")
        record.unlink()
        with site.engine() as engine:
            site.ends_well(engine)
    assert [lost["started"] for lost in site.bodies("turn.lost")] == [True]
    assert site.bodies("turn.exited")[-1]["code"] == 0


def test_the_records_of_a_live_check_are_removed(tmp_path: Path) -> None:
    """The check is run again, and never twice at the same time."""
    check = ('echo "start x $GANGSAW_TASK.check 1 $$" >> "$LEDGER"; '
             f'{GATE.replace("$GANGSAW_TASK", "check")}; '
             'echo "stop x $GANGSAW_TASK.check 1 $$ 0" >> "$LEDGER"')  # fmt: skip
    site = Site(tmp_path, [work("a", checks=[check])])
    site.ground.settings('[checks]\npass_env = ["LEDGER"]\n')
    ledger = site.ground.ledger

    def begun() -> list[int]:
        lines = (
            [line.split() for line in ledger.read_text().splitlines()] if ledger.exists() else []
        )
        return [int(words[4]) for words in lines if words[:2] == ["start", "x"]]

    with site.engine() as engine:
        site.ground.wait_for(lambda: len(begun()) == 1, "the check")
        shutil.rmtree(site.control.root / "checks")
        site.let_go("check")
        assert engine.wait(60) == 0
    words = [line.split()[0] for line in ledger.read_text().splitlines() if " x a.check " in line]
    assert words == ["start", "stop"] * (len(words) // 2), "two checks at the same time"
    assert len(words) <= 4


def test_the_inbox_is_removed(tmp_path: Path) -> None:
    """Requests still arrive."""
    site = Site(tmp_path, [gated("a"), gated("b")], max_agents=1)
    with site.engine() as engine:
        site.wait_started("a.1")
        shutil.rmtree(site.control.inbox)
        asked = site.ground.call("cancel", "b")
        assert asked.returncode == 0, asked.stderr
        site.wait_event("task.cancelled")
        site.let_go("a")
        assert engine.wait(60) == 1
    assert site.ground.statuses() == {"a": "landed", "b": "cancelled"}


# --- worktrees and branches ------------------------------------------------------------------


def test_a_worktree_vanishes_under_its_agent(tmp_path: Path) -> None:
    site = Site(tmp_path, [work("a", f'[ "$GANGSAW_ATTEMPT" != a.1 ] || {{ {GATE}; exit 0; }}')])
    with site.engine() as engine:
        site.wait_started("a.1")
        shutil.rmtree(site.ground.root / "repo-worktrees/r1/a.1")
        site.let_go("a")
        assert engine.wait(60) == 0, site.said()
    faulty = site.bodies("work.faulty")
    assert (faulty[0]["cause"], faulty[0]["text"]) == ("strayed", "its worktree has vanished")
    assert "✗ a its worktree has vanished" in site.said()
    assert site.state.task_states["a"].landed_commit


def test_a_worktree_vanishes_between_two_turns(tmp_path: Path) -> None:
    """The check itself takes the worktree away, before its red verdict goes back to the agent."""
    worktrees = tmp_path / "ground/repo-worktrees/r1"
    # Red however often it is run, until the next attempt has a worktree of its own.
    check = f"test -d {worktrees}/a.2 || {{ rm -rf {worktrees}/a.1; false; }}"
    site = Site(tmp_path, [work("a", checks=[check])])
    with site.engine() as engine:
        site.ends_well(engine)
    failed = site.bodies("attempt.failed")
    assert (failed[0]["cause"], failed[0]["text"]) == ("exit", "its worktree has vanished")


def test_worktree_and_branch_vanish_before_the_landing(tmp_path: Path) -> None:
    """The work is sealed: it lands all the same."""
    root = tmp_path / "ground"
    gone = (f"rm -rf {root}/repo-worktrees/r1/a.1; "
            f"git -C {root}/repo update-ref -d refs/heads/gangsaw/r1/a.1")  # fmt: skip
    site = Site(tmp_path, [work("a", checks=[gone])])
    with site.engine() as engine:
        site.ends_well(engine)
    assert set(site.state.attempts) == {"a.1"}


@pytest.mark.parametrize("how", ["deleted", "rewritten"])
def test_the_integration_branch_is_meddled_with(tmp_path: Path, how: str) -> None:
    """It is put back to where the log has it, what was found is held, and both are told."""
    site = Site(tmp_path, [work("a"), gated("b", needs=["a"])])
    ground, branch = site.ground, "refs/heads/gangsaw/run/r1"
    with site.engine() as engine:
        site.wait_started("b.1")
        ours = ground.git("rev-parse", branch)
        other = ground.git("commit-tree", "-m", "other", f"{ours}^{{tree}}")
        ground.git(*(["update-ref", "-d", branch] if how == "deleted" else
                     ["update-ref", branch, other]))  # fmt: skip
        site.let_go("b")
        site.ends_well(engine)
    restored = site.bodies("integration.restored")
    found = "" if how == "deleted" else other
    assert restored == [{"commit": ours, "found": found}]
    assert "it is put back to" in site.said()
    if found:
        assert ground.git("for-each-ref", f"--contains={other}", "refs/gangsaw/lost") != ""


# --- the target ------------------------------------------------------------------------------


def blocked(site: Site) -> str:
    return str(site.wait_event("delivery.blocked")["text"])


def test_the_target_is_set_back(tmp_path: Path) -> None:
    """What was delivered and taken away again by the user is not brought back over their head."""
    site = Site(tmp_path, [work("a"), gated("b")])
    with site.engine() as engine:
        site.wait_event("delivered")
        delivered = site.ground.git("rev-parse", "main")
        site.ground.git("reset", "-q", "--hard", "HEAD~1")
        mine = site.ground.git("rev-parse", "main")
        site.let_go("b")
        assert engine.wait(60) == 3
    text = blocked(site)
    landed = site.ground.git("rev-parse", "gangsaw/run/r1")[:12]
    assert text == (
        f"main was set back to {mine[:12]}, behind {delivered[:12]}, which had been delivered; "
        f"to have all of it again: git merge --ff-only {landed}"
    )
    assert site.ground.git("rev-parse", "main") == mine
    assert text in site.ground.call("status").stdout
    site.ground.git("merge", "-q", "--ff-only", landed)
    assert site.ground.call("run").returncode == 0
    assert complaints(site.ground, site.needs) == []


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_the_target_is_gone(tmp_path: Path, how: str) -> None:
    site = Site(tmp_path, [gated("a")])
    ground = site.ground
    with site.engine() as engine:
        site.wait_started("a.1")
        if how == "renamed":
            ground.git("branch", "-m", "main", "trunk")
        else:
            ground.git("checkout", "-q", "--detach")
            ground.git("branch", "-D", "main")
        site.let_go("a")
        assert engine.wait(60) == 3
    text = blocked(site)
    assert "branch main does not exist any more; try: git branch main " in text
    assert site.bodies("delivery.blocked") == [site.bodies("delivery.blocked")[-1]]
    command = text.partition("try: git ")[2].split()
    if how == "renamed":
        ground.git("branch", "-m", "trunk", "main")
    else:
        ground.git(*command)
        ground.git("checkout", "-q", "main")
    assert ground.call("run").returncode == 0
    assert complaints(ground, site.needs) == []


def test_a_blocked_delivery_is_told_once(tmp_path: Path) -> None:
    """However long it lasts, one reason is one event; a new look is had every few seconds."""
    site = Site(tmp_path, [work("a"), gated("b")])
    (site.ground.repo / "README.md").write_text("mine\n")
    (site.ground.repo / "a.txt").write_text("mine\n")
    with site.engine() as engine:
        site.wait_event("delivery.blocked")
        # Cleaned and left alone, the target follows by itself: somebody looks again and again.
        site.ground.git("checkout", "-q", "README.md")
        (site.ground.repo / "a.txt").unlink()
        site.wait_event("delivered")
        assert len(site.bodies("delivery.blocked")) <= 2
        site.let_go("b")
        site.ends_well(engine)
