"""The moments of a run: a fault point together with what the step is about.

One `durable` in the source is many moments: a ref is made for the integration branch and for sealed
work, an append acknowledges an admission or a landing. Each deserves a kill of its own. A moment is
written `POINT[KIND]`, or `POINT` where the step is always about the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gangsaw.core.faults import Passing

_REFS = (
    ("integration", re.compile(r"refs/heads/gangsaw/run/.+")),
    ("attempt", re.compile(r"refs/heads/gangsaw/.+")),
    ("target", re.compile(r"refs/heads/.+")),
    ("sealed", re.compile(r"refs/gangsaw/attempts/.+/sealed-.+")),
    ("candidate", re.compile(r"refs/gangsaw/candidates/.+")),
    ("stash", re.compile(r"refs/gangsaw/stashes/.+")),
    ("lost", re.compile(r"refs/gangsaw/lost/.+")),
)
_KEPT = re.compile(r"refs/gangsaw/attempts/[^/]+/[^/]+/([a-z]+)(-\d+)?")
_FOLDERS = (
    ("first turn", re.compile(r".*/gangsaw/attempts/.+/turn-1")),
    ("later turn", re.compile(r".*/gangsaw/attempts/.+/turn-\d+")),
    ("setup", re.compile(r".*/gangsaw/checks/.+/setup-[^/]+")),
    ("check", re.compile(r".*/gangsaw/checks/.+")),
    ("work slot", re.compile(r".*/verify-\d+")),
    ("gate slot", re.compile(r".*/candidate-\d+")),
    ("pool", re.compile(r".*/\.gangsaw-pool")),
    ("control", re.compile(r".*/\.git/gangsaw")),
    ("inbox", re.compile(r".*/\.git/gangsaw/inbox")),
    ("bad", re.compile(r".*/\.git/gangsaw/inbox/bad")),
)
ROWS = "rows"
"""Of an append that refreshes what readers see, without an event."""


def moments_of(point: str) -> list[str]:
    """The moments that this passing of a point is, most often one. An append is a moment of every
    kind of event in it."""
    about = point.about if isinstance(point, Passing) else ()
    if point in ("store.append", "store.schedule.append"):
        return [f"{point}[{kind}]" for kind in dict.fromkeys(about)] or [f"{point}[{ROWS}]"]
    return [f"{point}[{kind_of(text)}]" for text in about] or [str(point)]


def kind_of(text: str) -> str:
    """What kind of ref or folder that is."""
    if kept := _KEPT.fullmatch(text):
        return f"kept {kept[1]}"
    places = _REFS if text.startswith("refs/") else _FOLDERS
    return next((name for name, form in places if form.fullmatch(text)), "attempt")


def points_in(folder: Path) -> set[str]:
    """The names of all fault points in the Python files below the folder, read from the source."""
    return {name for file in folder.rglob("*.py") for name in _points_of(file)}


def _points_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id != "durable" or not node.args:
                continue
            name = node.args[0]
            yield str(name.value) if isinstance(name, ast.Constant) else f"{file.stem}: unnamed"
