"""Several at once: engines that want the same repository, and a user's git beside ours."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gangsaw.store.lock import WriterLock
from tests.run.broken_stage import Site, gated, work

LONG = bool(os.environ.get("GANGSAW_LONG"))
ROUNDS = 30 if LONG else 3
CONTENDERS = 4
Figure = Callable[[str, object], None]


def one_is_left(contenders: list[subprocess.Popen[str]]) -> bool:
    return sum(one.poll() is None for one in contenders) <= 1


def test_of_many_engines_one_runs(tmp_path: Path, record_property: Figure) -> None:
    """Exactly one; the others say who has it and since when, with exit code 2. Those who only read
    are in nobody's way."""
    site = Site(tmp_path, [gated("a")])
    ground, refused = site.ground, 0
    with site.engine("--on-interrupt", "detach") as first:
        site.wait_started("a.1")
        first.send_signal(signal.SIGINT)
        assert first.wait(60) == 130
    for number in range(ROUNDS):
        argv = ground.argv("run", site.plan, "--plain", "--on-interrupt", "detach")
        contenders = [
            subprocess.Popen(
                argv,
                cwd=ground.repo,
                env=ground.environment(),
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for _ in range(CONTENDERS)
        ]
        try:
            ground.wait_for(partial(one_is_left, contenders), "one is left")
            left = [one for one in contenders if one.poll() is None]
            assert len(left) == 1, [one.communicate() for one in contenders]
            holder = WriterLock.holder(site.control.lock)
            assert holder is not None
            assert holder.pid == left[0].pid
            assert ground.call("status").returncode == 0
            for one in contenders:
                if one is left[0]:
                    continue
                _, err = one.communicate()
                found = re.search(r"\(pid (\d+), since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\)", err)
                assert one.returncode == 2, err
                assert found, err
                assert int(found[1]) == left[0].pid
                refused += 1
            # Before that, a signal would meet a program that is still starting.
            site.wait_event("engine.started", number + 2)
            left[0].send_signal(signal.SIGINT)
            assert left[0].wait(60) == 130
        finally:
            for one in contenders:
                one.kill()
                one.wait(60)
    site.let_go("a")
    with site.engine() as last:
        site.ends_well(last)
    assert site.kinds().count("engine.started") == ROUNDS + 2
    record_property(
        "figure", f"{ROUNDS} rounds x {CONTENDERS} engines at once: always one, {refused} refused"
    )


def test_a_user_holds_the_lock_of_a_ref(tmp_path: Path) -> None:
    """git waits for a moment; then there is a reason, and another try."""
    site = Site(tmp_path, [gated("a")])
    lock = site.ground.repo / ".git/refs/heads/gangsaw/run/r1.lock"
    with site.engine() as engine:
        site.wait_started("a.1")
        lock.touch()
        site.let_go("a")
        failed = site.wait_event("effect.failed")
        assert failed["action"] == "MoveIntegration"
        assert "r1.lock': File exists" in failed["text"]
        assert "trouble, trying again" in site.ground.call("why", "a").stdout
        lock.unlink()
        site.ends_well(engine)
    assert set(site.state.attempts) == {"a.1"}


def test_a_user_holds_the_lock_of_the_index(tmp_path: Path) -> None:
    """Another git is at work in the user's checkout: delivery waits for it."""
    site = Site(tmp_path, [work("a"), gated("b")])
    lock = site.ground.repo / ".git/index.lock"
    lock.touch()
    with site.engine() as engine:
        text = site.wait_event("delivery.blocked")["text"]
        assert "index.lock is there" in text
        lock.unlink()
        site.wait_event("delivered")
        site.let_go("b")
        site.ends_well(engine)


def test_the_end_of_an_engine_says_what_it_waits_for(tmp_path: Path) -> None:
    """A push cannot be cut short: who stops the run is told so."""
    site = Site(tmp_path, [work("a"), gated("b")])
    ground = site.ground
    remote = ground.root / "remote.git"
    ground.git("init", "-q", "--bare", str(remote), cwd=ground.root)
    hook = remote / "hooks/pre-receive"
    hook.write_text(
        f"#!/bin/sh\ntouch {ground.root}/pushing\n"
        f"n=0; until [ -e {ground.root}/pushed ] || [ $n -gt 3000 ]; do\n"
        "sleep 0.02; n=$((n+1)); done\n"
    )
    hook.chmod(0o755)
    ground.git("remote", "add", "origin", str(remote))
    site.setting("backoff_s = 0.2", 'backoff_s = 0.2\nremote = "origin"')
    with site.engine("--on-interrupt", "stop") as engine:
        ground.wait_for((ground.root / "pushing").exists, "the push")
        engine.send_signal(signal.SIGTERM)
        site.wait_said("waiting for what cannot be cut short: pushing the target")
        assert engine.poll() is None
        (ground.root / "pushed").touch()
        assert engine.wait(60) == 130
    site.let_go("b")
    with site.engine() as engine:
        site.ends_well(engine)


def test_an_agent_that_is_not_there_is_said_before_anything_begins(tmp_path: Path) -> None:
    site = Site(tmp_path, [work("a", agent="ghost")])
    site.ground.settings('[agents.ghost]\nkind = "command"\nargv = ["ghost-of-an-agent", "-x"]\n')
    done = site.ground.call("run", site.plan)
    assert done.returncode == 2
    assert "cannot start agent 'ghost': its program 'ghost-of-an-agent' was not found" in (
        done.stderr
    )
    assert site.ground.git("branch", "--list", "gangsaw/*") == ""
