"""Delivery: the user's branch moved to what landed, by fast-forward only; and one push with it."""

from __future__ import annotations

import threading

from gangsaw.core import actions as ac
from gangsaw.core.observations import (
    Observation,
    TargetAtIntegration,
    TargetElsewhere,
    TargetNotMovable,
)
from gangsaw.engine.world import Job, World
from gangsaw.git import (
    AlreadyThere,
    CheckoutBusy,
    CheckoutDirty,
    Delivered,
    Pushed,
    PushRejected,
    Repository,
    TargetMissing,
    TargetMoved,
    branch_ref,
    deliver,
    push,
    read_ref,
)

FILES_SHOWN = 3


def deliver_target(action: ac.Deliver, world: World) -> Job:
    """Fast-forward the target to the commit, or say why that has to wait."""
    repo, remote, integration = world.repo, world.settings.remote, world.state.integration

    def job(unwanted: threading.Event) -> list[Observation]:
        if (text := _taken_back(repo, action, integration)) is not None:
            return [TargetNotMovable(action.commit, text)]
        match deliver(repo, action.target, action.commit):
            case Delivered() | AlreadyThere():
                return [_push(action, world, remote)]
            case TargetMoved(commit):
                return [TargetElsewhere(commit)]
            case CheckoutDirty(path, files):
                names = ", ".join(files[:FILES_SHOWN])
                more = f" and {len(files) - FILES_SHOWN} more" if len(files) > FILES_SHOWN else ""
                remedy = "commit or stash them (git stash -u)"
                text = f"{path} has uncommitted changes ({names}{more}); {remedy}"
                return [TargetNotMovable(action.commit, text)]
            case CheckoutBusy(reason):
                return [TargetNotMovable(action.commit, reason)]
            case TargetMissing(branch):
                remedy = f"git branch {branch} {action.commit[:12]}"
                text = f"branch {branch} does not exist any more; try: {remedy}"
                return [TargetNotMovable(action.commit, text)]

    return job


def _taken_back(repo: Repository, action: ac.Deliver, integration: str) -> str | None:
    """Why nothing is delivered although it could be: somebody has set the target back behind what
    was delivered before, and bringing that back is not for us to decide."""
    former = action.former
    tip = read_ref(repo, branch_ref(action.target))
    if not former or tip is None or tip == former or not repo.is_ancestor(tip, former):
        return None
    return (
        f"{action.target} was set back to {tip[:12]}, behind {former[:12]}, which had been "
        f"delivered; to have all of it again: git merge --ff-only {integration}"
    )


def _push(action: ac.Deliver, world: World, remote: str | None) -> Observation:
    if not remote:
        return TargetAtIntegration(action.commit)
    match push(world.repo, remote, action.target):
        case Pushed():
            return TargetAtIntegration(action.commit, remote)
        case PushRejected(reason):
            here = f"{action.target} is at {action.commit[:12]} here"
            text = f"{here}, but {remote} refused it: {reason}"
            return TargetNotMovable(action.commit, text)
