"""The attributes with which everything is merged, whoever asks: those of a commit, at every depth.

merge-tree reads attributes from the files around it, and there are none in a store; so those of the
commit are laid out in a folder of ours. The user's own (`info/attributes`, `core.attributesFile`)
count as they do everywhere. Can go when git 2.43, which has `--attr-source`, is the oldest git we
work with.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gangsaw.git.files import write_synced
from gangsaw.git.repository import Repository
from gangsaw.git.runner import Place

ATTRIBUTES_NAME = ".gitattributes"
_EVERYWHERE = f":(glob)**/{ATTRIBUTES_NAME}"

Files = tuple[tuple[str, str], ...]
"""Path and blob of every file with attributes."""


@dataclass(frozen=True, slots=True)
class MoreAttributes:
    """Lines beside those of the commit: `first` go behind all of its own, `last` before them, by
    the path of the file that they are about."""

    first: bytes = b""
    last: Mapping[str, bytes] = field(default_factory=dict)


NO_MORE = MoreAttributes()


def place_for_merging(repo: Repository, commit: str, more: MoreAttributes = NO_MORE) -> Place:
    """The place in which merge-tree finds the attributes of the commit, and these."""
    return laid_out(repo, attribute_files(repo, commit), repo.control_dir / "attributes", more)


def attribute_files(repo: Repository, commit: str) -> Files:
    """The commit's files with attributes. What was known of another commit is gone on from: that
    takes git as long as the two differ."""
    known = repo.attribute_files
    if known is None or known[0] != commit:
        if known is None or _differ(repo, known[0], commit):
            known = (commit, _listed(repo, commit))
        repo.attribute_files = known = (commit, known[1])
    return known[1]


def _differ(repo: Repository, one: str, other: str) -> bool:
    """Whether their attributes may differ."""
    out = repo.git(
        "diff-tree", "-r", "--name-only", "-z", "--no-renames", one, other, "--", _EVERYWHERE,
        ok=(0, 128),
    )  # fmt: skip
    return out.code != 0 or bool(out.stdout)


def _listed(repo: Repository, commit: str) -> Files:
    found: list[tuple[str, str]] = []
    for line in repo.git("ls-tree", "-r", "-z", commit).fields:
        about, _, path = line.partition("\t")
        name, regular = path.rpartition("/")[2], about.startswith("100")
        # A tree that was made by hand may have names that lead out of it.
        if name == ATTRIBUTES_NAME and regular and ".." not in path.split("/"):
            found.append((path, about.split(" ")[2]))
    return tuple(found)


def laid_out(repo: Repository, files: Files, parent: Path, more: MoreAttributes = NO_MORE) -> Place:
    """The place in which these files and lines are around, below `parent`; the same folder for
    the same ones."""
    asked = repr((files, more.first, sorted(more.last.items())))
    folder = parent / hashlib.sha256(asked.encode("utf-8", "surrogateescape")).hexdigest()[:40]
    if not folder.exists():
        _lay_out(repo, files, more, folder)
    return replace(repo.store, work_tree=folder, cwd=folder)


def _lay_out(repo: Repository, files: Files, more: MoreAttributes, folder: Path) -> None:
    contents = {path: repo.git("cat-file", "blob", blob).stdout for path, blob in files}
    if more.first:
        contents[ATTRIBUTES_NAME] = more.first + b"\n" + contents.get(ATTRIBUTES_NAME, b"")
    for path, line in more.last.items():
        around, slash, _ = path.rpartition("/")
        name = around + slash + ATTRIBUTES_NAME
        contents[name] = contents.get(name, b"") + b"\n" + line + b"\n"
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
    try:
        for path, content in contents.items():
            target = fresh / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_synced(target, content)
        fresh.rename(folder)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not folder.exists():
            raise  # else another one of us was quicker


def line_for(folder: str, path: str, driver: str) -> bytes:
    """The line of the attributes file in `folder` that gives exactly this path to a driver."""
    name = os.fsencode(path[len(folder) :].lstrip("/"))
    spelled = b"".join(b"\\" + bytes((c,)) if c in _SPECIAL else bytes((c,)) for c in name)
    quoted = (b"/" + spelled).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + quoted + b'" merge=' + driver.encode()


_SPECIAL = frozenset(b'*?[\\!# "')
