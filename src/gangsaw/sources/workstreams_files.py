"""The workstreams in a JSON file: their tables with places, and the file that assigns tracks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gangsaw.sources.json_nodes import JsonFault, Node, is_speakable, nodes_of
from gangsaw.sources.lines import LineNumbers, lines_of, one_line
from gangsaw.sources.protocol import About, Document, Remark, Standing

IDS = ("id", "phase_id", "workstream_id", "ws_id")
STEP_IDS = ("id", "step_id")
HOLDERS = ("workstreams", "phases")
STEPS_MAX = 1_000
"""Steps of one workstream."""

_DOUBLE = re.compile(r"(\{\{[^{}]{0,80}\}\})")
_TEMPLATE = re.compile(
    r"(\{\{[^{}]{0,80}\}\}|\$?\{[A-Za-z_][\w -]{0,60}\}|<[A-Z_][A-Z0-9_ -]{1,60}>)"
)
_IN_PROSE = re.compile(rf"(?s:```.*?```)|`[^`\n]*`|{_DOUBLE.pattern}")
"""What a template left: everywhere; in ids, needs and files, where braces mean nothing else; and in
words, where code may hold them."""

_PLACES = (*IDS, "depends_on", "files_scope", "files_create", "file_scope")
_TOLD = (
    "title", "name", "objective", "description", "summary", "notes", "tasks", "compensation",
    "capability", "pre_flight_checks", "openspec_change", "ccpm_issue",
)  # fmt: skip

WORDS = {
    Standing.OPEN: "pending open todo not_started planned ready queued new draft failed error",
    Standing.RUNNING: "running in_progress active started wip",
    Standing.DONE: "completed complete done closed finished merged success landed",
    Standing.DROPPED: "cancelled canceled skipped obsolete superseded archived dropped",
    Standing.LATER: "blocked on_hold hold deferred paused",
}
"""Words for a standing; the first of each is used where a file has no own."""

STANDINGS = {word: standing for standing, words in WORDS.items() for word in words.split()}
_FAMILIES = (
    ("pending", "running", "completed"),
    ("todo", "in_progress", "done"),
    ("open", "in_progress", "closed"),
    ("not_started", "in_progress", "completed"),
    ("planned", "in_progress", "done"),
    ("queued", "running", "finished"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A workstream, or a step of one (`of` is then the workstream's key)."""

    key: str
    node: Node
    line: int
    document: int = 0
    of: str = ""
    steps: tuple[Part, ...] = ()

    @property
    def table(self) -> Mapping[str, Any]:
        """What it says."""
        found = self.node.plain
        return found if isinstance(found, dict) else {}

    def get(self, *names: str) -> Any:
        """The first of these members that there is, also of its `metadata`."""
        beside = self.table.get("metadata")
        for table in (self.table, beside if isinstance(beside, dict) else {}):
            for name in names:
                if table.get(name) is not None:
                    return table[name]
        return None


@dataclass(slots=True)
class Files:
    """All that is in some documents. `tracks` and `agents` are what an assignment says: the track
    of an id, the agent of a track; that of "" takes what is in no track with an agent."""

    parts: list[Part] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    tracks: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)


def files_of(documents: Sequence[Document]) -> Files:
    """Everything in these documents."""
    found = Files()
    for n, document in enumerate(documents):
        _read(document.text, n, found)
    return found


def _read(text: str, n: int, found: Files) -> None:
    if not text.strip():
        found.remarks.append(Remark(About.UNREAD, 1, "the file is empty", document=n))
        return
    lines = LineNumbers(text)
    try:
        node, doubles = nodes_of(text)
    except JsonFault as fault:
        line = min(lines.of(fault.at), len(lines_of(text)))
        said = f"not JSON: {fault.said}"
        found.remarks.append(Remark(About.UNREAD, line, said, "mend it there", document=n))
        return
    for member in doubles:
        said = f"the key {one_line(member.key, 60)} is given twice; the last one counts"
        found.remarks.append(Remark(About.NOTE, lines.of(member.start), said, document=n))
    if isinstance(node.plain, dict) and _assigns(node.plain):
        _assign(node, n, lines, found)
        return
    for each in _streams(node):
        part = _part(each, n, lines, found)
        if part is not None:
            found.parts.append(part)


def _streams(node: Node) -> Iterator[Node]:
    if isinstance(node.plain, list):
        yield from node.items
        return
    for name in HOLDERS:
        inner = node.node(name)
        if inner is not None and isinstance(inner.plain, list) and not _id(node, IDS):
            yield from inner.items
            return
    yield node


def _id(node: Node, names: Sequence[str]) -> str:
    table = node.plain
    for name in names if isinstance(table, dict) else ():
        given = table.get(name)
        if isinstance(given, int) and not isinstance(given, bool):
            given = str(given)
        if isinstance(given, str) and given.strip() and is_speakable(given):
            return given.strip()
    return ""


def _part(node: Node, n: int, lines: LineNumbers, found: Files) -> Part | None:
    """The workstream that a value is; `None` after saying why it is none."""
    line = lines.of(node.start)

    def unread(said: str, remedy: str) -> None:
        found.remarks.append(Remark(About.UNREAD, line, said, remedy, document=n))

    key = _id(node, IDS)
    if not isinstance(node.plain, dict):
        unread(f"no object: {one_line(str(node.plain), 40)}", "remove it")
        return None
    if not key:
        unread("the workstream has no id", 'write "id": "ws-name"')
        return None
    hole = _hole(node.plain)
    if hole:
        unread(
            f"{one_line(key, 60)}: {one_line(hole, 60)} is not filled in", "fill the template in"
        )
        return None
    steps: list[Part] = []
    inner = node.node("steps")
    given = inner.items[:STEPS_MAX] if inner is not None else ()
    is_table = any(isinstance(each.plain, dict) for each in given)
    for count, each in enumerate(given, 1):
        if isinstance(each.plain, dict):
            name = _id(each, STEP_IDS) or f"step-{count}"
            steps.append(Part(f"{key}/{name}", each, lines.of(each.start), n, key))
        elif is_table:
            said = f"a step of {one_line(key, 60)} is no object: {one_line(str(each.plain), 40)}"
            where = lines.of(each.start)
            found.remarks.append(Remark(About.UNREAD, where, said, document=n))
    return Part(key, node, line, n, steps=tuple(steps))


def _hole(table: Mapping[str, Any]) -> str:
    """What is left of a template in a workstream or its steps; empty if nothing is."""
    steps = table.get("steps")
    parts = steps[:STEPS_MAX] if isinstance(steps, list) else ()
    own = [table, *(each for each in parts if isinstance(each, dict))]
    beside = table.get("metadata")
    pending: list[tuple[Any, re.Pattern[str]]] = [
        (each, _IN_PROSE) for each in parts if isinstance(each, str)
    ]
    for each in [*own, beside] if isinstance(beside, dict) else own:
        pending += [(each.get(name), _IN_PROSE) for name in _TOLD]
    for each in own:
        pending += [(each.get(name), _TEMPLATE) for name in _PLACES]
        # a command may hold ${NAME}
        pending += [(each.get(name), _DOUBLE) for name in ("tests", "acceptance_tests")]
    while pending:
        value, pattern = pending.pop()
        if isinstance(value, str):
            hole = next((match[1] for match in pattern.finditer(value) if match[1]), "")
            if hole:
                return hole
        if isinstance(value, (list, dict)):
            inner = value.values() if isinstance(value, dict) else value
            pending += [(each, pattern) for each in inner]
    return ""


# --- tracks and agents -------------------------------------------------------------------------


def _assigns(table: Mapping[str, Any]) -> bool:
    return isinstance(table.get("track_assignments"), dict) or isinstance(
        table.get("agent_configs"), list
    )


def _assign(node: Node, n: int, lines: LineNumbers, found: Files) -> None:
    tracks = node.node("track_assignments")
    for member in tracks.members if tracks is not None else ():
        for each in member.value.items:
            if isinstance(each.plain, str) and is_speakable(each.plain + member.key):
                line = lines.of(each.start)
                known = found.tracks.setdefault(each.plain, (member.key, line, n))
                if known[0] != member.key:
                    said = f"{one_line(each.plain, 60)} is in track {known[0]} already"
                    found.remarks.append(Remark(About.NOTE, line, said, document=n))
    configs = node.plain.get("agent_configs")
    for config in configs if isinstance(configs, list) else ():
        if isinstance(config, dict):
            track, kind = config.get("track"), config.get("type")
            if isinstance(kind, str) and (track is None or isinstance(track, str)):
                found.agents.setdefault(track or "", kind)


# --- standing ----------------------------------------------------------------------------------


def status_node(part: Part) -> Node | None:
    """The value that says where a part stands, if there is one."""
    known = part.node.node("status")
    if known is not None:
        return known
    beside = part.node.node("metadata")
    inner = beside.node("status") if beside is not None else None
    return inner if inner is not None and isinstance(inner.plain, str) else None


def own_standing(part: Part) -> Standing | None:
    """Where a part stands by its own word; `None` if it has none. An unknown word is on hold."""
    node = status_node(part)
    if node is None or node.plain is None or node.plain == "":
        return None
    if not isinstance(node.plain, str):
        return Standing.LATER
    return STANDINGS.get(_word(node.plain), Standing.LATER)


def _word(text: str) -> str:
    return re.sub(r"[\s-]+", "_", text.strip().lower())


def word_for(standing: Standing, now: str) -> str:
    """The word for a standing, in the way of the word that stands there."""
    order = (Standing.OPEN, Standing.RUNNING, Standing.DONE)
    family = next((each for each in _FAMILIES if _word(now) in each), _FAMILIES[0])
    said = family[order.index(standing)]
    if "-" in now:
        said = said.replace("_", "-")
    elif " " in now.strip():
        said = said.replace("_", " ")
    if now.isupper():
        return said.upper()
    return said.capitalize() if now[:1].isupper() else said
