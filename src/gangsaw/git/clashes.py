"""What exactly two commits conflict in: every path with its kind and its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gangsaw.git.attributes import NO_MORE, MoreAttributes, place_for_merging
from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S

CONTENTS = "contents"
"""Both sides changed the same lines, or both added the file: the kind that leaves markers."""

_REGULAR = ("100644", "100755")
_PREFIX = "CONFLICT ("


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a conflict: 1 is the common base, 2 ours, 3 theirs."""

    mode: str
    blob: str
    number: int


@dataclass(frozen=True, slots=True)
class Clash:
    """One path in conflict. `kinds` are git's short names (`contents`, `modify/delete`, …), `text`
    its sentences."""

    path: str
    kinds: tuple[str, ...]
    sides: tuple[Side, ...]
    text: str = ""

    @property
    def is_textual(self) -> bool:
        """Whether both sides have it as a regular file and nothing but lines are in conflict."""
        here = [side for side in self.sides if side.number in (2, 3)]
        regular = len(here) == 2 and all(side.mode in _REGULAR for side in self.sides)
        return regular and set(self.kinds) == {CONTENTS}


@dataclass(frozen=True, slots=True)
class Clashes:
    """What came of merging: a tree with markers in it, and every path that is in conflict. Empty
    `clashes`: the tree is the result."""

    tree: str
    clashes: tuple[Clash, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths in conflict."""
        return tuple(clash.path for clash in self.clashes)


def read_clashes(
    repo: Repository,
    ours: str,
    theirs: str,
    options: Sequence[str] = (),
    more: MoreAttributes = NO_MORE,
) -> Clashes:
    """What merging the two commits comes to, in the object store only, with the attributes of the
    first and `more`; `options` are git's own, before the command."""
    out = repo.git(
        "-c", "merge.conflictStyle=merge", *options,
        "merge-tree", "--write-tree", "-z", "--messages", ours, theirs,
        place=place_for_merging(repo, ours, more), timeout_s=WRITE_TIMEOUT_S, ok=(0, 1),
    )  # fmt: skip
    fields = out.fields
    if out.code == 0:
        return Clashes(fields[0], ())
    end = fields.index("", 1)
    sides: dict[str, list[Side]] = {}
    for line in fields[1:end]:
        about, _, path = line.partition("\t")
        mode, blob, number = about.split(" ")
        sides.setdefault(path, []).append(Side(mode, blob, int(number)))
    said = _said(fields[end + 1 :])
    # A message may be about a path that has no sides of its own, as that of a folder in the way.
    paths = dict.fromkeys((*sides, *said))
    clashes = [
        Clash(
            path,
            tuple(dict.fromkeys(kind for kind, _ in said.get(path, ()))),
            tuple(sides.get(path, ())),
            "\n".join(dict.fromkeys(text for _, text in said.get(path, ()))),
        )
        for path in paths
    ]
    return Clashes(fields[0], tuple(clashes))


def _said(fields: tuple[str, ...]) -> dict[str, list[tuple[str, str]]]:
    """Kind and sentence of every conflict message, by path. A message is a block of: number of
    paths, the paths, the short type, the sentence."""
    found: dict[str, list[tuple[str, str]]] = {}
    start = 0
    while start < len(fields) and fields[start].isdigit():
        # After a conflict of a submodule, git's advice about it follows.
        count = int(fields[start])
        paths = fields[start + 1 : start + 1 + count]
        kind, text = fields[start + 1 + count : start + 3 + count]
        if kind.startswith(_PREFIX):
            for path in paths:
                short = kind.removeprefix(_PREFIX).removesuffix(")")
                found.setdefault(path, []).append((short, text.strip()))
        start += 3 + count
    return found


_WORDS = {
    CONTENTS: "both sides changed the same lines",
    "binary": "both sides changed it, and it is no text",
    "modify/delete": "one side changed it, the other deleted it",
    "rename/delete": "one side renamed it, the other deleted it",
    "rename/rename": "both sides renamed it, to different names",
    "file/directory": "one side has a file where the other has a folder",
    "file location": "one side put it into a folder that the other renamed",
    "directory rename split": "one side moved its folder to several places",
    "distinct types": "both sides added it, as different types of file",
    "submodule": "both sides moved the submodule",
}


def kind_text(clash: Clash) -> str:
    """What is in conflict there, in words."""
    if set(clash.kinds) == {CONTENTS} and all(side.number != 1 for side in clash.sides):
        return "both sides added it, with different lines"
    return "; ".join(_WORDS.get(kind, kind) for kind in clash.kinds) or "in conflict"
