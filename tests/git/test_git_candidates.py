"""Candidates: merged without a checkout, the same commit every time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.git import (
    Candidate,
    Conflict,
    Merged,
    add_worktree,
    build_candidate,
    candidate_ref,
    create_ref,
    merge_tree,
    move_ref,
    open_repository,
    read_ref,
    remove_worktree,
)
from gangsaw.git.attributes import place_for_merging
from tests.git.git_yard import Yard


def branch_with(yard: Yard, name: str, change: Callable[[], object]) -> str:
    """The commit of a branch from main on which `change()` was done."""
    yard.git("checkout", "-q", "-b", name, "main")
    change()
    commit = yard.commit(message=name)
    yard.git("checkout", "-q", "main")
    return commit


def both(yard: Yard, ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[str, str]:
    return branch_with(yard, "ours", ours), branch_with(yard, "theirs", theirs)


def test_clean(yard: Yard) -> None:
    ours, theirs = both(yard, lambda: yard.write("x", "x"), lambda: yard.write("ü \n'y", "y"))
    onto = yard.head()
    merged = merge_tree(yard.repo, ours, theirs)
    assert isinstance(merged, Merged)
    made = build_candidate(yard.repo, ours, theirs, "land y", 1_000, run="r1", attempt="y.1")
    assert isinstance(made, Candidate)
    assert (made.tree, made.onto) == (merged.tree, ours)
    shown = yard.git("log", "-1", "--format=%P|%at %ct|%s", made.commit)
    assert shown == f"{ours} {theirs}|1000 1000|land y"
    assert read_ref(yard.repo, candidate_ref("r1", "y.1")) == made.commit
    assert (
        build_candidate(yard.repo, ours, theirs, "land y", 1_000, run="r1", attempt="y.1") == made
    )
    assert yard.head() == onto
    assert yard.git("status", "--porcelain") == ""


def test_content_conflict_with_an_odd_name(yard: Yard) -> None:
    name = "ü \n'y.txt"
    ours, theirs = both(yard, lambda: yard.write(name, "1"), lambda: yard.write(name, "2"))
    made = build_candidate(yard.repo, ours, theirs, "m", 1, run="r1", attempt="y.1")
    assert isinstance(made, Conflict)
    assert made.paths == (name,)
    assert "add/add" in made.text
    assert read_ref(yard.repo, candidate_ref("r1", "y.1")) is None


def test_rename_against_delete(yard: Yard) -> None:
    ours, theirs = both(
        yard,
        lambda: (yard.root / "a.txt").rename(yard.root / "z.txt"),
        lambda: (yard.root / "a.txt").unlink(),
    )
    made = merge_tree(yard.repo, ours, theirs)
    assert isinstance(made, Conflict)
    assert "z.txt" in made.paths
    assert "rename/delete" in made.text


def test_binary_conflict(yard: Yard) -> None:
    ours, theirs = both(
        yard, lambda: yard.write("p.bin", b"\0\1"), lambda: yard.write("p.bin", b"\0\2")
    )
    made = merge_tree(yard.repo, ours, theirs)
    assert isinstance(made, Conflict)
    assert made.paths == ("p.bin",)


def test_attributes_at_the_top_count(yard: Yard) -> None:
    yard.write(".gitattributes", "CHANGES merge=union\nlock.json -merge\n")
    yard.write("CHANGES", "start\n")
    yard.write("lock.json", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    yard.commit()
    ours, theirs = both(
        yard,
        lambda: yard.write("CHANGES", "start\nours\n"),
        lambda: yard.write("CHANGES", "start\ntheirs\n"),
    )
    merged = merge_tree(yard.repo, ours, theirs)
    assert isinstance(merged, Merged)
    assert yard.git("show", f"{merged.tree}:CHANGES") == "start\nours\ntheirs"
    one = branch_with(yard, "l1", lambda: yard.write("lock.json", "0\n2\n3\n4\n5\n6\n7\n8\n9\n"))
    two = branch_with(yard, "l2", lambda: yard.write("lock.json", "1\n2\n3\n4\n5\n6\n7\n8\n0\n"))
    assert isinstance(merge_tree(yard.repo, one, two), Conflict)


def test_attributes_in_folders_count_and_are_followed(yard: Yard) -> None:
    def log_of(name: str) -> str:
        return branch_with(yard, name, lambda: yard.write("log/new.txt", f"start\n{name}\n"))

    yard.write("log/new.txt", "start\n")
    yard.commit()
    assert isinstance(merge_tree(yard.repo, log_of("a1"), log_of("b1")), Conflict)
    yard.write("log/.gitattributes", "new.* merge=union\n")
    yard.commit()
    assert isinstance(merge_tree(yard.repo, log_of("a2"), log_of("b2")), Merged)
    yard.write("log/.gitattributes", "old.* merge=union\n")
    yard.commit()
    assert isinstance(merge_tree(yard.repo, log_of("a3"), log_of("b3")), Conflict)
    laid = yard.repo.control_dir / "attributes"
    assert sorted(path.name for path in laid.rglob("*") if path.is_file()) == [".gitattributes"] * 2


def test_attributes_that_lead_out_of_the_tree_are_left_alone(yard: Yard) -> None:
    blob = yard.git("hash-object", "-w", "--stdin", stdin="* merge=union\n")
    inner = yard.git("mktree", stdin=f"100644 blob {blob}\t.gitattributes\n")
    entries = yard.git("ls-tree", "HEAD") + f"\n040000 tree {inner}\t..\n"
    tree = yard.git("mktree", stdin=entries)
    odd = yard.git("commit-tree", tree, "-p", "HEAD", "-m", "odd")
    place_for_merging(yard.repo, odd)
    assert not list((yard.repo.control_dir / "attributes").rglob(".gitattributes"))
    assert not (yard.repo.control_dir / "attributes" / ".gitattributes").exists()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", ["git.merge_tree", "git.candidate_commit", "git.ref_set"])
def test_build_killed_then_again(yard: Yard, point: str, when: str) -> None:
    ours, theirs = both(yard, lambda: yard.write("x", "x"), lambda: yard.write("y", "y"))
    call = f'build_candidate(repo, "{ours}", "{theirs}", "m", 1, run="r1", attempt="y.1")'
    assert yard.run_killed(point, when, call)
    made = build_candidate(yard.repo, ours, theirs, "m", 1, run="r1", attempt="y.1")
    assert isinstance(made, Candidate)
    assert read_ref(yard.repo, candidate_ref("r1", "y.1")) == made.commit


def test_signed_candidate_is_taken_again(yard: Yard, tmp_path: Path) -> None:
    """With a signature the id would differ each time; the pinned one is the one."""
    program = tmp_path / "sign"
    program.write_text(
        "#!/bin/sh\ncat > /dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n"
        "echo '-----BEGIN PGP SIGNATURE-----'\ndate +%N\necho '-----END PGP SIGNATURE-----'\n"
    )
    program.chmod(0o755)
    yard.git("config", "gpg.program", str(program))
    yard.git("config", "commit.gpgsign", "true")
    repo = open_repository(yard.root)
    ours, theirs = both(yard, lambda: yard.write("x", "x"), lambda: yard.write("y", "y"))
    first = build_candidate(repo, ours, theirs, "m", 1, run="r1", attempt="y.1")
    assert isinstance(first, Candidate)
    assert "gpgsig" in yard.git("cat-file", "commit", first.commit)
    assert build_candidate(repo, ours, theirs, "m", 1, run="r1", attempt="y.1") == first


def test_what_landing_costs(yard: Yard, record_property: Callable[[str, object], None]) -> None:
    """A figure, not a bar: CPU of git and of us per landing and per worktree."""
    ours, theirs = both(yard, lambda: yard.write("x", "x"), lambda: yard.write("y", "y"))
    ref, rounds = "refs/heads/gangsaw/run/r1", 5
    create_ref(yard.repo, ref, ours)
    _ = yard.repo.identity, yard.repo.signs, yard.repo.main_root
    before, wall = sum(os.times()[:4]), time.monotonic()
    tip = ours
    for number in range(rounds):
        made = build_candidate(yard.repo, tip, theirs, f"m{number}", 1, run="r1", attempt="y.1")
        assert isinstance(made, Candidate)
        move_ref(yard.repo, ref, made.commit, tip)
        tip = made.commit
    cpu_ms = (sum(os.times()[:4]) - before) * 1000 / rounds
    wall_ms = (time.monotonic() - wall) * 1000 / rounds
    record_property("figure", f"git: candidate + move, {cpu_ms:.0f} ms CPU, {wall_ms:.0f} ms wall")
    before = sum(os.times()[:4])
    for number in range(rounds):
        add_worktree(yard.repo, yard.trees / f"x.{number}", f"gangsaw/r1/x.{number}", ours)
    cpu_ms = (sum(os.times()[:4]) - before) * 1000 / rounds
    record_property("figure", f"git: add_worktree of a tiny repository, {cpu_ms:.0f} ms CPU")
    before = sum(os.times()[:4])
    for number in range(rounds):
        remove_worktree(yard.repo, yard.trees / f"x.{number}")
    cpu_ms = (sum(os.times()[:4]) - before) * 1000 / rounds
    record_property("figure", f"git: remove_worktree of a tiny repository, {cpu_ms:.0f} ms CPU")
    assert read_ref(yard.repo, ref) == tip
