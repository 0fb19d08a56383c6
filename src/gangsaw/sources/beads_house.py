"""All records of Beads together: what is part of what, what waits for what, what is on hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gangsaw.sources.beads_records import Found, Record
from gangsaw.sources.edges import Edges
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import About, Need, Remark, Standing

LEVELS_MAX = 50
"""Epics in epics."""

NAMED_MAX = 6
"""Records named in one sentence."""

_STANDINGS = {
    "open": Standing.OPEN,
    "blocked": Standing.OPEN,
    "in_progress": Standing.RUNNING,
    "hooked": Standing.RUNNING,
    "closed": Standing.DONE,
    "tombstone": Standing.DROPPED,
    "deferred": Standing.LATER,
    "pinned": Standing.LATER,
}
_BLOCKING = ("blocks", "conditional-blocks", "waits-for")
_PARENT = "parent-child"
_LOOSE = frozenset(
    [
        "related", "relates-to", "discovered-from", "replies-to", "duplicates", "supersedes",
        "tracks", "validates", "caused-by", "authored-by", "assigned-to", "approved-by", "attests",
        "until", "delegated-from",
    ]
)  # fmt: skip

_EPICS = ("epic", "molecule")
_TALK = ("message", "event")
_DOTTED = re.compile(r"(.+)\.\d+")


@dataclass(slots=True)
class House:
    """All records of a source, and which is a part of which."""

    records: dict[str, Record] = field(default_factory=dict)
    others: list[Record] = field(default_factory=list)
    parents: dict[str, list[str]] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    blockers: dict[str, list[str]] = field(default_factory=dict)
    loose: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    skipped: dict[tuple[int, str], list[int]] = field(default_factory=dict)

    def is_epic(self, key: str) -> bool:
        """Whether a record is no task but holds some."""
        return key in self.children or self.records[key].kind in _EPICS

    def is_settled(self, key: str) -> bool:
        """Whether nobody waits for a record any more."""
        return _STANDINGS.get(self.records[key].status) in (Standing.DONE, Standing.DROPPED)

    def above(self, key: str) -> list[str]:
        """What a record is a part of, the nearest first."""
        found: dict[str, None] = {}
        level = [key]
        for _ in range(LEVELS_MAX):
            level = [up for each in level for up in self.parents.get(each, ()) if up not in found]
            found |= dict.fromkeys(level)
            if not level:
                break
        found.pop(key, None)
        return list(found)

    def below(self, key: str) -> list[str]:
        """The tasks in an epic, at any depth."""
        found: dict[str, None] = {}
        pending = [key]
        while pending:
            for child in self.children.get(pending.pop(), ()):
                if child not in found:
                    found[child] = None
                    pending.append(child)
        return [each for each in found if not self.is_epic(each)]

    def note(self, record: Record, said: str, remedy: str = "") -> None:
        """Tell something about a record."""
        self.remarks.append(Remark(About.NOTE, record.line, said, remedy, document=record.document))


# --- gathering ---------------------------------------------------------------------------------


def house_of(found: Sequence[Found]) -> House:
    house = House()
    for each in found:
        house.remarks += each.remarks
        for where, lines in each.skipped.items():
            house.skipped.setdefault(where, []).extend(lines)
        for record in each.records:
            if house.records.setdefault(record.key, record) is not record:
                house.others.append(record)
    for record in house.records.values():
        for link in record.links:
            if link.key in house.records or not (link.is_over and link.kind in _BLOCKING):
                _keep(house, record, link.of, link.key, link.kind)
    by_id: dict[str, list[str]] = {}
    for key in house.records:
        match = _DOTTED.fullmatch(key)
        if match is not None and match[1] in house.records and key not in house.parents:
            by_id.setdefault(match[1], []).append(key)
    for parent, keys in by_id.items():
        for key in keys:
            _keep(house, house.records[key], key, parent, _PARENT)
        said = f"{_named(keys)}: part of {parent} by the id; no dependency says so"
        house.note(house.records[parent], said)
    return house


def _keep(house: House, record: Record, of: str, key: str, kind: str) -> None:
    """Keep a link where it belongs, or say why it means nothing."""
    if of not in house.records:
        house.note(record, f"a dependency of {one_line(of, 60)}, which is not there, is left out")
    elif of == key:
        house.note(record, f"{one_line(of, 60)} depends on itself; that is left out")
    elif kind == _PARENT:
        if key not in house.records:
            house.note(record, f"its parent {one_line(key, 60)} is not there")
        elif key not in house.parents.setdefault(of, []):
            house.parents[of].append(key)
            house.children.setdefault(key, []).append(of)
    elif kind in _BLOCKING:
        known = house.blockers.setdefault(of, [])
        if key not in known:
            known.append(key)
    else:
        house.loose.setdefault(of, []).append((kind, key))
        if kind not in _LOOSE:
            said = f"it is linked to {one_line(key, 60)} as {one_line(kind, 30)}: not waited for"
            house.note(record, said)


def skips(record: Record, house: House) -> bool:
    """Whether a record is no work at all, and nobody waits for it."""
    if record.kind not in _TALK:
        return False
    lines = house.skipped.setdefault((record.document, record.kind), [])
    lines.append(record.line)
    return True


def tell_skipped(house: House) -> None:
    for (document, kind), lines in house.skipped.items():
        if kind != "header":
            where = ", ".join(map(str, lines[:NAMED_MAX])) + (", …" if lines[NAMED_MAX:] else "")
            said = f"of kind {kind}, no tasks: line{'s' if lines[1:] else ''} {where}"
            house.remarks.append(Remark(About.NOTE, lines[0], said, document=document))


def tell_epics(house: House) -> None:
    """Say of each open epic what becomes of it."""
    for key, record in house.records.items():
        if not house.is_epic(key) or house.is_settled(key):
            continue
        tasks = house.below(key)
        left = [each for each in tasks if not house.is_settled(each)]
        name = one_line(key, 60)
        if not tasks:
            house.note(record, f"{name} is an epic without tasks: there is nothing to run in it")
        elif not left:
            house.note(
                record, f"{name} is open, but all of its tasks are closed", f"bd close {name}"
            )
        elif record.kind not in _EPICS:
            count = len(left)
            said = f"{name} holds {count} task{'s' if count > 1 else ''} and is run as these"
            house.note(record, said)


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys[:NAMED_MAX]) + (", …" if len(keys) > NAMED_MAX else "")


# --- order -------------------------------------------------------------------------------------


def ordered(house: House, edges: Edges) -> dict[str, str]:
    """Say all needs; what comes back are records that nothing of the file can set free, and why."""
    held: dict[str, str] = {}
    last: dict[str, list[str]] = {}
    for key, record in house.records.items():
        if house.is_epic(key) or house.is_settled(key):
            continue
        above = house.above(key)
        for owner in (key, *above):
            why = "" if owner == key else f"{owner}, of which it is a part, waits for it"
            if why and _is_settled_or_follows(house, key, owner):
                continue
            for blocker in house.blockers.get(owner, ()):
                needs = _needs(house, record, blocker, above, last, why)
                if isinstance(needs, str):
                    held.setdefault(key, needs)
                    continue
                for need in needs:
                    (edges.infer if need.why else edges.say)(key, need)
        for owner in above:
            if standing_of(house.records[owner], house) is Standing.LATER:
                held.setdefault(key, f"{owner}, of which it is a part, is on hold")
    return held


def _is_settled_or_follows(house: House, key: str, owner: str) -> bool:
    """Whether a record need not be told what its epic waits for: it waits for another of that epic,
    which does."""
    if house.is_settled(owner):
        return True
    return any(
        each in house.records and not house.is_settled(each) and owner in house.above(each)
        and not house.is_epic(each)
        for each in house.blockers.get(key, ())
    )  # fmt: skip


def _needs(
    house: House, record: Record, blocker: str, above: Sequence[str],
    last: dict[str, list[str]], why: str,
) -> list[Need] | str:  # fmt: skip
    """What waiting for a blocker means; or why it cannot be waited for."""
    name = one_line(blocker, 60)
    if blocker not in house.records:
        if blocker.startswith("external:"):
            return f"it waits for {name}, of another project"
        # Nobody knows whether that was done: it may be of a text that holds a part only.
        return [Need(blocker, record.line, why)]
    if house.is_settled(blocker) or blocker == record.key:
        return []
    if house.records[blocker].kind in _TALK:
        return f"it waits for {name}, which is no work"
    if not house.is_epic(blocker):
        return [Need(blocker, record.line, why)]
    if blocker in above:
        if not why:
            house.note(record, f"it waits for {name}, of which it is a part: not waited for")
        return []
    if blocker not in last:
        last[blocker] = _last_of(house, blocker)
    if not last[blocker]:
        return f"it waits for the epic {name}, which is open without an open task"
    why = why or f"all of {name} comes first"
    return [Need(each, record.line, why) for each in last[blocker]]


def _last_of(house: House, epic: str) -> list[str]:
    """The open tasks of an epic for which no other of them waits."""
    left = [each for each in house.below(epic) if not house.is_settled(each)]
    inside = set(left)
    before = {other for each in left for other in house.blockers.get(each, ()) if other in inside}
    return [each for each in left if each not in before] or left


# --- standing ----------------------------------------------------------------------------------


def hold_of(record: Record, house: House) -> str:
    """Why a record is not to be run now though it is not closed; empty if it is."""
    if record.kind == "gate":
        waits = " ".join(filter(None, (record.text("await_type"), record.text("await_id"))))
        return f"it is a gate{f' ({one_line(waits, 60)})' if waits else ''}"
    if record.kind in _TALK:
        return f"it is of kind {record.kind}"
    for flag in ("is_template", "ephemeral", "pinned"):
        if record.table.get(flag) is True:
            return f"it is marked as {flag.removeprefix('is_')}"
    if record.status not in _STANDINGS:
        return f"its status {one_line(record.status, 30)} is not known"
    if record.status == "open" and record.text("defer_until"):
        return f"it is deferred until {one_line(record.text('defer_until'), 30)}"
    if record.status == "blocked":
        # By what was closed meanwhile, too: the word stays when the reason is gone, also when it
        # was us who closed that.
        known = [
            each for owner in (record.key, *house.above(record.key))
            for each in house.blockers.get(owner, ())
            if each in house.records
        ]  # fmt: skip
        return "" if known else "it is blocked, and nothing in the file says by what"
    return ""


def standing_of(record: Record, house: House) -> Standing:
    """Where a record stands by itself."""
    known = _STANDINGS.get(record.status)
    if known in (Standing.DONE, Standing.DROPPED):
        return known
    return Standing.LATER if known is None or hold_of(record, house) else known
