"""Clocks that jump and machines that stand still, with the real program.

The engine goes by clocks of the test (`gangsaw.testing.skewed`); agents are real, and live in real
time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gangsaw.testing.processes import processes_of
from tests.run.broken_stage import Site, gated, work

YEAR_S = 365 * 24 * 3600.0


class Skewed(Site):
    """A site whose engine has the clocks of the file `skew`."""

    @property
    def file(self) -> Path:
        return self.ground.root / "skew"

    def skew(self, set_s: float, suspended_s: float = 0.0) -> None:
        """Set the clocks of the engine, at once and together."""
        fresh = self.file.with_name("skew.new")
        fresh.write_text(f"{set_s} {suspended_s}")
        fresh.rename(self.file)

    @contextmanager
    def skewed_engine(self) -> Iterator[subprocess.Popen[bytes]]:
        ground = self.ground
        plain = ground.argv("run", self.plan, "--plain")
        argv = [*plain[:2], "gangsaw.testing.skewed", str(self.file), "--", *plain[3:]]
        with (ground.root / "output").open("ab") as output:
            engine = subprocess.Popen(argv, cwd=ground.repo, env=ground.environment(),
                                      stdout=output, stderr=output,
                                      stdin=subprocess.DEVNULL)  # fmt: skip
        try:
            yield engine
        finally:
            engine.kill()
            engine.wait(60)
            self.sweep()


JUMPS = {
    "set forward": (3 * YEAR_S, 0.0, "set", "the clock was set forward by"),
    "set back": (-3 * YEAR_S, 0.0, "set", "the clock was set back by"),
    "suspended": (0.0, 50_000.0, "suspended", "the machine was suspended for 13:53:20"),
}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_ends_no_agent_and_makes_no_wait_longer(tmp_path: Path, jump: str) -> None:
    """An agent at work, another task in its backoff: neither notices."""
    set_s, suspended_s, why, sentence = JUMPS[jump]
    failing = work("b", '[ "$GANGSAW_ATTEMPT" != b.1 ] || exit 1')
    site = Skewed(tmp_path, [gated("a"), failing])
    site.setting("backoff_s = 0.2", "backoff_s = 4\nstall_s = 600\ntimeout_s = 1200")
    with site.skewed_engine() as engine:
        site.wait_started("a.1")
        site.wait_event("attempt.failed")
        site.skew(set_s, suspended_s)
        jumped = site.wait_event("clock.jumped")
        assert jumped["why"] == why
        assert abs(jumped["seconds"] - set_s - suspended_s) < 60
        assert sentence in site.said()
        site.wait_started("b.2")  # the backoff is a few seconds, whatever the clock says
        assert "a.1" in site.alive()
        site.let_go("a")
        site.ends_well(engine, unannounced=1)
    assert "stop.wanted" not in site.kinds()
    assert set(site.state.attempts) == {"a.1", "b.1", "b.2"}


def test_the_clock_is_set_back_while_nobody_looks(tmp_path: Path) -> None:
    """A backoff that began by a clock years ahead does not last for years."""
    site = Skewed(tmp_path, [gated("a"), work("b", '[ "$GANGSAW_ATTEMPT" != b.1 ] || exit 1')])
    site.setting("backoff_s = 0.2", "backoff_s = 60")
    site.skew(3 * YEAR_S)
    with site.skewed_engine() as engine:
        site.wait_started("a.1")
        site.wait_event("attempt.failed")
        engine.kill()
        engine.wait(60)
        site.skew(0.0)
        with site.skewed_engine():
            site.ground.wait_for(lambda: site.kinds().count("engine.started") == 2, "the second")
            state = site.state
            assert state.task_states["b"].retry_at < time.time() + 400
            assert "a.1" in site.alive()


def test_everything_stands_still(tmp_path: Path) -> None:
    """Engine and agents are stopped for longer than an agent may be silent, and go on: as on a
    virtual machine that was frozen, whose clocks tell nothing of it."""
    site = Site(tmp_path, [gated("a")])
    site.setting("backoff_s = 0.2", "backoff_s = 0.2\nstall_s = 8")
    with site.engine() as engine:
        site.wait_started("a.1")
        frozen = [engine.pid, *(found.pid for found in processes_of(site.ground.root)
                                if found.pid != engine.pid)]  # fmt: skip
        for pid in list(frozen):
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:  # a git call of the engine, which has just ended
                frozen.remove(pid)
        time.sleep(8.5)  # not a wait for anything: this is how long everything stands still
        site.let_go("a")
        for pid in reversed(frozen):
            os.kill(pid, signal.SIGCONT)
        site.ends_well(engine)
    jumped = site.bodies("clock.jumped")
    assert [found["why"] for found in jumped][:1] == ["standstill"]
    assert "gangsaw stood still for 0:0" in site.said()
    assert set(site.state.attempts) == {"a.1"}


def test_the_machine_was_restarted(tmp_path: Path) -> None:
    """All that ran is lost, its work is kept, and it is begun again."""
    first = '[ "$GANGSAW_ATTEMPT" != a.1 ] || { echo half > half.txt; echo made >> "$LEDGER"; '
    site = Site(tmp_path, [work("a", first + "sleep 300; }")])
    with site.engine() as engine:
        site.wait_started("a.1")
        site.ground.wait_for(lambda: "made" in site.ground.ledger.read_text(), "half the work")
        engine.kill()
        engine.wait(60)
        site.sweep()
        site.ground.wait_for(lambda: not processes_of(site.ground.root), "the end of all")
        record = site.control.root / "attempts/r1/a.1/turn-1/started"
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        text = record.read_text()
        assert boot in text
        record.write_text(text.replace(boot, "0" * 8 + boot[8:]))
        site.ground.ledger.write_text("")
        with site.engine() as engine:
            site.ends_well(engine)
    lost = site.bodies("turn.lost")
    assert [found["text"] for found in lost] == ["the machine was restarted"]
    assert "a its process was lost: the machine was restarted" in site.said()
    kept = site.bodies("workspace.closed")[0]["refs"]
    held = [ref for ref in kept if "half.txt" in site.ground.git("ls-tree", "--name-only", ref)]
    assert held, f"half.txt is in none of {kept}"
