"""What some commits have that others have not: by one walk for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S

COMMITS_MAX = 20_000
_RECORD = "\x1e"


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of the walk: its date (epoch seconds), its parents, path and blob of each file
    that it has otherwise than all of its parents (no blob: deleted)."""

    at: int
    parents: tuple[str, ...]
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """The commits of a walk."""

    commits: Mapping[str, Step]

    def below(self, tip: str) -> dict[str, None]:
        """The commit and all its ancestors in the walk, newest first."""
        found: dict[str, None] = {}
        queue = [tip]
        for commit in queue:
            if commit in self.commits and commit not in found:
                found[commit] = None
                queue.extend(self.commits[commit].parents)
        return found

    def files(self, tip: str) -> dict[str, str]:
        """Path → newest blob of everything that the commit brings."""
        found: dict[str, str] = {}
        for commit in self.below(tip):
            for path, blob in self.commits[commit].files:
                found.setdefault(path, blob)
        return found


def reach_of(repo: Repository, tips: Sequence[str], known: Iterable[str]) -> Reach:
    """The walk from the tips to what `known` contains, at most `COMMITS_MAX` commits."""
    if not tips:
        return Reach({})
    lines = [*tips, *(f"^{ref}" for ref in known)]
    out = repo.git(
        "log", f"--max-count={COMMITS_MAX}", "--stdin", "-z", "--raw", "--no-abbrev",
        "--no-renames", "--root", "--diff-merges=combined", f"--format={_RECORD}%H%x00%P%x00%ct",
        stdin="".join(f"{line}\n" for line in lines).encode(), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    found: dict[str, Step] = {}
    for record in "\0".join(out.fields).split(_RECORD)[1:]:
        commit, parents, at, *rest = record.split("\0")
        when, _, first = at.partition("\n")
        found[commit] = Step(int(when), tuple(parents.split()), _files([first, *rest]))
    return Reach(found)


def _files(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Of raw diff lines path and new blob: `:` once per parent, modes, ids, letters; the path."""
    found: list[tuple[str, str]] = []
    waiting: str | None = None
    for word in words:
        text = word.removeprefix("\n")
        if waiting is not None:
            found.append((text, "" if set(waiting) == {"0"} else waiting))
            waiting = None
        elif text.startswith(":"):
            colons = len(text) - len(text.lstrip(":"))
            waiting = text.lstrip(":").split(" ")[2 * colons + 1]
    return tuple(found)


def sizes_of(repo: Repository, blobs: Iterable[str]) -> dict[str, int]:
    """Bytes of each blob that is in the repository."""
    lines = "".join(f"{blob}\n" for blob in sorted(set(blobs)) if blob)
    if not lines:
        return {}
    out = repo.git(
        "cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer",
        stdin=lines.encode(), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    rows = (line.split(" ") for line in out.text.split("\n"))
    return {row[0]: int(row[1]) for row in rows if row[1].isdecimal()}
