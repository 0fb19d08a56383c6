"""The overlap radar: which pieces of live work would conflict, found while they are being written.

Nothing of the user's is written: snapshots and merges go into a quarantine that is thrown away. A
pass costs what has moved: whatever was merged once is not merged again.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from gangsaw.core.overlaps import INTEGRATION, Overlap, OverlapFile
from gangsaw.git.pair_merges import Pair, merge_pairs, overlap_files
from gangsaw.git.path_keys import (
    Change,
    Keys,
    Moves,
    pair_may_conflict,
    read_bases,
    read_changes,
    read_keys,
)
from gangsaw.git.quarantine import (
    Attributes,
    Scratch,
    make_object_folder,
    objects_of,
    passing_objects,
)
from gangsaw.git.repository import Repository
from gangsaw.git.runner import Place
from gangsaw.git.snapshots import Snapshot, Snapshots, Unreadable

Names = tuple[str, str]

SNAPSHOTS_MAX = 2000
"""After so many snapshots the quarantine is begun anew, so that it does not grow for ever."""


@dataclass(frozen=True, slots=True)
class LiveWork:
    """One piece of live work: its worktree (`None`: none), and what stands for it where that cannot
    be read. `moved`: look at the worktree, even if it was looked at before."""

    name: str
    path: Path | None
    commit: str
    moved: bool = True


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one pass found. `tips` are the commits that were compared, by name; `unread` the
    worktrees that could not be taken and why; `merged` how many merges it took."""

    overlaps: tuple[Overlap, ...]
    tips: dict[str, str]
    unread: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str, str], ...]
    merged: int


class Radar:
    """Keeps what it has seen between passes; `close` throws it away. Used by one thread."""

    def __init__(self, repo: Repository, parent: Path | None = None) -> None:
        self._repo = repo
        self._scratch = Scratch(repo, parent)
        self._folder = self._scratch.folder
        self._attributes = Attributes(repo, self._folder)
        self._begin()

    def _begin(self) -> None:
        """An empty quarantine, and nothing known of what was in the former."""
        self._taken = 0
        self._objects = self._folder / "objects"
        shutil.rmtree(self._objects, ignore_errors=True)
        make_object_folder(self._objects, (objects_of(self._repo),))
        self._snapshots = Snapshots(self._repo, self._folder, self._objects)
        self._tips: dict[str, str] = {}
        self._paths: dict[str, Path] = {}
        self._unread: dict[str, str] = {}
        self._keys: dict[Pair, Keys] = {}
        self._moves: dict[Pair, tuple[Change, ...]] = {}
        self._merged: dict[tuple[Pair, str], tuple[OverlapFile, ...] | None] = {}
        self._failed: dict[Pair, str] = {}

    def close(self) -> None:
        """Throw everything away."""
        self._scratch.close()

    def sweep(self, works: Sequence[LiveWork], main: str) -> Sweep:
        """Compare all of the works with each other and with the commit `main`, in the order in
        which they were begun."""
        if self._taken > SNAPSHOTS_MAX:
            self._begin()
        self._take(works)
        tips = {work.name: self._tips[work.name] for work in works}
        with passing_objects(self._folder, (self._objects, objects_of(self._repo))) as objects:
            return self._compare(tips, main, objects)

    def _take(self, works: Sequence[LiveWork]) -> None:
        for gone in self._tips.keys() - {work.name for work in works}:
            del self._tips[gone]
            self._unread.pop(gone, None)
            if (path := self._paths.pop(gone, None)) is not None:
                self._snapshots.forget(path)
        for work in works:
            if work.path is None:
                self._tips[work.name] = work.commit
            elif work.moved or work.name not in self._tips:
                self._paths[work.name] = work.path
                self._taken += 1
                self._note(work, self._snapshots.take(work.path))

    def _note(self, work: LiveWork, taken: Snapshot | Unreadable) -> None:
        match taken:
            case Snapshot(commit):
                self._tips[work.name] = commit
                self._unread.pop(work.name, None)
            case Unreadable(head, reason):
                self._tips[work.name] = head or self._tips.get(work.name, work.commit)
                self._unread[work.name] = reason

    def _compare(self, tips: dict[str, str], main: str, objects: Path) -> Sweep:
        self._failed.clear()
        attributes, place = self._attributes.at(main)
        place = replace(place, objects=objects)
        keys, moves = self._read(sorted(set(tips.values())), main, place)
        pairs: dict[Names, Pair] = {
            (INTEGRATION, name): (main, tip)
            for name, tip in tips.items()
            if tip not in keys or (keys[tip].base != main and keys[tip].paths)
        }
        count = self._merge(list(pairs.values()), attributes, place)
        stale = {names[1] for names, pair in pairs.items() if self._merged.get((pair, attributes))}
        for (one, a), (other, b) in combinations(tips.items(), 2):
            # Whoever conflicts with what has landed may conflict with all that was built on it.
            told = a in keys and b in keys and not stale & {one, other}
            if a != b and not (told and not pair_may_conflict(keys[a], keys[b], moves)):
                pairs[one, other] = (a, b)
        count += self._merge(list(pairs.values()), attributes, place)
        wanted = {(pair, attributes) for pair in pairs.values()}
        self._merged = {key: files for key, files in self._merged.items() if key in wanted}
        self._keys = {key: found for key, found in self._keys.items() if key[0] in keys}
        failed = tuple(
            (*names, self._failed[pair]) for names, pair in pairs.items() if pair in self._failed
        )
        overlaps = tuple(self._overlaps(pairs, attributes))
        return Sweep(overlaps, tips, tuple(self._unread.items()), failed, count)

    def _read(self, tips: Sequence[str], main: str, place: Place) -> tuple[dict[str, Keys], Moves]:
        """The keys of all tips that share anything with `main`, and what lies between their bases;
        what is known of a tip with the same base is not read again."""
        bases, trees = read_bases(self._repo, place, tips, main)
        fresh = [(tip, base) for tip, base in bases.items() if (tip, base) not in self._keys]
        spans = [base for base in dict.fromkeys(bases.values()) if (base, main) not in self._moves]
        asked = [(trees[base], trees[tip]) for tip, base in fresh]
        asked += [(trees[base], trees[main]) for base in spans]
        found = read_changes(self._repo, place, asked)
        wanted = [(tip, base, trees[tip]) for tip, base in fresh]
        read = read_keys(self._repo, place, wanted, found[: len(fresh)])
        self._keys.update({(tip, base): read[tip] for tip, base in fresh})
        since = {(base, main): found[len(fresh) + n] for n, base in enumerate(spans)}
        kept = {key: moves for key, moves in self._moves.items() if key[1] == main}
        self._moves = {**kept, **since}
        moves = Moves({base: self._moves[base, main] for base in set(bases.values())})
        return {tip: self._keys[tip, base] for tip, base in bases.items()}, moves

    def _merge(self, pairs: Sequence[Pair], attributes: str, place: Place) -> int:
        """Merge those of the pairs that were not merged yet; how many that were."""
        fresh = [pair for pair in dict.fromkeys(pairs) if (pair, attributes) not in self._merged]
        if not fresh:
            return 0
        done, failed = merge_pairs(self._repo, place, fresh)
        self._failed.update(failed)
        clashes = {pair: clash for pair, clash in done.items() if clash is not None}
        files = overlap_files(self._repo, place, clashes)
        self._merged.update({(pair, attributes): files.get(pair) for pair in done})
        return len(fresh)

    def _overlaps(self, pairs: dict[Names, Pair], attributes: str) -> list[Overlap]:
        found = [
            Overlap(*names, files)
            for names, pair in pairs.items()
            if (files := self._merged.get((pair, attributes)))
        ]
        against_main = {
            overlap.theirs: set(overlap.paths) for overlap in found if overlap.ours == INTEGRATION
        }

        def explained(overlap: Overlap) -> bool:
            if overlap.ours == INTEGRATION:
                return True
            known = against_main.get(overlap.ours, set()) | against_main.get(overlap.theirs, set())
            return set(overlap.paths) <= known

        return [replace(overlap, stale=explained(overlap)) for overlap in found]
