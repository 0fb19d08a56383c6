"""Needs that a dialect infers: added only where they do not contradict what a file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gangsaw.core.graph import find_cycles, unordered_pairs
from gangsaw.core.replacing import replace
from gangsaw.sources.protocol import About, Item, Need, Remark

INFERRED_MAX = 200_000
"""Inferred needs of one source; what has more is a knot that nobody could follow."""

ROUNDS_MAX = 100
"""How often cycles are looked for again after inferred needs were taken out of some."""


class Edges:
    """Gathers needs by key, each once; the first one said stands."""

    def __init__(self) -> None:
        self._needs: dict[str, dict[str, Need]] = {}
        self._inferred = 0
        self.is_full = False

    def say(self, key: str, need: Need) -> None:
        """A need that stands in the file. It outranks an inferred one."""
        known = self._needs.setdefault(key, {})
        if need.key not in known or known[need.key].why:
            known[need.key] = need

    def infer(self, key: str, need: Need) -> None:
        """A need that follows from something else than its own words, which `why` names."""
        if need.key == key:
            return
        if self._inferred >= INFERRED_MAX:
            self.is_full = True
            return
        known = self._needs.setdefault(key, {})
        if need.key not in known:
            known[need.key] = need
            self._inferred += 1

    def infer_order(self, keys: Sequence[str], later: Sequence[tuple[str, Need]]) -> None:
        """Infer those needs whose two records nothing orders yet, directly or by way of others."""
        needs = {key: tuple(self._needs.get(key, ())) for key in keys}
        pairs = [(key, need.key) for key, need in later]
        try:
            open_pairs = set(unordered_pairs(needs, pairs))
        except ValueError:  # a circle: that is told where it is found
            open_pairs = set(pairs)
        for key, need in later:
            if (key, need.key) in open_pairs:
                self.infer(key, need)

    def of(self, key: str) -> tuple[Need, ...]:
        """The needs of a record, in the order in which they were said."""
        return tuple(self._needs.get(key, {}).values())


def with_needs(items: Sequence[Item], edges: Edges) -> tuple[tuple[Item, ...], tuple[Remark, ...]]:
    """The items with their needs. An inferred need that would go round in a circle with what the
    file says is left out, and a remark says so."""
    needs = {item.key: edges.of(item.key) for item in items}
    places = {item.key: (item.line, item.document) for item in items}
    remarks: list[Remark] = []
    if edges.is_full:
        said = f"more than {INFERRED_MAX} needs follow from the order; the rest is left out"
        remarks.append(Remark(About.FAULT, 1, said, "split the file"))
    for _ in range(ROUNDS_MAX):
        cut = _inferred_in_cycles(needs)
        if not cut:
            break
        for key, need in cut:
            needs[key] = tuple(each for each in needs[key] if each is not need)
            said = f"{key} does not wait for {need.key} ({need.why}): that one waits for {key}"
            line, document = places[key]
            remedy = "say with words which comes first"
            remarks.append(Remark(About.NOTE, line, said, remedy, document=document))
    return tuple(replace(item, needs=needs[item.key]) for item in items), tuple(remarks)


def _inferred_in_cycles(needs: Mapping[str, Sequence[Need]]) -> list[tuple[str, Need]]:
    """For each cycle found, its inferred need of the last line."""
    found: dict[tuple[str, str], tuple[str, Need]] = {}
    cut: set[tuple[str, str]] = set()
    for cycle in find_cycles({key: [need.key for need in each] for key, each in needs.items()}):
        steps = list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
        if cut.intersection(steps):
            continue  # it is none any more
        guesses = [
            (key, need)
            for key, wanted in steps
            for need in needs[key]
            if need.key == wanted and need.why
        ]
        if guesses:
            key, need = max(guesses, key=lambda guess: guess[1].line)
            cut.add((key, need.key))
            found[key, need.key] = (key, need)
    return list(found.values())
