"""Questions about who needs whom: cycles, waves, chains, ancestors.

`needs` maps each task id to the ids it needs, in file order. Ids that are needed but are not keys
are ignored: naming them is the plan reader's business. Nothing here recurses, so a chain of
100,000 tasks is an ordinary input. Where an answer needs an order (`waves`, `chain_lengths`), a
cycle is a `ValueError`: an accepted plan has none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice

Needs = Mapping[str, Sequence[str]]

CYCLES_MAX = 20
"""Cycles named at most: more would not help anybody to mend a plan."""

CYCLE_STEPS_MAX = 50_000
"""Steps spent on looking for further cycles after one of each knot has been found."""


def dependants(needs: Needs) -> dict[str, tuple[str, ...]]:
    """For every task the tasks that need it, in file order, each once."""
    below: dict[str, list[str]] = {task: [] for task in needs}
    for task, wanted in needs.items():
        for parent in dict.fromkeys(wanted):
            if parent in below:
                below[parent].append(task)
    return {task: tuple(children) for task, children in below.items()}


def ancestors(needs: Needs, task: str) -> set[str]:
    """Every task that must have landed before `task` may start (without `task` itself, unless it
    is in a cycle)."""
    found: set[str] = set()
    pending = list(needs.get(task, ()))
    while pending:
        parent = pending.pop()
        if parent in needs and parent not in found:
            found.add(parent)
            pending.extend(needs[parent])
    return found


def waves(needs: Needs) -> list[list[str]]:
    """Tasks by depth: the first wave needs nothing, each later one something of the wave before.

    Ids keep their file order within a wave. Raises `ValueError` if there is a cycle.
    """
    below = dependants(needs)
    missing = {task: len({p for p in wanted if p in needs}) for task, wanted in needs.items()}
    wave = [task for task, count in missing.items() if count == 0]
    found: list[list[str]] = []
    place = {task: n for n, task in enumerate(needs)}
    seen = 0
    while wave:
        found.append(wave)
        seen += len(wave)
        freed = []
        for task in wave:
            for child in below[task]:
                missing[child] -= 1
                if missing[child] == 0:
                    freed.append(child)
        wave = sorted(freed, key=place.__getitem__)
    if seen < len(needs):
        raise ValueError("the needs form a cycle")
    return found


def topological_order(needs: Needs) -> list[str]:
    """Every task after all it needs. Raises `ValueError` if there is a cycle."""
    return [task for wave in waves(needs) for task in wave]


def chain_lengths(needs: Needs, weights: Mapping[str, int] | None = None) -> dict[str, int]:
    """Length of the longest chain from each task towards its dependants, itself included.

    Counted in tasks; with `weights`, a task counts as its weight (1 if it has none).
    Raises `ValueError` if there is a cycle.
    """
    lengths: dict[str, int] = {}
    below = dependants(needs)
    for task in reversed(topological_order(needs)):
        own = 1 if weights is None else weights.get(task, 1)
        lengths[task] = own + max((lengths[child] for child in below[task]), default=0)
    return {task: lengths[task] for task in needs}


def longest_chain(needs: Needs) -> list[str]:
    """One longest chain of tasks, each needed by the next; file order decides between equals."""
    lengths = chain_lengths(needs)
    below = dependants(needs)
    chain: list[str] = []
    choices: Collection[str] = lengths
    while choices:
        task = max(choices, key=lengths.__getitem__)
        chain.append(task)
        choices = below[task]
    return chain


def unordered_pairs(needs: Needs, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those pairs of tasks of which neither must land before the other.

    One pass over the plan with a bit for each task named in `pairs`.
    Raises `ValueError` if there is a cycle.
    """
    if not pairs:
        return []
    bit = {task: 1 << n for n, task in enumerate(dict.fromkeys(t for pair in pairs for t in pair))}
    above: dict[str, int] = {}
    for task in topological_order(needs):
        bits = 0
        for parent in needs[task]:
            if parent in above:
                bits |= above[parent] | bit.get(parent, 0)
        above[task] = bits
    return [(a, b) for a, b in pairs if not (above[a] & bit[b] or above[b] & bit[a])]


# --- cycles ------------------------------------------------------------------------------------


def find_cycles(needs: Needs) -> list[list[str]]:
    """The cycles of the needs, each once: `[a, b]` means a needs b and b needs a.

    A cycle begins with its first task in file order. Every knot of tasks that need one another is
    named by at least one cycle, a shortest one through its first task; further cycles follow, as
    far as `CYCLES_MAX` and `CYCLE_STEPS_MAX` allow.
    """
    place = {task: n for n, task in enumerate(needs)}
    knots = sorted(
        (sorted(knot, key=place.__getitem__) for knot in _knots(needs)), key=lambda k: place[k[0]]
    )
    found: dict[tuple[str, ...], None] = {}
    for knot in knots[:CYCLES_MAX]:
        found[tuple(_shortest_cycle(needs, knot))] = None
    for knot in knots[:CYCLES_MAX]:
        for cycle in _further_cycles(needs, knot, place):
            if len(found) >= CYCLES_MAX:
                break
            found[cycle] = None
    return [list(cycle) for cycle in sorted(found, key=lambda cycle: place[cycle[0]])]


def _knots(needs: Needs) -> list[list[str]]:
    """Sets of tasks that all need one another (strongly connected parts; Tarjan, iterative)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    on_stack: set[str] = set()
    knots: list[list[str]] = []
    for root in needs:
        if root in index:
            continue
        path = [(root, iter(needs[root]))]
        index[root] = low[root] = len(index)
        waiting.append(root)
        on_stack.add(root)
        while path:
            task, parents = path[-1]
            for parent in parents:
                if parent not in needs:
                    continue
                if parent not in index:
                    index[parent] = low[parent] = len(index)
                    waiting.append(parent)
                    on_stack.add(parent)
                    path.append((parent, iter(needs[parent])))
                    break
                if parent in on_stack:
                    low[task] = min(low[task], index[parent])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[task])
                if low[task] == index[task]:
                    knot = _pop_knot(waiting, on_stack, task)
                    if len(knot) > 1 or task in needs[task]:
                        knots.append(knot)
    return knots


def _pop_knot(waiting: list[str], on_stack: set[str], root: str) -> list[str]:
    """Take the finished knot of `root` off the stack."""
    start = len(waiting) - 1
    while waiting[start] != root:
        start -= 1
    knot = waiting[start:]
    del waiting[start:]
    on_stack.difference_update(knot)
    return knot


def _shortest_cycle(needs: Needs, knot: list[str]) -> list[str]:
    """A shortest cycle through the knot's first task, which comes first."""
    start, inside = knot[0], set(knot)
    came_from: dict[str, str] = {}
    wave = [start]
    while wave:
        following = []
        for task in wave:
            for parent in needs[task]:
                if parent == start:
                    cycle = [task]
                    while cycle[-1] != start:
                        cycle.append(came_from[cycle[-1]])
                    return cycle[::-1]
                if parent in inside and parent not in came_from:
                    came_from[parent] = task
                    following.append(parent)
        wave = following
    raise AssertionError("a knot has a cycle through each of its tasks")


def _further_cycles(
    needs: Needs, knot: list[str], place: Mapping[str, int]
) -> list[tuple[str, ...]]:
    """Cycles within a knot, each beginning with its first task; bounded in number and work."""
    found: list[tuple[str, ...]] = []
    inside = set(knot)
    steps = 0
    for start in islice(knot, CYCLE_STEPS_MAX):
        path, on_path = [start], {start}
        branches = [iter(dict.fromkeys(needs[start]))]
        while branches:
            parent = next(branches[-1], None)
            steps += 1
            if steps > CYCLE_STEPS_MAX or len(found) >= CYCLES_MAX:
                return found
            if parent is None:
                branches.pop()
                on_path.discard(path.pop())
            elif parent == start:
                found.append(tuple(path))
            elif parent in inside and parent not in on_path and place[parent] > place[start]:
                path.append(parent)
                on_path.add(parent)
                branches.append(iter(dict.fromkeys(needs[parent])))
    return found
