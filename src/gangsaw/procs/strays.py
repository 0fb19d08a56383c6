"""Processes of turns whose folder is not where it should be: removed, or unknown to the journal.

Without the folder there is no record to go by, but its processes still carry a mark, and the
system still tells the folder they work in or write to, also when it is gone. A process is a stray
of a turn only if both agree: a mark that begins with the one given for that turn, and a place that
belongs to it. Whatever carries the very same mark, or descends from such a process, comes along.

It must not end a process for its place alone: a person may have a shell there.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from gangsaw.procs.children import MARK_VARIABLE
from gangsaw.procs.identity import HAS_PROC, Identity, processes, raise_if_blind
from gangsaw.procs.settle import (
    end_all,
    environment,
    family,
    lineage,
    open_for_writing,
    open_numbers,
)

_GONE = " (deleted)"
_MARK = f"{MARK_VARIABLE}=".encode()


def strays(mark_prefix: str, places: Collection[Path]) -> list[Identity]:
    """The live processes that carry a mark beginning with `mark_prefix` and work in, or write to,
    something in one of `places`; and all that belong to these. None where there is no /proc."""
    if not HAS_PROC:
        return []
    table = processes()
    protected = lineage(table)
    marks: dict[int, bytes] = {}
    for pid in table.keys() - protected:
        found = [entry for entry in environment(pid) if entry.startswith(_MARK)]
        if found and found[0][len(_MARK) :].startswith(mark_prefix.encode()):
            marks[pid] = found[0]
    ours = {mark for pid, mark in marks.items() if _is_in(pid, places)}
    return family(table, {pid for pid, mark in marks.items() if mark in ours}, protected)


def end_strays(mark_prefix: str, places: Collection[Path]) -> int:
    """KILL them, as `settle` does with those of a turn; how many were signalled."""
    return end_all(lambda: strays(mark_prefix, places))


def turns_in_use(root: Path) -> set[Path]:
    """The paths below `root` in which a marked process works or to which it writes, each cut to
    three parts (run, attempt, turn), whether or not they are still there. It only looks."""
    if not HAS_PROC:
        return set()
    found: set[Path] = set()
    for pid in processes():
        if any(entry.startswith(_MARK) for entry in environment(pid)):
            for path in _places_of(pid):
                if path.is_relative_to(root) and len(path.relative_to(root).parts) >= 3:
                    found.add(root.joinpath(*path.relative_to(root).parts[:3]))
    return found


def _is_in(pid: int, places: Collection[Path]) -> bool:
    return any(path.is_relative_to(place) for path in _places_of(pid) for place in places)


def _places_of(pid: int) -> list[Path]:
    """Where a process works, and the files it writes to, under the names they had."""
    links = [f"/proc/{pid}/cwd"]
    links += [f"/proc/{pid}/fd/{n}" for n in open_numbers(pid) if open_for_writing(pid, n)]
    found = []
    for link in links:
        try:
            target = os.readlink(link)
        except OSError as error:
            raise_if_blind(error)
            continue
        if target.startswith("/"):
            found.append(Path(target.removesuffix(_GONE)))
    return found
