"""Candidates, the integration branch, the target and the remote of the played world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.trees import tree_id

if TYPE_CHECKING:
    from gangsaw.testing.simulation.world import World

AGAINST_UNKNOWN = 0.2
"""How often nobody knows with which of the changes ahead one does not merge."""


def build_candidate(world: World, action: ac.BuildCandidate) -> ob.Observation:
    """Merge work with what it is to land on, or find that it clashes."""
    made_by = world.trees.undo if action.undoes else world.trees.candidate
    made = made_by(action.onto, action.work)
    if made is None:
        against = _clashing(world, action)
        return ob.CandidateClashed(action.about, action.work, action.onto, ("file",), against)
    tree = tree_id(world.trees.commits[made].tree)
    way = "" if action.undoes else world.finds.way_of(made, world.temper.mechanical)
    paths = ("file",) if way else ()
    return ob.CandidateMade(action.about, action.work, action.onto, made, tree, way, paths)


def _clashing(world: World, action: ac.BuildCandidate) -> str:
    """The first change ahead with which it does not merge, where that was found out; none
    where it is what landed."""
    if action.undoes or not action.ahead:
        return ""
    if action.landed and world.trees.clashes(action.landed, action.work):
        return ""
    if world.rng.random() < AGAINST_UNKNOWN:
        return action.ahead[-1][0]
    found = (a for a, commit in action.ahead if world.trees.clashes(commit, action.work))
    return next(found)


def move_integration(world: World, action: ac.MoveIntegration) -> ob.Observation:
    """Compare and swap the integration branch."""
    about, commit, onto = action.about, action.commit, action.onto
    found = world.trees.move_integration(about, commit, onto, joined=bool(action.title))
    if action.title and (about, onto, found) in world.trees.moves:
        return ob.IntegrationMoved(about, commit, onto, found)
    if found == commit:
        return ob.IntegrationMoved(about, commit, onto)
    return ob.IntegrationElsewhere(action.about, action.commit, action.onto, found)


def deliver(world: World, action: ac.Deliver) -> ob.Observation:
    """Move the target, where that is a fast-forward and nothing is in the way."""
    trees = world.trees
    if trees.is_ancestor(action.commit, trees.target):
        return ob.TargetAtIntegration(action.commit)
    if not trees.is_ancestor(trees.target, action.commit):
        return ob.TargetElsewhere(trees.target)
    if trees.dirty:
        return ob.TargetNotMovable(action.commit, "uncommitted changes")
    if all(action.commit != commit for _, _, commit in trees.moves):
        raise Broken(f"the target would be moved to {action.commit}, which was never checked")
    trees.target = action.commit
    return ob.TargetAtIntegration(action.commit)


def push(world: World, action: ac.Push) -> ob.Observation:
    """Push the target, where there is a network and nobody else has pushed."""
    trees, rng, commit, remote = world.trees, world.rng, action.commit, action.remote
    if not trees.is_ancestor(commit, trees.target):
        raise Broken(f"{commit} is pushed before it is delivered")
    if world.temper.unreachable and rng.random() < world.temper.unreachable:
        return ob.PushRefused(commit, remote, "no network", passing=rng.random() < 0.8)
    if world.temper.remote_moves and rng.random() < world.temper.remote_moves:
        tree = trees.change("@user", trees.commits[trees.remote].tree, frozenset())
        trees.remote = trees.commit(tree, trees.remote)
    if trees.is_ancestor(commit, trees.remote):
        return ob.TargetPushed(commit, remote)
    if not trees.is_ancestor(trees.remote, commit):
        if trees.target != commit and trees.is_ancestor(trees.remote, trees.target):
            return ob.TargetElsewhere(trees.target)
        return ob.TargetElsewhere(trees.remote, remote)
    trees.remote = commit
    return ob.TargetPushed(commit, remote)
