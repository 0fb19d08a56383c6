"""What the live agents of a run use, each with its whole tree of processes.

A tree is found from what is on record in its turn folder: the shim, which adopts whatever of the
tree loses its parent, and the agent. Whose boot or start time differs is not there any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.state import Attempt, State
from gangsaw.meters import Root, Survey, Tree
from gangsaw.procs import StartedRecord, boot_id
from gangsaw.procs.records import read_started


@dataclass(frozen=True, slots=True)
class Footprint:
    """The tree of one live agent. `agent` is the name of who acts, `since` epoch seconds."""

    attempt: str
    task: str
    agent: str
    launch: int
    since: float
    tree: Tree


def roots_of(folder: Path) -> tuple[Root, ...]:
    """The processes from which the tree of a turn hangs; none where nothing of it can be alive."""
    started = read_started(folder)
    if not isinstance(started, StartedRecord) or boot_id() not in ("", started.boot_id):
        return ()
    return tuple(Root(one.pid, one.start_ticks) for one in (started.shim, started.agent))


def footprints(attempts: Path, state: State, seen: Survey) -> list[Footprint]:
    """One for each agent that is alive, in order of admission. `attempts` is the folder of the
    run's attempts."""
    found = []
    for attempt in state.live_attempts():
        if attempt.phase not in AGENT_ALIVE:
            continue
        tree = seen.tree(roots_of(_folder(attempts, attempt)))
        if tree.pids:
            agent = attempt.acting or attempt.agent
            since = attempt.launched_at or attempt.since
            found.append(Footprint(attempt.id, attempt.task, agent, attempt.launch, since, tree))
    return found


def _folder(attempts: Path, attempt: Attempt) -> Path:
    return attempts / attempt.id / f"turn-{attempt.launch}"
