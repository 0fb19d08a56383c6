"""The arrows of a Mermaid flow chart between nodes that stand for issues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gangsaw.sources.lines import Line
from gangsaw.sources.planning_words import LINE_MAX, keys_in

NODES_MAX = 5_000
"""Nodes of one chart."""

_ARROW = re.compile(r"-->|==>|->>|-\.->|--x|--o")
_PLAIN = re.compile(r"---|===|-\.-")
_TEXT = re.compile(r"(--|==|-\.)[ \t]+([^-=.|>]{1,100}?)[ \t]+(-->|==>|\.->)")
_LABEL = re.compile(r"\|([^|]{0,100})\|")
_NODE = re.compile(r"[ \t]*([\w#-]{1,80}?)[ \t]*(?:@?[\[({>]{1,3}(.{0,300}?)[\])}]{1,3})?"
                   r"[ \t]*(?::::[\w-]+)?[ \t]*")  # fmt: skip
_ID = re.compile(r"#?(?:issues?|gh|i|n|t|task)?[-_]?(\d{1,7})", re.IGNORECASE)
_REVERSED = re.compile(r"depends|needs|requires|blocked by", re.IGNORECASE)

Link = tuple[list[str], list[str], int]


def mermaid_links(lines: Sequence[Line]) -> Iterator[Link]:
    """What comes first, what waits for it, and the line."""
    statements = [
        (part, line.number)
        for line in lines
        if not line.text.lstrip().startswith(("%%", "subgraph", "style", "classDef", "class "))
        for part in line.text[:LINE_MAX].split(";")
    ]
    chain = [(_parts(text), number) for text, number in statements]
    nodes: dict[str, list[str]] = {}
    for (parts, _), _number in chain:
        for part in parts:
            for name, label in _nodes(part):
                if label and keys_in(label) and len(nodes) < NODES_MAX:
                    nodes.setdefault(name, keys_in(label)[:1])
    for (parts, words), number in chain:
        for left, right, said in zip(parts, parts[1:], words, strict=False):
            first, then = _keys(left, nodes), _keys(right, nodes)
            if said is None or not first or not then:
                continue
            yield (then, first, number) if _REVERSED.search(said) else (first, then, number)


def _parts(text: str) -> tuple[list[str], list[str | None]]:
    """The ends of the arrows of a statement, and the words on each; `None` for a line without a
    head, which says no order."""
    text = _TEXT.sub(lambda match: f"{match[1]}>|{match[2]}|" if match[1] != "-."
                     else f"-.->|{match[2]}|", text)  # fmt: skip
    bounds: list[tuple[int, int, bool]] = [
        (match.start(), match.end(), True) for match in _ARROW.finditer(text)
    ]
    taken = {at for start, end, _ in bounds for at in range(start, end)}
    for match in _PLAIN.finditer(text):
        if match.start() not in taken and match.end() - 1 not in taken:
            bounds.append((match.start(), match.end(), False))
    parts, words = [], list[str | None]()
    at = 0
    for start, end, is_arrow in sorted(bounds):
        parts.append(text[at:start])
        label = _LABEL.match(text, end)
        words.append((label[1] if label is not None else "") if is_arrow else None)
        at = label.end() if label is not None else end
    return [*parts, text[at:]], words


def _nodes(part: str) -> Iterator[tuple[str, str]]:
    for each in re.split(r"&(?![^\[({]{0,300}[\])}])", part):
        match = _NODE.fullmatch(each)
        if match is not None:
            yield match[1], match[2] or ""


def _keys(part: str, nodes: dict[str, list[str]]) -> list[str]:
    """The issues at one end of an arrow."""
    found: list[str] = []
    for name, label in _nodes(part):
        number = _ID.fullmatch(name)
        own = keys_in(label)[:1] or nodes.get(name) or keys_in(name)[:1]
        found += own or ([f"#{int(number[1])}"] if number is not None else [])
    return list(dict.fromkeys(found))
