"""Differences between two commits: text, numbers, and conflict markers that slipped in.

External diff programs and text converters of the repository are never started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S

PATHS_MAX = 500
"""So many paths fit on one command line."""

_SAFE = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
_MARKERS = (b"+<<<<<<<", b"+>>>>>>>", b"+|||||||")
_MARKER_LENGTH = 8
_GITLINK = "160000"
CHANGED_MAX = 1000
"""Changed paths that are written down; of more it is not known what they touch."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """Lines added and deleted in one file; None for both when it is binary."""

    path: str
    added: int | None
    deleted: int | None


@dataclass(frozen=True, slots=True)
class DiffStat:
    """The files that differ."""

    files: tuple[FileChange, ...]

    @property
    def added(self) -> int:
        """Lines added in all text files."""
        return sum(change.added or 0 for change in self.files)

    @property
    def deleted(self) -> int:
        """Lines deleted in all text files."""
        return sum(change.deleted or 0 for change in self.files)


def work_diffstat(repo: Repository, base: str, commit: str) -> DiffStat:
    """What differs between two commits, file by file; a rename counts as two files."""
    out = repo.git(
        "diff-tree", "-r", "--numstat", "-z", "--no-renames", *_SAFE, base, commit,
        timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    return DiffStat(tuple(_file_change(line) for line in out.fields))


def _file_change(line: str) -> FileChange:
    added, deleted, path = line.split("\t", 2)
    if added == "-":
        return FileChange(path, None, None)
    return FileChange(path, int(added), int(deleted))


def changed_paths(repo: Repository, base: str, commit: str) -> tuple[int, tuple[str, ...]]:
    """How many files differ between two commits, and which: none where there are more than
    `CHANGED_MAX`."""
    found = repo.git(
        "diff-tree", "-r", "--name-only", "-z", "--no-renames", base, commit,
        timeout_s=WRITE_TIMEOUT_S,
    ).fields  # fmt: skip
    return len(found), tuple(found) if len(found) <= CHANGED_MAX else ()


def is_empty_change(repo: Repository, base: str, commit: str) -> bool:
    """Whether both commits have the same files."""
    trees = repo.git("rev-parse", f"{base}^{{tree}}", f"{commit}^{{tree}}").text.split("\n")
    return trees[0] == trees[1]


def foreign_repositories(repo: Repository, base: str, commit: str) -> tuple[str, ...]:
    """Paths at which `commit`, since `base`, holds a repository of its own that is no submodule: a
    link to a commit that nobody else has."""
    fields = repo.git(
        "diff-tree", "-r", "-z", "--raw", "--no-renames", *_SAFE, base, commit,
        timeout_s=WRITE_TIMEOUT_S,
    ).fields  # fmt: skip
    links = [
        path
        for about, path in zip(fields[::2], fields[1::2], strict=True)
        if about.split(" ")[1] == _GITLINK
    ]
    if not links:
        return ()
    out = repo.git(
        "config", "--blob", f"{commit}:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$",
        ok=(0, 1, 128),
    )  # fmt: skip
    known = {field.partition("\n")[2] for field in out.fields}
    return tuple(path for path in links if path not in known)


def diff_text(
    repo: Repository,
    base: str,
    commit: str,
    *,
    color: bool = False,
    stat: bool = False,
    paths: Sequence[str] = (),
) -> str:
    """The difference as a person reads it; with `stat`, only the summary by file. With `paths` only
    in these; of very many the first."""
    out = repo.git(
        "diff", *_SAFE, f"--color={'always' if color else 'never'}",
        *(["--stat"] if stat else []), base, commit, "--",
        *(f":(literal){path}" for path in paths[:PATHS_MAX]),
        timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    return out.stdout.decode("utf-8", "replace")


def diff_of_paths(repo: Repository, base: str, commit: str, paths: Sequence[str]) -> str:
    """The difference in these paths only, or in all where none is named."""
    out = repo.git(
        "--literal-pathspecs", "diff", *_SAFE, "--color=never", base, commit, "--", *paths,
        timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    return out.stdout.decode("utf-8", "replace")


def common_base(repo: Repository, one: str, other: str) -> str | None:
    """The newest commit that both contain, or `None` where there is none."""
    out = repo.git("merge-base", one, other, ok=(0, 1))
    return out.text.strip() or None


COMMITS_SHOWN = 30
PATHS_SHOWN = 100


def work_summary(repo: Repository, path: Path, base: str) -> str:
    """What the worktree at `path` holds besides `base`: the subjects of its commits and the files
    that are not committed, for an agent that knows nothing of it. Empty where it is gone."""
    place = repo.place(path)
    if place is None:
        return ""
    limit = f"--max-count={COMMITS_SHOWN}"
    commits = repo.git("log", limit, "--format=%h %s", f"{base}..HEAD", "--", place=place)
    listed = repo.git("status", "--porcelain", "--no-renames", place=place).text.splitlines()
    shown = listed[:PATHS_SHOWN]
    if len(listed) > PATHS_SHOWN:
        shown.append(f"… and {len(listed) - PATHS_SHOWN} more")
    return "\n".join(
        [
            "Commits since the base:",
            commits.text.strip("\n") or "(none)",
            "",
            "Files that are not committed:",
            "\n".join(shown) or "(none)",
        ]
    )


def conflict_markers(repo: Repository, base: str, commit: str) -> tuple[tuple[str, int], ...]:
    """Path and line number of every conflict marker that `commit` has added since `base`."""
    filters = ("--no-renames", "--diff-filter=AMT", *_SAFE, "-G", "^(<{7}|>{7}|[|]{7})( |\r|$)")
    listed = repo.git(
        "diff-tree", "-r", "-z", "--name-status", *filters, base, commit,
        timeout_s=WRITE_TIMEOUT_S,
    ).fields  # fmt: skip
    names: list[str] = []
    for kind, path in zip(listed[::2], listed[1::2], strict=True):
        # A change of type is shown as two sections: the old away, the new in.
        names += [path, path] if kind == "T" else [path]
    if not names:
        return ()
    patch = repo.git(
        "diff-tree", "-r", "-p", "-U0", *filters, base, commit, timeout_s=WRITE_TIMEOUT_S
    ).stdout
    return _added_markers(patch, names)


def _added_markers(patch: bytes, names: list[str]) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    section, line_number = -1, 0
    for line in patch.split(b"\n"):
        if line.startswith(b"diff --git "):
            section += 1
            line_number = 0
        elif line.startswith(b"@@ "):
            line_number = int(line.split(b"+", 1)[1].split(b" ", 1)[0].split(b",")[0])
        elif line_number and line.startswith(b"+"):
            if line.startswith(_MARKERS) and line[_MARKER_LENGTH:][:1] in (b"", b" ", b"\r"):
                found.append((names[section], line_number))
            line_number += 1
    return tuple(found)
