"""Building candidates: whom a change waits for, what is told of it, what the settings ask for."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from gangsaw import procs
from gangsaw.core import actions as ac
from gangsaw.core.model import Check, Limits, Plan, Task
from gangsaw.core.observations import CandidateClashed, CandidateMade, Observation
from gangsaw.core.phases import Phase
from gangsaw.core.settings import AgentSettings, ConflictSettings, Settings
from gangsaw.core.state import Attempt, State
from gangsaw.engine.effects import candidates
from gangsaw.engine.launches import Launches
from gangsaw.engine.layout import Layout
from gangsaw.engine.room import Room as Disk
from gangsaw.engine.world import World
from gangsaw.git import open_repository
from gangsaw.testing.playground import Playground
from gangsaw.verify import Slots
from tests.run.broken_stage import Site, work

ATTEMPT = Attempt(
    id="a.1", task="a", number=1, base="", agent="sh", model=None, branch="", phase=Phase.LANDING,
    since=1.0, admitted_at=0.0,
)  # fmt: skip


def world_of(ground: Playground, checks: tuple[Check, ...] = ()) -> World:
    """A world with one attempt that is to land."""
    task = Task("a", "A", "do a", checks=checks)
    state = State(run="r1", plan=Plan("", (task,)), limits=Limits())
    state.tasks, state.attempts = {"a": task}, {"a.1": ATTEMPT}
    repo = open_repository(ground.repo)
    disk = Disk((ground.root,), lambda: 1)
    slots = Slots(repo, ground.root / "slots", "verify", 1)
    agent = AgentSettings("sh", "command", argv=("sh", "-c", "true"))
    settings = Settings(agents=(agent,), conflicts=ConflictSettings("off", ("LOG",)))
    layout = Layout(repo.control_dir, ground.root / "worktrees", "r1")
    with procs.Watch() as watch:
        return World(
            repo, layout, settings, state, {}, slots, slots, Launches(watch, disk), disk, {},
            frozenset(),
        )  # fmt: skip


def branch(ground: Playground, name: str, base: str, **files: str) -> str:
    ground.git("checkout", "-q", "-b", name, base)
    for path, text in files.items():
        (ground.repo / path).parent.mkdir(exist_ok=True)
        (ground.repo / path).write_text(text)
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", name)
    return ground.git("rev-parse", "HEAD")


def build(world: World, work: str, onto: str, *ahead: tuple[str, str]) -> Observation:
    action = ac.BuildCandidate("a.1", work, onto, "A", "Gangsaw-Run: r1", ahead=ahead)
    (found,) = candidates.build(action, world)(threading.Event())
    return found


def test_a_change_waits_for_the_first_that_no_means_can_merge_it_with(tmp_path: Path) -> None:
    ground = Playground(tmp_path)
    base = branch(ground, "base", "HEAD", LOG="start\n", code="0\n")
    first = branch(ground, "first", base, LOG="start\nfirst\n")
    second = branch(ground, "second", first, code="2\n")
    third = branch(ground, "third", second, more="3\n")
    mine = branch(ground, "mine", base, LOG="start\nmine\n", code="1\n")
    world = world_of(ground)
    found = build(world, mine, third, ("x.1", first), ("y.1", second), ("z.1", third))
    assert isinstance(found, CandidateClashed)
    assert found.against == "y.1"
    plain = replace(world, settings=replace(world.settings, conflicts=ConflictSettings("off")))
    found = build(plain, mine, third, ("x.1", first), ("y.1", second), ("z.1", third))
    assert isinstance(found, CandidateClashed)
    assert found.against == "x.1"


def test_where_checks_go_by_paths_those_of_the_candidate_are_told(tmp_path: Path) -> None:
    """git changes a file where it was moved to."""
    ground = Playground(tmp_path)
    files = {f"old/{n}": f"{n}\n" * 9 for n in range(3)}
    base = branch(ground, "base", "HEAD", **files)
    mine = branch(ground, "mine", base, **{"old/1": "1\n" * 9 + "mine\n"})
    ground.git("checkout", "-q", "-b", "moved", base)
    ground.git("mv", "old", "new")
    ground.git("commit", "-q", "-m", "moved")
    onto = ground.git("rev-parse", "HEAD")
    found = build(world_of(ground, (Check("c", ("true",), paths=("new",)),)), mine, onto)
    assert isinstance(found, CandidateMade)
    assert (found.files, found.paths) == (1, ("new/1",))
    found = build(world_of(ground, (Check("c", ("true",)),)), mine, onto)
    assert isinstance(found, CandidateMade)
    assert (found.files, found.paths) == (0, ())


def test_a_merge_program_that_is_not_there_is_said_before_anything_begins(tmp_path: Path) -> None:
    site = Site(tmp_path, [work("a")])
    site.ground.settings('[landing]\nmergiraf = "on"\n')
    done = site.ground.call("run", site.plan)
    assert done.returncode == 2
    assert "cannot find mergiraf" in done.stderr
    assert site.ground.git("branch", "--list", "gangsaw/*") == ""
