"""The one table of dialects: a new one is a module here beside, and a line.

Modules are imported when they are asked for: a run of a plan of ours needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gangsaw.core.errors import UserError
from gangsaw.plan.complaint import did_you_mean
from gangsaw.sources.protocol import Dialect, Remark

if TYPE_CHECKING:
    from gangsaw.sources.composed import Compose
    from gangsaw.sources.programs import Program

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
    "table",
    "github",
    "issuelist",
    "planning",
)  # fmt: skip
"""Each is the name of a dialect and of its module, which has it as `DIALECT`."""

MAPPED = {".csv": "csv", ".tsv": "csv", ".json": "table", ".yaml": "table", ".yml": "table"}
"""What takes a mapping of its fields, by the end of the file's name."""

PLAN = "plan"
"""The name of our own plan files, where other kinds have theirs."""

WRITTEN = {
    PLAN: "plan_compose",
    "speckit": "speckit_compose",
    "roadmap": "roadmap_compose",
    "fixes": "fixes_compose",
    "beads": "beads_compose",
    "workstreams": "workstreams_compose",
    "taskmaster": "taskmaster_compose",
    "backlog": "backlog_compose",
    "prd": "prd_compose",
    "checklist": "checklist_compose",
    "csv": "csv_compose",
    "table": "table_compose",
    "issuelist": "issuelist_compose",
}
"""Kinds of which a whole new file can be written, and the module that does."""

_PACKAGE = "gangsaw.sources."


def dialect(name: str) -> Dialect:
    """The dialect of that name; `UserError` with the nearest known name otherwise. Behind a `?` may
    be the mapping of a table's columns: the name of a source says all that it takes to read it."""
    name, _, mapping = name.partition("?")
    if name not in NAMES:
        near = did_you_mean(name, NAMES) or f"known: {', '.join(NAMES)}"
        raise UserError(f"cannot read '{name}': there is no such kind of task file; {near}")
    module = import_module(f"{_PACKAGE}{name}")
    if not mapping:
        return cast(Dialect, module.DIALECT)
    if not hasattr(module, "mapped"):
        raise UserError(f"cannot map the fields of {name}: only tables (csv, table) have some")
    return cast(Dialect, module.mapped(mapping))


def dialects() -> Iterator[Dialect]:
    """All of them, in the order of the table."""
    return map(dialect, NAMES)


def is_phased(name: str) -> bool:
    """Whether files of a dialect say how far a task at work is: its module's `PHASED`."""
    dialect(name)
    module = import_module(f"{_PACKAGE}{name.partition('?')[0]}")
    return bool(getattr(module, "PHASED", False))


def program(name: str) -> Program | None:
    """What may keep the records of a dialect instead of files: its module's `PROGRAM`."""
    dialect(name)
    module = import_module(f"{_PACKAGE}{name.partition('?')[0]}")
    return cast("Program | None", getattr(module, "PROGRAM", None))


def composer(name: str) -> Compose:
    """What writes a draft as a new file of that kind; `UserError` where none does."""
    if name not in WRITTEN:
        near = did_you_mean(name, WRITTEN) or f"known: {', '.join(WRITTEN)}"
        what = "is read only" if name in NAMES else "is no kind of task file"
        raise UserError(f"cannot write '{name}': it {what}; {near}")
    return cast("Compose", import_module(f"{_PACKAGE}{WRITTEN[name]}").compose)


def is_folder(name: str) -> bool:
    """Whether a new source of that kind is a folder with a file for each task."""
    return bool(getattr(import_module(f"{_PACKAGE}{WRITTEN[name]}"), "IS_FOLDER", False))


def expressed(name: str) -> tuple[str, ...]:
    """The keys of a plan's task (and `goal`) that a kind of file has a place for."""
    composer(name)
    return cast(tuple[str, ...], import_module(f"{_PACKAGE}{WRITTEN[name]}").EXPRESSES)


def surroundings(name: str) -> Callable[[Sequence[Path]], tuple[Remark, ...]]:
    """What a dialect has to say of what lies around its files: its module's `surroundings`, if it
    has one."""
    dialect(name)
    found = getattr(import_module(f"{_PACKAGE}{name.partition('?')[0]}"), "surroundings", None)
    return cast(Callable[[Sequence[Path]], tuple[Remark, ...]], found or (lambda paths: ()))


def redirected(kind: Dialect, folder: Path) -> Path:
    """The folder that one of a dialect points to, by its module's `redirected`; else itself."""
    found = getattr(import_module(f"{_PACKAGE}{kind.name.partition('?')[0]}"), "redirected", None)
    return folder if found is None else cast(Path, found(folder))


def is_one_plan(kind: Dialect) -> bool:
    """Whether the files of a folder are one plan together: then one of them stands for all. A
    dialect says so with `is_one_plan`."""
    return bool(getattr(kind, "is_one_plan", False))
