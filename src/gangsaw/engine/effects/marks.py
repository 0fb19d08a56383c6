"""What this run has written in the task file that its plan came from: marks that go along when a
version of that very file is delivered."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.standing import Told, phase_of, standing_of
from gangsaw.core.state import State
from gangsaw.engine.effects.sources import report_of
from gangsaw.sources import Report, dialect
from gangsaw.sources.carrying import Said, carried
from gangsaw.sources.writing import put_in_place


@dataclass(frozen=True, slots=True)
class Marks:
    """The files of a source by their true paths, with what users call each and what the run may
    have said in it. Where a program keeps the records, the run itself has said nothing there."""

    dialect: str
    shown: Mapping[Path, str]
    said: Mapping[Path, Said]

    def has(self, path: Path) -> bool:
        """Whether it is a file of the source."""
        return path in self.shown

    def carried(self, path: Path, old: bytes, new: bytes, now: bytes) -> bytes | None:
        """The new version with our marks; `None` where more than these was changed."""
        said = self.said.get(path)
        if said is None:
            return None
        return carried(dialect(self.dialect), self.shown[path], said, old, new, now)

    def put(self, path: Path, before: bytes, after: bytes) -> bool:
        """Give the file these bytes if it has those before; whether it had."""
        return put_in_place(path, self.shown[path], before, after)


def marks_of(state: State) -> Marks | None:
    """The marks of this run by what is known now; `None` where its plan came from no such file."""
    task_file = state.task_file
    if task_file is None:
        return None
    true = [Path(os.path.realpath(path)) for path in task_file.paths]
    shown = dict(zip(true, task_file.shown, strict=True))
    said: dict[Path, dict[str, tuple[Report, ...]]] = {}
    if not task_file.through:
        for name in sorted(state.entries, key=lambda name: _number(state, name)):
            entry = state.entries[name]
            said.setdefault(true[entry.document], {})[entry.key] = _said(state, name)
    return Marks(task_file.dialect, shown, said)


def _number(state: State, name: str) -> float:
    """The place of the last writing about the task; what is still to be written comes last."""
    told = state.told.get(name)
    return told.number if told is not None and name not in state.untold else float("inf")


def _said(state: State, name: str) -> tuple[Report, ...]:
    """What the file may say of the task: what it was told last, and what it is to be told now."""
    told = state.told.get(name)
    reports: list[Report] = []
    if told is not None and not told.kept:
        reports.append(_as_told(state, name, told))
    if name in state.untold:
        phase = phase_of(state, name)
        reports.insert(0, report_of(state, name, *standing_of(state, name), phase))
    return tuple(reports)


def _as_told(state: State, name: str, told: Told) -> Report:
    return report_of(state, name, told.standing, told.commit, told.phase)
