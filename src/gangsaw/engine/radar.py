"""The overlap radar beside a run: when it looks, in a lane of its own, and what it saw.

It is advice. Whatever goes wrong with it becomes one observation, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from gangsaw.core import observations as ob
from gangsaw.core.model import RadarPolicy, Workspace
from gangsaw.core.phases import Phase
from gangsaw.core.state import Attempt, State, is_live
from gangsaw.git import LiveWork, Radar, Repository, Sweep

SILENT_FACTOR = 4
"""An agent that writes files and no words is looked at this much more rarely."""
PAUSE_AFTER_TROUBLE_S = 60.0
TROUBLE_MAX = 500

_MOVES = (ob.OutputGrew, ob.LaunchExited, ob.LaunchLost, ob.WorkInspected)


class RadarWatch:
    """Looks at the worktrees of live attempts, each at most every `radar_every_s` seconds of time
    awake. All but the look itself belongs to the loop's thread."""

    def __init__(self, repo: Repository, state: State, wake: Callable[[], None]) -> None:
        self._repo, self._state, self._wake = repo, state, wake
        self._lane = ThreadPoolExecutor(1, "radar")
        self._radar: Radar | None = None
        self._pass: Future[Sweep] | None = None
        self._moved: set[str] = set()
        self._looked_at: dict[str, float] = {}
        self._passed_at = 0.0
        self._head = ""
        self._not_before = 0.0

    @property
    def looks(self) -> bool:
        """Whether a look is under way, or was made and not read."""
        return self._pass is not None

    def notice(self, found: Sequence[ob.Observation]) -> None:
        """Attempts that have stirred are worth a look."""
        self._moved.update(seen.attempt for seen in found if isinstance(seen, _MOVES))

    def read(self, awake_s: float) -> list[ob.OverlapsRead]:
        """What the last look saw, once; and begins the next one when that is due."""
        found = self._collect(awake_s)
        if self._pass is None and self._state.limits.radar is not RadarPolicy.OFF:
            self._begin(awake_s)
        return found

    def look_again_s(self, awake_s: float) -> float | None:
        """Seconds after which a look may be due; `None` with nothing to look at."""
        if self._pass is not None or self._state.limits.radar is RadarPolicy.OFF:
            return None
        if not self._looked_at or not self._worth_it(self._works()):
            return None
        moments = [self._due_at(name) for name in self._looked_at]
        if self._head not in ("", self._state.head):
            moments.append(self._passed_at + self._state.limits.radar_every_s)
        return max(0.0, min(moments) - awake_s, self._not_before - awake_s)

    def close(self) -> None:
        """Let a look end, and throw away what it was made with."""
        self._lane.shutdown(wait=True, cancel_futures=True)
        if self._radar is not None:
            self._radar.close()

    # -- when ------------------------------------------------------------------------------------

    def _works(self) -> list[Attempt]:
        return live_works(self._state)

    def _worth_it(self, works: Sequence[Attempt]) -> bool:
        """Whether there is anything that two sides could have against each other."""
        return len(works) > 1 or any(each.base != self._state.head for each in works)

    def _due_at(self, name: str) -> float:
        every_s = self._state.limits.radar_every_s
        return self._looked_at[name] + every_s * (1 if name in self._moved else SILENT_FACTOR)

    def _begin(self, awake_s: float) -> None:
        works = self._works()
        names = {each.id for each in works}
        self._moved &= names
        self._looked_at = {name: self._looked_at.get(name, awake_s) for name in names}
        if not self._head:
            self._head, self._passed_at = self._state.head, awake_s
        if awake_s < self._not_before or not self._worth_it(works):
            return
        due = {name for name in names if self._due_at(name) <= awake_s}
        every_s = self._state.limits.radar_every_s
        landed = self._head != self._state.head and awake_s >= self._passed_at + every_s
        if not (due or landed):
            return
        self._head, self._passed_at = self._state.head, awake_s
        self._moved -= due
        self._looked_at.update(dict.fromkeys(due, awake_s))
        asked = [
            LiveWork(each.id, Path(each.path), each.commit or each.base, each.id in due)
            for each in works
        ]
        self._pass = self._lane.submit(self._look, asked, self._head)
        self._pass.add_done_callback(lambda _: self._wake())

    # -- what ------------------------------------------------------------------------------------

    def _look(self, works: list[LiveWork], head: str) -> Sweep:
        if self._radar is None:
            self._radar = Radar(self._repo)
        return self._radar.sweep(works, head)

    def _collect(self, awake_s: float) -> list[ob.OverlapsRead]:
        if self._pass is None or not self._pass.done():
            return []
        done, self._pass = self._pass, None
        error = done.exception()
        if error is not None:
            self._not_before = awake_s + PAUSE_AFTER_TROUBLE_S
            if self._radar is not None:
                self._radar.close()
                self._radar = None
            text = str(error) or type(error).__name__
            return [ob.OverlapsRead((), trouble=text[:TROUBLE_MAX])]
        return [as_read(done.result())]


def live_works(state: State) -> list[Attempt]:
    """The attempts that have something to be compared, in order of admission."""
    return [
        attempt
        for attempt in state.live_attempts()
        if is_live(attempt)
        and attempt.path
        and attempt.phase is not Phase.PREPARING
        and state.tasks[attempt.task].workspace is Workspace.WORKTREE
    ]


def look_once(repo: Repository, state: State) -> Sweep:
    """What the radar sees now, without an engine."""
    works = [
        LiveWork(each.id, Path(each.path), each.commit or each.base) for each in live_works(state)
    ]
    if not works:
        return Sweep((), {}, (), (), 0)
    radar = Radar(repo)
    try:
        return radar.sweep(works, state.head)
    finally:
        radar.close()


def as_read(sweep: Sweep) -> ob.OverlapsRead:
    """What a sweep tells the core. Nothing is over of what could not be read or merged."""
    unsure = {name for name, _ in sweep.unread}
    unsure |= {name for ours, theirs, _ in sweep.failed for name in (ours, theirs)}
    looked = tuple(name for name in sweep.tips if name not in unsure)
    return ob.OverlapsRead(sweep.overlaps, looked)
