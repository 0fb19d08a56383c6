"""Agents that write known bytes in every way, and gangsaw and a user at work around them.

What is owed: every blob that an agent committed, from the commit on; and at any moment at which
gangsaw removes or keeps something, what is staged there and what lies there as a file that git
does not ignore, and the stash. What an agent deletes before that, never having committed it, is not
owed: git itself would have lost it too.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gangsaw.core import faults
from gangsaw.git import (
    NotHeld,
    RemovalBlocked,
    Removed,
    Stranded,
    StrandedKind,
    WorktreeReady,
    add_worktree,
    bring_back_all,
    build_candidate,
    cleans,
    distinct,
    drop_branch,
    is_kept,
    keep_attempt,
    next_clean,
    remove_kept,
    rescue,
    save_state,
    stranded,
    trash_branch,
    trash_ref,
    trash_state,
)
from gangsaw.git.refs import list_refs
from tests.git.git_yard import Yard

RUN = "r1"
HEADS = ("refs/heads/main",)
EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


class Killed(BaseException):
    """Our process ends here."""


@dataclass
class World:
    """One sequence: the repository, what is owed, and what was done."""

    yard: Yard
    rng: random.Random
    owed: dict[str, str] = field(default_factory=dict)
    seen: dict[Path, dict[str, str]] = field(default_factory=dict)
    """What lay in each worktree when gangsaw began with it: owed once that is done, or gone."""
    done: list[str] = field(default_factory=list)
    attempts: int = 0
    written: int = 0
    kills: int = 0

    # -- what is there -----------------------------------------------------------------------

    def branch(self, name: str) -> str:
        return f"gangsaw/{RUN}/{name}"

    def trees(self) -> list[Path]:
        """The worktrees that stand, in a fixed order."""
        return sorted(path for path in self.yard.trees.glob("t.*") if (path / ".git").exists())

    def lines(self, *args: str, at: Path | None = None) -> list[str]:
        return [each for each in self.yard.git(*args, at=at).split("\0") if each]

    def text(self) -> str:
        """Bytes that nobody has written before."""
        self.written += 1
        return f"{self.rng.getrandbits(64):x} {self.written}\n"

    # -- what is owed ------------------------------------------------------------------------

    def owe_commit(self, tree: Path) -> None:
        for row in self.lines("ls-tree", "-r", "-z", "HEAD", at=tree):
            self.owe(row.split(" ")[2].split("\t")[0], f"committed in {tree.name}")

    def look_at(self, tree: Path) -> None:
        """What is staged there, and every file that git does not ignore."""
        for row in self.lines("ls-files", "--stage", "-z", at=tree):
            mode, blob = row.split(" ")[:2]
            if mode != "160000":
                self.see(tree, blob, f"staged in {tree.name}")
        names = self.lines("ls-files", "-z", "--cached", "--others", "--exclude-standard", at=tree)
        for name in sorted(set(names)):
            path = tree / name
            if path.is_symlink():
                self.see(
                    tree, self.yard.blob(os.fsencode(os.readlink(path))), f"link in {tree.name}"
                )
            elif path.is_file():
                self.see(tree, self.yard.blob(path.read_bytes()), f"file {name} in {tree.name}")
        for row in self.yard.git("log", "-g", "--format=%H", "refs/stash", ok=False).split():
            for line in self.lines("ls-tree", "-r", "-z", row):
                self.see(tree, line.split(" ")[2].split("\t")[0], "stashed")

    def see(self, tree: Path, blob: str, what: str) -> None:
        self.seen.setdefault(tree, {})[blob] = what

    def settle(self, *, done: bool) -> None:
        """What was seen is owed now, but for worktrees that stand while the step was cut short:
        their agent goes on, and may overwrite what it likes."""
        for tree, blobs in self.seen.items():
            if done or not (tree / ".git").exists():
                for blob, what in blobs.items():
                    self.owe(blob, what)
        self.seen = {}

    def owe(self, blob: str, what: str) -> None:
        if blob != EMPTY:  # nobody's bytes: a file that is only meant to be added is staged as it
            self.owed.setdefault(blob, f"{what}, step {len(self.done)}")

    # -- the judges --------------------------------------------------------------------------

    def missing(self) -> list[str]:
        """What is owed and gone."""
        out = self.yard.git(
            "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin="\n".join(self.owed)
        )
        rows = [row.split(" ") for row in out.split("\n") if row]
        gone = [row[0] for row in rows if row[1] == "missing"]
        lying = {self.yard.blob(path.read_bytes()) for path in self.files()} if gone else set()
        return [f"{blob}: {self.owed[blob]}" for blob in gone if blob not in lying]

    def files(self) -> list[Path]:
        found = [path for path in self.yard.trees.rglob("*") if path.is_file()]
        return [path for path in found if not path.is_symlink()]

    def unheld(self) -> list[str]:
        """What is owed and behind no ref of ours; asked when no worktree is left."""
        refs = self.yard.git("rev-list", "--objects", "--no-object-names", "--glob=refs/gangsaw",
                             "--branches=gangsaw/run/*", "main")  # fmt: skip
        held = set(refs.split("\n"))
        return [f"{blob}: {what}" for blob, what in self.owed.items() if blob not in held]


# -- agents --------------------------------------------------------------------------------------


Step = Callable[[World, Path], None]


def write(world: World, tree: Path) -> None:
    name = world.rng.choice(("a.txt", "b.txt", "n.txt", "d/e.txt", "ü x.txt"))
    path = tree / name
    if path.is_symlink() or path.is_dir() or (tree / "d").is_file():
        return
    world.yard.write(name, world.text(), tree)


def stage(world: World, tree: Path) -> None:
    write(world, tree)
    world.yard.git("add", "-A", at=tree, ok=False)


def commit(world: World, tree: Path) -> None:
    stage(world, tree)
    world.yard.git("commit", "-q", "--allow-empty", "-m", "work", at=tree, ok=False)
    world.owe_commit(tree)


def amend(world: World, tree: Path) -> None:
    stage(world, tree)
    world.yard.git("commit", "-q", "--amend", "--allow-empty", "-m", "amended", at=tree, ok=False)
    world.owe_commit(tree)


def reset(world: World, tree: Path) -> None:
    where = world.rng.choice(("HEAD~1", "HEAD", "main"))
    world.yard.git("reset", "-q", world.rng.choice(("--hard", "--soft")), where, at=tree, ok=False)


def stash(world: World, tree: Path) -> None:
    write(world, tree)
    world.yard.git("stash", "-q", "-u", at=tree, ok=False)


def detach(world: World, tree: Path) -> None:
    world.yard.git("checkout", "-q", "--detach", at=tree, ok=False)


def elsewhere(world: World, tree: Path) -> None:
    """A branch, perhaps without a parent, with a commit; and away from it, and it is deleted."""
    name = f"side-{world.written}"
    how = world.rng.choice(("-b", "--orphan"))
    world.yard.git("checkout", "-q", how, name, at=tree, ok=False)
    commit(world, tree)
    world.yard.git("checkout", "-qf", world.branch(tree.name), at=tree, ok=False)
    if world.rng.random() < 0.6:
        world.yard.git("branch", "-q", "-D", name, at=tree, ok=False)


def merge(world: World, tree: Path) -> None:
    """A merge, or a rebase, which may stop in the middle."""
    commit(world, tree)
    verb = world.rng.choice(("merge", "rebase"))
    world.yard.git(verb, "main", at=tree, ok=False)
    write(world, tree)


def give_up_merge(world: World, tree: Path) -> None:
    for verb in ("merge", "rebase"):
        world.yard.git(verb, "--abort", at=tree, ok=False)


def hide(world: World, tree: Path) -> None:
    bit = world.rng.choice(("--assume-unchanged", "--skip-worktree"))
    world.yard.git("update-index", bit, "a.txt", at=tree, ok=False)
    write(world, tree)


def intend(world: World, tree: Path) -> None:
    world.yard.write("meant.txt", world.text(), tree)
    world.yard.git("add", "-N", "meant.txt", at=tree, ok=False)


def change_kind(world: World, tree: Path) -> None:
    path = tree / "b.txt"
    if path.is_file() and not path.is_symlink():
        path.unlink()
        if world.rng.random() < 0.5:
            path.symlink_to(world.text().strip())
        else:
            world.yard.write("b.txt/inner", world.text(), tree)


def delete(world: World, tree: Path) -> None:
    (tree / "a.txt").unlink(missing_ok=True)


AGENT: tuple[Step, ...] = (
    write, write, stage, commit, commit, amend, reset, stash, detach, elsewhere, merge,
    give_up_merge, hide, intend, change_kind, delete,
)  # fmt: skip


def agent_turn(world: World) -> None:
    if not world.trees():
        start(world)
    tree = world.rng.choice(world.trees())
    for step in world.rng.choices(AGENT, k=world.rng.randint(1, 4)):
        world.done.append(f"{tree.name}: {step.__name__}")
        step(world, tree)


# -- gangsaw -------------------------------------------------------------------------------------


def start(world: World) -> None:
    """A new attempt: the first, a retry."""
    world.attempts += 1
    name = f"t.{world.attempts}"
    made = add_worktree(world.yard.repo, world.yard.trees / name, world.branch(name), "main")
    assert isinstance(made, WorktreeReady), made


def close(world: World) -> None:
    """An attempt has ended: landed, failed, cancelled."""
    for tree in world.trees()[:1]:
        world.look_at(tree)
        _, gone = remove_kept(world.yard.repo, RUN, tree.name, tree, world.branch(tree.name))
        assert isinstance(gone, Removed | RemovalBlocked | NotHeld)
        if isinstance(gone, Removed):
            drop_branch(world.yard.repo, RUN, tree.name, world.branch(tree.name))


def keep(world: World) -> None:
    for tree in world.trees():
        world.look_at(tree)
        keep_attempt(world.yard.repo, RUN, tree.name, tree, world.branch(tree.name))
        assert is_kept(world.yard.repo, tree, world.branch(tree.name))


def clean(world: World) -> None:
    """Every worktree and branch to the trash; perhaps all kept refs too."""
    repo, name = world.yard.repo, next_clean(world.yard.repo)
    for tree in world.trees():
        world.look_at(tree)
        branch = world.branch(tree.name)
        state = save_state(repo, RUN, tree.name, tree, branch, 1_700_000_000)
        if state is not None:
            trash_state(repo, name, RUN, tree.name, state)
        _, gone = remove_kept(repo, RUN, tree.name, tree, branch)
        tip = list_refs(repo, f"refs/heads/{branch}").get(f"refs/heads/{branch}")
        if isinstance(gone, Removed) and tip is not None:
            trash_branch(repo, name, RUN, tree.name, branch, tip)
    if world.rng.random() < 0.5:
        for ref, tip in list_refs(repo, "refs/gangsaw/attempts", "refs/gangsaw/stashes").items():
            trash_ref(repo, name, ref, tip)


def undo(world: World) -> None:
    known = cleans(world.yard.repo)
    if known:
        bring_back_all(world.yard.repo, world.rng.choice(known))


def found(world: World) -> tuple[Stranded, ...]:
    return distinct(stranded(world.yard.repo, HEADS, 0.0))


def bring_back(world: World) -> None:
    for tree in world.trees():
        world.look_at(tree)
    kinds = [each for each in found(world) if each.kind is not StrandedKind.TRASH]
    before = list_refs(world.yard.repo, "refs/heads")
    rescue(world.yard.repo, kinds, None)
    after = list_refs(world.yard.repo, "refs/heads")
    assert {name: after.get(name) for name in before} == before, "rescue moves no branch"
    made = rescue(world.yard.repo, kinds, None)
    assert not any(each.made for each in made), "a second rescue makes nothing"


def candidate(world: World) -> None:
    for tree in world.trees()[:1]:
        head = world.yard.git("rev-parse", "-q", "--verify", "HEAD", at=tree, ok=False)
        if head and world.yard.git("merge-base", "main", head, ok=False):
            onto = world.yard.head("main")
            build_candidate(world.yard.repo, onto, head, "both", 1, run=RUN, attempt=tree.name)


GANGSAW: tuple[Callable[[World], None], ...] = (
    start, close, close, keep, clean, clean, undo, undo, bring_back, candidate,
)  # fmt: skip


def gangsaw_step(world: World) -> None:
    step = world.rng.choice(GANGSAW)
    killed_at = world.rng.choice((0, 0, world.rng.randint(1, 25)))
    world.done.append(f"gangsaw: {step.__name__}" + (f", killed at {killed_at}" * bool(killed_at)))
    passed = 0

    def probe(point: str, when: str) -> None:
        nonlocal passed
        passed += 1
        if passed == killed_at:
            world.done.append(f"  at {point}:{when}")
            raise Killed

    faults.set_probe(probe if killed_at else None)
    try:
        step(world)
    except Killed:
        world.kills += 1
        world.settle(done=False)
    finally:
        faults.set_probe(None)
    world.settle(done=True)


# -- the user ------------------------------------------------------------------------------------


def user_step(world: World) -> None:
    match world.rng.choice(("commit", "stash", "branches", "nothing")):
        case "commit":
            world.done.append("user: commit")
            world.yard.write("a.txt", world.text())
            world.yard.git("commit", "-qam", "of the user")
        case "stash":
            keep(world)  # a dropped stash is owed once gangsaw has seen it
            world.settle(done=True)
            world.done.append("user: stash clear")
            world.yard.git("stash", "clear")
        case "branches":
            keep(world)
            world.settle(done=True)
            world.done.append("user: rescued branches deleted")
            for ref, tip in list_refs(world.yard.repo, "refs/heads/rescue").items():
                world.yard.git("update-ref", "-d", ref, tip)
        case _:
            pass


def play(world: World, rounds: int) -> None:
    """One sequence. Raises `AssertionError` with everything that was done when a byte is lost."""
    start(world)
    for number in range(rounds):
        agent_turn(world)
        gangsaw_step(world)
        if number % 3 == 2:
            user_step(world)
        world.yard.git("prune", "--expire=now")
        lost = world.missing()
        assert not lost, f"{lost}\n" + "\n".join(world.done)
    finish(world)


def finish(world: World) -> None:
    """Everything is closed; then refs of ours alone must hold what is owed."""
    for path in sorted(world.yard.trees.glob(".gangsaw-aside.*")):
        name = path.name.removeprefix(".gangsaw-aside.")
        tree = path.with_name(name)
        remove_kept(world.yard.repo, RUN, name, tree, world.branch(name))
    for _ in range(len(world.trees())):
        close(world)
    world.settle(done=True)
    assert world.trees() == [], world.done
    if world.rng.random() < 0.2:
        world.yard.git("gc", "--quiet", "--prune=now")
    lost = [*world.missing(), *world.unheld()]
    assert not lost, f"{lost}\n" + "\n".join(world.done)
