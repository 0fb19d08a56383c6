"""What a landed task looks like in the history: a merge, one squashed commit, or its own commits.

Whatever the shape, the tree is the one that merging gives: that one is checked. The two shapes that
make new commits of the agent's keep their authors and trailers, and say in `Gangsaw-Work` which
commit they were made from. A row of commits is numbered by `Gangsaw-Part: 2/3`, so that an undo
finds where it began; only its last commit has been tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gangsaw.git.repository import Repository
from gangsaw.git.runner import WRITE_TIMEOUT_S

WORK = "Gangsaw-Work"
PART = "Gangsaw-Part"
SUBJECTS_MAX = 50
"""Subjects of an agent's commits that a squashed one lists."""

_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%B%x00%(trailers:only,unfold,separator=%x1e)"
_DATE = re.compile(r"[0-9]{1,10} [+-][0-9]{4}")
_TRAILER = re.compile(r"[A-Za-z0-9-]+: .+")


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a commit, and when, as git takes it; an empty date is left to the caller."""

    name: str
    email: str
    date: str = ""

    def environment(self) -> dict[str, str]:
        """The variables that make git write it."""
        env = {"GIT_AUTHOR_NAME": self.name, "GIT_AUTHOR_EMAIL": self.email}
        return env | ({"GIT_AUTHOR_DATE": self.date} if self.date else {})


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of an agent's work."""

    commit: str
    tree: str
    parents: tuple[str, ...]
    author: Author | None
    message: str
    trailers: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The first line of its message."""
        return self.message.strip().split("\n")[0].strip()


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit that is to be made: its tree, its message, and its author unless the user's."""

    tree: str
    message: str
    author: Author | None


def steps_of(repo: Repository, onto: str, work: str) -> tuple[Step, ...]:
    """The commits that `work` has and `onto` has not, oldest first."""
    fields = repo.git(
        "-c", "i18n.logOutputEncoding=UTF-8", "log", "-z", "--reverse", "--topo-order",
        "--date=raw", f"--format={_FORMAT}", work, f"^{onto}",
        timeout_s=WRITE_TIMEOUT_S,
    ).fields  # fmt: skip
    return tuple(_step(fields[at : at + 8]) for at in range(0, len(fields), 8))


def _step(fields: tuple[str, ...]) -> Step:
    commit, tree, parents, name, email, date, message, trailers = fields
    # An author without a name, or of a date before 1970, cannot be written again.
    sound = name.strip(" .,:;<>\"\\'") and _DATE.fullmatch(date)
    author = Author(name, email, f"@{date}") if sound else None
    lines = tuple(line for line in trailers.split("\x1e") if _TRAILER.fullmatch(line.strip()))
    return Step(commit, tree, tuple(parents.split()), author, message, lines)


def squashed(tree: str, message: str, work: str, steps: tuple[Step, ...], why: str = "") -> Draft:
    """All of the work as one commit. `why` says why it is not what was asked for."""
    title, own = _split(message)
    subjects = [f"* {step.subject or '(no subject)'}" for step in steps[:SUBJECTS_MAX]]
    if len(steps) > SUBJECTS_MAX:
        subjects.append(f"* and {len(steps) - SUBJECTS_MAX} more")
    author = next((step.author for step in steps if step.author), None)
    others = (step.author for step in steps if step.author)
    together = [
        f"Co-authored-by: {other.name} <{other.email}>"
        for other in others
        if author and other.email != author.email
    ]
    named = [line for step in steps for line in step.trailers]
    trailers = _once([*_agents(named), *together, *own, f"{WORK}: {work}"])
    blocks = [title, "\n".join(subjects), why, "\n".join(trailers)]
    return Draft(tree, "\n\n".join(block for block in blocks if block) + "\n", author)


def replayed(
    repo: Repository,
    onto: str,
    tree: str,
    message: str,
    work: str,
    steps: tuple[Step, ...],
    pick: Callable[[str, Step], str | None],
) -> tuple[Draft, ...] | str:
    """The work as a row of commits on `onto` that ends with `tree`; or why that cannot be.

    `pick(before, step)` is the tree of the step done on a tree, or `None` where it conflicts.
    What changes nothing there is left out.
    """
    merges = [step for step in steps if len(step.parents) != 1]
    if merges:
        return f"it contains the merge {merges[0].commit[:12]}"
    made: list[tuple[str, Step]] = []
    before = repo.tree_of(onto)
    for step in steps:
        after = pick(before, step)
        if after is None:
            return f"{step.commit[:12]} does not apply by itself"
        if after != before:
            made.append((after, step))
        before = after
    if before != tree:
        return "its commits one by one give other files than merging it"
    if not made:
        return "it changes nothing"
    own = _split(message)[1]
    return tuple(
        Draft(
            after,
            _numbered(step, own, work, number, len(made), _split(message)[0]),
            step.author,
        )
        for number, (after, step) in enumerate(made, 1)
    )


def _numbered(step: Step, own: list[str], work: str, number: int, count: int, title: str) -> str:
    """The agent's own message, with our trailers below its own."""
    lines = (step.message.strip() or title).split("\n")
    kept = [line for line in lines if not line.lower().startswith("gangsaw-")] or [title]
    added = [*own, f"{PART}: {number}/{count}"] + ([f"{WORK}: {work}"] if number == count else [])
    gap = [] if _agents(step.trailers) else [""]
    return "\n".join(("\n".join(kept).rstrip(), *gap, *added)) + "\n"


def length(repo: Repository, landed: str) -> int:
    """How many commits the landing that ends with this commit consists of, on the first-parent
    line: 1, or what its `Gangsaw-Part` says."""
    out = repo.git(
        "log", "-1", "--no-walk", f"--format=%(trailers:key={PART},valueonly,separator=%x00)",
        landed,
    )  # fmt: skip
    last = out.fields[-1].strip() if out.fields else ""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", last)
    return int(found[2]) if found and found[1] == found[2] else 1


def landed_works(repo: Repository, branches: Iterable[str], since: float) -> tuple[str, ...]:
    """The agents' commits from which commits of these branches were made anew, since then (epoch
    seconds), as far as they still exist."""
    out = repo.git(
        "log", f"--since=@{int(since)}", "--grep", f"^{WORK}: ",
        f"--format=%(trailers:key={WORK},valueonly,separator=%x0A)", *branches, "--",
        timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    ids = {line for line in out.text.split("\n") if re.fullmatch(r"[0-9a-f]{40,64}", line)}
    if not ids:
        return ()
    known = repo.git(
        "cat-file", "--batch-check=%(objectname) %(objecttype)",
        stdin="".join(f"{name}\n" for name in sorted(ids)).encode(),
    )  # fmt: skip
    pairs = (line.split(" ") for line in known.text.split("\n"))
    return tuple(name for name, kind, *_ in pairs if kind == "commit")


def _split(message: str) -> tuple[str, list[str]]:
    """What we say ourselves: everything before the trailers, and the trailers."""
    text, _, last = message.strip().rpartition("\n\n")
    lines = last.split("\n")
    if text and all(_TRAILER.fullmatch(line) for line in lines):
        return text, lines
    return message.strip(), []


def _agents(lines: Iterable[str]) -> list[str]:
    """Trailers of an agent's, without any that only we may write."""
    return [line.strip() for line in lines if not line.strip().lower().startswith("gangsaw-")]


def _once(lines: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for line in lines:
        found.setdefault(line.lower(), line)
    return list(found.values())
