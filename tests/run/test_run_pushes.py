"""Pushing with the real program: remotes that vanish, move, refuse and are protected."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

Figure = Callable[[str, object], None]


def writes(name: str, path: str, before: str = "", **fields: Any) -> dict[str, Any]:
    """A task that writes one file."""
    prompt = f"{before}echo {name} > {path}; git add -A; git commit -qm {name}\n"
    return {"id": name, "title": name, "prompt": prompt, **fields}


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    """A repository with a remote, both on the same commit."""
    playground = Playground(tmp_path)
    remote = tmp_path / "remote.git"
    playground.git("init", "-q", "--bare", "-b", "main", str(remote))
    playground.git("remote", "add", "origin", str(remote))
    text = (playground.repo / "gangsaw.toml").read_text()
    (playground.repo / "gangsaw.toml").write_text(
        text.replace("[run]\n", '[run]\nremote = "origin"\n')
    )
    playground.git("commit", "-qam", "remote")
    playground.git("push", "-q", "origin", "main")
    return playground


@pytest.fixture
def remote(pg: Playground) -> Path:
    return pg.root / "remote.git"


def hook(remote: Path, name: str, script: str) -> Path:
    """A hook of the remote."""
    path = remote / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return path


def kinds(pg: Playground, *wanted: str) -> list[dict[str, Any]]:
    return [event for event in pg.events() if event["kind"] in wanted]


def pushes(pg: Playground) -> list[str]:
    """What the remote was pushed, as its own hook recorded it: one commit a line."""
    ledger = pg.root / "pushes"
    return ledger.read_text().split() if ledger.exists() else []


def count_pushes(pg: Playground, remote: Path) -> None:
    hook(
        remote, "post-receive", f"while read old new ref; do echo $new >> {pg.root}/pushes; done\n"
    )


def refs(remote: Path, pg: Playground) -> str:
    return pg.git("for-each-ref", "--format=%(refname)", cwd=remote)


@pytest.mark.parametrize("push", ["each", "end"])
def test_one_push_with_each_landing_or_one_at_the_end(
    pg: Playground, remote: Path, push: str
) -> None:
    pg.settings(f'[landing]\npush = "{push}"\n')
    pg.git("push", "-q", "origin", "main")
    count_pushes(pg, remote)
    first = pg.git("rev-parse", "main")
    # The second agent's own branch tells what had been pushed when it began.
    pushed = f"n=0; until git -C {remote} cat-file -e main:a.txt 2>/dev/null; do n=$((n + 1)); "
    pushed += "test $n -lt 1200; sleep 0.05; done\n" if push == "each" else "break; done\n"
    look = f'{pushed}git -C {remote} rev-parse main >> "$LEDGER"\n'
    status = pg.run(pg.plan([writes("a", "a.txt"), writes("b", "b.txt", look, needs=["a"])]))
    tip = pg.git("rev-parse", "main")
    assert pushes(pg)[-1] == tip == status["pushed"]
    seen = pg.ledger_lines()[0][0]
    assert (seen == first) == (push == "end")
    assert len(pushes(pg)) == (1 if push == "end" else 2)
    assert refs(remote, pg) == "refs/heads/main"
    assert len(kinds(pg, "pushed")) == len(pushes(pg))


def test_a_remote_that_vanishes_is_waited_for(pg: Playground, remote: Path) -> None:
    gone = remote.with_name("gone.git")
    remote.rename(gone)
    run = pg.start("run", pg.plan([writes("a", "a.txt")]))
    try:
        pg.wait_for(lambda: len(kinds(pg, "push.failed")) > 1, "two failed pushes")
        assert run.poll() is None, "the run has not waited"
        gone.rename(remote)
        assert run.wait(60) == 0
    finally:
        run.kill()
        run.wait(60)
    assert pg.git("rev-parse", "main", cwd=remote) == pg.git("rev-parse", "main")
    failed = kinds(pg, "push.failed")
    assert all(event["body"]["passing"] for event in failed)
    assert "cannot be reached" in failed[0]["body"]["text"]
    assert "is not pushed" in (pg.root / "output").read_text()


def test_a_remote_that_stays_away_is_tried_a_few_times(pg: Playground, remote: Path) -> None:
    gone = remote.with_name("gone.git")
    remote.rename(gone)
    status = pg.run(pg.plan([writes("a", "a.txt")]), expect=3)
    assert "cannot be reached" in status["push_blocked"]
    assert status["delivery_blocked"] == status["push_blocked"]
    assert (pg.repo / "a.txt").read_text() == "a\n", "a remote keeps nobody from what landed"
    assert len(kinds(pg, "push.failed")) == 6
    assert "main is not pushed: " in pg.call("status").stdout
    gone.rename(remote)
    assert pg.call("run").returncode == 0
    assert pg.git("show", "main:a.txt", cwd=remote) == "a"


def someone_pushes(pg: Playground, remote: Path, change: str) -> str:
    """Shell of somebody with a clone of their own, who commits and pushes."""
    clone = pg.root / "theirs"
    return (
        f"git clone -q {remote} {clone}; (cd {clone}; {change}; git add -A; "
        "git commit -qm theirs; git push -q origin HEAD:main)\n"
    )


@pytest.mark.parametrize("history", ["merge", "linear"])
def test_a_remote_that_has_moved_is_merged_in_checked_and_pushed(
    pg: Playground, remote: Path, history: str
) -> None:
    pg.settings(
        f'[landing]\nhistory = "{history}"\n'
        '[checks]\nrun = [\'echo "$(ls)" >> "$LEDGER"; echo end >> "$LEDGER"\']\n'
        "pass_env = ['LEDGER']\n"
    )
    pg.git("push", "-q", "origin", "main")
    theirs = someone_pushes(pg, remote, "echo theirs > theirs.txt")
    pg.run(pg.plan([writes("a", "a.txt", theirs), writes("b", "b.txt", needs=["a"])]))
    tip = pg.git("rev-parse", "main")
    assert pg.git("rev-parse", "main", cwd=remote) == tip
    for name in ("a.txt", "b.txt", "theirs.txt"):
        assert (pg.repo / name).exists()
    assert pg.git("status", "--porcelain") == ""
    checked = [set(text.split()) for text in pg.ledger.read_text().split("end\n")]
    assert any({"theirs.txt", "a.txt"} <= names for names in checked), "not checked together"
    moved = kinds(pg, "target.moved")
    assert [event["body"]["remote"] for event in moved] == ["origin"]
    assert pg.git("for-each-ref", "refs/gangsaw/fetched") == ""
    # Theirs is still there: nothing was forced.
    assert pg.git("log", "--format=%s", "-1", "--", "theirs.txt", cwd=remote) == "theirs"


def test_a_remote_whose_commits_conflict_waits_for_a_person(pg: Playground, remote: Path) -> None:
    theirs = someone_pushes(pg, remote, "echo theirs > a.txt")
    status = pg.run(pg.plan([writes("a", "a.txt", theirs)]), expect=3)
    assert (
        "conflicts in a.txt; on main try: git pull --no-rebase origin main, resolve"
        in (status["push_blocked"])
    )
    assert pg.git("show", "main:a.txt", cwd=remote) == "theirs"
    assert pg.git("show", "main:a.txt") == "a"
    # The person merges by hand; that is checked, and pushed.
    pg.git("fetch", "-q", "origin")
    pg.git("merge", "-q", "-X", "ours", "--no-edit", "origin/main")
    done = pg.call("run")
    assert done.returncode == 0, done.stderr
    assert pg.git("rev-parse", "main", cwd=remote) == pg.git("rev-parse", "main")
    assert pg.git("show", "main:a.txt", cwd=remote) == "a"


def test_a_person_who_pushes_first_is_no_trouble(pg: Playground, remote: Path) -> None:
    refusing = hook(remote, "pre-receive", "echo closed for today >&2\nexit 1\n")
    status = pg.run(pg.plan([writes("a", "a.txt")]), expect=3)
    assert (
        "origin refused it: closed for today (pre-receive hook declined)" in status["push_blocked"]
    )
    refusing.unlink()
    pg.git("push", "-q", "origin", "main")
    pg.git("clone", "-q", str(remote), str(pg.root / "theirs"))
    pg.git("commit", "-q", "--allow-empty", "-m", "on top", cwd=pg.root / "theirs")
    pg.git("push", "-q", cwd=pg.root / "theirs")
    before = pg.git("rev-parse", "main")
    assert pg.call("run").returncode == 0
    assert pg.git("rev-parse", "main") == before
    assert status["head"] == before


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'GH006: Protected branch update failed for refs/heads/main.' >&2\nexit 1\n",
         ":refs/heads/gangsaw/run/r1, and a pull request from it"),
        ("echo 'GH008: unknown Git LFS objects' >&2\nexit 1\n", "git lfs push origin main"),
        ("exit 1\n", "pre-receive hook declined"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_commands_that_help(
    pg: Playground, remote: Path, script: str, said: str
) -> None:
    hook(remote, "pre-receive", f"grep -q refs/heads/main || exit 0\n{script}")
    status = pg.run(pg.plan([writes("a", "a.txt")]), expect=3)
    assert said in status["push_blocked"]
    assert [event["body"]["passing"] for event in kinds(pg, "push.failed")] == [False]
    assert pg.git("log", "-1", "--format=%s", "main", cwd=remote) == "remote"
    if "pull request" in said:
        command = status["push_blocked"].split("try: git ")[1].split(",")[0]
        pg.git(*command.split())
        assert pg.git("rev-parse", "gangsaw/run/r1", cwd=remote) == pg.git("rev-parse", "main")


def test_sign_in_is_asked_for_by_name(pg: Playground) -> None:
    wrapper = pg.root / "ssh"
    wrapper.write_text("#!/bin/sh\necho 'git@host: Permission denied (publickey).' >&2\nexit 255\n")
    wrapper.chmod(0o755)
    pg.env["GIT_SSH_COMMAND"] = str(wrapper)
    pg.git("remote", "set-url", "origin", "git@host:a/b.git")
    status = pg.run(pg.plan([writes("a", "a.txt")]), expect=3)
    assert "does not let us in: " in status["push_blocked"]
    assert "try to sign in with: git push origin main" in status["push_blocked"]
    assert len(kinds(pg, "push.failed")) == 1


def test_no_such_remote_is_told_before_any_agent_starts(pg: Playground) -> None:
    pg.git("remote", "rename", "origin", "upstream")
    done = pg.call("run", pg.plan([{"id": "a", "title": "a", "prompt": 'echo x >> "$LEDGER"\n'}]))
    assert done.returncode == 2
    assert "cannot push to 'origin'" in done.stderr
    assert "one of: upstream" in done.stderr
    assert pg.ledger_lines() == []
    pg.env["GANGSAW_REMOTE"] = "https://me:hunter2@example.org/x.git"
    done = pg.call("run", pg.plan([writes("a", "a.txt")]))
    assert done.returncode == 2
    assert "hunter2" not in done.stderr + done.stdout


def test_never_delivered_prints_the_commands_and_they_work(pg: Playground, remote: Path) -> None:
    plan = pg.plan([writes("a", "a.txt"), writes("b", "b.txt", needs=["a"])])
    pg.git("switch", "-q", "-c", "elsewhere")
    done = pg.call("run", plan, "--deliver", "never", "--target", "main")
    assert done.returncode == 0, done.stderr
    commands = pg.status()["deliver_by_hand"]
    landed = pg.landings()[-1][:12]
    assert commands == [
        "git switch main", f"git merge --ff-only {landed}", "git push origin main",
    ]  # fmt: skip
    for command in commands:
        assert command in done.stderr
    assert " && ".join(commands) in pg.call("status").stdout
    assert pg.git("log", "-1", "--format=%s", "main") == "remote"
    subprocess.run(
        ["sh", "-ec", "\n".join(commands)], cwd=pg.repo, env=pg.environment(), check=True,
        capture_output=True,
    )  # fmt: skip
    assert pg.git("show", "main:b.txt", cwd=remote) == "b"


def test_what_others_put_on_the_integration_branch_last_is_not_taken_over(pg: Playground) -> None:
    """Nothing lands after it, so it was never checked: it is named, and the commands pass it by."""
    branch = "refs/heads/gangsaw/run/r1"
    meddles = (
        f"git checkout -q --detach {branch}; echo x > evil.txt; git add -A; git commit -qm evil\n"
        f"git update-ref {branch} HEAD; git checkout -q -; exit 1\n"
    )
    tasks = [writes("a", "a.txt"), {"id": "b", "prompt": meddles, "needs": ["a"]}]
    done = pg.call("run", pg.plan(tasks), "--deliver", "never")
    assert done.returncode == 1, done.stderr
    evil, landed = pg.git("rev-parse", branch), pg.git("rev-parse", f"{branch}~1")
    assert pg.git("log", "-1", "--format=%s", evil) == "evil"
    remedy = f"git branch -f gangsaw/run/r1 {landed[:10]}"
    assert (
        f"gangsaw/run/r1 was moved to {evil[:10]}, which is not checked; "
        f"what landed is at {landed[:10]}: {remedy}"
    ) in done.stderr
    for command in pg.status()["deliver_by_hand"]:
        pg.git(*command.split()[1:])
    assert pg.git("rev-parse", "main") == landed
    pg.git(*remedy.split()[1:])
    assert pg.git("rev-parse", branch) == landed


@pytest.mark.parametrize("history", ["squash", "linear"])
def test_a_shape_of_history_from_plan_to_remote(
    pg: Playground, remote: Path, history: str, record_property: Figure
) -> None:
    pg.settings(f'[landing]\nhistory = "{history}"\n')
    pg.git("push", "-q", "origin", "main")
    two = (
        "echo 1 > a.txt; git add -A; git commit -qm 'one' -m 'Fixes: #1'\n"
        "echo 2 > a2.txt; git add -A; git commit -qm 'two' -m 'Signed-off-by: Ann <a@x.org>'\n"
    )
    first = pg.git("rev-parse", "main")
    plan = pg.plan([{"id": "a", "title": "Task a", "prompt": two}, writes("b", "b", needs=["a"])])
    pg.run(plan)
    shown = pg.git("log", "--reverse", "--format=%s", f"{first}..main", cwd=remote).split("\n")
    assert shown == (["Task a", "b"] if history == "squash" else ["one", "two", "b"])
    assert pg.git("rev-list", "--merges", f"{first}..main") == ""
    text = pg.git("log", "--format=%(trailers:only)", f"{first}..main")
    assert "Fixes: #1" in text
    assert "Signed-off-by: Ann <a@x.org>" in text
    assert pg.call("stranded").stdout.strip().startswith("nothing is stranded")
    record_property("figure", f"{history}: {len(shown)} commits for two tasks, 0 merges")
    # What landed is taken back as one.
    for task in ("b", "a"):
        assert pg.call("undo", task).returncode == 0
        pg.call("run")
    assert pg.statuses() == {"a": "undone", "b": "undone"}
    assert pg.git("diff", first, "main") == ""
