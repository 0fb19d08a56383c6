"""The 39 workstreams: three tracks with an agent each, eleven that wait for nothing, and a longest
chain of nine."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.e2e.guides.stage import Stage

TRACKS = {
    "pipeline_plus": [f"ws-{n}" for n in range(22, 31)],
    "core_refactor": [f"ws-{n:02}" for n in range(3, 10)],
    "error_engine": [f"ws-{n}" for n in range(12, 18)],
}
FIRST = ("ws-22", "ws-03", "ws-12")
"""What the guide's own agents begin with."""


def table(raw: bytes) -> dict[str, list[str]]:
    """A workstream's own words, without the comment before them."""
    text = raw.decode("utf-8-sig")
    found: dict[str, list[str]] = json.loads(text[text.index("{") :])
    return found


def completed(raw: bytes) -> bytes:
    """The file of a workstream that says it is completed."""
    if b'"pending"' in raw:
        return raw.replace(b'"pending"', b'"completed"')
    return re.sub(rb'("id": "ws-\d+",)( *)(\r?\n\s*)', rb'\1\3"status": "completed",\2\3', raw)


def test_the_39_workstreams_are_run_by_three_agents(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "workstreams", worker="aider", default="sh", together=FIRST)
    tables = [table(raw) for name, raw in stage.at_first.items() if "/ws-" in name]
    needs = {str(each["id"]): tuple(each["depends_on"]) for each in tables}
    assert len(needs) == 39
    assert sum(not before for before in needs.values()) == 11
    stage.run("--from", "workstreams", "--max-agents", "3")
    stage.require_order(needs)
    assert stage.most_at_once() == 3
    for members in TRACKS.values():
        assert stage.most_at_once(members) == 1
    changed = stage.changed()
    assert len(changed) == 39
    assert changed == {name: completed(stage.at_first[name]) for name in changed}
