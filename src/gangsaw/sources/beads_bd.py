"""Records of Beads asked of `bd`, which keeps them in a store of its own.

Its versions answer in several shapes (a bare array, one object, an envelope), hide closed records,
gates and templates unless told not to, and some list records without saying what they wait for;
options that a version does not know are left out, and what is missing in a list is asked for by
itself. What comes out is one text: an object a line, in the order of `bd list`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gangsaw.core.errors import UserError
from gangsaw.sources.beads_records import HOLDERS
from gangsaw.sources.beads_store import Store, store_of
from gangsaw.sources.lines import one_line
from gangsaw.sources.programs import Answered, Ask, Call, NotThere, Unanswered
from gangsaw.sources.protocol import About, Dialect, Document, Remark
from gangsaw.sources.writing import Unwritten, Wish, Written

SHOWN = "bd list"
"""What its answer is called where a place in it is told."""

LISTS = (
    ("list", "--json", "--all", "--limit", "0", "--include-gates", "--include-templates"),
    ("list", "--json", "--all", "--limit", "0"),
    ("list", "--json", "--limit", "0"),
)
"""Ways to have all records, the newest version's first: where one hides records, it has an option
that shows them."""

SCHEMA_KNOWN = 1
ASKED_AT_ONCE = 50
"""Records of which more is asked in one call."""

REASON_MAX = 200

_WITHOUT = ("BEADS_DIR", "BEADS_DB", "BD_DB")
"""Variables that would have it look elsewhere."""

_SETTINGS = {"BD_NO_DAEMON": "1", "BEADS_NO_DAEMON": "1", "NO_COLOR": "1"}
"""Versions with SQLite would leave a process of their own behind, which outlives the call."""

_REMEDIES = {
    Store.SQLITE: "bd doctor",
    Store.SERVER: "bd dolt start, or bd doctor",
    Store.EMBEDDED: "bd doctor",
}


class Bd:
    """See `programs.Program`."""

    name = "bd"

    def keeps(self, folder: Path) -> bool:
        """See `Program`."""
        return folder.name == ".beads" and store_of(folder) is not None

    def copy_of(self, folder: Path) -> Path:
        """See `Program`."""
        older = folder / "beads.jsonl"
        return older if older.exists() else folder / "issues.jsonl"

    def document(self, ask: Ask, folder: Path) -> tuple[Document, tuple[Remark, ...]]:
        """See `Program`."""
        records, remarks = listed(ask, folder)
        return Document(SHOWN, as_lines(completed(ask, folder, records))), remarks

    def tell(
        self, ask: Ask, folder: Path, kind: Dialect, wishes: Sequence[Wish]
    ) -> Written | Unwritten:
        """See `Program`."""
        from gangsaw.sources.beads_tell import tell

        return tell(ask, folder, kind, wishes)


def as_lines(records: Sequence[Any]) -> str:
    """The records as a text, an object a line."""
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in records)


def listed(ask: Ask, folder: Path) -> tuple[list[Any], tuple[Remark, ...]]:
    """All records that `bd` has, as it lists them, and what is to be told of them. `UserError`
    where it does not answer, or not in a way that is known."""
    newest, *older = LISTS
    answer = heard(ask, folder, newest)
    for arguments in older:
        if not unknown_option(answer):
            break
        answer = heard(ask, folder, arguments)
    table = _values(folder, answer, "list")
    return _records(folder, table), _remarks(table)


def heard(ask: Ask, folder: Path, arguments: Sequence[str]) -> Answered:
    """What `bd` answers; `UserError` where it does not."""
    only_reads = tuple(arguments[:1]) in (("list",), ("show",))
    call = Call("bd", tuple(arguments), folder.parent, _SETTINGS, _WITHOUT, only_reads)
    answer = ask(call)
    if isinstance(answer, Unanswered):
        if answer.is_missing:
            raise NotThere(
                f"cannot ask bd, which keeps the records of {folder.name}: it is not on the PATH; "
                "try: bd version"
            )
        raise _trouble(folder, arguments[0], answer.reason)
    return answer


def unknown_option(answer: Answered) -> str:
    """The option that this version does not know, if that is its trouble (`--claim`)."""
    said = answer.err.decode("utf-8", "replace") + answer.out.decode("utf-8", "replace")
    match = re.search(r"unknown flag: (--[a-z-]+)", said)
    return match[1] if answer.code and match else ""


def reason_in(answer: Answered) -> str:
    """What it says of its trouble: errors are JSON, or lines, on either output."""
    for output in (answer.err, answer.out):
        text = output.decode("utf-8", "replace").strip()
        try:
            table = json.loads(text)
        except (ValueError, RecursionError):
            table = None
        if isinstance(table, dict) and isinstance(table.get("error"), str):
            return one_line(table["error"], REASON_MAX)
        errors = [line for line in text.splitlines() if re.search(r"(?i)error|cannot|fail", line)]
        if output is answer.err and text:
            return one_line((errors or text.splitlines())[0].removeprefix("Error: "), REASON_MAX)
    return f"it ended with {answer.code}"


def _trouble(folder: Path, command: str, reason: str) -> UserError:
    store = store_of(folder)
    remedy = _REMEDIES[store] if store is not None else "bd doctor"
    kept = f" (it keeps the records in {store.value})" if store is not None else ""
    return UserError(f"cannot use bd {command}{kept}: {reason}; try: {remedy}")


# --- answers -----------------------------------------------------------------------------------


def _values(folder: Path, answer: Answered, command: str) -> Any:
    """The value that was printed."""
    if answer.code:
        raise _trouble(folder, command, reason_in(answer))
    try:
        return json.loads(answer.out)
    except (ValueError, RecursionError):
        head = one_line(answer.out[:200].decode("utf-8", "replace"), 60)
        said = f"it printed no JSON but '{head}'" if head else "it printed nothing"
        raise _trouble(folder, command, said) from None


def _records(folder: Path, table: Any) -> list[Any]:
    """The records in one value, whatever holds them."""
    if table is None:
        return []
    if isinstance(table, list):
        return table
    if isinstance(table, dict):
        for name in HOLDERS:
            inner = table.get(name)
            if isinstance(inner, (list, dict)):
                return _records(folder, inner)
        if "id" in table:
            return [table]
    names = f" with {', '.join(map(str, list(table)[:5]))}" if isinstance(table, dict) else ""
    said = f"its answer is of no shape that gangsaw knows ({type(table).__name__}{names})"
    raise _trouble(folder, "list", one_line(said, REASON_MAX))


def _remarks(table: Any) -> tuple[Remark, ...]:
    version = table.get("schema_version") if isinstance(table, dict) else None
    if not isinstance(version, int) or version <= SCHEMA_KNOWN:
        return ()
    said = f"bd answers in its schema {version}; gangsaw knows {SCHEMA_KNOWN}, and reads it so"
    return (Remark(About.NOTE, 1, said),)


# --- what is not in the list -------------------------------------------------------------------


def completed(ask: Ask, folder: Path, records: list[Any]) -> list[Any]:
    """The records with their dependencies and comments, asked for where the list only counts
    them. Nothing is guessed: `UserError` where they cannot be had."""
    wanted = [each for each in records if isinstance(each, dict) and _is_short(each)]
    keys = [each["id"] for each in wanted if is_key(each.get("id"))]
    more: dict[str, dict[str, Any]] = {}
    for at in range(0, len(keys), ASKED_AT_ONCE):
        some = keys[at : at + ASKED_AT_ONCE]
        answer = heard(ask, folder, ("show", *some, "--json"))
        for each in _records(folder, _values(folder, answer, "show")):
            if isinstance(each, dict) and is_key(each.get("id")):
                more[each["id"]] = each
    missing = [key for key in keys if key not in more]
    if missing:
        names = ", ".join(missing[:5])
        raise _trouble(folder, "show", f"it says nothing of {names}")
    return [_joined(each, more) if isinstance(each, dict) else each for each in records]


def _is_short(record: Mapping[str, Any]) -> bool:
    """Whether more is known of a record than the list says, and needed."""
    if record.get("status") in ("closed", "tombstone") and not record.get("dependency_count"):
        return False
    pairs = (("dependency_count", "dependencies"), ("comment_count", "comments"))
    return any(record.get(count) and not record.get(name) for count, name in pairs)


def _joined(record: dict[str, Any], more: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    key = record.get("id")
    other = more.get(key, {}) if isinstance(key, str) else {}
    found = {
        name: other[name]
        for name in ("dependencies", "comments", "parent")
        if other.get(name) and not record.get(name)
    }
    links = found.get("dependencies")
    if isinstance(links, list):  # whole records there, of which only the link is wanted
        found["dependencies"] = [_link(each) for each in links]
    return {**record, **found}


def _link(given: Any) -> Any:
    if not isinstance(given, dict) or "depends_on_id" in given:
        return given
    return {name: given[name] for name in ("id", "dependency_type") if name in given}


def is_key(key: Any) -> bool:
    """Whether a record can be named on a command line."""
    return isinstance(key, str) and bool(key) and not key.startswith("-")
