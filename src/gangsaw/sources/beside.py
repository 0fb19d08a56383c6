"""One file of a folder that is a source as a whole: what it needs may lie in a file beside it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.plan import Complaint, PlanRead
from gangsaw.sources.assembling import SourceRead
from gangsaw.sources.place import Source, documents, member_files, source_of
from gangsaw.sources.protocol import Dialect
from gangsaw.sources.registry import dialect


def with_hints(source: Source, read: SourceRead, folder: Path) -> SourceRead:
    """The same, with the folder named wherever something is said to be missing that lies in another
    of its files. `folder` is where the source's name is seen from."""
    kind = dialect(source.dialect)
    if not kind.members or len(source.paths) != 1 or source.folder:
        return read
    parent = os.path.dirname(source.shown[0])
    if not parent or folder / source.shown[0] not in member_files(kind, folder / parent):
        return read
    own = kind.read(documents(source)).items
    missing = {need.key for item in own for need in item.needs} - {item.key for item in own}
    there = missing and missing & _keys_in(kind, folder, parent)
    if not there:
        return read

    def hinted(complaints: tuple[Complaint, ...]) -> tuple[Complaint, ...]:
        return tuple(
            replace(each, remedy=f"it lies beside this file; try: gangsaw plan check {parent}")
            if any(key in each.text for key in there)
            else each
            for each in complaints
        )

    plan = PlanRead(read.plan.plan, hinted(read.plan.errors), hinted(read.plan.warnings))
    return replace(read, plan=plan, unread=hinted(read.unread), notes=hinted(read.notes))


def _keys_in(kind: Dialect, folder: Path, parent: str) -> set[str]:
    """The records of all files of that folder."""
    try:
        whole = kind.read(documents(source_of(kind, folder, parent)))
    except UserError:
        return set()
    return {item.key for item in whole.items}
