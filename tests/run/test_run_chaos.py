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
from gangsaw.testing.ledger import DAEMON, FAIL, START, STOP, open_lives, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import Found, end, parent_of, process_of, processes_of
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
CHECK_SHARE, CHECK_SHIMS_MAX = 0.3, 2
"""How often the shims of checks are looked for too, and how many of them are killed."""
Figure = Callable[[str, object], None]


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm() as server:
        yield server


GATE = 'i=0; until [ -e "$LEDGER.go" ] || [ $i -gt 4000 ]; do sleep 0.1; i=$((i+1)); done'
"""Some agents wait until all the killing is done, so that there is always one to be killed."""


def chaos_tasks(rng: random.Random, *, checked: bool) -> Tasks:
    """Tasks in a random graph. Half of the agents leave a daemon, some fail at first."""
    tasks: Tasks = []
    for n in range(TASKS):
        name = f"t{n:02}"
        needs = {f"t{rng.randrange(max(0, n - 8), n):02}" for _ in range(n % 3)} if n else set()
        fails = f"[ $GANGSAW_ATTEMPT = {name}.1 ] && {FAIL}; :"
        pause = GATE if n % 15 == 0 else f"sleep {rng.uniform(0.02, 0.3):.2f}"
        body = [START, DAEMON if n % 2 else ":", pause, fails if n % 7 == 3 else ":",
                f"echo {name} > {name}.txt", "git add -A", f"git commit -qm 'Work of {name}'",
                STOP]  # fmt: skip
        tasks.append({"id": name, "title": f"Task {name}", "needs": sorted(needs), "attempts": 200,
                      "prompt": "\n".join(body),
                      "checks": ["test -f README.md"] if checked else []})  # fmt: skip
    return tasks


class Chaos:
    """Kills engines, shims and agents of one playground until it has killed enough."""

    def __init__(self, ground: Playground, warm: Warm, rng: random.Random) -> None:
        self.ground, self.warm, self.rng = ground, warm, rng
        self.killed: Counter[str] = Counter()
        self.check_shims = 0

    def rage(self) -> None:
        """Do all the `KILLS`; the run cannot come to its end before."""
        life = begin(self.warm, self.ground, "--calm")
        deadline = time.monotonic() + RAGE_MAX_S
        while self.killed.total() < KILLS:
            assert time.monotonic() < deadline, f"{self.killed} in {RAGE_MAX_S} s"
            code = life.wait(self.rng.uniform(0.01, PAUSE_MAX_S))
            assert code is None, (self.ground.root / "output").read_text()
            life = self._strike(life)
        Path(f"{self.ground.ledger}.go").touch()
        self.killed["engine"] += life.kill()

    def _strike(self, life: Life) -> Life:
        whom = WHOM[self.killed.total() % len(WHOM)]
        if whom == "engine":
            self.killed["engine"] += life.kill()
            return begin(self.warm, self.ground, "--calm")
        victims = self._agents() if whom == "agent" else self._shims()
        if victims:  # else there will be some after the next pause
            victim = self.rng.choice(victims)
            self.check_shims += victim.is_of_check
            self.killed[whom] += end(victim.pid)
        return life

    def _agents(self) -> list[Found]:
        pids = open_lives(read_ledger(self.ground.ledger)).values()
        found = (process_of(pid, self.ground.root) for pid in pids)
        return [agent for agent in found if agent is not None and agent.is_agent]

    def _shims(self) -> list[Found]:
        """Those of agents; and while there may be, those of checks."""
        # A tree whose check is killed three times has no verdict, and its task a person.
        if self.rng.random() < CHECK_SHARE and self.check_shims < CHECK_SHIMS_MAX:
            return [found for found in processes_of(self.ground.root) if found.is_shim]
        found = (process_of(parent_of(agent.pid), self.ground.root) for agent in self._agents())
        return [
            shim for shim in found if shim is not None and shim.is_shim and not shim.is_of_check
        ]


@pytest.mark.guarantee("G3", "G4", "G6", "G7")
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
