"""YAML text → plain values with the place of each.

Driven by the parser's events with a stack of its own, so that neither depth nor aliases can hurt:
`DEPTH_MAX` bounds nesting, `ALIAS_VALUES_MAX` the values that aliases repeat. Only the plain types
of YAML 1.2 are known: text, whole number, number, true and false, null, list, table. `yes`, `on`,
`007` and dates are text. Tags are refused, merge keys (`<<`) are understood.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from gangsaw.plan.complaint import Finding, Path, shown
from gangsaw.plan.shapes import Number

DEPTH_MAX = 50
"""Lists and tables within one another."""

ALIAS_VALUES_MAX = 1_000_000
"""Values that aliases may repeat, all together."""

_NO_TAG = "remove it; a text that begins with ! needs quotes"

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(slots=True)
class Place:
    """Where a value begins, and where its keys and entries are (0-based lines and columns)."""

    line: int
    col: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    inside: dict[str | int, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """The text is no YAML we can read: where and why (1-based)."""

    line: int
    col: int
    text: str
    remedy: str


@dataclass(slots=True)
class YamlTree:
    """A document: its plain value, the places, and faults such as keys given twice."""

    value: Any
    place: Place
    findings: list[tuple[int, int, Finding]]

    def find(
        self, wanted: Collection[tuple[Path, bool]]
    ) -> dict[tuple[Path, bool], tuple[int, int]]:
        """See `Places.find`."""
        return {want: self._spot(*want) for want in wanted}

    def _spot(self, path: Path, on_key: bool) -> tuple[int, int]:
        place = self.place
        for n, step in enumerate(path):
            if on_key and n == len(path) - 1 and isinstance(step, str) and step in place.keys:
                line, col = place.keys[step]
                return line + 1, col + 1
            if step not in place.inside:
                break
            place = place.inside[step]
        return place.line + 1, place.col + 1


class Unreadable(Exception):
    """Carries a `SyntaxFault` out of the event loop."""

    def __init__(self, fault: SyntaxFault) -> None:
        super().__init__(fault.text)
        self.fault = fault


@dataclass(slots=True)
class _Open:
    """A list or table that is being read."""

    value: Any
    place: Place
    anchor: str | None
    path: Path
    key: str | None = None
    size: int = 1
    merged: list[tuple[Any, Place]] = field(default_factory=list)


def read_yaml(text: str) -> YamlTree | SyntaxFault:
    """The one document of the text, or why it cannot be read."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    composer = _Composer()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            composer.take(event)
    except Unreadable as unreadable:
        return unreadable.fault
    except ReaderError as error:
        return _bad_character(text, int(error.position))
    except MarkedYAMLError as error:
        from gangsaw.plan.yaml_faults import explained

        return explained(error, text)
    except (YAMLError, ValueError, OverflowError) as error:
        # the scanner raises ValueError for escapes such as "\Uffffffff"
        line, col = composer.last
        problem = str(error).splitlines()[0] if str(error) else "cannot be read"
        return SyntaxFault(line + 1, col + 1, f"not YAML: {problem}", "see the text from here on")
    return composer.tree()


def _bad_character(text: str, position: int) -> SyntaxFault:
    line = text.count("\n", 0, position) + 1
    col = position - (text.rfind("\n", 0, position) + 1) + 1
    name = f"U+{ord(text[position]):04X}" if position < len(text) else "at the end"
    return SyntaxFault(
        line,
        col,
        f"holds the control character {name}",
        "remove it, or write it as an escape in double quotes",
    )


class _Composer:
    """Turns events into values and places."""

    def __init__(self) -> None:
        self.last = (0, 0)
        self.findings: list[tuple[int, int, Finding]] = []
        self._stack: list[_Open] = []
        self._root: tuple[Any, Place] | None = None
        self._anchors: dict[str, tuple[Any, Place, int]] = {}
        self._repeated = 0
        self._documents = 0

    def tree(self) -> YamlTree:
        """The finished document; an empty text is `None` at its start."""
        value, place = self._root or (None, Place(0, 0))
        return YamlTree(value, place, self.findings)

    def take(self, event: Any) -> None:
        """Use one event of the parser."""
        mark = event.start_mark
        line, col = self.last = (mark.line, mark.column)
        match type(event).__name__:
            case "ScalarEvent":
                self._scalar(event, line, col)
            case "MappingStartEvent" | "SequenceStartEvent":
                self._open(event, line, col)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._close()
            case "AliasEvent":
                self._alias(event, line, col)
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    self._refuse(
                        "a second document begins here", "remove the line ---, or write two files"
                    )

    def _refuse(self, text: str, remedy: str) -> None:
        line, col = self.last
        raise Unreadable(SyntaxFault(line + 1, col + 1, text, remedy))

    def _path(self) -> Path:
        if not self._stack:
            return ()
        top = self._stack[-1]
        step = len(top.value) if isinstance(top.value, list) else top.key
        return top.path if step is None else (*top.path, step)

    def _wants_key(self) -> bool:
        return (
            bool(self._stack)
            and isinstance(self._stack[-1].value, dict)
            and self._stack[-1].key is None
        )

    def _scalar(self, event: Any, line: int, col: int) -> None:
        if self._wants_key():
            top = self._stack[-1]
            top.key = event.value
            if top.key in top.place.keys:
                self._doubled(top, top.key, line, col)
            else:
                top.place.keys[top.key] = (line, col)
            if event.anchor:
                self._anchors[event.anchor] = (event.value, Place(line, col), 1)
            return
        tag = _tag(event)
        if tag is not None and tag not in {"!", "tag:yaml.org,2002:str"}:
            self._refuse(f"the tag {shown(tag)} is not used here", _NO_TAG)
        plain = event.style in {None, ""} and tag is None
        value = plain_value(event.value) if plain else event.value
        self._place(value, Place(line, col), event.anchor, 1)

    def _doubled(self, top: _Open, key: str, line: int, col: int) -> None:
        first = top.place.keys[key][0] + 1
        finding = Finding(
            (*top.path, key), f"the key is given twice (first in line {first})", "keep one of them"
        )
        self.findings.append((line + 1, col + 1, finding))

    def _open(self, event: Any, line: int, col: int) -> None:
        if self._wants_key():
            self._refuse("a key must be plain text", "put a text that begins with { or [ in quotes")
        if len(self._stack) >= DEPTH_MAX:
            self._refuse(f"is nested more than {DEPTH_MAX} deep", "a plan needs four levels")
        tag = _tag(event)
        if tag is not None and tag not in {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}:
            self._refuse(f"the tag {shown(tag)} is not used here", _NO_TAG)
        value: Any = {} if type(event).__name__ == "MappingStartEvent" else []
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        self._stack.append(_Open(value, Place(line, col), event.anchor, self._path()))

    def _close(self) -> None:
        top = self._stack.pop()
        for value, place in top.merged:
            for key, item in value.items():
                if key not in top.value:
                    top.value[key] = item
                    top.place.keys[key] = place.keys.get(key, (place.line, place.col))
                    top.place.inside[key] = place.inside.get(key, place)
        self._place(top.value, top.place, top.anchor, top.size)

    def _place(self, value: Any, place: Place, anchor: str | None, size: int) -> None:
        """Put a finished value where it belongs."""
        if anchor:
            self._anchors[anchor] = (value, place, size)
        if not self._stack:
            self._root = (value, place)
            return
        top = self._stack[-1]
        top.size += size
        if isinstance(top.value, list):
            top.place.inside[len(top.value)] = place
            top.value.append(value)
            return
        key, top.key = top.key, None
        assert key is not None
        if key == "<<":
            self._merge(top, value, place)
            return
        if key not in top.value:
            top.value[key] = value
            top.place.inside[key] = place

    def _merge(self, top: _Open, value: Any, place: Place) -> None:
        """Take the tables of a merge key; the table's own keys win, whatever the order."""
        sources = [(value, place)] if isinstance(value, dict) else []
        if isinstance(value, list):
            sources = [(item, place.inside[n]) for n, item in enumerate(value)]
        if sources and all(isinstance(item, dict) for item, _ in sources):
            top.merged.extend(sources)
        else:
            finding = Finding((*top.path, "<<"), "takes tables only", "write <<: *NAME of a table")
            self.findings.append((place.line + 1, place.col + 1, finding))

    def _alias(self, event: Any, line: int, col: int) -> None:
        known = self._anchors.get(event.anchor)
        if known is None:
            remedy = "write its & before the value; a text that begins with * needs quotes"
            self._refuse(
                f"*{shown(event.anchor)[1:-1]} repeats a value that is not (fully) given before",
                remedy,
            )
            return
        value, place, size = known
        self._repeated += size
        if self._repeated > ALIAS_VALUES_MAX:
            self._refuse(
                "aliases repeat too much",
                f"at most {ALIAS_VALUES_MAX} values may come from aliases",
            )
        if self._wants_key():
            self._refuse("a key must be plain text", "put a text that begins with * in quotes")
        self._place(value, Place(line, col, place.keys, place.inside), None, size)


def _tag(event: Any) -> str | None:
    """The explicit tag of an event."""
    tag = event.ctag
    return None if tag is None else str(tag)


def plain_value(text: str) -> Any:
    """What an unquoted text means in YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and re.match(r"[-+]?(0?\.|0[eE]|0$|[1-9]|\.)", text):
        return Number(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf"))
    return text
