"""From what the files of a plan say about the order to needs, and where they contradict."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice, pairwise

from gangsaw.sources.edges import Edges
from gangsaw.sources.planning_folder import GRAPH, MERGING, PLAN, Folder, Text
from gangsaw.sources.planning_merging import Tier
from gangsaw.sources.planning_order import PAIRS_MAX, Group, Order, Pair
from gangsaw.sources.planning_words import several
from gangsaw.sources.protocol import About, Need, Remark

WIDE_MAX = 50
"""Issues of a phase that the next one waits for one by one."""

SAID_MAX = 200
"""Remarks about needs."""


def said_needs(folder: Folder) -> Edges:
    """The needs of all issues. What the files say in words comes first; phases, and what is
    "blocking", order the rest."""
    edges = Edges()
    orders = [text.order for text in folder.of(GRAPH, PLAN) if text.order is not None]
    _pairs(folder, orders, edges)
    free = {key for order in orders for key in order.free}
    _firsts(folder, orders, free, edges)
    _phases(folder, orders, free, edges)
    _tiers(folder, orders, edges)
    return edges


def _pairs(folder: Folder, orders: Sequence[Order], edges: Edges) -> None:
    """What is said about one issue and another."""
    lost: dict[tuple[str, int], Pair] = {}
    free = {key: (line, order.document) for order in orders for key, line in order.free.items()}
    told: set[str] = set()
    for order in orders:
        for pair in order.pairs:
            if pair.key not in folder.places or (pair.why and pair.need not in folder.places):
                lost.setdefault((pair.key, order.document), pair)
                continue
            need = Need(pair.need, pair.line, pair.why, document=pair.document)
            if pair.why:
                edges.infer(pair.key, need)
                continue
            edges.say(pair.key, need)
            if pair.key in free and pair.key not in told:
                told.add(pair.key)
                _not_free(folder, pair, *free[pair.key])
        if order.is_full:
            said = "more needs than anybody could follow; the rest is left out"
            folder.remarks.append(Remark(About.FAULT, 1, said, "split it", document=order.document))
    for pair in list(lost.values())[:SAID_MAX]:
        _lost(folder, pair)


def _not_free(folder: Folder, pair: Pair, line: int, document: int) -> None:
    """Tell of an issue that waits for nothing in one place and for another in another."""
    place = folder.where(folder.texts[document], line)
    said = f"{pair.key} waits for {pair.need} here, and for nothing at {place}"
    remedy = "the need counts; write what is meant in both"
    folder.remarks.append(Remark(About.NOTE, pair.line, said, remedy, document=pair.document))


def _lost(folder: Folder, pair: Pair) -> None:
    """Tell of a need of an issue, or on one, that there is not."""
    plan = next(folder.of(PLAN), None)
    gone = pair.key if pair.key not in folder.places else pair.need
    where = f"no issue of {plan.name}" if plan is not None else "no issue of these files"
    said = f"{gone} is {where}: that {pair.key} waits for {pair.need} is not read"
    remedy = f"put {gone} into the plan, or take it out here"
    folder.remarks.append(Remark(About.UNREAD, pair.line, said, remedy, document=pair.document))


def _firsts(folder: Folder, orders: Sequence[Order], free: set[str], edges: Edges) -> None:
    """What is said to come before all others."""
    firsts: dict[str, tuple[int, int]] = {}
    for order in orders:
        for key, line in order.firsts.items():
            if key in folder.places:
                firsts.setdefault(key, (line, order.document))
    for key in folder.places:
        for first, (line, document) in firsts.items():
            if edges.is_full:
                return
            if key not in firsts and key not in free:
                why = f"{first} is said to come before all others"
                edges.infer(key, Need(first, line, why, document=document))


def _phases(folder: Folder, orders: Sequence[Order], free: set[str], edges: Edges) -> None:
    """Phases with numbers follow one another. Those of the graph count, else those of the plan."""
    for order in orders:
        groups = [_known(group, folder.places) for group in order.groups]
        groups = [group for group in groups if group.keys]
        if len(groups) < 2:
            continue
        pairs = (
            pair for before, group in pairwise(groups) for pair in _between(before, group, free)
        )
        later = list(islice(pairs, PAIRS_MAX))
        edges.infer_order(list(folder.places), later)
        return


def _known(group: Group, known: Collection[str]) -> Group:
    keys = {key: line for key, line in group.keys.items() if key in known}
    return Group(group.label, group.line, group.document, keys)


def _between(before: Group, group: Group, free: set[str]) -> Iterator[tuple[str, Need]]:
    why = f"{group.label} comes after {before.label}"
    for key, line in group.keys.items():
        if key in free:
            continue
        for need in before.keys:
            yield key, Need(need, line, why, document=group.document)


def _tiers(folder: Folder, orders: Sequence[Order], edges: Edges) -> None:
    """The order of merging: a need only where no other file says anything about the order."""
    is_silent = not any(order.pairs or order.firsts or order.groups for order in orders)
    for text in folder.of(MERGING):
        tiers = [(tier, [key for key in tier.keys if key in folder.places]) for tier in text.tiers]
        for tier, keys in tiers:
            lost = [key for key in tier.keys if key not in keys]
            if lost:
                said = f"{several(lost)} in the order of merging: no issue of the plan"
                folder.remarks.append(Remark(About.UNREAD, tier.line, said, document=text.number))
        known = [(tier, keys) for tier, keys in tiers if keys]
        for (_, first), (tier, then) in pairwise(known):
            for key in then if is_silent and len(first) <= WIDE_MAX else ():
                for need in first:
                    why = "it is merged after that, and no file says what waits for what"
                    edges.infer(key, Need(need, tier.line, why, document=text.number))


def merged_too_early(folder: Folder, needs: dict[str, tuple[Need, ...]]) -> None:
    """Tell where the order of merging contradicts the needs."""
    names = {text.number: text for text in folder.texts}
    for text in folder.of(MERGING):
        ranks: dict[str, tuple[int, Tier]] = {
            key: (rank, tier) for rank, tier in enumerate(text.tiers) for key in tier.keys
        }
        for key, wanted in needs.items():
            for need in wanted:
                if key in ranks and need.key in ranks and ranks[need.key][0] > ranks[key][0]:
                    place = _place(folder, need, names)
                    said = f"{key} is merged before {need.key}, but waits for it by {place}"
                    remedy = "the need counts; write the one that is meant in both"
                    line = ranks[key][1].line
                    folder.remarks.append(
                        Remark(About.NOTE, line, said, remedy, document=text.number)
                    )


def _place(folder: Folder, need: Need, names: dict[int, Text]) -> str:
    return folder.where(names[need.document or 0], need.line)


def ranks_of(folder: Folder) -> dict[str, int]:
    """How early each issue is merged, higher first; empty where nothing tells them apart."""
    for text in folder.of(MERGING):
        tiers = [tier for tier in text.tiers if any(key in folder.places for key in tier.keys)]
        if len(tiers) > 1:
            return {
                key: len(tiers) - n
                for n, tier in enumerate(tiers)
                for key in tier.keys
                if key in folder.places
            }
    return {}
