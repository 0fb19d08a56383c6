"""What `gangsaw sync` works on: the sources, and the commits that speak of each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gangsaw.cli.place import here
from gangsaw.core.errors import UserError
from gangsaw.engine.asking import asking
from gangsaw.git import Repository
from gangsaw.git.history import added_by, said_commits
from gangsaw.sources import Source, certain_source, dialects, find_source, read_best
from gangsaw.sources.references import Commit, Said, Says, said_by
from gangsaw.sources.registry import NAMES
from gangsaw.sources.syncing import Synced, all_at_home, sync_source

COMMITS_MAX = 10_000
"""Commits that are read, the newest."""

NOT_NOW = (
    "rebase-merge", "rebase-apply", "sequencer", "CHERRY_PICK_HEAD", "REVERT_HEAD", "MERGE_HEAD",
    "gangsaw-kind",
)  # fmt: skip
"""What lies in the git folder of a worktree in which a hook leaves all files alone: git is about to
write them, or an agent of ours works there, whose task is marked when it lands."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one source, and what its commits say."""

    source: Source
    said: Said
    synced: Synced
    commits: int


def is_busy(repo: Repository) -> bool:
    """Whether a hook is to leave the files of this worktree alone."""
    return any((repo.git_dir / name).exists() for name in NOT_NOW)


def sources_here(repo: Repository, wanted: str | None) -> tuple[list[Source], list[str]]:
    """The source that was named, or all that lie where such files usually do; and why some are
    left out. `UserError` where there is none."""
    if wanted is not None:
        folder = here()
        path = folder / wanted
        found = certain_source(path, folder) if wanted not in NAMES and path.exists() else None
        return [found or find_source(wanted, folder)], []
    sources, reasons = all_at_home(tuple(dialects()), repo.root, repo.head_branch() or "")
    if not sources:
        said = "; ".join(reasons) or "there is no task file where such files usually lie"
        raise UserError(f"cannot sync: {said}; try: gangsaw sync PATH" if not reasons else said)
    return sources, reasons


def outcome_of(
    repo: Repository, source: Source, since: str | None, *, dry: bool, newest_only: bool
) -> Outcome | None:
    """Bring a source up to its commits: since the id, else since the file was added. `None` where
    there is no task in it."""
    ask = asking(os.environ)
    source, read = read_best(source, ask=ask)
    if not read.items:
        return None
    head = repo.resolve("HEAD")
    if head is None:
        raise UserError("cannot sync: this branch has no commit yet; try: git commit")
    most = 1 if newest_only else COMMITS_MAX
    since = since or (None if newest_only else _since(repo, head, source))
    commits = [
        Commit(each.commit, each.at, each.message, each.trailers, each.parents > 1)
        for each in said_commits(repo, head, since, most)
    ]
    said = said_by(commits, {name: item.key for name, item in read.items.items()})
    return Outcome(source, said, sync_source(source, read, said, ask, dry=dry), len(commits))


def _since(repo: Repository, head: str, source: Source) -> str | None:
    """The commit that added the source: what was before speaks of other records."""
    path = os.path.relpath(Path(os.path.realpath(source.paths[0])), repo.root)
    return None if path.startswith("..") else added_by(repo, head, path)


# --- telling -----------------------------------------------------------------------------------


def object_of(outcome: Outcome) -> dict[str, Any]:
    """What is printed of a source with `--json`."""
    said, synced = outcome.said, outcome.synced
    return {
        "source": outcome.source.shown[0], "dialect": outcome.source.dialect,
        "commits": outcome.commits, "changed": synced.is_changed,
        "marks": [
            {"record": each.key, "standing": each.standing.value, "commit": each.commit,
             "file": each.file, "line": each.line}
            for each in synced.marks
        ],
        "kept": [{"record": key, "standing": standing.value} for key, standing in synced.kept],
        "named": _pairs(outcome, Says.NAMED), "begun": _pairs(outcome, Says.BEGUN),
        "taken_back": _records({key: each.id for key, each in said.taken_back.items()}),
        "unknown": _records({key: each.id for key, each in said.unknown.items()}),
        "refused": list(synced.refused),
    }  # fmt: skip


def _pairs(outcome: Outcome, says: Says) -> list[dict[str, str]]:
    words = outcome.said.words.items()
    return _records({key: word.commit.id for key, word in words if word.says is says})


def _records(found: dict[str, str]) -> list[dict[str, str]]:
    return [{"record": key, "commit": commit} for key, commit in found.items()]


def lines_of(outcome: Outcome, *, dry: bool) -> list[str]:
    """What is told of a source."""
    said, synced = outcome.said, outcome.synced
    name = outcome.source.shown[0]
    would = "would be " if dry else ""
    lines = [
        f"{each.file}:{each.line}: {each.key} {would}{each.standing.value} ({each.commit[:10]})"
        for each in synced.marks
    ]
    lines += [f"{name}: {key} is {how.value} there; left alone" for key, how in synced.kept]
    for key, commit in said.taken_back.items():
        lines.append(f"{name}: {key} was taken back ({commit.id[:10]}); its mark is left as it is")
    for key, commit in said.unknown.items():
        lines.append(f"{name}: there is no {key} ({commit.id[:10]})")
    named = [key for key, word in said.words.items() if word.says is Says.NAMED]
    if named:
        lines.append(f"{name}: named by commits, not said to be done: {', '.join(named)}")
    lines += [f"cannot write: {reason}" for reason in synced.refused]
    if not synced.is_changed and not synced.refused:
        lines.append(f"{name}: says already what {outcome.commits} commits say")
    return lines
