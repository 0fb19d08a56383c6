"""Checks in the played world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.events import CheckResult, Judgement, Stage
from gangsaw.core.model import Check, When
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.shims import (
    Left,
)
from gangsaw.testing.simulation.trees import Tree, tree_id

if TYPE_CHECKING:
    from gangsaw.testing.simulation.world import World

AT_STAGE = {
    Stage.WORK: (When.ALWAYS, When.WORK),
    Stage.CANDIDATE: (When.ALWAYS, When.LANDING),
    Stage.AFTER: (When.AFTER,),
}
"""Which checks look at which trees."""


def run_checks(world: World, action: ac.RunChecks) -> ob.Observation:
    """Run checks on a tree, or in the plain folder of an attempt."""
    if action.only:
        return _some_tests(world, action)
    if action.commit:
        tree = world.trees.commits[action.commit].tree
        green = world.trees.green.setdefault(tree_id(tree), set())
        results = _in_order(world, action, tree, green)
    else:
        red = world.latest[action.about].left is Left.RED
        results = [_plain_check(world, action.about, check, red) for check in action.checks]
    judgements = {result.judgement for result in results}
    worst = Judgement.PASSED
    for judgement in (Judgement.INCONCLUSIVE, Judgement.FAILED):
        worst = judgement if judgement in judgements else worst
    if worst is Judgement.FAILED:
        world.trees.red_runs[action.about, action.commit] += 1
    return ob.ChecksDone(
        action.about, action.commit, action.tree, worst, tuple(results), action.round
    )


def _some_tests(world: World, action: ac.RunChecks) -> ob.Observation:
    """Only these tests of one check, as the check says how; it is known by its command."""
    tests, trees = world.trees.tests, world.trees
    (check,) = action.checks
    tree = trees.commits[action.commit].tree
    name, asked = tests.asked(check)
    if asked != action.only or action.stage is not Stage.CANDIDATE:
        raise Broken(f"{check.argv} is run for {action.only} of {action.about}")
    if name not in {one.name for one in world.named if one.key == action.part_of}:
        raise Broken(f"{action.part_of} is said to be run in part, and {name} is")
    flaky = world.temper.flaky and world.rng.random() < world.temper.flaky
    red = set(trees.red_tests(tree, name)) & set(asked)
    if flaky:
        red.add(world.rng.choice(asked))
    failed = bool(red)
    if not tests.knows_all(tree, asked):
        # The runner does not know one of them, and runs none.
        red, failed = set(), True
    judgement = Judgement.FAILED if failed else Judgement.PASSED
    if world.rng.random() < world.temper.inconclusive:
        judgement, red = Judgement.INCONCLUSIVE, set()
    failing = tuple(sorted(red))
    tests.ran.append((action.commit, asked, judgement, failing))
    result = CheckResult(check.name, judgement, 0.1, key=check.key, failing=failing)
    done = (action.about, action.commit, action.tree, judgement, (result,))
    return ob.ChecksDone(*done, action.round, action.only)


def _in_order(world: World, action: ac.RunChecks, tree: Tree, green: set[str]) -> list[CheckResult]:
    """One order after the other, until something of one has failed."""
    results: list[CheckResult] = []
    orders = [check.order for check in action.checks]
    if orders != sorted(orders):
        raise Broken(f"{action.about} is checked in the order {orders}")
    for at, check in enumerate(action.checks):
        if check.when not in AT_STAGE[action.stage]:
            raise Broken(f"{check.name} is run of {action.about}, and looks {check.when}")
        done = results and check.order > orders[at - 1]
        if done and any(one.judgement is not Judgement.PASSED for one in results):
            break
        results.append(_one_check(world, check, tree, green))
    return results


def _one_check(world: World, check: Check, tree: Tree, green: set[str]) -> CheckResult:
    if world.rng.random() < world.temper.inconclusive:
        return CheckResult(check.name, Judgement.INCONCLUSIVE, 1.0, key=check.key)
    flaky = world.temper.flaky and world.rng.random() < world.temper.flaky
    if flaky or world.trees.is_red(tree, check.name):
        world.trees.seen_red.add(tree_id(tree))
        failing = world.trees.named_red(tree, check)
        return CheckResult(
            check.name, Judgement.FAILED, 1.0, code=1, tail="red", key=check.key,
            failing=failing,
        )  # fmt: skip
    green.add(check.name)
    return CheckResult(check.name, Judgement.PASSED, 1.0, code=0, key=check.key)


def _plain_check(world: World, about: str, check: Check, red: bool) -> CheckResult:
    if world.rng.random() < world.temper.inconclusive:
        return CheckResult(check.name, Judgement.INCONCLUSIVE, 1.0, key=check.key)
    if red:
        world.plain_red.add(about)
        return CheckResult(check.name, Judgement.FAILED, 1.0, code=1, tail="red", key=check.key)
    world.plain_green.setdefault(about, set()).add(check.name)
    return CheckResult(check.name, Judgement.PASSED, 1.0, code=0, key=check.key)
