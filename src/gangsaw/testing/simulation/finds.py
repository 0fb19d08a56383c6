"""What the played world finds in work besides commits: which paths a change touches, what is wrong
with it though it is green, and conflicts that git resolves by itself. All of it by chance of its
own, so that schedules without it are what they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from gangsaw.core.honesty import Answer, Concern, ConcernKind, Honesty
from gangsaw.core.model import Check, Limits, RadarPolicy, Task, When

if TYPE_CHECKING:
    from gangsaw.testing.simulation.plans import Scene

FILES = ("src/app/main.py", "src/one.py", "docs/guide/a.md", "docs/b.md", "lib/c.py", "readme")
FOLDERS = ("src", "src/app", "docs", "docs/guide", "lib")
WAYS = ("union", "renames", "union, renames")
KINDS = tuple(ConcernKind)
AFTER_CHECK = Check("slow", ("slow",), when=When.AFTER)

_HONEST, _PATHED, _WATCHED, _MERGED = 0.25, 0.3, 0.3, 0.25
"""How many schedules have each of these at all."""


def with_finds(scene: Scene, rng: Random) -> Scene:
    """The same, perhaps with things to be found in the work, and with settings that say what
    follows from them."""
    limits, temper, gate, plan = scene.limits, scene.temper, scene.gate, scene.plan
    if rng.random() < _HONEST:
        limits = replace(limits, honesty=random_honesty(rng))
        temper = replace(temper, concerns=rng.random())
    if rng.random() < _PATHED:
        gate = tuple(_limited(rng, check) for check in gate)
        if rng.random() < 0.6:
            gate = (*gate, AFTER_CHECK)
        plan = replace(plan, tasks=tuple(_with_limited(rng, task) for task in plan.tasks))
        temper = replace(temper, unlisted=rng.choice((0.0, 0.3)))
    if rng.random() < _WATCHED:
        policies = (*RadarPolicy, RadarPolicy.TELL, RadarPolicy.SERIALISE)
        limits = replace(limits, radar=rng.choice(policies))
        temper = replace(temper, overlaps=rng.random())
        if rng.random() < 0.4:
            plan = replace(plan, tasks=tuple(_with_scope(rng, task) for task in plan.tasks))
    if rng.random() < _MERGED:
        temper = replace(temper, mechanical=rng.random())
        if rng.random() < 0.3:
            # Turns enough to meet one conflict after the other.
            limits, temper = replace(limits, turns_max=5), replace(temper, unmerged=0.8)
    return replace(scene, limits=limits, temper=temper, gate=gate, plan=plan, own=f"{rng.random()}")


def random_honesty(rng: Random) -> Honesty:
    """Answers to some kinds, and some that are allowed."""
    kinds = rng.sample(KINDS, rng.choice((0, 0, 3, 6)))
    answers = tuple((kind.value, rng.choice(tuple(Answer)).value) for kind in kinds)
    allow: tuple[tuple[str, str], ...] = ()
    if rng.random() < 0.4:
        allow = ((rng.choice(FOLDERS), rng.choice((*[kind.value for kind in KINDS], "any"))),)
    return Honesty(answers=answers, allow=allow)


def other_limits(limits: Limits, rng: Random) -> Limits:
    """What the next engine's settings say of what is found: the same, or something else."""
    if rng.random() < 0.5:
        return limits
    return replace(limits, honesty=random_honesty(rng), radar=rng.choice(tuple(RadarPolicy)))


def _limited(rng: Random, check: Check) -> Check:
    paths = tuple(rng.sample(FOLDERS, rng.choice((1, 2)))) if rng.random() < 0.5 else ()
    when = rng.choice((*(When.ALWAYS,) * 3, *When))
    return replace(check, paths=paths, when=when, order=rng.choice((0, 0, 1, 2)))


def _with_scope(rng: Random, task: Task) -> Task:
    if task.scope or rng.random() < 0.4:
        return task
    return replace(task, scope=(rng.choice(FOLDERS),))


def _with_limited(rng: Random, task: Task) -> Task:
    return replace(task, checks=tuple(_limited(rng, check) for check in task.checks))


class Finds:
    """What is found in the work of one schedule; the same each time."""

    def __init__(self, scene: Scene) -> None:
        self.rng = Random(scene.own)
        checks = (*scene.gate, *(check for task in scene.plan.tasks for check in task.checks))
        self._limited = {check.name: check.paths for check in checks if check.paths}
        self.lists = any(check.paths for check in checks) or bool(scene.temper.unlisted)
        """Whether anybody asks which paths a change touches."""
        self.is_asked_about = bool(scene.temper.concerns or scene.temper.overlaps)
        """Whether other engines have other settings about it."""
        self.touches: dict[str, tuple[str, ...]] = {}
        self._concerns: dict[str, tuple[Concern, ...]] = {}
        self.ways: dict[str, str] = {}
        """Candidate → how git resolved a conflict in it by itself."""

    def note_change(self, change: str, red: Iterable[str]) -> None:
        """Which paths it touches; what breaks a check touches what the check looks at."""
        if not self.lists:
            return
        paths = set(self.rng.sample(FILES, self.rng.choice((1, 1, 2))))
        for name in red:
            paths |= {f"{path}/broken.py" for path in self._limited.get(name, ())[:1]}
        self.touches[change] = tuple(sorted(paths))

    def paths_of(self, changes: Iterable[str]) -> tuple[str, ...]:
        """The paths that these changes touch."""
        found = {path for change in changes for path in self.touches.get(change, ())}
        return tuple(sorted(found))

    def concerns_in(self, commit: str, chance: float) -> tuple[Concern, ...]:
        """What is wrong with the work, the same each time."""
        if commit not in self._concerns:
            found: tuple[Concern, ...] = ()
            if chance and self.rng.random() < chance:
                kinds = self.rng.sample(KINDS, self.rng.choice((1, 1, 2)))
                found = tuple(Concern(kind, self.rng.choice(FILES), 3) for kind in kinds)
            self._concerns[commit] = found
        return self._concerns[commit]

    def way_of(self, candidate: str, chance: float) -> str:
        """How git resolved a conflict in it by itself, the same each time; empty for none."""
        if candidate not in self.ways:
            found = chance and self.rng.random() < chance
            self.ways[candidate] = self.rng.choice(WAYS) if found else ""
        return self.ways[candidate]
