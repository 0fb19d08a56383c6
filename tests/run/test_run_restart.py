"""What an engine that comes back late must not do: judge by the time in which nobody listened, take
a live agent for dead, or forget what the run was begun with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import processes_of

SILENT = """\
touch "$UP/up.$GANGSAW_TASK"
while [ ! -e "$UP/go" ]; do sleep 0.05; done
echo work > made.txt
git add made.txt
git commit -q -m made
touch "$UP/done"
"""


def ground_at(tmp_path: Path, more: str = "") -> Playground:
    ground = Playground(tmp_path / "ground", env={"UP": str(tmp_path)})
    path = ground.repo / "gangsaw.toml"
    text = path.read_text().replace('pass_env = ["LEDGER"]', 'pass_env = ["LEDGER", "UP"]')
    path.write_text(text.replace("[run]", f"[run]\n{more}"))
    ground.git("commit", "-q", "-am", "settings")
    return ground


def leave_alone(ground: Playground, tmp_path: Path, *options: str) -> Path:
    """Begin a run of one silent task and kill the engine once its agent works."""
    plan = ground.plan([{"id": "a", "prompt": SILENT, "checks": ["test -f made.txt"]}])
    engine = ground.start("run", plan, "--plain", *options)
    ground.wait_for((tmp_path / "up.a").exists, "the agent to work")
    engine.kill()
    engine.wait(30)
    return plan


def test_silence_while_no_engine_lived_is_no_stall(tmp_path: Path) -> None:
    ground = ground_at(tmp_path, "stall_s = 1")
    plan = leave_alone(ground, tmp_path)
    started = float(ground.events()[0]["at"])
    (tmp_path / "go").touch()
    ground.wait_for((tmp_path / "done").exists, "the agent to finish by itself")
    # Longer than the stall limit, by the clock that the engine goes by.
    ground.wait_for(lambda: _now(tmp_path) - started > 2.5, "the stall limit to be long over")
    found = ground.run(plan)
    assert [(task["status"], task["attempts"]) for task in found["tasks"]] == [("landed", 1)]


def test_an_agent_whose_settings_are_gone_is_ended_not_forgotten(tmp_path: Path) -> None:
    ground = ground_at(tmp_path)
    leave_alone(ground, tmp_path)
    path = ground.repo / "gangsaw.toml"
    path.write_text(path.read_text().replace("[agents.sh]", "[agents.other]").replace(
        'agent = "sh"', 'agent = "other"'
    ))  # fmt: skip
    done = ground.call("run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert ground.statuses() == {"a": "needs_you"}
    assert processes_of(ground.root) == []
    ends = [event for event in ground.events() if event["kind"] == "turn.exited"]
    assert "no agent called 'sh'" in ends[-1]["body"]["text"]


def test_flags_stay_with_the_run(tmp_path: Path) -> None:
    ground = ground_at(tmp_path)
    leave_alone(ground, tmp_path, "--deliver", "never")
    before = ground.git("rev-parse", "main")
    (tmp_path / "go").touch()
    done = ground.call("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ground.statuses() == {"a": "landed"}
    assert ground.git("rev-parse", "main") == before


def test_a_red_check_is_run_again_after_retry(tmp_path: Path) -> None:
    """Its cause may have lain outside of the tree."""
    ground = ground_at(tmp_path, "turns = 1\nattempts = 1")
    flag = tmp_path / "flag"
    plan = ground.plan([{"id": "a", "prompt": "echo a > a", "checks": [f"test -e {flag}"]}])
    ground.run(plan, expect=1)
    flag.touch()
    assert ground.call("retry", "a").returncode == 0
    done = ground.call("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ground.statuses() == {"a": "landed"}


def test_commits_left_on_the_branch_are_not_dropped_in_silence(tmp_path: Path) -> None:
    ground = ground_at(tmp_path, "attempts = 1")
    lines = (
        "echo x > x.txt; git add x.txt; git commit -q -m x; git checkout -q --detach HEAD~1; "
        "echo s > s.txt; git add s.txt; git commit -q -m s"
    )
    found = ground.run(ground.plan([{"id": "a", "prompt": lines}]), expect=1)
    assert "has commits that its worktree has not" in found["tasks"][0]["reason"]


def test_a_branch_in_the_way_is_said_before_anything_begins(tmp_path: Path) -> None:
    ground = ground_at(tmp_path)
    ground.git("branch", "gangsaw")
    done = ground.call("run", ground.plan([{"id": "a", "prompt": "echo a > a"}]))
    assert done.returncode == 2
    assert "git branch -m gangsaw gangsaw-old" in done.stderr


def test_a_run_goes_on_when_nobody_reads_its_output(tmp_path: Path) -> None:
    ground = ground_at(tmp_path)
    plan = ground.plan([{"id": "a", "prompt": "sleep 0.3; echo a > a"}])
    read, write = os.pipe()
    process = subprocess.Popen(
        ground.argv("run", plan, "--plain"), cwd=ground.repo, env=ground.environment(),
        stdout=write, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    os.close(read)
    process.wait(120)
    assert ground.statuses() == {"a": "landed"}


def _now(folder: Path) -> float:
    """The time as the file system tells it."""
    mark = folder / "mark"
    mark.write_text("x")
    return mark.stat().st_mtime
