"""What effects work with. Everything in here may be used from a lane's thread, except `state`,
which belongs to the loop: an effect takes what it needs of it before it hands its job to a lane."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gangsaw.core.observations import Observation
from gangsaw.core.settings import Settings
from gangsaw.core.state import State
from gangsaw.engine.launches import Launches
from gangsaw.engine.layout import Layout
from gangsaw.git import Repository
from gangsaw.verify import Slots

Job = Callable[[threading.Event], list[Observation]]
"""The part of an effect that runs in a lane: given a "no longer wanted" event, it returns what it
found. Whatever it raises becomes an `effect.failed` event, and the action is tried again."""


@dataclass(frozen=True, slots=True)
class World:
    """One run's surroundings. Candidates have a slot of their own, so that a landing never waits
    behind the checks of work that is not yet in the queue. `templates` are the user's own prompt
    templates by turn kind."""

    repo: Repository
    layout: Layout
    settings: Settings
    state: State
    environ: Mapping[str, str]
    slots: Slots
    gate_slots: Slots
    launches: Launches
    templates: Mapping[str, str]
