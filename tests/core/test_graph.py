"""The graph questions, as tables and against slow and obvious answers."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.core import graph

DIAMOND: dict[str, tuple[str, ...]] = {
    "schema": (),
    "api": ("schema",),
    "ui": ("schema",),
    "docs": (),
    "e2e": ("api", "ui"),
}


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool) -> dict[str, list[str]]:
    names = [f"t{n}" for n in range(draw(st.integers(0, 6)))]
    needs: dict[str, list[str]] = {}
    for n, name in enumerate(names):
        allowed = names[:n] if acyclic else names
        needs[name] = draw(st.lists(st.sampled_from(allowed), max_size=4)) if allowed else []
    order = draw(st.permutations(names))
    return {name: needs[name] for name in order}


def paths_up(needs: dict[str, list[str]], task: str) -> set[str]:
    found: set[str] = set()
    for _ in needs:
        found |= {p for t in found | {task} for p in needs[t]}
    return found


def all_cycles(needs: dict[str, list[str]]) -> set[tuple[str, ...]]:
    place = {task: n for n, task in enumerate(needs)}
    cycles = set()
    for size in range(1, len(needs) + 1):
        for members in combinations(needs, size):
            first = min(members, key=place.__getitem__)
            rest = [task for task in members if task != first]
            for order in permutations(rest):
                cycle = (first, *order)
                if all(b in needs[a] for a, b in zip(cycle, (*cycle[1:], first), strict=True)):
                    cycles.add(cycle)
    return cycles


def test_waves_keep_file_order() -> None:
    assert graph.waves(DIAMOND) == [["schema", "docs"], ["api", "ui"], ["e2e"]]


def test_dependants_once_each_and_only_known() -> None:
    needs = {"a": ["b", "b", "gone"], "b": []}
    assert graph.dependants(needs) == {"a": (), "b": ("a",)}


def test_chain_lengths_and_weights() -> None:
    assert graph.chain_lengths(DIAMOND) == {"schema": 3, "api": 2, "ui": 2, "docs": 1, "e2e": 1}
    assert graph.chain_lengths(DIAMOND, {"docs": 9, "e2e": 5})["schema"] == 7
    assert graph.longest_chain(DIAMOND) == ["schema", "api", "e2e"]


def test_a_cycle_has_no_waves() -> None:
    with pytest.raises(ValueError, match="cycle"):
        graph.waves({"a": ["b"], "b": ["a"]})


def test_empty() -> None:
    assert graph.waves({}) == []
    assert graph.find_cycles({}) == []
    assert graph.longest_chain({}) == []


@given(graphs(acyclic=True))
def test_waves_are_depths(needs: dict[str, list[str]]) -> None:
    depth: dict[str, int] = {}
    for n, wave in enumerate(graph.waves(needs)):
        depth |= dict.fromkeys(wave, n)
    assert depth.keys() == needs.keys()
    for task, parents in needs.items():
        assert depth[task] == max((depth[p] + 1 for p in parents), default=0)


@given(graphs(acyclic=True))
def test_chain_lengths_are_longest_paths(needs: dict[str, list[str]]) -> None:
    def length(task: str) -> int:
        return 1 + max((length(c) for c in needs if task in needs[c]), default=0)

    lengths = graph.chain_lengths(needs)
    assert lengths == {task: length(task) for task in needs}
    chain = graph.longest_chain(needs)
    assert len(chain) == max(lengths.values(), default=0)
    assert all(a in needs[b] for a, b in pairwise(chain))


@given(graphs(acyclic=False))
def test_ancestors_are_all_that_is_reached(needs: dict[str, list[str]]) -> None:
    for task in needs:
        assert graph.ancestors(needs, task) == paths_up(needs, task)


@given(graphs(acyclic=True))
def test_unordered_pairs_have_no_path(needs: dict[str, list[str]]) -> None:
    pairs = list(combinations(needs, 2))
    free = [(a, b) for a, b in pairs if a not in paths_up(needs, b) and b not in paths_up(needs, a)]
    assert graph.unordered_pairs(needs, pairs) == free


@given(graphs(acyclic=False))
def test_cycles_are_real_and_each_named_once(needs: dict[str, list[str]]) -> None:
    found = [tuple(cycle) for cycle in graph.find_cycles(needs)]
    every = all_cycles(needs)
    assert len(found) == len(set(found))
    assert set(found) <= every
    if len(every) < graph.CYCLES_MAX:
        assert set(found) == every


def test_many_cycles_are_bounded_and_every_knot_is_named() -> None:
    knot = [f"k{n}" for n in range(30)]
    needs: dict[str, list[str]] = {task: [t for t in knot if t != task] for task in knot}
    needs |= {"x": ["y"], "y": ["x"]}
    found = graph.find_cycles(needs)
    assert len(found) == graph.CYCLES_MAX
    assert ["x", "y"] in found


def test_a_hundred_thousand_in_a_row() -> None:
    size = 100_000
    needs = {f"t{n}": ([f"t{n - 1}"] if n else []) for n in range(size)}
    assert len(graph.waves(needs)) == size
    assert graph.chain_lengths(needs)["t0"] == size
    assert graph.find_cycles(needs) == []
    assert len(graph.ancestors(needs, f"t{size - 1}")) == size - 1
    needs["t0"] = [f"t{size - 1}"]
    (cycle,) = graph.find_cycles(needs)
    assert len(cycle) == size
