"""The played radar: which pieces of live work would not merge, as long as that lasts; with reports
that come late, and people who say that an overlap is taken care of."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from gangsaw.core import observations as ob
from gangsaw.core.model import RadarPolicy
from gangsaw.core.overlaps import INTEGRATION, Overlap, OverlapFile, OverlapKind
from gangsaw.core.state import State, is_live
from gangsaw.testing.simulation.finds import FILES

if TYPE_CHECKING:
    from gangsaw.testing.simulation.people import People
    from gangsaw.testing.simulation.world import World

KINDS = (OverlapKind.LINES, OverlapKind.LINES, OverlapKind.ADDED, OverlapKind.DELETED)
Pair = tuple[str, str]


class Radar:
    """What would not merge in one schedule, by pair; and reports that are still on their way."""

    def __init__(self, world: World, people: People) -> None:
        self._world, self._people = world, people
        self._rng = Random(f"{world.finds.rng.random()}")
        self._pairs: dict[Pair, Overlap] = {}
        self._late: list[ob.OverlapsRead] = []

    def look(self, state: State) -> list[ob.Observation]:
        """What is reported in this turn, and asked about it."""
        rng, often = self._rng, self._world.temper.overlaps
        if not often or state.limits.radar is RadarPolicy.OFF or rng.random() >= often:
            return []
        found: list[ob.Observation] = []
        if rng.random() < 0.05:
            return [ob.OverlapsRead((), trouble=rng.choice(("no room", "no git")))]
        report = self._report(state)
        if rng.random() < 0.2:
            self._late.append(report)
        else:
            found += [report] * rng.choice((1, 1, 1, 2))
        if self._late and rng.random() < 0.2:
            found.append(self._late.pop(0))
        if state.overlaps and rng.random() < 0.15:
            key = rng.choice((*state.overlaps, "o1"))
            found.append(self._people.ask("resolve_overlap", number=int(key[1:]), text="mine"))
        return found

    def _report(self, state: State) -> ob.OverlapsRead:
        rng = self._rng
        live = [name for name in state.attempts if is_live(state.attempts[name])]
        self._change(live)
        looked = live if rng.random() < 0.7 else [name for name in live if rng.random() < 0.5]
        known = {*looked, INTEGRATION}
        overlaps = [one for pair, one in self._pairs.items() if {*pair} <= known]
        return ob.OverlapsRead(tuple(overlaps), tuple(looked))

    def _change(self, live: list[str]) -> None:
        rng = self._rng
        for pair, before in list(self._pairs.items()):
            chance = rng.random()
            if chance < 0.1:
                del self._pairs[pair]
            elif chance < 0.3:
                self._pairs[pair] = self._overlap(pair, before)
        if live and rng.random() < 0.5:
            later = rng.randrange(len(live))
            # Who was admitted first is known from the order.
            ours = rng.choice((INTEGRATION, *live[:later]))
            self._pairs[ours, live[later]] = self._overlap((ours, live[later]), None)

    def _overlap(self, pair: Pair, before: Overlap | None) -> Overlap:
        """New, or with other lines only, or with other files."""
        rng = self._rng
        if before is not None and rng.random() < 0.3:
            return before
        paths = rng.sample(FILES, rng.choice((1, 1, 2)))
        if before is not None and rng.random() < 0.5:
            paths = list(dict.fromkeys((*before.paths, *paths)))
        files = tuple(OverlapFile(path, rng.choice(KINDS)) for path in paths)
        return Overlap(*pair, files, stale=rng.random() < 0.2)
