"""Conflicts resolved without anybody: merge drivers, then what was learned from earlier ones.

Only the very files that conflict are given to a driver; whatever git merges by itself stays as git
merges it. What comes out is a tree like any other, and has to pass its checks like any other.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gangsaw.core.scopes import covers
from gangsaw.git.attributes import MoreAttributes, line_for
from gangsaw.git.clashes import Clash, Clashes, read_clashes
from gangsaw.git.contents import add_entries, empty_index, write_blob, write_tree
from gangsaw.git.replaying import has_markers, read_file, replay
from gangsaw.git.repository import Repository
from gangsaw.git.runner import GitFailed

MARKS, UNION, MERGIRAF, RERERE = "marks", "union", "mergiraf", "rerere"
MECHANICAL = (MARKS, UNION, MERGIRAF, RERERE)
"""The ways in which a conflict is resolved without anybody."""


Marked = Callable[[str, bytes, bytes, bytes], bytes | None]
"""Path, common base, ours, theirs → ours with what theirs has more than the base, where that is
nothing but marks of ours in a task file; else `None`."""


@dataclass(frozen=True, slots=True)
class Means:
    """What may be used: `union` are paths of which both sides' lines are kept, `mergiraf` is that
    program (empty: it is not used), `rerere` whether earlier resolutions are replayed; `marked`
    merges a task file with one that has marks of ours."""

    union: tuple[str, ...] = ()
    mergiraf: str = ""
    rerere: bool = True
    marked: Marked | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The tree without conflict. `ways` are those that were needed, of `MECHANICAL`; `paths` what
    had been in conflict."""

    tree: str
    ways: tuple[str, ...]
    paths: tuple[str, ...]


def resolve(repo: Repository, ours: str, theirs: str, means: Means) -> Resolved | None:
    """The merge of two commits that conflict, or `None` where it takes somebody.

    What a driver or git itself cannot do counts as not resolved: nothing is raised for it.
    """
    with suppress(GitFailed):
        return _resolve(repo, ours, theirs, means)
    return None


def _resolve(repo: Repository, ours: str, theirs: str, means: Means) -> Resolved | None:
    plain = read_clashes(repo, ours, theirs)
    if not plain.clashes or not all(clash.is_textual for clash in plain.clashes):
        return None
    marks = _with_marks(repo, means, plain)
    ways = [MARKS] if marks else []
    left = [clash for clash in plain.clashes if clash.path not in marks]
    driven = _drive(repo, ours, theirs, means, left)
    if driven is not None:
        still = set(driven.paths) | _marked(repo, driven.tree, [clash.path for clash in left])
        done = [clash.path for clash in left if clash.path not in still]
        left = [clash for clash in left if clash.path in still]
        ways += [way for way in (UNION, MERGIRAF) if any(_way(p, means) == way for p in done)]
        if not done:
            driven = None
    tree = plain.tree if driven is None else driven.tree
    if left:
        if not means.rerere:
            return None
        known = replay(repo, plain, left)
        if set(known) != {clash.path for clash in left}:
            return None
        tree = _with_files(repo, tree, left, known)
        ways.append(RERERE)
    if marks:
        own = [clash for clash in plain.clashes if clash.path in marks]
        tree = _with_files(repo, tree, own, marks)
    return Resolved(tree, tuple(ways), plain.paths)


def _with_marks(repo: Repository, means: Means, plain: Clashes) -> dict[str, bytes]:
    """The task files in conflict that can be merged as such, and what they are then."""
    found: dict[str, bytes] = {}
    for clash in plain.clashes:
        blobs = {side.number: side.blob for side in clash.sides}
        if means.marked is None or set(blobs) != {1, 2, 3}:
            continue
        base, ours, theirs = (repo.git("cat-file", "blob", blobs[n]).stdout for n in (1, 2, 3))
        merged = means.marked(clash.path, base, ours, theirs)
        if merged is not None:
            found[clash.path] = merged
    return found


def _drive(
    repo: Repository, ours: str, theirs: str, means: Means, left: Sequence[Clash]
) -> Clashes | None:
    """The merge with the drivers for just those paths; `None` where none is for any of them."""
    union = [clash.path for clash in left if _way(clash.path, means) == UNION]
    mergiraf = [clash.path for clash in left if _way(clash.path, means) == MERGIRAF]
    if not union and not mergiraf:
        return None
    # What the repository says of a file goes before mergiraf, and what the settings ask for by
    # name before that.
    first = b"\n".join(line_for("", path, MERGIRAF) for path in mergiraf)
    last = {path: line_for(path.rpartition("/")[0], path, UNION) for path in union}
    options: tuple[str, ...] = ()
    if means.mergiraf:
        # The labels are our own words: those of git are not known to every version of it.
        command = f"{shlex.quote(means.mergiraf)} merge --git %O %A %B"
        command += " -s base -x landed -y work -p %P -l %L"
        options = ("-c", f"merge.{MERGIRAF}.driver={command}")
    return read_clashes(repo, ours, theirs, options, MoreAttributes(first, last))


def _way(path: str, means: Means) -> str:
    """The driver for the path, or an empty text."""
    if means.union and covers(means.union, path):
        return UNION
    return MERGIRAF if means.mergiraf else ""


def _marked(repo: Repository, tree: str, paths: Sequence[str]) -> set[str]:
    """Those of the paths that the tree has with markers: no driver is believed."""
    found = set[str]()
    for path in paths:
        content = read_file(repo, tree, path)
        if content is None or has_markers(content):
            found.add(path)
    return found


def _with_files(
    repo: Repository, tree: str, clashes: Sequence[Clash], contents: dict[str, bytes]
) -> str:
    """The tree with these files in the place of those with markers; their modes stay."""
    listed = repo.git("--literal-pathspecs", "ls-tree", "-z", tree, "--", *contents).fields
    modes = {line.partition("\t")[2]: line.split(" ", 1)[0] for line in listed}
    files = [
        (modes[clash.path], write_blob(repo, contents[clash.path]), clash.path) for clash in clashes
    ]
    with empty_index(repo) as place:
        repo.git("read-tree", tree, place=place)
        add_entries(repo, place, files)
        return write_tree(repo, place)
