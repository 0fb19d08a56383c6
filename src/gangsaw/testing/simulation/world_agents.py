"""Agents of the played world: launched, at work, ended, lost, and what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.events import Cause
from gangsaw.core.model import TurnKind, task_of
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.shims import (
    NOTHING,
    Ending,
    Launch,
    Left,
    Style,
    Told,
    exit_of,
    random_launch,
)
from gangsaw.testing.simulation.trees import Kept

if TYPE_CHECKING:
    from gangsaw.testing.simulation.world import World

GRACE_S = 3.0
CHATTER_S = 30.0
SWEEP_S = 5.0
"""The longest that a tree without shim takes to be killed by the engine that finds it."""

TESTS_RED = 0.7
"""How often tests that were written before the work fail, where there is a check."""


def run_turn(world: World, action: ac.RunTurn) -> list[ob.Observation]:
    """Launch an agent, or adopt the one that is there; what is known of it up to now."""
    key = (action.about, action.launch)
    launch = world.launches.get(key)
    if launch is None:
        launch = _launch(world, action)
    world.watched.add(key)
    found: list[ob.Observation] = []
    if launch.started:
        found.append(ob.LaunchStarted(*key, 100, "group"))
    found += [ob.Noted(*key, note) for note in launch.notes[: launch.seen]]
    if launch.over is not None:
        found += [launch.acted] if launch.acted is not None else []
        found.append(launch.over)
    elif launch.headless:
        _sweep(world, launch)
    return found


def _launch(world: World, action: ac.RunTurn) -> Launch:
    task = task_of(action.about)
    for other in world.alive:
        if task_of(other) == task:
            raise Broken(f"{action.about} is launched while {other} is alive")
    former = world.latest.get(action.about)
    if former is not None:
        keep_work(world, action.about, former.number)
    launch = _begin(world, action)
    world.launches[action.about, action.launch] = launch
    world.latest[action.about] = launch
    world.alive[action.about] = launch
    world.plain_green.pop(action.about, None)
    world.plain_red.discard(action.about)
    if launch.ending is Ending.NEVER_RAN:
        world.at(world.now + world.rng.random(), lambda: lose(world, launch))
        return launch
    if action.onto is not None:
        _merge(world, action.about, action.onto)
    world.at(world.now + world.rng.random(), lambda: _start(world, launch))
    return launch


def _begin(world: World, action: ac.RunTurn) -> Launch:
    about = action.about
    if action.why in (TurnKind.TEST, TurnKind.WORK):
        (world.writing_tests.add if action.why is TurnKind.TEST else world.writing_tests.discard)(
            about
        )
    session = world.session_of(about) or f"s-{about}-{action.launch}"
    before = world.used.get(session, NOTHING)
    told = Told(world.styles.get(world.agent_of(about), Style.LAUNCH), session, before)
    launch = random_launch(world.rng, world.temper, about, action.launch, action.why, told)
    if about in world.writing_tests and launch.left is Left.GOOD and world.rng.random() < TESTS_RED:
        launch.left = Left.RED
    return launch


def _merge(world: World, about: str, onto: str) -> None:
    worktree, trees = world.trees.worktrees[about], world.trees
    if not trees.is_ancestor(onto, worktree.head):
        tree = trees.merged(worktree.head, onto)
        worktree.head = trees.commit(tree, worktree.head, onto)
    worktree.base = onto


def _tell(world: World, launch: Launch, seen: ob.Observation) -> None:
    if (launch.attempt, launch.number) in world.watched:
        world.report(f"launch {launch.attempt}", [seen])


def _start(world: World, launch: Launch) -> None:
    if not launch.alive:
        return
    launch.started = True
    _tell(world, launch, ob.LaunchStarted(launch.attempt, launch.number, 100, "group"))
    for n in range(len(launch.notes)):
        moment = world.now + launch.lasts_s * (n + 1) / (len(launch.notes) + 1)
        world.at(moment, lambda n=n: _note(world, launch, n))  # type: ignore[misc]
    match launch.ending:
        case Ending.HANGS:
            return
        case Ending.CHATTERS:
            _chatter(world, launch)
        case Ending.LOST:
            world.at(world.now + launch.lasts_s, lambda: lose(world, launch))
        case Ending.HEADLESS:
            world.at(world.now + launch.lasts_s / 2, lambda: _behead(world, launch))
            world.at(world.now + launch.lasts_s, lambda: lose(world, launch))
        case _:
            world.at(world.now + launch.lasts_s, lambda: _end(world, launch))


def _note(world: World, launch: Launch, n: int) -> None:
    if launch.alive and launch.seen == n:
        launch.seen = n + 1
        _tell(world, launch, ob.OutputGrew(launch.attempt, launch.number))
        _tell(world, launch, ob.Noted(launch.attempt, launch.number, launch.notes[n]))


def _chatter(world: World, launch: Launch) -> None:
    if launch.alive:
        _tell(world, launch, ob.OutputGrew(launch.attempt, launch.number))
        world.at(world.now + CHATTER_S, lambda: _chatter(world, launch))


def _behead(world: World, launch: Launch) -> None:
    """The shim dies and its agent goes on; an engine that watches kills what is left."""
    launch.headless = True
    if (launch.attempt, launch.number) in world.watched:
        _sweep(world, launch)


def _sweep(world: World, launch: Launch) -> None:
    world.at(world.now + SWEEP_S * world.rng.random(), lambda: lose(world, launch))


def _end(world: World, launch: Launch, *, stopped: bool = False) -> None:
    if launch.over is not None:
        return
    launch.over = exit_of(world.rng, launch, world.clock, stopped=stopped)
    launch.started, launch.alive = True, False
    world.used[launch.session] = launch.whole
    del world.alive[launch.attempt]
    if launch.attempt in world.trees.worktrees and launch.why is not TurnKind.REVIEW:
        _leave(world, launch, stopped=stopped)
    _tell(world, launch, launch.over)


def lose(world: World, launch: Launch) -> None:
    """Whatever there was of a launch is gone, and nothing recorded how it ended."""
    if launch.over is not None:
        return
    launch.over = ob.LaunchLost(launch.attempt, launch.number, launch.started, "no record")
    launch.alive = False
    if launch.started:
        world.used[launch.session] = launch.whole
    del world.alive[launch.attempt]
    _tell(world, launch, launch.over)


def _leave(world: World, launch: Launch, *, stopped: bool) -> None:
    """What the agent leaves in its worktree."""
    trees, worktree = world.trees, world.trees.worktrees[launch.attempt]
    worktree.fault, worktree.pending = "", ""
    if stopped or launch.ending is not Ending.DONE or launch.left is Left.EMPTY:
        return
    if world.named and launch.why is TurnKind.FIX and trees.tests.is_idle(launch.attempt):
        return
    if launch.left in (Left.UNMERGED, Left.STRAYED):
        worktree.fault = str(Cause[launch.left.name])
        return
    task = task_of(launch.attempt)
    checks = world.checks_of[task]
    red = frozenset({world.rng.choice(checks)}) if checks else frozenset[str]()
    tree = trees.change(
        task, trees.commits[worktree.head].tree, red if launch.left is Left.RED else frozenset()
    )
    made = trees.commit(tree, worktree.head)
    if launch.left is Left.UNCOMMITTED:
        worktree.pending = made
    else:
        worktree.head = made


def stop_turn(world: World, action: ac.StopTurn) -> list[ob.Observation]:
    """Have a launch end within the grace."""
    launch = world.launches.get((action.about, action.launch))
    if launch is None:
        return [ob.LaunchLost(action.about, action.launch, False, "stopped before it ran")]
    grace_s = 0.0 if action.hard else GRACE_S * world.rng.random()
    if launch.over is None:
        if launch.headless or launch.ending is Ending.NEVER_RAN or not launch.started:
            world.at(world.now + grace_s, lambda: lose(world, launch))
        else:
            world.at(world.now + grace_s, lambda: _end(world, launch, stopped=True))
    return []


def end_by_watchdog(world: World, launch: Launch, acted: ob.WatchdogActed) -> None:
    """The watchdog ends it, whether or not an engine is there."""
    launch.acted = acted
    _tell(world, launch, acted)
    if launch.headless:
        lose(world, launch)
    else:
        _end(world, launch, stopped=True)


def keep_work(world: World, about: str, launch: int) -> None:
    """Hold the work after a launch, once."""
    worktree = world.trees.worktrees.get(about)
    ref = f"refs/kept/{about}/turn-{launch}"
    if worktree is None or worktree.fault or ref in world.trees.kept:
        return
    commit = worktree.pending or worktree.head
    if commit != worktree.base:
        world.trees.kept[ref] = Kept(commit, worktree.base)
