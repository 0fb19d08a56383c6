"""From what a dialect has read to a plan: the same tree of values that `plan.yaml` holds, with the
places of the foreign file, so that all rules of plans and all their complaints hold for it as well.

Records that are done are no tasks of the plan, and nobody waits for them; records on hold are none
either, nor is what needs them. Who needs what is not there is on hold: nobody can say that it may
begin.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gangsaw.plan import Complaint, PlanRead, RolesRead, legal_id, read_tree
from gangsaw.plan.complaint import Path, listed, nearest, shown
from gangsaw.sources.lines import one_line
from gangsaw.sources.place import common_name
from gangsaw.sources.protocol import (
    About,
    Dialect,
    Document,
    Item,
    Need,
    Reading,
    Remark,
    Standing,
)

LINES_MAX = 10_000_000
"""More lines than a document can have: the lines of several documents are told apart by it."""

NAMED_MAX = 6
"""Records named in one sentence."""

GUESSES_MAX = 20
"""Unknown needs of one source for which a like name is looked for: each look is at all names."""

NAME_ONE = "name another record of the source, or take the need away"

GIVE_CHECKS = 'write run = ["COMMAND"] below [checks] in gangsaw.toml'
"""How tasks get checks whose file has no place for them."""

_OPEN = (Standing.OPEN, Standing.RUNNING)

_NUMBER = re.compile(r"[0-9]+")
_NUMBERED = re.compile(r"\.(?=[1-9][0-9]*$)")


@dataclass(frozen=True, slots=True)
class SourceRead:
    """What came of reading a source. `items` are all its records by the id that they have (or would
    have) in the plan; `inferred`, `unread` and `notes` are told to users, each with its place;
    those of `notes` about needs of which there is no record are in `unknown`, too.
    `plan` holds what is still to be done, unless there are errors in it or nothing is left."""

    dialect: str
    plan: PlanRead
    goal: str
    items: Mapping[str, Item]
    inferred: tuple[Complaint, ...] = ()
    unread: tuple[Complaint, ...] = ()
    notes: tuple[Complaint, ...] = ()
    tree: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[Complaint, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether there are records and none of them is left to be done."""
        return bool(self.items) and not self.plan.errors and self.plan.plan is None

    @property
    def is_held(self) -> bool:
        """Whether some of what is not done is on hold by its own record."""
        return any(_is_held(item) for item in self.items.values())


@dataclass(frozen=True, slots=True)
class Expected:
    """What a plan is compared with: see `read_plan`."""

    known_agents: Collection[str] | None = None
    checked: bool = False
    roles: RolesRead | None = None


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left to be done, by key, with its needs, and the ids of all records."""

    kept: Mapping[str, Item]
    needs: Mapping[str, Sequence[Need]]
    ids: Mapping[str, str]


def read_documents(
    dialect: Dialect,
    documents: Sequence[Document],
    expected: Expected | None = None,
    around: Sequence[Remark] = (),
    accepted: Mapping[str, str] | None = None,
    settled: Collection[str] = (),
) -> SourceRead:
    """The plan in the documents of one source, and everything to be told about it; `around` is
    what is told of the files themselves. Records whose keys were `accepted` keep their id, and are
    a part of the plan even where they are called done. Of these are over, in the source or not any
    more, those in `settled`: nobody waits for them, nor they for anything."""
    expected = expected or Expected()
    reading = dialect.read(documents)
    names = [document.path for document in documents]
    items, doubles = _by_key(reading)
    items, unknown = _without_unknown(items, settled)
    remarks = [*around, *reading.remarks, *doubles, *unknown.values()]
    accepted = accepted or {}
    ids = _ids(items, accepted)
    still = {key: _as_open(item) if key in accepted else item for key, item in items.items()}
    kept, left_out = _left(still, settled, unknown)
    remarks += left_out
    left = _Left(kept, _open_needs(still, kept), ids)
    tree = _tree(reading.goal, left)
    read = _plan(tree, left, names, expected)
    faults = tuple(_told(names, each) for each in remarks if each.about is About.FAULT)
    errors = tuple(sorted({*faults, *read.errors}))
    if not items and not errors:
        errors = (Complaint(names[0], 0, 0, "there is no task in it", _no_task(dialect)),)
    read = PlanRead(None if errors else read.plan, errors, read.warnings)
    return SourceRead(
        dialect.name,
        read,
        reading.goal,
        {ids[key]: item for key, item in items.items()},
        tuple(_inferred(left, names)),
        tuple(sorted(_told(names, each) for each in remarks if each.about is About.UNREAD)),
        tuple(sorted(_told(names, each) for each in remarks if each.about is About.NOTE)),
        tree,
        tuple(sorted(_told(names, each) for each in unknown.values())),
    )


def _as_open(item: Item) -> Item:
    return replace(item, standing=Standing.OPEN) if item.standing is Standing.DONE else item


def _no_task(dialect: Dialect) -> str:
    return f"it is read as {dialect.name}: {one_line(dialect.about)}"


def _told(names: Sequence[str], remark: Remark) -> Complaint:
    return Complaint(
        names[remark.document], remark.line, remark.col if remark.line else 0, remark.text,
        remark.remedy,
    )  # fmt: skip


def _by_key(reading: Reading) -> tuple[dict[str, Item], list[Remark]]:
    """The records by key; what takes the key of an earlier one is not read."""
    items: dict[str, Item] = {}
    remarks = []
    for item in reading.items:
        first = items.setdefault(item.key, item)
        if first is not item:
            said = f"{shown(item.key)} is taken by line {first.line}; this record is not read"
            remedy = "give it a key of its own"
            remarks.append(Remark(About.UNREAD, item.line, said, remedy, item.col, item.document))
    return items, remarks


def _ids(items: Mapping[str, Item], accepted: Mapping[str, str]) -> dict[str, str]:
    """A legal id for each key, the same as long as the keys are the same; that of the `accepted`
    ones in any case, whatever stands before them by now."""
    taken = {name.casefold() for name in accepted.values()}
    ids = {}
    for n, (key, item) in enumerate(items.items(), 1):
        if key in accepted:
            ids[key] = accepted[key]
            continue
        # `1.2` would also be the name of the second try at a task `1`.
        wish = legal_id(_NUMBERED.sub("-", item.id or key)) or f"task-{n}"
        name, count = wish, 1
        while name.casefold() in taken:
            count += 1
            name = f"{wish}-{count}"
        taken.add(name.casefold())
        ids[key] = name
    return ids


# --- what is left to be done -------------------------------------------------------------------


def _without_unknown(
    items: Mapping[str, Item], settled: Collection[str]
) -> tuple[dict[str, Item], dict[str, Remark]]:
    """The records without needs that no record has the name of; those to be done that have such a
    need are on hold, each with a remark at the place of the need."""
    found: dict[str, Item] = {}
    remarks: dict[str, Remark] = {}
    for key, item in items.items():
        unknown = [need for need in item.needs if need.key not in items]
        if unknown:
            needs = tuple(need for need in item.needs if need.key in items)
            item = replace(item, needs=needs)
        unknown = [need for need in unknown if need.key not in settled]
        if unknown and key not in settled and item.standing in _OPEN:
            names = list(dict.fromkeys(shown(need.key) for need in unknown))
            are = "are" if len(names) > 1 else "is"
            hold = f"it needs {listed(names, NAMED_MAX)}, which {are} not there"
            first = unknown[0]
            guess = _guess(first.key, items.keys() - {key}) if len(remarks) < GUESSES_MAX else ""
            document = item.document if first.document is None else first.document
            said = f"{shown(key)} is on hold and is left out: {hold}"
            remedy = guess or NAME_ONE
            remarks[key] = Remark(About.NOTE, first.line, said, remedy, first.col, document)
            item = replace(item, hold=item.hold or hold)
        found[key] = item
    return found, remarks


def _guess(name: str, known: Collection[str]) -> str:
    """What may be meant. Of two that differ in their numbers only none is meant by the other."""
    near = nearest(name, known)
    if near is None or _NUMBER.sub("", near) == _NUMBER.sub("", name):
        return ""
    return f"did you mean {shown(near)}?"


def _left(
    items: Mapping[str, Item], settled: Collection[str], told: Collection[str]
) -> tuple[dict[str, Item], list[Remark]]:
    """The records that are to be done, without needs that nobody has to wait for any more; of those
    in `told` is said already why they are on hold."""
    held = _held(items, settled)
    kept = {
        key: item
        for key, item in items.items()
        if item.standing in _OPEN and not item.hold and key not in held
    }
    remarks = []
    for key, item in items.items():
        if item.standing is Standing.LATER:
            said = f"{shown(key)} is on hold and is left out"
            remarks.append(Remark(About.NOTE, item.line, said, "", item.col, item.document))
        elif item.hold and item.standing in _OPEN and key not in told:
            said = f"{shown(key)} is on hold and is left out: {item.hold}"
            remarks.append(Remark(About.NOTE, item.line, said, "", item.col, item.document))
        elif key in held and item.standing in _OPEN:
            said = f"{shown(key)} is left out: it needs {shown(held[key])}, which is on hold"
            remarks.append(Remark(About.NOTE, item.line, said, "", item.col, item.document))
    return kept, remarks


def _held(items: Mapping[str, Item], settled: Collection[str]) -> dict[str, str]:
    """What needs a record on hold, with the one that it needs."""
    below: dict[str, list[str]] = {}
    for key, item in items.items():
        for need in item.needs:
            below.setdefault(need.key, []).append(key)
    held: dict[str, str] = {}
    pending = [key for key, item in items.items() if _is_held(item)]
    while pending:
        key = pending.pop()
        for child in below.get(key, ()):
            if child not in held and child not in settled and not _is_held(items[child]):
                held[child] = key
                pending.append(child)
    return held


def _is_held(item: Item) -> bool:
    """Whether a record is on hold by itself."""
    return item.standing is Standing.LATER or (bool(item.hold) and item.standing in _OPEN)


def _open_needs(items: Mapping[str, Item], kept: Mapping[str, Item]) -> dict[str, tuple[Need, ...]]:
    """The needs that are left of each record to be done, on others to be done. Where an order was
    inferred by way of a record that is settled, it holds on: of three in a row the last still waits
    for the first when the second happens to be done."""
    return {key: tuple(_of_item(item, items, kept).values()) for key, item in kept.items()}


def _of_item(item: Item, items: Mapping[str, Item], kept: Mapping[str, Item]) -> dict[str, Need]:
    found: dict[str, Need] = {}
    pending, seen = list(reversed(item.needs)), set[str]()
    while pending:
        need = pending.pop()
        if need.key in kept:
            known = found.get(need.key)
            if known is None or (known.why and not need.why):
                found[need.key] = need
        elif need.why and need.key in items and need.key not in seen:
            seen.add(need.key)
            pending += [
                replace(need, key=before.key)
                for before in reversed(items[need.key].needs)
                if before.why
            ]
    return found


def _inferred(left: _Left, names: Sequence[str]) -> Iterator[Complaint]:
    ids = left.ids
    for key, item in left.kept.items():
        by_why: dict[tuple[int, int, int, str], list[str]] = {}
        for need in left.needs[key]:
            if need.why:
                document = item.document if need.document is None else need.document
                place = (document, need.line, need.col, need.why)
                by_why.setdefault(place, []).append(ids.get(need.key, need.key))
        for (document, line, col, why), needed in by_why.items():
            said = f"{ids[key]} needs {listed(needed, len(needed))}: {why}"
            yield Complaint(names[document], line, col, said)


# --- the plan ----------------------------------------------------------------------------------


def _plan(tree: dict[str, Any], left: _Left, names: Sequence[str], expected: Expected) -> PlanRead:
    if not left.kept:
        return PlanRead(None, (), ())
    read = read_tree(
        tree,
        _Places(list(left.kept.values()), left.needs),
        "",
        known_agents=expected.known_agents,
        checked=expected.checked,
        roles=expected.roles,
        give_checks=GIVE_CHECKS,
    )
    return PlanRead(
        read.plan,
        tuple(_where(each, names) for each in read.errors),
        tuple(_where(each, names) for each in read.warnings),
    )


def _where(complaint: Complaint, names: Sequence[str]) -> Complaint:
    """The complaint with its document, which its line stands for."""
    document, line = divmod(complaint.line, LINES_MAX)
    text = re.sub(r"^tasks\.\d+(?:\.\w+)*: ", "", complaint.text)
    where = names[document] if line else common_name(names)
    return Complaint(where, line, complaint.col, text, complaint.remedy)


def _tree(goal: str, left: _Left) -> dict[str, Any]:
    """What `plan.yaml` would hold."""
    top: dict[str, Any] = {"version": 1}
    if goal := _clean(goal).strip():
        top["goal"] = goal
    top["tasks"] = [_task(item, left) for item in left.kept.values()]
    return top


def _task(item: Item, left: _Left) -> dict[str, Any]:
    table: dict[str, Any] = {"id": left.ids[item.key]}
    if title := one_line(item.title):
        table["title"] = title
    needs = [left.ids.get(need.key, need.key) for need in left.needs[item.key]]
    if needs:
        table["needs"] = list(dict.fromkeys(needs))
    table |= item.fields
    table["prompt"] = _clean(item.prompt).strip() or title or left.ids[item.key]
    return table


def _clean(text: str) -> str:
    """The text without characters that no plan may hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the values of the tree stand: see `plan.complaint.Places`."""

    items: Sequence[Item]
    needs: Mapping[str, Sequence[Need]]

    def find(
        self, wanted: Collection[tuple[Path, bool]]
    ) -> dict[tuple[Path, bool], tuple[int, int]]:
        return {each: self._of(each[0]) for each in wanted}

    def _of(self, path: Path) -> tuple[int, int]:
        if len(path) < 2 or not isinstance(path[1], int):
            return (0, 0)
        item = self.items[path[1]]
        document, line, col = item.document, item.line, item.col
        if len(path) > 2 and path[2] == "needs":
            needs = self.needs[item.key]
            at = path[3] if len(path) > 3 else 0
            if isinstance(at, int) and at < len(needs):
                line, col = needs[at].line, needs[at].col
                elsewhere = needs[at].document
                document = document if elsewhere is None else elsewhere
        elif len(path) > 2:
            name = str(path[2])
            line, col = item.places.get(name, (line, col))
            document = item.elsewhere.get(name, document)
        return document * LINES_MAX + line, col
