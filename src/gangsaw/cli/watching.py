"""Showing something again and again while it changes: redrawn on a terminal, otherwise one after
the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from gangsaw.cli import clock, output

WATCH_EVERY_S = 1.0

Look = Callable[[], tuple[dict[str, Any], list[str], bool]]
"""What is so now: the object, the same as lines, and whether this is the end."""


def watch(look: Look, *, as_json: bool, every_s: float = WATCH_EVERY_S, apart: bool = True) -> int:
    """Show what `look` finds whenever it has changed, until it says that this is the end; 0. It is
    looked at every `every_s` seconds; `apart`: with an empty line between two looks."""
    drawn, last = 0, None
    while True:
        found, lines, over = look()
        if as_json:
            if found != last:
                output.say_json_line(found)
        elif output.is_live():
            drawn = _redraw(lines, drawn)
        elif found != last:
            output.say("\n".join([*lines, ""] if apart else lines))
            sys.stdout.flush()
        last = found
        if over:
            return 0
        clock.pause(every_s)


def _redraw(lines: list[str], drawn: int) -> int:
    """Draw the lines over the last ones; how many lines that were."""
    import shutil

    width, height = shutil.get_terminal_size()
    shown = [line[: max(1, width - 1)] for line in lines[: max(1, height - 1)]]
    up = f"\x1b[{drawn}F" if drawn else ""
    sys.stdout.write(f"{up}\x1b[J" + "".join(f"{line}\n" for line in shown))
    sys.stdout.flush()
    return len(shown)
