"""What the columns of a table mean, and what is said in them, whatever the table is written in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gangsaw.sources.commands import command_of
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import About, Remark, Standing

ROLES = {
    "id": "id key taskid issuekey issueid ticket number no nr",
    "title": "title summary name task subject todo",
    "status": "status state progress done completed passes",
    "prompt": "description details body prompt text notes",
    "needs": "needs dependson dependencies dependency blockedby after predecessors requires",
    "priority": "priority prio",
    "track": "track group lane",
    "agent": "agent",
    "model": "model",
    "scope": "scope files file paths path",
    "checks": "checks check tests test command",
    "estimate_s": "estimates",
}
_WORDS = {
    Standing.OPEN: "open|todo|to do|new|pending|backlog|planned|not started|ready|no|false|0|-",
    Standing.RUNNING: "in progress|doing|started|wip|active|running|working",
    Standing.DONE: "done|closed|complete|completed|finished|merged|resolved|fixed|"
    "yes|true|1|x|✓|✅",
    Standing.LATER: "on hold",
    Standing.DROPPED: "cancelled|canceled|dropped|wontfix|won't do|won't fix|rejected|duplicate",
}
STANDINGS = {word: standing for standing, words in _WORDS.items() for word in words.split("|")}
_PAIRS = (("false", "true"), ("no", "yes"), ("0", "1"), ("-", "x"))
OURS = {Standing.OPEN: "open", Standing.RUNNING: "in progress", Standing.DONE: "done"}
_PRIORITIES = {"critical": 9, "highest": 9, "high": 8, "medium": 5, "normal": 5, "low": 2}


def word_of(text: str) -> str:
    """A word of a status as it is known, upper and lower case alike."""
    return re.sub(r"[\s_-]+", " ", text.strip().lower()).strip() or text.strip()


def name_of(head: str) -> str:
    """The name of a column as it is known."""
    return "no" if head == "#" else re.sub(r"[^a-z]", "", head.lower())


def mapping_of(text: str) -> dict[str, str]:
    """Which column has which role, from `title=Summary, needs=Blocked by`."""
    pairs = (each.partition("=") for each in text.split(","))
    return {role.strip().lower(): head.strip() for role, _, head in pairs if role.strip()}


def columns_of(
    heads: Sequence[str], mapping: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    """The place of the column of each role: as the mapping says, else by the names of the heads;
    and what of the mapping is not understood."""
    found: dict[str, int] = {}
    unknown = []
    for role, head in mapping.items():
        places = [n for n, each in enumerate(heads) if each.casefold() == head.casefold()]
        if role in ROLES and places and places[0] not in found.values():
            found[role] = places[0]
        else:
            unknown.append(f"{role}={head}")
    names = [name_of(head) for head in heads]
    for role, known in ROLES.items():
        for name in known.split():
            if role not in found and name in names:
                # One that is called just that comes before one that is nearly called so.
                n = heads.index(name) if name in heads else names.index(name)
                if n not in found.values():
                    found[role] = n
    return found, unknown


def unknown_roles(unknown: Sequence[str], line: int) -> list[Remark]:
    """What is told of those parts of a mapping."""
    remedy = f"write one of {', '.join(ROLES)} and the head of a column"
    return [
        Remark(About.NOTE, line, f"not understood in the mapping: {one_line(each, 60)}", remedy)
        for each in unknown
    ]


def several(text: str) -> list[str]:
    """The entries of a cell that holds some."""
    return list(
        dict.fromkeys(each.strip() for each in re.split(r"[,;|\r\n]", text) if each.strip())
    )


def fields_of(text_of: Callable[[str], str]) -> dict[str, Any]:
    """The keys of a plan's task that columns give; `text_of` is what stands in that of a role."""
    fields: dict[str, Any] = {}
    given = text_of("priority").lower()
    number = re.fullmatch(r"p?([0-9]{1,3})", given)
    if given in _PRIORITIES:
        fields["priority"] = _PRIORITIES[given]
    elif number:
        fields["priority"] = 10 - int(number[1]) if given.startswith("p") else int(number[1])
    for role in ("track", "agent", "model"):
        if said := one_line(text_of(role), 80):
            fields[role] = said
    if scope := several(text_of("scope")):
        fields["scope"] = scope
    commands = [command_of(line) or "" for line in text_of("checks").splitlines() if line.strip()]
    if commands and all(commands):
        fields["checks"] = list(dict.fromkeys(commands))
    seconds = text_of("estimate_s")
    if re.fullmatch(r"[1-9][0-9]{0,6}(\.[0-9]{1,6})?", seconds):
        fields["estimate_s"] = float(seconds)
    return fields


def word_for(used: Sequence[str], wanted: Standing) -> str:
    """The word that a column has for a standing, else one that goes with its others; empty where it
    has none. `used` is what stands in the column."""
    fits = [word for word in used if word and STANDINGS.get(word_of(word)) is wanted]
    if fits:
        return Counter(fits).most_common(1)[0][0]
    for no, yes in _PAIRS:
        if any(word_of(word) in (no, yes) for word in used):
            said = {Standing.OPEN: no, Standing.DONE: yes}.get(wanted, "")
            break
    else:
        said = OURS[wanted]
    known = [word for word in used if word]
    if known and all(word.isupper() for word in known):
        return said.upper()
    return said.capitalize() if known and all(word[0].isupper() for word in known) else said
