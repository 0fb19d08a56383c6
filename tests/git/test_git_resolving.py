"""Conflicts resolved without anybody: drivers, replays, and what is left to people."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.git import (
    Candidate,
    Conflict,
    Means,
    build_candidate,
    kind_text,
    learn,
    read_clashes,
    resolve,
)
from gangsaw.git.replaying import has_markers
from tests.git.git_yard import Yard

Figure = Callable[[str, object], None]
GONE = "(gone)"

DRIVER = """
import pathlib, sys
# Speaks mergiraf's command line: merge --git BASE OURS THEIRS -s S -x X -y Y -p PATH -l SIZE.
words = sys.argv[1:]
assert words[:2] == ["merge", "--git"], words
base, ours, theirs = (pathlib.Path(name) for name in words[2:5])
named = dict(zip(words[5::2], words[6::2], strict=True))
assert list(named) == ["-s", "-x", "-y", "-p", "-l"], words
with open(LOG, "a") as log:
    log.write(named["-p"] + "\\n")
if not named["-p"].endswith(".def"):
    sys.exit(1)
# Each line is a definition of its own: both sides' new ones are kept, in order.
known = base.read_text().splitlines()
both = sorted({*ours.read_text().splitlines(), *theirs.read_text().splitlines()})
if MESSY:
    both.insert(0, "<<<<<<< left over")
ours.write_text("\\n".join(both) + "\\n")
"""


def driver(folder: Path, *, messy: bool = False) -> tuple[str, Path]:
    """A program with mergiraf's command line, in a folder with an odd name, and its log."""
    place = folder / "a place"
    place.mkdir()
    log, code, program = place / "log", place / "driver.py", place / "merge giraf"
    code.write_text(f"LOG, MESSY = {str(log)!r}, {messy}\n{DRIVER}")
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "{code}" "$@"\n')
    program.chmod(0o755)
    log.touch()
    return str(program), log


def branch(yard: Yard, name: str, base: str = "main", **files: str) -> str:
    """The commit of a branch with these files; `GONE` deletes one."""
    yard.git("checkout", "-q", "-b", name, base)
    for path, text in files.items():
        if text == GONE:
            yard.git("rm", "-q", path)
        else:
            yard.write(path, text)
    commit = yard.commit(message=name)
    yard.git("checkout", "-q", "main")
    return commit


def show(yard: Yard, tree: str, path: str) -> str:
    return yard.git("cat-file", "blob", f"{tree}:{path}") + "\n"


def start(yard: Yard, **files: str) -> None:
    for path, text in files.items():
        yard.write(path, text)
    yard.commit(message="start")


# --- drivers -----------------------------------------------------------------------------------


def test_union_only_where_it_is_asked_for(yard: Yard) -> None:
    start(yard, **{"CHANGELOG.md": "# log\n", "code.py": "x = 0\n"})
    ours = branch(yard, "ours", **{"CHANGELOG.md": "# log\n- ours\n"})
    theirs = branch(yard, "theirs", **{"CHANGELOG.md": "# log\n- theirs\n"})
    assert resolve(yard.repo, ours, theirs, Means()) is None
    found = resolve(yard.repo, ours, theirs, Means(union=("CHANGELOG.md",)))
    assert found is not None
    assert (found.ways, found.paths) == (("union",), ("CHANGELOG.md",))
    assert show(yard, found.tree, "CHANGELOG.md") == "# log\n- ours\n- theirs\n"
    more = branch(yard, "more", "theirs", **{"code.py": "x = 1\n"})
    other = branch(yard, "other", "ours", **{"code.py": "x = 2\n"})
    assert resolve(yard.repo, other, more, Means(union=("*.md",))) is None


def test_a_structural_driver_gets_the_files_in_conflict_and_no_others(
    yard: Yard, tmp_path: Path
) -> None:
    odd = 'ä "q" [1]*\\.def'
    start(yard, **{odd: "a\n", "clean.def": "1\n2\n3\n4\n5\n", "b.def": "m\n"})
    ours = branch(yard, "ours", **{odd: "a\nb\n", "clean.def": "0\n2\n3\n4\n5\n", "b.def": "n\n"})
    theirs = branch(
        yard, "theirs", **{odd: "a\nc\n", "clean.def": "1\n2\n3\n4\n6\n", "b.def": "o\n"}
    )
    program, log = driver(tmp_path)
    found = resolve(yard.repo, ours, theirs, Means(mergiraf=program))
    assert found is not None
    assert found.ways == ("mergiraf",)
    assert show(yard, found.tree, odd) == "a\nb\nc\n"
    assert show(yard, found.tree, "b.def") == "n\no\n"
    assert show(yard, found.tree, "clean.def") == "0\n2\n3\n4\n6\n"
    assert sorted(log.read_text().split("\n")) == ["", "b.def", odd]


def test_a_driver_that_gives_up_leaves_the_conflict(yard: Yard, tmp_path: Path) -> None:
    start(yard, **{"f.txt": "a\n"})
    ours, theirs = branch(yard, "o", **{"f.txt": "b\n"}), branch(yard, "t", **{"f.txt": "c\n"})
    program, log = driver(tmp_path)
    assert resolve(yard.repo, ours, theirs, Means(mergiraf=program)) is None
    assert log.read_text() == "f.txt\n"
    gone = str(tmp_path / "no such program")
    assert resolve(yard.repo, ours, theirs, Means(mergiraf=gone)) is None


def test_a_driver_that_leaves_markers_is_not_believed(yard: Yard, tmp_path: Path) -> None:
    start(yard, **{"f.def": "a\n"})
    ours, theirs = branch(yard, "o", **{"f.def": "b\n"}), branch(yard, "t", **{"f.def": "c\n"})
    program, _ = driver(tmp_path, messy=True)
    assert resolve(yard.repo, ours, theirs, Means(mergiraf=program)) is None


def test_what_the_repository_says_of_a_file_goes_before_mergiraf(
    yard: Yard, tmp_path: Path
) -> None:
    start(yard, **{"f.def": "a\n", ".gitattributes": "*.def -merge\n"})
    ours, theirs = branch(yard, "o", **{"f.def": "b\n"}), branch(yard, "t", **{"f.def": "c\n"})
    program, log = driver(tmp_path)
    assert resolve(yard.repo, ours, theirs, Means(mergiraf=program)) is None
    assert log.read_text() == ""


def test_what_a_folder_says_goes_before_mergiraf_and_behind_the_settings(
    yard: Yard, tmp_path: Path
) -> None:
    odd = "log/ä [1].def"
    start(yard, **{odd: "a\n", "log/.gitattributes": "*.def merge=text\n"})
    ours, theirs = branch(yard, "o", **{odd: "a\nb\n"}), branch(yard, "t", **{odd: "a\nc\n"})
    program, log = driver(tmp_path)
    assert resolve(yard.repo, ours, theirs, Means(mergiraf=program)) is None
    assert log.read_text() == ""
    found = resolve(yard.repo, ours, theirs, Means(union=("log",), mergiraf=program))
    assert found is not None
    assert found.ways == ("union",)
    assert show(yard, found.tree, odd) == "a\nb\nc\n"


def test_a_submodule_that_both_moved_is_told_of(yard: Yard) -> None:
    """git gives advice behind its messages then."""
    module = yard.root.parent / "module"
    module.mkdir()
    yard.git("init", "-q", at=module)
    commits = [yard.commit(at=module, f=f"{number}\n") for number in range(2)]
    yard.git("checkout", "-q", commits[0], at=module)
    commits.append(yard.commit(at=module, message="beside", f="2\n"))
    yard.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(module), "sub")
    yard.git("checkout", "-q", commits[0], at=yard.root / "sub")
    yard.commit(message="start")
    sides: list[str] = []
    for number in (1, 2):
        yard.git("checkout", "-q", "-b", f"side{number}", "main")
        yard.git("fetch", "-q", str(module), commits[number], at=yard.root / "sub")
        yard.git("checkout", "-q", commits[number], at=yard.root / "sub")
        sides.append(yard.commit(message="moved"))
    found = read_clashes(yard.repo, sides[0], sides[1])
    assert found.paths == ("sub",)
    assert "submodule" in found.clashes[0].kinds
    assert resolve(yard.repo, sides[0], sides[1], Means()) is None


# --- replays -----------------------------------------------------------------------------------


def resolved_merge(yard: Yard, name: str, ours: str, theirs: str, **files: str) -> str:
    """A merge of two commits that somebody resolved so."""
    yard.git("checkout", "-q", "-b", name, ours)
    yard.git("merge", "-q", "--no-commit", theirs, ok=False)
    for path, text in files.items():
        yard.write(path, text)
    commit = yard.commit(message=name)
    yard.git("checkout", "-q", "main")
    return commit


def test_a_resolution_that_was_learned_is_replayed_elsewhere(yard: Yard) -> None:
    head = "".join(f"line {n}\n" for n in range(12))
    start(yard, **{"f.txt": head + "x = 0\n", "g.txt": "g\n"})
    base = yard.head()
    ours = branch(yard, "ours", **{"f.txt": head + "x = 1\n"})
    theirs = branch(yard, "theirs", **{"f.txt": head + "x = 2\n"})
    assert resolve(yard.repo, ours, theirs, Means()) is None
    work = resolved_merge(yard, "done", theirs, ours, **{"f.txt": head + "x = 1 + 2\n"})
    for _ in range(2):
        assert learn(yard.repo, base, work) == 1
        for one, other in ((ours, theirs), (theirs, ours)):
            found = resolve(yard.repo, one, other, Means())
            assert found is not None
            assert (found.ways, found.paths) == (("rerere",), ("f.txt",))
            assert show(yard, found.tree, "f.txt") == head + "x = 1 + 2\n"
    # The same lines in conflict, in a file that has changed around them since.
    further = branch(yard, "further", ours, **{"f.txt": "top\n" + head + "x = 1\n"})
    found = resolve(yard.repo, further, theirs, Means())
    assert found is not None
    assert show(yard, found.tree, "f.txt") == "top\n" + head + "x = 1 + 2\n"
    assert resolve(yard.repo, ours, theirs, Means(rerere=False)) is None
    assert not (yard.root / ".git" / "rr-cache").exists()
    left = [path.name for path in yard.repo.control_dir.glob("bench-*")]
    assert left == []


def test_nothing_is_replayed_while_one_file_is_not_known(yard: Yard) -> None:
    start(yard, **{"f.txt": "a\n", "g.txt": "a\n"})
    base = yard.head()
    ours = branch(yard, "ours", **{"f.txt": "b\n"})
    theirs = branch(yard, "theirs", **{"f.txt": "c\n"})
    learn(yard.repo, base, resolved_merge(yard, "done", theirs, ours, **{"f.txt": "bc\n"}))
    ours = branch(yard, "ours2", ours, **{"g.txt": "q\n"})
    theirs = branch(yard, "theirs2", theirs, **{"g.txt": "r\n"})
    assert resolve(yard.repo, ours, theirs, Means()) is None
    found = resolve(yard.repo, ours, theirs, Means(union=("g.txt",)))
    assert found is not None
    assert found.ways == ("union", "rerere")
    assert show(yard, found.tree, "f.txt") == "bc\n"
    assert show(yard, found.tree, "g.txt") == "q\nr\n"
    # What was looked for in vain has not been taken down as something that was seen.
    cache = yard.repo.control_dir / "resolutions" / "rr-cache"
    assert len(list(cache.iterdir())) == 1


def test_markers_that_were_committed_are_not_learned(yard: Yard) -> None:
    start(yard, **{"f.txt": "a\n"})
    base = yard.head()
    ours, theirs = branch(yard, "o", **{"f.txt": "b\n"}), branch(yard, "t", **{"f.txt": "c\n"})
    bad = "<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n"
    assert has_markers(bad.encode())
    assert learn(yard.repo, base, resolved_merge(yard, "bad", ours, theirs, **{"f.txt": bad})) == 0
    assert resolve(yard.repo, ours, theirs, Means()) is None


def test_the_mode_of_a_replayed_file_stays(yard: Yard) -> None:
    start(yard, **{"run.sh": "echo a\n"})
    base = yard.head()
    ours = branch(yard, "ours", **{"run.sh": "echo b\n"})
    theirs = branch(yard, "theirs", **{"run.sh": "echo c\n"})
    learn(yard.repo, base, resolved_merge(yard, "done", ours, theirs, **{"run.sh": "echo d\n"}))
    yard.git("checkout", "-q", "-b", "mode", theirs)
    os.chmod(yard.root / "run.sh", 0o755)
    exact = yard.commit(message="executable")
    found = resolve(yard.repo, ours, exact, Means())
    assert found is not None
    listed = yard.git("ls-tree", found.tree, "run.sh")
    assert listed.startswith("100755 ")


def test_killed_while_it_learns(yard: Yard) -> None:
    start(yard, **{"f.txt": "a\n"})
    base = yard.head()
    ours, theirs = branch(yard, "o", **{"f.txt": "b\n"}), branch(yard, "t", **{"f.txt": "c\n"})
    work = resolved_merge(yard, "done", ours, theirs, **{"f.txt": "bc\n"})
    step = f"from gangsaw.git import learn\nlearn(repo, {base!r}, {work!r})"
    for when in ("before", "after"):
        assert yard.run_killed("git.resolution_learned", when, step)
        assert learn(yard.repo, base, work) == 1
        found = resolve(yard.repo, ours, theirs, Means())
        assert found is not None
        assert show(yard, found.tree, "f.txt") == "bc\n"
        assert list(yard.repo.control_dir.glob("bench-*")) == []


# --- what is left to somebody ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["modify/delete", "binary", "file/directory", "add/add link"])
def test_structural_conflicts_are_left_to_somebody(yard: Yard, tmp_path: Path, kind: str) -> None:
    start(yard, **{"f.def": "a\n", "bin.def": "a\0\n"})
    program, log = driver(tmp_path)
    ours = branch(yard, "ours", **{"f.def": "b\n"})
    match kind:
        case "modify/delete":
            theirs, path = branch(yard, "theirs", **{"f.def": GONE}), "f.def"
        case "binary":
            ours = branch(yard, "ours2", **{"bin.def": "b\0\n"})
            theirs, path = branch(yard, "theirs", **{"bin.def": "c\0\n"}), "bin.def"
        case "file/directory":
            ours = branch(yard, "ours2", dir="file\n")
            theirs, path = branch(yard, "theirs", **{"dir/file": "x\n"}), "dir"
        case _:
            ours, path = branch(yard, "ours2", new="file\n"), "new"
            yard.git("checkout", "-q", "-b", "theirs", "main")
            (yard.root / "new").symlink_to("f.def")
            theirs = yard.commit(message="theirs")
            yard.git("checkout", "-q", "main")
    means = Means(union=("**",), mergiraf=program)
    assert resolve(yard.repo, ours, theirs, means) is None
    found = read_clashes(yard.repo, ours, theirs)
    assert any(clash.path.startswith(path) for clash in found.clashes)
    assert all(kind_text(clash) not in ("", "in conflict") for clash in found.clashes)
    assert log.read_text() == ""


def test_a_candidate_says_how_its_conflict_was_resolved(
    yard: Yard, record_property: Figure
) -> None:
    start(yard, LOG="# log\n")
    ours = branch(yard, "ours", LOG="# log\n- ours\n")
    theirs = branch(yard, "theirs", LOG="# log\n- theirs\n")
    message = "the title\n\nGangsaw-Run: r1\n"

    def build(means: Means | None) -> Candidate | Conflict:
        return build_candidate(
            yard.repo, ours, theirs, message, 1_000, run="r1", attempt="t.1", means=means
        )

    assert isinstance(build(None), Conflict)
    assert isinstance(build(Means()), Conflict)
    made = build(Means(union=("LOG",)))
    assert isinstance(made, Candidate)
    assert (made.resolved, made.paths) == ("union", ("LOG",))
    assert build(Means(union=("LOG",))) == made
    trailers = yard.git("log", "-1", "--format=%(trailers:only,unfold)", made.commit)
    assert trailers.split("\n")[:2] == ["Gangsaw-Run: r1", "Gangsaw-Resolved: union"]
    clean = build_candidate(
        yard.repo, yard.head(), theirs, message, 1_000, run="r1", attempt="t.2",
        means=Means(union=("LOG",)),
    )  # fmt: skip
    assert isinstance(clean, Candidate)
    assert clean.resolved == ""
    assert "Gangsaw-Resolved" not in yard.git("log", "-1", "--format=%B", clean.commit)
