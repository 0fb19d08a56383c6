"""Checks of a tree, in a slot of ours."""

from __future__ import annotations

import threading
from pathlib import Path

from gangsaw.core import actions as ac
from gangsaw.core.events import Judgement, Stage
from gangsaw.core.observations import ChecksDone, Observation
from gangsaw.core.policy.gates import timeout_s
from gangsaw.core.replacing import replace
from gangsaw.engine.effects.setup import check_environment
from gangsaw.engine.effects.workspaces import furnish
from gangsaw.engine.fingerprints import environment_of
from gangsaw.engine.room import NoRoom
from gangsaw.engine.scrubbing import scrub
from gangsaw.engine.world import Job, World
from gangsaw.verify import CheckRun, Slots, Verdicts, run_checks


def _slots_for(stage: Stage, world: World) -> Slots:
    match stage:
        case Stage.WORK:
            return world.slots
        case Stage.CANDIDATE:
            return world.gate_slots
        case Stage.AFTER:
            return world.after_slots or world.slots


def run(action: ac.RunChecks, world: World) -> Job:
    """Run the checks on the commit (or in the attempt's plain folder) and report the verdict."""
    settings, layout = world.settings, world.layout
    limits, room = world.state.limits, world.room
    slots = _slots_for(action.stage, world)
    origin = world.repo.main_root or world.repo.root

    def prepare(path: Path) -> None:
        furnish(world, origin, path)

    wanted = CheckRun(
        about=action.about,
        commit=action.commit,
        tree=action.tree,
        checks=action.checks,
        folder=layout.checks_of(action.about),
        env=check_environment(world, action.about, action.checks),
        timeout_s=limits.check_timeout_s,
        grace_s=limits.grace_s,
        learned_s={check.key: timeout_s(world.state, check) for check in action.checks},
        # What is red in a combination is confirmed by the landing queue, on the same tree.
        retries=action.stage is not Stage.CANDIDATE,
        fresh=action.round > 0,
        environment=environment_of(world),
        verdicts=Verdicts(layout.verdicts) if settings.check_cache and not action.only else None,
        run=layout.run,
        plain_folder=None if action.commit else layout.plain_folder(action.about),
        setup=settings.worktree.setup,
        prepare=prepare,
        finish=lambda folder: scrub(folder, world.secrets.redactor),
    )

    def job(unwanted: threading.Event) -> list[Observation]:
        judgement, results = run_checks(wanted, slots, unwanted)
        if unwanted.is_set():
            return []
        tails = "\n".join(result.tail for result in results)
        if judgement is Judgement.FAILED and room.is_to_blame(tails):
            # They will be run again when there is room: a red check would blame the work.
            raise NoRoom(f"{room.free_mb()} MB of disk left, so that its checks cannot be believed")
        if action.only:
            results = tuple(
                replace(result, only=action.only, part_of=action.part_of) for result in results
            )
        seen = (action.about, action.commit, action.tree, judgement, results)
        return [ChecksDone(*seen, action.round, action.only)]

    return job
