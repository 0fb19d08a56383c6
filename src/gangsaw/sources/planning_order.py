"""What planning files say about the order of issues: arrows, trees, tables, words and phases.

An arrow points from what comes first to what waits for it, unless its words say otherwise
("depends on"). What is "in parallel with" another is no need.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gangsaw.sources.lines import Line, heading, lines_of, one_line, prose
from gangsaw.sources.planning_mermaid import mermaid_links
from gangsaw.sources.planning_words import (
    LINE_MAX,
    Row,
    issues_in,
    keys_in,
    led,
    rows_of,
    several,
    trailing,
)

PAIRS_MAX = 100_000
"""Needs that one file may say."""

NEAR = 40
"""Characters that may stand between a word such as "depends on" and the issue that it is about."""

ARROWS_MAX = 50
"""Arrows and issues of one row of a drawing."""

DEPENDS = re.compile(r"depend|blocked by|^needs|requires|prerequisite|waits? for|^after$")
BLOCKS = re.compile(r"^(?:un)?blocks|^blocking|required by|enables")
PHASE = re.compile(r"^(?:phase|wave|stage|batch|layer|level)$")
ISSUE = re.compile(r"^(?:issues?|tasks?|#|no\.?|number|id|tickets?|github issue)(?: ?#)?$")

_FORTH = re.compile(r"[→⟶➜➔⇒▶►]|(?<=[-=─])>")
_BACK = re.compile(r"[←⟵⇐◀◄]|<(?=[-=─])")
_TREE = re.compile(r"[├└╰]|(?<![^\s|])(?:\||\+|`)--")
_DRAWN = re.compile(r"[\s│|─┌┐└┘├┤┬┴┼╭╮╰╯▼▾↓⬇vV+/\\-]*")
_DOWN = re.compile(r"[▼▾↓⬇]|(?<!\w)[vV](?!\w)")
_BEFORE_RIGHT = re.compile(
    r"[\s*_`(\[│|─]*(?:then|blocks|enables|unblocks|starts?|launch|issues?|all|parallel:?)?"
    r"[\s*_`(\[]*",
    re.IGNORECASE,
)
_REVERSED = re.compile(r"[\s*_`|]*(?:depends? on|needs|requires|blocked by|waits? for)\b", re.I)
_GROUP = re.compile(
    r"[^\w#]*(phase|wave|stage|batch|layer|level|group|round)[ \t]+#?(\d{1,3})\b", re.IGNORECASE
)
_LABEL = re.compile(r"[^\w#]*(?:issues|tasks|members|parallel)\b[^#:]{0,40}:", re.IGNORECASE)
_JOIN = re.compile(r"[\s*_`]*(?:,|&|\+|/|\band\b)?[\s*_`]*")
_NEEDS = re.compile(
    r"\b(?:depends?|dependent|depending)[ \t]+(?:up)?on\b|\bblocked[ \t]+by\b|"
    r"\bwaits?[ \t]+(?:for|on)\b|\brequires?\b|\bneeds?\b|\bprerequisites?\b|"
    r"\bdependenc(?:y|ies)\b|\bstarts?[ \t]+after\b|\bafter\b",
    re.IGNORECASE,
)
_FIRST = re.compile(r"\b(?:un)?blocks?\b|\brequired[ \t]+by\b|\benables\b|\bbefore\b", re.I)
_ONCE = re.compile(r"^[^\w#]*(?:once|after|when)\b([^,]{1,200}),", re.IGNORECASE)
_BLOCKING = re.compile(
    r"(?<!non-)\bBLOCKING\b|\bmust (?:complete|finish|land|be done|run) first\b|"
    r"\bblocks (?:all|everything|every other)\b"
)
_NOT = re.compile(r"\b(?:not|no|never|cannot|independent|without|may|might|could)\b|n't\b", re.I)
_NOTHING = re.compile(r"[\s:*_`()—–-]*(?:none|nothing|no one|nobody|n/a|-|—|–|\Z)[\s*_`.)]*", re.I)
_CUT = re.compile(r"\b(?:in parallel|parallel with|alongside|independent of)\b", re.IGNORECASE)
_MARKER = re.compile(r"^\s*(?:(?:[-*+]|\d{1,3}[.)])\s+)?(?:\[.\]\s*)?")
_SENTENCE = re.compile(r"[.;](?=\s|$)|\b(?:but|however|while|although)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """`key` waits for `need`. `why` is empty where the file says so in plain words."""

    key: str
    need: str
    line: int
    document: int
    why: str = ""


@dataclass(slots=True)
class Group:
    """The issues of a phase, or of what else has numbers that follow one another."""

    label: str
    line: int
    document: int
    keys: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Order:
    """Everything that one file says about the order. `free` are issues that are said to wait for
    nothing, `firsts` those that are said to come before all others, each with its line."""

    document: int
    pairs: list[Pair] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    free: dict[str, int] = field(default_factory=dict)
    firsts: dict[str, int] = field(default_factory=dict)
    is_full: bool = False
    _labels: dict[str, Group] = field(default_factory=dict)
    _grouped: set[str] = field(default_factory=set)

    def group(self, label: str, line: int) -> Group:
        """The group of that name; a new one where it is named for the first time."""
        known = self._labels.get(label)
        if known is None:
            known = self._labels[label] = Group(label, line, self.document)
            self.groups.append(known)
        return known

    def join(self, group: Group, keys: Sequence[str], line: int) -> None:
        """Put issues into a group, unless they are in one already."""
        for key in keys:
            if key not in self._grouped:
                self._grouped.add(key)
                group.keys[key] = line

    def add(self, keys: Sequence[str], needs: Sequence[str], line: int, why: str = "") -> None:
        """Each of `keys` waits for each of `needs`."""
        for key in keys:
            for need in needs:
                if len(self.pairs) >= PAIRS_MAX:
                    self.is_full = True
                    return
                if key != need:
                    self.pairs.append(Pair(key, need, line, self.document, why))


def order_in(text: str, document: int, *, is_graph: bool) -> Order:
    """The order that a text says. In a graph all words are plain; elsewhere what stands in running
    text is taken as a need, too, but told."""
    order = Order(document)
    lines = lines_of(text)
    outside = list(prose(lines))
    known = {line.number for line in outside}
    in_tables = _tables(rows_of(outside), order)
    _Words(order, is_graph).read(line for line in outside if line.number not in in_tables)
    for block in _blocks(lines, known):
        if block[0].text.strip().lower().lstrip("`~").startswith("mermaid"):
            for first, then, number in mermaid_links(block[1:]):
                order.add(then, first, number)
        else:
            _drawing(block[1:], order)
    return order


def _blocks(lines: Sequence[Line], outside: set[int]) -> Iterator[list[Line]]:
    """The fenced blocks, each with the line that opens it and without the one that ends it."""
    block: list[Line] = []
    for line in lines:
        if line.number in outside:
            if block:
                yield block
            block = []
        elif block and line.text.strip() and not line.text.strip().strip("`~"):
            yield block
            block = []
        elif block or not line.text.lstrip().startswith("<!--"):
            block.append(line)
    if block:
        yield block


# --- tables ------------------------------------------------------------------------------------


def _tables(rows: Iterator[Row], order: Order) -> set[int]:
    """Take in what tables say; the numbers of their rows."""
    seen = set()
    phases: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        seen.add(row.line.number)
        keys = row_keys(row)
        needs, blocked = row.cell(DEPENDS), row.cell(BLOCKS)
        if needs is not None and keys:
            order.add(keys, keys_in(needs), row.line.number)
            if _NOTHING.fullmatch(needs):
                order.free.update(dict.fromkeys(keys, row.line.number))
        if blocked is not None and keys:
            if re.match(r"\W*(?:all|everything)\b", blocked, re.IGNORECASE):
                order.firsts.update(dict.fromkeys(keys, row.line.number))
            order.add(keys_in(blocked), keys, row.line.number)
        number = re.search(r"\d{1,3}", row.cell(PHASE) or "")
        if number is not None:
            phases.setdefault(int(number[0]), []).extend((key, row.line.number) for key in keys)
    for at in sorted(phases):
        for key, line in phases[at]:
            order.join(order.group(f"phase {at}", line), [key], line)
    return seen


def row_keys(row: Row) -> list[str]:
    """The issues that a row of a table is about."""
    cell = row.cell(ISSUE)
    if cell is None:
        return []
    plain = re.fullmatch(r"[\s*_`]*(\d{1,7})[\s*_`]*", cell)
    return [f"#{int(plain[1])}"] if plain else keys_in(cell)


# --- words and arrows --------------------------------------------------------------------------


class _Words:
    """Lines of running text, lists and headings, one after the other."""

    def __init__(self, order: Order, is_graph: bool) -> None:
        self._order = order
        self._is_graph = is_graph
        self._about: list[tuple[int, str]] = []
        self._group: tuple[int, Group] | None = None

    def read(self, lines: Iterator[Line]) -> None:
        before: list[Line] = []
        for line in lines:
            if not line.text.strip():
                continue
            title = heading(line.text)
            level = title[0] if title is not None else 10 + min(line.indent, 80)
            text = title[1] if title is not None else line.text
            self._where(line, level, text, is_heading=title is not None)
            self._line(line, text[:LINE_MAX], is_label=title is None)
            if _TREE.search(line.text[:LINE_MAX]):
                before.append(line)
        _drawing(before, self._order)

    def _where(self, line: Line, level: int, text: str, *, is_heading: bool) -> None:
        """Which issue and which phase the lines from here are about."""
        self._about = [each for each in self._about if each[0] < level]
        found = led(text) or (trailing(text) if is_heading else None)
        is_entry = is_heading or re.match(r"\s*(?:[-*+]|\d{1,3}[.)])\s|\s*\*\*", text) is not None
        if self._group is not None and is_heading and level <= self._group[0]:
            self._group = None
        group = _GROUP.match(text[:LINE_MAX])
        if group is not None and (is_heading or is_entry or self._is_graph):
            label = f"{group[1].lower()} {int(group[2])}"
            self._group = (level, self._order.group(label, line.number))
            text = re.split(r"\b(?:after|once|depends|blocked)\b", text[group.end() :])[0]
            self._join(keys_in(text), line)
        elif self._group is not None and (is_entry or _LABEL.match(text[:200])):
            self._join(leading(text), line)
        if found is not None and is_entry:
            self._about.append((level, found[0]))

    def _join(self, keys: Sequence[str], line: Line) -> None:
        assert self._group is not None
        self._order.join(self._group[1], keys, line.number)

    def _line(self, line: Line, text: str, *, is_label: bool) -> None:
        if arrows(text, line.number, self._order):
            return
        for sentence in _SENTENCE.split(text):
            if sentence.strip():
                self._sentence(sentence, line)

    def _sentence(self, text: str, line: Line) -> None:
        cut = _CUT.search(text)
        text = text[: cut.start()] if cut is not None else text
        keys = keys_in(text)
        if _BLOCKING.search(text) and len(keys) <= 1:
            about = keys or [key for _, key in self._about[-1:]]
            self._order.firsts.update(dict.fromkeys(about, line.number))
            return
        once = _ONCE.match(text)
        if once is not None:
            self._say(keys_in(text[once.end() :]), keys_in(once[1]), text, line)
            return
        for pattern, waits in ((_NEEDS, True), (_FIRST, False)):
            word = pattern.search(text)
            if word is None:
                continue
            if self._around(text, word, line, waits=waits):
                return

    def _around(self, text: str, word: re.Match[str], line: Line, *, waits: bool) -> bool:
        """Take in a sentence with a word such as "depends on"; whether it was understood."""
        left, right = text[: word.start()], text[word.end() :]
        about = keys_in(left) or [key for _, key in self._about[-1:]]
        is_label = re.match(r"[\s*_`]*:", right) is not None
        if _NOT.search(left[-25:]) or (is_label and _NOTHING.fullmatch(right)):
            if waits and (is_label or re.search(r"\bno\s*$", left, re.I)):
                self._order.free.update(dict.fromkeys(about, line.number))
            return True
        named = issues_in(right)
        if not named or named[0].start > NEAR or not about:
            return False
        others = [key for each in named for key in each.keys]
        is_plain = self._is_graph or is_label or re.search(r"[(\[]\s*$", left) is not None
        why = "" if is_plain else _quoted(text)
        if waits:
            self._order.add(about, others, line.number, why)
        else:
            self._order.add(others, about, line.number, why)
        return True

    def _say(self, keys: Sequence[str], needs: Sequence[str], text: str, line: Line) -> None:
        why = "" if self._is_graph else _quoted(text)
        self._order.add(keys, needs, line.number, why)


def _quoted(text: str) -> str:
    """The words that a need was taken from."""
    return f"“{one_line(_MARKER.sub('', text), 80)}”"


def leading(text: str) -> list[str]:
    """The issues that a text begins with: one, or a list of them."""
    label = _LABEL.match(text[:200])
    text = text[label.end() if label is not None else 0 : LINE_MAX]
    marker = re.match(r"(?:[^\w#]|_)*(?:\d{1,3}[.)][ \t]+)?(?:[^\w#]|_)*", text)
    at = marker.end() if marker is not None else 0
    keys: list[str] = []
    for named in issues_in(text):
        if named.start < at:
            continue
        if text[at : named.start].strip() and not _JOIN.fullmatch(text[at : named.start]):
            break
        keys += named.keys
        at = named.end
    return list(dict.fromkeys(keys))


def arrows(text: str, number: int, order: Order) -> bool:
    """Take in the arrows of a line; whether there was one between issues."""
    forth, back = list(_FORTH.finditer(text)), list(_BACK.finditer(text))
    if bool(forth) is bool(back):
        return False
    bounds = [0, *(at for match in forth or back for at in match.span()), len(text)]
    parts = [text[bounds[n] : bounds[n + 1]] for n in range(0, len(bounds), 2)]
    is_found = False
    for left, right in itertools.pairwise(parts):
        first, then = _keys_of(left), _keys_of(right)
        is_reversed = _REVERSED.match(right) is not None
        opening = right[: issues_in(right)[0].start] if then else ""
        if not first or not then or not (is_reversed or _BEFORE_RIGHT.fullmatch(opening)):
            continue
        is_found = True
        if is_reversed or back:
            order.add(first, then, number)
        else:
            order.add(then, first, number)
    return is_found


def _keys_of(part: str) -> list[str]:
    """The issues of one side of an arrow, without those that are told in brackets behind others."""
    plain = re.sub(r"\([^()]{0,300}\)", " ", part)
    return keys_in(plain) or keys_in(part)


# --- drawings ----------------------------------------------------------------------------------


def _drawing(lines: Sequence[Line], order: Order) -> None:
    """Trees and rows with arrows between them, as people draw them with characters."""
    stack: list[tuple[int, list[str]]] = []
    above: list[tuple[int, str]] = []
    down: list[int] = []
    for line in lines:
        text = line.text[:LINE_MAX]
        named = issues_in(text)
        if not named:
            if _DRAWN.fullmatch(text):
                down += [match.start() for match in _DOWN.finditer(text)][:ARROWS_MAX]
            stack = stack if text.strip() else []
            continue
        keys = list(dict.fromkeys(key for each in named for key in each.keys))
        at, is_tree = named[0].start, _TREE.search(text[: named[0].start]) is not None
        stack = [each for each in stack if each[0] < at]
        has_arrow = arrows(text, line.number, order)
        if is_tree and stack:
            below = list(named[0].keys) if has_arrow else keys
            order.add(below, stack[-1][1], line.number)
        elif not is_tree and down and above:
            firsts = list(dict.fromkeys(_nearest(above, col) for col in down[:ARROWS_MAX]))
            order.add(keys, firsts, line.number, f"drawn below {several(firsts)}")
        if has_arrow:
            stack += [(each.start, list(each.keys)) for each in named]
        else:
            stack.append((at, keys))
        above = [(each.start, key) for each in named for key in each.keys][:ARROWS_MAX]
        down = []


def _nearest(above: Sequence[tuple[int, str]], col: int) -> str:
    return min(above, key=lambda each: abs(each[0] - col))[1]
