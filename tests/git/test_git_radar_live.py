"""The radar on live worktrees: what lies in them counts, and nothing of them or of the store is
touched."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest

from gangsaw.core.overlaps import INTEGRATION, Hunk, OverlapKind
from gangsaw.git import LiveWork, Radar
from gangsaw.git.quarantine import make_object_folder, objects_of
from gangsaw.git.snapshots import FILE_MAX_MB, Snapshot, Snapshots, Unreadable
from tests.git.git_yard import Yard, plain_env
from tests.git.histories import DEEDS, Doer, Tree, first_tree
from tests.git.test_git_radar_truth import LONG, Judge

WORKTREES = 64
PAIRS_JUDGED = 10_000 if LONG else 60
"""Of those that conflict, and as many of the others."""
COMMITS = 30


@pytest.fixture
def radar(yard: Yard) -> Iterator[Radar]:
    made = Radar(yard.repo)
    yield made
    made.close()


@pytest.fixture
def snapshots(yard: Yard, tmp_path: Path) -> Snapshots:
    folder = tmp_path / "quarantine"
    folder.mkdir()
    objects = make_object_folder(folder / "objects", (objects_of(yard.repo),))
    return Snapshots(yard.repo, folder, objects)


def add_tree(yard: Yard, name: str, start: str = "main") -> Path:
    path = yard.trees / name
    yard.git("worktree", "add", "-q", "--no-track", "-b", name, str(path), start)
    return path


def stored(yard: Yard) -> set[str]:
    """Every file of the user's object store."""
    place = yard.root / ".git" / "objects"
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def index_of(yard: Yard, name: str) -> Path:
    return yard.root / ".git" / "worktrees" / name / "index"


def put(path: Path, before: Tree, after: Tree) -> None:
    """Make the files that are `before` into `after`."""
    for name in before.keys() - after.keys():
        (path / name).unlink()
        for folder in (path / name).parents:
            if folder == path or any(folder.iterdir()):
                break
            folder.rmdir()
    for name, (mode, content) in after.items():
        if before.get(name) == (mode, content) or mode == "160000":
            continue
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if mode == "120000":
            target.symlink_to(content.decode())
        else:
            target.write_bytes(content)
            target.chmod(0o755 if mode == "100755" else 0o644)


def live_worktrees(yard: Yard) -> dict[str, Path]:
    """Worktrees in which agents are in the middle of something: commits, staged and changed files,
    new ones that nobody has added."""
    tree = {path: item for path, item in first_tree().items() if item[0] != "160000"}
    put(yard.root, {}, tree)
    yard.commit(message="files")
    deeds = tuple(deed for deed in DEEDS if deed is not Doer.submodule)
    found: dict[str, Path] = {}
    for number in range(WORKTREES):
        name = f"t{number}"
        found[name] = path = add_tree(yard, name)
        doer = Doer(random.Random(number), name, deeds)
        before, after = tree, dict(tree)
        for step in range(1 + number % 3):
            doer.do(after)
            put(path, before, after)
            before = dict(after)
            if step == 0 and number % 3:
                yard.commit(at=path)
            elif step == 1 and number % 2:
                yard.git("add", "-A", at=path)
        if number % 4 == 0:
            yard.write(f"notes/{number % 8}.txt", f"{number}\n", path)
    return found


def test_64_live_worktrees(
    yard: Yard, radar: Radar, record_property: Callable[[str, object], None]
) -> None:
    places = live_worktrees(yard)
    works = [LiveWork(name, path, yard.head("main")) for name, path in places.items()]
    indexes = {name: index_of(yard, name).read_bytes() for name in places}
    objects, refs = stored(yard), yard.git("for-each-ref")
    sweep = radar.sweep(works, yard.head("main"))
    assert stored(yard) == objects
    assert yard.git("for-each-ref") == refs
    assert {name: index_of(yard, name).read_bytes() for name in places} == indexes
    assert (sweep.unread, sweep.failed) == ((), ())
    said = {(overlap.ours, overlap.theirs) for overlap in sweep.overlaps}

    for path in places.values():
        yard.commit(at=path)
    judge, tips = Judge(yard), {name: yard.head(name) for name in places}
    pairs, chance = list(combinations(places, 2)), random.Random(64)
    clean = [pair for pair in pairs if pair not in said]
    judged = [
        pair
        for group in (sorted(said), clean)
        for pair in chance.sample(group, min(PAIRS_JUDGED, len(group)))
    ]
    wrong = [
        (one, other)
        for one, other in judged
        if judge.conflicts(tips[one], tips[other]) is not ((one, other) in said)
    ]
    assert wrong == []
    assert said
    record_property(
        "figure",
        f"radar: {WORKTREES} live worktrees, {len(pairs)} pairs, {len(said)} conflicts, "
        f"{sweep.merged} merges tried; {len(judged)} of the pairs judged by git merge, none wrong",
    )


def test_only_what_moved_is_merged_again(yard: Yard, radar: Radar) -> None:
    places = {name: add_tree(yard, name) for name in ("a", "b", "c", "d")}
    for path in places.values():
        yard.write("a.txt", f"{path.name}\ntwo\nthree\n", path)
    main = yard.head("main")
    works = [LiveWork(name, path, main) for name, path in places.items()]
    assert radar.sweep(works, main).merged == 6
    assert radar.sweep(works, main).merged == 0
    yard.write("a.txt", "again\ntwo\nthree\n", places["b"])
    still = [LiveWork(name, path, main, moved=False) for name, path in places.items()]
    assert radar.sweep(still, main).merged == 0
    again = radar.sweep(works, main)
    assert (again.merged, len(again.overlaps)) == (3, 6)
    assert {o.theirs for o in radar.sweep(works[:2], main).overlaps} == {"b"}


def test_lines_of_both_sides(yard: Yard, radar: Radar) -> None:
    main = yard.head("main")
    ours, theirs = add_tree(yard, "ours"), add_tree(yard, "theirs")
    yard.write("a.txt", "zero\none\nTWO\nthree\n", ours)
    yard.write("a.txt", "one\n2\nzwei\nthree\n", theirs)
    yard.write("new.txt", "x\n", ours)
    yard.write("new.txt", "y\ny\n", theirs)
    (theirs / "b.txt").unlink()
    yard.write("b.txt", "B\n", ours)
    sweep = radar.sweep([LiveWork("x.1", ours, main), LiveWork("y.1", theirs, main)], main)
    (overlap,) = sweep.overlaps
    assert (overlap.ours, overlap.theirs, overlap.stale) == ("x.1", "y.1", False)
    found = {file.path: file for file in overlap.files}
    assert found["a.txt"].kind is OverlapKind.LINES
    assert Hunk(3, 1, 2, 2) in found["a.txt"].hunks
    assert found["new.txt"].kind is OverlapKind.ADDED
    assert found["new.txt"].hunks == (Hunk(1, 1, 1, 2),)
    assert found["b.txt"].kind is OverlapKind.DELETED


def test_stale_is_said_once(yard: Yard, radar: Radar) -> None:
    late, fine = add_tree(yard, "late"), None
    yard.write("a.txt", "late\ntwo\nthree\n", late)
    main = yard.commit(a="landed\ntwo\nthree\n")
    fine = add_tree(yard, "fine")
    yard.write("b.txt", "b2\n", fine)
    works = [LiveWork("late", late, main), LiveWork("fine", fine, main)]
    sweep = radar.sweep(works, main)
    assert {(o.ours, o.theirs): o.stale for o in sweep.overlaps} == {
        (INTEGRATION, "late"): True,
        ("late", "fine"): True,
    }


def test_attributes_are_those_of_main_at_every_depth(yard: Yard, radar: Radar) -> None:
    yard.write("log/.gitattributes", "*.txt merge=union\n")
    yard.write("log/changes.txt", "one\n")
    yard.commit()
    main = yard.head("main")
    works: list[LiveWork] = []
    for name in ("a", "b"):
        path = add_tree(yard, name)
        yard.write("log/changes.txt", f"one\n{name}\n", path)
        works.append(LiveWork(name, path, main))
    assert radar.sweep(works, main).overlaps == ()
    yard.git("rm", "-q", "log/.gitattributes")
    assert len(radar.sweep(works, yard.commit()).overlaps) == 1


def test_a_pair_that_git_cannot_merge_spoils_no_other(yard: Yard, radar: Radar) -> None:
    main = yard.head("main")
    works = [LiveWork("gone", None, yard.head("main"))]
    for name in ("a", "b"):
        path = add_tree(yard, name)
        yard.write("a.txt", f"{name}\n", path)
        works.append(LiveWork(name, None, yard.commit(at=path)))
    broken = add_tree(yard, "broken")
    yard.write("a.txt", "broken\n", broken)
    lost = yard.commit(at=broken)
    blob = yard.git("rev-parse", f"{lost}:a.txt")
    (yard.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    sweep = radar.sweep([*works[:2], LiveWork("broken", None, lost), works[2]], main)
    assert [(o.ours, o.theirs) for o in sweep.overlaps] == [("a", "b")]
    assert {(ours, theirs) for ours, theirs, _ in sweep.failed} == {
        ("a", "broken"),
        ("broken", "b"),
    }


# --- snapshots ----------------------------------------------------------------------------------


def test_snapshot_holds_what_lies_there(yard: Yard, snapshots: Snapshots) -> None:
    path = add_tree(yard, "t")
    yard.write("a.txt", "changed\n", path)
    yard.write("new ü\n.txt", "new\n", path)
    yard.write("ignored.log", "x", path)
    (path / "b.txt").unlink()
    yard.write("b.txt/inside", "folder now\n", path)
    yard.git("init", "-q", "nested", at=path)
    index = index_of(yard, "t").read_bytes()
    taken = snapshots.take(path)
    assert isinstance(taken, Snapshot)
    assert taken.left_out == ("nested/",)
    quarantined = {"GIT_OBJECT_DIRECTORY": str(snapshots._objects)}
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "-z", "--name-only", taken.commit],
        cwd=path, env={**plain_env(), **quarantined}, capture_output=True, check=True,
    ).stdout  # fmt: skip
    names = set(os.fsdecode(listed).split("\0")) - {""}
    assert names == {".gitignore", "a.txt", "b.txt/inside", "new ü\n.txt"}
    assert index_of(yard, "t").read_bytes() == index
    assert snapshots.take(path) == taken
    yard.git("add", "-f", "ignored.log", at=path)
    again = snapshots.take(path)
    assert isinstance(again, Snapshot)
    assert "ignored.log" in again.files
    yard.git("checkout", "-q", "-f", "HEAD", at=path)
    yard.git("clean", "-ffdxq", at=path)
    assert snapshots.take(path) == Snapshot(yard.head("t"), yard.head("t"))


def test_snapshot_while_the_index_is_locked(yard: Yard, snapshots: Snapshots) -> None:
    path = add_tree(yard, "t")
    yard.write("a.txt", "changed\n", path)
    index_of(yard, "t").with_name("index.lock").touch()
    taken = snapshots.take(path)
    assert isinstance(taken, Snapshot)
    assert taken.files == ("a.txt",)


def test_what_cannot_be_taken_is_said(yard: Yard, snapshots: Snapshots) -> None:
    assert snapshots.take(yard.trees / "none") == Unreadable(None, "there is no worktree")
    path = add_tree(yard, "t")
    yard.write("a.txt", "t\n", path)
    mine = yard.commit(at=path)
    other = add_tree(yard, "other")
    yard.write("a.txt", "other\n", other)
    yard.commit(at=other)
    yard.git("merge", "-q", "other", at=path, ok=False)
    assert snapshots.take(path) == Unreadable(mine, "a conflict stands in a.txt")
    yard.git("checkout", "-q", "--orphan", "nothing", at=other)
    assert isinstance(snapshots.take(other), Unreadable)


def test_a_huge_file_is_left_out(yard: Yard, snapshots: Snapshots) -> None:
    path = add_tree(yard, "t")
    with (path / "huge.bin").open("wb") as file:
        file.truncate((FILE_MAX_MB << 20) + 1)
    yard.write("small.txt", "x\n", path)
    taken = snapshots.take(path)
    assert isinstance(taken, Snapshot)
    assert taken.left_out == ("huge.bin",)


def test_a_merge_in_progress_counts_as_merged(yard: Yard, radar: Radar) -> None:
    path = add_tree(yard, "t")
    yard.write("a.txt", "one\ntwo\nTHREE\n", path)
    yard.commit(at=path)
    main = yard.commit(a="one\ntwo\nthird\n")
    yard.git("merge", "-q", "main", at=path, ok=False)
    yard.write("a.txt", "one\ntwo\nthird, THREE\n", path)
    yard.git("add", "a.txt", at=path)
    assert radar.sweep([LiveWork("t", path, main)], main).overlaps == ()


def test_a_kept_copy_whose_objects_are_gone_is_made_anew(yard: Yard, snapshots: Snapshots) -> None:
    path = add_tree(yard, "t")
    yard.write("a.txt", "changed\n", path)
    first = snapshots.take(path)
    assert isinstance(first, Snapshot)
    for file in list(snapshots._objects.rglob("*")):
        if file.is_file() and file.parent.name != "info":
            file.unlink()
    yard.write("b.txt", "changed too\n", path)
    again = snapshots.take(path)
    assert isinstance(again, Snapshot)
    assert set(again.files) == {"a.txt", "b.txt"}


def test_no_commit_of_an_agent_fails_beside_snapshots(
    yard: Yard, radar: Radar, record_property: Callable[[str, object], None]
) -> None:
    path = add_tree(yard, "t")
    main = yard.head("main")
    failed: list[str] = []
    over = threading.Event()

    def work() -> None:
        script = f"""
        for n in $(seq {COMMITS}); do
            echo "$n" > "f$n" && git add -A && git commit -q -m "$n" || exit 1
            git status --short && echo "$n" >> a.txt && git stash -q && git stash pop -q || exit 1
        done"""
        done = subprocess.run(
            ["sh", "-c", script], cwd=path, env=plain_env(), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            failed.append(done.stdout + done.stderr)
        over.set()

    agent = threading.Thread(target=work)
    agent.start()
    taken = 0
    while not over.is_set():
        radar.sweep([LiveWork("t", path, main)], main)
        taken += 1
    agent.join()
    assert failed == []
    assert yard.git("rev-list", "--count", "main..t") == str(COMMITS)
    assert yard.git("fsck", "--no-dangling") == ""
    assert taken
    record_property(
        "figure", f"radar: {taken} snapshots beside {COMMITS} commits of an agent, none failed"
    )
