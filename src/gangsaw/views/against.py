"""Two tasks' changes side by side: what both change, and whether the two merge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gangsaw.git import (
    FileChange,
    Repository,
    common_base,
    kind_text,
    meet,
    work_diffstat,
)
from gangsaw.views.text import block, flat

SCHEMA_VERSION = 1
ROWS_MAX = 60
"""Files listed in one section of the text; the others are counted."""


@dataclass(frozen=True, slots=True)
class Side:
    """A task's change: from `base` to `commit`, which is `what` in words."""

    task: str
    what: str
    base: str
    commit: str


def against_object(repo: Repository, run: str, one: Side, other: Side) -> dict[str, Any]:
    """The two changes beside each other, as an object."""
    mine, theirs = _files(repo, one), _files(repo, other)
    differ = {each.path for each in work_diffstat(repo, one.commit, other.commit).files}
    points = meet(repo, one.commit, other.commit, (one.task, other.task))
    clashing = {point.clash.path: point for point in points}
    both = [path for path in mine if path in theirs]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run,
        "task": _side(one, mine),
        "against": _side(other, theirs),
        "common_base": common_base(repo, one.commit, other.commit),
        "contains": _contains(repo, one, other),
        "merges": not points,
        "both": [
            {"path": path, "task": _numbers(mine[path]), "against": _numbers(theirs[path]),
             "meet": "conflict" if path in clashing else "merge" if path in differ else "same"}
            for path in both
        ],
        "conflicts": [
            {"path": path, "kinds": list(point.clash.kinds), "text": kind_text(point.clash),
             "hunks": [{"line": hunk.line, "text": hunk.text} for hunk in point.hunks]}
            for path, point in clashing.items()
        ],
    }  # fmt: skip


def _files(repo: Repository, side: Side) -> dict[str, FileChange]:
    return {each.path: each for each in work_diffstat(repo, side.base, side.commit).files}


def _side(side: Side, files: dict[str, FileChange]) -> dict[str, Any]:
    listed = [{"path": each.path, **_numbers(each)} for each in files.values()]
    return {
        "id": side.task, "what": side.what, "base": side.base, "commit": side.commit,
        "files": listed,
    }  # fmt: skip


def _numbers(change: FileChange) -> dict[str, int | None]:
    return {"added": change.added, "deleted": change.deleted}


def _contains(repo: Repository, one: Side, other: Side) -> str | None:
    """The task whose work has all of the other's in it already, if one has."""
    if repo.is_ancestor(other.commit, one.commit):
        return one.task
    return other.task if repo.is_ancestor(one.commit, other.commit) else None


# --- in words -----------------------------------------------------------------------------------


def against_text(
    found: dict[str, Any], *, stat: bool, heading: Callable[[str], str] = str
) -> list[str]:
    """The same for people, as lines; with `stat` without the lines in conflict."""
    one, other = found["task"]["id"], found["against"]["id"]
    lines = [_verdict(found, one, other)]
    both = {each["path"] for each in found["both"]}
    lines += _rows(heading("BOTH CHANGE"), [_both_row(each, one, other) for each in found["both"]])
    for side in (found["task"], found["against"]):
        own = [
            f"  {flat(each['path'])}  {_said(each)}"
            for each in side["files"]
            if each["path"] not in both
        ]
        lines += _rows(heading(f"ONLY {side['id']}"), own)
    for each in found["conflicts"]:
        lines += ["", heading("CONFLICT") + f" {flat(each['path'])}: {each['text']}"]
        for hunk in each["hunks"] if not stat else ():
            lines += [f"  from line {hunk['line']}:", *block(hunk["text"], "    ")]
    return lines


def _verdict(found: dict[str, Any], one: str, other: str) -> str:
    if found["contains"]:
        inner = other if found["contains"] == one else one
        return f"the work of {found['contains']} has that of {inner} in it already"
    if not found["merges"]:
        paths = [flat(each["path"]) for each in found["conflicts"]]
        more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
        return f"{one} and {other} do not merge: {', '.join(paths[:5])}{more}"
    if found["both"]:
        return f"{one} and {other} merge, though both change the same files"
    return f"{one} and {other} change different files, and merge"


def _rows(title: str, rows: list[str]) -> list[str]:
    if not rows:
        return []
    more = [f"  … and {len(rows) - ROWS_MAX} more"] if len(rows) > ROWS_MAX else []
    return ["", title, *rows[:ROWS_MAX], *more]


def _both_row(each: dict[str, Any], one: str, other: str) -> str:
    meet_text = {"conflict": "conflict", "merge": "merges", "same": "the same in both"}
    return (
        f"  {flat(each['path'])}  {one} {_said(each['task'])} · {other} {_said(each['against'])} · "
        f"{meet_text[each['meet']]}"
    )


def _said(numbers: dict[str, Any]) -> str:
    if numbers["added"] is None:
        return "binary"
    return f"+{numbers['added']} −{numbers['deleted']}"
