"""Who owns which file: the table or the lists of `file-ownership.md`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gangsaw.sources.lines import Line, heading, lines_of, one_line, prose
from gangsaw.sources.planning_words import (
    LINE_MAX,
    Row,
    bare,
    keys_in,
    odd_paths_in,
    paths_in,
    rows_of,
)

_FILE = re.compile(r"^(?:file|path|files?(?: path)?s?|file/folder|director|folder|module)")
_OWNER = re.compile(r"owner|owned by|^issues?$|assigned")
_RISK = re.compile(r"risk|conflict")
_NOTES = re.compile(r"note|comment|reason|access|change")
_ENTRY = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_READS = re.compile(
    r"\b(?:read|reads|read-only|must not|do not|don't|never|not touch|avoid|imports?|shared)\b",
    re.IGNORECASE,
)
_OWNS = re.compile(r"\b(?:owns?|creates?|modif\w+|writes?|files|new|changes?|edits?)\b", re.I)
_OWNED_BY = re.compile(r"[\s*_`]*(?:owner:?|owned by)?[\s*_`]*(?:issues?[ \t]*)?#\d", re.IGNORECASE)
_ARROW = re.compile(r"→|[-=]>|:[ \t]|[ \t][–—-][ \t]")


@dataclass(frozen=True, slots=True)
class Owned:
    """A path and who owns it, with what is told of it; `keys` is empty where nobody does."""

    path: str
    keys: tuple[str, ...]
    line: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Unowned:
    """A line that names no path or no owner, and why it is not used."""

    line: int
    why: str


def owners_in(text: str, *, lists: bool) -> Iterator[Owned | Unowned]:
    """What a text says about owners; with `lists`, in its lists as well as in its tables."""
    lines = list(prose(lines_of(text)))
    rows = {row.line.number: row for row in rows_of(lines)}
    place: tuple[tuple[str, ...], bool] = ((), False)
    for line in lines:
        row = rows.get(line.number)
        if row is not None:
            yield from _of_row(row)
        elif lists:
            title = heading(line.text)
            label = re.fullmatch(r"[ \t]*(?:\*\*|__)(.{1,200}?)(?:\*\*|__)[ \t]*:?[ \t]*",
                                 line.text[:LINE_MAX])  # fmt: skip
            said = title[1] if title is not None else label[1] if label is not None else None
            if said is not None:
                keys = tuple(keys_in(said)) or (place[0] if label is not None else ())
                is_read = bool(_READS.search(said)) and not _OWNS.match(said.strip())
                place = (keys, not is_read)
            elif _ENTRY.match(line.text) and "|" not in line.text:
                yield from _of_entry(line, *place)


def _of_row(row: Row) -> Iterator[Owned | Unowned]:
    file, owner = row.cell(_FILE), row.cell(_OWNER)
    if file is None or owner is None or not (bare(file) + bare(owner)).strip(" .…-–—"):
        return
    if not bare(file).strip(" .…"):
        return
    paths = paths_in(file)
    for odd in odd_paths_in(file) if paths else [file]:
        said = one_line(bare(odd), 60)
        yield Unowned(row.line.number, f"no path from the root of the repository: {said}")
    told = [bare(row.cell(names) or "") for names in (_RISK, _NOTES)]
    words = one_line("; ".join(each for each in told if each.strip(" -–—.…")), 300)
    plain = re.fullmatch(r"[\s*_`]*(\d{1,7})[\s*_`]*", owner)
    keys = (f"#{int(plain[1])}",) if plain else tuple(keys_in(owner))
    for path in paths:
        yield Owned(path, keys, row.line.number, words)


def _of_entry(line: Line, keys: tuple[str, ...], is_owned: bool) -> Iterator[Owned | Unowned]:
    """An entry below the heading of an issue, or one that names its owner itself."""
    text = _ENTRY.sub("", line.text[:LINE_MAX], count=1)
    parts = _ARROW.split(text, maxsplit=1)
    own = keys_in(parts[1]) if len(parts) > 1 and _OWNED_BY.match(parts[1]) else []
    paths = paths_in(parts[0])[:1]
    if not paths or not (own or (keys and is_owned)):
        return
    words = one_line(bare(parts[1]), 300) if len(parts) > 1 and not own else ""
    yield Owned(paths[0], tuple(own) or keys, line.number, words)
