"""The records in a text of Beads: one object a line, or one JSON value that holds them.

All shapes that `bd` has printed are taken: lines, a bare array, one object, an envelope with
`data` or `items`, a table with `issues`. Lines are read quickly; places inside are found when they
are needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from gangsaw.sources.json_nodes import DEPTH_MAX, JsonFault, Node, is_speakable, nodes_of
from gangsaw.sources.lines import Line, lines_of, one_line
from gangsaw.sources.protocol import About, Remark

HOLDERS = ("data", "issues", "items")
"""Members under which a JSON value holds its records."""

LINE_MAX = 4 * 1024 * 1024
"""Characters of one record."""

_OVER = ("closed", "tombstone")
_CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})( |$)")


@dataclass(frozen=True, slots=True)
class Link:
    """A dependency: what the record `of` is linked to, and how. `is_over`: the link itself says
    that the other is closed."""

    of: str
    key: str
    kind: str
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One issue: its table, where it stands, and its links. `start` and `end` are its place in
    the text."""

    key: str
    table: Mapping[str, Any]
    line: int
    start: int
    end: int
    links: tuple[Link, ...] = ()
    document: int = 0

    def text(self, name: str) -> str:
        """A member that is a text; empty if it is none."""
        value = self.table.get(name)
        return value if isinstance(value, str) else ""

    @property
    def kind(self) -> str:
        """Its type, `task` if it has none."""
        return self.text("issue_type") or self.text("type") or "task"

    @property
    def status(self) -> str:
        """Its status, `open` if it has none."""
        return self.text("status") or "open"

    @property
    def labels(self) -> list[str]:
        """Its labels."""
        value = self.table.get("labels")
        return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


@dataclass(slots=True)
class Found:
    """What is in a text. `skipped` are the lines of what is no work, by document and kind."""

    records: list[Record] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    skipped: dict[tuple[int, str], list[int]] = field(default_factory=dict)


def records_of(text: str, document: int = 0) -> Found:
    """All records of a text, and what of it is none."""
    found = Found()
    if is_lines(text):
        for line in lines_of(text):
            _read_line(line, found, document)
    else:
        _read_whole(text, found, document)
    return found


def is_lines(text: str) -> bool:
    """Whether there is one object a line, and not one value in all."""
    head = text.lstrip()
    if not head.startswith(("{", "[")):
        return True
    first = head.partition("\n")[0].strip()
    if head.startswith("["):
        return False
    try:
        table = json.loads(first)
    except (ValueError, RecursionError):
        return first.endswith("}") and first.startswith('{"') and "\n" in head.strip()
    return not any(isinstance(table.get(name), (list, dict)) for name in HOLDERS)


def _read_line(line: Line, found: Found, document: int) -> None:
    said = line.text.strip()
    if not said:
        return
    if _CONFLICT.match(line.text):
        _unread(found, line.number, document, "a mark of a merge conflict", "solve the conflict")
        return
    if len(said) > LINE_MAX:
        _unread(found, line.number, document, f"longer than {LINE_MAX} characters", "split it")
        return
    try:
        table = json.loads(said)
        if said.count("{") + said.count("[") > DEPTH_MAX:
            nodes_of(said)  # what it cannot read, nobody could write back
    except (RecursionError, JsonFault):
        _unread(found, line.number, document, "nested too deeply", "flatten it")
        return
    except ValueError as error:
        col = getattr(error, "pos", 0) + len(line.text) - len(line.text.lstrip()) + 1
        text = f"not JSON: {one_line(said, 60)}"
        found.remarks.append(
            Remark(About.UNREAD, line.number, text, "write one object a line", col, document)
        )
        return
    start = line.start + len(line.text) - len(line.text.lstrip())
    _take(table, line.number, (start, start + len(said)), found, document)


def _read_whole(text: str, found: Found, document: int) -> None:
    try:
        node, _ = nodes_of(text)
    except JsonFault as fault:
        line = min(text.count("\n", 0, fault.at) + 1, max(1, len(lines_of(text))))
        col = fault.at - text.rfind("\n", 0, fault.at)
        found.remarks.append(
            Remark(About.FAULT, line, f"not JSON: {fault.said}", "mend it there", col, document)
        )
        return
    line, at = 1, 0
    for each in _held(node):
        line += text.count("\n", at, each.start)
        at = each.start
        _take(each.plain, line, (each.start, each.end), found, document)


def _held(node: Node) -> Sequence[Node]:
    """The records in one value."""
    if isinstance(node.plain, list):
        return node.items
    for name in HOLDERS:
        inner = node.node(name)
        if inner is not None and isinstance(inner.plain, (list, dict)):
            return _held(inner)
    return [node]


def _take(table: Any, line: int, place: tuple[int, int], found: Found, document: int) -> None:
    """Keep a value as a record, or say why it is none."""
    if not isinstance(table, dict):
        _unread(found, line, document, f"no object: {one_line(str(table), 40)}", "remove it")
        return
    kind = table.get("_type", "issue")
    if kind != "issue" or ("id" not in table and "schema_version" in table):
        name = kind if isinstance(kind, str) and kind != "issue" else "header"
        found.skipped.setdefault((document, one_line(name, 30)), []).append(line)
        return
    key = table.get("id")
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if not isinstance(key, str) or not key.strip():
        _unread(found, line, document, "the record has no id", 'write "id": "app-1"')
        return
    if not is_speakable(key):
        _unread(found, line, document, "the id has half a character in it", "write it anew")
        return
    record = Record(key, table, line, *place, tuple(_links(table, key)), document)
    found.records.append(record)


def _unread(found: Found, line: int, document: int, said: str, remedy: str) -> None:
    found.remarks.append(Remark(About.UNREAD, line, said, remedy, document=document))


def _links(table: Mapping[str, Any], key: str) -> Iterator[Link]:
    """Its dependencies, in every shape in which `bd` has written them."""
    given = table.get("dependencies")
    for each in given if isinstance(given, list) else ():
        if isinstance(each, str):
            yield Link(key, each, "blocks")
        elif isinstance(each, dict):
            other, of = each.get("depends_on_id", each.get("id")), each.get("issue_id", key)
            kind = each.get("type" if "depends_on_id" in each else "dependency_type")
            if _is_name(other) and _is_name(of):
                is_over = "depends_on_id" not in each and each.get("status") in _OVER
                yield Link(of, other, kind if _is_name(kind) else "blocks", is_over)
    parent = table.get("parent")
    if _is_name(parent):
        yield Link(key, parent, "parent-child")
    blocked = table.get("blocked_by")
    for other in blocked if isinstance(blocked, list) else ():
        if _is_name(other):
            yield Link(key, other, "blocks")


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value) and is_speakable(value)
