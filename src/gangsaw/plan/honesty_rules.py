"""The `[honesty]` table of the settings as a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gangsaw.core.honesty import ANY_KIND, ConcernKind, Honesty
from gangsaw.plan.complaint import Findings, Path, did_you_mean, shown
from gangsaw.plan.shapes import WRONG, scope_entry

_KINDS = (*(kind.value for kind in ConcernKind), ANY_KIND)
_ENTRY = re.compile(r"\s*(?P<pattern>.+?)\s*:\s*(?P<kind>[\w-]+)\s*")


def check_allowed(table: Mapping[str, Any], path: Path, findings: Findings) -> None:
    """Note every entry of `allow` that is no pattern with a kind."""
    for n, entry in enumerate(table.get("allow", ())):
        at = (*path, "allow", n)
        found = _ENTRY.fullmatch(entry)
        if found is None:
            findings.add(at, f"{shown(entry)} names no kind", 'write "docs/**: binary"')
        elif found["kind"] not in _KINDS:
            remedy = did_you_mean(found["kind"], _KINDS) or f"kinds: {', '.join(_KINDS)}"
            findings.add(at, f"no kind is called {shown(found['kind'])}", remedy)
        else:
            scope_entry(found["pattern"], at, findings)


def honesty_of(table: Mapping[str, Any]) -> Honesty:
    """The value of a table that is known to be right."""
    answers = tuple((kind.value, table[kind.value]) for kind in ConcernKind if kind.value in table)
    allow: list[tuple[str, str]] = []
    for entry in table.get("allow", ()):
        found = _ENTRY.fullmatch(entry)
        pattern = scope_entry(found["pattern"], (), Findings()) if found else WRONG
        if found and pattern is not WRONG:
            allow.append((pattern, found["kind"]))
    large_kb = table.get("large_kb", Honesty().large_kb)
    return Honesty(answers, large_kb, tuple(allow))
