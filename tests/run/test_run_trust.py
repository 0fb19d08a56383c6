"""A repository's own setup is run only after a person has agreed to it, as it is then."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

SETUP = '[worktree]\nsetup = "sh tools/setup.sh fast"\n'
DONE = "test -f built; echo x > a.txt; git add a.txt; git commit -qm a"


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    made = Playground(tmp_path)
    made.write("tools/setup.sh", "echo ok > built\n")
    made.write(".gitignore", "built\n")
    made.git("add", "-A")
    made.settings(SETUP)
    return made


def plan_of(pg: Playground, *names: str, **more: object) -> Path:
    tasks = [{"id": name, "title": name, "prompt": DONE.replace("a.txt", f"{name}.txt"), **more}
             for name in names]  # fmt: skip
    return pg.plan(tasks)


def at_a_terminal(pg: Playground, plan: Path, answer: str) -> tuple[int, str]:
    """Exit code and output of a run at a terminal on which a person answers."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        pg.argv("run", plan, "--plain"), cwd=pg.repo, env=pg.environment(), stdin=theirs,
        stdout=theirs, stderr=theirs, start_new_session=True,
    ) as run:  # fmt: skip
        os.close(theirs)
        said, answered = b"", False
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end is closed: it has ended
                break
            if not chunk:
                break
            said += chunk
            if b"[y/N]" in said and not answered:
                answered = True
                os.write(ours, answer.encode() + b"\n")
        code = run.wait(timeout=120)
    os.close(ours)
    return code, said.decode()


def test_a_person_is_asked_once_and_their_no_is_taken(pg: Playground) -> None:
    plan = plan_of(pg, "a")
    code, said = at_a_terminal(pg, plan, "n")
    assert code == 3
    assert "sh tools/setup.sh fast" in said
    assert "tools/setup.sh is named in it (sha256 " in said
    assert "you have not agreed" in said
    assert not (pg.repo / ".git/gangsaw/trust.json").exists()
    code, said = at_a_terminal(pg, plan, "y")
    assert code == 0, said
    plan = plan_of(pg, "b")
    code, said = at_a_terminal(pg, plan, "n")
    assert code == 0, said
    assert "[y/N]" not in said


def test_without_a_terminal_it_is_refused_with_the_remedy(pg: Playground) -> None:
    done = pg.call("run", plan_of(pg, "a"))
    assert done.returncode == 3
    assert "gangsaw trust, or gangsaw run --trust-setup" in done.stderr
    assert "built" not in os.listdir(pg.repo)
    assert pg.run(plan_of(pg, "a"), "--trust-setup")["state"] == "landed"
    assert pg.run(plan_of(pg, "b"))["state"] == "landed"


def test_a_changed_line_or_file_asks_again(pg: Playground) -> None:
    assert pg.call("trust").returncode == 0
    assert pg.run(plan_of(pg, "a"))["state"] == "landed"
    pg.write("tools/setup.sh", "echo other > built\n")
    pg.git("commit", "-qam", "another setup")
    changed = pg.call("run", plan_of(pg, "b"))
    assert changed.returncode == 3
    assert "tools/setup.sh has changed since somebody agreed to it" in changed.stderr
    assert pg.call("trust").returncode == 0
    assert pg.run(plan_of(pg, "b"))["state"] == "landed"
    text = (pg.repo / "gangsaw.toml").read_text()
    pg.write("gangsaw.toml", text.replace("setup.sh fast", "setup.sh slow"))
    line = pg.call("run", plan_of(pg, "c"))
    assert line.returncode == 3
    assert "nobody has agreed to it yet" in line.stderr


def test_what_an_agent_has_made_of_the_setup_is_not_run_either(pg: Playground) -> None:
    """It landed a change of the script: the next worktree has it, and nobody has looked at it."""
    evil = "echo 'touch ../../evil' > tools/setup.sh; git commit -qam change"
    tasks: list[dict[str, object]] = [
        {"id": "first", "title": "x", "prompt": evil},
        {"id": "second", "title": "y", "needs": ["first"], "prompt": DONE, "attempts": 1},
    ]
    status = pg.run(pg.plan(tasks), "--trust-setup", expect=1)
    found = {task["id"]: task for task in status["tasks"]}
    assert found["first"]["status"] == "landed"
    assert found["second"]["status"] == "failed"
    assert "has changed since somebody agreed to it" in found["second"]["reason"]
    assert not list(pg.root.rglob("evil"))


def test_trust_is_shown_and_taken_back(pg: Playground) -> None:
    shown = json.loads(pg.call("trust", "--list", "--json").stdout)
    assert (shown["setup"], shown["trusted"]) == ("sh tools/setup.sh fast", False)
    assert json.loads(pg.call("trust", "--json").stdout)["trusted"]
    (agreed,) = json.loads(pg.call("trust", "--list", "--json").stdout)["agreed"]
    assert agreed["files"] == ["tools/setup.sh"]
    assert "Forgotten: 1" in pg.call("trust", "--revoke").stdout
    assert not json.loads(pg.call("trust", "--list", "--json").stdout)["trusted"]
    assert pg.git("status", "--porcelain") == ""


def test_without_a_setup_nobody_is_asked(tmp_path: Path) -> None:
    plain = Playground(tmp_path)
    prompt = "echo x > a.txt; git add a.txt; git commit -qm a"
    assert plain.run(plain.plan([{"id": "a", "title": "a", "prompt": prompt}]))["state"] == "landed"
    assert "nothing to agree to" in plain.call("trust").stdout
