"""The feature 003-reading-goals, with an overseer and three implementors."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.guides.stage import Stage

FILE = "specs/003-reading-goals/tasks.md"
NEEDS = {
    "T002": (),
    "T003": ("T002",),
    "T004": ("T002",),
    "T005": ("T002",),
    "T006": ("T003",),
    "T007": ("T004", "T006"),
    "T008": ("T005", "T007"),
    "T009": ("T006",),
    "T010": ("T007", "T009"),
    "T011": ("T008", "T010"),
    "T012": ("T011",),
}
ROLES = {
    "OVR": ("T002", "T012"),
    "IMP-A": ("T003", "T006", "T009"),
    "IMP-B": ("T004", "T007", "T010"),
    "IMP-C": ("T005", "T008", "T011"),
}
HEADINGS = {"IMP-A": "Implementor-A", "IMP-B": "Implementor-B", "IMP-C": "Implementor-C"}


def ticked(stage: Stage) -> bytes:
    """The list with every box ticked, and below each role what it has made."""
    text = stage.at_first[FILE].decode().replace("- [ ] T0", "- [x] T0")
    titles = {
        line[6:10]: line.partition("] ")[2].partition(" — Branch")[0].rpartition("] ")[2]
        for line in text.splitlines()
        if line.startswith("- [x] T")
    }
    for role, tasks in ROLES.items():
        said = "".join(
            f"\n- {role} → {stage.landed[task][:7]} — {task}: {titles[task]}" for task in tasks
        )
        known = "docs/goals.md" if role == "OVR" else f"### {HEADINGS[role]}"
        head, mark, rest = text.rpartition(known)
        text = head + mark + said + rest
    return text.encode()


def test_the_feature_of_reading_goals_is_run_by_four_roles(tmp_path: Path) -> None:
    """The three implementors begin at once when the overseer's ground is there."""
    stage = Stage(tmp_path, "goals", together=("T003", "T004", "T005"))
    stage.run("--from", "speckit")
    stage.require_order(NEEDS)
    assert stage.most_at_once() == 3
    for role in ROLES.values():
        assert stage.most_at_once(role) == 1
    assert stage.changed() == {FILE: ticked(stage)}
