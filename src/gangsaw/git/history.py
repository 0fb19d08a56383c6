"""What the commits of a branch say: their messages and trailers, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gangsaw.git.repository import Repository

LANDED = "gangsaw-task"
"""The trailer of a task's landing; of a merge, the first parent is what it was merged into."""

_FIELDS = 5
_FORMAT = "%H%x00%P%x00%ct%x00%(trailers:only,unfold,separator=%x1e)%x00%B"


@dataclass(frozen=True, slots=True)
class CommitSaid:
    """A commit: when it was made (epoch seconds), how many parents it has, its message, and of its
    trailers names and values. `is_inner`: it came with the landing of a task and no other way; who
    made it was an agent of ours, and the landing's own commit speaks for it."""

    commit: str
    parents: int
    at: float
    message: str
    trailers: tuple[tuple[str, str], ...]
    is_inner: bool = False


def said_commits(
    repo: Repository, tip: str, since: str | None, most: int
) -> tuple[CommitSaid, ...]:
    """The commits that `tip` contains and `since` does not (both ids; `None`: all), at most so
    many, each before its parents."""
    exclude = [f"^{since}"] if since is not None else []
    out = repo.git(
        "log", "-z", "--topo-order", f"--max-count={most}", f"--format={_FORMAT}", tip, *exclude,
        "--",
    )  # fmt: skip
    return tuple(_commits(out.fields, tip))


def added_by(repo: Repository, tip: str, path: str) -> str | None:
    """The newest commit of `tip` that added the file at this path of the repository; None where it
    is in none."""
    out = repo.git("log", "-1", "--diff-filter=A", "--format=%H", tip, "--", f":(literal){path}")
    return out.text or None


def _commits(fields: Sequence[str], tip: str) -> Iterator[CommitSaid]:
    outer = {tip}  # what is reached without going into the work that a landing has merged
    for n in range(0, len(fields) - _FIELDS + 1, _FIELDS):
        commit, parents, at, trailers, message = fields[n : n + _FIELDS]
        pairs = (line.partition(":") for line in trailers.split("\x1e") if line)
        named = tuple((name.strip(), value.strip()) for name, _, value in pairs)
        ids = parents.split()
        is_inner = commit not in outer
        if not is_inner:
            is_landing = any(name.lower() == LANDED for name, _ in named)
            outer.update(ids[:1] if is_landing else ids)
        yield CommitSaid(commit, len(ids), float(at or 0), message, named, is_inner)
