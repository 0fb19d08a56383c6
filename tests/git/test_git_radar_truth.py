"""The radar says of every pair what `git merge` says of it; so do landing queue and ladder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

from gangsaw.core.overlaps import INTEGRATION
from gangsaw.git import Conflict, LiveWork, Radar, merge_tree, read_clashes
from tests.git.git_yard import Yard, plain_env
from tests.git.histories import Stream, make_history

LONG = bool(os.environ.get("GANGSAW_LONG"))
HISTORIES = int(os.environ.get("GANGSAW_HISTORIES", 1000 if LONG else 300))
BRANCHES = 4 if LONG else 2
ALSO_QUEUE = 1 if LONG else 3
"""Of every so many histories, what lands is merged as the landing queue does, too."""


class Judge:
    """`git merge` itself, in a worktree of its own."""

    def __init__(self, yard: Yard) -> None:
        self._place = yard.trees / "judge"
        self._littered = False
        yard.git("worktree", "add", "-q", "--detach", str(self._place))

    def conflicts(self, ours: str, theirs: str) -> bool:
        """Whether merging `theirs` into a checkout of `ours` stops."""
        clean = " && git clean -fdxq" if self._littered else ""
        script = f'git checkout -q -f --detach "$1"{clean} && git merge -q --no-commit --no-ff "$2"'
        done = subprocess.run(
            ["sh", "-c", script, "sh", ours, theirs],
            cwd=self._place, env=plain_env(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        # What a conflict leaves lying about would be in the way of the next one.
        self._littered = bool(done.returncode)
        said = done.stdout + done.stderr
        # Of some conflicts in which a file gives way to a folder git dies when it writes them down.
        assert done.returncode in (0, 1, 128), said
        if done.returncode:
            assert "CONFLICT" in said, said
        return bool(done.returncode)


def fast_import(yard: Yard, stream: Stream) -> None:
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"],
        cwd=yard.root, env=plain_env(), input=b"".join(stream.parts), check=True,
    )  # fmt: skip


def test_generated_histories(
    make_yard: Callable[..., Yard], record_property: Callable[[str, object], None]
) -> None:
    yard = make_yard()
    stream = Stream()
    histories = [make_history(stream, seed, BRANCHES) for seed in range(HISTORIES)]
    fast_import(yard, stream)
    heads = yard.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/c*")
    commits = dict(line.split(" ") for line in heads.split("\n"))
    judge, radar = Judge(yard), Radar(yard.repo)
    pairs = conflicts = merged = 0
    for seed, history in enumerate(histories):
        tips = {f"b{n}": commits[f"c{mark}"] for n, mark in enumerate(history.branches)}
        main, main_at = commits[f"c{history.main[-1]}"], len(history.main) - 1
        sweep = radar.sweep([LiveWork(name, None, tip) for name, tip in tips.items()], main)
        assert not sweep.failed
        merged += sweep.merged
        said = {(overlap.ours, overlap.theirs) for overlap in sweep.overlaps}
        everything = {INTEGRATION: main, **tips}
        for one, other in combinations(everything, 2):
            begun_there = one == INTEGRATION and history.starts[int(other[1:])] == main_at
            truth = not begun_there and judge.conflicts(everything[one], everything[other])
            assert ((one, other) in said) is truth, (seed, one, other, truth, history.done)
            if one == INTEGRATION and seed % ALSO_QUEUE == 0:
                merge = (yard.repo, main, everything[other])
                assert isinstance(merge_tree(*merge), Conflict) is truth, (seed, history.done)
                assert bool(read_clashes(*merge).clashes) is truth, (seed, history.done)
            pairs += 1
            conflicts += truth
    radar.close()
    record_property(
        "figure",
        f"radar: {HISTORIES} generated histories, {pairs} pairs, {conflicts} conflicts: "
        f"the verdict of git merge on all of them, with {merged} merges tried",
    )
    assert conflicts > pairs // 10
    assert merged < pairs
    assert not list(Path(yard.root, ".git").glob("gangsaw/index-*"))
