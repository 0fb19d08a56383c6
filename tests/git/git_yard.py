"""A real repository, as a user has it, for the tests of the git room."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from gangsaw.git import Repository

KILL_TIMEOUT_S = 60
T = TypeVar("T")


def plain_env() -> dict[str, str]:
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.org",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "ann@example.org",
    }


@dataclass
class Yard:
    """A user's repository with one commit, and the folder its worktrees go to."""

    root: Path
    trees: Path
    repo: Repository = field(init=False)

    def git(
        self, *args: str, at: Path | None = None, ok: bool = True, stdin: str | None = None
    ) -> str:
        """What plain git says, as a user or an agent would call it."""
        done = subprocess.run(
            ["git", *args], cwd=at or self.root, env=plain_env(), capture_output=True, check=False,
            input=None if stdin is None else os.fsencode(stdin),
        )  # fmt: skip
        assert done.returncode == 0 or not ok, done.stderr.decode()
        return os.fsdecode(done.stdout).removesuffix("\n")

    def raw(self, *args: str) -> bytes:
        """What plain git prints, byte for byte."""
        return subprocess.run(
            ["git", *args], cwd=self.root, env=plain_env(), capture_output=True, check=True
        ).stdout

    @staticmethod
    def blob(content: bytes) -> str:
        """The id of a blob with this content."""
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def write(self, path: str, text: str | bytes, at: Path | None = None) -> Path:
        target = (at or self.root) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def commit(self, at: Path | None = None, message: str = "change", **files: str) -> str:
        """Commit everything there (plus `name=text` as `name.txt`); the commit's id."""
        for name, text in files.items():
            self.write(f"{name}.txt", text, at)
        self.git("add", "-A", at=at)
        self.git("commit", "-q", "--allow-empty", "-m", message, at=at)
        return self.git("rev-parse", "HEAD", at=at)

    def head(self, rev: str = "HEAD", at: Path | None = None) -> str:
        return self.git("rev-parse", rev, at=at)

    def run_killed(
        self, point: str, when: str, step: str, *, number: int = 1, listing: Path | None = None
    ) -> bool:
        """Carry out `step` (Python) in a process that kills itself at the `number`th passing of
        the fault point; every passing goes to the file `listing`, if given.

        False when it ended without coming there.
        """
        code = f"""
            import os, signal
            from pathlib import Path
            from gangsaw.core import faults
            from gangsaw.git import *
            repo = open_repository({str(self.root)!r})
            trees = Path({str(self.trees)!r})
            listing = {None if listing is None else str(listing)!r}
            passed = 0
            def probe(point, when):
                global passed
                if listing:
                    with open(listing, "a") as file:
                        file.write(f"{{point}}:{{when}}\\n")
                if (point, when) == ({point!r}, {when!r}):
                    passed += 1
                    if passed == {number}:
                        os.kill(os.getpid(), signal.SIGKILL)
            faults.set_probe(probe)
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code) + textwrap.dedent(step)],
            env={**plain_env(), "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            timeout=KILL_TIMEOUT_S,
            check=False,
        )
        assert done.returncode in (0, -9), done.stderr.decode()
        return done.returncode == -9


def sure(value: object, kind: type[T]) -> T:
    """The value, which is of that kind."""
    assert isinstance(value, kind), value
    return value
