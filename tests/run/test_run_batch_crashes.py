"""`kill -9` at every durable step of the landing queue: while candidates are built and conflict,
while a batch is checked and narrowed and a change is blamed, while several are joined and land.

Lives are killed one after the other in one run, each at the first passing of its step after the
former recovered, so that steps are met early and late; what a run does not come to any more is done
in a run of its own.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gangsaw.testing.endstate import EndState, end_state
from gangsaw.testing.queued import rows_of
from gangsaw.testing.warm import Warm
from tests.run.batch_ground import BatchYard, make_yard, wrong_after
from tests.run.crash_ground import live

LONG = bool(os.environ.get("GANGSAW_LONG"))
Figure = Callable[[str, object], None]
STEPS = (
    "git.merge_tree", "git.resolve", "git.candidate_commit", "git.ref_set[candidate]",
    "procs.spawn[check]", "verify.verdict_kept", "git.slot_checkout[gate slot]",
    "git.join_commit", "git.ref_move[integration]", "git.ref_delete[candidate]",
    "git.ref_move[target]", "git.deliver_files",
)  # fmt: skip
FACTS = (
    "queue.released", "candidate.wanted", "candidate.built", "candidate.conflicted",
    "batch.formed", "candidate.judged", "landing.wanted", "landed", "change.queued",
    "work.returned", "attempt.failed", "delivery.wanted", "delivered",
)  # fmt: skip
SIDES = [f"{step}:{side}" for step in STEPS for side in ("before", "after")]
SIDES += [f"store.append[{fact}]:{side}" for fact in FACTS for side in ("before", "after")]
IN_ONE_RUN = 5
RUNS = len(SIDES) // IN_ONE_RUN
RANDOM = int(os.environ.get("GANGSAW_PAIRS", "100" if LONG else "2"))
EXIT_NEEDS_YOU = 3


@dataclass
class Yard:
    """What the lives have in common, the end state of a calm run, and the sides in its order."""

    batch: BatchYard
    expected: EndState
    order: list[str]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with Warm() as warm:
        batch = make_yard(tmp_path_factory.mktemp("batches"), warm)
        ground = batch.fresh()
        points = batch.place.parent / "points"
        said = live(warm, ground, "--list", str(points))
        assert said == EXIT_NEEDS_YOU, (ground.root / "output").read_text()
        assert wrong_after(ground, None) == []
        yield Yard(batch, end_state(ground), list(dict.fromkeys(points.read_text().split("\n"))))


def test_the_calm_run_is_one_with_everything_in_it(yard: Yard, record_property: Figure) -> None:
    """It comes to each of the steps; a batch is narrowed, one change is blamed after its
    confirmation, one waits for what it does not merge with, several land at once."""
    ground = yard.batch.fresh()
    assert live(yard.batch.warm, ground, "--calm") == EXIT_NEEDS_YOU
    assert wrong_after(ground, yard.expected) == []
    rows = rows_of(ground)
    (first, *_) = [row.body for row in rows if row.kind == "batch.formed"]
    assert len(first["members"]) >= 4
    judged = [row.body for row in rows if row.kind == "candidate.judged"]
    red = [body["attempt"] for body in judged if body["judgement"] == "failed"]
    assert red[0] == first["members"][-1]
    assert red[-2:] == ["bad0.1", "bad0.1"]
    waited = [row.body for row in rows if row.kind == "change.queued"]
    assert any(body["attempt"] == "right0.1" and body["against"] for body in waited)
    landed = [row.body for row in rows if row.kind == "landed"]
    assert len({body["head"] for body in landed if body["head"]}) >= 2
    assert not set(SIDES) - set(yard.order)
    record_property(
        "figure",
        f"crash points of the landing queue: {len(STEPS) + len(FACTS)} steps, kill -9 at both "
        f"sides of each and at {RANDOM} random series: the end state always the same, no pin, "
        "worktree or lock left",
    )


@pytest.mark.guarantee("G1", "G7", "G9")
@pytest.mark.parametrize("number", range(RUNS))
def test_killed_in_the_middle_of_a_batch(number: int, yard: Yard) -> None:
    sides = sorted(SIDES, key=yard.order.index)[number::RUNS]
    missed = kills_and_end(yard, [f"{side}:1" for side in sides])
    for kill in missed:
        assert kills_and_end(yard, [kill]) == [], "it was not reached"


@pytest.mark.parametrize("seed", range(RANDOM))
def test_killed_anywhere_again_and_again(seed: int, yard: Yard) -> None:
    """At any step of such a run, in any order, and at later passings too."""
    rng = random.Random(seed)
    every = [side for side in yard.order if side]
    kills_and_end(yard, [f"{rng.choice(every)}:{rng.randint(1, 3)}" for _ in range(4)])


def kills_and_end(yard: Yard, kills: list[str]) -> list[str]:
    """Kill a run at each of the places in turn, let it go to its end, and judge it; which of the
    kills were not reached."""
    ground = yard.batch.fresh()
    warm = yard.batch.warm
    missed = [kill for kill in kills if live(warm, ground, kill) != -signal.SIGKILL]
    code = live(warm, ground, "--calm")
    said = (ground.root / "output").read_text()
    assert code == EXIT_NEEDS_YOU, said
    assert wrong_after(ground, yard.expected) == [], said
    shutil.rmtree(ground.root)
    return missed
