"""What agents do to themselves and to the repository: each mood has a defined outcome with the
real program, nothing is lost, and the others go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

Figure = Callable[[str, object], None]
KEPT = "refs/gangsaw"
FLOOD_BYTES = 50 * 1024 * 1024


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    return Playground(tmp_path)


def shell(name: str, prompt: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "title": name, "prompt": f"{prompt}\n", "agent": "sh", **fields}


def scripted(name: str, *lines: str, **fields: Any) -> dict[str, Any]:
    prompt = "\n".join(["#!script", *lines, ""])
    return {"id": name, "title": name, "prompt": prompt, "agent": "scripted", **fields}


def by_id(status: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {found["id"]: found for found in status["tasks"]}


def bounds(pg: Playground, **values: object) -> None:
    """Add to `[run]`, and commit it."""
    path = pg.repo / "gangsaw.toml"
    more = "".join(f"{name} = {value}\n" for name, value in values.items())
    path.write_text(path.read_text().replace("[run]\n", f"[run]\n{more}"))
    pg.git("commit", "-qam", "bounds")


def holds(pg: Playground, path: str, text: str) -> bool:
    """Whether some ref below `refs/gangsaw` has a file with that text."""
    refs = pg.git("for-each-ref", "--format=%(refname)", KEPT).split()
    return any(pg.git("show", f"{ref}:{path}", ok=False) == text for ref in refs)


def is_alive(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return words[0] != "Z"


# --- how an agent behaves ----------------------------------------------------------------------


@pytest.mark.guarantee("G9", "G15")
def test_moods_of_the_scripted_agent(pg: Playground, record_property: Figure) -> None:
    bounds(pg, stall_s=5)
    done = ["write {0}.txt ok", "commit {0}"]

    def well(name: str, *first: str) -> dict[str, Any]:
        return scripted(name, *first, *(line.format(name) for line in done))

    red = {"checks": ["test -e never"], "attempts": 1}
    tasks = [
        well("good"),
        scripted("leaves", "write leaves.txt ok", "write sub/dir/leaves2.txt ok"),
        scripted("nothing", "say I looked around"),
        scripted("lies", "lie"),
        scripted("lies-about-checks", "write x.txt no", "commit x", "lie", **red),
        scripted("exits", "write half.txt work", "exit 3", attempts=1),
        scripted("fails", "fail 7", attempts=2),
        scripted("hangs", "ignore-term", "write hung.txt work", "hang", attempts=1),
        scripted("slow", *["say busy", "sleep 0.4"] * 200, timeout_s=3, attempts=1),
        well("floods", f"flood {FLOOD_BYTES}"),
        well("binary", "binary 3000000"),
        well("paints", "ansi"),
        well("forks", "fork-daemon 300"),
        scripted("refuses", "refuse please run /login"),
        scripted("bad", "no-such-command", attempts=1),
        scripted("after", "write after.txt ok", "commit after", needs=["exits", "good"]),
        scripted("goes-on", "write goes-on.txt ok", "commit x", needs=["good", "floods"]),
        scripted("later", "write later.txt ok", "commit x", needs=["after"]),
    ]
    status = pg.run(pg.plan(tasks), "--max-agents", "6", expect=3)
    found = by_id(status)
    landed = {name for name, task in found.items() if task["status"] == "landed"}
    fine = {"good", "leaves", "floods", "binary", "paints", "forks", "goes-on"}
    assert landed == fine
    says = {
        "nothing": ("failed", "changed nothing", 1),
        "lies": ("failed", "changed nothing", 1),
        "lies-about-checks": ("failed", "check failed: test -e never", 1),
        "exits": ("failed", "exit code 3", 1),
        "fails": ("failed", "failing with 7 as told · 2 of 2 attempts used", 2),
        "hangs": ("failed", "wrote nothing for 5 s", 1),
        "slow": ("failed", "ran longer than its time limit", 1),
        "refuses": ("needs_you", "please run /login", 1),
        "bad": ("failed", "no-such-command", 1),
        "after": ("held", "exits did not land", 0),
        "later": ("held", "after did not land", 0),
    }
    for name, (state, words, attempts) in says.items():
        task = found[name]
        assert (task["status"], task["attempts"]) == (state, attempts), task
        assert words in task["reason"], task
        assert words in pg.call("why", name).stdout
    # What unlucky agents made is held.
    assert holds(pg, "half.txt", "work")
    assert holds(pg, "hung.txt", "work")
    assert (pg.repo / "sub/dir/leaves2.txt").read_text() == "ok\n"
    assert pg.git("status", "--porcelain") == ""
    record_property(
        "figure", f"moods: {len(fine)} landed, {len(says)} ended with a reason, nothing lost"
    )


def test_daemons_that_an_agent_leaves_behind_are_swept(pg: Playground) -> None:
    escape = "setsid sh -c 'echo $$ >> \"$LEDGER\"; exec sleep 300' >/dev/null 2>&1 &\n"
    tick = "n=$((n + 1)); test $n -lt 600; sleep 0.05"
    wait = f'n=0; until test -s "$LEDGER"; do {tick}; done\n'
    pg.run(pg.plan([shell("a", f"{escape}{wait}echo x > x; git add x; git commit -qm x")]))
    pids = [int(words[0]) for words in pg.ledger_lines()]
    assert len(pids) == 1
    assert not is_alive(pids[0])
    exited = [event for event in pg.events() if event["kind"] == "turn.exited"]
    assert exited[0]["body"]["swept"] >= 1


# --- what an agent leaves ----------------------------------------------------------------------

LEFT = (
    "echo tracked >> README.md; echo new > new.txt; echo staged > staged.txt; git add staged.txt;"
    " mkdir d; echo deep > d/deep.txt; echo no > ignored.o"
)


@pytest.mark.parametrize("mode", ["commit", "ask", "fail"])
def test_files_left_uncommitted(pg: Playground, mode: str) -> None:
    bounds(pg, uncommitted=f'"{mode}"')
    pg.write(".gitignore", "*.o\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "ignore")
    code = {"commit": 0, "ask": 3, "fail": 1}[mode]
    found = by_id(pg.run(pg.plan([shell("a", LEFT)]), expect=code))["a"]
    names = {"README.md", "new.txt", "staged.txt", "d/deep.txt"}
    if mode == "fail":
        assert found["status"] == "failed"
        assert found["attempts"] == 1
    if mode == "ask":
        assert found["status"] == "needs_you"
    if mode != "commit":
        assert "left uncommitted" in found["reason"]
        assert all(name in found["reason"] for name in names)
        assert not (pg.repo / "new.txt").exists()
    if mode == "fail":
        assert holds(pg, "d/deep.txt", "deep")
        assert holds(pg, "new.txt", "new")
        return
    if mode == "ask":
        assert pg.call("approve", "a").returncode == 0
        again = pg.call("run", "--json")
        assert again.returncode == 0, again.stderr
    assert pg.statuses() == {"a": "landed"}
    for name in names:
        assert (pg.repo / name).exists()
    assert not (pg.repo / "ignored.o").exists()
    own = pg.git("log", "--format=%B", "main^2", "-1")
    assert "left uncommitted" in own


# --- what an agent does to git -----------------------------------------------------------------

COMMIT = "echo $GANGSAW_TASK > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"
NEST = "git init -q nest; echo n > nest/n.txt; git -C nest add -A; git -C nest commit -qm nest"


@pytest.mark.guarantee("G9")
def test_moods_of_shell_agents_that_meddle_with_their_worktree(
    pg: Playground, record_property: Figure
) -> None:
    pg.write("second.txt", "second\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "second")
    once = {"attempts": 1}
    tasks = [
        shell("deletes-worktree", f"{COMMIT}; here=$PWD; cd /; rm -rf \"$here\"", **once),
        # Its own entry only: `git worktree prune` would take that of deletes-git with it, at times.
        shell("impostor", f"{COMMIT}; here=$PWD; rm -rf \"$(git rev-parse --absolute-git-dir)\"; "
              "cd /; rm -rf \"$here\"; mkdir \"$here\"; echo mine > \"$here/mine\"", **once),
        shell("deletes-git", "echo $GANGSAW_TASK > deletes-git.txt; rm .git"),
        shell("replaces-git", "echo x > replaces-git.txt; rm .git; git init -q ."),
        shell("other-branch", f"git checkout -q -b elsewhere; {COMMIT}"),
        shell("detached", f"git checkout -q --detach; git branch -D $(git for-each-ref --format="
              f"'%(refname:short)' refs/heads/gangsaw | grep detached); {COMMIT}"),
        shell("resets", f"git reset -q --hard HEAD~1; {COMMIT}", **once),
        shell("orphan", f"git checkout -q --orphan bare-start; {COMMIT}", **once),
        shell("stashes", "echo stashed > s.txt; git add s.txt; git stash -q"),
        shell("locks", 'echo x > locks.txt; touch "$(git rev-parse --git-dir)/index.lock"'),
        shell("nests", f"{NEST}; echo x > nests.txt; git add nests.txt; git commit -qm n"),
        shell("nests-and-adds", f"{NEST}; {COMMIT}"),
        shell("rebases", f"test $GANGSAW_TURN = 1 || exit 0; {COMMIT}; "
              "GIT_SEQUENCE_EDITOR='sed -i s/^pick/edit/' git rebase -q -i HEAD~1 2>/dev/null || :;"
              "test -d $(git rev-parse --git-path rebase-merge)", **once),
        shell("good", COMMIT),
    ]  # fmt: skip
    status = pg.run(pg.plan(tasks), "--max-agents", "6", expect=3)
    found = by_id(status)
    fine = {"deletes-git", "replaces-git", "other-branch", "detached", "locks", "good"}
    says = {
        "deletes-worktree": "worktree has vanished",
        "impostor": "worktree has vanished",
        "resets": "left its base",
        "orphan": "left its base",
        "stashes": "changed nothing",
        "nests": "made a git repository of its own",
        "nests-and-adds": "made a git repository of its own",
        "rebases": "merge or rebase unfinished",
    }
    assert {name: task["status"] for name, task in found.items()} == {
        **dict.fromkeys(fine, "landed"),
        **dict.fromkeys(says, "failed"),
        "rebases": "needs_you",
    }, {name: task["reason"] for name, task in found.items()}
    for name, words in says.items():
        assert words in found[name]["reason"], found[name]
        assert words in pg.call("why", name).stdout
    for name in ("deletes-worktree", "impostor", "resets", "orphan", "rebases"):
        assert holds(pg, f"{name}.txt", name), name
    assert holds(pg, "s.txt", "stashed")
    assert pg.git("status", "--porcelain") == ""
    # What no ref of this repository can hold, and what is no worktree, stays where it is.
    left = sorted(path.name for path in (pg.root / "repo-worktrees/r1").glob("*.1"))
    assert left == ["impostor.1", "nests-and-adds.1", "nests.1"]
    assert (pg.root / "repo-worktrees/r1/impostor.1/mine").read_text() == "mine\n"
    for name in left[1:]:
        assert (pg.root / "repo-worktrees/r1" / name / "nest/n.txt").read_text() == "n\n"
    record_property("figure", f"meddling: {len(fine)} landed, {len(says)} failed with a reason")


def test_an_integration_branch_that_agents_delete_or_reset_is_put_back(pg: Playground) -> None:
    ref = "refs/heads/gangsaw/run/r1"
    tasks = [
        shell("a", COMMIT),
        shell("deletes", f"{COMMIT}; git update-ref -d {ref}", needs=["a"]),
        shell("resets", f"{COMMIT}; git update-ref {ref} $(git rev-list --max-parents=0 HEAD)",
              needs=["deletes"]),
        shell("diverts", f"{COMMIT}; git update-ref {ref} $(git commit-tree -m foreign "
              "HEAD^{tree})", needs=["resets"]),
        shell("z", COMMIT, needs=["diverts"]),
    ]  # fmt: skip
    pg.run(pg.plan(tasks))
    names = {"a", "deletes", "resets", "diverts", "z"}
    for branch in ("main", ref):
        files = set(pg.git("ls-tree", "--name-only", branch).split())
        assert {f"{name}.txt" for name in names} <= files
    assert pg.git("rev-parse", "main") == pg.git("rev-parse", ref)
    lost = pg.git("for-each-ref", "--format=%(subject)", "refs/gangsaw/lost").splitlines()
    assert "foreign" in lost
    assert len(pg.landings()) == len(names)


def test_an_agent_that_commits_in_the_users_checkout(pg: Playground) -> None:
    rogue = f"(cd {pg.repo}; echo r > rogue.txt; git add rogue.txt; git commit -qm rogue)"
    pg.run(pg.plan([shell("a", f"{rogue}; {COMMIT}"), shell("b", COMMIT, needs=["a"])]))
    assert (pg.repo / "rogue.txt").exists()
    assert (pg.repo / "b.txt").exists()
    assert pg.git("rev-parse", "main") == pg.git("rev-parse", "gangsaw/run/r1")


def test_an_agent_that_moves_the_target_under_the_checkout(pg: Playground) -> None:
    before = {path.name for path in pg.repo.iterdir()}
    tasks = [shell("a", f"{COMMIT}; git update-ref refs/heads/main HEAD"), shell("b", COMMIT)]
    status = pg.run(pg.plan(tasks), expect=3)
    # The ref is ahead of the files now, which looks like changes of the user: they stay.
    assert {name: task["status"] for name, task in by_id(status).items()} == {
        "a": "landed",
        "b": "landed",
    }
    assert "uncommitted changes" in status["delivery_blocked"]
    assert {path.name for path in pg.repo.iterdir()} == before
    pg.git("reset", "-q", "--hard")
    assert pg.call("run").returncode == 0
    assert (pg.repo / "a.txt").exists()
    assert (pg.repo / "b.txt").exists()


def test_an_agent_that_deletes_the_target(pg: Playground) -> None:
    pg.git("branch", "release")
    tasks = [shell("a", f"{COMMIT}; git branch -D release")]
    status = pg.run(pg.plan(tasks), "--target", "release", expect=3)
    assert "release does not exist any more; try: git branch release" in status["delivery_blocked"]
    pg.git("branch", "release", "main")
    assert pg.call("run").returncode == 0
    assert pg.git("show", "release:a.txt") == "a"


# --- odd words ---------------------------------------------------------------------------------


def test_a_prompt_of_a_megabyte_and_odd_paths(tmp_path: Path) -> None:
    pg = Playground(tmp_path / "odd 'ünï\" $(x) path")
    names = ["with space.txt", "quo'te\".txt", "ünïcode.txt", "-dash.txt", "new\nline.txt", "#h %s"]
    lines = [f"# line {number}" for number in range(90_000)]
    writes = [f"open({name!r}, 'w').write('ok')" for name in names]
    script = "\n".join([*lines, *writes, ""])
    assert len(script) > 1_000_000
    pg.settings('[agents.py]\nkind = "command"\nargv = ["python3", "{task_prompt_file}"]\n')
    ids = ["a.b", "A_b-1", "9"]
    tasks = [{"id": "big", "title": "big", "prompt": script, "agent": "py"}]
    tasks += [shell(name, COMMIT, needs=["big"]) for name in ids]
    pg.run(pg.plan(tasks))
    assert set(names) <= set(os.listdir(pg.repo))
    assert {f"{name}.txt" for name in ids} <= set(os.listdir(pg.repo))
    assert pg.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "name", ["../up", "a b", "a'b", "-a", "ä", "a..b", "x.lock", ".hidden", ""]
)
def test_ids_that_are_no_safe_names_are_refused_with_their_place(pg: Playground, name: str) -> None:
    done = pg.call("run", pg.plan([shell(name, COMMIT)]))
    assert done.returncode == 2
    assert "plan.json:1:" in done.stderr
    assert "tasks.0.id" in done.stderr
    assert not (pg.repo / ".git/gangsaw/journal.db").exists()
