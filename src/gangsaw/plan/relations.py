"""What is checked between tasks: needs that name nothing, cycles, scopes that meet."""

from __future__ import annotations

from collections.abc import Sequence

from gangsaw.core.graph import find_cycles, unordered_pairs
from gangsaw.core.model import Plan, Task
from gangsaw.core.scopes import overlaps, plain_prefix
from gangsaw.plan.complaint import Findings, Path, did_you_mean, listed, shown

PAIRS_LOOKED_AT_MAX = 100_000
"""Pairs of tasks whose scopes are compared."""

PAIRS_FOUND_MAX = 2_000
"""Overlapping pairs whose order is looked up."""

PAIRS_NAMED_MAX = 10
"""Overlapping pairs that get a warning of their own."""

CYCLE_NAMES_MAX = 30
"""Members of a cycle that are named; of longer ones the ends."""

NeedsOf = Sequence[tuple[int, str, list[tuple[int, str]]]]
"""For each task its position, its id, and the ids it needs with their positions."""


def check_needs(
    tasks: NeedsOf, errors: Findings, warnings: Findings, *, complete: bool
) -> dict[str, tuple[str, ...]]:
    """The needs of every task, each once, after noting what is wrong with them.

    `complete` says that every task of the file has a legal id; otherwise a need that names no
    known task may mean one of those, and is noted only if a known id is near.
    """
    known = {task for _, task, _ in tasks}
    needs: dict[str, tuple[str, ...]] = {}
    places: dict[tuple[str, str], Path] = {}
    for n, task, wanted in tasks:
        kept: dict[str, None] = {}
        for k, need in wanted:
            path: Path = ("tasks", n, "needs", k)
            if need == task:
                errors.add(path, f"the task {shown(task)} needs itself", "remove it")
            elif need not in known:
                guess = did_you_mean(need, known - {task})
                if guess or complete:
                    remedy = guess or f"tasks here: {listed(sorted(known))}"
                    errors.add(path, f"no task is called {shown(need)}", remedy)
            elif need in kept:
                warnings.add(path, f"{shown(need)} is needed twice", "remove one")
            else:
                kept[need] = None
                places[task, need] = path
        needs.setdefault(task, tuple(kept))
    for cycle in find_cycles(needs):
        said = f"a cycle: {_round(cycle)}"
        path = places[cycle[0], cycle[1]]
        errors.add(path[:-1], said, "each needs the next; remove one of these needs")
    return needs


def _round(cycle: list[str]) -> str:
    names = [*cycle, cycle[0]]
    if len(names) > CYCLE_NAMES_MAX:
        half = CYCLE_NAMES_MAX // 2
        names = [*names[:half], f"… {len(names) - 2 * half} more …", *names[-half:]]
    return " → ".join(names)


# --- scopes ------------------------------------------------------------------------------------


def serialised_pairs(plan: Plan) -> list[tuple[Task, Task]]:
    """Pairs of tasks, in file order, whose scopes meet although nothing orders the two.

    Tasks of one track are left out: they run one at a time anyway. At most `PAIRS_FOUND_MAX`.
    """
    tasks = {task.id: task for task in plan.tasks}
    found = [(a, b) for a, b in _meeting(plan.tasks) if not (a.track and a.track == b.track)]
    needs = {task.id: task.needs for task in plan.tasks}
    pairs = unordered_pairs(needs, [(a.id, b.id) for a, b in found])
    return [(tasks[a], tasks[b]) for a, b in pairs]


def _meeting(tasks: Sequence[Task]) -> list[tuple[Task, Task]]:
    """Pairs whose scopes meet, found by their plain beginnings so that few are compared."""
    exactly: dict[tuple[str, ...], list[int]] = {}
    below: dict[tuple[str, ...], list[int]] = {}
    pairs: set[tuple[int, int]] = set()
    found: list[tuple[int, int]] = []
    for n, task in enumerate(tasks):
        prefixes = {plain_prefix(entry) for entry in task.scope}
        for prefix in prefixes:
            near = [exactly.get(prefix[:k], ()) for k in range(len(prefix) + 1)]
            for m in (m for group in (*near, below.get(prefix, ())) for m in group):
                if (m, n) in pairs:
                    continue
                if len(pairs) >= PAIRS_LOOKED_AT_MAX or len(found) >= PAIRS_FOUND_MAX:
                    return [(tasks[a], tasks[b]) for a, b in sorted(found)]
                pairs.add((m, n))
                if overlaps(tasks[m].scope, task.scope):
                    found.append((m, n))
        for prefix in prefixes:
            exactly.setdefault(prefix, []).append(n)
            for k in range(len(prefix)):
                below.setdefault(prefix[:k], []).append(n)
    return [(tasks[a], tasks[b]) for a, b in sorted(found)]


def shared_entry(a: Task, b: Task) -> str:
    """Where the two scopes meet: the narrower of the first two entries that do."""
    meeting = ((x, y) for y in b.scope for x in a.scope if overlaps((x,), (y,)))
    x, y = next(meeting)
    return x if len(plain_prefix(x)) >= len(plain_prefix(y)) else y


def overlap_warnings(plan: Plan, warnings: Findings) -> None:
    """Say which tasks will be held for one another because both may change the same path."""
    pairs = serialised_pairs(plan)
    place = {task.id: n for n, task in enumerate(plan.tasks)}
    for a, b in pairs[:PAIRS_NAMED_MAX]:
        said = (
            f"{shown(a.id)} and {shown(b.id)} both claim {shared_entry(a, b)}"
            " and will be run one after the other"
        )
        remedy = f"to choose the order, write needs: [{a.id}]"
        warnings.add(("tasks", place[b.id], "scope"), said, remedy)
    if rest := pairs[PAIRS_NAMED_MAX:]:
        count = f"{len(rest)} or more" if len(pairs) >= PAIRS_FOUND_MAX else str(len(rest))
        first = rest[0][1]
        said = (
            f"{count} more pairs of tasks claim the same paths and will be run one after the other"
        )
        warnings.add(("tasks", place[first.id], "scope"), said, "choose orders with needs")


def unchecked_warning(plan: Plan, warnings: Findings, remedy: str) -> None:
    """Say which tasks have nothing that could prove them wrong, and what to do about it."""
    bare = [n for n, task in enumerate(plan.tasks) if not task.checks]
    if not bare:
        return
    names = listed(plan.tasks[n].id for n in bare)
    verb = "has no checks and lands" if len(bare) == 1 else "have no checks and land"
    who = f"{len(bare)} tasks ({names})" if len(bare) > 1 else shown(names)
    said = f"{who} {verb} on the agent's word alone"
    warnings.add((), said, remedy)
