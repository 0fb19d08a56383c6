"""Delivery with the real program: the user's checkout, the target, remotes, hooks and signing."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

Figure = Callable[[str, object], None]


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    playground = Playground(tmp_path)
    playground.write("kept.txt", "one\n")
    playground.write("other.txt", "one\n")
    playground.git("add", "-A")
    playground.git("commit", "-qm", "files")
    return playground


def until(fact: str) -> str:
    """Shell that waits for a fact, for a minute at most."""
    tick = "n=$((n + 1)); test $n -lt 1200; sleep 0.05"
    return f"n=0; until {fact}; do {tick}; done\n"


def writes(name: str, path: str, text: str = "from the agent", **fields: Any) -> dict[str, Any]:
    """A task that writes one file."""
    prompt = f"echo {text} > {path}; git add -A; git commit -qm {name}\n"
    return {"id": name, "title": name, "prompt": prompt, **fields}


def files_of(folder: Path) -> dict[str, str]:
    """Path → digest of every file below the folder, `.git` left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.relative_to(folder).parts:
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def index_of(pg: Playground) -> str:
    return pg.git("ls-files", "--stage")


def statuses(status: Mapping[str, Any]) -> dict[str, str]:
    return {found["id"]: found["status"] for found in status["tasks"]}


# --- a dirty checkout --------------------------------------------------------------------------


def _staged(pg: Playground) -> None:
    pg.write("kept.txt", "mine\n")
    pg.git("add", "kept.txt")


def _unstaged(pg: Playground) -> None:
    pg.write("kept.txt", "mine\n")


def _in_the_way(pg: Playground) -> None:
    pg.write("new.txt", "my own untracked\n")


DIRT = {"staged": _staged, "unstaged": _unstaged, "untracked in the way": _in_the_way}


@pytest.mark.parametrize("remedy", ["commit", "stash"])
@pytest.mark.parametrize("dirt", DIRT)
@pytest.mark.guarantee("G8")
def test_a_dirty_checkout_is_left_alone_until_it_is_clean(
    pg: Playground, dirt: str, remedy: str, record_property: Figure
) -> None:
    DIRT[dirt](pg)
    before, index, head = files_of(pg.repo), index_of(pg), pg.git("rev-parse", "main")
    plan = pg.plan([writes("a", "new.txt"), writes("b", "more.txt", needs=["a"])])
    status = pg.run(plan, expect=3)
    assert statuses(status) == {"a": "landed", "b": "landed"}
    assert "uncommitted changes" in status["delivery_blocked"]
    assert ("new.txt" if "way" in dirt else "kept.txt") in status["delivery_blocked"]
    assert (files_of(pg.repo), index_of(pg), pg.git("rev-parse", "main")) == (before, index, head)
    assert pg.git("show", "gangsaw/run/r1:more.txt") == "from the agent"
    # A run in the same state says the same again, and touches nothing.
    assert pg.call("run").returncode == 3
    assert (files_of(pg.repo), index_of(pg)) == (before, index)

    if remedy == "commit":
        pg.git("add", "-A")
        pg.git("commit", "-qm", "mine")
    else:
        pg.git("stash", "-q", "--include-untracked")
    done = pg.call("run", "--json")
    if dirt == "untracked in the way" and remedy == "commit":
        # Both sides now add the same file: that is for a person.
        assert done.returncode == 3, done.stderr
        assert (pg.repo / "new.txt").read_text() == "my own untracked\n"
    else:
        assert done.returncode == 0, done.stderr
        assert (pg.repo / "more.txt").read_text() == "from the agent\n"
        assert (pg.repo / "new.txt").read_text() == "from the agent\n"
        if remedy == "commit":
            assert (pg.repo / "kept.txt").read_text() == "mine\n"
    if remedy == "stash":
        text = pg.git("stash", "show", "-p", "--include-untracked")
        assert "mine" in text or "my own untracked" in text
    record_property("figure", f"dirty checkout ({dirt}): {len(before)} files byte-identical")


def test_an_unrelated_untracked_file_is_no_reason_to_wait(pg: Playground) -> None:
    pg.write("notes.txt", "mine\n")
    pg.write("folder/notes.txt", "mine too\n")
    pg.run(pg.plan([writes("a", "new.txt")]))
    assert (pg.repo / "notes.txt").read_text() == "mine\n"
    assert (pg.repo / "new.txt").exists()
    assert pg.git("status", "--porcelain").split() == ["??", "folder/", "??", "notes.txt"]


def test_a_checkout_that_becomes_clean_during_the_run_is_delivered_to(pg: Playground) -> None:
    pg.write("kept.txt", "mine\n")
    gate = pg.root / "gate"
    slow = f"{until(f'test -e {gate}')}echo x > slow.txt; git add -A\n"
    plan = pg.plan(
        [
            writes("a", "new.txt"),
            {"id": "slow", "title": "slow", "prompt": f"{slow}git commit -qm slow\n"},
        ]
    )
    engine = pg.start("run", plan)
    try:
        pg.wait_for(lambda: bool(_status(pg).get("delivery_blocked")), "delivery to be blocked")
        assert (pg.repo / "kept.txt").read_text() == "mine\n"
        pg.git("commit", "-qam", "mine")
        pg.wait_for((pg.repo / "new.txt").exists, "delivery by itself")
        assert engine.poll() is None
        gate.touch()
        assert engine.wait(60) == 0
    finally:
        gate.touch()
        engine.kill()
        engine.wait(60)
    assert (pg.repo / "kept.txt").read_text() == "mine\n"
    assert (pg.repo / "slow.txt").exists()


def _status(pg: Playground) -> dict[str, Any]:
    done = pg.call("status", "--json")
    return pg.status() if done.returncode == 0 else {}


# --- a target that moves -----------------------------------------------------------------------


def commits_meanwhile(pg: Playground, change: str) -> dict[str, Any]:
    """A task during which the user commits in the checkout."""
    user = f"(cd {pg.repo}; {change}; git add -A; git commit -qm by-the-user)"
    prompt = f"{user}\necho from the agent > new.txt; git add -A; git commit -qm agent\n"
    return {"id": "a", "title": "a", "prompt": prompt}


@pytest.mark.guarantee("G8")
def test_a_target_that_moved_is_merged_in_checked_and_delivered(pg: Playground) -> None:
    pg.settings("[checks]\nrun = ['echo \"$(ls)\" >> \"$LEDGER\"; echo end >> \"$LEDGER\"']\n"
                "pass_env = ['LEDGER']\n")  # fmt: skip
    plan = pg.plan(
        [commits_meanwhile(pg, "echo mine > user.txt"), writes("b", "b.txt", needs=["a"])]
    )
    status = pg.run(plan)
    assert statuses(status) == {"a": "landed", "b": "landed"}
    assert pg.git("rev-parse", "main") == pg.git("rev-parse", "gangsaw/run/r1")
    for name in ("user.txt", "new.txt", "b.txt"):
        assert (pg.repo / name).exists()
    assert pg.git("status", "--porcelain") == ""
    # The combination with the user's commit was checked as such.
    checked = [set(text.split()) for text in pg.ledger.read_text().split("end\n")]
    assert any({"user.txt", "new.txt"} <= names and "b.txt" not in names for names in checked)
    moved = [event for event in recorded(pg) if event[0] == "target.moved"]
    assert len(moved) == 1


def recorded(pg: Playground) -> list[tuple[str, Mapping[str, Any]]]:
    return [(event["kind"], event["body"]) for event in pg.events()]


def test_a_moved_target_that_conflicts_waits_for_a_person(pg: Playground) -> None:
    plan = pg.plan(
        [commits_meanwhile(pg, "echo mine > new.txt"), writes("b", "b.txt", needs=["a"])]
    )
    status = pg.run(plan, expect=3)
    assert statuses(status) == {"a": "landed", "b": "landed"}
    assert status["delivery_blocked"].endswith(
        "conflicts in new.txt; on main try: git merge gangsaw/run/r1, resolve, commit, gangsaw run"
    )
    assert (pg.repo / "new.txt").read_text() == "mine\n"
    assert pg.git("log", "-1", "--format=%s", "main") == "by-the-user"
    assert pg.git("show", "gangsaw/run/r1:new.txt") == "from the agent"
    # The person merges by hand, and the run is over.
    pg.git("merge", "-q", "-X", "ours", "--no-edit", "gangsaw/run/r1")
    assert pg.call("run").returncode == 0
    assert (pg.repo / "b.txt").exists()


def test_a_moved_target_that_is_red_together_waits_for_a_person(pg: Playground) -> None:
    pg.settings("[checks]\nrun = ['test ! -e new.txt || test ! -e user.txt']\n")
    status = pg.run(pg.plan([commits_meanwhile(pg, "echo mine > user.txt")]), expect=3)
    assert "check failed" in status["delivery_blocked"]
    assert pg.git("log", "-1", "--format=%s", "main") == "by-the-user"
    assert pg.git("status", "--porcelain") == ""


# --- when, and where to ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["each", "end", "never"])
def test_the_moment_of_delivery(pg: Playground, mode: str) -> None:
    look = f'git rev-list --count {pg.git("rev-parse", "main")}..main >> "$LEDGER"\n'
    second = writes("b", "b.txt", needs=["a"])
    if mode == "each":
        arrived = until("git cat-file -e main:a.txt 2>/dev/null")
        look = arrived + look
    second["prompt"] = look + second["prompt"]
    pg.run(pg.plan([writes("a", "a.txt"), second]), "--deliver", mode)
    seen = [words[0] for words in pg.ledger_lines()]
    assert seen == (["2"] if mode == "each" else ["0"])
    assert (pg.repo / "b.txt").exists() == (mode != "never")
    assert pg.git("show", "gangsaw/run/r1:b.txt") == "from the agent"
    assert pg.git("status", "--porcelain") == ""


def test_a_target_that_nobody_has_checked_out(pg: Playground) -> None:
    pg.git("branch", "release")
    pg.git("switch", "-q", "-c", "work")
    pg.write("kept.txt", "mine, on another branch\n")
    before, here = files_of(pg.repo), pg.git("rev-parse", "work")
    pg.run(pg.plan([writes("a", "a.txt")]), "--target", "release")
    assert pg.git("show", "release:a.txt") == "from the agent"
    assert (files_of(pg.repo), pg.git("rev-parse", "work")) == (before, here)


def test_a_target_checked_out_in_a_linked_worktree(pg: Playground) -> None:
    linked = pg.root / "linked"
    pg.git("worktree", "add", "-q", "-b", "release", str(linked))
    before = files_of(pg.repo)
    pg.run(pg.plan([writes("a", "a.txt")]), "--target", "release")
    assert (linked / "a.txt").read_text() == "from the agent\n"
    assert pg.git("status", "--porcelain", cwd=linked) == ""
    assert files_of(pg.repo) == before


# --- remotes -----------------------------------------------------------------------------------


@pytest.fixture
def remote(pg: Playground) -> Path:
    path = pg.root / "remote.git"
    pg.git("init", "-q", "--bare", "-b", "main", str(path))
    pg.git("remote", "add", "origin", str(path))
    pg.git("push", "-q", "origin", "main")
    text = (pg.repo / "gangsaw.toml").read_text()
    (pg.repo / "gangsaw.toml").write_text(text.replace("[run]\n", '[run]\nremote = "origin"\n'))
    pg.git("commit", "-qam", "remote")
    return path


def test_what_is_delivered_is_pushed(pg: Playground, remote: Path) -> None:
    pg.run(pg.plan([writes("a", "a.txt"), writes("b", "b.txt", needs=["a"])]))
    assert pg.git("rev-parse", "main", cwd=remote) == pg.git("rev-parse", "main")
    assert pg.git("for-each-ref", "--format=%(refname)", cwd=remote) == "refs/heads/main"


def test_a_rejected_push_waits_for_a_person_and_is_made_up_for(
    pg: Playground, remote: Path
) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no pushes on fridays >&2\nexit 1\n")
    hook.chmod(0o755)
    status = pg.run(pg.plan([writes("a", "a.txt")]), expect=3)
    assert statuses(status) == {"a": "landed"}
    assert "origin refused it" in status["delivery_blocked"]
    assert "no pushes on fridays" in status["delivery_blocked"]
    assert (pg.repo / "a.txt").exists()
    hook.unlink()
    assert pg.call("run").returncode == 0
    assert pg.git("show", "main:a.txt", cwd=remote) == "from the agent"


# --- the user's hooks and signing --------------------------------------------------------------

HOOKS = ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "post-merge",
         "pre-merge-commit", "post-checkout", "reference-transaction", "pre-push",
         "post-index-change", "post-rewrite", "pre-rebase")  # fmt: skip


@pytest.mark.parametrize("place", [".git/hooks", ".husky/_"])
def test_no_hook_of_the_user_runs_from_our_own_git_calls(
    pg: Playground, remote: Path, place: str
) -> None:
    folder = pg.repo / place
    folder.mkdir(parents=True, exist_ok=True)
    ran = pg.root / "hooks-that-ran"
    for name in HOOKS:
        # A hook that runs from an agent's own git is the user's business, and is told apart.
        line = f'test -n "$GANGSAW_TASK" || {{ echo {name} >> {ran}; exit 1; }}\n'
        (folder / name).write_text(f"#!/bin/sh\n{line}")
        (folder / name).chmod(0o755)
    if place != ".git/hooks":
        pg.write(".gitignore", ".husky\n")
        pg.git("add", ".gitignore")
        pg.git("commit", "-qm", "ignore")
        pg.git("config", "core.hooksPath", place)
    lazy = {"id": "lazy", "title": "lazy", "prompt": "echo left > left.txt\n"}
    try:
        done = pg.call("run", pg.plan([writes("a", "a.txt"), lazy]), timeout_s=60)
    finally:
        assert not ran.exists(), ran.read_text()
    assert done.returncode == 0, done.stderr
    assert pg.git("show", "main:left.txt", cwd=remote) == "left"


def test_signing_that_fails_is_told_before_any_agent_starts(pg: Playground) -> None:
    gpg = pg.root / "gpg"
    gpg.write_text("#!/bin/sh\necho gpg: no secret key >&2\nexit 2\n")
    gpg.chmod(0o755)
    pg.git("config", "gpg.program", str(gpg))
    pg.git("config", "commit.gpgsign", "true")
    plan = pg.plan([{"id": "a", "title": "a", "prompt": 'echo ran >> "$LEDGER"\n'}])
    done = pg.call("run", plan)
    assert done.returncode == 1
    assert "cannot sign commits" in done.stderr
    assert "failed to sign" in done.stderr
    assert "git config commit.gpgsign false" in done.stderr
    assert pg.ledger_lines() == []
    pg.git("config", "commit.gpgsign", "false")
    pg.run(pg.plan([writes("a", "a.txt")]))


def test_landed_commits_are_signed_where_the_user_signs(pg: Playground) -> None:
    key = pg.root / "key"
    made = subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)],
        capture_output=True, check=False, env=os.environ | {"HOME": str(pg.root)},
    )  # fmt: skip
    assert made.returncode == 0
    pg.git("config", "gpg.format", "ssh")
    pg.git("config", "user.signingkey", f"{key}.pub")
    pg.git("config", "commit.gpgsign", "true")
    pg.run(pg.plan([writes("a", "a.txt")]))
    assert "gpgsig" in pg.git("cat-file", "commit", "gangsaw/run/r1")
