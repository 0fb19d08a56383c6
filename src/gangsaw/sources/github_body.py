"""What the text of an issue says that it waits for: "Depends on #5", "Blocked by #5", entries below
a heading such as `## Dependencies`, and lists of open boxes that begin with an issue.

What stands in code, comments, quotations, struck out or behind a ticked box is not counted, and
neither is "does not depend on #5".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gangsaw.sources.lines import Line, heading, lines_of, one_line, prose

BODY_MAX = 100_000
"""Characters of a text that are looked through; GitHub takes 65,536."""

REFS_MAX = 200
"""Issues that one text names."""

_VERB = re.compile(
    r"\b(?:(?:depends?|depending|dependent)\s+(?:up)?on|blocked\s+(?:by|on)"
    r"|wait(?:s|ing)?\s+(?:for|on)|requires)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"(?:\bnot|\bno longer|n['’]t|\bnever|\bwas|\bwere|\bbeen)\s+(?:\w+\s+)?$", re.IGNORECASE
)
_LEAD = re.compile(r"[\s:*_]*(?:(?:issues?|tickets?|prs?|pull requests?)[\s:]+)?", re.IGNORECASE)
_REF = re.compile(
    r"(?:(?:GH-|(?P<short>[\w.-]{1,100}/[\w.-]{1,100})?#)"
    r"|https?://[\w.:-]{1,100}/(?P<long>[\w.-]{1,100}/[\w.-]{1,100})/(?:issues|pull)/)"
    r"(?P<number>[1-9]\d{0,8})(?![\w])"
)
_NEXT = re.compile(
    r"[\s*_]*(?:\([^()]{0,80}\)\s*)?(?:[,;&+]\s*(?:and\s)?|and\s)[\s*_]*(?:issues?\s+)?",
    re.IGNORECASE,
)
_ENTRY = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[(?P<box>[ xX])\]\s+)?")
_SECTION = re.compile(
    r"\W*(?:dependenc(?:y|ies)|depends on|blocked by|blockers|prerequisites)\W*", re.IGNORECASE
)
_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)[^`]+\1(?!`)")
_STRUCK = re.compile(r"~~[^~]+~~")


@dataclass(frozen=True, slots=True)
class Ref:
    """An issue that a text waits for: in which repository (empty: its own), and the words. It
    `is_listed` if it only is an open box of a list."""

    number: int
    repository: str
    said: str
    is_listed: bool = False


def refs_in(body: str) -> list[Ref]:
    """The issues that a text waits for, each once, in its order."""
    found: dict[tuple[str, int], Ref] = {}
    for ref in _refs(body[:BODY_MAX]):
        name = (ref.repository.lower(), ref.number)
        known = found.get(name)
        if known is None or (known.is_listed and not ref.is_listed):
            found[name] = ref
        if len(found) >= REFS_MAX:
            break
    return list(found.values())


def _refs(body: str) -> Iterator[Ref]:
    section = ""
    for line in _told(body):
        text = _plain(line.text)
        head = heading(text)
        if head is not None:
            section = head[1] if _SECTION.fullmatch(head[1]) else ""
        entry = _ENTRY.match(text)
        box = entry["box"] if entry is not None else None
        if box in ("x", "X"):
            continue
        said = list(_by_verb(text))
        yield from said
        if entry is None or said:
            continue
        numbers, end = _numbers(text, entry.end())
        if section:
            words = one_line(f"{section}: {text[entry.end() : end]}", 60)
            yield from (Ref(number, repository, words) for number, repository in numbers)
        elif box is not None:
            words = one_line(text[entry.start() : end], 60)
            yield from (Ref(number, repository, words, True) for number, repository in numbers)


def _told(body: str) -> Iterator[Line]:
    """The lines that count: no code, no comment, no quotation."""
    is_listed, is_after_blank = False, True
    for line in prose(lines_of(body)):
        if not line.text.strip():
            is_after_blank = True
            continue
        is_entry = _ENTRY.match(line.text) is not None
        is_code = line.indent >= 4 and not is_listed and is_after_blank
        if is_code:
            continue
        is_after_blank = False
        is_listed = is_entry or (is_listed and line.indent > 0)
        if not line.text.lstrip().startswith(">"):
            yield line


def _plain(text: str) -> str:
    """The line without code, comments and what is struck out."""
    parts, at = [], 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts.append(text[at:start])
        at = end + 3
    text = "".join([*parts, text[at:]])
    return _STRUCK.sub(" ", _CODE.sub(" ", text))


def _by_verb(text: str) -> Iterator[Ref]:
    for verb in _VERB.finditer(text):
        if _NEGATION.search(text[max(0, verb.start() - 24) : verb.start()]):
            continue
        lead = _LEAD.match(text, verb.end())
        numbers, end = _numbers(text, lead.end() if lead is not None else verb.end())
        said = one_line(text[verb.start() : end].replace("*", ""), 60)
        yield from (Ref(number, repository, said) for number, repository in numbers)


def _numbers(text: str, at: int) -> tuple[list[tuple[int, str]], int]:
    """The issues named one after another from a place on, and where the last one ends."""
    found: list[tuple[int, str]] = []
    end = at
    while (match := _REF.match(text, at)) is not None:
        found.append((int(match["number"]), match["short"] or match["long"] or ""))
        end = match.end()
        more = _NEXT.match(text, end)
        if more is None or len(found) >= REFS_MAX:
            break
        at = more.end()
    return found, end
