"""The critical chain as it really was: what the run's last landing waited for, back to its begin.

From the last landing back through its task's attempts; from an admission to what made it possible:
the landing of the last need, the end of the attempt before, or whoever gave back the slot (the
track, the scope) that it waited for, or was the last of the wave or of those beside which it could
not run. The links leave no gap and do not overlap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gangsaw.core.policy.admission import Hold, HoldKind
from gangsaw.core.report.noted import Freed
from gangsaw.core.report.values import Doing, Link, Stretch
from gangsaw.core.state import Attempt

SLOT_HOLDS = frozenset({HoldKind.SLOTS, HoldKind.AGENT_SLOTS, HoldKind.AGENT_SEATS})
PLACE_HOLDS = frozenset({HoldKind.TRACK, HoldKind.SCOPE, HoldKind.OVERLAP})
COMPANY_HOLDS = frozenset({HoldKind.ALONE, HoldKind.WAVE})
"""Whoever is over last lets these go, whether or not they were named."""
LINKS_MAX = 10_000
"""Links of a chain at most; what is before them is one link more."""

FIRST = "first"
"""The reason of a link before the run's first admissions."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the chain is found from. Moments are seconds since the run began. `attempts` are by
    task, oldest first; `landings` the last
    landing of each task, `ends_s` when each attempt was over; `freed` in order."""

    needs: Mapping[str, Sequence[str]]
    attempts: Mapping[str, Sequence[Attempt]]
    lines: Mapping[str, Sequence[Stretch]]
    landings: Mapping[str, float]
    ends_s: Mapping[str, float]
    freed: Sequence[Freed]
    holds: Mapping[str, Hold]
    began_at: float


def critical_chain(facts: Facts, task: str, until_s: float) -> tuple[Link, ...]:
    """The chain that ends with the task at this moment, in order of time."""
    walk = _Walk(facts, task, until_s)
    while walk.until_s > 0.0 and len(walk.links) < LINKS_MAX and walk.step():
        pass
    walk.wait(FIRST, 0.0)
    return tuple(reversed(walk.links))


class _Walk:
    """Goes back in time; `links` are the latest first, `task` and `until_s` where it is."""

    def __init__(self, facts: Facts, task: str, until_s: float) -> None:
        self._facts = facts
        self.task, self.until_s = task, until_s
        self.links: list[Link] = []
        self._freed = False

    def step(self) -> bool:
        """Back over one attempt and what it waited for before; whether there was one."""
        facts = self._facts
        attempt = self._attempt()
        if attempt is None:
            return False
        for stretch in reversed(facts.lines.get(attempt.id, ())):
            self._add(attempt.id, stretch.doing, "", stretch.since_s)
        admitted_s = attempt.admitted_at - facts.began_at
        self._add(attempt.id, Doing.SET_UP, "", admitted_s)
        possible_s, need = self._possible(attempt)
        hold = facts.holds.get(attempt.id)
        reason = hold.kind.value if hold is not None else FIRST
        freed = self._released(hold, possible_s)
        if freed is not None:
            self.wait(reason, freed.at - facts.began_at)
            self.task, self._freed = freed.attempt.rpartition(".")[0], True
            return True
        self.wait(reason, possible_s)
        self.task = need or self.task
        return possible_s > 0.0

    def wait(self, reason: str, since_s: float) -> None:
        """The task could not be started, from then until where the walk is."""
        self._add("", Doing.WAIT, reason, since_s)

    def _add(self, attempt: str, doing: Doing, reason: str, since_s: float) -> None:
        since_s = max(0.0, since_s)
        if since_s < self.until_s:
            task, freed = self.task, self._freed
            self.links.append(Link(task, attempt, doing, reason, since_s, self.until_s, freed))
            self.until_s, self._freed = since_s, False

    def _attempt(self) -> Attempt | None:
        """The last attempt at the task that was admitted before where the walk is."""
        began_at = self._facts.began_at
        found = self._facts.attempts.get(self.task, ())
        before = [each for each in found if each.admitted_at - began_at < self.until_s]
        return before[-1] if before else None

    def _possible(self, attempt: Attempt) -> tuple[float, str]:
        """From when on the attempt was possible, and the need whose landing made it so."""
        facts = self._facts
        landings = [(facts.landings.get(need, 0.0), need) for need in facts.needs[attempt.task]]
        latest_s, need = max(landings, default=(0.0, ""))
        former = [each for each in facts.attempts[attempt.task] if each.number < attempt.number]
        if former and (ended_s := facts.ends_s[former[-1].id]) >= latest_s:
            return ended_s, ""
        return latest_s, need

    def _released(self, hold: Hold | None, possible_s: float) -> Freed | None:
        """Who gave back last what the attempt waited for."""
        if hold is None or self.until_s <= possible_s:
            return None
        if hold.kind not in SLOT_HOLDS | PLACE_HOLDS | COMPANY_HOLDS:
            return None
        began_at = self._facts.began_at
        moments = self._facts.freed
        at = bisect_right(moments, began_at + self.until_s, key=lambda each: each.at)
        for each in reversed(moments[:at]):
            if each.at - began_at <= possible_s:
                return None
            other = each.attempt.rpartition(".")[0]
            named = other in hold.tasks or hold.kind in COMPANY_HOLDS
            if hold.kind in SLOT_HOLDS or (each.ended and named):
                return each
        return None
