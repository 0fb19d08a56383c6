"""What a worktree holds that git would lose with it: commits, files, what is staged.

Everything is read through a copy of the worktree's index, so that the agent's own stays as it is.
Objects are written for what lies on disk only; refs are the business of `keeping`. What no ref of
this repository can hold comes back by name in `left_out`.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.deleting import ASIDE_PREFIX
from gangsaw.git.named_commits import admin_files, heads_of, named_ids, unheld
from gangsaw.git.nested import nested_repositories, own_repository
from gangsaw.git.refs import branch_ref, read_ref
from gangsaw.git.repository import Repository, nul, with_index
from gangsaw.git.runner import WRITE_TIMEOUT_S, GitFailed, Place
from gangsaw.git.work import Changed, Status, nested_left_out, read_status

LINK_MODE = "160000"
FileAt = tuple[str, str, str]
"""Mode, blob and path of a file."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A worktree's contents beyond its branch. Trees are None where there is nothing of the kind.

    `dirty` has every file as it lies there, `index` what was staged where that is something else
    again, `raw` the exact bytes of files of which git's filters make something else, `progress`
    the sides of conflicts and the notes of a merge or rebase. `loose` are commits that only the
    worktree's own records still name. `changed` and `gone` say how its files differ from its index.
    """

    head: str | None
    tip: str | None
    dirty: str | None
    index: str | None
    raw: str | None
    progress: str | None
    loose: tuple[str, ...]
    left_out: tuple[str, ...]
    changed: tuple[FileAt, ...] = ()
    gone: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Paths of all uncommitted files."""

    @property
    def trees(self) -> dict[str, str]:
        """The trees to be kept, by the name of their ref."""
        named = {"dirty": self.dirty, "index": self.index, "raw": self.raw,
                 "progress": self.progress}  # fmt: skip
        return {name: tree for name, tree in named.items() if tree is not None}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an index: `tag` is git's letter for its bits, `stage` 0 outside of conflicts."""

    tag: str
    mode: str
    blob: str
    stage: int
    path: str


@dataclass(slots=True)
class _Staged:
    """What came of bringing the files into the index copy."""

    changed: list[FileAt] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_contents(repo: Repository, place: Place, branch: str | None) -> Contents:
    """The contents of the worktree at `place`, whose attempt has `branch`.

    Writes objects and nothing else. Raises `GitFailed` when its index cannot be read.
    """
    assert place.git_dir is not None
    assert place.work_tree is not None
    tip = None if branch is None else read_ref(repo, branch_ref(branch))
    with index_copy(repo, place) as copy:
        entries = read_index(repo, copy)
        _unhide(repo, copy, entries)
        # A submodule's settings name the folder it was made in: aside, git does not find its files.
        aside = place.work_tree.name.startswith(ASIDE_PREFIX)
        status = read_status(repo, copy, submodules=not aside)
        left_out = [
            *nested_left_out(status),
            *status.unreadable,
            *own_repository(place.work_tree),
            *_nested(repo, place.work_tree, status, entries),
        ]
        progress = _progress_tree(repo, place, entries)
        head_tree = None
        if not status.changed:
            dirty = index = raw = None
            staged = _Staged()
        else:
            head_tree = None if status.head is None else repo.tree_of(status.head)
            index = _index_tree(repo, copy, entries)
            staged = durable("git.snapshot_staged", lambda: _stage(repo, copy, status))
            dirty = write_tree(repo, copy)
            raw = _raw_tree(repo, copy, staged)
    loose = _loose(repo, place, branch, [each for each in (status.head, tip) if each])
    return Contents(
        status.head,
        tip,
        dirty=None if dirty == head_tree else dirty,
        index=None if index in (head_tree, dirty, None) else index,
        raw=raw,
        progress=progress,
        loose=loose,
        left_out=tuple(dict.fromkeys((*left_out, *staged.left_out))),
        changed=tuple(staged.changed),
        gone=tuple(staged.gone),
        files=tuple(item.path for item in status.changed),
    )


def read_records(repo: Repository, admin: Path, branch: str | None) -> Contents:
    """What is left of a worktree whose folder has vanished: its commits, and what was staged."""
    place = Place(admin, repo.common_dir, None, cwd=repo.common_dir)
    out = repo.git("rev-parse", "-q", "--verify", "HEAD^{commit}", place=place, ok=(0, 1, 128))
    head = out.text if out.code == 0 else None
    tip = None if branch is None else read_ref(repo, branch_ref(branch))
    with index_copy(repo, place) as copy:
        entries = read_index(repo, copy)
        progress = _progress_tree(repo, place, entries)
        index = _index_tree(repo, copy, entries) if entries else None
    head_tree = None if head is None else repo.tree_of(head)
    known = [each for each in (head, tip) if each]
    return Contents(
        head,
        tip,
        dirty=None,
        index=None if index == head_tree else index,
        raw=None,
        progress=progress,
        loose=_loose(repo, place, branch, known),
        left_out=(),
    )


def write_tree(repo: Repository, place: Place) -> str:
    """The tree of the place's index."""
    return repo.git("write-tree", place=place, timeout_s=WRITE_TIMEOUT_S).text


def tree_of_files(repo: Repository, files: Iterable[FileAt]) -> str:
    """A tree of these files."""
    with empty_index(repo) as place:
        add_entries(repo, place, files)
        return write_tree(repo, place)


def add_entries(repo: Repository, place: Place, files: Iterable[FileAt]) -> None:
    """Put files into the place's index."""
    lines = b"".join(
        f"{mode} {blob}\t".encode() + os.fsencode(path) + b"\0" for mode, blob, path in files
    )
    repo.git(
        "update-index", "--add", "--replace", "-z", "--index-info",
        place=place, stdin=lines, timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip


def read_index(repo: Repository, place: Place) -> tuple[Entry, ...]:
    """Every entry of the place's index."""
    fields = repo.git(
        "ls-files", "-v", "--stage", "-z", place=place, timeout_s=WRITE_TIMEOUT_S
    ).fields
    return tuple(_entry(line) for line in fields)


def _entry(line: str) -> Entry:
    about, _, path = line.partition("\t")
    tag, mode, blob, number = about.split(" ")
    return Entry(tag, mode, blob, int(number), path)


@contextmanager
def index_copy(repo: Repository, place: Place) -> Iterator[Place]:
    """The same place with a copy of its index."""
    assert place.git_dir is not None
    with _folder(repo) as folder:
        index, copy = place.git_dir / "index", folder / "index"
        if index.exists():
            written = index.stat()
            shutil.copyfile(index, copy)
            # By the index's own time git knows which files it has to read to see a change.
            os.utime(copy, ns=(written.st_mtime_ns, written.st_mtime_ns))
        yield with_index(place, copy)


@contextmanager
def empty_index(repo: Repository, work_tree: Path | None = None) -> Iterator[Place]:
    """A place with an empty index of its own, on no worktree or on the given folder."""
    with _folder(repo) as folder:
        place = Place(repo.common_dir, None, work_tree, cwd=work_tree or repo.common_dir)
        yield with_index(place, folder / "index")


@contextmanager
def _folder(repo: Repository) -> Iterator[Path]:
    repo.control_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="index-", dir=repo.control_dir) as folder:
        yield Path(folder)


# -- the parts -----------------------------------------------------------------------------------


def _unhide(repo: Repository, copy: Place, entries: Sequence[Entry]) -> None:
    """Let status see files that the agent told git not to look at. What a sparse checkout left
    out stays out."""
    assumed = [each.path for each in entries if each.tag.islower()]
    skipped = [
        each.path for each in entries
        if each.tag in "Ss" and copy.work_tree and lies_there(copy.work_tree, each.path)
    ]  # fmt: skip
    for bit, paths in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
        if paths:
            repo.git(
                "update-index", bit, "-z", "--stdin",
                place=copy, stdin=nul(paths), timeout_s=WRITE_TIMEOUT_S,
            )  # fmt: skip


def _nested(
    repo: Repository, root: Path, status: Status, entries: Sequence[Entry]
) -> tuple[str, ...]:
    """Repositories in the worktree: linked ones with commits of their own, and hidden ones."""
    links = {each.path for each in entries if each.mode == LINK_MODE}
    paths = {each.path for each in entries if each.mode != LINK_MODE} | set(status.untracked)
    return nested_repositories(repo, root, links, paths)


def _index_tree(repo: Repository, copy: Place, entries: Sequence[Entry]) -> str:
    """What is staged, as a tree; of conflicts only what is settled."""
    if all(each.stage == 0 for each in entries):
        return write_tree(repo, copy)
    settled = ((each.mode, each.blob, each.path) for each in entries if each.stage == 0)
    return tree_of_files(repo, settled)


def _stage(repo: Repository, copy: Place, status: Status) -> _Staged:
    """Bring every change into the index copy."""
    assert copy.work_tree is not None
    done = _Staged()
    regular: list[str] = []
    others: list[str] = []
    for item in status.changed:
        if item.nested_repository:
            continue
        match _lying(copy.work_tree, item):
            case "file" if os.access(copy.work_tree / item.path, os.R_OK):
                regular.append(item.path)
            case "file":
                done.left_out.append(item.path)
            case "other":
                others.append(item.path)
            case _:
                done.gone.append(item.path)
    if done.gone:
        repo.git(
            "update-index", "--force-remove", "-z", "--stdin",
            place=copy, stdin=nul(done.gone), timeout_s=WRITE_TIMEOUT_S,
        )  # fmt: skip
    exact = dict(zip(regular, hash_files(repo, copy, regular), strict=True))
    for path in _refused(repo, copy, [*regular, *others]):
        # A filter that fails or a name that git dislikes: try without the former.
        mode = _mode(copy.work_tree / path)
        try:
            add_entries(repo, copy, [(mode, exact[path], path)])
        except (GitFailed, KeyError):
            done.left_out.append(path)
    done.changed += [(_mode(copy.work_tree / path), blob, path) for path, blob in exact.items()]
    done.changed += _links(repo, copy, others)
    return done


def _lying(root: Path, item: Changed) -> str:
    """What lies at the path of a change: "file", "other" (a link, a submodule) or ""."""
    if not lies_there(root, item.path):
        return ""
    mode = os.lstat(root / item.path).st_mode
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISLNK(mode) or (stat.S_ISDIR(mode) and item.submodule):
        return "other"
    return ""  # a folder or something special took its place


def lies_there(root: Path, path: str) -> bool:
    """Whether something lies at the path, without going through links."""
    at = root
    parts = path.split("/")
    for part in parts[:-1]:
        at = at / part
        if at.is_symlink():
            return False
    return os.path.lexists(at / parts[-1])


def _refused(repo: Repository, copy: Place, paths: list[str]) -> list[str]:
    """Those of the paths that git does not take into the index; all the others are in it."""
    if not paths:
        return []
    out = repo.git(
        "update-index", "--add", "--replace", "-z", "--stdin",
        place=copy, stdin=nul(paths), timeout_s=WRITE_TIMEOUT_S, ok=(0, 1, 128),
    )  # fmt: skip
    if out.code == 0:
        return []
    if len(paths) == 1:
        return paths
    half = len(paths) // 2
    return [*_refused(repo, copy, paths[:half]), *_refused(repo, copy, paths[half:])]


def hash_files(repo: Repository, place: Place, paths: Sequence[str]) -> list[str]:
    """The blobs of these regular files, byte for byte, written."""
    if not paths:
        return []
    out = repo.git(
        "hash-object", "-w", "--no-filters", "--stdin-paths",
        place=place, stdin=b"".join(_quoted(path) for path in paths), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    return out.text.split("\n")


def _quoted(path: str) -> bytes:
    """The path as git unquotes it, so that a newline in it ends nothing."""
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + escaped.replace(b"\n", b"\\n") + b'"\n'


def _mode(path: Path) -> str:
    return "100755" if os.lstat(path).st_mode & 0o100 else "100644"


def _links(repo: Repository, copy: Place, paths: list[str]) -> list[FileAt]:
    """The symbolic links among the paths, as they are in the index copy now."""
    wanted = set(paths)
    if not wanted:
        return []
    return [
        (each.mode, each.blob, each.path)
        for each in read_index(repo, copy)
        if each.path in wanted and each.mode != LINK_MODE
    ]


def _raw_tree(repo: Repository, copy: Place, staged: _Staged) -> str | None:
    """The files of which the index copy has something else than their bytes."""
    if not staged.changed:
        return None
    held = {(each.path, each.blob) for each in read_index(repo, copy)}
    missing = [each for each in staged.changed if (each[2], each[1]) not in held]
    return tree_of_files(repo, missing) if missing else None


def _progress_tree(repo: Repository, place: Place, entries: Sequence[Entry]) -> str | None:
    """The sides of conflicts under 1/, 2/ and 3/, and notes of what was in progress."""
    sides = [(each.mode, each.blob, f"{each.stage}/{each.path}") for each in entries if each.stage]
    notes, automatic = admin_files(repo, place)
    if not sides and not notes:
        return None
    blobs = [("100644", write_blob(repo, content), f"notes/{name}") for name, content in notes]
    with empty_index(repo) as index:
        add_entries(repo, index, [*sides, *blobs])
        if automatic is not None:
            repo.git("read-tree", "--prefix=auto/", automatic, place=index)
        return write_tree(repo, index)


def write_blob(repo: Repository, content: bytes) -> str:
    """The blob with this content, written."""
    return repo.git("hash-object", "-w", "--stdin", stdin=content, timeout_s=WRITE_TIMEOUT_S).text


def _loose(
    repo: Repository, place: Place, branch: str | None, known: Sequence[str]
) -> tuple[str, ...]:
    return heads_of(unheld(repo, named_ids(repo, place, branch), known))
