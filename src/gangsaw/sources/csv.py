"""Tables as CSV: a row a task, with a head that names the columns.

Columns are known by their usual names, or by a line `# gangsaw: title=Summary, needs=Blocked by`
above the head. A table without a column for the status is not read: nothing could be written back.

Written back: the cell of the status, in the words that the column has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gangsaw.sources.columns import (
    OURS,
    STANDINGS,
    columns_of,
    fields_of,
    mapping_of,
    several,
    unknown_roles,
    word_for,
    word_of,
)
from gangsaw.sources.csv_cells import Cell, Row, rows_of, separator_of
from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.lines import LineNumbers, one_line
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
from gangsaw.sources.values import listed_under, paragraphs

ROWS_MAX = 50_000
"""Rows of one table."""

COMMENTS_MAX = 50
"""Lines with # above the head."""

_MAPPING = re.compile(r"#\s*gangsaw\s*:\s*(.*)")
_GOAL = re.compile(r"#\s*goal\s*:\s*(.*)")
_COMMENT = re.compile(r"[ \t]*#(?![,;\t|])[^\r\n]*(?:\r\n|\n|\r|\Z)")


@dataclass(slots=True)
class _Table:
    """A text taken apart: its columns by what they mean, and its rows by key."""

    separator: str = ","
    columns: dict[str, int] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    goal: str = ""
    rows: dict[str, tuple[Row, int]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def cell(self, row: Row, role: str) -> Cell | None:
        """The cell of a row in the column that has this meaning."""
        n = self.columns.get(role, len(row.cells))
        return row.cells[n] if n < len(row.cells) else None

    def text(self, row: Row, role: str) -> str:
        """What it says."""
        cell = self.cell(row, role)
        return cell.text.strip() if cell is not None else ""

    def standing(self, row: Row) -> Standing:
        """Where a row stands. A word that nobody knows is on hold."""
        word = word_of(self.text(row, "status"))
        return STANDINGS.get(word, Standing.LATER) if word else Standing.OPEN


class Csv:
    """See the head of the module. `mapping` is what users say of the columns, `title=Summary`."""

    about = "tables as CSV: a row a task, columns by their usual names or a mapping"
    homes = ("tasks.csv", "backlog.csv", "todo.csv", "tasks.tsv")
    members: tuple[str, ...] = ()

    def __init__(self, mapping: str = "") -> None:
        self.mapping = mapping
        self.name = f"csv?{mapping}" if mapping else "csv"

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        if not path.lower().endswith((".csv", ".tsv")):
            return Sure.NO
        columns = _table(text, self.mapping, rows_most=1).columns
        is_told = "status" in columns and bool({"id", "title"} & set(columns))
        return Sure.CERTAIN if is_told else Sure.MAYBE

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        table = _table(document.text, self.mapping)
        edges = Edges()
        remarks = [each for key in table.rows if (each := _needs(key, table, edges)) is not None]
        items = [_item(key, table, document.path) for key in table.rows]
        found, cut = with_needs(items, edges)
        return Reading(found, (*table.remarks, *remarks, *cut), table.goal)

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        table = _table(document.text, self.mapping)
        wanted = {each.key: each.standing for each in reports if each.key in table.rows}
        edits = [
            edit
            for key, standing in wanted.items()
            if (edit := _edit(table, table.rows[key][0], standing)) is not None
        ]
        missing = tuple(report.key for report in reports if report.key not in table.rows)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Csv()
mapped = Csv


# --- taking a text apart -----------------------------------------------------------------------


def _table(text: str, said: str = "", rows_most: int = ROWS_MAX) -> _Table:
    found = _Table()
    at, mapping = 0, mapping_of(said)
    for _ in range(COMMENTS_MAX):
        comment = _COMMENT.match(text, at)
        if comment is None:
            break
        if told := _MAPPING.match(comment[0].strip()):
            mapping = mapping_of(told[1]) | mapping
        elif told := _GOAL.match(comment[0].strip()):
            found.goal = found.goal or one_line(told[1])
        at = comment.end()
    numbers = LineNumbers(text)
    found.separator = separator_of(text, at)
    rows = (row for row in rows_of(text, at, found.separator) if not row.is_empty)
    head = next(rows, None)
    if head is None:
        return found
    found.heads = [one_line(cell.text.strip("\ufeff ")) for cell in head.cells]
    line = numbers.of(head.start)
    found.columns, unknown = columns_of(found.heads, mapping)
    found.remarks += unknown_roles(unknown, line)
    if "status" not in found.columns or not {"id", "title"} & set(found.columns):
        lacks = "status" if "status" not in found.columns else "id or title"
        said = f"there is no column for {lacks}; the table is not read"
        remedy = "write a line above the head: # gangsaw: title=HEAD, status=HEAD"
        found.remarks.append(Remark(About.UNREAD, line, said, remedy))
        return found
    for count, row in enumerate(rows):
        if count >= rows_most:
            break
        _add(row, numbers.of(row.start), found)
    return found


def _add(row: Row, line: int, found: _Table) -> None:
    key = found.text(row, "id") or found.text(row, "title")
    said = remedy = ""
    if not row.is_whole:
        said, remedy = "a quote does not end; the rest is not read", 'write a " at its end'
    elif not key:
        said, remedy = "a row without id and title; it is not read", "say what is to be done"
    elif key in found.rows:
        other = found.rows[key][1]
        said, remedy = f"{one_line(key, 60)} is taken by line {other}", "give it an id of its own"
    if said:
        found.remarks.append(Remark(About.UNREAD, line, said, remedy))
        return
    found.rows[key] = (row, line)
    word = word_of(found.text(row, "status"))
    if word and word not in STANDINGS:
        said = f"the status of {one_line(key, 60)} counts as on hold: {one_line(word, 40)}"
        found.remarks.append(Remark(About.NOTE, line, said, "write open or done"))


def _item(key: str, table: _Table, path: str) -> Item:
    row, line = table.rows[key]
    title = one_line(table.text(row, "title")) or one_line(key)
    test = table.text(row, "checks")
    fields = fields_of(lambda role: table.text(row, role))
    used = set(table.columns.values())
    more = [
        f"{head}: {cell.text.strip()}"
        for n, (head, cell) in enumerate(zip(table.heads, row.cells, strict=False))
        if n not in used and head and cell.text.strip()
    ]
    prompt = table.text(row, "prompt")
    own = paragraphs(
        [
            prompt if prompt != title else "",
            f"How it is tested: {test}" if test and "checks" not in fields else "",
            listed_under("The table also says", more),
        ]
    )
    told = paragraphs(
        [
            title,
            own,
            f"This is {one_line(key, 80)} of {path}. Leave that file as it is: how the task stands "
            "is written there for you.",
        ]
    )
    return Item(key, title, told, line, standing=table.standing(row), fields=fields, words=own)


def _needs(key: str, table: _Table, edges: Edges) -> Remark | None:
    """Say what a row waits for; blanks separate names only where all of them are known."""
    row, line = table.rows[key]
    names: list[str] = []
    for each in several(table.text(row, "needs")):
        words = each.split()
        is_known = each not in table.rows and all(word in table.rows for word in words)
        names += words if is_known else [each]
    for name in dict.fromkeys(names):
        if name != key:
            edges.say(key, Need(name, line))
    if key in names:
        return Remark(About.NOTE, line, f"{one_line(key, 60)} needs itself; that is left out")
    return None


# --- standing ----------------------------------------------------------------------------------


def _edit(table: _Table, row: Row, wanted: Standing) -> Edit | None:
    """The edit of the cell of the status, which a short row may not even have."""
    if wanted is table.standing(row) or wanted not in OURS:
        return None
    word = _word_for(table, wanted)
    if not word and wanted is Standing.RUNNING:
        return None
    cell = table.cell(row, "status")
    if cell is None:
        last = row.cells[-1]
        gap = table.separator * (table.columns["status"] - len(row.cells) + 1)
        return Edit(last.end, last.end, gap + word)
    if cell.is_quoted:
        return Edit(cell.start, cell.end, f'"{word}"')
    blank = len(cell.text) - len(cell.text.lstrip()) if cell.text.strip() else 0
    end = cell.start + len(cell.text.rstrip()) if cell.text.strip() else cell.end
    return Edit(cell.start + blank, end, word)


def _word_for(table: _Table, wanted: Standing) -> str:
    """The word that the column has for a standing, else one that goes with its others."""
    texts = (table.text(row, "status") for row, _ in table.rows.values())
    used = [
        text for text in texts if not re.search(r'[\r\n"]', text) and table.separator not in text
    ]
    return word_for(used, wanted)
