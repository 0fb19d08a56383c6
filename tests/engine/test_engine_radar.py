"""When the radar beside a run looks, and that nothing of it can hurt the run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gangsaw.core import observations as ob
from gangsaw.core.model import RadarPolicy
from gangsaw.core.overlaps import Overlap, OverlapFile, OverlapKind
from gangsaw.core.replacing import replace
from gangsaw.core.state import State
from gangsaw.core.work import turn
from gangsaw.engine.radar import PAUSE_AFTER_TROUBLE_S, SILENT_FACTOR, RadarWatch, as_read
from gangsaw.engine.warnings import Warnings
from gangsaw.git import Repository, Sweep
from gangsaw.git.scratch import make_scratch_repository
from tests.core.core_stage import BEGIN, state_after

EVERY_S = 30.0
WAIT_S = 60.0
TASKS = "task a\ntask b\n"


class Bench:
    """A repository with two worktrees, and the state of a run that has them."""

    def __init__(self, root: Path) -> None:
        self.repo: Repository = make_scratch_repository(root / "repo", {"x.txt": "1\n2\n3\n"})
        self.head = self.repo.resolve("HEAD") or ""
        for name in ("a.1", "b.1"):
            self.repo.git(
                "worktree", "add", "-q", "--detach", str(root / name), place=self.repo.here
            )
            (root / name / "x.txt").write_text(f"1\n{name}\n3\n")
        self.root = root
        self.state = self.at_work()
        self.woken = threading.Event()
        self.watch = RadarWatch(self.repo, self.state, self.woken.set)

    def at_work(self) -> State:
        lines = [BEGIN.replace("c0", self.head)]
        for name in ("a.1", "b.1"):
            lines.append(f"in WorkspaceAt {name} {self.root / name}\n")
            lines.append(f"in LaunchStarted {name} launch=1\n")
        return state_after(TASKS + "".join(lines))

    def stir(self, *names: str) -> None:
        self.watch.notice([ob.OutputGrew(name, 1) for name in names])

    def read(self, awake_s: float) -> list[ob.OverlapsRead]:
        """What it saw by then, once a look that has begun is over."""
        found = self.watch.read(awake_s)
        if self.watch.looks and self.woken.wait(WAIT_S):
            self.woken.clear()
            found += self.watch.read(awake_s)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_it_looks_when_somebody_has_stirred_and_not_too_often(bench: Bench) -> None:
    bench.stir("a.1", "b.1")
    assert bench.read(0.0) == []
    assert bench.watch.look_again_s(0.0) == EVERY_S
    assert bench.read(EVERY_S - 1) == []
    (seen,) = bench.read(EVERY_S)
    assert [(one.ours, one.theirs, one.paths) for one in seen.overlaps] == [
        ("a.1", "b.1", ("x.txt",))
    ]
    assert set(seen.looked) == {"a.1", "b.1"}
    bench.stir("a.1")
    assert bench.read(EVERY_S * 2 - 1) == []
    assert len(bench.read(EVERY_S * 2)) == 1
    # Nobody says a word: they are looked at all the same, more rarely.
    assert bench.read(EVERY_S * 3) == []
    assert len(bench.read(EVERY_S * (2 + SILENT_FACTOR))) == 1
    bench.watch.close()


def test_it_is_off_where_nobody_wants_it(bench: Bench) -> None:
    bench.state.limits = replace(bench.state.limits, radar=RadarPolicy.OFF)
    bench.stir("a.1", "b.1")
    assert (bench.read(0.0), bench.read(EVERY_S * 10)) == ([], [])
    assert bench.watch.look_again_s(EVERY_S * 10) is None
    bench.watch.close()


def test_its_trouble_is_one_observation_and_a_pause(bench: Bench) -> None:
    (bench.repo.common_dir / "info" / "attributes").mkdir(parents=True)
    bench.stir("a.1", "b.1")
    bench.read(0.0)
    (seen,) = bench.read(EVERY_S)
    assert "Is a directory" in seen.trouble
    bench.stir("a.1")
    assert bench.watch.look_again_s(EVERY_S) == PAUSE_AFTER_TROUBLE_S
    assert bench.read(EVERY_S + PAUSE_AFTER_TROUBLE_S - 1) == []
    (bench.repo.common_dir / "info" / "attributes").rmdir()
    (seen,) = bench.read(EVERY_S + PAUSE_AFTER_TROUBLE_S)
    assert len(seen.overlaps) == 1
    bench.watch.close()


def test_one_alone_on_the_newest_base_is_not_looked_at(bench: Bench) -> None:
    del bench.state.live["b.1"]
    bench.stir("a.1")
    assert (bench.read(0.0), bench.read(EVERY_S * 10)) == ([], [])
    bench.watch.close()


def test_of_what_could_not_be_read_nothing_is_over() -> None:
    sweep = Sweep(
        (), {"a": "1", "b": "2", "c": "3"}, (("b", "torn"),), (("@integration", "c", "x"),), 0
    )
    assert as_read(sweep).looked == ("a",)


def test_warnings_lie_in_files_while_they_stand(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    warnings = Warnings(folder)
    state = state_after(TASKS + BEGIN + "in WorkspaceAt a.1 /w\nin WorkspaceAt b.1 /w\n")
    warnings.show(state)
    assert not folder.exists()
    seen = Overlap("a.1", "b.1", (OverlapFile("x", OverlapKind.DELETED),))
    turn(state, 101, [ob.OverlapsRead((seen,), ("a.1", "b.1"))])
    warnings.show(state)
    assert sorted(path.name for path in folder.iterdir()) == ["a.md", "b.md"]
    text = (folder / "a.md").read_text()
    assert "CRITICAL o1: does not merge with b (attempt b.1)" in text
    assert "- x: one has changed it, the other has deleted it" in text
    turn(state, 102, [ob.OverlapsRead((), ("a.1", "b.1"))])
    warnings.show(state)
    assert list(folder.iterdir()) == []
