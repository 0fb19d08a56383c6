"""Which branches can conflict at all: told from the names of what they changed.

Two branches may only conflict when (1) they changed a common path, where a rename counts with both
names; or (2) a path of one is a folder above a path of the other; or (3) a folder that vanished on
one side stands above a path that the other added, which is how a renamed folder meets new files.
For branches with different bases, what the integration branch changed between these counts as
changed by both. What this rule leaves out, `git merge` merges cleanly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gangsaw.git.quarantine import existing
from gangsaw.git.repository import Repository
from gangsaw.git.runner import Place

_NONE = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs between two trees; sides are `MODE ID`, empty where nothing lies."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Keys:
    """What a branch changed since `base`: paths, the folders above them, folders above what it
    added, and folders of which nothing is left."""

    base: str
    paths: frozenset[str] = _NONE
    above: frozenset[str] = _NONE
    above_added: frozenset[str] = _NONE
    vanished: frozenset[str] = _NONE

    def joined(self, others: Iterable[Change]) -> Keys:
        """The same branch with changes of the integration branch besides its own, in either
        direction. All folders above a deleted file count as vanished: rather too much."""
        changes = tuple(others)
        paths = frozenset(change.path for change in changes)
        partly = [change.path for change in changes if not (change.before and change.after)]
        there = folders_above(partly)
        gone = there if any("/" not in path for path in partly) else there - {""}
        above = folders_above(paths)
        return Keys(
            self.base,
            self.paths | paths,
            self.above | above,
            self.above_added | there,
            self.vanished | gone,
        )


def may_conflict(one: Keys, other: Keys) -> bool:
    """Whether the rule lets the pair through; both since the same base."""
    return not (
        one.paths.isdisjoint(other.paths)
        and one.paths.isdisjoint(other.above)
        and one.above.isdisjoint(other.paths)
        and one.vanished.isdisjoint(other.above_added)
        and one.above_added.isdisjoint(other.vanished)
    )


def folders_above(paths: Iterable[str]) -> frozenset[str]:
    """Every folder above one of the paths, the root (empty) included."""
    found: set[str] = set()
    for path in paths:
        while path and (path := path.rpartition("/")[0]) not in found:
            found.add(path)
    return frozenset(found)


class Moves:
    """What lies between the bases of the branches, from what each differs in from one commit."""

    def __init__(self, since: Mapping[str, Sequence[Change]]) -> None:
        self._since = {base: {c.path: c for c in changes} for base, changes in since.items()}
        self._known: dict[tuple[str, str], tuple[Change, ...]] = {}

    def between(self, one: str, other: str) -> tuple[Change, ...]:
        """What differs between two bases."""
        if (one, other) not in self._known:
            mine, others = self._since[one], self._since[other]
            found: list[Change] = []
            for path in mine.keys() | others.keys():
                before = mine[path].before if path in mine else others[path].after
                after = others[path].before if path in others else mine[path].after
                if before != after:
                    found.append(Change(path, before, after))
            self._known[one, other] = tuple(found)
        return self._known[one, other]


def pair_may_conflict(one: Keys, other: Keys, moves: Moves) -> bool:
    """Whether the rule lets the pair through, whatever their bases are."""
    if one.base == other.base:
        return may_conflict(one, other)
    if may_conflict(one, other):
        return True
    between = moves.between(one.base, other.base)
    # The newer of the two has these besides its own; which one that is need not be known.
    return may_conflict(one.joined(between), other) or may_conflict(one, other.joined(between))


@dataclass(frozen=True, slots=True)
class Line:
    """A commit's tree and parents."""

    tree: str
    parents: tuple[str, ...]


def read_bases(
    repo: Repository, place: Place, tips: Sequence[str], main: str
) -> tuple[dict[str, str], dict[str, str]]:
    """For each tip the newest commit of `main` that it contains, and the trees of all of these
    commits, by one walk. A tip without any has none."""
    out = repo.git(
        "rev-list", "--boundary", "--no-commit-header", "--format=%m %H %T %P", "--stdin",
        place=place, stdin="".join(f"{tip}\n" for tip in (*tips, f"^{main}")).encode(),
    )  # fmt: skip
    lines: dict[str, Line] = {}
    trees: dict[str, str] = {}
    for text in out.text.split("\n") if out.text else []:
        mark, commit, tree, *parents = text.split(" ")
        trees[commit] = tree
        if mark == ">":
            lines[commit] = Line(tree, tuple(parent for parent in parents if parent))
    bases: dict[str, str] = {}
    for tip in tips:
        if (base := _base_of(repo, place, tip, main, lines)) is not None:
            bases[tip] = base
    missing = [each for each in {*bases, *bases.values(), main} if each not in trees]
    if missing:
        names = [f"{each}^{{tree}}" for each in missing]
        trees.update(zip(missing, existing(repo, place, names), strict=True))
    return bases, trees


def _base_of(
    repo: Repository, place: Place, tip: str, main: str, lines: Mapping[str, Line]
) -> str | None:
    if tip not in lines:
        return tip
    edge: set[str] = set()
    seen, pending = {tip}, [tip]
    while pending:
        for parent in lines[pending.pop()].parents:
            if parent not in lines:
                edge.add(parent)
            elif parent not in seen:
                seen.add(parent)
                pending.append(parent)
    if len(edge) == 1:
        return edge.pop()
    out = repo.git("merge-base", tip, main, place=place, ok=(0, 1))
    return out.text or None


def read_changes(
    repo: Repository, place: Place, pairs: Sequence[tuple[str, str]]
) -> list[tuple[Change, ...]]:
    """What differs between each pair of trees, by one git; renames are a path gone and one new."""
    if not pairs:
        return []
    out = repo.git(
        "diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", "--no-ext-diff",
        "--ignore-submodules=none",
        place=place, stdin="".join(f"{one} {other}\n" for one, other in pairs).encode(),
    )  # fmt: skip
    found: list[list[Change]] = []
    fields = iter(out.fields)
    for field in fields:
        *heads, about = field.split("\n")
        found += [[] for _ in heads]
        if not about:
            continue
        modes = about.removeprefix(":").split(" ")
        before, after = f"{modes[0]} {modes[2]}", f"{modes[1]} {modes[3]}"
        found[-1].append(Change(next(fields), _side(before), _side(after)))
    assert len(found) == len(pairs)
    return [tuple(changes) for changes in found]


def _side(side: str) -> str:
    return "" if side.startswith("000000") else side


def read_keys(
    repo: Repository,
    place: Place,
    wanted: Sequence[tuple[str, str, str]],
    changes: Sequence[tuple[Change, ...]],
) -> dict[str, Keys]:
    """The keys of branches, each as (tip, base, tip's tree) with its changes."""
    asked: list[str] = []
    for (_, _, tree), found in zip(wanted, changes, strict=True):
        gone = folders_above(change.path for change in found if not change.after)
        asked += [f"{tree}:{folder}" for folder in gone if folder]
    asked = list(dict.fromkeys(asked))
    there = dict(zip(asked, existing(repo, place, asked), strict=True))
    return {
        tip: _keys(base, found, tree, there)
        for (tip, base, tree), found in zip(wanted, changes, strict=True)
    }


def _keys(base: str, changes: tuple[Change, ...], tree: str, there: Mapping[str, str]) -> Keys:
    paths = frozenset(change.path for change in changes)
    gone = [change.path for change in changes if not change.after]
    added = [change.path for change in changes if not change.before]
    vanished = {
        folder for folder in folders_above(gone) if folder and not there[f"{tree}:{folder}"]
    }
    if any("/" not in path for path in gone):
        vanished.add("")  # all that lay at the root may have been moved below it
    return Keys(base, paths, folders_above(paths), folders_above(added), frozenset(vanished))
