"""What would not merge: as it stands, and as it was, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import events_radar as er
from gangsaw.core.model import task_of
from gangsaw.core.overlapping import LANDED, file_lines
from gangsaw.core.overlaps import INTEGRATION, KnownOverlap, OverlapFile, severity_of
from gangsaw.core.spans import span
from gangsaw.core.state import State
from gangsaw.views.text import count_of, flat

SCHEMA_VERSION = 1
FILES_SHOWN = 20

Unread = Sequence[tuple[str, str]]
"""Attempts whose worktrees could not be looked at, and why."""


def conflicts_object(
    state: State, found: Sequence[KnownOverlap], source: str, compared: int, unread: Unread = ()
) -> dict[str, Any]:
    """What stands. `source`: `engine` for what the live engine last saw, `worktrees` for what was
    looked up now; `compared` attempts were."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": state.run,
        "source": source,
        "compared": compared,
        "conflicts": sum(not known.resolved_by for known in found),
        "overlaps": [_object(known) for known in found],
        "unread": [{"attempt": name, "reason": reason} for name, reason in unread],
    }


def _object(known: KnownOverlap) -> dict[str, Any]:
    return {
        "id": known.key or None,
        "severity": known.severity.value,
        "ours": _side(known.ours),
        "theirs": _side(known.theirs),
        "stale": known.stale,
        "since": known.since or None,
        "resolved": bool(known.resolved_by),
        "resolved_by": known.resolved_by or None,
        "note": known.note,
        "files": [_file(file) for file in known.files],
        "lines": file_lines(known, known.theirs),
    }


def _side(name: str) -> dict[str, str] | None:
    return None if name == INTEGRATION else {"task": task_of(name), "attempt": name}


def _file(file: OverlapFile) -> dict[str, Any]:
    hunks = [
        {
            "ours_from": hunk.ours_from, "ours_lines": hunk.ours_lines,
            "theirs_from": hunk.theirs_from, "theirs_lines": hunk.theirs_lines,
        }
        for hunk in file.hunks
    ]  # fmt: skip
    return {"path": file.path, "kind": file.kind.value, "hunks": hunks}


def conflicts_text(found: dict[str, Any], now: float) -> list[str]:
    """The same for people, as lines."""
    lines = [line for each in found["overlaps"] for line in _lines(each, now)]
    if not found["overlaps"]:
        count = count_of(found["compared"], "piece")
        lines = [f"no overlaps: {count} of live work, merging with each other and what has landed"]
    lines += [
        f"not looked at: {flat(each['attempt'])}: {flat(each['reason'])}"
        for each in found["unread"]
    ]
    return lines


def _lines(each: dict[str, Any], now: float) -> list[str]:
    since = f" · for {span(max(0.0, now - each['since']))}" if each["since"] else ""
    name = f" {each['id']}" if each["id"] else ""
    word = "RESOLVED" if each["resolved"] else each["severity"].upper()
    head = f"{word}{name}  {_who(each['theirs'])} does not merge with {_who(each['ours'])}{since}"
    shown = [f"  {flat(line)}" for line in each["lines"][:FILES_SHOWN]]
    if len(each["lines"]) > FILES_SHOWN:
        shown.append(f"  … and {len(each['lines']) - FILES_SHOWN} more")
    if each["resolved"]:
        note = f": {flat(each['note'])}" if each["note"] else ""
        return [head, *shown, f"  resolved by {flat(each['resolved_by'])}{note}"]
    return [head, *shown]


def _who(side: dict[str, str] | None) -> str:
    return LANDED if side is None else f"{flat(side['task'])} ({flat(side['attempt'])})"


# --- as it was ----------------------------------------------------------------------------------


def log_object(run: str, told: Iterable[tuple[float, ev.Event]]) -> dict[str, Any]:
    """Every overlap that there was, in the order in which they were seen."""
    found: dict[str, dict[str, Any]] = {}
    for at, event in told:
        match event:
            case er.OverlapSeen():
                entry = found.setdefault(event.key, _entry(event, at))
                entry["paths"] = [file.path for file in event.files]
                entry["severity"] = severity_of(event.ours, event.files).value
            case er.OverlapEnded() if event.key in found:
                found[event.key] |= {"ended_at": at, "ended": event.text}
            case er.OverlapResolved() if event.key in found:
                found[event.key] |= {"resolved": True, "resolved_by": event.by, "note": event.note}
            case _:
                pass
    return {"schema_version": SCHEMA_VERSION, "run": run, "log": list(found.values())}


def _entry(event: er.OverlapSeen, at: float) -> dict[str, Any]:
    return {
        "id": event.key, "severity": "", "ours": _side(event.ours), "theirs": _side(event.attempt),
        "stale": event.stale, "paths": [], "seen_at": at, "ended_at": None, "ended": "",
        "resolved": False, "resolved_by": None, "note": "",
    }  # fmt: skip


def log_text(found: dict[str, Any], now: float) -> list[str]:
    """The same for people, as lines."""
    lines: list[str] = []
    for each in found["log"]:
        ago = span(max(0.0, now - each["seen_at"]))
        state = f"ended: {each['ended']}" if each["ended_at"] is not None else "stands"
        if each["resolved"]:
            note = f" ({flat(each['note'])})" if each["note"] else ""
            state = f"resolved by {flat(each['resolved_by'])}{note}, {state}"
        lines.append(
            f"{each['id']:<5} {each['severity']:<8}  {_who(each['theirs'])} and "
            f"{_who(each['ours'])} · {ago} ago · {state}"
        )
        lines.append(f"      {flat(', '.join(each['paths']))}")
    return lines or ["no overlap has been seen in this run"]
