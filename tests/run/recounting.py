"""The numbers of a report by their paths, and how those of `recount.py` differ from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

RECOUNT = Path(__file__).with_name("recount.py")
KEYS = {
    "tasks": "task", "agents": "agent", "tracks": "track", "slots": "slot", "retries": "cause",
    "returned": "cause", "waits": "reason", "checks": "check", "timeline": "attempt",
    "machine.attempts": "attempt", "machine.agents": "agent",
}  # fmt: skip
"""Lists of the report whose items have a name; all others are counted through."""


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of the report with its path; what is left out is no number."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        key = KEYS.get(path)
        for n, item in enumerate(value):
            yield from leaves(item, f"{path}[{item[key] if key else n}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def unlike(printed: Mapping[str, float], counted: Mapping[str, float]) -> list[str]:
    """Numbers that are only in one of them, or differ."""
    lonely = [f"{path}: {value} is not recounted" for path, value in printed.items()
              if path not in counted]  # fmt: skip
    lost = [f"{path}: {value} is not printed" for path, value in counted.items()
            if path not in printed]  # fmt: skip
    wrong = [
        f"{path}: printed {printed[path]}, counted {counted[path]}"
        for path in printed.keys() & counted.keys()
        if printed[path] != pytest.approx(counted[path], abs=1e-5)
    ]
    return sorted(lonely + lost + wrong)
