"""Commands that steer, with a live engine, without one, and after one was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

HANG = "echo started >> $LEDGER; exec sleep 600\n"


def hanging(pg: Playground, count: int = 2) -> Path:
    """A plan of tasks that never end."""
    return pg.plan(
        [{"id": f"t{n}", "prompt": HANG, "workspace": "none", "scope": [f"{n}"]}
         for n in range(count)]
    )  # fmt: skip


def begin(pg: Playground, plan: Path, *words: str, agents: int = 2) -> subprocess.Popen[bytes]:
    """A run in the background, with its agents at work."""
    started = pg.start("run", plan, *words)
    pg.wait_for(lambda: len(pg.ledger_lines()) >= agents, "agents at work")
    return started


def agents_alive(pg: Playground) -> list[int]:
    """Processes whose environment names this playground's ledger."""
    mark = f"LEDGER={pg.ledger}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            environ = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
            state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark in environ and any(each.startswith(b"GANGSAW_TASK=") for each in environ):
            found += [int(name)] if state not in "ZX" else []
    return found


def answered(pg: Playground) -> list[dict[str, Any]]:
    return [event["body"] for event in pg.events() if event["kind"] == "request.answered"]


def test_pause_scale_resume_cancel_and_stop_of_a_live_run(pg: Playground) -> None:
    engine = begin(pg, hanging(pg, 3), "--max-agents", "1", agents=1)
    assert pg.call("pause").stdout == "no new agents are started; running ones go on\n"
    assert pg.status()["state"] == "paused"
    assert pg.status()["engine_pid"] == engine.pid
    assert "paused" in pg.call("status").stdout
    assert pg.call("scale", "2").stdout == "up to 2 agents\n"
    assert pg.call("resume").returncode == 0
    pg.wait_for(lambda: len(pg.ledger_lines()) == 2, "the second agent")
    assert pg.call("cancel", "t0").stdout == "cancelled\n"
    pg.wait_for(lambda: pg.statuses()["t0"] == "cancelled", "t0 cancelled")
    refused = pg.call("cancel", "t0")
    assert refused.returncode == 1
    assert "cancelled already" in refused.stderr
    stopped = pg.call("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert "go on with: gangsaw run" in stopped.stdout
    assert engine.wait(60) == 130
    assert agents_alive(pg) == []
    assert pg.status()["engine_pid"] is None


def test_one_key_is_one_request(pg: Playground) -> None:
    engine = begin(pg, hanging(pg), "--max-agents", "2")
    for _ in range(2):
        assert pg.call("scale", "3", "--key", "once").stdout == "up to 3 agents\n"
    assert [body["key"] for body in answered(pg)] == ["once"]
    pg.call("kill")
    engine.wait(60)


def test_kill_ends_the_agents_of_a_live_run_and_the_engine(pg: Playground) -> None:
    stubborn = "trap '' TERM INT HUP\necho started >> $LEDGER\n(sleep 600) & sleep 600\n"
    plan = pg.plan([{"id": "t", "prompt": stubborn, "workspace": "none"}])
    engine = begin(pg, plan, agents=1)
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        assert agents_alive(pg)
        done = pg.call("kill", "--json")
        assert json.loads(done.stdout)["ok"] is True
        assert agents_alive(pg) == []
        assert engine.wait(60) == 130
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("verb", ["kill", "stop"])
def test_ending_after_the_engine_was_killed(pg: Playground, verb: str) -> None:
    engine = begin(pg, hanging(pg))
    engine.send_signal(signal.SIGKILL)
    engine.wait(60)
    assert len(agents_alive(pg)) >= 2
    assert pg.status()["state"] == "stopped"
    assert "gangsaw run" in pg.call("status").stdout.splitlines()[1]
    doctor = json.loads(pg.call("doctor", "--json").stdout)["findings"]
    assert any("2 of its agents" in each["text"] for each in doctor)
    done = pg.call(verb)
    assert done.returncode == 0
    assert done.stdout.startswith("ended 2 processes")
    assert agents_alive(pg) == []


def test_kill_does_not_need_a_living_engine_loop(pg: Playground) -> None:
    """The engine is frozen: it holds its lock and answers nothing."""
    engine = begin(pg, hanging(pg))
    engine.send_signal(signal.SIGSTOP)
    try:
        done = pg.call("kill")
        assert agents_alive(pg) == []
        assert done.returncode == 1
        assert f"gangsaw (pid {engine.pid})" in done.stderr
    finally:
        engine.send_signal(signal.SIGCONT)
    assert engine.wait(60) == 130
    assert agents_alive(pg) == []


def test_steering_without_an_engine_is_recorded_or_refused_at_once(pg: Playground) -> None:
    plan = pg.plan(
        [{"id": "a", "prompt": "test -f go && echo x > x", "attempts": 1, "checks": ["true"]},
         {"id": "b", "prompt": "echo b > b", "checks": ["true"]}]
    )  # fmt: skip
    pg.run(plan, expect=1)
    refused = pg.call("retry", "b")
    assert refused.returncode == 1
    assert "b has landed" in refused.stderr
    kept = pg.call("retry", "a", "--json")
    assert json.loads(kept.stdout)["outcome"] == "recorded"
    inbox = pg.repo / ".git" / "gangsaw" / "inbox"
    assert len(list(inbox.glob("*-*.json"))) == 1
    for words in (("pause",), ("stop",), ("kill",)):
        assert "nothing is running" in pg.call(*words).stdout
    pg.run(plan, expect=1)
    assert pg.status()["tasks"][0]["attempts"] == 2
    assert not list(inbox.glob("*-*.json"))


def test_review_is_shown_rejected_and_approved(pg: Playground) -> None:
    plan = pg.plan(
        [{"id": "ui", "prompt": "echo $GANGSAW_TURN >> ui.txt", "review": "person",
          "checks": ["true"]}]
    )  # fmt: skip
    pg.run(plan, expect=3)
    text = pg.call("status").stdout
    assert "NEEDS YOU" in text
    assert "gangsaw approve ui" in text
    assert "+1" in pg.call("diff", "ui").stdout
    assert pg.call("reject", "ui", "-m", "once more").returncode == 0
    pg.run(plan, expect=3)
    assert "once more" in pg.call("logs", "ui", "--prompt").stdout
    assert pg.call("approve", "ui").returncode == 0
    assert pg.run(plan)["tasks"][0]["status"] == "landed"


def test_followers_end_with_the_run(pg: Playground) -> None:
    plan = pg.plan(
        [{"id": "t", "prompt": "echo one; echo started >> $LEDGER\n"
          "until test -f $LEDGER.go; do sleep 0.05; done; echo two", "workspace": "none"}]
    )  # fmt: skip
    engine = begin(pg, plan, agents=1)
    followers = [
        subprocess.Popen(pg.argv(*words), cwd=pg.repo, env=pg.environment(), text=True,
                         stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        for words in (("logs", "t", "-f"), ("events", "--follow", "--json"), ("status", "--watch"))
    ]  # fmt: skip
    assert followers[0].stdout is not None
    assert followers[0].stdout.readline() == "one\n"
    pg.ledger.with_name("ledger.go").touch()
    assert engine.wait(60) == 0
    logs, events, status = (each.communicate(timeout=60)[0] for each in followers)
    assert logs == "two\n"
    kinds = [json.loads(line)["kind"] for line in events.splitlines()]
    assert kinds[0] == "run.started"
    assert "task.done" in kinds
    assert "1 working" in status
    assert "1 done" in status
