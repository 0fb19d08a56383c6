"""A queue of which a batch is narrowed, a conflict waits, and several land together: the ground of
kills in the middle of that, and the judgement on it.

The run is brought to where every change waits in a held queue, and its engine is killed. Each
further life begins with a copy of that, at the same place, and with the wish to release the queue:
no agent works any more.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from gangsaw.testing.endstate import EndState, complaints, end_state
from gangsaw.testing.playground import Playground
from gangsaw.testing.queued import Changes, ask, begin_held, make_ground
from gangsaw.testing.warm import Warm

CHANGES = Changes(good=6, bad=1, pairs=1)
LANDED = [name for name in CHANGES.wanted if name != "right0"]
"""The later one of the pair has no turn left to resolve its conflict."""
NEEDS: dict[str, list[str]] = {name: [] for name in CHANGES.names}


@dataclass(frozen=True)
class BatchYard:
    """Where the lives of one process of tests are: `template` is copied to `place` for each, where
    it was made; what git and the log hold of paths is true there."""

    warm: Warm
    template: Playground
    place: Path

    def fresh(self) -> Playground:
        """The ground as it was when the queue was full."""
        shutil.rmtree(self.place, ignore_errors=True)
        return Playground(self.place, like=self.template)


def make_yard(root: Path, warm: Warm) -> BatchYard:
    """All changes queued, the engine killed, and the wish to go on in the inbox."""
    place, template = root / "ground", root / "template"
    ground = make_ground(place, CHANGES, turns=1)
    engine = begin_held(ground, len(CHANGES.names))
    engine.kill()
    engine.wait()
    ask(ground, "queue-resume")
    (ground.repo / ".git/gangsaw/inbox/.wake").unlink()  # a pipe, which no copy can be made of
    place.rename(template)
    ground.root = template
    return BatchYard(warm, ground, place)


def wrong_after(ground: Playground, expected: EndState | None) -> list[str]:
    """What is wrong with a run that came to its end; its end state must be the expected one."""
    found = complaints(ground, NEEDS, landed=LANDED)
    if expected is not None and (reached := end_state(ground)) != expected:
        found.append(f"{reached}\n  instead of {expected}")
    if pins := ground.git("for-each-ref", "--format=%(refname)", "refs/gangsaw/candidates"):
        found.append(f"pins of candidates left: {pins}")
    git = ground.repo / ".git"
    named = [path for path in git.rglob("*.lock") if git / "gangsaw" not in path.parents]
    if locks := sorted(map(str, named)):
        found.append(f"locks left: {locks}")
    return found
