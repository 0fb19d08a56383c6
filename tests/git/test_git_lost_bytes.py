"""No sequence of crashes, conflicts, cancels, cleans and undo makes a byte of an agent's
unreachable. The judge is the user's hardest collection, after each step."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.git import open_repository
from tests.git.git_yard import Yard
from tests.git.lost_bytes import World, play

LONG = bool(os.environ.get("GANGSAW_LONG"))
SEQUENCES = 2000 if LONG else 100
GROUPS = 4
ROUNDS = 12 if LONG else 2


def copy_of(yard: Yard, root: Path) -> Yard:
    shutil.copytree(yard.root, root)
    made = Yard(root, root.with_name(f"{root.name}-worktrees"))
    made.repo = open_repository(root)
    return made


@pytest.mark.guarantee("G9")
@pytest.mark.parametrize("group", range(GROUPS))
def test_no_byte_is_lost(
    yard: Yard, tmp_path: Path, group: int, record_property: Callable[[str, object], None]
) -> None:
    owed = kills = 0
    for seed in range(group, SEQUENCES, GROUPS):
        root = tmp_path / f"s{seed}"
        world = World(copy_of(yard, root), random.Random(seed))
        try:
            play(world, ROUNDS)
        except BaseException as error:
            error.add_note(f"seed {seed}:\n" + "\n".join(world.done))
            raise
        owed, kills = owed + len(world.owed), kills + world.kills
        shutil.rmtree(root)
        shutil.rmtree(world.yard.trees)
    assert owed > SEQUENCES
    assert kills > 0
    count = len(range(group, SEQUENCES, GROUPS))
    record_property(
        "figure", f"lost bytes, group {group}: {count} sequences, {kills} kills, "
        f"{owed} blobs owed, 0 lost",
    )  # fmt: skip
