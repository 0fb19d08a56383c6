"""What lies around a file of Beads: whether `bd` keeps the records elsewhere, and newer.

`bd` has kept them in SQLite (`*.db`), then in a Dolt server's folder (`dolt`), then in its own
(`embeddeddolt`); the lines beside that are an export, which may be old. Of these stores only names
and times are looked at. A checkout may only point to the folder of another (`redirect`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

from gangsaw.sources.protocol import About, Remark

HEAD_BYTES_MAX = 64 * 1024
"""Of the small files in which `bd` says where and how it keeps the records."""


REDIRECTS_MAX = 10
"""Folders that point to another, one after the other."""


class Store(Enum):
    """How `bd` keeps the records of a folder; `None` where the files there are all."""

    SQLITE = "SQLite"
    SERVER = "a Dolt server"
    EMBEDDED = "Dolt"


def store_of(folder: Path) -> Store | None:
    """The store of a folder, or of the one that it points to. Former ones may lie beside it."""
    folder = redirected(folder)
    backend, mode = _named(_head(folder / "metadata.json"))
    if (folder / "embeddeddolt").is_dir() or (backend, mode) == ("dolt", "embedded"):
        return Store.EMBEDDED
    if (folder / "dolt").is_dir() or backend == "dolt":
        return Store.SERVER
    return Store.SQLITE if any(folder.glob("*.db")) else None


def redirected(folder: Path) -> Path:
    """The folder that one points to, at once or by way of others; itself where it points to none.
    Of those that point to one another it is the first, too."""
    seen = [folder]
    for _ in range(REDIRECTS_MAX):
        lines = _head(seen[-1] / "redirect").strip().splitlines()
        if not lines:
            return seen[-1]
        # Versions differ in what the path is relative to.
        ways = (Path(os.path.normpath(each / lines[0].strip())) for each in
                (seen[-1].parent, seen[-1]))  # fmt: skip
        found = next((way for way in ways if _is_folder(way)), None)
        if found is None:
            return seen[-1]
        seen.append(found)
    return folder


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # what no path can be
        return False


def _named(text: str) -> tuple[str, str]:
    """The kind of store that `metadata.json` names and its mode; empty if it does not."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(table, dict):
        return "", ""
    return str(table.get("backend", "")), str(table.get("dolt_mode", ""))


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return ""


STORES = ("embeddeddolt", "dolt", "*.db")
ENTRIES_MAX = 2_000
"""Files of a store whose times are looked at."""

LATER_S = 5.0
"""A store is written a moment after or before its export; that is no difference."""


def stale(paths: Sequence[Path]) -> tuple[Remark, ...]:
    """A note for each file of which the store beside it was written later."""
    found = []
    for n, path in enumerate(paths):
        if path.suffix != ".jsonl":
            continue
        folder = path.parent if path.parent.name == ".beads" else path.parent.parent
        written = _time(path)
        for store in (each for name in STORES for each in sorted(folder.glob(name))):
            if folder.name == ".beads" and _newest(store) > written + LATER_S:
                said = f"{store.name} of bd beside it was written later: this file may be old"
                remedy = f"bd export -o {path.name}, and bd import after the run"
                found.append(Remark(About.NOTE, 1, said, remedy, document=n))
                break
    return tuple(found)


def _newest(store: Path) -> float:
    """When anything of a store was written last."""
    return max(map(_time, _files(store)), default=0.0)


def _files(store: Path) -> Iterator[Path]:
    yield store
    count = 0
    for folder, _, names in os.walk(store):
        for name in names:
            count += 1
            if count > ENTRIES_MAX:
                return
            yield Path(folder, name)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
