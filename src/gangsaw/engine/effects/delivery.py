"""Delivery: the user's branch moved to what landed, by fast-forward only; and pushed, never by
force."""

from __future__ import annotations

import shlex
import threading
from typing import assert_never

from gangsaw.core import actions as ac
from gangsaw.core.observations import (
    Observation,
    PushRefused,
    TargetAtIntegration,
    TargetElsewhere,
    TargetNotMovable,
    TargetPushed,
)
from gangsaw.engine.effects.marks import marks_of
from gangsaw.engine.world import Job, World
from gangsaw.git import (
    AlreadyThere,
    CheckoutBusy,
    CheckoutDirty,
    Delivered,
    Pushed,
    PushRejected,
    Refusal,
    RemoteMoved,
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
    repo, owner = world.repo, marks_of(world.state)

    def job(unwanted: threading.Event) -> list[Observation]:
        if (text := _taken_back(repo, action)) is not None:
            return [TargetNotMovable(action.commit, text)]
        with world.task_file_lock:
            delivery = deliver(repo, action.target, action.commit, owner=owner)
        match delivery:
            case Delivered() | AlreadyThere():
                return [TargetAtIntegration(action.commit)]
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


def _taken_back(repo: Repository, action: ac.Deliver) -> str | None:
    """Why nothing is delivered although it could be: somebody has set the target back behind what
    was delivered before, and bringing that back is not for us to decide."""
    former = action.former
    tip = read_ref(repo, branch_ref(action.target))
    if not former or tip is None or tip == former or not repo.is_ancestor(tip, former):
        return None
    return (
        f"{action.target} was set back to {tip[:12]}, behind {former[:12]}, which had been "
        f"delivered; to have all of it again: git merge --ff-only {action.commit[:12]}"
    )


def push_target(action: ac.Push, world: World) -> Job:
    """Push the delivered commit to the remote's branch, or say why that has to wait."""
    repo, run, integration = world.repo, world.layout.run, world.state.integration
    remote, commit = action.remote, action.commit

    def job(unwanted: threading.Event) -> list[Observation]:
        match push(repo, remote, action.target, commit, run=run):
            case Pushed():
                return [TargetPushed(commit, remote)]
            case RemoteMoved(tip):
                return [_elsewhere(repo, action, tip)]
            case PushRejected(refusal, reason):
                text = _refused_text(action, refusal, reason, integration)
                passing = refusal is Refusal.UNREACHABLE
                return [PushRefused(commit, remote, text, passing)]

    return job


def _elsewhere(repo: Repository, action: ac.Push, tip: str) -> TargetElsewhere:
    """What is to be merged in: the remote's commits, or the target where a person has merged them
    there already."""
    here = read_ref(repo, branch_ref(action.target))
    if here is not None and here != action.commit and repo.is_ancestor(tip, here):
        return TargetElsewhere(here)
    return TargetElsewhere(tip, action.remote)


def _refused_text(action: ac.Push, refusal: Refusal, reason: str, integration: str) -> str:
    """Why it is not pushed, and what a person can do."""
    target, remote = shlex.quote(action.target), shlex.quote(action.remote)
    here = f"{action.target} is at {action.commit[:12]} here"
    match refusal:
        case Refusal.UNREACHABLE:
            return f"{here}, but {action.remote} cannot be reached: {reason}"
        case Refusal.SIGN_IN:
            return (
                f"{here}, but {action.remote} does not let us in: {reason}; "
                f"try to sign in with: git push {remote} {target}"
            )
        case Refusal.PROTECTED:
            there = f"{action.commit[:12]}:refs/heads/{shlex.quote(integration)}"
            return (
                f"{here}, but {action.remote} does not take pushes to {action.target}: {reason}; "
                f"try: git push {remote} {there}, and a pull request from it"
            )
        case Refusal.REFUSED:
            lfs = "; its large files first: git lfs push" if "LFS" in reason else ""
            lfs = f"{lfs} {remote} {target}" if lfs else ""
            return (
                f"{here}, but {action.remote} refused it: {reason}{lfs}; once it is mended: "
                f"gangsaw run, or git push {remote} {target}"
            )
        case _:
            assert_never(refusal)
