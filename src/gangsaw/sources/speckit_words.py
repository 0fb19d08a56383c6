"""What stands on a line of spec-kit's task list after the id: tags, needs, branch, files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gangsaw.sources.lines import one_line

TAGS_MAX = 8
"""Tags in brackets at the beginning of one line."""

ORDER_LINE_MAX = 1_000
"""Characters of a line in which an order of tasks is looked for."""

_TAG = re.compile(r"[\[(]([A-Za-z][A-Za-z0-9 _-]{0,30})[\])](?=\s|$|[\[(])\s*")
_ROLE = re.compile(r"(OVR|OVERSEER|IMP|IMPLEMENTOR|IMPL)(?:[- ]([A-Z0-9]))?", re.IGNORECASE)
_SECTION_ROLE = re.compile(
    r"(Overseer|OVR|(?:Implementor|Implementer|IMP)[- ]([A-Z0-9]))\b", re.IGNORECASE
)
_TRAILER = re.compile(r"(?<=\s)(?:—|–|--|-)\s+(Branch|Deps|Depends on)\s*:\s*", re.IGNORECASE)
_DEPENDS = re.compile(
    r"\(\s*(?:depends?\s+(?:up)?on|requires|needs|after|blocked\s+by)\b:?\s*([^()\r\n]{0,400})\)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(T\d{3,6}[a-z]?)\s*(?:-|–|—|\.\.\.?|…|to|through)\s*(T\d{3,6}[a-z]?)"
    r"|(T\d{3,6}[a-z]?)|\b(?:user\s+story|US)\s?#?(\d{1,3})|\bphase\s+([\w.]{1,20})",
    re.IGNORECASE,
)
_LIKE_ID = re.compile(r"(?<![\w.])(?:[Tt]-?|US|#)\d+\b")
_ORDER = re.compile(
    r"\b(blocks?|before|precedes?)\b|\b(depends?\s+(?:up)?on|requires?|needs|after)\b",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:[\s,;.&+()]|\band\b|\ball\b|\bor\b|\btasks?\b|\bcompleted?\b|\bfirst\b)*", re.IGNORECASE
)
_FILE = re.compile(
    r"(?<![\w./:@-])[\w.@~-]*(?:/[\w.@\[\]{}~-]+)*\.[A-Za-z][A-Za-z0-9]{0,7}(?![\w/])"
)
_TICKED = re.compile(r"`([^`\s]{1,200})`")


@dataclass(frozen=True, slots=True)
class Words:
    """A line taken apart. `deps` are the needs of "— Deps:" (empty for `none`, `None` without it),
    `depends` those of "(depends on …)": ids, `T001…T004` for a range, `US1`, `phase 2`. `tag` is
    the role as written, `role` its short name. `unknown` is what stands in the place of a need and
    names none, `unclear` what is said beside needs."""

    text: str
    parallel: bool = False
    story: str = ""
    role: str = ""
    tag: str = ""
    deps: tuple[str, ...] | None = None
    depends: tuple[str, ...] = ()
    branch: str = ""
    unclear: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def words_of(text: str) -> Words:
    """What a line says, from after its id."""
    rest, parallel, story, role, tag = text.strip(), False, "", "", ""
    for _ in range(TAGS_MAX):
        match = _TAG.match(rest)
        if match is None:
            break
        word = match[1].strip()
        if word.upper() == "P":
            parallel = True
        elif named := re.fullmatch(r"(?:US|Story\s?)(\d{1,3})", word, re.IGNORECASE):
            story = f"US{named[1]}"
        elif _ROLE.fullmatch(word):
            role, tag = role_of(word), word
        else:
            break
        rest = rest[match.end() :]
    rest, deps, branch, said = _trailers(rest)
    depends: list[str] = []
    for match in _DEPENDS.finditer(rest):
        found, left = _refs(match[1])
        depends += found
        if left or not found:
            said.append(match[0] if found else match[1].strip() or match[0])
    unknown = [name for text in said for name in _unknown_in(text)]
    unclear = [text for text in said if not _unknown_in(text)]
    return Words(
        one_line(rest, 2000), parallel, story, role, tag,
        deps, tuple(dict.fromkeys(depends)), branch, tuple(unclear), tuple(unknown),
    )  # fmt: skip


def role_of(text: str) -> str:
    """`OVR` or `IMP-A` for a tag or a heading that names a role; empty if it names none."""
    match = _ROLE.fullmatch(text.strip()) or _SECTION_ROLE.match(text.strip("*: "))
    if match is None:
        return ""
    if match[1].upper().startswith("OV"):
        return "OVR"
    return f"IMP-{match[2].upper()}" if match[2] else "IMP"


def _trailers(text: str) -> tuple[str, tuple[str, ...] | None, str, list[str]]:
    """The line without its trailers, and what they say."""
    marks = list(_TRAILER.finditer(text))
    if not marks:
        return text, None, "", []
    deps: tuple[str, ...] | None = None
    branch, unclear = "", list[str]()
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        value = text[mark.end() : end].strip()
        if mark[1].lower() == "branch":
            branch = value.strip("`")
            continue
        found, left = _refs(value)
        nothing = value.strip("()[]*_`. ").lower() in ("none", "-", "–", "—", "n/a", "")
        deps = () if nothing else tuple(found)
        if left and not nothing:
            unclear.append(value)
    return text[: marks[0].start()].rstrip(), deps, branch, unclear


def _unknown_in(text: str) -> list[str]:
    """What stands for a need in a text that is not all understood, and is none that is known: what
    looks like an id, or all of it where it names nothing else."""
    like = [match[0] for match in _LIKE_ID.finditer(_NAMED.sub(" ", text))]
    return like or ([] if _refs(text)[0] else [text])


def _refs(text: str) -> tuple[list[str], bool]:
    """The tasks, stories and phases that a text names, and whether it says more than that."""
    found: list[str] = []
    more, at = False, 0
    for match in _NAMED.finditer(text):
        more = more or not _FILLER.fullmatch(text[at : match.start()])
        at = match.end()
        if match[1]:
            found.append(f"{_id(match[1])}…{_id(match[2])}")
        elif match[3]:
            found.append(_id(match[3]))
        elif match[4]:
            found.append(f"US{match[4]}")
        else:
            found.append(f"phase {match[5].rstrip('.:').lower()}")
    return found, more or not _FILLER.fullmatch(text[at:])


def order_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """For a line such as "T008 blocks T009, T015" or "T012 depends on T004": what comes first, and
    what after it; `None` where a line names no tasks on both sides."""
    match = _ORDER.search(text[:ORDER_LINE_MAX])
    if match is None:
        return None
    (left, _), (right, _) = _refs(text[: match.start()]), _refs(text[match.end() :])
    first, second = (right, left) if match[2] else (left, right)
    tasks = [ref for ref in (*first, *second) if ref.startswith("T")]
    return (tuple(first), tuple(second)) if first and second and tasks else None


def _id(text: str) -> str:
    return text[0].upper() + text[1:]


def files_of(text: str) -> tuple[str, ...]:
    """The files that a text names: with a folder, or in backticks. Addresses and words such as
    `Node.js` are none."""
    found: dict[str, None] = {}
    for match in _TICKED.finditer(text):
        if _FILE.fullmatch(match[1]):
            found[match[1].removeprefix("./")] = None
    for match in _FILE.finditer(text):
        before = text[max(0, match.start() - 3) : match.start()]
        if "/" in match[0] and "://" not in before:
            found[match[0].removeprefix("./")] = None
        elif text[max(0, match.start() - 3) : match.start()].lower() in ("in ", "to "):
            found[match[0]] = None
    return tuple(found)
