"""Tables as JSON or YAML: a list of objects, a task each, with field names of anybody's choice.

Fields are known by their usual names, or by a mapping as for CSV, `title=Summary, needs=Blockers`,
in a comment at the head (`# gangsaw: …`, `// gangsaw: …`) or as the user says. A dotted name is a
field in a field: `status=fields.status.name`. The list is the whole file, or a member of its
object.

Written back: the value of the status, in the words that the table has; a new field where a task has
none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gangsaw.sources.columns import (
    STANDINGS,
    columns_of,
    fields_of,
    mapping_of,
    several,
    unknown_roles,
    word_for,
    word_of,
)
from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.json_nodes import JsonFault, Node, nodes_of, with_member
from gangsaw.sources.lines import LineNumbers, lines_of, one_line
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
from gangsaw.sources.table_yaml import yaml_nodes
from gangsaw.sources.values import listed_under, paragraphs, text_in

ROWS_MAX = 50_000
"""Tasks of one table."""

FIELDS_MAX = 500
"""Different fields of one table."""

HEAD_LINES = 50
"""Lines in which a mapping is looked for."""

HEAD_MAX = 20_000
"""Characters of a text by which its kind is told, and in which a mapping is looked for."""

STEPS_MAX = 10
"""Dots of one name."""

HOLDERS = ("items", "tasks", "issues", "rows", "records", "todos", "backlog", "cards")
"""Members under which an object holds its tasks."""

_BREAK = re.compile(r"\r\n|\r|\n")
_MAPPING = re.compile(r"\s*(?:#|//)\s*gangsaw\s*:\s*(.*)")
_HOLDER = re.compile(rf"""(?m)^[ \t{{]*(["']?)(?:{"|".join(HOLDERS)})\1[ \t]*:""")
_ENDS = (".json", ".yaml", ".yml")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z ]*[A-Za-z]")
_YAML_WORDS = frozenset(["true", "false", "yes", "no", "on", "off", "null"])


@dataclass(frozen=True, slots=True)
class _Row:
    """A task's object, and its value in the field of each role."""

    key: str
    node: Node
    line: int
    cells: Mapping[str, Node]

    def text(self, role: str) -> str:
        """What it says in the field of a role, entries of a list one a line."""
        return _text(self.cells[role]) if role in self.cells else ""

    @property
    def standing(self) -> Standing:
        """Where it stands. A word that nobody knows is on hold."""
        word = word_of(self.text("status"))
        return STANDINGS.get(word, Standing.LATER) if word else Standing.OPEN


@dataclass(slots=True)
class _Table:
    """A text taken apart."""

    text: str
    is_yaml: bool = False
    goal: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    rows: dict[str, _Row] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)
    flow: set[int] = field(default_factory=set)


class Table:
    """See the head of the module. `mapping` is what users say of the fields, `title=Summary`."""

    about = "tables as JSON or YAML: a list of objects, fields by their usual names or a mapping"
    homes = ("backlog.json", "backlog.yaml", "backlog.yml", "todo.json", "todo.yaml")
    members: tuple[str, ...] = ()

    def __init__(self, mapping: str = "") -> None:
        self.mapping = mapping
        self.name = f"table?{mapping}" if mapping else "table"

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`. Never certain: such a file may be anything."""
        if not path.lower().endswith(_ENDS):
            return Sure.NO
        is_list = re.match(r"(?:\s|#[^\n]*\n|//[^\n]*\n|---\n)*(?:\[|-\s)", text) is not None
        is_told = "gangsaw:" in text[:HEAD_MAX] or _HOLDER.search(text[:HEAD_MAX])
        return Sure.MAYBE if is_list or is_told else Sure.NO

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        table = _table(document.text, self.mapping)
        edges = Edges()
        remarks = [each for row in table.rows.values() for each in _needs(row, table, edges)]
        items = [_item(row, table, document.path) for row in table.rows.values()]
        found, cut = with_needs(items, edges)
        return Reading(found, (*table.remarks, *remarks, *cut), table.goal)

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        table = _table(document.text, self.mapping)
        wanted = {each.key: each.standing for each in reports if each.key in table.rows}
        used = [text for row in table.rows.values() if (text := _word(row))]
        edits = [
            edit
            for key, standing in wanted.items()
            if (edit := _edit(table, table.rows[key], standing, used)) is not None
        ]
        missing = tuple(report.key for report in reports if report.key not in table.rows)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Table()
mapped = Table


# --- taking a text apart -----------------------------------------------------------------------


def _table(text: str, said: str) -> _Table:
    found = _Table(text)
    numbers = LineNumbers(text)
    if not text.strip():
        found.remarks.append(Remark(About.UNREAD, 1, "the file is empty"))
        return found
    try:
        root = _root(text, found)
    except JsonFault as fault:
        line = min(numbers.of(fault.at), len(lines_of(text)))
        said = f"no {'YAML' if found.is_yaml else 'JSON'}: {one_line(fault.said, 60)}"
        found.remarks.append(Remark(About.UNREAD, line, said, "mend it there"))
        return found
    mapping = mapping_of(said)
    for line_ in lines_of(text[:HEAD_MAX])[:HEAD_LINES]:
        if told := _MAPPING.match(line_.text):
            mapping = mapping_of(told[1]) | mapping
    if isinstance(root.plain, dict):
        found.goal = one_line(text_in(root.plain.get("goal")))
    nodes = _rows(root)[:ROWS_MAX]
    heads = _heads(nodes, mapping)
    columns, unknown = columns_of(heads, mapping)
    found.remarks += unknown_roles(unknown, 1)
    found.roles = {role: heads[n] for role, n in columns.items()}
    found.roles.setdefault("status", "status")
    for node in nodes:
        _add(node, numbers.of(node.start), found)
    return found


def _root(text: str, found: _Table) -> Node:
    """The value of the text; what begins like JSON and is none may be YAML in braces."""
    head = re.sub(r"^(?:\s|//[^\n]*\n|#[^\n]*\n|/\*.*?\*/)*", "", text[:HEAD_MAX], flags=re.DOTALL)
    if head.startswith(("{", "[")):
        return nodes_of(text)[0]
    found.is_yaml = True
    yaml = yaml_nodes(text)
    found.fixed, found.flow = yaml.fixed, yaml.flow
    return yaml.root


def _rows(root: Node) -> Sequence[Node]:
    """The objects that are tasks: a list, or the list in an object."""
    if isinstance(root.plain, list):
        return root.items
    inner = [root.node(name) for name in HOLDERS]
    lists = [each for each in inner if each is not None and isinstance(each.plain, list)]
    others = [member.value for member in root.members if isinstance(member.value.plain, list)]
    return next((each.items for each in (*lists, *others)), ())


def _heads(nodes: Sequence[Node], mapping: Mapping[str, str]) -> list[str]:
    """The names of all fields, and the dotted ones that the mapping names."""
    names: dict[str, None] = {}
    for node in nodes:
        if len(names) < FIELDS_MAX:
            names |= dict.fromkeys(member.key for member in node.members)
    dotted = [head for head in mapping.values() if "." in head and head not in names]
    known = [head for head in dotted if any(_inside(node, head) for node in nodes)]
    return [*names, *known]


def _inside(node: Node, name: str) -> Node | None:
    """The value of a field, also of one in a field where the name has dots."""
    whole = node.node(name)
    if whole is not None:
        return whole
    found: Node | None = node
    for step in name.split(".")[:STEPS_MAX]:
        found = found.node(step) if found is not None else None
    return found


def _add(node: Node, line: int, found: _Table) -> None:
    """Take a task in, or say why it is none."""

    def unread(said: str, remedy: str) -> None:
        found.remarks.append(Remark(About.UNREAD, line, said, remedy))

    if not isinstance(node.plain, dict) or not node.members:
        unread(f"no object with fields: {one_line(str(node.plain), 40)}", "remove it")
        return
    cells = {
        role: cell
        for role, name in found.roles.items()
        if (cell := _inside(node, name)) is not None
    }
    row = _Row("", node, line, cells)
    key = one_line(row.text("id")) or one_line(row.text("title"))
    status = cells.get("status")
    if not key:
        unread("a task without id and title", "say what is to be done")
    elif key in found.rows:
        unread(f"{one_line(key, 60)} is taken by line {found.rows[key].line}", "give it its own id")
    elif _is_fixed(status, node, found):
        unread(
            f"the status of {one_line(key, 60)} could not be written back",
            "write it as one word of the task's own",
        )
    else:
        found.rows[key] = _Row(key, node, line, cells)
        word = word_of(row.text("status"))
        if word and word not in STANDINGS:
            said = f"the status of {one_line(key, 60)} counts as on hold: {one_line(word, 40)}"
            found.remarks.append(Remark(About.NOTE, line, said, "write open or done"))


def _is_fixed(status: Node | None, node: Node, found: _Table) -> bool:
    """Whether there is no place for a word of ours."""
    if status is None:
        return "." in found.roles["status"] or node.start in found.fixed
    return isinstance(status.plain, (dict, list)) or status.start in found.fixed


def _text(node: Node) -> str:
    """A value as a text: a list as its entries, one a line."""
    plain = node.plain
    if isinstance(plain, bool):
        return str(plain).lower()
    if isinstance(plain, float):
        return f"{plain:g}"
    if isinstance(plain, list):
        return "\n".join(filter(None, (_text(each) for each in node.items)))
    if isinstance(plain, dict):
        named = (node.node(name) for name in ("id", "key", "name", "title"))
        return next((_text(each) for each in named if each is not None), "")
    return text_in(plain).strip()


def _item(row: _Row, table: _Table, path: str) -> Item:
    title = one_line(row.text("title")) or one_line(row.key)
    fields = fields_of(row.text)
    used = set(table.roles.values())
    more = [
        f"{one_line(member.key, 60)}: {said}"
        for member in row.node.members
        if member.key not in used and (said := _text(member.value))
    ]
    test = "; ".join(row.text("checks").splitlines())
    prompt = row.text("prompt")
    own = paragraphs(
        [
            prompt if prompt != title else "",
            f"How it is tested: {test}" if test and "checks" not in fields else "",
            listed_under("The table also says", more),
        ]
    )
    note = (
        f"This is {one_line(row.key, 80)} of {path}. Leave that file as it is: how the task stands "
        "is written there for you."
    )
    told = paragraphs([title, own, note])
    return Item(row.key, title, told, row.line, standing=row.standing, fields=fields, words=own)


def _needs(row: _Row, table: _Table, edges: Edges) -> Iterator[Remark]:
    """Say what a task waits for; blanks separate names only where all of them are known."""
    names: list[str] = []
    for each in several(row.text("needs")):
        words = each.split()
        is_known = each not in table.rows and all(word in table.rows for word in words)
        names += words if is_known else [each]
    for name in dict.fromkeys(names):
        if name != row.key:
            edges.say(row.key, Need(name, row.line))
        else:
            said = f"{one_line(name, 60)} needs itself; that is left out"
            yield Remark(About.NOTE, row.line, said)


# --- standing ----------------------------------------------------------------------------------


def _word(row: _Row) -> str:
    """The status as a text, where it is one."""
    plain = row.cells["status"].plain if "status" in row.cells else None
    return plain if isinstance(plain, str) and "\n" not in plain and plain.isprintable() else ""


def _edit(table: _Table, row: _Row, wanted: Standing, used: Sequence[str]) -> Edit | None:
    """The edit of the status; where a task has none, of its object."""
    if wanted is row.standing or wanted not in (Standing.OPEN, Standing.RUNNING, Standing.DONE):
        return None
    cell = row.cells.get("status")
    plain = cell.plain if cell is not None else None
    value: Any = word_for(used, wanted)
    if isinstance(plain, (bool, int, float)):
        if wanted is Standing.RUNNING:
            return None
        is_done = wanted is Standing.DONE
        value = is_done if isinstance(plain, bool) else int(is_done)
    elif not value:
        return None
    if cell is not None:
        source = table.text[cell.start : cell.end]
        lead = " " if table.is_yaml and table.text[cell.start - 1 : cell.start] == ":" else ""
        return Edit(cell.start, cell.end, lead + _said(value, source, table.is_yaml))
    name = table.roles["status"]
    if not table.is_yaml:
        return with_member(table.text, row.node, name, value)
    return _added(table, row, f"{_said(name, '', True)}: {_said(value, '', True)}")


def _added(table: _Table, row: _Row, said: str) -> Edit:
    """The edit that gives an object in YAML one more field: behind its id or title, where that
    stands on one line of its own, else before its first field."""
    text, first = table.text, row.node.members[0]
    known = [row.cells[role] for role in ("id", "title") if role in row.cells]
    simple = (
        each.value for wanted in known for each in row.node.members
        if each.value is wanted and each.value.start not in table.fixed
        and each.value.plain is not None and not _BREAK.search(text, each.start, each.value.end)
    )  # fmt: skip
    before = next(simple, None)
    if row.node.start in table.flow:
        at = first.start if before is None else before.end
        return Edit(at, at, f"{said}, " if before is None else f", {said}")
    gap = " " * (first.start - _line_start(text, first.start))
    end = "\r\n" if "\r\n" in text else "\n"
    if before is None:
        return Edit(first.start, first.start, f"{said}{end}{gap}")
    stop = _BREAK.search(text, before.end)
    at = len(text) if stop is None else stop.start()
    return Edit(at, at, f"{end if stop is None else stop[0]}{gap}{said}")


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _said(value: Any, source: str, is_yaml: bool) -> str:
    """A value as it is written there."""
    if not isinstance(value, str) or not is_yaml:
        return json.dumps(value, ensure_ascii=False)
    if source.startswith("'") and "'" not in value:
        return f"'{value}'"
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS
    return value if is_plain and not source.startswith('"') else json.dumps(value)
