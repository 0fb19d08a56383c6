"""Played git: commits are sets of changes with ancestors; branches move by compare-and-swap.

A change is written `task#n`: the n-th thing that anybody committed, by an agent of that task (or
`@user#n` by a person). A tree is the set of its changes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gangsaw.core.model import Check
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.finds import Finds
from gangsaw.testing.simulation.plans import Scene
from gangsaw.testing.simulation.some_tests import SomeTests

Tree = frozenset[str]


def owner(change: str) -> str:
    """The task (or person) that a change is from."""
    return change.partition("#")[0]


def tree_id(tree: Tree) -> str:
    """The name of a tree: the same for the same content."""
    return "t:" + " ".join(sorted(tree))


@dataclass(frozen=True, slots=True)
class Commit:
    """A tree, and the ids of the commit itself and everything before it."""

    tree: Tree
    above: frozenset[str]


@dataclass(slots=True)
class Worktree:
    """An attempt's worktree. `pending` is a commit that only exists once leftovers are committed;
    `fault` names what inspection will find wrong."""

    branch: str
    base: str
    head: str
    pending: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """The work of an attempt after a launch, and the integration commit it was made from."""

    commit: str
    base: str


class Trees:
    """All commits and branches of a schedule, and what its checks say about trees."""

    def __init__(self, scene: Scene) -> None:
        self.finds = Finds(scene)
        self._clashes = set(scene.clashes)
        self._pairs = scene.pairs
        self.red: dict[str, frozenset[str]] = {}
        self.knew: dict[str, frozenset[str]] = {}
        root: Tree = frozenset({"@user#0"})
        self.commits = {"c0": Commit(root, frozenset({"c0"}))}
        self.trees = {tree_id(root): root}
        self.integration: str | None = None
        self.target = "c0"
        self.remote = "c0"
        """Where the remote's branch is."""
        self.dirty = False
        self.worktrees: dict[str, Worktree] = {}
        self.landed: dict[str, str] = {}
        """Attempt (or `@target`) + commit → where the integration branch really was moved."""
        self.moves: list[tuple[str, str, str]] = []
        """(about, onto, commit) of every move of the integration branch by us."""
        self.green: dict[str, set[str]] = {}
        self.tests = SomeTests(scene.own)
        self.seen_red: set[str] = set()
        """Trees on which a check has really failed."""
        self.red_runs: Counter[tuple[str, str]] = Counter()
        """(about, commit) → how often its checks were run and failed."""
        self.undone: set[str] = set()
        """Landings that somebody asked to take back."""
        self.kept: dict[str, Kept] = {}
        """Ref → the work that it holds."""
        self._brought: dict[str, Tree] = {}
        self._candidates: dict[tuple[str, str], str] = {}
        self._changes = 0

    def commit(self, tree: Tree, *parents: str) -> str:
        """The id of a new commit."""
        name = f"c{len(self.commits)}"
        above = frozenset({name}).union(*(self.commits[parent].above for parent in parents))
        self.commits[name] = Commit(tree, above)
        self.trees[tree_id(tree)] = tree
        return name

    def is_ancestor(self, one: str, other: str) -> bool:
        """Whether `other` contains `one`."""
        return one in self.commits[other].above

    def paths_between(self, one: str, other: str) -> tuple[str, ...]:
        """The paths in which the trees of two commits differ."""
        return self.finds.paths_of(self.commits[one].tree ^ self.commits[other].tree)

    def change(self, task: str, tree: Tree, red: frozenset[str]) -> Tree:
        """The tree with a new change of the task in place of its former one; `red` are the checks
        that it breaks."""
        self._changes += 1
        name = f"{task}#{self._changes}"
        rest = frozenset(entry for entry in tree if owner(entry) != task or task == "@user")
        self.red[name] = red
        self.knew[name] = frozenset(map(owner, rest))
        self.finds.note_change(name, red)
        return rest | {name}

    def clash(self, one: str, other: str) -> None:
        """From now on changes of the two do not merge."""
        self._clashes.add(frozenset((one, other)))

    def candidate(self, onto: str, work: str) -> str | None:
        """The commit that puts the work on `onto` (the same each time); `None` in conflict."""
        if self.clashes(onto, work):
            return None
        ours = self.commits[onto].tree
        if (onto, work) not in self._candidates:
            tree = self.merged(onto, work)
            made = self._candidates[onto, work] = self.commit(tree, onto, work)
            self._brought[made] = tree - ours
        return self._candidates[onto, work]

    def clashes(self, onto: str, work: str) -> bool:
        """Whether the two do not merge."""
        ours, theirs = self.commits[onto].tree, self.commits[work].tree
        here, there = set(map(owner, ours - theirs)), set(map(owner, theirs - ours))
        return any(frozenset((a, b)) in self._clashes for a in here - there for b in there - here)

    def merged(self, ours: str, theirs: str) -> Tree:
        """The tree that comes out of merging two commits, without a look at clashes."""
        one, other = self.commits[ours], self.commits[theirs]
        if not self.undone:
            return one.tree | other.tree
        # What one side took back since both went their own ways stays taken back.
        common = max(one.above & other.above, key=lambda name: int(name[1:]))
        before = self.commits[common].tree
        return (one.tree | (other.tree - before)) - (before - other.tree)

    def undo(self, onto: str, landed: str) -> str | None:
        """The commit that takes back, on `onto`, what `landed` brought; `None` in conflict: when
        work that clashes with it has landed on top."""
        brought = self._brought[landed]
        ours = self.commits[onto].tree
        rest = set(map(owner, ours - self.commits[landed].tree))
        owners = set(map(owner, brought))
        if any(frozenset((a, b)) in self._clashes for a in owners for b in rest):
            return None
        self.undone.add(landed)
        if (onto, f"undo {landed}") not in self._candidates:
            self._candidates[onto, f"undo {landed}"] = self.commit(ours - brought, onto)
        return self._candidates[onto, f"undo {landed}"]

    def start(self, kept: Kept) -> str:
        """The commit to go on from kept work: its own, or one like it that has not landed."""
        work = self.commits[kept.commit]
        landed = {name for name in work.above - self.commits[kept.base].above if self._below(name)}
        return self.commit(work.tree, kept.base) if landed else kept.commit

    def _below(self, commit: str) -> bool:
        return self.integration is not None and self.is_ancestor(commit, self.integration)

    def is_red(self, tree: Tree, check: str) -> bool:
        """Whether the check fails on the tree."""
        if any(check in self.red.get(change, ()) for change in tree):
            return True
        for one, other, name in self._pairs:
            if name == check and self._meet_blindly(tree, one, other):
                return True
        return False

    def red_tests(self, tree: Tree, check: str) -> list[str]:
        """The tests of the check that fail on the tree, by name."""
        found = {f"of {owner(one)}" for one in tree if check in self.red.get(one, ())}
        for one, other, name in self._pairs:
            if name == check and self._meet_blindly(tree, one, other):
                found.add(f"of {one} with {other}")
        return sorted(found)

    def named_red(self, tree: Tree, check: Check) -> tuple[str, ...]:
        """What a red run of the check names: what really fails, else a test that is flaky."""
        if not check.only:
            return ()
        owners = sorted(map(owner, tree))
        return tuple(self.red_tests(tree, check.name)) or (f"of {owners[len(owners) // 2]}",)

    def _meet_blindly(self, tree: Tree, one: str, other: str) -> bool:
        ones = [change for change in tree if owner(change) == one]
        others = [change for change in tree if owner(change) == other]
        return any(
            other not in self.knew[a] and one not in self.knew[b] for a in ones for b in others
        )

    def move_integration(self, about: str, commit: str, onto: str, *, joined: bool) -> str:
        """Where the branch is afterwards: at `commit`, or at the one that joins it to `onto`,
        unless it was not at `onto`. A branch that contains that one has been moved to it before."""
        assert self.integration is not None
        head = commit
        if joined:
            if (onto, f"join {commit}") not in self._candidates:
                made = self.commit(self.commits[commit].tree, onto, commit)
                self._candidates[onto, f"join {commit}"] = made
            head = self._candidates[onto, f"join {commit}"]
        if self.integration == onto:
            if not self.is_ancestor(onto, head):
                raise Broken(f"the integration branch would lose {onto} for {head}")
            lost = self.commits[onto].tree - self.commits[head].tree
            if lost and not self.undone:
                raise Broken(f"the integration branch would lose {sorted(lost)} for {head}")
            self.integration = head
            self.moves.append((about, onto, head))
        if self.is_ancestor(head, self.integration):
            return head
        return self.integration
