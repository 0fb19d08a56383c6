"""Planning files taken apart: what is said about each issue, and the check boxes below it.

An issue has a part of its own where a heading, a bold line, an entry of a list or a row of a table
begins with it. Boxes below it are its points; those of "per issue" are points of all, and the
others belong to what all issues are together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gangsaw.sources.boxes import Box, box_of
from gangsaw.sources.lines import Line, heading, lines_of, one_line, prose
from gangsaw.sources.planning_order import row_keys
from gangsaw.sources.planning_words import (
    LINE_MAX,
    Row,
    bare,
    issues_in,
    keys_in,
    led,
    odd_paths_in,
    paths_in,
    rows_of,
    trailing,
)

WORDS_MAX = 20_000
"""Characters about one issue that go into its prompt."""

SUMMARY_MAX = 2_000
"""Characters of a plan's summary that every prompt begins with."""

BOLD_LEVEL = 7
"""A bold line counts as a heading below all others."""

_BOLD = re.compile(r"[ \t]*(?:\*\*|__)([^*_].{0,300}?)(?:\*\*|__)[ \t]*:?[ \t]*")
_ENTRY = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+")
_PHASE = re.compile(r"[^\w#]*(?:phase|wave|stage|batch|layer|level|group|round)\b", re.IGNORECASE)
_COMMON = re.compile(r"\b(?:per|each|every|all)[ -]issues?\b|\bfor (?:all|every|each)\b", re.I)
_TOGETHER = re.compile(
    r"\b(?:integration|system|end.to.end|e2e|final|build|deploy\w*|merg\w+|release|overall|global|"
    r"cross|success|regression)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"\b(?:risks?|conflicts?|mitigations?|questions?|out of scope|future|follow-?ups?|background|"
    r"references|critical path|not (?:included|planned)|excluded|history|assumptions|roll ?back|"
    r"revert\w*|recovery)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(r"\W*(?:executive summary|overview|summary|goals?|objectives?)\b", re.I)
_GROUP_MODEL = re.compile(r"\W*(haiku|sonnet|opus)(?:[ \t]+agents?|[ \t]*\()", re.IGNORECASE)
_MODEL = re.compile(r"\b(haiku|sonnet|opus)\b", re.IGNORECASE)
_FIELD = re.compile(
    r"[ \t]*(?:[-*+][ \t]+)?(?:\*\*|__)?(model|agent|files?|files to (?:modify|create|change)|"
    r"owns|status)(?:\*\*|__)?:(?:\*\*|__)?[ \t]*(.*)",
    re.IGNORECASE,
)
_DONE = re.compile(r"\W*(?:done|completed?|merged|closed|landed|shipped)\b|[^\w]*[✅✔☑]", re.I)
_TITLE = re.compile(r"title|^name|description|summary|^what|^task$|scope of work")
_IN_BRACKETS = re.compile(
    r"\d ?(?:h|m|min|hours?|days?|pts?|points)\b|block|parallel|depend|after|needs", re.IGNORECASE
)
_MARKS = re.compile(r"[ \t]*(?:\[(?:DONE|COMPLETED?|x)\]|[✅✔☑]\ufe0f?)[ \t]*", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """What one document says about one issue. `own` is the box of the issue itself, `points` those
    below it. `rank` says how good its title is, lower better."""

    key: str
    title: str
    line: int
    rank: int
    words: list[str] = field(default_factory=list)
    own: Box | None = None
    points: list[Box] = field(default_factory=list)
    model: tuple[str, int] | None = None
    agent: str = ""
    files: list[tuple[str, int]] = field(default_factory=list)
    odd_files: list[tuple[str, int]] = field(default_factory=list)
    is_done: bool = False

    @property
    def boxes(self) -> list[Box]:
        """All boxes by which it may say where it stands."""
        return ([self.own] if self.own is not None else []) + self.points


@dataclass(slots=True)
class Sections:
    """A document taken apart. `common` are points of every issue, or of those that are named with
    them; `together` those of all issues together. `mentioned` are all issues that it names."""

    parts: dict[str, Part] = field(default_factory=dict)
    doubles: list[tuple[str, int, int]] = field(default_factory=list)
    common: list[tuple[tuple[str, ...], Box]] = field(default_factory=list)
    together: list[Box] = field(default_factory=list)
    mentioned: dict[str, int] = field(default_factory=dict)
    title: str = ""
    summary: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """What the lines below a heading are about: an issue, several or all (`common`), all of them
    together, or something aside."""

    level: int
    kind: str
    keys: tuple[str, ...] = ()


def sections_of(text: str, *, is_checklist: bool = False) -> Sections:
    """A text taken apart. In a check list only headings and bold lines begin with issues."""
    return _Reader(is_checklist).read(list(prose(lines_of(text))))


class _Reader:
    def __init__(self, is_checklist: bool) -> None:
        self._found = Sections()
        self._is_checklist = is_checklist
        self._places: list[_Place] = []
        self._model: tuple[int, str] | None = None
        self._files_of: Part | None = None
        self._is_summary = False

    def read(self, lines: list[Line]) -> Sections:
        found = self._found
        rows = {row.line.number: row for row in rows_of(lines)}
        for line in lines:
            for key in keys_in(line.text):
                found.mentioned.setdefault(key, line.number)
            title = heading(line.text)
            bold = _BOLD.fullmatch(line.text[:LINE_MAX])
            if title is not None:
                self._heading(line, *title)
            elif bold is not None and not _FIELD.match(line.text[:LINE_MAX]):
                self._heading(line, BOLD_LEVEL, bold[1])
            elif line.number in rows:
                self._row(rows[line.number])
            elif (box := box_of(line)) is not None:
                self._box(box)
            else:
                self._text(line)
        return found

    @property
    def _now(self) -> _Place:
        return self._places[-1] if self._places else _Place(0, "")

    def _open(self, level: int) -> None:
        while self._places and self._places[-1].level >= level:
            self._places.pop()

    def _heading(self, line: Line, level: int, text: str) -> None:
        self._files_of = None
        self._open(level)
        if self._model is not None and level <= self._model[0]:
            self._model = None
        if level == 1 and not self._found.title:
            self._found.title = one_line(bare(text))
        self._is_summary = level < BOLD_LEVEL and bool(_SUMMARY.match(text))
        model = _GROUP_MODEL.match(text)
        if model is not None:
            self._model = (level, model[1].lower())
        inner = self._now
        issue = led(text) or (None if _PHASE.match(text) else trailing(text))
        if inner.kind == "issue" and level == BOLD_LEVEL and issue is None:
            self._word(line)
            return
        if issue is not None and inner.kind != "aside":
            self._begin(line, level, *issue, rank=0)
            return
        keys = tuple(keys_in(text)) if not _PHASE.match(text) else ()
        if _ASIDE.search(text):
            self._places.append(_Place(level, "aside"))
        elif _COMMON.search(text) or (len(keys) > 1 and led(text) is None):
            self._places.append(_Place(level, "common", keys))
            for key in keys:
                self._found.parts.setdefault(key, Part(key, "", line.number, 2))
        elif inner.kind in ("issue", "common"):
            self._places.append(_Place(level, inner.kind, inner.keys))
            self._word(line)
        elif _TOGETHER.search(text) and not _PHASE.match(text):
            self._places.append(_Place(level, "together"))
        else:
            self._places.append(_Place(level, inner.kind))

    def _begin(self, line: Line, level: int, key: str, rest: str, *, rank: int) -> Part | None:
        """An issue's own part begins here, if it has none that is as good in this text."""
        self._places.append(_Place(level, "issue", (key,)))
        title, model = _title(rest)
        known = self._found.parts.get(key)
        if known is not None and rank == 0 == known.rank:
            self._found.doubles.append((key, line.number, known.line))
        if known is None:
            known = self._found.parts[key] = Part(key, title, line.number, rank)
        elif title and (rank < known.rank or not known.title):
            known.title, known.line, known.rank = title, line.number, rank
        model = model or (self._model[1] if self._model is not None else "")
        if model:
            known.model = known.model or (model, line.number)
        known.is_done = known.is_done or bool(_MARKS.search(rest))
        return known

    def _row(self, row: Row) -> None:
        keys = row_keys(row)
        if len(keys) != 1 or self._now.kind not in ("", "together") or self._is_checklist:
            return
        title, model = row.cell(_TITLE), row.cell(re.compile(r"model|agent"))
        if title is None:
            return
        places = list(self._places)
        part = self._begin(row.line, 99, keys[0], bare(title), rank=1)
        self._places = places
        assert part is not None
        said = _MODEL.search(model or "")
        if said is not None:
            part.model = part.model or (said[1].lower(), row.line.number)
        part.is_done = part.is_done or bool(_DONE.match(row.cell(re.compile("status")) or ""))
        for path in paths_in(row.cell(re.compile(r"^files?\b")) or ""):
            part.files.append((path, row.line.number))

    def _box(self, box: Box) -> None:
        self._open(10 + min(box.line.indent, 80))
        place = self._now
        issue = led(box.rest) if _is_parted(box.rest) else None
        if issue is not None and (place.kind == "" or issue[0] in place.keys != (issue[0],)):
            part = self._begin(box.line, 10 + min(box.line.indent, 80), *issue, rank=1)
            if part is not None and part.own is None:
                part.own = box
        elif place.kind == "issue":
            self._found.parts[place.keys[0]].points.append(box)
        elif place.kind == "common":
            self._found.common.append((place.keys, box))
        elif place.kind != "aside":
            self._found.together.append(box)

    def _text(self, line: Line) -> None:
        if not line.text.strip():
            self._word(line)
            return
        level = 10 + min(line.indent, 80)
        is_entry = _ENTRY.match(line.text) is not None
        if is_entry or not line.indent:
            self._open(level)
        text = line.text[:LINE_MAX]
        now = self._now
        issue = led(text) if is_entry and _is_parted(text) and not self._is_checklist else None
        is_free = now.kind in ("", "together") or (now.kind == "common" and bool(now.keys))
        if issue is not None and is_free:
            self._begin(line, level, *issue, rank=1)
            return
        self._word(line)

    def _word(self, line: Line) -> None:
        """A line of words of what it stands below."""
        if self._is_summary and len(self._found.summary) < SUMMARY_MAX:
            self._found.summary.append(line.text.strip())
        if self._now.kind != "issue":
            return
        part = self._found.parts[self._now.keys[0]]
        if len(part.words) < WORDS_MAX:
            part.words.append(line.text.rstrip())
        self._field(line, part)

    def _field(self, line: Line, part: Part) -> None:
        said = _FIELD.fullmatch(line.text[:LINE_MAX])
        if said is None:
            if self._files_of is part and _ENTRY.match(line.text):
                entry = _ENTRY.sub("", line.text[:LINE_MAX], count=1)
                part.files += [(path, line.number) for path in paths_in(entry)[:1]]
            return
        name, value = said[1].lower(), said[2]
        self._files_of = None
        if name in ("model", "agent"):
            model = _MODEL.search(value)
            if model is not None:
                part.model = part.model or (model[1].lower(), line.number)
            elif name == "agent" and re.fullmatch(r"[\w-]{1,40}", bare(value)):
                part.agent = bare(value)
        elif name == "status":
            part.is_done = bool(_DONE.match(value))
        else:
            self._files_of = part
            part.files += [(path, line.number) for path in paths_in(value)]
            part.odd_files += [(text, line.number) for text in odd_paths_in(value)]


def _is_parted(text: str) -> bool:
    """Whether something parts the issue at the beginning of an entry from its words."""
    named = next(iter(issues_in(text[:LINE_MAX])), None)
    return named is not None and bool(re.match(r"[\])*_`]*[ \t]*(?:[:–—|(*\[-]|\Z)|\*\*|[\])]",
                                               text[named.end :]))  # fmt: skip


def _title(rest: str) -> tuple[str, str]:
    """The words of a title, and the model that stands behind them in brackets."""
    text = _MARKS.sub(" ", bare(rest)).strip()[:LINE_MAX]
    model = ""
    first = re.match(r"[(\[]\W*(haiku|sonnet|opus)\b[^()\[\]]{0,40}[)\]]", text, re.IGNORECASE)
    if first is not None:
        model, text = first[1].lower(), text[first.end() :]
    while match := re.search(r"[(\[]([^()\[\]]{0,80})[)\]]$", text):
        said = _MODEL.search(match[1])
        if said is not None:
            model = said[1].lower()
        elif not _IN_BRACKETS.search(match[1]):
            break
        text = text[: match.start()].rstrip()
    return one_line(text.strip(" \t:–—-*_")), model


def boxes_in(sections: Sections) -> Iterator[Box]:
    """All boxes of a document, as far as they belong to something."""
    for part in sections.parts.values():
        yield from part.boxes
    for _, box in sections.common:
        yield box
    yield from sections.together
