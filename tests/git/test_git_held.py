"""Whatever an agent leaves in its worktree, in whatever way, is held before the worktree goes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.git import (
    Kept,
    NotHeld,
    RemovalBlocked,
    Removed,
    add_worktree,
    drop_branch,
    is_kept,
    keep_attempt,
    keep_folder,
    remove_kept,
)
from gangsaw.git.deleting import aside_of
from gangsaw.git.refs import list_refs
from tests.git.git_yard import Yard

BRANCH = "gangsaw/r1/x.1"
PREFIX = "refs/gangsaw/attempts/r1/x.1"
Way = Callable[[Yard, Path], dict[str, str]]
"""Leaves something and says which texts must survive, by what they are."""


@pytest.fixture
def tree(yard: Yard) -> Path:
    path = yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, yard.head())
    return path


def blobs(yard: Yard) -> set[bytes]:
    """The content of every blob that survives a user's hardest collection."""
    yard.git("gc", "--quiet", "--prune=now")
    rows = yard.git("rev-list", "--objects", "--all").split("\n")
    found = set()
    for row in rows:
        name = row.split(" ")[0]
        if yard.git("cat-file", "-t", name) == "blob":
            found.add(yard.raw("cat-file", "blob", name))
    return found


def remove(yard: Yard, tree: Path) -> tuple[Kept, Removed | RemovalBlocked | NotHeld]:
    kept, gone = remove_kept(yard.repo, "r1", "x.1", tree, BRANCH)
    if isinstance(gone, Removed):
        drop_branch(yard.repo, "r1", "x.1", BRANCH)
    return kept, gone


def amended(yard: Yard, tree: Path) -> dict[str, str]:
    yard.commit(tree, n="first try\n")
    yard.write("n.txt", "second try\n", tree)
    yard.git("commit", "-qa", "--amend", "-m", "again", at=tree)
    return {"amended away": "first try\n", "amended": "second try\n"}


def reset_away(yard: Yard, tree: Path) -> dict[str, str]:
    yard.commit(tree, n="reset away\n")
    yard.git("reset", "-q", "--hard", "HEAD~1", at=tree)
    return {"reset away": "reset away\n"}


def branch_deleted(yard: Yard, tree: Path) -> dict[str, str]:
    yard.git("checkout", "-q", "-b", "side", at=tree)
    yard.commit(tree, n="on a side branch\n")
    yard.git("checkout", "-q", BRANCH, at=tree)
    yard.git("branch", "-q", "-D", "side", at=tree)
    return {"on a deleted branch": "on a side branch\n"}


def own_branch_deleted(yard: Yard, tree: Path) -> dict[str, str]:
    yard.commit(tree, n="on its own branch\n")
    yard.git("checkout", "-q", "--detach", "main", at=tree)
    yard.git("branch", "-q", "-D", BRANCH, at=tree)
    return {"on its deleted branch": "on its own branch\n"}


def branch_rewritten(yard: Yard, tree: Path) -> dict[str, str]:
    """The branch moves while HEAD is elsewhere: only the branch's own log knows."""
    yard.git("checkout", "-q", "--detach", at=tree)
    yard.write("n.txt", "never checked out\n", tree)
    yard.git("add", "n.txt", at=tree)
    made = yard.git("commit-tree", "-p", "HEAD", "-m", "by hand", yard.git(
        "write-tree", at=tree), at=tree)  # fmt: skip
    yard.git("reset", "-q", "--hard", at=tree)
    yard.git("update-ref", "--create-reflog", f"refs/heads/{BRANCH}", made, at=tree)
    yard.git("update-ref", f"refs/heads/{BRANCH}", "main", at=tree)
    return {"in the branch's log": "never checked out\n"}


def orphan(yard: Yard, tree: Path) -> dict[str, str]:
    yard.git("checkout", "-q", "--orphan", "lonely", at=tree)
    yard.git("rm", "-rqf", ".", at=tree)
    yard.commit(tree, n="without a parent\n")
    yard.git("checkout", "-q", BRANCH, at=tree)
    yard.git("branch", "-q", "-D", "lonely", at=tree)
    return {"orphan": "without a parent\n"}


def detached(yard: Yard, tree: Path) -> dict[str, str]:
    yard.git("checkout", "-q", "--detach", at=tree)
    yard.commit(tree, n="detached\n")
    return {"detached": "detached\n"}


def unborn(yard: Yard, tree: Path) -> dict[str, str]:
    yard.git("checkout", "-q", "--orphan", "unborn", at=tree)
    yard.write("a.txt", "on an unborn branch\n", tree)
    return {"unborn": "on an unborn branch\n"}


def conflict(yard: Yard, tree: Path) -> dict[str, str]:
    yard.commit(tree, a="ours\n")
    yard.git("checkout", "-q", "-b", "theirs", "main", at=tree)
    yard.commit(tree, a="theirs\n")
    yard.git("checkout", "-q", BRANCH, at=tree)
    yard.git("merge", "theirs", at=tree, ok=False)
    yard.git("branch", "-q", "-D", "theirs", at=tree)
    yard.write("a.txt", "half resolved\n", tree)
    yard.write("b.txt", "settled\n", tree)
    yard.git("add", "b.txt", at=tree)
    yard.write("b.txt", "and changed again\n", tree)
    return {"ours": "ours\n", "theirs": "theirs\n", "resolving": "half resolved\n",
            "staged beside": "settled\n", "changed beside": "and changed again\n"}  # fmt: skip


def rebase(yard: Yard, tree: Path) -> dict[str, str]:
    yard.commit(tree, n="picked\n")
    yard.commit(tree, a="stops here\n")
    yard.commit(a="in the way\n")
    yard.git("rebase", "main", at=tree, ok=False)
    yard.write("a.txt", "while rebasing\n", tree)
    return {"first": "picked\n", "stopped at": "stops here\n", "resolving": "while rebasing\n"}


def cherry_pick(yard: Yard, tree: Path) -> dict[str, str]:
    yard.git("checkout", "-q", "-b", "other", at=tree)
    yard.commit(tree, a="picked from other\n")
    yard.git("checkout", "-q", BRANCH, at=tree)
    yard.git("branch", "-qm", "other", "gone-soon", at=tree)
    yard.commit(tree, a="mine\n")
    yard.git("cherry-pick", "gone-soon", at=tree, ok=False)
    yard.git("branch", "-q", "-D", "gone-soon", at=tree)
    return {"mine": "mine\n", "picked": "picked from other\n"}


def staged_twice(yard: Yard, tree: Path) -> dict[str, str]:
    yard.write("a.txt", "staged\n", tree)
    yard.git("add", "a.txt", at=tree)
    yard.write("a.txt", "on disk\n", tree)
    yard.write("new/ü 'q\"\n.txt", "odd\n", tree)
    return {"staged": "staged\n", "on disk": "on disk\n", "untracked": "odd\n"}


def intent_to_add(yard: Yard, tree: Path) -> dict[str, str]:
    yard.write("n.txt", "meant to be added\n", tree)
    yard.git("add", "-N", "n.txt", at=tree)
    return {"intent": "meant to be added\n"}


def hidden_bits(yard: Yard, tree: Path) -> dict[str, str]:
    yard.git("update-index", "--assume-unchanged", "a.txt", at=tree)
    yard.git("update-index", "--skip-worktree", "b.txt", at=tree)
    yard.write("a.txt", "assumed unchanged\n", tree)
    yard.write("b.txt", "skipped\n", tree)
    return {"assume-unchanged": "assumed unchanged\n", "skip-worktree": "skipped\n"}


def kinds_change(yard: Yard, tree: Path) -> dict[str, str]:
    yard.commit(tree, **{"d/e": "in a folder\n", "f/g": "in another\n"})
    (tree / "a.txt").unlink()
    yard.write("a.txt/inner", "a file became a folder\n", tree)
    for name in ("d", "f"):
        (tree / name / f"{ {'d': 'e', 'f': 'g'}[name] }.txt").unlink()
        (tree / name).rmdir()
    yard.write("d", "a folder became a file\n", tree)
    (tree / "f").symlink_to("a folder became a link")
    (tree / "b.txt").chmod(0o755)
    return {"folder": "a file became a folder\n", "file": "a folder became a file\n",
            "link": "a folder became a link", "committed": "in another\n"}  # fmt: skip


def line_ends(yard: Yard, tree: Path) -> dict[str, str]:
    """Filters make something else of the bytes: the exact ones are held too."""
    yard.write(".gitattributes", "*.txt text\n*.bin -text\n", tree)
    yard.commit(tree)
    yard.write("crlf.txt", "one\r\ntwo\r\n", tree)
    return {"exact": "one\r\ntwo\r\n"}


def stashes(yard: Yard, tree: Path) -> dict[str, str]:
    yard.write("a.txt", "stash: staged\n", tree)
    yard.git("add", "a.txt", at=tree)
    yard.write("a.txt", "stash: on disk\n", tree)
    yard.write("u.txt", "stash: untracked\n", tree)
    yard.git("stash", "-q", "-u", at=tree)
    return {"staged": "stash: staged\n", "disk": "stash: on disk\n", "new": "stash: untracked\n"}


def failing_filter(yard: Yard, tree: Path) -> dict[str, str]:
    yard.git("config", "filter.broken.clean", "false")
    yard.git("config", "filter.broken.required", "true")
    yard.write(".gitattributes", "*.bad filter=broken\n", tree)
    yard.commit(tree)
    yard.write("x.bad", "no filter for this\n", tree)
    return {"refused by its filter": "no filter for this\n"}


def many_tries(yard: Yard, tree: Path) -> dict[str, str]:
    texts = {f"try {number}": f"try {number}\n" for number in range(30)}
    for text in texts.values():
        yard.commit(tree, n=text)
        yard.git("reset", "-q", "--hard", "HEAD~1", at=tree)
    return texts


def much(yard: Yard, tree: Path) -> dict[str, str]:
    for number in range(1500):
        yard.write(f"m{number % 40}/{number}.txt", f"{number}\n", tree)
    big = "0123456789abcdef" * (1 << 20)
    yard.write("big.bin", big, tree)
    return {"big": big, "last of many": "1499\n"}


WAYS: list[Way] = [
    amended, reset_away, branch_deleted, own_branch_deleted, branch_rewritten, orphan, detached,
    unborn, conflict, rebase, cherry_pick, staged_twice, intent_to_add, hidden_bits, kinds_change,
    line_ends, stashes, failing_filter, many_tries, much,
]  # fmt: skip


@pytest.mark.guarantee("G9")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))
def test_held_once_and_whatever_git_collects(yard: Yard, tree: Path, way: Way) -> None:
    texts = way(yard, tree)
    assert not is_kept(yard.repo, tree, BRANCH)
    kept = keep_attempt(yard.repo, "r1", "x.1", tree, BRANCH)
    refs = list_refs(yard.repo, "refs/gangsaw")
    assert is_kept(yard.repo, tree, BRANCH)
    again, gone = remove(yard, tree)
    assert isinstance(gone, Removed), gone
    assert again == kept
    assert list_refs(yard.repo, "refs/gangsaw") == refs, "keeping again makes nothing more"
    yard.git("stash", "clear")
    assert not tree.exists()
    assert list_refs(yard.repo, "refs/heads/gangsaw") == {}
    for name in list_refs(yard.repo, "refs/heads"):
        if name != "refs/heads/main":
            yard.git("update-ref", "-d", name)
    held = blobs(yard)
    lost = [what for what, text in texts.items() if text.encode() not in held]
    assert lost == []


def test_many_commits_left_behind_share_a_ref(yard: Yard, tree: Path) -> None:
    many_tries(yard, tree)
    keep_attempt(yard.repo, "r1", "x.1", tree, BRANCH)
    assert len(list_refs(yard.repo, f"{PREFIX}/left-*")) == 1


def test_commits_of_others_are_not_called_left(yard: Yard, tree: Path) -> None:
    """An agent that looks at other branches leaves nothing of its own."""
    yard.commit(n="of the user\n")
    yard.git("checkout", "-q", "--detach", "main", at=tree)
    yard.git("checkout", "-q", BRANCH, at=tree)
    assert keep_attempt(yard.repo, "r1", "x.1", tree, BRANCH).refs == (f"{PREFIX}/work",)


# -- what stays --------------------------------------------------------------------------------


def nested(yard: Yard, tree: Path) -> None:
    yard.git("init", "-q", str(tree / "nested"))
    yard.write("inner.txt", "inner\n", tree / "nested")


def nested_among_tracked(yard: Yard, tree: Path) -> None:
    yard.commit(tree, **{"sub/t": "tracked\n"})
    yard.git("init", "-q", str(tree / "sub"))
    yard.commit(tree / "sub", inner="inner\n")


def its_own_pointer(yard: Yard, tree: Path) -> None:
    (tree / ".git").unlink()
    yard.git("init", "-q", at=tree)
    yard.commit(tree, inner="inner\n")


def committed_as_link(yard: Yard, tree: Path) -> None:
    yard.git("init", "-q", str(tree / "linked"))
    yard.commit(tree / "linked", inner="inner\n")
    yard.git("add", "linked", at=tree)
    yard.git("commit", "-qm", "a link", at=tree)


def submodule_with_work(yard: Yard, tree: Path) -> None:
    submodule(yard, tree)
    yard.commit(tree / "lib", inner="inner\n")
    yard.commit(tree, message="the submodule moved")


def submodule(yard: Yard, tree: Path) -> None:
    library = yard.root.parent / "library"
    library.mkdir()
    yard.git("init", "-q", "-b", "main", at=library)
    yard.commit(library, lib="lib\n")
    yard.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib",
             at=tree)  # fmt: skip
    yard.git("commit", "-qm", "a submodule", at=tree)


@pytest.mark.parametrize(
    "way",
    [nested, nested_among_tracked, its_own_pointer, committed_as_link, submodule_with_work],
    ids=lambda way: str(way.__name__),
)
def test_what_no_ref_can_hold_stays_and_is_named(
    yard: Yard, tree: Path, way: Callable[[Yard, Path], None]
) -> None:
    way(yard, tree)
    inner = next(tree.rglob("inner.txt"))
    _, gone = remove(yard, tree)
    assert isinstance(gone, NotHeld)
    assert gone.paths
    assert inner.read_text() == "inner\n"
    assert not aside_of(tree).exists()


def test_a_submodule_without_work_of_its_own_goes(yard: Yard, tree: Path) -> None:
    submodule(yard, tree)
    assert isinstance(remove(yard, tree)[1], Removed)


@pytest.mark.parametrize("folder", [False, True])
def test_what_cannot_be_read_stays(yard: Yard, tree: Path, folder: bool) -> None:
    file = yard.write("closed/file.txt", "closed\n", tree)
    shut = file.parent if folder else file
    shut.chmod(0)
    if os.access(shut, os.R_OK):
        pytest.skip("nothing is unreadable for whoever runs this")
    _, gone = remove(yard, tree)
    shut.chmod(0o700)
    assert isinstance(gone, NotHeld)
    assert file.read_text() == "closed\n"


def test_a_plain_folder_is_held_whatever_its_rules_ignore(yard: Yard, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    yard.write(".gitignore", "*\n", folder)
    yard.write("deep/notes.log", "ignored by its own rule\n", folder)
    assert keep_folder(yard.repo, "r1", "p.1", folder).refs == (
        "refs/gangsaw/attempts/r1/p.1/folder",
    )
    assert b"ignored by its own rule\n" in blobs(yard)
    yard.git("init", "-q", str(folder / "own"))
    assert keep_folder(yard.repo, "r1", "p.1", folder).left_out == ("own/",)
