"""Many merges by one git, without a checkout: what conflicts, of which kind, and in which lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gangsaw.core.overlaps import Hunk, OverlapFile, OverlapKind
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S, Place

FILES_MAX = 50
"""Paths of one pair that are told."""
HUNKS_MAX = 10
"""Places of one path that are told."""
HUNK_FILES_MAX = 2000
"""Paths of one pass that are looked at line by line."""
NO_PATH = "(no single file)"
_DIED = (1, 128, 129)
_BLOB_MODES = ("100644", "100755")

# The words of git's messages, in the order in which the first that fits counts.
_KINDS = (
    ("submodule", OverlapKind.SUBMODULE),
    ("binary", OverlapKind.BINARY),
    ("modes", OverlapKind.MODES),
    ("modify/delete", OverlapKind.DELETED),
    ("directory rename", OverlapKind.PLACE),
    ("rename", OverlapKind.RENAMED),
    ("file/directory", OverlapKind.FOLDER),
    ("contents", OverlapKind.LINES),
)
_MILD = (OverlapKind.LINES, OverlapKind.ADDED, OverlapKind.OTHER)


@dataclass(frozen=True, slots=True)
class Side:
    """One side's (or the base's) version of a path that conflicts."""

    mode: str
    blob: str
    stage: int
    path: str


@dataclass(frozen=True, slots=True)
class Clash:
    """A merge that stops: its paths with their kinds, and the versions of each path."""

    kinds: Mapping[str, OverlapKind]
    sides: tuple[Side, ...]


Pair = tuple[str, str]


def merge_pairs(
    repo: Repository, place: Place, pairs: Sequence[Pair]
) -> tuple[dict[Pair, Clash | None], dict[Pair, str]]:
    """What comes of merging each pair of commits (`None`: nothing to tell), and why some of them
    could not even be tried."""
    done: dict[Pair, Clash | None] = {}
    failed: dict[Pair, str] = {}
    left = list(pairs)
    while left:
        out = repo.git(
            "merge-tree", "--write-tree", "--stdin", "--allow-unrelated-histories",
            place=place, ok=(0, *_DIED), timeout_s=WRITE_TIMEOUT_S,
            stdin="".join(f"{ours} {theirs}\n" for ours, theirs in left).encode(),
        )  # fmt: skip
        if out.code == 129:
            return _one_by_one(repo, place, left)  # git 2.38 merges one pair only
        found = list(_read(iter(out.fields)))
        done.update(zip(left, found, strict=False))
        left = left[len(found) :]
        if left:
            # It died in the middle of this one; the others do not suffer for it.
            failed[left.pop(0)] = out.trouble or f"git merge-tree ended with {out.code}"
    return done, failed


def _one_by_one(
    repo: Repository, place: Place, pairs: Sequence[Pair]
) -> tuple[dict[Pair, Clash | None], dict[Pair, str]]:
    done: dict[Pair, Clash | None] = {}
    failed: dict[Pair, str] = {}
    for ours, theirs in pairs:
        out = repo.git(
            "merge-tree", "--write-tree", "-z", "--allow-unrelated-histories",
            ours, theirs, place=place, ok=(0, *_DIED), timeout_s=WRITE_TIMEOUT_S,
        )  # fmt: skip
        if out.code == 0:
            done[ours, theirs] = None
        elif out.code == 1:
            done[ours, theirs] = _clash(iter([*out.fields[1:], ""]))
        else:
            failed[ours, theirs] = out.trouble
    return done, failed


def _read(fields: Iterator[str]) -> Iterator[Clash | None]:
    """The outcomes in the output of `merge-tree --stdin`, as far as they are whole."""
    while (status := next(fields, None)) is not None:
        try:
            next(fields)  # the tree
            if status == "1":
                _require_end(next(fields))
                yield None
            else:
                yield _clash(fields)
        except StopIteration:
            return


def _require_end(field: str) -> None:
    if field:
        raise RuntimeError(f"git merge-tree said {field!r} where a merge should end")


def _clash(fields: Iterator[str]) -> Clash:
    """Versions up to an empty field, then messages up to another: a count, so many paths, the type
    of the message and its text. `StopIteration` where that is cut off."""
    sides: list[Side] = []
    while field := next(fields):
        about, _, path = field.partition("\t")
        mode, blob, stage = about.split(" ")
        sides.append(Side(mode, blob, int(stage), path))
    kinds: dict[str, OverlapKind] = {}
    while (count := next(fields)).isdigit():  # advice about submodules may stand at the end
        paths = [next(fields) for _ in range(int(count))]
        kind = _kind(next(fields), next(fields))
        if kind is None:
            continue
        for path in paths:
            if kinds.get(path, OverlapKind.OTHER) in _MILD:
                kinds[path] = kind
    for side in sides:
        kinds.setdefault(side.path, OverlapKind.OTHER)
    return Clash(kinds, tuple(sides))


def _kind(short: str, text: str) -> OverlapKind | None:
    """The kind that a message is about; `None` for one about no conflict."""
    if not short.startswith("CONFLICT"):
        return None
    if "(add/add)" in text:
        return OverlapKind.ADDED
    return next((kind for word, kind in _KINDS if word in short), OverlapKind.OTHER)


# --- lines --------------------------------------------------------------------------------------


def overlap_files(
    repo: Repository, place: Place, clashes: Mapping[Pair, Clash]
) -> dict[Pair, tuple[OverlapFile, ...]]:
    """The paths of each clash with the lines that collide, worked out by two gits for all."""
    ranges = _Ranges(repo, place)
    for clash in clashes.values():
        for base, ours, theirs in _texts(clash).values():
            ranges.want(base, ours)
            ranges.want(base, theirs)
    ranges.read()
    found: dict[Pair, tuple[OverlapFile, ...]] = {}
    for pair, clash in clashes.items():
        texts = _texts(clash)
        files: list[OverlapFile] = []
        for path, kind in sorted(clash.kinds.items())[:FILES_MAX]:
            file = OverlapFile(path, kind)
            if path in texts:
                base, ours, theirs = texts[path]
                hunks = colliding(ranges.of(base, ours), ranges.of(base, theirs))
                file = replace(file, hunks=hunks[:HUNKS_MAX])
            files.append(file)
        found[pair] = tuple(files) or (OverlapFile(NO_PATH, OverlapKind.OTHER),)
    return found


def _texts(clash: Clash) -> dict[str, tuple[str, str, str]]:
    """Of paths where lines collide: the blobs of base (empty: none), ours and theirs."""
    by_path: dict[str, dict[int, str]] = {}
    for side in clash.sides:
        kind = clash.kinds[side.path]
        if kind in (OverlapKind.LINES, OverlapKind.ADDED) and side.mode in _BLOB_MODES:
            by_path.setdefault(side.path, {})[side.stage] = side.blob
    return {
        path: (blobs.get(1, ""), blobs[2], blobs[3])
        for path, blobs in by_path.items()
        if 2 in blobs and 3 in blobs
    }


@dataclass(frozen=True, slots=True)
class Changed:
    """Lines of the base, from and how many, and what they became; `from` as diff has it: with no
    lines, the line before."""

    base_from: int
    base_lines: int
    side_from: int
    side_lines: int

    @property
    def first(self) -> int:
        """The first line of the base that it replaces, or stands before."""
        return self.base_from if self.base_lines else self.base_from + 1

    @property
    def after(self) -> int:
        """The first line of the base behind it."""
        return self.first + self.base_lines


class _Ranges:
    """What changed between pairs of blobs. All that is wanted is put into two trees, under a name
    for each pair, so that one diff tells of all."""

    def __init__(self, repo: Repository, place: Place) -> None:
        self._repo, self._place = repo, place
        self._wanted: dict[Pair, int] = {}
        self._found: dict[int, tuple[Changed, ...]] = {}

    def want(self, base: str, side: str) -> None:
        if len(self._wanted) < HUNK_FILES_MAX:
            self._wanted.setdefault((base, side), len(self._wanted))

    def of(self, base: str, side: str) -> tuple[Changed, ...]:
        """What was read of the pair; nothing where it was not wanted, binary or the same."""
        number = self._wanted.get((base, side))
        return () if number is None else self._found.get(number, ())

    def read(self) -> None:
        if not self._wanted:
            return
        rows = sorted(self._wanted.items(), key=lambda item: f"{item[1]:06d}")
        before = "".join(_row(base, number) for (base, _), number in rows if base)
        after = "".join(_row(side, number) for (_, side), number in rows)
        trees = self._repo.git(
            "mktree", "--batch", "-z", place=self._place,
            stdin=(before + "\0" + after + "\0").encode(),
        ).text.split("\n")  # fmt: skip
        out = self._repo.git(
            "diff-tree", "-r", "-p", "-U0", "--no-renames", "--no-ext-diff", "--no-textconv",
            "--no-color", trees[0], trees[1], place=self._place, timeout_s=WRITE_TIMEOUT_S,
        ).stdout  # fmt: skip
        number, changes = -1, dict[int, list[Changed]]()
        for line in out.split(b"\n"):
            if line.startswith(b"diff --git a/"):
                number = int(line.rpartition(b"/")[2])
            elif found := _HUNK_HEAD.match(line):
                numbers = [int(part) if part is not None else 1 for part in found.groups()]
                changes.setdefault(number, []).append(Changed(*numbers))
        self._found = {key: tuple(value) for key, value in changes.items()}


_HUNK_HEAD = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def _row(blob: str, number: int) -> str:
    return f"100644 blob {blob}\t{number:06d}\0"


def colliding(ours: Sequence[Changed], theirs: Sequence[Changed]) -> tuple[Hunk, ...]:
    """Where changes of both sides meet, or touch, in the base."""
    found: list[Hunk] = []
    for one in ours:
        met = [other for other in theirs if other.first <= one.after and one.first <= other.after]
        if met:
            first, last = met[0], met[-1]
            lines = last.side_from + last.side_lines - first.side_from
            found.append(Hunk(one.side_from, one.side_lines, first.side_from, max(0, lines)))
    return tuple(found)
