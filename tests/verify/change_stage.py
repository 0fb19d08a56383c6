"""Changes written as text: what a file was before and after, and what is found in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.changes import Change, ChangedFile, Side
from gangsaw.core.honesty import Concern, Honesty
from gangsaw.verify.honesty import Expected, find_concerns

COMMANDS = ("sh ci/check.sh", "make test", "npm test", "pytest -q")


@dataclass(frozen=True)
class Written:
    """One change of a corpus; `kind` is what has to be found, empty where nothing may be."""

    name: str
    kind: str
    files: tuple[ChangedFile, ...]


def side(text: str | bytes | None, mode: str = "100644") -> Side | None:
    """One side of a file."""
    if text is None:
        return None
    raw = text.encode() if isinstance(text, str) else text
    return Side(mode, "", len(raw), raw)


def changed(path: str, before: str | bytes | None, after: str | bytes | None) -> ChangedFile:
    """A file with what it was and is."""
    return ChangedFile(path, side(before), side(after))


def look(
    *files: ChangedFile,
    scope: tuple[str, ...] = (),
    rules: Honesty | None = None,
    commands: tuple[str, ...] = COMMANDS,
) -> tuple[Concern, ...]:
    """The concerns about a change of these files."""
    expected = Expected(scope, commands, rules or Honesty(), lambda _: "")
    return find_concerns(Change(files), expected)


def corpus(path: Path) -> Iterator[Written]:
    """The changes of a file: `## NAME` or `## KIND: NAME`, then `@ PATH`, with `| before` and
    `| after` over the texts; a side that is left out is not there."""
    for block in ("\n" + path.read_text()).split("\n## ")[1:]:
        head, _, body = block.partition("\n")
        kind, colon, name = head.partition(": ")
        files = []
        for part in ("\n" + body).split("\n@ ")[1:]:
            name_of_file, _, texts = part.partition("\n")
            sides: dict[str, str] = {}
            for each in ("\n" + texts).split("\n| ")[1:]:
                which, _, text = each.partition("\n")
                sides[which] = text.rstrip("\n") + "\n"
            files.append(changed(name_of_file, sides.get("before"), sides.get("after")))
        yield Written(name if colon else head, kind if colon else "", tuple(files))
