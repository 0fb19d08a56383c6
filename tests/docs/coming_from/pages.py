"""The pages of docs/coming-from as values: what their tables name, and what else they claim."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "coming-from"
PAGES = {
    "000": "issues-and-monitor.md",
    "001": "beads-and-just.md",
    "002": "tasks-and-roles.md",
    "003": "workstreams.md",
    "004": "roadmap.md",
}
"""The page of each guide, by the guide's number."""

IN_CODE = {
    "Commands": "command", "Options": "option", "Variables": "variable", "Files": "file",
    "Branches": "branch", "Labels": "label", "Tables": "table", "Events": "event",
    "Settings": "setting", "Words": "word", "Levels": "level",
}  # fmt: skip
BY_KEY = {
    "Questions": "question", "Troubles": "trouble", "Safety": "safety", "Special": "special",
    "Wishes": "wish", "Limits": "limit",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: below which heading, and its cells."""

    heading: str
    theirs: str
    here: str


def text_of(name: str) -> str:
    """The text of this page."""
    return (FOLDER / name).read_text("utf-8")


def rows(text: str) -> list[Row]:
    """The rows of all tables of the page, without their heads."""
    found: list[Row] = []
    heading = ""
    head_is_next = True
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line[3:]
        if not line.startswith("|"):
            head_is_next = True
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not head_is_next and not set(line) <= set("|- "):
            found.append(Row(heading, cells[0], " | ".join(cells[1:])))
        head_is_next = False
    return found


def named(text: str) -> Iterator[str]:
    """What the tables of the page name, as `kind: name`."""
    for row in rows(text):
        if row.heading in BY_KEY:
            yield f"{BY_KEY[row.heading]}: {row.theirs}"
        elif row.heading in IN_CODE:
            for name in re.findall(r"`([^`]+)`", row.theirs):
                yield f"{IN_CODE[row.heading]}: {name}"


def spans(text: str) -> list[str]:
    """What stands in code, but for blocks."""
    return re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def blocks(text: str, language: str) -> list[str]:
    """The blocks of this language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
