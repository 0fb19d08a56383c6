"""How a fault is planted in the core for as long as a context lasts, and taken out again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from gangsaw.core import evolve, phases
from gangsaw.core.phases import Phase
from gangsaw.core.state import State
from gangsaw.testing.simulation.plans import Scene

Planting = Callable[[], AbstractContextManager[None]]
Where = Callable[[Scene], bool]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: what it is, and how to plant it for the length of a `with`. One of a `crowd` shows
    only where much lands at once: it is looked for there; one with `where` in such scenes only."""

    name: str
    planted: Planting
    crowd: bool = False
    where: Where | None = None

    def may_show(self, scene: Scene) -> bool:
        """Whether it is looked for in such a scene."""
        rare = self.where is not None and not self.where(scene)
        return (scene.crowd or not self.crowd) and not rare


MUTANTS: dict[str, Mutant] = {}
"""By their names."""


def mutant(
    name: str, *, crowd: bool = False, where: Where | None = None
) -> Callable[[Callable[[], Iterator[None]]], Planting]:
    """Makes a mutant of this name from a generator that plants it, yields, and takes it out."""

    def register(plant: Callable[[], Iterator[None]]) -> Planting:
        planting = contextmanager(plant)
        MUTANTS[name] = Mutant(name, planting, crowd, where)
        return planting

    return register


@contextmanager
def with_values(module: ModuleType, **changes: Any) -> Iterator[None]:
    """The module with other values under these names."""
    before = {name: getattr(module, name) for name in changes}
    try:
        for name, value in changes.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


@contextmanager
def with_rule(dispatch: Any, kind: type[Any], rule: Callable[..., Any]) -> Iterator[None]:
    """A singledispatch function with another rule for one class."""
    before = dispatch.registry[kind]
    try:
        dispatch.register(kind)(rule)
        yield
    finally:
        dispatch.register(kind)(before)


def changed_state(kind: type[Any], change: Callable[[Any, State], None]) -> Any:
    """`evolve` with something done besides, after events of one class."""
    before = evolve._apply.registry[kind]

    def rule(event: Any, known: State, at: float) -> None:
        before(event, known, at)
        change(event, known)

    return with_rule(evolve._apply, kind, rule)


@contextmanager
def without_follower(kind: type[Any], follower: Callable[..., None]) -> Iterator[None]:
    """`evolve` without one of the things that follow from events of one class."""
    before = evolve._FOLLOWERS[kind]
    assert follower in before
    try:
        evolve._FOLLOWERS[kind] = tuple(each for each in before if each is not follower)
        yield
    finally:
        evolve._FOLLOWERS[kind] = before


@contextmanager
def with_transition(kind: str, allowed: dict[Phase, Phase]) -> Iterator[None]:
    before = phases.TRANSITIONS[kind]
    try:
        phases.TRANSITIONS[kind] = allowed
        yield
    finally:
        phases.TRANSITIONS[kind] = before
