"""What was found in a change, in lines for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gangsaw.views.text import flat


def concern_lines(concerns: Iterable[dict[str, Any]]) -> list[str]:
    """Each on a line, for people."""
    lines = []
    for each in concerns:
        line = f":{each['line']}" if each["line"] else ""
        before = " (before)" if each["before"] else ""
        place = f"{flat(each['path'])}{line}{before}  " if each["path"] else ""
        lines.append(f"  {each['answer']:<6}  {place}{flat(each['text'])} ({each['kind']})")
    return lines
