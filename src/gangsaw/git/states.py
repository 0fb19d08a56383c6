"""A whole worktree as one commit, and the worktree made again from it.

The commit's parents are every commit that the worktree's records name; its tree has the worktree's
own records (`admin/`, its index among them), the bytes of all files that differ from the index
(`changed/`), whatever the index names (`staged/`) and what a merge left (`progress/`). What git
ignores is not in it.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.candidates import commit_tree
from gangsaw.git.contents import (
    LINK_MODE,
    Contents,
    FileAt,
    add_entries,
    empty_index,
    read_contents,
    write_blob,
    write_tree,
)
from gangsaw.git.keeping import worktree_place
from gangsaw.git.named_commits import heads_of, named_commits, unheld
from gangsaw.git.refs import branch_ref, create_ref, read_ref
from gangsaw.git.removing import bring_back
from gangsaw.git.repository import Repository, real
from gangsaw.git.runner import CHECKOUT_TIMEOUT_S, WRITE_TIMEOUT_S, Place
from gangsaw.git.worktrees import (
    WorktreeBlocked,
    WorktreeReady,
    list_worktrees,
    make_from,
)

_ABOUT = "about.json"
_GONE = "gone"
_NOT_RECORDS = frozenset({"gitdir", "commondir", "gangsaw-kind", "index.lock", "HEAD.lock"})
_RECORD_BYTES_MAX = 512 * 1024 * 1024
PARENTS_MAX = 4000
BATCH = 100
"""So many files are read at once."""


@dataclass(frozen=True, slots=True)
class About:
    """Whose worktree a state is of; `on_branch` is what its HEAD is on, None when detached."""

    path: str
    run: str
    attempt: str
    branch: str
    head: str
    on_branch: str | None


def save_state(
    repo: Repository, run: str, attempt: str, path: Path, branch: str, at: int
) -> str | None:
    """The commit with the whole state of the attempt's worktree, dated `at` (epoch seconds).

    None when there is no worktree, or none with a commit checked out. Writes objects only.
    """
    place = worktree_place(repo, path)
    if place is None or place.git_dir is None:
        return None
    contents = read_contents(repo, place, branch)
    if contents.head is None:
        return None
    head = _symbolic(repo, place)
    about = About(str(real(path)), run, attempt, branch, contents.head, head)
    tree = _state_tree(repo, place, contents, about)
    commits = named_commits(repo, place, branch)
    known = [commit for commit in (contents.head, contents.tip) if commit is not None]
    parents = tuple(dict.fromkeys((*known, *heads_of(unheld(repo, commits, known)))))
    message = f"{attempt}: its worktree\n\nGangsaw-Kept: state\n"
    return commit_tree(repo, tree, parents[:PARENTS_MAX], message, at, sign=False)


def read_about(repo: Repository, commit: str) -> About:
    """Whose worktree the state is of."""
    return About(**json.loads(repo.git("cat-file", "blob", f"{commit}:{_ABOUT}").stdout))


def restore_state(repo: Repository, commit: str) -> WorktreeReady | WorktreeBlocked:
    """Make the worktree of a state again where it was: same HEAD and branch, same index, the same
    bytes in every file that git does not ignore.

    Safe to repeat; a worktree that stands there already is left as it is.
    """
    about = read_about(repo, commit)
    path = Path(about.path)
    if bring_back(repo, path):
        return WorktreeReady(path, about.on_branch, about.head)
    if about.on_branch is not None:
        tip = read_ref(repo, branch_ref(about.on_branch))
        if tip is None:
            create_ref(repo, branch_ref(about.on_branch), about.head)
        elif tip != about.head:
            return WorktreeBlocked(f"branch {about.on_branch} has moved to {tip[:12]}")
        for entry in list_worktrees(repo):
            if entry.branch == about.on_branch and entry.path != path and not entry.missing:
                return WorktreeBlocked(f"branch {about.on_branch} is checked out at {entry.path}")

    def furnish(place: Place) -> None:
        durable("git.state_records", lambda: _put_records(repo, commit, place))
        durable("git.state_files", lambda: _put_files(repo, commit, place))

    return make_from(repo, path, about.head, furnish)


def _symbolic(repo: Repository, place: Place) -> str | None:
    out = repo.git("symbolic-ref", "-q", "HEAD", place=place, ok=(0, 1, 128))
    return out.text.removeprefix("refs/heads/") if out.code == 0 else None


# -- saving --------------------------------------------------------------------------------------


def _state_tree(repo: Repository, place: Place, contents: Contents, about: About) -> str:
    assert place.git_dir is not None
    text = json.dumps(asdict(about), indent=1)
    files: list[FileAt] = [
        ("100644", write_blob(repo, text.encode()), _ABOUT),
        ("100644", write_blob(repo, b"\0".join(map(os.fsencode, contents.gone))), _GONE),
    ]
    files += [(mode, blob, f"changed/{path}") for mode, blob, path in contents.changed]
    files += _records(repo, place.git_dir)
    with empty_index(repo) as index:
        add_entries(repo, index, files)
        for name, tree in (("staged", contents.index), ("progress", contents.progress),
                           ("dirty", contents.dirty)):  # fmt: skip
            if tree is not None:
                repo.git("read-tree", f"--prefix={name}/", tree, place=index)
        return write_tree(repo, index)


def _records(repo: Repository, admin: Path) -> list[FileAt]:
    """The files of the admin folder, byte for byte, without those that say where it is."""
    paths = [
        path for path in _walk(admin)
        if path not in _NOT_RECORDS and not path.startswith("modules/")
        and os.lstat(admin / path).st_size <= _RECORD_BYTES_MAX
    ]  # fmt: skip
    return [
        ("100644", write_blob(repo, (admin / path).read_bytes()), f"admin/{path}") for path in paths
    ]


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            file = Path(folder) / name
            if stat.S_ISREG(os.lstat(file).st_mode):
                yield str(file.relative_to(root))


# -- restoring -----------------------------------------------------------------------------------


def _put_records(repo: Repository, commit: str, place: Place) -> None:
    assert place.git_dir is not None
    for path in _walk(place.git_dir):
        if path not in _NOT_RECORDS:
            (place.git_dir / path).unlink()
    for _, path, content in _contents(repo, _tree_files(repo, commit, "admin")):
        target = place.git_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _put_files(repo: Repository, commit: str, place: Place) -> None:
    """Everything the index names, but without what was gone and with what was changed."""
    assert place.work_tree is not None
    root = place.work_tree
    repo.git("checkout-index", "-a", "-f", "-q", place=place, timeout_s=CHECKOUT_TIMEOUT_S)
    gone = repo.git("cat-file", "blob", f"{commit}:{_GONE}").stdout
    for name in gone.split(b"\0") if gone else []:
        _clear(root / os.fsdecode(name))
    for mode, path, content in _contents(repo, _tree_files(repo, commit, "changed")):
        target = root / path
        _clear(target)
        for parent in reversed(target.relative_to(root).parents):
            if (root / parent).is_symlink() or (root / parent).is_file():
                _clear(root / parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        if mode == "120000":
            os.symlink(content, os.fsencode(target))
            continue
        target.write_bytes(content)
        target.chmod(target.stat().st_mode | (0o111 if mode == "100755" else 0))
    repo.git("update-index", "-q", "--refresh", place=place, ok=(0, 1, 128))


def _clear(path: Path) -> None:
    """Remove a file, a link or an emptied folder at the path, and folders emptied by that."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        path.unlink()
    elif path.is_dir() and not any(path.iterdir()):
        path.rmdir()


def _tree_files(repo: Repository, commit: str, name: str) -> list[FileAt]:
    out = repo.git("ls-tree", "-r", "-z", f"{commit}:{name}", ok=(0, 128))
    if out.code != 0:
        return []  # there is no such folder in the state
    rows = [line.partition("\t") for line in out.fields]
    parts = [(about.split(" "), path) for about, _, path in rows]
    return [(part[0], part[2], path) for part, path in parts if part[0] != LINK_MODE]


def _contents(repo: Repository, files: Sequence[FileAt]) -> Iterator[tuple[str, str, bytes]]:
    """Mode, path and bytes of each file, by few gits."""
    for start in range(0, len(files), BATCH):
        some = files[start : start + BATCH]
        out = repo.git(
            "cat-file", "--batch", stdin="".join(f"{each[1]}\n" for each in some).encode(),
            timeout_s=WRITE_TIMEOUT_S,
        ).stdout  # fmt: skip
        at = 0
        for mode, _, path in some:
            end = out.index(b"\n", at)
            size = int(out[at:end].split(b" ")[2])
            yield mode, path, out[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
