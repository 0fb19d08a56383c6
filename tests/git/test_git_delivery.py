"""Delivery: the user's branch moves forward, the user's changes never move."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gangsaw.core.faults import set_probe
from gangsaw.git import (
    AlreadyThere,
    CheckoutBusy,
    CheckoutDirty,
    Delivered,
    TargetMissing,
    TargetMoved,
    deliver,
    open_repository,
)
from tests.git.git_yard import Yard

DELIVER_POINTS = ("git.deliver_files", "git.ref_move")


@pytest.fixture
def landed(yard: Yard) -> str:
    """A commit one ahead of main: a changed, b deleted, new files, made elsewhere."""
    elsewhere = yard.trees / "elsewhere"
    yard.git("worktree", "add", "-q", "--detach", str(elsewhere))
    yard.write("a.txt", "landed\n", elsewhere)
    (elsewhere / "b.txt").unlink()
    yard.write("new/ü file.txt", "new\n", elsewhere)
    yard.write("run.sh", "#!/bin/sh\n", elsewhere).chmod(0o755)
    (elsewhere / "link").symlink_to("a.txt")
    return yard.commit(elsewhere)


def photograph(root: Path) -> dict[str, str | bytes]:
    """Every file and its bytes, without the git folder."""
    return {
        os.path.relpath(os.path.join(folder, name), root): (
            os.readlink(os.path.join(folder, name))
            if os.path.islink(os.path.join(folder, name))
            else open(os.path.join(folder, name), "rb").read()
        )
        for folder, _, names in os.walk(root)
        if ".git" not in folder.split(os.sep)
        for name in names
    }


def assert_whole(yard: Yard, landed: str) -> None:
    assert yard.head("main") == landed
    assert yard.git("status", "--porcelain") == ""
    assert (yard.root / "a.txt").read_text() == "landed\n"
    assert not (yard.root / "b.txt").exists()


def test_into_the_clean_checkout(yard: Yard, landed: str) -> None:
    yard.write("unrelated.txt", "u")
    assert deliver(yard.repo, "main", landed) == Delivered(landed, yard.root)
    assert deliver(yard.repo, "main", landed) == AlreadyThere(landed)
    (yard.root / "unrelated.txt").unlink()
    assert_whole(yard, landed)
    assert os.access(yard.root / "run.sh", os.X_OK)


@pytest.mark.parametrize("wanted_too", [False, True])
def test_into_a_checkout_whose_files_were_only_touched(
    yard: Yard, landed: str, wanted_too: bool
) -> None:
    """As by `touch`, by a build, or by copying the repository; one of the files may be known
    already, which must not be in the way either."""
    if wanted_too:
        yard.write("new/ü file.txt", "new\n")
    os.utime(yard.root / "a.txt", (1, 1))
    assert deliver(yard.repo, "main", landed) == Delivered(landed, yard.root)
    assert_whole(yard, landed)


def test_nobody_has_it_checked_out(yard: Yard, landed: str) -> None:
    yard.git("checkout", "-q", "--detach")
    before = photograph(yard.root)
    assert deliver(yard.repo, "main", landed) == Delivered(landed, None)
    assert yard.head("main") == landed
    assert photograph(yard.root) == before


def test_user_in_a_linked_worktree(yard: Yard, landed: str) -> None:
    own = yard.trees / "own"
    yard.git("worktree", "add", "-q", "-b", "own", str(own))
    repo = open_repository(own)
    assert deliver(repo, "own", landed) == Delivered(landed, own)
    assert yard.git("status", "--porcelain", at=own) == ""
    assert (own / "a.txt").read_text() == "landed\n"
    assert deliver(repo, "main", landed) == Delivered(landed, yard.root)
    assert_whole(yard, landed)


def test_missing_and_moved(yard: Yard, landed: str) -> None:
    assert deliver(yard.repo, "nope", landed) == TargetMissing("nope")
    moved = yard.commit(users="own")
    assert deliver(yard.repo, "main", landed) == TargetMoved(moved)
    assert yard.head("main") == moved


@pytest.mark.parametrize(
    "change",
    ["unstaged", "staged", "deleted", "untracked in the way", "ignored in the way",
     "file where a folder comes", "folder where a file comes"],
)  # fmt: skip
def test_dirty_checkout_is_untouched_byte_for_byte(yard: Yard, landed: str, change: str) -> None:
    blocked = "a.txt"
    match change:
        case "unstaged":
            yard.write("a.txt", "mine\n")
        case "staged":
            yard.write("a.txt", "mine\n")
            yard.git("add", "a.txt")
            yard.write("a.txt", "landed\n")
        case "deleted":
            (yard.root / "a.txt").unlink()
        case "untracked in the way":
            yard.write(blocked := "new/ü file.txt", "mine")
        case "ignored in the way":
            (yard.root / ".git/info/exclude").write_text("run.sh\n")
            yard.write(blocked := "run.sh", "mine")
        case "file where a folder comes":
            yard.write(blocked := "new", "mine")
        case "folder where a file comes":
            yard.write("run.sh/mine", "mine")
            blocked = "run.sh"
    old, before = yard.head("main"), photograph(yard.root)
    index = (yard.root / ".git/index").read_bytes()
    assert deliver(yard.repo, "main", landed) == CheckoutDirty(yard.root, (blocked,))
    assert photograph(yard.root) == before
    assert (yard.root / ".git/index").read_bytes() == index
    assert yard.head("main") == old


def test_dirty_in_another_file_waits_too(yard: Yard, landed: str) -> None:
    yard.write(".gitignore", "mine\n")
    assert deliver(yard.repo, "main", landed) == CheckoutDirty(yard.root, (".gitignore",))


def test_busy_checkout(yard: Yard, landed: str) -> None:
    (yard.root / ".git/index.lock").touch()
    assert isinstance(deliver(yard.repo, "main", landed), CheckoutBusy)
    (yard.root / ".git/index.lock").unlink()
    yard.git("checkout", "-q", "-b", "side", landed)
    yard.commit(a="side\n")
    yard.git("checkout", "-q", "main")
    mine = yard.commit(a="mine\n")
    yard.git("merge", "side", ok=False)
    yard.write("a.txt", "done\n")
    yard.git("add", "-A")
    ahead = yard.git("commit-tree", "-p", mine, "-m", "ahead", f"{landed}^{{tree}}")
    made = deliver(yard.repo, "main", ahead)
    assert isinstance(made, CheckoutBusy)
    assert "merge" in made.reason


def test_branch_being_rebased_is_left_alone(yard: Yard, landed: str) -> None:
    mine = yard.commit(a="mine\n")
    yard.git("rebase", landed, ok=False)
    ahead = yard.git("commit-tree", "-p", mine, "-m", "ahead", f"{landed}^{{tree}}")
    made = deliver(yard.repo, "main", ahead)
    assert isinstance(made, CheckoutBusy)
    assert "rebased" in made.reason
    assert yard.head("main") == mine


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", DELIVER_POINTS)
def test_killed_then_again(yard: Yard, landed: str, point: str, when: str) -> None:
    assert yard.run_killed(point, when, f'deliver(repo, "main", "{landed}")')
    again = deliver(yard.repo, "main", landed)
    assert isinstance(again, Delivered | AlreadyThere)
    assert_whole(yard, landed)


def test_git_died_half_way_through_the_files(yard: Yard, landed: str) -> None:
    """Some files are new, the index is old: they count as delivered, the rest follows."""
    yard.write("a.txt", "landed\n")
    yard.write("new/ü file.txt", "new\n")
    (yard.root / "link").symlink_to("a.txt")
    (yard.root / "b.txt").unlink()
    assert deliver(yard.repo, "main", landed) == Delivered(landed, yard.root)
    assert_whole(yard, landed)


@pytest.fixture
def at_point() -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Does something, once, just before the named step."""

    def plan(wanted: str, deed: Callable[[], object]) -> None:
        deeds = [deed]

        def probe(point: str, when: str) -> None:
            if (point, when) == (wanted, "before") and deeds:
                deeds.pop()()

        set_probe(probe)

    yield plan
    set_probe(None)


def known_already(yard: Yard) -> None:
    """Two files of the user that are what is delivered: one untracked, one changed."""
    yard.write("new/ü file.txt", "new\n")
    yard.write("a.txt", "landed\n")


STATUS = ("status", "--porcelain", "--untracked-files=all", "-z")


def test_nothing_stays_staged_when_a_change_comes_in_between(
    yard: Yard, landed: str, at_point: Callable[[str, Callable[[], object]], None]
) -> None:
    known_already(yard)
    at_point("git.deliver_files", lambda: yard.write("b.txt", "just now\n"))
    made = deliver(yard.repo, "main", landed)
    assert isinstance(made, CheckoutBusy), made
    assert yard.git(*STATUS).split("\0")[:-1] == [" M a.txt", " M b.txt", "?? new/ü file.txt"]
    assert (yard.root / "b.txt").read_text() == "just now\n"


def test_no_file_of_the_user_goes_when_a_commit_comes_in_between(
    yard: Yard, landed: str, at_point: Callable[[str, Callable[[], object]], None]
) -> None:
    known_already(yard)
    tree = yard.git("rev-parse", "main^{tree}")
    mine = yard.git("commit-tree", "-p", "main", "-m", "mine", tree)
    at_point("git.ref_move", lambda: yard.git("update-ref", "refs/heads/main", mine))
    assert deliver(yard.repo, "main", landed) == TargetMoved(mine)
    assert yard.git(*STATUS).split("\0")[:-1] == [" M a.txt", "?? new/ü file.txt"]
    assert (yard.root / "a.txt").read_text() == "landed\n"
    assert (yard.root / "new/ü file.txt").read_text() == "new\n"
    assert (yard.root / "b.txt").exists()
    assert not (yard.root / "run.sh").exists()
