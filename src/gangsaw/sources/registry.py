"""The one table of dialects: a new one is a module here beside, and a line.

Modules are imported when they are asked for: a run of a plan of ours needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from gangsaw.core.errors import UserError
from gangsaw.plan.complaint import did_you_mean
from gangsaw.sources.protocol import Dialect, Remark

NAMES = (
    "speckit",
    "roadmap",
    "fixes",
    "beads",
    "workstreams",
    "taskmaster",
    "backlog",
    "prd",
    "checklist",
    "csv",
    "github",
    "issuelist",
    "planning",
)  # fmt: skip
"""Each is the name of a dialect and of its module, which has it as `DIALECT`."""

_PACKAGE = "gangsaw.sources."


def dialect(name: str) -> Dialect:
    """The dialect of that name; `UserError` with the nearest known name otherwise."""
    if name not in NAMES:
        near = did_you_mean(name, NAMES) or f"known: {', '.join(NAMES)}"
        raise UserError(f"cannot read '{name}': there is no such kind of task file; {near}")
    return cast(Dialect, import_module(f"{_PACKAGE}{name}").DIALECT)


def dialects() -> Iterator[Dialect]:
    """All of them, in the order of the table."""
    return map(dialect, NAMES)


def surroundings(name: str) -> Callable[[Sequence[Path]], tuple[Remark, ...]]:
    """What a dialect has to say of what lies around its files: its module's `surroundings`, if it
    has one."""
    found = getattr(import_module(f"{_PACKAGE}{dialect(name).name}"), "surroundings", None)
    return cast(Callable[[Sequence[Path]], tuple[Remark, ...]], found or (lambda paths: ()))


def is_one_plan(kind: Dialect) -> bool:
    """Whether the files of a folder are one plan together: then one of them stands for all. A
    dialect says so with `is_one_plan`."""
    return bool(getattr(kind, "is_one_plan", False))
