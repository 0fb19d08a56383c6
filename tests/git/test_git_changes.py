"""The files of a change with their contents."""

from __future__ import annotations

import os

from gangsaw.core.changes import ChangedFile
from gangsaw.git import changes, read_change
from tests.git.git_yard import Yard


def by_path(yard: Yard, base: str, commit: str) -> dict[str, ChangedFile]:
    return {file.path: file for file in read_change(yard.repo, base, commit).files}


def test_both_sides_of_every_file(yard: Yard) -> None:
    yard.write("gone.txt", "gone\n")
    yard.write("same.txt", "same\n")
    base = yard.commit(old="old\n")
    yard.write("gone.txt", "").unlink()
    yard.write("dir/ä b.txt", b"a\0b")
    os.symlink("../x", yard.root / "link")
    yard.write("old.txt", "new\n").chmod(0o755)
    head = yard.commit()
    found = by_path(yard, base, head)
    assert set(found) == {"gone.txt", "dir/ä b.txt", "link", "old.txt"}
    gone, fresh, link, old = (found[n] for n in ("gone.txt", "dir/ä b.txt", "link", "old.txt"))
    assert gone.after is None
    assert gone.before is not None
    assert gone.before.text == "gone\n"
    assert fresh.before is None
    assert fresh.after is not None
    assert (fresh.after.content, fresh.after.text, fresh.after.is_binary) == (b"a\0b", None, True)
    assert link.after is not None
    assert (link.after.mode, link.after.content, link.after.text) == ("120000", b"../x", None)
    assert old.before is not None
    assert old.after is not None
    assert (old.before.text, old.after.text, old.after.mode) == ("old\n", "new\n", "100755")


def test_what_was_there_between_the_commits_only(yard: Yard) -> None:
    base = yard.head()
    yard.commit(key="secret\n", kept="kept\n")
    yard.write("key.txt", "").unlink()
    head = yard.commit(other="x\n")
    change = read_change(yard.repo, base, head)
    assert {file.path for file in change.files} == {"kept.txt", "other.txt"}
    (passing,) = change.passing
    assert passing.path == "key.txt"
    assert passing.after is not None
    assert passing.after.text == "secret\n"
    assert change.unread == 0


def test_what_was_merged_in_is_not_between_them(yard: Yard) -> None:
    first = yard.head()
    yard.git("checkout", "-q", "-b", "other")
    landed = yard.commit(landed="others\n")
    yard.git("checkout", "-q", "-b", "work", first)
    yard.commit(mine="mine\n")
    yard.git("merge", "-q", "--no-edit", "other")
    change = read_change(yard.repo, landed, yard.head())
    assert [file.path for file in change.files] == ["mine.txt"]
    assert change.passing == ()


def test_a_large_file_is_known_by_its_size(yard: Yard) -> None:
    base = yard.head()
    head = yard.commit(big="x" * (changes.FILE_BYTES_MAX + 1), small="y")
    found = by_path(yard, base, head)
    big, small = found["big.txt"].after, found["small.txt"].after
    assert big is not None
    assert (big.size, big.content) == (changes.FILE_BYTES_MAX + 1, None)
    assert small is not None
    assert small.content == b"y"


def test_a_repository_within_has_a_mode_and_no_content(yard: Yard) -> None:
    base = yard.head()
    yard.git("update-index", "--add", "--cacheinfo", f"160000,{base},sub")
    yard.git("commit", "-q", "-m", "link")
    (file,) = read_change(yard.repo, base, yard.head()).files
    assert file.after is not None
    assert (file.after.mode, file.after.content, file.after.size) == ("160000", None, 0)


def test_nothing_changed(yard: Yard) -> None:
    head = yard.head()
    change = read_change(yard.repo, head, head)
    assert (change.files, change.passing, change.unread) == ((), (), 0)


def test_more_files_than_are_read_are_counted(yard: Yard) -> None:
    base = yard.head()
    wanted = changes.FILES_MAX + 2
    blob = yard.git("hash-object", "-w", "--stdin", stdin="x")
    lines = "".join(f"100644 {blob}\tmany/{n}.txt\n" for n in range(wanted))
    yard.git("update-index", "--add", "--index-info", stdin=lines)
    yard.git("commit", "-q", "-m", "many")
    change = read_change(yard.repo, base, yard.head())
    assert (len(change.files), change.unread) == (changes.FILES_MAX, 2)
