"""Golden streams: recordings of the real programs, the notes they give, and what changed in one.

A recording is `<kind>_<version>_<what>.jsonl`, with the exit code in its name's last part where it
is not 0 (`…_quota.1.jsonl`), and the standard error beside it where there is any (`….err`). The
notes it must give, and the outcome, are in `….notes`, one a line.

    python -m tests.agents.golden_streams            # writes every missing .notes
    python -m tests.agents.golden_streams NAME …     # writes these anew, after a look at why
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gangsaw.agents import TurnBrief, adapter_for
from gangsaw.agents.lines import json_object
from gangsaw.core.launch import Ended
from gangsaw.core.model import TurnKind

HERE = Path(__file__).parent
# When every recorded process ended, for what is told relative to that.
ENDED_AT = 1_800_000_000.0
# Deeper than this, fields belong to a tool's arguments and results, not to the stream.
DEPTH_MAX = 4

BRIEF = TurnBrief(
    run="r1",
    task="a",
    attempt="a.1",
    turn=1,
    kind=TurnKind.WORK,
    prompt="do it",
    prompt_file="/s/p.md",
    task_prompt_file="/s/t.md",
    worktree="/wt",
    model="m1",
)

Inventory = dict[str, frozenset[str]]


def kind_of_event(event: Mapping[str, Any]) -> str:
    """The kind of an event, as finely as any of the programs tells it: `item.completed/error`,
    `system/init`, `assistant/tool_use`."""
    inner = event.get("item") or event.get("part") or {}
    message = event.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    blocks = content if isinstance(content, list) else []
    parts = [event.get("type"), event.get("subtype")]
    parts += [inner.get("type") if isinstance(inner, dict) else None]
    parts += sorted({str(b.get("type")) for b in blocks if isinstance(b, dict)})
    return "/".join(str(part) for part in parts if part)


def inventory(raw: bytes) -> Inventory:
    """The kinds of events in a stream, and the dotted names of the fields each of them has."""
    found: dict[str, set[str]] = {}
    for line in raw.splitlines():
        event = json_object(line)
        if event is not None:
            found.setdefault(kind_of_event(event), set()).update(_fields(event))
    return {kind: frozenset(names) for kind, names in found.items()}


def _fields(value: Mapping[str, Any], depth: int = 1) -> Iterable[str]:
    for name, inner in value.items():
        yield name
        items = inner if isinstance(inner, list) else [inner]
        for item in items:
            if isinstance(item, dict) and depth < DEPTH_MAX:
                yield from (f"{name}.{field}" for field in _fields(item, depth + 1))


def known(kind: str) -> Inventory:
    """What all recordings of a kind of agent have together."""
    found: dict[str, frozenset[str]] = {}
    for path in recordings(kind):
        for event, names in inventory(path.read_bytes()).items():
            found[event] = found.get(event, frozenset()) | names
    return found


def changes(before: Inventory, after: Inventory, *, whole: bool = True) -> list[str]:
    """What is different in a stream, a sentence each. `whole` as false: `before` knows more than
    one stream can show, so what is missing is not told."""
    told = []
    for kind in sorted({*before, *after}):
        old, new = before.get(kind), after.get(kind)
        if old is None:
            told.append(f"new kind of event {kind}: {', '.join(sorted(new or ()))}")
        elif new is None:
            told += [f"no event {kind} any more"] if whole else []
        else:
            told += [f"{kind}: new field {name}" for name in sorted(new - old)]
            told += [f"{kind}: no field {name} any more" for name in sorted(old - new) if whole]
    return told


def recordings(kind: str = "") -> list[Path]:
    """The recordings of a kind of agent; of all kinds, if none is named."""
    return sorted(p for p in HERE.glob("*.jsonl") if p.name.startswith(f"{kind}_" if kind else ""))


def notes_of(recording: Path, raw: bytes | None = None) -> list[str]:
    """What the adapter's reader makes of a recording (or of `raw` in its place): its notes, and
    last the outcome, a line each. A recording named `…_resume…` or `…_lost…` is read as a resumed
    turn, one named `…_readonly…` as one that only looks."""
    kind = recording.name.split("_", 1)[0]
    code = re.search(r"\.(\d+)\.jsonl$", recording.name)
    resumed = "resume" in recording.name or "lost" in recording.name
    session, readonly = "s" if resumed else None, "readonly" in recording.name
    brief = replace(BRIEF, session=session, readonly=readonly)
    reader = adapter_for(kind).reader(brief)
    err = recording.with_suffix(".err")
    notes = [repr(note) for note in reader.feed(recording.read_bytes() if raw is None else raw)]
    ended = Ended(int(code[1]) if code else 0, None, ENDED_AT)
    with greenwich():
        outcome = reader.conclude(ended, err.read_bytes() if err.exists() else b"")
    return [*notes, repr(outcome), f"ignored lines: {reader.ignored_lines}"]


@contextmanager
def greenwich() -> Iterator[None]:
    """The machine's zone is UTC: some programs tell a time of day in their own."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        os.environ |= {} if before is None else {"TZ": before}
        time.tzset()


def differences(recording: Path, raw: bytes | None = None) -> str:
    """How the notes of a recording (or of `raw` in its place) differ from those kept beside it,
    and how the stream itself does; empty where nothing differs."""
    kept = recording.with_suffix(".notes").read_text(encoding="utf-8").splitlines()
    lines = difflib.unified_diff(kept, notes_of(recording, raw), "kept", "now", lineterm="", n=0)
    told = list(lines)
    if raw is not None:
        told = changes(inventory(recording.read_bytes()), inventory(raw)) + told
    return f"{recording.name}:\n" + "\n".join(told) if told else ""


_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAMED_ID = re.compile(rb"\b(ses|msg|prt|err)_[0-9A-Za-z]{8,40}\b")
_EPOCH_MS = re.compile(rb"\b1[78]\d{11}\b")
_MOMENT = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


_DESCRIPTION = re.compile(rb'("description":\s*)"(?:[^"\\]|\\.){30,}"')
"""What a program says of its own commands and tools: no reader looks at that."""


def neutral(raw: bytes, names: Mapping[str, str]) -> bytes:
    """A stream as it can be kept: `names` (paths, addresses) replaced, longest first, ids
    numbered, moments all the same."""
    for name in sorted(names, key=len, reverse=True):
        raw = raw.replace(name.encode(), names[name].encode())
    seen: dict[bytes, bytes] = {}

    def numbered(found: re.Match[bytes]) -> bytes:
        return seen.setdefault(found[0], b"00000000-0000-4000-8000-%012d" % (len(seen) + 1))

    def numbered_too(found: re.Match[bytes]) -> bytes:
        return seen.setdefault(found[0], b"%s_%08d" % (found[1], len(seen) + 1))

    raw = _NAMED_ID.sub(numbered_too, _ID.sub(numbered, raw))
    raw = _DESCRIPTION.sub(rb'\1"a description"', raw)
    raw = _EPOCH_MS.sub(b"1767225600000", raw)
    return _MOMENT.sub(b"2026-01-01T00:00:00.000Z", raw)


def main(names: list[str]) -> None:
    """Write the notes of the recordings named, or of those that have none."""
    for recording in recordings():
        path = recording.with_suffix(".notes")
        if recording.name in names or (not names and not path.exists()):
            path.write_text("\n".join(notes_of(recording)) + "\n", encoding="utf-8")
            print(f"written: {path.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
