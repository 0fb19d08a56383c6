"""Where each effective setting came from: a flag, a variable, a line of a file, or a default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from gangsaw.plan.complaint import Findings, Path

Flags = Mapping[str, tuple[str, str, Any]]
"""What was said outside of any file: its name (`--max-agents`, `MAX_AGENTS`) → section, key and
plain value. Later ones win."""

MEMORY_MAX = ("machine", "memory_max_pct")
MEMORY_FLOOR = ("run", "memory_floor_pct")


class OriginKind(StrEnum):
    """What said it."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who said a value: the flag, the variable or the file, of which `line` counts from 1."""

    kind: OriginKind
    name: str = ""
    line: int = 0

    def __str__(self) -> str:
        match self.kind:
            case OriginKind.FILE:
                return f"{self.name}:{self.line}"
            case OriginKind.ENVIRONMENT:
                return f"variable {self.name}"
            case OriginKind.FLAG:
                return f"flag {self.name}"
            case OriginKind.DEFAULT:
                return "default"


class FileRead(Protocol):
    """A settings file that was read."""

    @property
    def source(self) -> str: ...

    @property
    def raw(self) -> dict[str, Any]:
        """Its tables as they are written."""
        ...

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of a value."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """All layers of one reading, files in rising order."""

    files: Sequence[FileRead] = ()
    variables: Flags = field(default_factory=dict)
    flags: Flags = field(default_factory=dict)

    def of(self, path: Path) -> Origin:
        """Who has the last word on the value at `path` (`("run", "max_agents")`)."""
        for kind, said in (
            (OriginKind.FLAG, self.flags),
            (OriginKind.ENVIRONMENT, self.variables),
        ):
            names = [name for name, (section, key, _) in said.items() if (section, key) == path]
            if names:
                return Origin(kind, names[-1])
        for read in reversed(self.files):
            for way in (path, MEMORY_FLOOR) if path == MEMORY_MAX else (path,):
                if _has(read.raw, way):
                    return Origin(OriginKind.FILE, read.source, read.place(way)[0])
        return Origin(OriginKind.DEFAULT)


def _has(raw: Any, path: Path) -> bool:
    for step in path:
        if not isinstance(raw, dict) or step not in raw:
            return False
        raw = raw[step]
    return True


def normalised(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a file with the one setting that has two names under one of them, so that a
    higher layer wins whichever name it takes."""
    section, key = MEMORY_FLOOR
    run = raw.get(section)
    value = run.get(key) if isinstance(run, dict) else None
    machine = raw.get(MEMORY_MAX[0], {})
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not isinstance(machine, dict)
    ):
        return dict(raw)
    rest = {name: each for name, each in raw[section].items() if name != key}
    return {
        **raw,
        section: rest,
        MEMORY_MAX[0]: {MEMORY_MAX[1]: from_other_end(value), **machine},
    }


def check_once(parsed: Mapping[str, Mapping[str, Any]], at: Path, findings: Findings) -> None:
    """Note a file that says how much memory may be used under both names."""
    if all(key in parsed.get(section, {}) for section, key in (MEMORY_FLOOR, MEMORY_MAX)):
        said = "says the same as machine.memory_max_pct"
        findings.add((*at, *MEMORY_FLOOR), said, "remove one of them", on_key=True)


def from_other_end(percent: float) -> float:
    """The rest of 100 %."""
    return round(100.0 - percent, 6)
