"""Contracts that issues share: which lines of `contracts.*` an issue has to know.

A block whose comments name issues is for these and for those that wait for them; a comment that
stands alone is about all blocks up to the next one; what names nobody is for all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from gangsaw.sources.lines import Line, lines_of
from gangsaw.sources.planning_words import keys_in

CONTRACTS_MAX = 12_000
"""Characters of contracts that one prompt holds; the agent is told where the rest is."""

_COMMENT = re.compile(r"[ \t]*(?://|#|/\*|\*|--|<!--|\"\"\"|;)")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of a contract, and the issues that they are about (none: all)."""

    text: str
    keys: tuple[str, ...]
    line: int


def blocks_of(text: str) -> list[Block]:
    """A contract in blocks, in order."""
    found: list[Block] = []
    about: tuple[str, ...] = ()
    for lines in _paragraphs(lines_of(text)):
        comments = [line for line in lines if _COMMENT.match(line.text)]
        keys = tuple(dict.fromkeys(key for line in comments for key in keys_in(line.text)))
        if len(comments) == len(lines):
            about = keys
        found.append(
            Block("\n".join(line.text.rstrip() for line in lines), keys or about, lines[0].number)
        )
    return found


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines up to an empty one that is followed by one without indentation."""
    block: list[Line] = []
    is_open = False
    for line in lines:
        if not line.text.strip():
            is_open = True
            continue
        if is_open and block and not line.indent and not re.match(r"[})\]]", line.text):
            yield block
            block = []
        is_open = False
        block.append(line)
    if block:
        yield block


def contract_for(blocks: Sequence[Block], path: str, wanted: Collection[str]) -> str:
    """The contract for an issue: blocks for all, and those about one of `wanted`."""
    parts = [block.text for block in blocks if not block.keys or set(block.keys) & set(wanted)]
    text = "\n\n".join(parts)
    if len(text) > CONTRACTS_MAX:
        text = text[:CONTRACTS_MAX].rpartition("\n")[0] + f"\n… (all of it is in {path})"
    return text
