"""TOML text → plain values by the standard parser, with the place of each by one scan.

The scan runs only when somebody asks for places, on a text that the parser has accepted; so it
need not judge, only walk.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gangsaw.plan.complaint import Path
from gangsaw.plan.shapes import Number

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_WORD = re.compile(r"[^,\]\}\n#]+")


@dataclass(frozen=True, slots=True)
class TomlFault:
    """The text is no TOML: where (1-based) and why."""

    line: int
    col: int
    text: str


@dataclass(slots=True)
class TomlTree:
    """A settings file: its plain value, and its text for places."""

    value: dict[str, Any]
    text: str

    def find(
        self, wanted: Collection[tuple[Path, bool]]
    ) -> dict[tuple[Path, bool], tuple[int, int]]:
        """See `Places.find`."""
        keys, values = _Scan(self.text).places()
        found = {}
        for path, on_key in wanted:
            near = path
            while near and near not in keys and near not in values:
                near = near[:-1]
            table = values if near != path or not on_key else keys
            offset = table.get(near, keys.get(near, 0))
            line = self.text.count("\n", 0, offset) + 1
            col = offset - (self.text.rfind("\n", 0, offset) + 1) + 1
            found[path, on_key] = (line, col)
        return found


def read_toml(text: str) -> TomlTree | TomlFault:
    """The tables of the text, or why it cannot be read."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        return TomlTree(tomllib.loads(text, parse_float=Number), text)
    except RecursionError:
        return TomlFault(1, 1, "is nested too deep")
    except ValueError as error:
        said = str(error)
        where = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", said)
        if where is None:
            return TomlFault(1, 1, f"not TOML: {said[:160]}")
        line, col = int(where[1] or 0), int(where[2] or 0)
        if not line:
            line = text.count("\n") + 1
            col = len(text) - (text.rfind("\n") + 1) + 1
        return TomlFault(line, col, f"not TOML: {said[: where.start()]}")


class _Scan:
    """One walk through a valid text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._keys: dict[Path, int] = {}
        self._values: dict[Path, int] = {}
        self._lists: dict[Path, int] = {}

    def places(self) -> tuple[dict[Path, int], dict[Path, int]]:
        """Offsets of keys and of values, by path; the first place of a table counts."""
        table: Path = ()
        self._skip()
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                self._at += 2
                table = self._header(is_list=True)
                self._at += 2
            elif self._text[self._at] == "[":
                self._at += 1
                table = self._header(is_list=False)
                self._at += 1
            else:
                self._pair(table)
            self._skip()
        return self._keys, self._values

    def _skip(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _dotted(self) -> list[tuple[str, int]]:
        """The parts of a key with their offsets."""
        parts: list[tuple[str, int]] = []
        while True:
            match = _KEY.match(self._text, self._at)
            if match is None:
                raise AssertionError("a key was expected: the text is not what the parser accepted")
            quoted, literal, bare = match.groups()
            name = quoted if quoted is not None else literal if literal is not None else bare
            if quoted is not None and "\\" in quoted:
                name = tomllib.loads(f'key = "{quoted}"')["key"]
            start = match.start(match.lastindex or 0) - (bare is None)
            parts.append((name, start))
            self._at = match.end()
            if self._text[self._at : self._at + 1] != ".":
                return parts
            self._at += 1

    def _note(self, path: Path, offset: int) -> None:
        self._keys.setdefault(path, offset)
        self._values.setdefault(path, offset)

    def _header(self, *, is_list: bool) -> Path:
        path: Path = ()
        parts = self._dotted()
        for n, (name, offset) in enumerate(parts):
            path = (*path, name)
            self._note(path, offset)
            if is_list and n == len(parts) - 1:
                self._lists[path] = self._lists.get(path, -1) + 1
            if path in self._lists:
                path = (*path, self._lists[path])
                self._note(path, offset)
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for name, offset in self._dotted():
            path = (*path, name)
            self._note(path, offset)
        self._at += 1  # the sign =
        self._skip()
        self._values[path] = self._at
        self._value(path)

    def _value(self, path: Path) -> None:
        char = self._text[self._at]
        if char in "\"'":
            match = _TEXT.match(self._text, self._at)
        elif char == "[":
            return self._list(path)
        elif char == "{":
            return self._inline(path)
        else:
            match = _WORD.match(self._text, self._at)
        self._at = match.end() if match else self._at + 1
        return None

    def _list(self, path: Path) -> None:
        self._at += 1
        n = 0
        self._skip()
        while self._text[self._at] != "]":
            self._values[(*path, n)] = self._at
            self._value((*path, n))
            n += 1
            self._skip()
            if self._text[self._at] == ",":
                self._at += 1
                self._skip()
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        self._skip()
        while self._text[self._at] != "}":
            self._pair(path)
            self._skip()
            if self._text[self._at] == ",":
                self._at += 1
                self._skip()
        self._at += 1
