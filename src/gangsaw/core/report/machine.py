"""What a run took of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from gangsaw.core.report.seen import Seen
from gangsaw.core.report.values import Machine


def machine_of(seen: Seen) -> Machine | None:
    """What the run took of the machine; `None` where nothing was measured."""
    follower = seen.follower
    ended = [each for each in follower.launches.values() if each.ended]
    if not follower.pressed and not any(e.cpu_s or e.memory_max_mb for e in ended):
        return None
    most = max(ended, key=lambda each: each.memory_max_mb, default=None)
    short_s, since = 0.0, None
    for at, pressed in (*follower.pressed, (seen.as_of, False)):
        if pressed and since is None:
            since = at
        elif not pressed and since is not None:
            short_s, since = short_s + max(0.0, at - since), None
    return Machine(
        cpu_s=sum(each.cpu_s for each in ended),
        memory_max_mb=most.memory_max_mb if most is not None else 0.0,
        memory_max_of=most.attempt if most is not None and most.memory_max_mb else "",
        pressed=_times_pressed(follower.pressed),
        pressed_s=short_s,
    )


def _times_pressed(changes: Sequence[tuple[float, bool]]) -> int:
    """How often the machine became short that was not before."""
    levels = [False, *(pressed for _, pressed in changes)]
    return sum(now and not before for before, now in pairwise(levels))
