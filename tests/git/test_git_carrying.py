"""Delivery of a file that is marked in the checkout: the marks go along, what else is there stops
it, whoever comes in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gangsaw.core.faults import set_probe
from gangsaw.git import CheckoutBusy, CheckoutDirty, Delivered, TargetMoved, deliver
from gangsaw.sources import Report, Standing, dialect
from gangsaw.sources.carrying import carried
from gangsaw.sources.writing import put_in_place
from tests.git.git_yard import Yard

TODO = b"- [ ] wash\n- [ ] dry\n- [ ] fold\n"
TICKED = TODO.replace(b"[ ] wash", b"[x] wash")
LANDED = TODO.replace(b"[ ] dry", b"[x] dry") + b"by an agent\n"
WHOLE = LANDED.replace(b"[ ] wash", b"[x] wash")
SAID = {"wash": (Report("wash", Standing.DONE),), "dry": (), "fold": ()}
At = Callable[[str, Callable[[], object]], None]


class Ticks:
    """The owner of `TODO.md`, who has ticked the first entry."""

    def __init__(self, yard: Yard) -> None:
        self._path = yard.root / "TODO.md"

    def has(self, path: Path) -> bool:
        return path == self._path

    def carried(self, path: Path, old: bytes, new: bytes, now: bytes) -> bytes | None:
        return carried(dialect("checklist"), "TODO.md", SAID, old, new, now)

    def put(self, path: Path, before: bytes, after: bytes) -> bool:
        return put_in_place(path, "TODO.md", before, after)


def todo(yard: Yard) -> bytes:
    return (yard.root / "TODO.md").read_bytes()


def landing(yard: Yard, users: bytes = TODO, attributes: str = "") -> str:
    """A commit one ahead of main that changes the list, which is committed and then ticked."""
    (yard.root / "TODO.md").write_bytes(users)
    yard.git("add", "-A")
    yard.git("commit", "-q", "-m", "the list")
    elsewhere = yard.trees / "elsewhere"
    yard.git("worktree", "add", "-q", "--detach", str(elsewhere))
    (elsewhere / "TODO.md").write_bytes(LANDED)
    (elsewhere / "b.txt").unlink()
    if attributes:
        yard.write(".gitattributes", attributes, elsewhere)
    made = yard.commit(elsewhere)
    (yard.root / "TODO.md").write_bytes(users.replace(b"[ ] wash", b"[x] wash"))
    return made


@pytest.fixture
def just_before() -> Iterator[At]:
    """Does something, once, just before the named step."""

    def plan(wanted: str, deed: Callable[[], object]) -> None:
        deeds = [deed]

        def probe(point: str, when: str) -> None:
            if (point, when) == (wanted, "before") and deeds:
                deeds.pop()()

        set_probe(probe)

    yield plan
    set_probe(None)


def test_marks_go_along_with_what_is_delivered(yard: Yard) -> None:
    landed = landing(yard)
    assert deliver(yard.repo, "main", landed, owner=Ticks(yard)) == Delivered(landed, yard.root)
    assert todo(yard) == WHOLE
    assert yard.head("main") == landed
    assert yard.git("status", "--porcelain") == " M TODO.md"
    assert yard.git("diff", "--stat", "--cached") == ""


def test_marks_go_along_where_git_changes_line_ends(yard: Yard) -> None:
    yard.git("config", "core.autocrlf", "true")
    landed = landing(yard, TODO.replace(b"\n", b"\r\n"))
    assert deliver(yard.repo, "main", landed, owner=Ticks(yard)) == Delivered(landed, yard.root)
    assert todo(yard) == WHOLE.replace(b"\n", b"\r\n")
    assert yard.raw("show", "main:TODO.md") == LANDED


@pytest.mark.parametrize("change", ["words", "another tick", "staged", "mode", "line ends"])
def test_what_is_not_only_marks_stays_byte_for_byte(yard: Yard, change: str) -> None:
    landed = landing(yard, attributes="*.md eol=crlf\n" if change == "line ends" else "")
    match change:
        case "words":
            (yard.root / "TODO.md").write_bytes(TICKED + b"mine\n")
        case "another tick":
            (yard.root / "TODO.md").write_bytes(TICKED.replace(b"[ ] fold", b"[X] fold"))
        case "staged":
            yard.git("add", "TODO.md")
        case "mode":
            (yard.root / "TODO.md").chmod(0o755)
        case _:
            pass
    before, index = todo(yard), (yard.root / ".git/index").read_bytes()
    made = deliver(yard.repo, "main", landed, owner=Ticks(yard))
    assert made == CheckoutDirty(yard.root, ("TODO.md",))
    assert todo(yard) == before
    assert (yard.root / ".git/index").read_bytes() == index


def test_the_marks_are_back_when_a_change_comes_in_between(yard: Yard, just_before: At) -> None:
    landed = landing(yard)
    just_before("git.deliver_files", lambda: yard.write("b.txt", "just now\n"))
    made = deliver(yard.repo, "main", landed, owner=Ticks(yard))
    assert isinstance(made, CheckoutBusy), made
    assert yard.git("status", "--porcelain").split("\n") == [" M TODO.md", " M b.txt"]
    assert todo(yard) == TICKED


def test_the_marks_are_back_when_a_commit_comes_in_between(yard: Yard, just_before: At) -> None:
    landed = landing(yard)
    tree = yard.git("rev-parse", "main^{tree}")
    mine = yard.git("commit-tree", "-p", "main", "-m", "mine", tree)
    just_before("git.ref_move", lambda: yard.git("update-ref", "refs/heads/main", mine))
    assert deliver(yard.repo, "main", landed, owner=Ticks(yard)) == TargetMoved(mine)
    assert yard.git("status", "--porcelain") == " M TODO.md"
    assert todo(yard) == TICKED
    assert (yard.root / "b.txt").exists()


def test_a_commit_that_takes_the_file_in_keeps_it(yard: Yard, just_before: At) -> None:
    """Somebody commits just that file in the moment in which it is what is delivered."""
    landed = landing(yard)
    just_before("git.ref_move", lambda: yard.git("commit", "-q", "-m", "mine", "TODO.md"))
    assert deliver(yard.repo, "main", landed, owner=Ticks(yard)) == TargetMoved(yard.head("main"))
    assert yard.git("status", "--porcelain") == ""
    assert yard.raw("show", "main:TODO.md") == todo(yard) == WHOLE
    assert (yard.root / "b.txt").exists()


@pytest.mark.parametrize("point", ["git.deliver_carried", "sources.prepare", "sources.replace"])
def test_words_that_come_while_it_is_delivered_stay(
    yard: Yard, just_before: At, point: str
) -> None:
    landed = landing(yard)

    def write() -> None:
        with (yard.root / "TODO.md").open("ab") as file:
            file.write(b"mine\n")

    just_before(point, write)
    made = deliver(yard.repo, "main", landed, owner=Ticks(yard))
    assert made == CheckoutDirty(yard.root, ("TODO.md",))
    assert todo(yard) == TICKED + b"mine\n"
    assert yard.git("status", "--porcelain") == " M TODO.md"
    assert [name.name for name in yard.root.iterdir() if "gangsaw" in name.name] == []


def test_words_that_come_when_it_is_what_is_delivered_stay(yard: Yard, just_before: At) -> None:
    landed = landing(yard)
    whole = WHOLE + b"mine\n"
    just_before("git.deliver_files", lambda: (yard.root / "TODO.md").write_bytes(whole))
    assert deliver(yard.repo, "main", landed, owner=Ticks(yard)) == Delivered(landed, yard.root)
    assert todo(yard) == whole
