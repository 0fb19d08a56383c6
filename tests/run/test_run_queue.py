"""Many real changes through the landing queue: what lands, what is named, and how often the checks
ran for it."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.endstate import complaints
from gangsaw.testing.playground import Playground
from gangsaw.testing.queued import Changes, ask, begin_held, make_ground, rows_of

Figure = Callable[[str, object], None]
CHANGES = Changes(good=16, bad=2, pairs=3)
SHOWN_LINES = 20


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Playground:
    """24 changes that waited for their landing together, and what came of them."""
    return run_through(tmp_path_factory.mktemp("queue") / "ground")


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> Playground:
    """The same changes, each checked by itself."""
    settings = "\n[landing]\nwindow = 1\n"
    return run_through(tmp_path_factory.mktemp("serial") / "ground", settings)


def run_through(root: Path, settings: str = "") -> Playground:
    ground = make_ground(root, CHANGES, settings=settings)
    engine = begin_held(ground, len(CHANGES.names))
    ask(ground, "queue-resume")
    assert engine.wait(600) == 1, (ground.root / "output").read_text()
    return ground


def why(ground: Playground, task: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ground.call("why", task, "--json").stdout)
    return found


@pytest.mark.guarantee("G7")
def test_all_good_changes_land_once_and_nothing_is_left(landed: Playground) -> None:
    assert complaints(landed, {name: [] for name in CHANGES.names}, landed=CHANGES.wanted) == []
    statuses = landed.statuses()
    assert {name for name, status in statuses.items() if status == "landed"} == set(CHANGES.wanted)
    assert {status for name, status in statuses.items() if name.startswith("bad")} == {"failed"}
    for number in range(CHANGES.pairs):
        both = (landed.repo / f"pair{number}.txt").read_text()
        assert both == "left\nright\n"


@pytest.mark.guarantee("G8")
def test_every_state_of_the_branch_is_green_in_a_fresh_clone(
    landed: Playground, record_property: Figure
) -> None:
    clone = landed.root / "clone"
    landed.git("clone", "-q", "--no-hardlinks", "-b", "main", str(landed.repo), str(clone))
    first = landed.git("rev-list", "--max-parents=0", "HEAD")
    commits = landed.git("rev-list", "--first-parent", "--reverse", f"{first}..main").split()
    states = [commit for commit in commits if landed.git("ls-tree", commit, "check.sh")]
    for commit in states:
        landed.git("checkout", "-q", "--detach", commit, cwd=clone)
        done = subprocess.run(["sh", "check.sh"], cwd=clone, capture_output=True, text=True)
        assert done.returncode == 0, f"{commit}: {done.stdout}{done.stderr}"
    joined = [commit for commit in states if landed.trailer(commit, "Gangsaw-Joins")]
    assert joined, "no batch of several landed"
    record_property(
        "figure",
        f"landing queue: {len(CHANGES.wanted)} of {len(CHANGES.names)} changes landed in "
        f"{len(joined)} joins and {len(states) - len(joined) - 1} alone, each state green again in "
        "a fresh clone",
    )


@pytest.mark.parametrize("number", range(CHANGES.bad))
@pytest.mark.guarantee("G15")
def test_a_bad_change_is_named_with_its_evidence(landed: Playground, number: int) -> None:
    told = why(landed, f"bad{number}")
    evidence = told["evidence"]
    (check,) = evidence["checks"]
    # Only the test that failed in its batch was run on it, and twice.
    assert check["command"] == f"sh check.sh Test_bad-{number}"
    assert check["only"] == [f"Test_bad-{number}"]
    assert "only 1 test of it" in landed.call("why", f"bad{number}").stdout
    assert check["failing"] == [f"Test_bad-{number}"]
    assert f"--- FAIL: Test_bad-{number}" in check["tail"]
    assert f"--- FAIL: Test_bad-{number}" in Path(check["log"]).read_text()
    # The tree that was checked: of this change and what landed, with nobody else's fault in it.
    names = landed.git("ls-tree", "--name-only", evidence["tree"]).split()
    assert [name for name in names if name.startswith("bad-")] == [f"bad-{number}"]
    (shown,) = (task for task in landed.status()["tasks"] if task["id"] == f"bad{number}")
    assert shown["evidence"]["tree"] == evidence["tree"]
    assert f"unit (Test_bad-{number})" in shown["reason"]
    # Its check was never run on it alone: nothing is said about that.
    assert "green alone" not in shown["reason"]


def runs_of(ground: Playground) -> tuple[int, int]:
    """How often all checks were run on a candidate, and how often only some of their tests."""
    ran = [row.body for row in rows_of(ground, ["candidate.judged"]) if row.body["results"]]
    parts = sum(1 for body in ran if body["only"])
    return len(ran) - parts, parts


def test_the_checks_run_far_less_often_than_one_by_one(
    landed: Playground, one_by_one: Playground, record_property: Figure
) -> None:
    batches = [row.body for row in rows_of(landed, ["batch.formed"])]
    assert max(Counter(len(batch["members"]) for batch in batches)) >= 4
    for ground in (landed, one_by_one):
        assert {n for n, s in ground.statuses().items() if s == "landed"} == set(CHANGES.wanted)
    together, parts = runs_of(landed)
    alone, confirmed = runs_of(one_by_one)
    assert together * 2 <= alone
    assert parts
    returned = rows_of(landed, ["work.returned"])
    record_property(
        "figure",
        f"landing queue: {len(CHANGES.names)} changes, {CHANGES.bad} bad and {CHANGES.pairs} pairs "
        f"in conflict: {together} runs of the gate and {parts} of some tests, "
        f"{len(returned)} sent back, {len(batches)} batches; one by one {alone} and {confirmed}",
    )


def test_what_nobody_changed_is_not_checked_again(landed: Playground) -> None:
    """The bad ones' agents do the same in their second turn: it is not even queued."""
    for number in range(CHANGES.bad):
        name = f"bad{number}.1"
        rows = rows_of(landed, ["work.returned", "candidate.wanted"])
        kinds = [row.kind for row in rows if row.body["attempt"] == name]
        assert kinds[-2:] == ["work.returned", "work.returned"]
        said = [
            row.body["text"] for row in rows if row.body["attempt"] == name and "text" in row.body
        ]
        assert said[-1].startswith("nothing was changed since it was sent back: check failed")


def test_what_conflicts_with_what_landed_goes_back_at_once(landed: Playground) -> None:
    """It does not wait for changes ahead with which it has nothing to do."""
    order: list[str] = []
    for row in rows_of(landed, ["landed", "change.queued"]):
        name, against = row.body["attempt"], row.body.get("against", "")
        if row.kind == "landed":
            order.append(name)
        elif against:
            assert name.startswith("right")
            assert against == f"left{name.removeprefix('right')}", f"{name} waited for {against}"
    for number in range(CHANGES.pairs):
        assert order.index(f"left{number}.1") < order.index(f"right{number}.1")
