"""YAML as a table may be written in, with the place of every value: the same nodes as JSON has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gangsaw.plan.yaml_text import plain_value
from gangsaw.sources.json_nodes import DEPTH_MAX, JsonFault, Member, Node

VALUES_MAX = 2_000_000
"""Values of one text."""


@dataclass(slots=True)
class Yaml:
    """A text taken apart. `fixed` are the starts of values that cannot be replaced by a word: they
    have a name or a tag, repeat another, or are written over several lines; `flow` those of tables
    in braces."""

    root: Node
    fixed: set[int] = field(default_factory=set)
    flow: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Open:
    start: int
    is_table: bool
    key: tuple[str, int, int] | None = None
    members: list[Member] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)


def yaml_nodes(text: str) -> Yaml:
    """The one value of a text. `JsonFault` where it is no YAML, or more than a table needs."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    reader = _Reader(text)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reader.take(event)
    except ReaderError as error:
        raise JsonFault(int(error.position), "a character that YAML cannot hold") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.index if mark is not None else 0
        raise JsonFault(min(at, len(text)), str(error.problem or "no YAML")) from error
    except (YAMLError, ValueError, OverflowError) as error:
        raise JsonFault(reader.at, "no YAML") from error
    if reader.root is None:
        raise JsonFault(0, "it is empty")
    return Yaml(reader.root, reader.fixed, reader.flow)


class _Reader:
    """Puts events together."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.root: Node | None = None
        self.fixed: set[int] = set()
        self.flow: set[int] = set()
        self._stack: list[_Open] = []
        self._count = 0

    def take(self, event: Any) -> None:
        """Use one event of the parser."""
        start, end = event.start_mark.index, event.end_mark.index
        self.at = start
        match type(event).__name__:
            case "ScalarEvent":
                self._scalar(event, start, end)
            case "AliasEvent":
                self.fixed.add(start)
                self._put(Node(start, end, None), None)
            case "MappingStartEvent" | "SequenceStartEvent":
                self._open(event, start)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._close(end)
            case "DocumentStartEvent" if self.root is not None:
                raise JsonFault(start, "a second document begins here")

    def _scalar(self, event: Any, start: int, end: int) -> None:
        if event.anchor or event.ctag is not None or event.style in ("|", ">"):
            self.fixed.add(start)
        if start == end:
            start = end = self._behind_colon(start)
        is_plain = event.style in (None, "") and event.ctag is None
        plain = plain_value(event.value) if is_plain else event.value
        self._put(Node(start, end, plain), event.value)

    def _behind_colon(self, start: int) -> int:
        """Where a value that is not there would stand: behind the colon of its key."""
        top = self._stack[-1] if self._stack else None
        if top is not None and top.key is not None:
            at = self.text.find(":", top.key[2])
            if at >= 0 and not self.text[top.key[2] : at].strip():
                return at + 1
        self.fixed.add(start)
        return start

    def _open(self, event: Any, start: int) -> None:
        if len(self._stack) >= DEPTH_MAX:
            raise JsonFault(start, f"more than {DEPTH_MAX} values are nested")
        is_table = type(event).__name__ == "MappingStartEvent"
        if self._stack and self._stack[-1].is_table and self._stack[-1].key is None:
            raise JsonFault(start, "a key is no text")
        if event.flow_style:
            self.flow.add(start)
        if event.anchor or event.ctag is not None or self.text[start : start + 1] == "?":
            self.fixed.add(start)
        self._stack.append(_Open(start, is_table))

    def _close(self, end: int) -> None:
        top = self._stack.pop()
        if top.is_table:
            plain: Any = {member.key: member.value.plain for member in top.members}
        else:
            plain = [item.plain for item in top.items]
        self._put(Node(top.start, end, plain, top.members, top.items), None)

    def _put(self, node: Node, name: str | None) -> None:
        self._count += 1
        if self._count > VALUES_MAX:
            raise JsonFault(node.start, f"more than {VALUES_MAX} values")
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if not top.is_table:
            top.items.append(node)
        elif top.key is None:
            if name is None:
                raise JsonFault(node.start, "a key is no text")
            top.key = (name, node.start, node.end)
        else:
            top.members.append(Member(*top.key[:2], node))
            top.key = None
