"""The one place of the command line that prints: text, JSON objects, JSON lines, and complaints.

Colour is only ever an addition: `NO_COLOR`, `--plain`, `TERM=dumb` and a stream that is no terminal
take it away and nothing is lost.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

BOLD, RED, GREEN, CYAN = "1", "31", "32", "36"

_plain = False


def set_plain() -> None:
    """No colours and no redrawing from now on."""
    global _plain
    _plain = True


def is_terminal() -> bool:
    """Whether a person reads standard output directly."""
    return sys.stdout.isatty()


def is_live() -> bool:
    """Whether standard output is a terminal on which lines may be redrawn."""
    return sys.stdout.isatty() and not _plain and os.environ.get("TERM", "dumb") != "dumb"


def has_colour() -> bool:
    """Whether text may be coloured."""
    return is_live() and not os.environ.get("NO_COLOR")


def styled(text: str, code: str) -> str:
    """The text in a style (empty: none), where that is allowed."""
    return f"\x1b[{code}m{text}\x1b[0m" if code and has_colour() else text


def heading(text: str) -> str:
    """A heading: bold where that is allowed."""
    return styled(text, BOLD)


def say(text: str = "") -> None:
    """Print a text and a newline."""
    print(text)


def say_json(value: Mapping[str, Any]) -> None:
    """Print one object, for people and programs."""
    print(object_text(value))


def object_text(value: Mapping[str, Any]) -> str:
    """An object as JSON: a key a line, of a list an item a line.

    The encoder's own indentation goes through Python code and costs as much as all the rest of a
    `status` of 10,000 tasks.
    """
    rows = [f"  {_encode(key)}: {_member(member)}" for key, member in value.items()]
    return "{\n" + ",\n".join(rows) + "\n}"


def say_schema(value: Mapping[str, Any]) -> None:
    """Print a schema, laid out for reading."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _member(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _encode(value)
    items = ",\n".join(f"    {_encode(item)}" for item in value)
    return f"[\n{items}\n  ]"


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def say_json_line(value: Mapping[str, Any]) -> None:
    """Print one object of a stream on one line, at once."""
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)


def complain(text: str) -> None:
    """Print what is wrong on standard error."""
    sys.stdout.flush()
    print(f"gangsaw: {text}", file=sys.stderr)


def warn(text: str) -> None:
    """Print something worth knowing on standard error."""
    sys.stdout.flush()
    print(text, file=sys.stderr)


def forgive_odd_text() -> None:
    """Let no character stop a print: what the terminal's encoding cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
