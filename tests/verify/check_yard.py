"""A repository with one commit, a slot, and checks that are really run in it."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gangsaw.core.model import Check
from gangsaw.core.terms import CheckResult, Judgement
from gangsaw.git import open_repository
from gangsaw.verify import CheckRun, Slots, Verdicts, run_checks

IDENTITY = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")


@dataclass
class CheckYard:
    """Everything lies below `root`; `$NOTES` of a check is a folder outside of the tree."""

    root: Path
    slots: Slots = field(init=False)
    environment: str = "here"

    def __post_init__(self) -> None:
        self.repo = self.root / "repo"
        self.notes = self.root / "notes"
        self.notes.mkdir(parents=True)
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit(**{"a.txt": "one\n"})
        self.slots = Slots(open_repository(self.repo), self.root / "slots", "verify", 1)

    def git(self, *args: str) -> str:
        """What git prints."""
        out = subprocess.run(
            ["git", *IDENTITY, *args], cwd=self.repo, check=True, capture_output=True, text=True
        )
        return out.stdout.strip()

    def commit(self, **files: str) -> None:
        """Commit these files."""
        for name, text in files.items():
            (self.repo / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work")

    def run(self, *checks: Check, **fields: Any) -> tuple[Judgement, tuple[CheckResult, ...]]:
        """What came of the checks on the newest commit."""
        settings: dict[str, Any] = {
            "folder": self.root / "records", "timeout_s": 60.0, "grace_s": 1.0,
            "env": (("PATH", "/usr/bin:/bin"), ("NOTES", str(self.notes))),
            "environment": lambda check: self.environment,
        }  # fmt: skip
        wanted = CheckRun(
            about="a.1", commit=self.git("rev-parse", "HEAD"),
            tree=self.git("rev-parse", "HEAD^{tree}"), checks=checks, **settings | fields,
        )  # fmt: skip
        return run_checks(wanted, self.slots, threading.Event())

    def one(self, check: Check, **fields: Any) -> CheckResult:
        """The result of a single check."""
        _, (result,) = self.run(check, **fields)
        return result

    def verdicts(self) -> Verdicts:
        """Where green results are kept."""
        return Verdicts(self.root / "verdicts")

    def lines(self, name: str = "runs") -> list[str]:
        """What checks wrote into a file of `$NOTES`."""
        path = self.notes / name
        return path.read_text().splitlines() if path.exists() else []


def shell(line: str, name: str = "", **fields: Any) -> Check:
    """A check that is a shell line."""
    return Check(name or line, ("sh", "-c", line), **fields)
