"""An epic of Beads with three children: run by its id, closed with the last of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.guides.stage import Stage

EPIC = "ghtml-a1b2"
FILE = ".beads/issues.jsonl"
CHILDREN = {f"{EPIC}-1": f"{EPIC}.1", f"{EPIC}-2": f"{EPIC}.2", f"{EPIC}-3": f"{EPIC}.3"}
"""The ids of the tasks, and those of the records."""

CLAIMED = """
n=0
until grep "\\"id\\":[ ]*\\"ghtml-a1b2.${GANGSAW_TASK#ghtml-a1b2-}\\"" "$ROOT/.beads/issues.jsonl" |
    grep '"in_progress"' | grep -q '"phase:working"'; do
  n=$((n + 1)); [ $n -lt 2000 ] || exit 8; sleep 0.02
done
"""


def closed(stage: Stage, sep: str) -> bytes:
    """The file as it is to be: the epic and its children are closed, and nothing else is said
    otherwise. `sep` stands between a name and its value. The times are those of the run."""
    times = {
        row["id"]: row["updated_at"] for row in map(json.loads, stage.files()[FILE].splitlines())
    }
    said = {EPIC: ("all of its tasks are closed", "")}
    for task, key in CHILDREN.items():
        comma = "," + sep[1:]
        more = f'{comma}"assignee"{sep}"gangsaw"{comma}"labels"{sep}["phase:merged"]'
        said[key] = (f"landed as {stage.landed[task][:12]}", more)
    lines = stage.at_first[FILE].decode().splitlines(keepends=True)
    for n, line in enumerate(lines):
        key = json.loads(line)["id"]
        if key in said:
            reason, labels = said[key]
            old = json.loads(line)["updated_at"]
            comma = "," + sep[1:]
            assert times[key] > old
            more = f'"closed_at"{sep}"{times[key]}"{comma}"close_reason"{sep}"{reason}"{labels}'
            line = line.replace(f'"status"{sep}"open"', f'"status"{sep}"closed"')
            lines[n] = line.replace(
                f'"updated_at"{sep}"{old}"', f'"updated_at"{sep}"{times[key]}"{comma}{more}'
            )
    return "".join(lines).encode()


def test_the_epic_with_three_children_is_run_by_its_id(tmp_path: Path) -> None:
    """All three at once; who works on one waits until its record says so."""
    stage = Stage(tmp_path, "epic", together=list(CHILDREN), before=CLAIMED)
    stage.run("--from", "beads", "--epic", EPIC)
    stage.require_order(dict.fromkeys(CHILDREN, ()))
    assert stage.most_at_once() == 3
    assert stage.changed() == {FILE: closed(stage, ":")}
    told = stage.ground.call("why", f"{EPIC}.1")
    assert told.stdout.startswith(f"{EPIC}-1 has landed"), "it is known by either name"


def test_children_of_an_epic_that_are_linked_come_one_after_the_other(tmp_path: Path) -> None:
    """The tests of the two components wait for both; the file has another way of its own."""
    first, second, last = CHILDREN
    stage = Stage(tmp_path, "epic-linked", together=[first, second], before=CLAIMED)
    stage.run("--from", "beads", "--epic", EPIC)
    stage.require_order({first: (), second: (), last: (first, second)})
    assert stage.changed() == {FILE: closed(stage, ": ")}
