"""What effects work with. Everything in here may be used from a lane's thread, except `state`,
which belongs to the loop: an effect takes what it needs of it before it hands its job to a lane."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gangsaw.core.observations import Observation
from gangsaw.core.roles import Role
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.core.state import State
from gangsaw.engine.launches import Launches, Trace
from gangsaw.engine.layout import Layout
from gangsaw.engine.room import Room
from gangsaw.engine.scrubbing import Scrubber
from gangsaw.engine.secrets import Secrets
from gangsaw.engine.watchdog import Keeper
from gangsaw.git import Pool, Repository
from gangsaw.verify import Slots

Job = Callable[[threading.Event], list[Observation]]
"""The part of an effect that runs in a lane: given a "no longer wanted" event, it returns what it
found. Whatever it raises becomes an `effect.failed` event, and the action is tried again."""


@dataclass(frozen=True, slots=True)
class World:
    """One run's surroundings. Candidates have a slot of their own, so that a landing never waits
    behind the checks of work that is not yet in the queue; so has what landed. `templates` are the
    user's own prompt templates by turn kind, `found_in_use` the turn folders, there or gone, in
    which processes were alive before this engine began anything, `roles` the repository's by name,
    `pool` the files of ended attempts' worktrees, `recruits` the agents that were added since, as
    the settings had them by then."""

    repo: Repository
    layout: Layout
    settings: Settings
    state: State
    environ: Mapping[str, str]
    slots: Slots
    gate_slots: Slots
    launches: Launches
    room: Room
    templates: Mapping[str, str]
    found_in_use: frozenset[Path] = frozenset()
    scrubber: Scrubber = field(default_factory=Scrubber)
    roles: Mapping[str, Role] = field(default_factory=dict)
    pool: Pool | None = None
    after_slots: Slots | None = None
    recruits: Mapping[str, AgentSettings] = field(default_factory=dict)
    keeper: Keeper | None = None
    task_file_lock: threading.Lock = field(default_factory=threading.Lock)
    """Held by who writes the file that the plan came from, and by who delivers a version of it."""

    def agent(self, name: str) -> AgentSettings | None:
        """The settings of the agent called `name`, or `None`."""
        return self.recruits.get(name) or self.settings.agent(name)

    @property
    def secrets(self) -> Secrets:
        """What must not be written anywhere."""
        return self.scrubber.secrets

    def trace(self, attempt: str, folder: Path, worktree: str) -> Trace:
        """How the processes of a launch are found if its folder is gone."""
        places = (folder, Path(worktree)) if worktree else (folder,)
        return Trace(self.layout.mark_prefix(attempt), places)
