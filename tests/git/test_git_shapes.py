"""Shapes of history: what is squashed or replayed keeps authors, dates and trailers, and can be
undone; the tree is always the merge's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.core.model import History
from gangsaw.git import (
    Candidate,
    Conflict,
    build_candidate,
    build_undo,
    candidate_ref,
    merge_tree,
    read_ref,
    stranded,
)
from gangsaw.git.candidates import Merged
from tests.git.git_yard import Yard, sure

AT = 1_700_000_000
MESSAGE = "Add the thing\n\nGangsaw-Run: r1\nGangsaw-Task: t\nGangsaw-Attempt: t.1\n"
OURS = "Gangsaw-Run: r1\nGangsaw-Task: t\nGangsaw-Attempt: t.1"
SHAPES = [History.SQUASH, History.LINEAR]


def commits(yard: Yard, *changes: tuple[str, str, str], author: str = "Bob <bob@x.org>") -> str:
    """A branch from main with a commit for each (file, text, message); its tip."""
    yard.git("checkout", "-q", "-B", "work", "main")
    for number, (file, text, message) in enumerate(changes):
        yard.write(file, text)
        yard.git("add", "-A")
        date = f"2020-01-0{number + 1}T10:00:00+0200"
        yard.git("commit", "-q", "-F", "-", f"--author={author}", f"--date={date}", stdin=message)
    tip = yard.head()
    yard.git("checkout", "-q", "main")
    return tip


def built(yard: Yard, onto: str, work: str, history: History) -> Candidate | Conflict:
    return build_candidate(
        yard.repo, onto, work, MESSAGE, AT, run="r1", attempt="t.1", history=history
    )


def body(yard: Yard, commit: str) -> str:
    return yard.git("log", "-1", "--format=%B", commit).rstrip("\n")


def trailers(yard: Yard, commit: str) -> list[str]:
    return yard.git("log", "-1", "--format=%(trailers:only,unfold)", commit).strip().split("\n")


def test_a_squash_is_one_commit_with_everything_said(yard: Yard) -> None:
    work = commits(
        yard,
        ("x.txt", "1\n", "First step\n\nWhy.\n\nSigned-off-by: Bob <bob@x.org>\nFixes: #1\n"),
        ("y.txt", "2\n", "Second step\n\nSigned-off-by: Bob <bob@x.org>\nCloses: #2\n"),
    )
    onto = yard.commit(message="meanwhile", z="z\n")
    made = sure(built(yard, onto, work, History.SQUASH), Candidate)
    assert made.tree == sure(merge_tree(yard.repo, onto, work), Merged).tree
    assert yard.git(
        "log", "-1", "--format=%P|%an <%ae>|%ad|%cn %ct", "--date=iso", made.commit
    ) == (
        f"{onto}|Bob <bob@x.org>|2020-01-01 10:00:00 +0200|{yard.repo.identity.committer_name} {AT}"
    )
    assert body(yard, made.commit) == (
        "Add the thing\n\n* First step\n* Second step\n\n"
        f"Signed-off-by: Bob <bob@x.org>\nFixes: #1\nCloses: #2\n{OURS}\nGangsaw-Work: {work}"
    )
    assert made == built(yard, onto, work, History.SQUASH), "not the same when done again"
    assert read_ref(yard.repo, candidate_ref("r1", "t.1")) == made.commit


def test_a_squash_names_every_author(yard: Yard) -> None:
    first = commits(yard, ("x.txt", "1\n", "one"))
    yard.git("checkout", "-q", "work")
    yard.write("y.txt", "2\n")
    yard.git("add", "-A")
    yard.git("commit", "-q", "-m", "two", "--author=Cy <cy@x.org>")
    work = yard.head()
    yard.git("checkout", "-q", "main")
    assert first != work
    made = sure(built(yard, yard.head(), work, History.SQUASH), Candidate)
    assert "Co-authored-by: Cy <cy@x.org>" in trailers(yard, made.commit)
    assert yard.git("log", "-1", "--format=%an", made.commit) == "Bob"


def test_a_linear_history_replays_the_agents_commits(yard: Yard) -> None:
    work = commits(
        yard,
        ("x.txt", "1\n", "First step\n\nWhy: because.\n\nA longer text.\n"),
        ("x.txt", "2\n", "Second step\n\nReviewed-by: Di <di@x.org>\n"),
        ("y.txt", "3\n", "Third step\n"),
    )
    onto = yard.commit(message="meanwhile", z="z\n")
    made = sure(built(yard, onto, work, History.LINEAR), Candidate)
    assert made.tree == sure(merge_tree(yard.repo, onto, work), Merged).tree
    shown = yard.git(
        "log", "--reverse", "--format=%s|%an|%ad", "--date=iso", f"{onto}..{made.commit}"
    )
    assert shown.split("\n") == [
        "First step|Bob|2020-01-01 10:00:00 +0200",
        "Second step|Bob|2020-01-02 10:00:00 +0200",
        "Third step|Bob|2020-01-03 10:00:00 +0200",
    ]
    assert yard.git("rev-list", "--merges", f"{onto}..{made.commit}") == ""
    assert yard.git("show", f"{made.commit}~2:z.txt") == "z"
    assert yard.git("show", f"{made.commit}~2:x.txt") == "1"
    assert body(yard, f"{made.commit}~2") == (
        f"First step\n\nWhy: because.\n\nA longer text.\n\n{OURS}\nGangsaw-Part: 1/3"
    )
    assert trailers(yard, f"{made.commit}~1") == [
        "Reviewed-by: Di <di@x.org>", *OURS.split("\n"), "Gangsaw-Part: 2/3",
    ]  # fmt: skip
    assert trailers(yard, made.commit)[-2:] == ["Gangsaw-Part: 3/3", f"Gangsaw-Work: {work}"]
    assert made == built(yard, onto, work, History.LINEAR), "not the same when done again"


def test_what_cannot_be_replayed_is_squashed_and_says_why(yard: Yard) -> None:
    # The first commit conflicts with what landed meanwhile, the second takes it back.
    work = commits(yard, ("b.txt", "theirs\n", "one"), ("b.txt", "b\n", "two"), ("n.txt", "n", "x"))
    onto = yard.commit(message="meanwhile", b="ours\n")
    made = sure(built(yard, onto, work, History.LINEAR), Candidate)
    assert "Squashed, for " in body(yard, made.commit)
    assert "does not apply by itself" in body(yard, made.commit)
    assert yard.git("log", "-1", "--format=%P", made.commit) == onto
    assert yard.git("show", f"{made.commit}:b.txt") == "ours"

    yard.git("checkout", "-q", "work")
    yard.git("merge", "-q", "-X", "ours", "--no-edit", onto)
    merged = yard.head()
    yard.git("checkout", "-q", "main")
    again = sure(built(yard, onto, merged, History.LINEAR), Candidate)
    assert f"it contains the merge {merged[:12]}" in body(yard, again.commit)


def test_what_is_there_already_is_left_out_of_the_row(yard: Yard) -> None:
    work = commits(yard, ("x.txt", "1\n", "one"), ("y.txt", "2\n", "two"))
    onto = yard.commit(message="the same", x="1\n")
    made = sure(built(yard, onto, work, History.LINEAR), Candidate)
    assert yard.git("log", "--format=%s", f"{onto}..{made.commit}") == "two"
    assert "Gangsaw-Part: 1/1" in trailers(yard, made.commit)
    empty = sure(built(yard, onto, f"{work}~1", History.LINEAR), Candidate)
    assert "it changes nothing" in body(yard, empty.commit)
    assert empty.tree == yard.repo.tree_of(onto)


@pytest.mark.parametrize("history", list(History))
def test_a_conflict_is_the_same_in_every_shape(yard: Yard, history: History) -> None:
    work = commits(yard, ("b.txt", "theirs\n", "one"))
    onto = yard.commit(message="meanwhile", b="ours\n")
    assert sure(built(yard, onto, work, history), Conflict).paths == ("b.txt",)


@pytest.mark.parametrize("history", list(History))
def test_an_undo_takes_back_all_of_a_landing_and_nothing_else(yard: Yard, history: History) -> None:
    work = commits(yard, ("x.txt", "1\n", "one"), ("b.txt", "new\n", "two"), ("y.txt", "3\n", "x"))
    base = yard.commit(message="before", a="before\n")
    landed = sure(built(yard, base, work, history), Candidate).commit
    yard.git("checkout", "-q", "--detach", landed)
    head = yard.commit(message="after", later="later\n")
    made = sure(
        build_undo(yard.repo, head, landed, "undo\n", AT, run="r1", name="undo/t"), Candidate
    )
    names = yard.git("ls-tree", "-r", "--name-only", made.commit).split("\n")
    assert "later.txt" in names
    assert not {"x.txt", "y.txt"} & set(names)
    assert yard.git("show", f"{made.commit}:b.txt") == "b"
    assert yard.git("show", f"{made.commit}:a.txt") == "before"


def test_an_agent_cannot_write_our_trailers(yard: Yard) -> None:
    forged = "Work\n\nGangsaw-Part: 9/9\nGangsaw-Attempt: other.1\nFixes: #3\n"
    work = commits(yard, ("x.txt", "1\n", forged), ("y.txt", "2\n", "Gangsaw-Part: 7/7\n"))
    onto = yard.head()
    for history in SHAPES:
        made = sure(built(yard, onto, work, history), Candidate)
        text = yard.git("log", "--format=%B", f"{onto}..{made.commit}")
        assert "9/9" not in text
        assert "other.1" not in text
        assert "Fixes: #3" in text
        undone = build_undo(yard.repo, made.commit, made.commit, "u\n", AT, run="r1", name="undo/t")
        assert sure(undone, Candidate).tree == yard.repo.tree_of(onto)


@pytest.mark.parametrize("history", SHAPES)
def test_odd_commits_survive(yard: Yard, history: History) -> None:
    yard.git("checkout", "-q", "-B", "work", "main")
    yard.write("x.txt", "1\n")
    yard.git("add", "-A")
    tree = yard.git("write-tree")
    odd = (
        f"tree {tree}\nparent {yard.head()}\nauthor  <nobody> -5 +0000\n"
        f"committer  <nobody> 5 +0000\nencoding ISO-8859-1\n\ngr\udcfc\udcdfe\n"
    )
    work = yard.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=odd)
    yard.git("reset", "-q", "--hard", work)
    yard.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    work = yard.head()
    yard.git("checkout", "-q", "main")
    made = sure(built(yard, yard.head(), work, history), Candidate)
    assert "grüße" in body(yard, made.commit)
    # One commit has the first author who has a name; alone, the nameless one's is the user's.
    name = "Ann" if history is History.SQUASH else yard.repo.identity.author_name
    assert yard.git("log", "-1", "--format=%an", made.commit) == name
    assert yard.git("fsck", "--no-dangling", "--no-progress", made.commit, ok=False) == ""


@pytest.mark.parametrize("history", list(History))
def test_landed_work_is_not_stranded(yard: Yard, history: History) -> None:
    work = commits(yard, ("x.txt", "1\n", "one"), ("y.txt", "2\n", "two"))
    yard.git("update-ref", "refs/gangsaw/attempts/r1/t.1/work", work)
    yard.git("branch", "-D", "work")
    before = stranded(yard.repo, ["main"], since=0.0)
    assert [each.call for each in before] == ["r1/t.1/work"]
    made = sure(built(yard, yard.head(), work, history), Candidate)
    yard.git("branch", "gangsaw/run/r1", made.commit)
    assert stranded(yard.repo, ["gangsaw/run/r1"], since=float(AT)) == ()


@pytest.mark.parametrize("history", SHAPES)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_shape_whose_making_was_killed_is_made_again(
    yard: Yard, history: History, when: str, number: int
) -> None:
    work = commits(yard, ("x.txt", "1\n", "one"), ("y.txt", "2\n", "two"))
    onto = yard.head()
    step = (
        "from gangsaw.core.model import History\n"
        f"build_candidate(repo, '{onto}', '{work}', {MESSAGE!r}, {AT}, run='r1', attempt='t.1', "
        f"history=History('{history.value}'))"
    )
    killed = yard.run_killed("git.candidate_commit", when, step, number=number)
    assert killed == (number == 1 or history is History.LINEAR)
    made = sure(built(yard, onto, work, history), Candidate)
    assert made == built(yard, onto, work, history)
    assert stranded(yard.repo, [made.commit], since=float(AT)) == ()


@pytest.fixture
def signing(
    make_yard: Callable[..., Yard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Yard:
    """A yard whose user signs with an ssh key."""
    yard = make_yard()
    key = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)],
        check=True, capture_output=True, env=os.environ | {"HOME": str(tmp_path)},
    )  # fmt: skip
    allowed = tmp_path / "allowed"
    allowed.write_text("* " + key.with_suffix(".pub").read_text())
    for name, value in {
        "gpg.format": "ssh",
        "user.signingkey": f"{key}.pub",
        "gpg.ssh.allowedSignersFile": str(allowed),
    }.items():
        yard.git("config", name, value)
    return yard


@pytest.mark.parametrize("history", list(History))
def test_every_commit_that_we_make_is_signed_where_the_user_signs(
    signing: Yard, history: History
) -> None:
    work = commits(signing, ("x.txt", "1\n", "one"), ("y.txt", "2\n", "two"))
    onto = signing.head()
    signing.git("config", "commit.gpgsign", "true")
    made = sure(built(signing, onto, work, history), Candidate)
    ours = signing.git("rev-list", "--first-parent", f"{onto}..{made.commit}").split("\n")
    for commit in ours:
        signing.git("verify-commit", commit)
    assert made == built(signing, onto, work, history), "a pinned one must be taken again"
