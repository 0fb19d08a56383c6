"""What stands between a task and others, in a file that anybody may read: `state/TASK.md` below the
control folder, there for as long as something stands."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from gangsaw.core.model import task_of
from gangsaw.core.overlapping import LANDED, file_lines, overlaps_of
from gangsaw.core.overlaps import INTEGRATION, KnownOverlap
from gangsaw.core.state import State, is_live

SUFFIX = ".md"


class Warnings:
    """Keeps the files as the state is. That they cannot be written hurts nobody."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shown: tuple[KnownOverlap, ...] | None = None

    def show(self, state: State) -> None:
        """Write the files of tasks whose overlaps have changed, and take away those of others."""
        standing = tuple(state.overlaps.values())
        if standing == self._shown:
            return
        with suppress(OSError):
            self._write(texts(state))
            self._shown = standing

    def _write(self, wanted: dict[str, str]) -> None:
        if not wanted and not self._folder.is_dir():
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for task, text in wanted.items():
            draft = self._folder / f".{task}.draft"
            draft.write_text(text, encoding="utf-8", errors="surrogateescape")
            os.replace(draft, self._folder / f"{task}{SUFFIX}")
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.name.removesuffix(SUFFIX) not in wanted:
                path.unlink(missing_ok=True)


def texts(state: State) -> dict[str, str]:
    """For each task that overlaps with something, what its file says."""
    found: dict[str, str] = {}
    for attempt in state.live_attempts():
        overlaps = overlaps_of(state, attempt.id) if is_live(attempt) else []
        if overlaps:
            parts = [f"# Overlaps of {attempt.task} in {state.run}"]
            parts += ["\n".join(_section(attempt.id, known)) for known in overlaps]
            found[attempt.task] = "\n\n".join(parts) + "\n"
    return found


def _section(attempt: str, known: KnownOverlap) -> list[str]:
    other = known.other_than(attempt)
    name = LANDED if other == INTEGRATION else f"{task_of(other)} (attempt {other})"
    lines = [f"## {known.severity.value.upper()} {known.key}: does not merge with {name}", ""]
    lines += [f"- {line}" for line in file_lines(known, attempt)]
    return [*lines, "", f"Taken care of: gangsaw conflicts --resolve {known.key}"]
