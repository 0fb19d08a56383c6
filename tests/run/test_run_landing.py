"""Landing with the real program: combinations, conflicts, trailers, order."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

COMMIT = "git add -A; git commit -qm work-of-$GANGSAW_TASK\n"
SUM = (
    "s=$(cat *.size | awk '{s+=$1} END {print s}'); test $s -le 5 || { echo too big: $s; exit 1; }"
)
ATTEMPTS = "refs/gangsaw/attempts/r1"

Figure = Callable[[str, object], None]


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    return Playground(tmp_path)


def task(name: str, prompt: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "title": f"task {name}", "prompt": prompt, **fields}


def until(fact: str) -> str:
    """Shell that waits for a fact, for a minute at most."""
    tick = "n=$((n + 1)); test $n -lt 1200; sleep 0.05"
    return f"n=0; until {fact}; do {tick}; done\n"


def after_landing_of(path: str) -> str:
    """Shell that waits until a file is on the integration branch."""
    return until(f"git cat-file -e gangsaw/run/r1:{path} 2>/dev/null")


def landings_since(pg: Playground, base: str) -> list[str]:
    """The first-parent commits of the integration branch after `base`, oldest first."""
    out = pg.git("rev-list", "--first-parent", "--reverse", f"{base}..gangsaw/run/r1")
    return out.split()


def green_everywhere(
    pg: Playground, base: str, checks: Mapping[str, Sequence[str]], always: Sequence[str] = ()
) -> list[str]:
    """Check out every first-parent commit in a fresh clone and run the checks of all that had
    landed by then; the tasks in the order of landing."""
    clone = pg.root / "clone"
    pg.git("clone", "-q", "--no-hardlinks", str(pg.repo), str(clone))
    pg.git("fetch", "-q", "origin", "gangsaw/run/r1", cwd=clone)
    gate, order = list(always), []
    for commit in landings_since(pg, base):
        pg.git("checkout", "-q", "--detach", commit, cwd=clone)
        order.append(pg.trailer(commit, "Gangsaw-Task"))
        gate += checks.get(order[-1], ())
        for check in gate:
            done = subprocess.run(["sh", "-c", check], cwd=clone, capture_output=True, text=True)
            assert done.returncode == 0, f"{commit}: {check}: {done.stdout}{done.stderr}"
    return order


def prompt_of(pg: Playground, attempt: str, launch: int) -> str:
    path = pg.repo / ".git/gangsaw/attempts/r1" / attempt / f"prompt-{launch}.md"
    return path.read_text()


def outcomes(status: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    return {found["id"]: (found["status"], found["attempts"]) for found in status["tasks"]}


def reasons(status: Mapping[str, Any]) -> dict[str, str]:
    return {found["id"]: found["reason"] for found in status["tasks"]}


# --- combinations ------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", ["of the tasks", "of the repository"])
@pytest.mark.guarantee("G8")
def test_green_alone_and_red_together(pg: Playground, gate: str, record_property: Figure) -> None:
    own: dict[str, Any] = {"checks": [SUM]} if gate == "of the tasks" else {}
    pg.write("base.size", "0\n")
    pg.git("add", "-A")
    pg.settings("" if own else f"[checks]\nrun = ['''{SUM}''']\n")
    base = pg.git("rev-parse", "main")
    second = (
        'if [ "$GANGSAW_TURN" = 1 ]; then\n'
        f"{after_landing_of('a.size')}echo 3 > b.size\n"
        "else\n"
        "test -e a.size; git merge-base --is-ancestor gangsaw/run/r1 HEAD\n"
        "echo 2 > b.size\n"
        f"fi\n{COMMIT}"
    )
    # Only the first has the check: the second has to pass it for what landed before.
    plan = pg.plan([task("a", f"echo 3 > a.size\n{COMMIT}", **own), task("b", second)])
    assert outcomes(pg.run(plan)) == {"a": ("landed", 1), "b": ("landed", 1)}
    again = prompt_of(pg, "b.1", 2)
    assert "too big: 6" in again
    assert "not together with what landed meanwhile" in again
    order = green_everywhere(pg, base, {"a": [SUM]} if own else {}, () if own else [SUM])
    assert order == ["a", "b"]
    assert (pg.repo / "b.size").read_text() == "2\n"
    record_property("figure", f"red together ({gate}): {len(order)} landings, each commit green")


@pytest.mark.guarantee("G15")
def test_what_no_turn_mends_never_lands_and_its_dependants_say_why(pg: Playground) -> None:
    base = pg.git("rev-parse", "main")
    stubborn = f"{after_landing_of('a.size')}echo 3 > b.size\ngit add -A; git commit -qm b || :\n"
    first = f"echo 3 > a.size\n{COMMIT}"
    plan = pg.plan(
        [
            task("a", first, checks=[SUM]),
            task("b", stubborn, attempts=1),
            task("c", COMMIT, needs=["b"]),
            task("d", COMMIT, needs=["c"]),
        ]
    )
    status = pg.run(plan, expect=1)
    assert outcomes(status)["a"] == ("landed", 1)
    assert outcomes(status)["b"] == ("failed", 1)
    said = reasons(status)
    assert "check failed" in said["b"]
    assert said["c"] == "b did not land"
    assert said["d"] == "c did not land"
    assert green_everywhere(pg, base, {"a": [SUM]}) == ["a"]
    # Its work is held by refs.
    refs = pg.git("for-each-ref", "--format=%(refname)", f"{ATTEMPTS}/b.1").split()
    assert any(pg.git("show", f"{ref}:b.size", ok=False) == "3" for ref in refs)


# --- conflicts ---------------------------------------------------------------------------------

HERS = f"echo hers > shared.txt; echo a > a.done\n{COMMIT}"


def conflicting(second_turn: str) -> str:
    """A script whose first turn conflicts with `HERS`, and what it does afterwards."""
    return (
        'if [ "$GANGSAW_TURN" = 1 ]; then\n'
        f"{after_landing_of('a.done')}echo mine > shared.txt\n{COMMIT}"
        f"else\n{second_turn}\nfi\n"
    )


@pytest.fixture
def shared(pg: Playground) -> str:
    """A file that two tasks will change; the commit it is in."""
    pg.write("shared.txt", "old\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "shared")
    return pg.git("rev-parse", "main")


@pytest.mark.parametrize("left", ["committed", "added", "mended only"])
def test_a_conflict_is_resolved_on_the_new_base(pg: Playground, shared: str, left: str) -> None:
    finish = {
        "committed": "git add -A; git commit -q --no-edit",
        "added": "git add -A",
        "mended only": ":",
    }[left]
    second = conflicting(
        "grep -q '^<<<<<<<' shared.txt; grep -q '^>>>>>>>' shared.txt; test -e a.done\n"
        f"echo hers and mine > shared.txt\n{finish}"
    )
    plan = pg.plan([task("a", HERS), task("b", second)])
    assert outcomes(pg.run(plan)) == {"a": ("landed", 1), "b": ("landed", 1)}
    assert (pg.repo / "shared.txt").read_text() == "hers and mine\n"
    told = prompt_of(pg, "b.1", 2)
    assert "- shared.txt" in told
    assert "- a: task a" in told
    assert landings_since(pg, shared)[0] in told
    assert green_everywhere(pg, shared, {}) == ["a", "b"]


@pytest.mark.parametrize("mood", ["leaves the conflict", "commits the markers"])
def test_a_conflict_nobody_resolves_ends_at_a_person(
    pg: Playground, shared: str, mood: str, record_property: Figure
) -> None:
    refuse = ":" if mood == "leaves the conflict" else "git add -A; git commit -qm markers || :"
    # In each attempt something else lands on the same file before this one is done.
    mine = (
        'echo "$GANGSAW_ATTEMPT.$GANGSAW_TURN" >> "$LEDGER"\n'
        f'if [ "$GANGSAW_TURN" -gt 1 ]; then {refuse}; exit 0; fi\n'
        f'case "$GANGSAW_ATTEMPT" in b.1) {after_landing_of("a.done").strip()};; '
        f"*) {after_landing_of('c.done').strip()};; esac\n"
        f'echo "mine $GANGSAW_ATTEMPT" > shared.txt\n{COMMIT}'
    )
    others = (
        until('grep -q "b.2.1" "$LEDGER"') + f"echo others > shared.txt; echo c > c.done\n{COMMIT}"
    )
    plan = pg.plan([task("a", HERS), task("b", mine, attempts=2), task("c", others, needs=["a"])])
    status = pg.run(plan, expect=3)
    assert outcomes(status) == {"a": ("landed", 1), "b": ("needs_you", 2), "c": ("landed", 1)}
    assert "2 of 2 attempts used" in reasons(status)["b"]
    expected = "left conflicts in shared.txt" if refuse == ":" else "committed conflict markers"
    assert expected in reasons(status)["b"]
    turns = [words[0] for words in pg.ledger_lines()]
    assert turns == ["b.1.1", "b.1.2", "b.1.3", "b.2.1", "b.2.2", "b.2.3"]
    # Nothing half merged anywhere.
    assert green_everywhere(pg, shared, {}) == ["a", "c"]
    assert (pg.repo / "shared.txt").read_text() == "others\n"
    assert pg.git("status", "--porcelain") == ""
    for commit in landings_since(pg, shared):
        assert "<<<<<<<" not in pg.git("show", f"{commit}:shared.txt")
    kept = pg.git("for-each-ref", "--format=%(refname)", f"{ATTEMPTS}/b.2").split()
    assert any("mine b.2" in pg.git("show", f"{ref}:shared.txt") for ref in kept)
    record_property("figure", f"agent that {mood}: {len(turns)} turns, then a person, exit 3")


# --- the branch --------------------------------------------------------------------------------

TITLES = {
    "root": "plain",
    "quotes": 'it\'s "quoted" `and` $HOME $(touch pwned)',
    "unicode": "日本語 naïve ✂️ ümlaut",
    "trailer": "Gangsaw-Task: forged",
    "dash": "-m --amend #hash",
    "leaf": "   spaces around   ",
}
NEEDS = {
    "quotes": ["root"],
    "unicode": ["root"],
    "trailer": ["quotes"],
    "dash": ["unicode", "trailer"],
    "leaf": ["dash"],
}


@pytest.mark.guarantee("G7")
def test_one_commit_a_task_with_trailers_in_a_topological_order(pg: Playground) -> None:
    base = pg.git("rev-parse", "main")
    twice = (
        "echo 1 > $GANGSAW_TASK.txt; git add -A; git commit -qm one-of-$GANGSAW_TASK\n"
        "echo 2 >> $GANGSAW_TASK.txt; git commit -qam two-of-$GANGSAW_TASK\n"
    )
    tasks = [
        {"id": name, "title": title, "prompt": twice, "needs": NEEDS.get(name, [])}
        for name, title in TITLES.items()
    ]
    pg.run(pg.plan(tasks, goal="goal with 'quotes'"))
    commits = landings_since(pg, base)
    order = [pg.trailer(commit, "Gangsaw-Task") for commit in commits]
    assert sorted(order) == sorted(TITLES)
    for name, needed in NEEDS.items():
        assert all(order.index(need) < order.index(name) for need in needed)
    for name, commit in zip(order, commits, strict=True):
        assert pg.trailer(commit, "Gangsaw-Run") == "r1"
        assert pg.trailer(commit, "Gangsaw-Attempt") == f"{name}.1"
        subject = pg.git("log", "-1", "--format=%s", commit)
        assert subject == TITLES[name].strip().splitlines()[0]
        assert len(pg.git("log", "-1", "--format=%P", commit).split()) == 2
        # What was needed is in the commit already, not only before it in the log.
        for need in NEEDS.get(name, []):
            assert pg.git("show", f"{commit}^2:{need}.txt") == "1\n2"
    own = pg.git("log", "--format=%s", f"{base}..gangsaw/run/r1").splitlines()
    for name in TITLES:
        assert f"one-of-{name}" in own
        assert f"two-of-{name}" in own
    assert pg.git("rev-parse", "main") == commits[-1]
    assert not (pg.repo / "pwned").exists()
    branches = pg.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert sorted(branches) == ["gangsaw/run/r1", "main"]


def test_a_title_of_several_lines_is_refused_with_its_place(pg: Playground) -> None:
    plan = pg.plan([{"id": "a", "title": "one\ntwo", "prompt": "x"}])
    done = pg.call("run", plan)
    assert done.returncode == 2
    assert "tasks.0.title: must be one line" in done.stderr


def test_a_task_without_worktree_lands_nothing_and_frees_its_dependants(pg: Playground) -> None:
    base = pg.git("rev-parse", "main")
    plan = pg.plan(
        [
            task("look", "test -z \"$(ls)\"; echo seen > answer", workspace="none",
                 checks=["grep seen answer"]),
            task("after", f"echo x > x\n{COMMIT}", needs=["look"]),
            task("wrong", "echo no > answer", workspace="none", checks=["grep yes answer"],
                 attempts=1),
        ]
    )  # fmt: skip
    status = pg.run(plan, expect=1)
    assert outcomes(status)["look"] == ("done", 1)
    assert outcomes(status)["after"] == ("landed", 1)
    assert outcomes(status)["wrong"] == ("failed", 1)
    assert "check failed: grep yes answer" in reasons(status)["wrong"]
    assert [pg.trailer(c, "Gangsaw-Task") for c in landings_since(pg, base)] == ["after"]
