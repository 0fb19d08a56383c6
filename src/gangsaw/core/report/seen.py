"""What all parts of a report look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gangsaw.core.model import task_of
from gangsaw.core.report.follow import Follower
from gangsaw.core.report.values import Doing, Stretch, Times
from gangsaw.core.report.waits import OF_LIVE
from gangsaw.core.state import Attempt


class Seen:
    """One run as it was followed, and what several parts of its report are made from. Moments are
    epoch seconds, stretches count from its beginning."""

    def __init__(self, follower: Follower, now: float | None) -> None:
        self.follower = follower
        self.state = state = follower.state
        self.began = state.started_at
        latest = max(follower.last_at, now or 0.0)
        self.as_of = latest if state.ended_at is None else state.ended_at
        self.wall_s = max(0.0, self.as_of - self.began)
        self.lines = follower.lines(self.as_of)
        self.waits = follower.waits.totals(self.as_of)
        self.of_task: dict[str, list[Attempt]] = {name: [] for name in state.tasks}
        for attempt in state.attempts.values():
            self.of_task[attempt.task].append(attempt)
        self.used = {
            (attempt.id, used.launch): used
            for attempt in state.attempts.values()
            for used in attempt.usage
        }
        self.launches = _by_task(follower.launches)
        self.used_by = _by_task(self.used)
        self.held_s: dict[str, float] = {}
        for (name, reason), seconds in self.waits.items():
            if reason not in OF_LIVE:
                self.held_s[name] = self.held_s.get(name, 0.0) + seconds


def pct(part: float, whole: float) -> float | None:
    """How many hundredths the part is; `None` of nothing."""
    return 100.0 * part / whole if whole > 0.0 else None


def seconds_of(stretches: Iterable[Stretch], *doings: Doing) -> float:
    """The length of those stretches in which one of these was done; of all, where none is named."""
    return sum(each.seconds for each in stretches if not doings or each.doing in doings)


def times_of(stretches: Sequence[Stretch]) -> Times:
    """Their lengths by what was done."""
    return Times(**{f"{doing.value}_s": seconds_of(stretches, doing) for doing in Doing})


def allowed_s(seen: Seen, agent: str) -> float:
    """The sum over time of how many agents were allowed: of all (empty), or of this one."""
    steps = seen.follower.allowed
    ends = [*(step.at for step in steps[1:]), seen.as_of]
    return sum(
        step.most(agent) * max(0.0, min(end, seen.as_of) - step.at)
        for step, end in zip(steps, ends, strict=True)
    )


def _by_task(keys: Iterable[tuple[str, int]]) -> dict[str, list[tuple[str, int]]]:
    """Launches by the task of their attempt."""
    found: dict[str, list[tuple[str, int]]] = {}
    for key in keys:
        found.setdefault(task_of(key[0]), []).append(key)
    return found
