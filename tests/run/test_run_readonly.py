"""Folders that cannot be written to, with the real program.

Where the tests run as root, the program is started without root's right to write everywhere.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.run.broken_stage import GATE, Site, work

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
DROP = (
    "import ctypes, os, sys\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    f"for right in ({CAP_DAC_OVERRIDE}, {CAP_DAC_READ_SEARCH}):\n"
    f"    assert libc.prctl({PR_CAPBSET_DROP}, right, 0, 0, 0) == 0, 'cannot give up rights'\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


class Plain(Site):
    """A site whose programs have no more rights than an ordinary user's."""

    def argv(self, *words: str | Path) -> list[str]:
        argv = self.ground.argv(*words)
        return [sys.executable, "-c", DROP, *argv] if os.geteuid() == 0 else argv

    def call(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*words), cwd=self.ground.repo, env=self.ground.environment(),
            capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    @contextmanager
    def plain_engine(self) -> Iterator[subprocess.Popen[bytes]]:
        with (self.ground.root / "output").open("ab") as output:
            engine = subprocess.Popen(
                self.argv("run", self.plan, "--plain"), cwd=self.ground.repo,
                env=self.ground.environment(), stdout=output, stderr=output,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        try:
            yield engine
        finally:
            engine.kill()
            engine.wait(60)
            self.sweep()


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    modes = {folder: folder.stat().st_mode for folder in folders}
    for folder in folders:
        folder.chmod(0o500)
    try:
        yield
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)


def folders_below(root: Path) -> list[Path]:
    return [root, *(Path(place) for place, _, _ in os.walk(root) if Path(place) != root)]


def test_this_test_means_something(tmp_path: Path) -> None:
    assert ctypes.CDLL(None)
    site = Plain(tmp_path, [work("a")])
    with read_only(site.ground.repo):
        done = subprocess.run(
            [*site.argv("status")[:-3], "-c", "open('x', 'w')"], cwd=site.ground.repo,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert "PermissionError" in done.stderr


def test_no_control_folder_can_be_made(tmp_path: Path) -> None:
    site = Plain(tmp_path, [work("a")])
    git = site.ground.repo / ".git"
    with read_only(git):
        done = site.call("run", site.plan)
    assert done.returncode == 2
    assert f"cannot create {git}/gangsaw: Permission denied; try making {git} writable" in (
        done.stderr
    )
    assert site.call("run", site.plan).returncode == 0


def test_the_journal_cannot_be_written(tmp_path: Path) -> None:
    site = Plain(tmp_path, [work("a")])
    assert site.call("run", site.plan).returncode == 0
    journal = site.control.journal
    journal.chmod(0o400)
    done = site.call("run", "--new", site.plan)
    assert done.returncode != 0
    assert str(journal) in done.stderr
    assert "Traceback" not in done.stderr
    assert site.call("status").returncode == 0
    for path in site.control.root.glob("journal.db*"):
        path.chmod(0o600)  # SQLite makes its other files with the rights of the first
    site.call("run", "--new", site.plan)
    assert site.ground.status()["run"] == "r2"


@pytest.mark.parametrize("what", ["worktrees", "objects", "refs"])
def test_a_folder_is_read_only_for_a_while(tmp_path: Path, what: str) -> None:
    """The reason is told, and once it is mended the task lands."""
    again = GATE.replace("$GANGSAW_TASK", "again")
    again = f'[ "$GANGSAW_ATTEMPT" = a.1 ] || {{ {again}; }}'
    site = Plain(tmp_path, [work("a", GATE, again), work("b", needs=["a"])])
    git = site.ground.repo / ".git"
    with site.plain_engine() as engine:
        site.wait_started("a.1")
        worktrees = [site.ground.root / "repo-worktrees/r1"]
        shut = worktrees if what == "worktrees" else folders_below(git / what)
        with read_only(*shut):
            site.let_go("a")
            if what == "worktrees":
                failed = site.wait_event("effect.failed")
            else:
                failed = site.wait_event("attempt.failed")
            text = failed["text"]
            assert "ermission denied" in text or "insufficient permission" in text, text
            assert "Traceback" not in site.said()
        site.let_go("again")
        assert engine.wait(120) == 0, site.said()
    assert site.ground.statuses() == {"a": "landed", "b": "landed"}
