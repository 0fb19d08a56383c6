"""Where a run keeps its folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.model import task_of
from gangsaw.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of one run: `control` is `<git-common-dir>/gangsaw`, `worktrees` lies beside the
    repository."""

    control: Path
    worktrees: Path
    run: str

    @property
    def attempts(self) -> Path:
        return self.control / "attempts" / self.run

    @property
    def warnings(self) -> Path:
        """Files about what stands between tasks, for anybody to read."""
        return self.control / "state"

    @property
    def checks(self) -> Path:
        return self.control / "checks" / self.run

    @property
    def verdicts(self) -> Path:
        """Green results of all runs."""
        return self.control / "verdicts"

    def attempt(self, attempt: str) -> Path:
        """The folder of an attempt's turns."""
        return self.attempts / attempt

    def turn(self, attempt: str, launch: int) -> Path:
        """The turn folder of a launch."""
        return self.attempt(attempt) / f"turn-{launch}"

    def mark_prefix(self, attempt: str) -> str:
        """What the marks of an attempt's processes begin with."""
        return f"{self.run}-{attempt}-"

    def prompt(self, attempt: str, launch: int) -> Path:
        """The rendered prompt of a launch."""
        return self.attempt(attempt) / f"prompt-{launch}.md"

    def task_prompt(self, attempt: str) -> Path:
        """The task's own prompt, unrendered."""
        return self.attempt(attempt) / "task-prompt"

    def plain_folder(self, attempt: str) -> Path:
        """The empty folder of an attempt without worktree."""
        return self.attempt(attempt) / "folder"

    def review(self, attempt: str, launch: int) -> Path:
        """The folder of a reviewing agent."""
        return self.attempt(attempt) / f"review-{launch}"

    def worktree(self, attempt: str) -> Path:
        """The worktree of an attempt."""
        return self.worktrees / self.run / attempt

    def checks_of(self, about: str) -> Path:
        """Records and logs of the checks of a task (all its attempts share them)."""
        return self.checks / (task_of(about) or about)


def layout_for(root: Path, control: Path, settings: Settings, run: str) -> Layout:
    """The layout of a run in the repository whose main checkout is `root`."""
    chosen = settings.worktree.root
    beside = root.parent / f"{root.name}-worktrees"
    worktrees = (root / Path(chosen).expanduser()).resolve() if chosen else beside
    return Layout(control, worktrees, run)
