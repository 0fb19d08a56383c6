"""FIXES.md: `### FIX-001: title` with bold fields: File, Line, Status, Category, Problem.

Fixes wait for one another only where they say so; those of one file share a track, so that they run
one at a time. Severities (P0 to P3, of the fix or of the heading above it) are priorities. Written
back: the status, as the file writes it elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gangsaw.sources.lines import heading, lines_of, one_line, prose
from gangsaw.sources.protocol import (
    About,
    Answer,
    Document,
    Edit,
    Item,
    Need,
    Reading,
    Remark,
    Report,
    Standing,
    Sure,
)

PRIORITY_MOST = 10
"""P0 is taken as 10, P1 as 9, and so on: higher goes first with us."""

WORDS_MAX = 20_000
"""Characters of one fix that go into its prompt."""

_FIX = re.compile(r"(?:\*\*|\[|`)?([A-Z]{2,6}-\d{1,5}[a-z]?)(?:\*\*|\]|`)?(?:\s*[:.–—-])?\s*(.*)")
_FIELD = re.compile(
    r"(\s*(?:[-*+][ \t]+)?(?:\*\*|__)([A-Za-z][A-Za-z ]{1,20}):?(?:\*\*|__):?)([ \t]*)(.*)"
)
_SEVERITY = re.compile(r"\bP([0-4])\b")
_SIGNS = "✅✔☑🔄🚧⏳🟢🟡🔴❌\ufe0f "
_WORDS = {
    **dict.fromkeys(("open", "todo", "pending", "new", "not started", "reported"), Standing.OPEN),
    **dict.fromkeys(("in progress", "working", "wip", "fixing", "started"), Standing.RUNNING),
    **dict.fromkeys(
        ("fixed", "done", "closed", "resolved", "complete", "completed"), Standing.DONE
    ),
    **dict.fromkeys(("wontfix", "won't fix", "duplicate", "invalid", "rejected"), Standing.DROPPED),
    **dict.fromkeys(("deferred", "on hold", "blocked", "later"), Standing.LATER),
}
_OURS = {Standing.OPEN: "Open", Standing.RUNNING: "In progress", Standing.DONE: "FIXED"}
_MORE = re.compile(r"\s*[(–—].*$")
"""What follows the word of a status: a date, a commit."""

_NOTHING = re.compile(r"[\W_]*(?:(?:none|nothing|no|nobody|n/?a)\b.*)?", re.IGNORECASE)
_OTHERS = re.compile(r"[A-Z]{2,6}-\d{1,5}[a-z]?\b")


@dataclass(slots=True)
class Fix:
    """One entry. `status` is where its word stands and what it is; `at` where a line with one would
    go, after its heading, and `end` that line's end. `formal` are those of its words that are also
    its needs or severity, `chars` how long the lines of running text among them are."""

    key: str
    title: str
    line: int
    at: int
    end: str
    severity: int | None
    status: tuple[int, str] | None = None
    is_spaced: bool = True
    standing: Standing = Standing.OPEN
    file: str = ""
    needs: tuple[tuple[str, int], ...] = ()
    words: list[str] = field(default_factory=list)
    chars: int = 0
    formal: set[int] = field(default_factory=set)


class Fixes:
    """See the head of the module."""

    name = "fixes"
    about = "FIXES.md: FIX-001 entries with File, Status, Problem, severities"
    homes = ("FIXES.md", "docs/FIXES.md", "fixes.md")
    members: tuple[str, ...] = ()

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        fixes, _ = _fixes(text)
        if not any(fix.key.startswith("FIX-") and fix.status for fix in fixes):
            return Sure.MAYBE if any(fix.status for fix in fixes) else Sure.NO
        return Sure.CERTAIN

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        fixes, remarks = _fixes(document.text)
        return Reading(tuple(_item(fix, document.path) for fix in fixes), tuple(remarks), "")

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        fixes, _ = _fixes(document.text)
        known = {fix.key: fix for fix in fixes}
        edits = []
        for report in reports:
            fix = known.get(report.key)
            if fix is not None and fix.standing is not report.standing:
                edits += _marked(fix, report.standing, fixes)
        missing = tuple(report.key for report in reports if report.key not in known)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Fixes()


def _marked(fix: Fix, standing: Standing, fixes: Sequence[Fix]) -> list[Edit]:
    words = (each.status[1] for each in fixes if each.status and each.standing is standing)
    used = Counter(_MORE.sub("", word) for word in words).most_common(1)
    word = used[0][0] if used else _OURS.get(standing, "")
    if not word:
        return []
    if fix.status is not None:
        start, said = fix.status
        word = word if fix.is_spaced else f" {word}"
        return [Edit(start, start + len(said), word)]
    if not fix.end:
        return [Edit(fix.at, fix.at, f"\n**Status:** {word}")]
    return [Edit(fix.at, fix.at, f"**Status:** {word}{fix.end}")]


def _fixes(text: str) -> tuple[list[Fix], list[Remark]]:
    found: dict[str, Fix] = {}
    remarks: list[Remark] = []
    fix: Fix | None = None
    severity: int | None = None
    level, above = 0, ""
    for line in prose(lines_of(text)):
        title = heading(line.text)
        if title is None:
            if fix is not None:
                _take(fix, line.text, line.number, line.start, remarks)
            elif above and _is_status(line.text):
                said = f"an entry without a number; it is not read: {one_line(above, 60)}"
                remarks.append(Remark(About.UNREAD, line.number, said, "write ### FIX-001: …"))
                above = ""
            continue
        above = title[1]
        match = _FIX.fullmatch(title[1])
        if match is None:
            # A heading deeper than the fix's own is part of it.
            if fix is not None and title[0] > level:
                fix.words.append(title[1])
                continue
            fix, ranked = None, _SEVERITY.search(title[1])
            severity = int(ranked[1]) if ranked else None if title[0] <= 2 else severity
            continue
        ranked = _SEVERITY.search(match[2])
        said = one_line(match[2].strip("*_ ✅🔄"))
        level = title[0]
        fix = Fix(match[1], said, line.number, line.after, line.end,
                  int(ranked[1]) if ranked else severity)  # fmt: skip
        if match[1] in found:
            text_ = f"{match[1]} is taken by line {found[match[1]].line}; this entry is not read"
            remarks.append(Remark(About.UNREAD, line.number, text_, "give it a number of its own"))
        elif not said:
            text_ = f"{match[1]} has no title; this entry is not read"
            remarks.append(Remark(About.UNREAD, line.number, text_, "say what is wrong"))
        else:
            found[match[1]] = fix
    return list(found.values()), remarks


def _is_status(text: str) -> bool:
    match = _FIELD.fullmatch(text)
    return match is not None and match[2].lower().strip() == "status"


def _take(fix: Fix, text: str, number: int, start: int, remarks: list[Remark]) -> None:
    match = _FIELD.fullmatch(text)
    if match is None:
        if fix.chars < WORDS_MAX:
            fix.words.append(text.rstrip())
            fix.chars += len(text) + 1
        return
    name, value = match[2].lower().strip(), match[4].strip()
    gap = len(match[3]) + len(match[4]) - len(match[4].lstrip())
    at = start + len(match[1]) + gap
    if name == "status":
        if fix.status is None:
            fix.status, fix.is_spaced = (at, value), gap > 0
            _stand(fix, value, number, remarks)
        return
    if name in ("file", "files", "location"):
        fix.file = value.strip("`").split("`")[0].split(",")[0].strip().partition(":")[0]
    elif name in ("severity", "priority") and (ranked := _SEVERITY.search(value)):
        fix.severity = int(ranked[1])
        fix.formal.add(len(fix.words))
    elif name in ("depends on", "requires", "blocked by", "after"):
        named = _OTHERS.findall(value)
        if not named and not _NOTHING.fullmatch(value):
            named = [one_line(value, 60)]
        keys = [key for key in named if key != fix.key]
        fix.needs = tuple((key, number) for key in keys)
        fix.formal.add(len(fix.words))
    fix.words.append(f"{match[2].strip()}: {value}")


def _stand(fix: Fix, value: str, number: int, remarks: list[Remark]) -> None:
    plain = value.strip("*_[]`" + _SIGNS).lower()
    word = next((word for word in _WORDS if re.match(rf"{re.escape(word)}\b", plain)), None)
    if word is not None:
        fix.standing = _WORDS[word]
    elif value:
        said = f"the status of {fix.key} is not known and counts as open: {one_line(value, 40)}"
        remarks.append(Remark(About.NOTE, number, said, "write Open or FIXED"))


def _item(fix: Fix, path: str) -> Item:
    fields: dict[str, object] = {}
    if fix.file and len(fix.file) <= 200 and fix.file.isprintable():
        fields["track"] = fix.file
    if fix.severity is not None:
        fields["priority"] = PRIORITY_MOST - fix.severity
    words = "\n".join(fix.words).strip()[:WORDS_MAX]
    told = [
        f"Fix {fix.key}: {fix.title}",
        *([words] if words else []),
        "",
        f"This is an entry of {path}. Leave that file as it is: its status is kept up for you.",
    ]
    needs = tuple(Need(key, line) for key, line in fix.needs)
    own = "\n".join(line for n, line in enumerate(fix.words) if n not in fix.formal)
    return Item(fix.key, fix.title, "\n".join(told), fix.line, standing=fix.standing, needs=needs,
                fields=fields, words=own.strip()[:WORDS_MAX])  # fmt: skip
