"""A stream of JSON lines as objects, and whether it ends in the middle of one."""

from __future__ import annotations

from typing import Any

from gangsaw.agents.lines import LineSplitter, json_object


class JsonLines:
    """Bytes into JSON objects. `ignored` counts lines that were none, or too long; `seen` those
    that were one. `cut`: the last line that is not blank began as an object and did not end."""

    __slots__ = ("_lines", "_malformed", "cut", "seen")

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._malformed = 0
        self.cut = False
        self.seen = 0

    @property
    def ignored(self) -> int:
        return self._malformed + self._lines.skipped

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """The objects on the lines that `chunk` completes."""
        found = []
        for line in self._lines.feed(chunk):
            event = json_object(line)
            if event is not None:
                found.append(event)
                self.seen += 1
                self.cut = False
            elif line.strip():
                self._malformed += 1
                self.cut = line.lstrip().startswith(b"{")
        return found
