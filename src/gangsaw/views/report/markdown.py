"""The report as Markdown that reads well as it is: tables are aligned."""

from __future__ import annotations

import re

from gangsaw.core.report import RunReport
from gangsaw.views.report.section import Section
from gangsaw.views.report.sections import sections, title_of
from gangsaw.views.text import flat

CELL_MAX = 200
_SPECIAL = re.compile(r"([\\`*\[\]<>|&])")


def markdown(report: RunReport) -> str:
    """The whole report, with a line end."""
    parts = [f"# {escaped(title_of(report))}"]
    for section in sections(report):
        if section.title:
            parts.append(f"## {section.title}")
        if section.lines:
            parts.append("\n".join(escaped(line) for line in section.lines))
        if section.rows:
            parts.append("\n".join(table(section)))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """The text on one line, with nothing in it that Markdown or HTML would take for its own."""
    return _SPECIAL.sub(r"\\\1", flat(text, CELL_MAX))


def table(section: Section) -> list[str]:
    """The lines of the section's table, columns aligned."""
    rows = [[escaped(cell) for cell in row] for row in (section.head, *section.rows)]
    widths = [max(3, *(len(row[at]) for row in rows)) for at in range(len(section.head))]
    lines = [_line(row, widths, section.right) for row in rows]
    rule = [
        "-" * (width - 1) + ":" if at in section.right else "-" * width
        for at, width in enumerate(widths)
    ]
    return [lines[0], _line(rule, widths, ()), *lines[1:]]


def _line(cells: list[str], widths: list[int], right: tuple[int, ...]) -> str:
    padded = [
        cell.rjust(width) if at in right else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
