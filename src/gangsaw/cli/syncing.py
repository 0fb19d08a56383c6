"""What `gangsaw sync` works on: the sources, and the commits that speak of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from gangsaw.cli.clock import steady_s
from gangsaw.cli.place import here, home_of
from gangsaw.core.errors import UserError
from gangsaw.engine.asking import asking
from gangsaw.git import Repository
from gangsaw.git.history import added_by, said_commits
from gangsaw.sources import (
    Source,
    SourceRead,
    certain_source,
    dialects,
    find_source,
    place_in,
    read_best,
)
from gangsaw.sources.place import belonging
from gangsaw.sources.programs import Answered, Ask, Call, Unanswered, remembering
from gangsaw.sources.references import Commit, Said, Says, may_speak, name_of, said_by
from gangsaw.sources.registry import NAMES
from gangsaw.sources.syncing import Synced, all_at_home, doubts, shared_words, sync_source

COMMITS_MAX = 10_000
"""Commits that are read, the newest."""

HOOK_TIMEOUT_S = 10.0
"""How long programs that keep records may take together while `git commit` waits."""

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


def asking_of_hook(environ: Mapping[str, str], *, within_s: float = HOOK_TIMEOUT_S) -> Ask:
    """Asks programs, all calls together within so many seconds."""
    end = steady_s() + within_s

    def ask(call: Call) -> Answered | Unanswered:
        left_s = end - steady_s()
        if left_s <= 0:
            return Unanswered(f"a hook may not take more than {within_s:g} s")
        return asking(environ, timeout_s=left_s)(call)

    return ask


def sources_here(repo: Repository, wanted: str | None) -> tuple[list[Source], list[str]]:
    """The source that was named, or all that lie where such files usually do; and why some are
    left out. `UserError` where there is none."""
    if wanted is not None:
        folder = here()
        if wanted not in NAMES and (folder / wanted).exists():
            found = certain_source(Path(wanted), folder)
            if found is not None:
                return [found], []
        return [find_source(wanted, folder, home_of(repo))], []
    sources, reasons = all_at_home(tuple(dialects()), repo.root, repo.head_branch() or "")
    if not sources:
        said = "; ".join(reasons) or "there is no task file where such files usually lie"
        raise UserError(f"cannot sync: {said}; try: gangsaw sync PATH" if not reasons else said)
    return sources, reasons


@dataclass(frozen=True, slots=True)
class _Read:
    """A source that was read, with the commits that may speak of it, and what they say."""

    source: Source
    read: SourceRead
    commits: tuple[Commit, ...]
    said: Said

    def anew(self, root: Path, unclear: Collection[tuple[str, str]]) -> _Read:
        """The same without the words that do not count."""
        said = _said(self.source, self.read, self.commits, root, unclear)
        return replace(self, said=said)


def outcomes_of(
    repo: Repository, sources: Sequence[Source], since: str | None, ask: Ask, *,
    dry: bool, newest_only: bool, is_named: bool,
) -> tuple[list[Outcome], list[str], list[str]]:  # fmt: skip
    """Bring sources up to their commits: since the id, else since each was added; also which could
    not be read, and what of the words nobody can tell the file of. Of a source that was named all
    words are; it has to be readable. Sources without a task have no outcome."""
    head = repo.resolve("HEAD")
    if head is None:
        raise UserError("cannot sync: this branch has no commit yet; try: git commit")
    ask = remembering(ask)
    said_since = cache(lambda start: _commits(repo, head, start, 1 if newest_only else COMMITS_MAX))
    if newest_only and not any(map(may_speak, said_since(None))):
        return [], [], []
    reads: list[_Read] = []
    unread = []
    for each in sources:
        try:
            source, read = read_best(each, ask=ask, no_copy=True)
        except UserError as error:
            if is_named:
                raise
            unread.append(error.text)
            continue
        if read.items:
            start = since or (None if newest_only else _since(repo, head, source))
            commits = said_since(start)
            said = _said(source, read, commits, repo.root, ())
            reads.append(_Read(source, read, commits, said))
    shared = shared_words(
        [each.source for each in reads], [each.said for each in reads], repo.head_branch() or ""
    )
    reads = [each.anew(repo.root, pairs) if pairs else each
             for each, pairs in zip(reads, shared.unclear, strict=True)]  # fmt: skip
    unclear = doubts(
        [each.source for each in reads], [each.read for each in reads],
        [each.said for each in reads], shared,
    )  # fmt: skip
    spoken = set().union(*(each.said.spoken for each in reads))
    for one in reads:
        for name, commit in list(one.said.unknown.items()):
            if (commit.id, name_of(name)) in spoken:  # it is in another of these files
                del one.said.unknown[name]
    found = [
        Outcome(each.source, each.said,
                sync_source(each.source, each.read, each.said, ask, dry=dry), len(each.commits))
        for each in reads
    ]  # fmt: skip
    return found, unread, unclear


def _said(
    source: Source, read: SourceRead, commits: Sequence[Commit], root: Path,
    unclear: Collection[tuple[str, str]],
) -> Said:  # fmt: skip
    ids = {name: item.key for name, item in read.items.items()}
    return said_by(commits, ids, belonging(source, root), unclear)


def _commits(repo: Repository, head: str, since: str | None, most: int) -> tuple[Commit, ...]:
    return tuple(
        Commit(each.commit, each.at, each.message, each.trailers, each.parents > 1, each.is_inner)
        for each in said_commits(repo, head, since, most)
    )


def _since(repo: Repository, head: str, source: Source) -> str | None:
    """The commit that added the source: what was before speaks of other records."""
    path = place_in(repo.root, source.paths[0])
    return added_by(repo, head, path) if path else None


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


def _what_they_say(outcome: Outcome) -> str:
    return "1 commit says" if outcome.commits == 1 else f"{outcome.commits} commits say"


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
        lines.append(f"{name}: says already what {_what_they_say(outcome)}")
    return lines
