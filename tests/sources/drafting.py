"""Random backlogs, each within what one kind of task file can express."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from gangsaw.core.model import Check, Review, Stage, Task
from gangsaw.plan.standings import SETTLED
from gangsaw.sources import Standing
from gangsaw.sources.drafts import Draft, words_of
from gangsaw.sources.registry import expressed

WORDS = ("Write", "parser", "page", "names", "the", "of", "schema", "new", "über", "two", "läuft")
COMMANDS = ("pytest -q", "ruff check .", "npm test", "cargo test --all", "make lint")
LEVELS = (0, 2, 5, 8, 9)

PRIORITIES = {
    "fixes": st.sampled_from([0, 6, 7, 8, 9, 10]),
    "beads": st.integers(0, 4),
    "taskmaster": st.sampled_from(LEVELS[1:]),
    "backlog": st.sampled_from(LEVELS),
    "prd": st.integers(0, 100),
    "csv": st.integers(0, 999),
    "table": st.integers(0, 999),
    "plan": st.integers(-1_000_000, 1_000_000),
}
LINES = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="\\") | st.just(" "),
    min_size=1,
    max_size=30,
).map(str.strip).filter(bool)  # fmt: skip
FREE = ("plan", "beads", "workstreams", "taskmaster", "prd", "csv")
"""Kinds in which a text may hold anything."""

IDS = {
    "speckit": "T{:03}",
    "roadmap": "A-{}",
    "fixes": "FIX-{:03}",
    "backlog": "task-{}",
    "checklist": "TASK-{}",
    "issuelist": "{}",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One or several kinds at once: what all of them can express."""

    names: tuple[str, ...]

    @property
    def keys(self) -> set[str]:
        """What all have a place for."""
        return set.intersection(*(set(expressed(name)) for name in self.names))

    @property
    def is_free(self) -> bool:
        """Whether texts may hold anything."""
        return set(self.names) <= set(FREE)

    def id_of(self, n: int) -> str:
        """An id that all of them keep."""
        styles = [IDS[name] for name in self.names if name in IDS]
        return (styles[0] if styles else "t{}").format(n)


def titles() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)


@st.composite
def tasks(draw: st.DrawFn, kind: Kind, n: int) -> Task:
    keys = kind.keys
    plain = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
    lines = draw(st.lists(LINES if kind.is_free else plain, max_size=3)) if "prompt" in keys else []
    title = f"{draw(titles())} {n}"
    ranges = [PRIORITIES[name] for name in kind.names if "priority" in keys]
    given: dict[str, Any] = {}
    if len(ranges) == 1 or (ranges and "plan" in kind.names):
        given["priority"] = draw(ranges[-1] if kind.names[-1] != "plan" else ranges[0])
    if "track" in keys and "fixes" not in kind.names:
        tracks = ("IMP-A", "IMP-B", "OVR") if "speckit" in kind.names else ("web", "a b", "db")
        given["track"] = draw(st.none() | st.sampled_from(tracks))
    for key in keys & {"agent", "model"}:
        given[key] = draw(st.none() | st.sampled_from(["claude", "codex", "x-1"]))
    if "scope" in keys:
        given["scope"] = tuple(draw(st.lists(st.sampled_from(["src/", "a/b.py", "docs/*.md"]),
                                             unique=True)))  # fmt: skip
    if "checks" in keys:
        most = 1 if "taskmaster" in kind.names else 3
        lines_ = draw(st.lists(st.sampled_from(COMMANDS), unique=True, max_size=most))
        given["checks"] = tuple(Check(line, ("sh", "-c", line)) for line in lines_)
    if "estimate_s" in keys:
        given["estimate_s"] = draw(st.none() | st.integers(1, 999).map(lambda m: m * 60.0))
    if "attempts" in keys:
        given["attempts"] = draw(st.none() | st.integers(1, 9))
    if "timeout_s" in keys:
        given["timeout_s"] = draw(st.none() | st.integers(1, 9999).map(float))
    if "reviewer" in keys:
        given |= draw(ours())
    return Task(kind.id_of(n), title, words_of(title, "\n".join(lines)), **given)


def ours() -> st.SearchStrategy[dict[str, Any]]:
    """What only a plan has a place for."""
    stages = st.lists(st.sampled_from(list(Stage)), unique=True).map(
        lambda found: tuple(stage for stage in Stage if stage in {*found, Stage.WORK})
    )
    return st.fixed_dictionaries(
        {
            "reviewer": st.none() | st.just("codex"),
            "stages": stages,
            "review": st.sampled_from(list(Review)),
            "alone": st.booleans(),
            "role": st.none() | st.just("planner"),
            "budget_usd": st.none() | st.sampled_from([0.0, 2.5]),
            "budget_tokens": st.none() | st.integers(0, 10**6),
            "env": st.sampled_from([(), (("A", "b c"), ("N", "1"))]),
        }
    )


@st.composite
def drafts(draw: st.DrawFn, kind: Kind, most: int = 6) -> Draft:
    """A backlog that every one of these kinds can express."""
    count = draw(st.integers(1, most))
    found = [draw(tasks(kind, n)) for n in range(1, count + 1)]
    goal = draw(st.just("") | titles()) if "goal" in kind.keys else ""
    some = [Standing.OPEN, Standing.DONE] if "prd" in kind.names else list(Standing)
    if "issuelist" in kind.names:
        some = [each for each in some if each is not Standing.RUNNING]
    standings = {task.id: draw(st.sampled_from(some)) for task in found}
    if "roadmap" in kind.names:
        found = draw(in_groups(found, standings))
        standings = dict(zip([task.id for task in found], standings.values(), strict=True))
    else:
        for n, task in enumerate(found):
            before = [each.id for each in found[:n]]
            needs = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
            found[n] = replace(task, needs=tuple(needs))
    return settled(Draft(goal, tuple(found), standings))


@st.composite
def in_groups(draw: st.DrawFn, found: list[Task], standings: dict[str, Standing]) -> list[Task]:
    """The tasks with ids and needs of a roadmap: each group waits for whole groups."""
    groups: list[list[int]] = [[]]
    for n in range(len(found)):
        begins: bool = draw(st.booleans())
        if groups[-1] and begins:
            groups.append([])
        groups[-1].append(n)
    result: list[Task] = []
    for group, members in enumerate(groups):
        chosen: list[int] = draw(st.lists(st.integers(0, max(0, group - 1)), unique=True))
        waits = [k for k in chosen if k < group]
        needs = tuple(result[n].id for k in waits for n in groups[k])
        for number, n in enumerate(members, 1):
            result.append(replace(found[n], id=f"{chr(65 + group)}-{number}", needs=needs))
    return result


def settled(draft: Draft) -> Draft:
    """The draft without needs that nobody has."""
    gone = {name for name, standing in draft.standings.items() if standing in SETTLED}
    return replace(
        draft,
        tasks=tuple(
            replace(
                task,
                needs=() if task.id in gone else tuple(n for n in task.needs if n not in gone),
            )
            for task in draft.tasks
        ),
    )
