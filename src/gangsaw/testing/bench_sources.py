"""What a big task file of another tool costs, beside the plain parsing of its lines."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gangsaw.testing.bench_figures import Figure, measure
from gangsaw.testing.playground import Playground

EPICS, TASKS = 50, 100
ROW = 10
"""Tasks of an epic that wait for one another."""

_TIMES = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}


def source_costs(quick: bool) -> list[Figure]:
    """A Beads file: `plan check`, and `run --dry-run` of it, as whole processes."""
    epics = EPICS // 10 if quick else EPICS
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        ground = Playground(Path(folder) / "ground")
        path = ground.repo / ".beads" / "issues.jsonl"
        path.parent.mkdir()
        path.write_text("".join(json.dumps(each) + "\n" for each in _records(epics)))
        plain = measure(lambda: [json.loads(line) for line in path.read_text().splitlines()])
        check = measure(lambda: ground.call("plan", "check", "--from", "beads"))
        dry = measure(lambda: ground.call("run", "--dry-run", "--from", "beads"))
    count = epics * TASKS
    return [
        Figure(f"json.loads, {count} records: CPU", plain.cpu_s, "s"),
        Figure(f"plan check, {count} tasks of Beads: CPU", check.cpu_s, "s"),
        Figure(f"run --dry-run, {count} tasks of Beads: CPU", dry.cpu_s, "s"),
    ]


def _records(epics: int) -> Iterator[dict[str, Any]]:
    for epic in range(epics):
        name = f"big-{epic:02x}"
        yield _record(name, f"Epic {epic}", "epic", [])
        for n in range(1, TASKS + 1):
            needs = [(name, "parent-child")]
            if n % ROW != 1:
                needs.append((f"{name}.{n - 1}", "blocks"))
            elif epic % ROW:
                needs.append((f"big-{epic - 1:02x}.1", "blocks"))
            yield _record(f"{name}.{n}", f"Task {n} of epic {epic}", "task", needs)


def _record(key: str, title: str, kind: str, needs: list[tuple[str, str]]) -> dict[str, Any]:
    links = [{"issue_id": key, "depends_on_id": other, "type": how} for other, how in needs]
    words = {"description": "Do this. " * 60, "acceptance_criteria": "- works\n- is fast"}
    state = {"status": "open", "priority": 2, "issue_type": kind}
    return {"id": key, "title": title, **words, **state, **_TIMES, "dependencies": links}
