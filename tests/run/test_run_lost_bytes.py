"""No byte of an agent's is lost, with the real program: agents that commit and leave things in
every way, a killed engine, cancels, retries, cleans, undone cleans and rescues, and a user who
collects garbage after each step.

Each agent writes down what it is owed: the ids of blobs that it has committed, stashed, staged or
left lying when its turn ends.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

LONG = bool(os.environ.get("GANGSAW_LONG"))
SEEDS = 40 if LONG else 2
STEPS = 8 if LONG else 3
LIVES_MAX = 8

# $1 file, $2 text: writes bytes nobody else writes; `owe` notes that file's blob.
TOOLS = r"""
put() { mkdir -p "$(dirname "$1")"; echo "$2 $GANGSAW_ATTEMPT $GANGSAW_TURN $$" > "$1"; }
owe() { echo "owed $GANGSAW_ATTEMPT $(git hash-object "$1")" >> "$LEDGER"; }
"""
COMMIT = "git add -A; git commit -qm work"
WAYS = {
    "plain": f"put plain.txt a; {COMMIT}; owe plain.txt",
    "amends": f"put am.txt a; {COMMIT}; owe am.txt; put am.txt b; git commit -qa --amend -m b;"
    " owe am.txt",
    "resets": f"put re.txt a; {COMMIT}; owe re.txt; git reset -q --hard HEAD~1; put re.txt b;"
    f" {COMMIT}; owe re.txt",
    "stashes": "put st.txt a; owe st.txt; git add st.txt; git stash -q",
    "leaves": f"put le.txt a; {COMMIT}; owe le.txt; put le.txt b; git add le.txt; put lf.txt c;"
    " owe le.txt; owe lf.txt",
    "sides": "git checkout -q -b side-$GANGSAW_ATTEMPT; put si.txt a; git add -A;"
    " git commit -qm side; owe si.txt; git checkout -q -; git branch -q -D side-$GANGSAW_ATTEMPT;"
    f" put sj.txt b; {COMMIT}; owe sj.txt",
    "orphans": f"git checkout -q --orphan lone; put or.txt a; {COMMIT}; owe or.txt",
    "detaches": f"git checkout -q --detach; put de.txt a; {COMMIT}; owe de.txt",
    "clash-a": f"put both.txt a; {COMMIT}; owe both.txt",
    "clash-b": f"put both.txt b; {COMMIT}; owe both.txt",
}
POINTS = (
    "git.ref_create:before:{n}", "git.ref_create:after:{n}", "git.folder_aside:after:1",
    "git.folder_rename:before:1", "git.folder_rename:after:1", "git.ref_delete:before:1",
    "git.snapshot_staged:after:1", "git.candidate_commit:after:1", "git.ref_move:before:1",
    "git.leftovers_commit:before:1", "git.admin_drop:after:1",
)  # fmt: skip


def plan_of(ground: Playground, rng: random.Random) -> Path:
    names = rng.sample(sorted(WAYS), 7 if LONG else 5)
    return ground.plan(
        [
            {"id": name, "prompt": TOOLS + WAYS[name] + "\n", "attempts": 1,
             "checks": ["true"], "review": "person" if name == names[0] else "none"}
            for name in names
        ]
    )  # fmt: skip


def collect(ground: Playground) -> None:
    ground.git("gc", "--quiet", "--prune=now")


def gone(ground: Playground) -> list[str]:
    """What is owed, was written by a turn that ended, and exists no more, after a collection."""
    collect(ground)
    owed = {words[2]: words[1] for words in ground.ledger_lines() if words[:1] == ["owed"]}
    lost = []
    for blob, attempt in owed.items():
        known = ground.git("cat-file", "-t", blob, ok=False) == "blob"
        if not known and blob not in lying(ground):
            lost.append(f"{blob} of {attempt}")
    return lost


def lying(ground: Playground) -> set[str]:
    root = ground.root / "repo-worktrees"
    files = [str(path) for path in root.rglob("*") if path.is_file() and path.name != ".git"]
    return {ground.git("hash-object", "--no-filters", file) for file in files}


def live(ground: Playground, rng: random.Random, words: list[str]) -> None:
    """One life of the engine, which ends itself at a fault point, if it comes there."""
    point = rng.choice(POINTS).format(n=rng.randint(1, 9))
    subprocess.run(
        [sys.executable, "-m", "gangsaw.testing.faulty", point, "--", *words],
        cwd=ground.repo, env=ground.environment(), capture_output=True, timeout=300, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def meddle(ground: Playground, rng: random.Random) -> str:
    """Something a person does between two lives."""
    tasks = [task["id"] for task in ground.status()["tasks"]]
    words: tuple[str, ...] = rng.choice(
        [
            ("cancel", rng.choice(tasks)),
            ("retry", rng.choice(tasks)),
            ("retry", rng.choice(tasks), "--from", "last"),
            ("undo", rng.choice(tasks)),
            ("clean", "--yes"),
            ("clean", "--yes", "--kept", "--logs"),
            ("clean", "--undo"),
            ("rescue", "--all"),
        ]
    )
    ground.call(*words)
    return " ".join(words)


@pytest.mark.guarantee("G9")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_byte_of_an_agent_is_lost(
    tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(seed)
    ground = Playground(tmp_path)
    plan = plan_of(ground, rng)
    done: list[str] = []
    live(ground, rng, ["run", str(plan), "--plain"])
    for _ in range(STEPS):
        done.append(meddle(ground, rng))
        assert gone(ground) == [], done
        live(ground, rng, ["run", "--plain"])
    for _ in range(LIVES_MAX):
        if ground.call("run", "--plain").returncode in (0, 1, 3):
            break
    assert gone(ground) == [], done
    # Another run begins: what the first has left may go, and comes back.
    other = ground.plan([{"id": "z", "prompt": "echo z > z", "checks": ["true"]}])
    ground.run(other, "--new")
    ground.git("stash", "clear")
    ground.call("rescue", "--all")
    cleaned = json.loads(ground.call("clean", "--yes", "--kept", "--logs", "--json").stdout)
    assert cleaned["refused"] == []
    assert gone(ground) == [], done
    assert ground.call("clean", "--undo").returncode in (0, 1)
    assert gone(ground) == [], done
    owed = sum(words[:1] == ["owed"] for words in ground.ledger_lines())
    assert owed >= 4
    ground.call("kill")
    record_property("figure", f"lost bytes, real program, seed {seed}: {owed} blobs owed, 0 lost")


def test_a_collection_during_checks_breaks_no_landing(pg: Playground) -> None:
    """Agents and checks collect all garbage of the repository while work waits to land."""
    collects = f"git -C {pg.repo} gc --quiet --prune=now 2>/dev/null || :"
    names = [f"t{number}" for number in range(4)]
    tasks = [
        {"id": name, "prompt": f"echo {name} > {name}; {COMMIT}; {collects}",
         "checks": [f"{collects}; test -f {name}"]}
        for name in names
    ]  # fmt: skip
    pg.run(pg.plan(tasks))
    collect(pg)
    assert set(pg.git("ls-tree", "--name-only", "gangsaw/run/r1").split()) >= set(names)


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    return Playground(tmp_path)
