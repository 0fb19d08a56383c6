"""What a reviewing agent gets to see: a folder with the task, the change and the evidence."""

from __future__ import annotations

from pathlib import Path

from gangsaw.core.events import CheckResult
from gangsaw.core.honesty import concern_text
from gangsaw.core.model import Task
from gangsaw.core.state import Attempt
from gangsaw.engine.world import World
from gangsaw.git import common_base, diff_text

DIFF_MAX = 2_000_000
"""Characters of a change that a reviewer is shown; of a larger one the beginning."""

CUT = "\n[the change is larger than this; the rest is left out]\n"


def change_stat(world: World, attempt: Attempt) -> str:
    """The change that is to be reviewed, file by file in numbers."""
    return diff_text(world.repo, _base(world, attempt), attempt.commit, stat=True)


def show_change(world: World, attempt: Attempt, task: Task, folder: Path) -> None:
    """Make the reviewer's folder: `task.md`, `change.diff` and `evidence.md`. Making it again
    changes nothing."""
    diff = diff_text(world.repo, _base(world, attempt), attempt.commit)
    if len(diff) > DIFF_MAX:
        diff = diff[:DIFF_MAX] + CUT
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {
        "task.md": f"# {task.title}\n\n{task.prompt}\n",
        "change.diff": diff,
        "evidence.md": _evidence(attempt),
    }
    for name, text in files.items():
        shown = world.secrets.text(text)
        (folder / name).write_text(shown, encoding="utf-8", errors="surrogateescape")


def _base(world: World, attempt: Attempt) -> str:
    """What the work is compared with: what it has in common with where it would land."""
    onto = attempt.onto or attempt.base
    return common_base(world.repo, onto, attempt.commit) or attempt.base


def _evidence(attempt: Attempt) -> str:
    lines = [f"# Evidence for commit {attempt.commit}", ""]
    if not attempt.results:
        lines.append("No check is configured for this task.")
    for result in attempt.results:
        lines += _of_check(result)
    if attempt.concerns:
        lines += ["## Found in the change", ""]
        lines += [f"- {concern_text(each)}" for each in attempt.concerns]
    return "\n".join(lines) + "\n"


def _of_check(result: CheckResult) -> list[str]:
    code = f", exit code {result.code}" if result.code is not None else ""
    head = f"## `{result.name}`: {result.judgement}{code}, {result.duration_s:.1f} s"
    head += "".join(f"\n\n- failed: {name}" for name in result.failing)
    tail = [f"    {line}" for line in result.tail.splitlines()] or ["    (no output)"]
    return [head, "", *tail, ""]
