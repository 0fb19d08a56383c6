"""Single effects on what is really there: launches whose folders were removed or never claimed,
worktrees that cannot be removed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core import actions as ac
from gangsaw.core.errors import UserError
from gangsaw.core.events import Cause
from gangsaw.core.model import Plan, Task, TurnKind
from gangsaw.core.observations import AttemptClosed, LaunchLost
from gangsaw.core.phases import Phase
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.core.state import Attempt, State, TaskState, Trouble
from gangsaw.engine.effects import turns, workspaces
from gangsaw.engine.launches import VANISHED, Launches
from gangsaw.engine.layout import Layout
from gangsaw.engine.room import Room as Disk
from gangsaw.engine.world import World
from gangsaw.git import open_repository
from gangsaw.testing.playground import Playground
from gangsaw.verify import Slots
from tests.process.turns import Room, shell, until

NAME = "r1/docs.1/turn-1"


def attempt_in(phase: Phase, *, started: bool, worktree: Path) -> Attempt:
    return Attempt(
        id="docs.1", task="docs", number=1, base="", agent="sh", model=None, branch="", phase=phase,
        since=0.0, admitted_at=0.0, launch=1, turn=1, started=started, path=str(worktree),
        stop_cause=Cause.STOPPED,
    )  # fmt: skip


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path / "control" / "attempts")
    yield made
    procs.end_strays("r1-docs.1-", (made.root,))
    made.clean()


@pytest.fixture
def watch() -> Iterator[procs.Watch]:
    with procs.Watch() as made:
        yield made


def world_of(
    room: Room, watch: procs.Watch, attempt: Attempt, in_use: frozenset[Path] = frozenset()
) -> World:
    """A world with one task and its attempt, which is being stopped."""
    root = room.root.parent.parent
    task = Task("docs", "Docs", "write")
    state = State(run="r1", plan=Plan("", (task,)))
    state.tasks, state.task_states = {"docs": task}, {"docs": TaskState(unmet=0)}
    state.attempts, state.live = {"docs.1": attempt}, {"docs.1": None}
    repo = open_repository(Playground(root / "ground").repo)
    disk = Disk((root,), lambda: 1)
    slots = Slots(repo, root / "slots", "verify", 1)
    agent = AgentSettings("sh", "command", argv=("sh", "-c", "true"))
    return World(
        repo, Layout(room.root.parent, root / "worktrees", "r1"), Settings(agents=(agent,)), state,
        {}, slots, slots, Launches(watch, disk), disk, {}, in_use,
    )  # fmt: skip


@pytest.mark.parametrize("started", [True, False], ids=["known", "not yet known"])
@pytest.mark.guarantee("G6")
def test_a_launch_without_folder_is_over_only_when_it_has_ended(
    room: Room, watch: procs.Watch, tmp_path: Path, started: bool
) -> None:
    """Its records were removed, and at that moment the run is stopped."""
    folder = room.folder(NAME)
    room.marks[folder] = "r1-docs.1-" + room.marks[folder]
    room.launch(shell("setsid sleep 86399 & echo up; exec sleep 86399"), NAME)
    room.started(NAME)
    until(lambda: (folder / "out").exists() and "up" in room.output(NAME), "the agent")
    shutil.rmtree(folder)
    attempt = attempt_in(Phase.STOPPING, started=started, worktree=tmp_path)
    world = world_of(room, watch, attempt)
    found = turns.stop(ac.StopTurn("docs.1", 1, False), world)(threading.Event())
    assert found == [LaunchLost("docs.1", 1, True, VANISHED)]
    assert room.leftovers() == []


def test_a_launch_that_never_was_is_stopped_before_it_ran(
    room: Room, watch: procs.Watch, tmp_path: Path
) -> None:
    attempt = attempt_in(Phase.STOPPING, started=False, worktree=tmp_path)
    world = world_of(room, watch, attempt)
    found = turns.stop(ac.StopTurn("docs.1", 1, False), world)(threading.Event())
    assert found == [LaunchLost("docs.1", 1, False, "stopped before it ran")]


def test_a_folder_whose_lock_was_held_for_a_moment_was_not_begun(
    room: Room, watch: procs.Watch, tmp_path: Path
) -> None:
    """A former engine's launch was on its way when this one looked, and came to nothing: the
    folder is there, and nobody has claimed it. It never ran, and uses up no try."""
    folder = room.folder(NAME)
    folder.mkdir(parents=True)
    for name in ("lock", "spec.json"):
        (folder / name).touch()
    attempt = attempt_in(Phase.STOPPING, started=False, worktree=tmp_path)
    world = world_of(room, watch, attempt, frozenset({folder}))
    job = turns.run(ac.RunTurn("docs.1", 1, 1, TurnKind.WORK, None), world)
    found = job(threading.Event())
    assert found == [LaunchLost("docs.1", 1, False, "stopped before it ran")]


def test_a_folder_that_was_in_use_and_is_gone_is_not_begun_again(
    room: Room, watch: procs.Watch, tmp_path: Path
) -> None:
    folder = room.folder(NAME)
    attempt = attempt_in(Phase.STOPPING, started=False, worktree=tmp_path)
    world = world_of(room, watch, attempt, frozenset({folder}))
    job = turns.run(ac.RunTurn("docs.1", 1, 1, TurnKind.WORK, None), world)
    assert job(threading.Event()) == [LaunchLost("docs.1", 1, True, VANISHED)]


@pytest.mark.parametrize("for_room", [0, 3])
def test_a_worktree_is_left_in_place_only_for_what_does_not_pass(
    room: Room, watch: procs.Watch, tmp_path: Path, for_room: int
) -> None:
    """Three tries have failed, and the fourth does. For want of room there is another one."""
    world = world_of(room, watch, attempt_in(Phase.FAILED, started=True, worktree=tmp_path))
    path = world.layout.worktree("docs.1")
    path.mkdir(parents=True)
    (path / "not-a-worktree").touch()
    world.state.troubles["docs.1", "CloseWorkspace"] = Trouble(3, 0.0, "no room", for_room)
    job = workspaces.close(ac.CloseWorkspace("docs.1", "gangsaw/r1/docs.1"), world)
    if for_room:
        with pytest.raises(UserError, match="cannot remove the worktree"):
            job(threading.Event())
    else:
        closed = AttemptClosed("docs.1", (f"left in place: {path}",))
        assert job(threading.Event()) == [closed]
