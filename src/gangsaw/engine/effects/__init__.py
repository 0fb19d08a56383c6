"""One module per subject; one function per action. Each takes what it needs from the state, and
gives the lane it belongs to and the job to be done there."""

from __future__ import annotations

from typing import assert_never

from gangsaw.core import actions as ac
from gangsaw.core.events import Stage
from gangsaw.engine.effects import candidates, checks, delivery, sources, turns, work, workspaces
from gangsaw.engine.world import Job, World

_LANES = {Stage.WORK: "checks", Stage.CANDIDATE: "gate", Stage.AFTER: "after"}
"""Where the checks of a tree run: each kind of tree beside the others."""


def carry_out(action: ac.Action, world: World) -> tuple[str, Job]:
    """The lane and the job of an action."""
    match action:
        case ac.CreateIntegration():
            return "git", candidates.create_integration(action, world)
        case ac.PrepareWorkspace():
            # A setup may take long, and must not keep other attempts from the git lane.
            lane = "checks" if world.settings.worktree.setup else "git"
            return lane, workspaces.prepare(action, world)
        case ac.RunTurn():
            return "procs", turns.run(action, world)
        case ac.StopTurn():
            return "procs", turns.stop(action, world)
        case ac.InspectWork():
            return "git", work.inspect(action, world)
        case ac.RunChecks():
            return _LANES[action.stage], checks.run(action, world)
        case ac.BuildCandidate():
            return "land", candidates.build(action, world)
        case ac.MoveIntegration():
            return "land", candidates.move(action, world)
        case ac.CloseWorkspace():
            return "git", workspaces.close(action, world)
        case ac.Deliver():
            return "land", delivery.deliver_target(action, world)
        case ac.Push():
            return "push", delivery.push_target(action, world)
        case ac.WriteStanding():
            return "source", sources.write_standing(action, world)
        case _:
            assert_never(action)
