"""All stranded work is found, quickly however much is kept, and described."""

from __future__ import annotations

import time
from collections.abc import Callable

from gangsaw.git import StrandedKind, distinct, rescue, stranded
from tests.git.git_yard import Yard

REFS = 500
MAIN = ("refs/heads/main",)


def import_kept(yard: Yard, count: int) -> None:
    """Many kept works of two commits each, made by one git."""
    lines = []
    for number in range(count):
        ref = f"refs/gangsaw/attempts/r1/t{number}.1/work"
        for step in range(2):
            lines += [f"commit {ref}", f"committer A <a@b> {1_700_000_000 + number} +0000",
                      "data 1", "w"]  # fmt: skip
            lines += ["from refs/heads/main^0"] if step == 0 else []
            text = f"{number:04} {step}\n"
            lines += [f"M 100644 inline n{number}-{step}.txt", f"data {len(text)}", text]
    yard.git("fast-import", "--quiet", stdin="\n".join(lines) + "\n")


def test_five_hundred_kept_refs(yard: Yard, record_property: Callable[[str, object], None]) -> None:
    import_kept(yard, REFS)
    began = time.monotonic()
    found = distinct(stranded(yard.repo, MAIN, 0.0))
    took_s = time.monotonic() - began
    assert len(found) == REFS
    assert {(each.size, len(each.files)) for each in found} == {(14, 2)}
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    record_property("figure", f"stranded with {REFS} kept refs: {took_s:.2f} s")


def test_each_kind_and_what_lands_is_none(yard: Yard) -> None:
    base = yard.head()
    yard.commit(n="landed\n")
    yard.git("update-ref", "refs/gangsaw/attempts/r1/a.1/work", "main")
    yard.git("checkout", "-q", "--detach")
    kept = yard.commit(k="kept\n")
    yard.git("update-ref", "refs/gangsaw/attempts/r1/b.1/work", kept)
    yard.git("update-ref", "refs/gangsaw/attempts/r1/b.1/sealed-1/0", kept)
    yard.git("update-ref", "refs/gangsaw/trash/c1/refs/heads/gangsaw/r1/c.1", yard.commit(t="t\n"))
    yard.git("checkout", "-q", "main")
    lost = yard.git("commit-tree", "-m", "lost", "-p", base, "main^{tree}")
    ours = yard.git("commit-tree", "-m", "x\n\nGangsaw-Run: r1", "-p", lost, "main^{tree}")
    found = {(each.kind, each.commit) for each in distinct(stranded(yard.repo, MAIN, 0.0))}
    assert (StrandedKind.KEPT, kept) in found
    assert (StrandedKind.DANGLING, lost) in found
    assert ours not in {commit for _, commit in found}
    assert {kind for kind, _ in found} == {
        StrandedKind.KEPT, StrandedKind.DANGLING, StrandedKind.TRASH,
    }  # fmt: skip
    assert len(found) == 3
    assert distinct(stranded(yard.repo, MAIN, None)) != ()


def test_a_taken_name_gets_a_number(yard: Yard) -> None:
    import_kept(yard, 1)
    yard.git("branch", "rescue/t0.1", "main")
    [made] = rescue(yard.repo, distinct(stranded(yard.repo, MAIN)), None)
    assert (made.branch, made.made) == ("rescue/t0.1-2", True)
    [again] = rescue(yard.repo, distinct(stranded(yard.repo, MAIN)), None)
    assert (again.branch, again.made) == ("rescue/t0.1-2", False)
    assert yard.head("rescue/t0.1") == yard.head("main")
