"""The tests within the played checks: each change that breaks one has a test that is red with it,
each pair that does not go together another. By their names some of them can be run alone, where the
check says how."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from gangsaw.core.events import Judgement
from gangsaw.core.model import Check, Task

if TYPE_CHECKING:
    from gangsaw.testing.simulation.plans import Scene
    from gangsaw.testing.simulation.trees import Tree

NAMED = 0.4
"""How many schedules have checks that name their tests; in nearly every crowd."""
NAMED_CROWD = 0.9
BROUGHT = 0.4
"""How many tests come with the change that they are about."""

IDLE = 0.3
"""How many agents change nothing when they are to mend something."""

Ran = tuple[str, tuple[str, ...], Judgement, tuple[str, ...]]
"""Of which commit, which tests, what came of it, and which were red."""


def with_tests(scene: Scene, rng: Random) -> Scene:
    """The same, perhaps with checks that can run some of their tests."""
    if rng.random() > (NAMED_CROWD if scene.crowd else NAMED):
        return scene

    def of_task(task: Task) -> Task:
        return replace(task, checks=tuple(_with_only(rng, check) for check in task.checks))

    plan = replace(scene.plan, tasks=tuple(of_task(task) for task in scene.plan.tasks))
    return replace(scene, gate=tuple(_with_only(rng, each) for each in scene.gate), plan=plan)


def _with_only(rng: Random, check: Check) -> Check:
    # One name stands for one check everywhere: what it can do must not depend on the task.
    chosen = check.name == "shared" or rng.random() < 0.8
    return replace(check, only=f"some {check.name} {{tests}}") if chosen else check


@dataclass(slots=True)
class SomeTests:
    """Which runs of some tests there were; `salt` says which of the tests are brought by whom."""

    salt: str
    ran: list[Ran] = field(default_factory=list)

    def asked(self, check: Check) -> tuple[str, tuple[str, ...]]:
        """The check and the tests that its command asks for."""
        _, _, line = check.argv
        _, name, *tests = shlex.split(line)
        return name, tuple(tests)

    def knows_all(self, tree: Tree, tests: tuple[str, ...]) -> bool:
        """Whether every one of the tests is in the tree: some come with a change."""
        owners = {change.partition("#")[0] for change in tree}
        return all(self._brought_by(test) in {"", *owners} for test in tests)

    def is_idle(self, attempt: str) -> bool:
        """Whether its agent, when it is to mend something, changes nothing."""
        return Random(f"{self.salt} {attempt} idle").random() < IDLE

    def _brought_by(self, test: str) -> str:
        if Random(f"{self.salt} {test}").random() > BROUGHT:
            return ""
        return test.split()[-1]
