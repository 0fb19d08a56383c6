"""Random `kill -9` of engines, shims and agents; agents leave daemons in sessions of their own.

The judges are the ledgers that the agents write themselves, git, and the log. No moment is waited
for by the clock, so that a busy machine changes nothing.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gangsaw.testing.endstate import complaints, wrong_exits
from gangsaw.testing.ledger import DAEMON, FAIL, START, STOP, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import Found, end, processes_of
from gangsaw.testing.warm import Life, Warm
from tests.run.crash_ground import Tasks, begin, live, needs_of

LONG = bool(os.environ.get("GANGSAW_LONG"))
RUNS, TASKS = (200 if LONG else 10), 60
CHECKED_EVERY = 3
"""Of so many runs one has checks: a gate runs them at every landing."""
WHOM = ("engine", "shim", "agent", "agent", "shim", "agent")
KILLS = 8 * len(WHOM)
RAGE_MAX_S = 240.0
PAUSE_MAX_S = 0.12
Figure = Callable[[str, object], None]


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm() as server:
        yield server


def chaos_tasks(rng: random.Random, *, checked: bool) -> Tasks:
    """Tasks in a random graph. Half of the agents leave a daemon, some fail at first."""
    tasks: Tasks = []
    for n in range(TASKS):
        name = f"t{n:02}"
        needs = {f"t{rng.randrange(max(0, n - 8), n):02}" for _ in range(n % 3)} if n else set()
        fails = f"[ $GANGSAW_ATTEMPT = {name}.1 ] && {FAIL}; :"
        body = [START, DAEMON if n % 2 else ":", f"sleep {rng.uniform(0.02, 0.3):.2f}",
                fails if n % 7 == 3 else ":", f"echo {name} > {name}.txt", "git add -A",
                f"git commit -qm 'Work of {name}'", STOP]  # fmt: skip
        tasks.append({"id": name, "title": f"Task {name}", "needs": sorted(needs), "attempts": 50,
                      "prompt": "\n".join(body),
                      "checks": ["test -f README.md"] if checked else []})  # fmt: skip
    return tasks


class Chaos:
    """Kills engines, shims and agents of one playground until it has killed enough."""

    def __init__(self, ground: Playground, warm: Warm, rng: random.Random) -> None:
        self.ground, self.warm, self.rng = ground, warm, rng
        self.killed: Counter[str] = Counter()
        self.check_shims = 0
        self.strikes = 0

    def rage(self) -> None:
        """Until `KILLS` have been done or the run has come to its end."""
        life = begin(self.warm, self.ground, "--calm")
        deadline = time.monotonic() + RAGE_MAX_S
        while self.killed.total() < KILLS and time.monotonic() < deadline:
            code = life.wait(self.rng.uniform(0.01, PAUSE_MAX_S))
            if code is None:
                life = self._strike(life)
            else:
                assert code == 0, (self.ground.root / "output").read_text()
                return
        life.kill()

    def _strike(self, life: Life) -> Life:
        whom = WHOM[self.strikes % len(WHOM)]
        if whom == "engine":
            self.strikes += 1
            self.killed["engine"] += life.kill()
            return begin(self.warm, self.ground, "--calm")
        victims = [found for found in processes_of(self.ground.root) if self._is(found, whom)]
        if victims:  # else there will be some after the next pause
            self.strikes += 1
            victim = self.rng.choice(victims)
            self.check_shims += victim.is_of_check
            self.killed[whom] += end(victim.pid)
        return life

    def _is(self, found: Found, whom: str) -> bool:
        if whom == "agent":
            return found.is_agent
        # A tree whose check is killed three times has no verdict, and its task a person.
        return found.is_shim and not (found.is_of_check and self.check_shims >= 2)


@pytest.mark.parametrize("seed", range(1, RUNS + 1))
def test_chaos(tmp_path: Path, seed: int, warm: Warm, record_property: Figure) -> None:
    rng = random.Random(seed)
    tasks = chaos_tasks(rng, checked=seed % CHECKED_EVERY == 0)
    ground = Playground(tmp_path / "ground", max_agents=12)
    text = (ground.repo / "gangsaw.toml").read_text().replace("backoff_s = 0.2", "backoff_s = 0.05")
    text = text.replace("[run]", "[run]\ncrashes = 1000\nbackoff_max_s = 0.2", 1)
    ground.write("gangsaw.toml", text)
    ground.git("commit", "-q", "-am", "many crashes")
    ground.plan(tasks)
    chaos = Chaos(ground, warm, rng)
    chaos.rage()
    assert live(warm, ground, "--calm") == 0, (ground.root / "output").read_text()
    assert complaints(ground, needs_of(tasks)) == []
    assert wrong_exits(ground) == []
    assert set(chaos.killed) == set(WHOM)
    runs = sum(line.word == "start" for line in read_ledger(ground.ledger))
    words = ", ".join(f"{number} {who}s" for who, number in sorted(chaos.killed.items()))
    record_property(
        "figure",
        f"chaos, seed {seed:03}: {TASKS} tasks, killed {words}; {runs} turns ran; "
        "0 wrong, 0 twice, 0 overlaps, 0 left over, 0 stuck",
    )
