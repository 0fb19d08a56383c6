"""What a table of a plan or settings file may hold: one description for the reader and the schema.

A `Shape` lists fields; `read_table` turns a plain table into checked values and notes every fault
on the way; `table_schema` says the same as JSON Schema. There is no third list of keys.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from gangsaw.core.model import Check, When
from gangsaw.core.partial import PLACE
from gangsaw.core.scopes import is_pattern
from gangsaw.plan.complaint import Findings, Path, kind_of, nearest, shown

NUMBER_MAX = 1_000_000_000
"""Largest number a field takes: 31 years in seconds."""

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OUR_ENV = frozenset(
    {"GANGSAW_RUN", "GANGSAW_TASK", "GANGSAW_ATTEMPT", "GANGSAW_TURN"}
    | {"GANGSAW_PORT", "GANGSAW_PORT_COUNT"}
)


_SYNONYMS = {
    **dict.fromkeys(("depends_on", "dependson", "depends", "deps", "dependencies"), "needs"),
    **dict.fromkeys(("after", "blocked_by", "blockers", "requires", "parents"), "needs"),
    **dict.fromkeys(("description", "instructions", "text", "body", "task"), "prompt"),
    **dict.fromkeys(("files", "paths", "owns", "ownership"), "scope"),
    **dict.fromkeys(("tests", "test", "verify", "commands"), "checks"),
    **dict.fromkeys(("retries", "tries"), "attempts"),
    **dict.fromkeys(("lane", "group"), "track"),
    **dict.fromkeys(("barrier", "blocking", "exclusive", "serial"), "alone"),
    **dict.fromkeys(("estimate", "estimated_s", "duration", "duration_s"), "estimate_s"),
    **dict.fromkeys(("estimate_min", "estimated_minutes", "effort"), "estimate_s"),
    **dict.fromkeys(("name", "key"), "id"),
    "summary": "title",
    "stage": "order",
    "command": "run",
    "environment": "env",
    "steps": "tasks",
}
"""What other tools call our keys."""

_FLAGS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""Words that older YAML takes for true and false."""


class Number(float):
    """A number with a fraction that remembers how it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        number = super().__new__(cls, text)
        number.text = text
        return number


class Kind(Enum):
    """What a field holds, and so what the reader makes of it."""

    TEXT = auto()  # str, any number of lines
    NAME = auto()  # str, one line
    WHOLE = auto()  # int
    NUMBER = auto()  # float
    CHOICE = auto()  # str, one of a few
    TEXTS = auto()  # tuple[str, ...]
    PROGRAM = auto()  # tuple[str, ...], a program and its arguments
    WORDS = auto()  # tuple[str, ...], arguments
    SCOPE = auto()  # tuple[str, ...], paths below the repository
    FILE = auto()  # str, one path below the repository
    COMMAND = auto()  # Check
    COMMANDS = auto()  # tuple[Check, ...]
    ENV = auto()  # tuple[tuple[str, str], ...]
    TABLE = auto()  # read by its owner
    TABLES = auto()  # a list, read by its owner


@dataclass(frozen=True, slots=True)
class Field:
    """One key. `least` is allowed, `above` is not; `example` is shown in remedies."""

    name: str
    kind: Kind
    about: str
    choices: tuple[str, ...] = ()
    least: float | None = None
    above: float | None = None
    most: float = NUMBER_MAX
    required: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a table, and how the file writes a list (`[a, b]` in both dialects)."""

    fields: tuple[Field, ...]
    assign: str = ": "

    def names(self) -> tuple[str, ...]:
        """The keys, in order."""
        return tuple(field.name for field in self.fields)


CHECK = Shape(
    (
        Field("name", Kind.NAME, "what it is called; its command if left out"),
        Field(
            "run",
            Kind.COMMAND,
            "the command: a text is a shell line, a list is a program with its arguments",
            required=True,
            example='"pytest -q"',
        ),
        Field(
            "paths",
            Kind.SCOPE,
            "run only for changes that touch one of these paths, folders or patterns",
            example='"src/"',
        ),
        Field(
            "when",
            Kind.CHOICE,
            "at which trees it looks: work, what is to land, both (always), or what has landed",
            choices=("always", "work", "landing", "after"),
        ),
        Field("timeout_s", Kind.NUMBER, "seconds it may take", above=0, example="600"),
        Field(
            "estimate_s",
            Kind.NUMBER,
            "seconds it takes, by your guess; the longest chains start first",
            above=0,
            example="60",
        ),
        Field(
            "order",
            Kind.WHOLE,
            "lower ones run first; where one fails, higher ones are not run",
            least=-1000,
            most=1000,
            example="1",
        ),
        Field("junit", Kind.FILE, "JUnit report that it writes", example='"report.xml"'),
        Field("sarif", Kind.FILE, "SARIF report that it writes", example='"report.sarif"'),
        Field(
            "env",
            Kind.TEXTS,
            "variables that it is passed and that its verdict depends on",
            example='"NAME"',
        ),
        Field(
            "files",
            Kind.SCOPE,
            "files besides the commit's own that its verdict depends on",
            example='".env"',
        ),
        Field(
            "retries",
            Kind.WHOLE,
            "further runs after a red one until it is believed of a task's own work",
            least=0,
            most=10,
            example="1",
        ),
        Field(
            "only",
            Kind.TEXT,
            "shell line that runs only some of its tests; {tests} stands for their names",
            example='"pytest -q {tests}"',
        ),
    )
)
"""A check that is written as a table."""


class _Wrong(Enum):
    """The value was at fault and has been noted."""

    WRONG = auto()


WRONG = _Wrong.WRONG


def read_table(
    shape: Shape, table: Mapping[str, Any], path: Path, findings: Findings
) -> dict[str, Any]:
    """The checked values of a table by key; keys at fault are left out and noted."""
    known = {field.name: field for field in shape.fields}
    values: dict[str, Any] = {}
    guessed: set[str | None] = set()
    for key, value in table.items():
        field = known.get(key)
        if field is None:
            guessed.add(unknown_key(key, shape.names(), (*path, key), findings))
            continue
        checked = read_value(shape, field, value, (*path, key), findings)
        if checked is not WRONG:
            values[key] = checked
    for field in shape.fields:
        if field.required and field.name not in table and field.name not in guessed:
            remedy = f"write {field.name}{shape.assign}{field.example}"
            findings.add(path, f"{field.name} is missing", remedy)
    return values


def unknown_key(key: str, known: Sequence[str], path: Path, findings: Findings) -> str | None:
    """Note an unknown key; what comes back is the known key that was probably meant."""
    meant = _SYNONYMS.get(key.casefold())
    meant = meant if meant in known else nearest(key, known)
    remedy = f"did you mean {shown(meant)}?" if meant else f"known keys: {', '.join(known)}"
    findings.add(path, "unknown key", remedy, on_key=True)
    return meant


def read_value(shape: Shape, field: Field, value: Any, path: Path, findings: Findings) -> Any:
    """The checked value of one field, or `WRONG` after noting why."""
    if value is None:
        example = f"{field.name}{shape.assign}{field.example}" if field.example else "a value"
        findings.add(path, "has no value", f"write {example}, or remove the key", on_key=True)
        return WRONG
    match field.kind:
        case Kind.TEXT | Kind.NAME:
            return _text(shape, field, value, path, findings)
        case Kind.WHOLE | Kind.NUMBER:
            return _number(field, value, path, findings)
        case Kind.CHOICE:
            return _choice(field, value, path, findings)
        case Kind.TEXTS | Kind.SCOPE:
            return _texts(shape, field, value, path, findings)
        case Kind.PROGRAM | Kind.WORDS:
            if not _is_list(shape, field, value, path, findings):
                return WRONG
            return _argv(value, path, findings, program=field.kind is Kind.PROGRAM)
        case Kind.COMMANDS:
            return _commands(shape, field, value, path, findings)
        case Kind.COMMAND:
            line = Field(field.name, Kind.TEXT, "")
            return _command(shape, line, value, path, findings)
        case Kind.FILE:
            return _file(shape, field, value, path, findings)
        case Kind.ENV:
            return _env(shape, field, value, path, findings)
        case Kind.TABLE:
            return value if is_table(value, path, findings) else WRONG
        case Kind.TABLES:
            return value


def is_table(value: object, path: Path, findings: Findings) -> bool:
    """Whether the value is a table of keys; noted if not."""
    if isinstance(value, dict):
        return True
    findings.add(path, f"must be a table of keys, not {kind_of(value)}", "write keys below it")
    return False


def flaw_of(text: str) -> str:
    """Why a text cannot be stored or passed to a process, or nothing."""
    if "\0" in text:
        return "holds a NUL character"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "holds half of a character (a lone surrogate)"
    return ""


def _text(shape: Shape, field: Field, value: Any, path: Path, findings: Findings) -> Any:
    if not isinstance(value, str):
        remedy = "write plain text"
        if isinstance(value, (bool, int, float)):
            remedy = f'put it in quotes: {path[-1]}{shape.assign}"{written(value)}"'
        elif isinstance(value, dict) and shape.assign == ": ":
            remedy = "a text that begins with { or holds ': ' needs quotes"
        findings.add(path, f"must be text, not {kind_of(value)}", remedy)
        return WRONG
    if flaw := flaw_of(value):
        findings.add(path, flaw, "remove it")
        return WRONG
    if not value.strip():
        findings.add(path, "is empty", "write some text or remove the key", on_key=False)
        return WRONG
    if field.kind is Kind.NAME:
        value = value.strip()
        if not value.isprintable():
            findings.add(path, "must be one line of printable text", "remove line ends and tabs")
            return WRONG
    return value


def written(value: object) -> str:
    """A plain value as the user wrote it."""
    if isinstance(value, Number):
        return value.text
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(field: Field, value: Any, path: Path, findings: Findings) -> Any:
    whole = field.kind is Kind.WHOLE
    wanted = "a whole number" if whole else "a number"
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value.strip()):
        findings.add(
            path, f"must be {wanted}, not text", f"write it without quotes: {value.strip()}"
        )
        return WRONG
    fits = isinstance(value, int) if whole else isinstance(value, (int, float))
    if isinstance(value, bool) or not fits:
        shown_kind = f"{written(value)}" if isinstance(value, float) else kind_of(value)
        remedy = f"such as {field.example}" if field.example else ""
        findings.add(path, f"must be {wanted}, not {shown_kind}", remedy)
        return WRONG
    if bound := _bound_broken(field, value):
        findings.add(path, f"must be {bound}, not {shown(written(value))[1:-1]}", field.about)
        return WRONG
    return value if whole else float(value)


def _bound_broken(field: Field, value: int | float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "a finite number"
    if field.least is not None and value < field.least:
        return f"{field.least:g} or more"
    if field.above is not None and value <= field.above:
        return f"more than {field.above:g}"
    if abs(value) > field.most:
        return f"at most {field.most:.0f}"
    return ""


def _choice(field: Field, value: Any, path: Path, findings: Findings) -> Any:
    word = written(value) if isinstance(value, bool) else value
    if isinstance(word, str) and word in field.choices:
        return word
    choices = f"must be one of {', '.join(field.choices)}"
    if isinstance(word, str):
        meant = _FLAGS.get(word.casefold(), "")
        near = meant if meant in field.choices else nearest(word, field.choices, 0.7)
        remedy = f"did you mean {shown(near)}?" if near else f"such as {field.choices[0]}"
        findings.add(path, f"{choices}, not {shown(word)}", remedy)
    else:
        findings.add(path, f"{choices}, not {kind_of(value)}", f"such as {field.choices[0]}")
    return WRONG


def _is_list(shape: Shape, field: Field, value: Any, path: Path, findings: Findings) -> bool:
    if isinstance(value, list):
        return True
    remedy = f"write a list: {field.name}{shape.assign}[{field.example}]"
    if isinstance(value, str) and len(value) < 40 and value.isprintable() and flow_safe(value):
        quoted = value if shape.assign == ": " else f'"{value}"'
        remedy = f"write {field.name}{shape.assign}[{quoted}]"
    findings.add(path, f"must be a list, not {kind_of(value)}", remedy)
    return False


def flow_safe(text: str) -> bool:
    """Whether a text can stand in `[…]` without quotes."""
    return re.fullmatch(r"[A-Za-z0-9_./][A-Za-z0-9_./, -]*", text) is not None


def _texts(shape: Shape, field: Field, value: Any, path: Path, findings: Findings) -> Any:
    if not _is_list(shape, field, value, path, findings):
        return WRONG
    texts: dict[str, None] = {}
    before = len(findings.items)
    each = Field(field.name, Kind.TEXT, field.about)
    for n, item in enumerate(value):
        text = _item_text(shape, each, item, (*path, n), findings)
        if text is not WRONG and field.kind is Kind.SCOPE:
            text = scope_entry(text, (*path, n), findings)
        if text is not WRONG:
            texts[text] = None
    if len(findings.items) > before:
        return WRONG
    return tuple(texts) if field.kind is Kind.SCOPE else tuple(value)


def _item_text(shape: Shape, field: Field, item: Any, path: Path, findings: Findings) -> Any:
    if isinstance(item, (bool, int, float)):
        remedy = f'put it in quotes: "{written(item)}"'
        findings.add(path, f"must be text, not {kind_of(item)}", remedy)
        return WRONG
    if item is None:
        findings.add(path, "is empty", "write some text or remove the entry")
        return WRONG
    return _text(shape, field, item, path, findings)


def scope_entry(text: str, path: Path, findings: Findings) -> Any:
    """A scope entry in its plain form (`./src//a` is `src/a`), or `WRONG`."""
    parts = text.split("/")
    fault = remedy = ""
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", text):
        fault, remedy = "is not below the repository", "write the path from the repository's root"
    elif ".." in parts:
        fault, remedy = (
            "leaves the repository with '..'",
            "write the path from the repository's root",
        )
    elif "\\" in text:
        fault, remedy = "holds a backslash", "write / between folders"
    elif text.startswith("!"):
        fault, remedy = "takes paths out", "a scope lists only what a task may change"
    elif re.search(r"\{[^{}]*,[^{}]*\}", text):
        fault, remedy = "has braces, which are not expanded", "write one entry for each path"
    elif not text.isprintable() or text != text.strip():
        fault, remedy = "has blanks at an end or unprintable characters", "remove them"
    if fault:
        findings.add(path, f"{shown(text)} {fault}", remedy)
        return WRONG
    kept = [part for part in parts if part not in {"", "."}]
    if not kept:
        return "."
    here_only = "/" in text and len(kept) == 1 and text[-1] != "/" and is_pattern(text)
    head = "./" if here_only else ""
    return head + "/".join(kept) + ("/" if text.endswith("/") else "")


def _commands(shape: Shape, field: Field, value: Any, path: Path, findings: Findings) -> Any:
    if not _is_list(shape, field, value, path, findings):
        return WRONG
    checks: list[Check] = []
    before = len(findings.items)
    line = Field(field.name, Kind.TEXT, "")
    for n, item in enumerate(value):
        if isinstance(item, dict) and not item.keys().isdisjoint(CHECK.names()):
            check = _check(shape, item, (*path, n), findings)
        else:
            check = _command(shape, line, item, (*path, n), findings)
        if check is WRONG:
            continue
        if any(one.name == check.name and one.key != check.key for one in checks):
            said = f"another check is called {shown(check.name)} too"
            findings.add((*path, n), said, "give each its own name")
        checks.append(check)
    return tuple(checks) if len(findings.items) == before else WRONG


def _command(shape: Shape, line: Field, item: Any, path: Path, findings: Findings) -> Any:
    """A check that is nothing but its command."""
    if not isinstance(item, list):
        text = _item_text(shape, line, item, path, findings)
        return WRONG if text is WRONG else Check(text.strip(), ("sh", "-c", text))
    argv = _argv(item, path, findings, program=True)
    return WRONG if argv is WRONG else Check(shlex.join(argv), argv)


def _check(shape: Shape, table: dict[str, Any], path: Path, findings: Findings) -> Any:
    """A check with more than its command."""
    before = len(findings.items)
    values = read_table(Shape(CHECK.fields, shape.assign), table, path, findings)
    if len(findings.items) > before:
        return WRONG
    plain: Check = values.pop("run")
    if PLACE not in values.get("only", PLACE):
        said = f"says nowhere which tests: it needs {PLACE}"
        findings.add((*path, "only"), said, f"such as pytest -q {PLACE}")
        return WRONG
    values["when"] = When(values.get("when", When.ALWAYS))
    return Check(**{"name": plain.name, "argv": plain.argv} | values)


def _file(shape: Shape, field: Field, value: Any, path: Path, findings: Findings) -> Any:
    """A path below the repository, without wildcards."""
    text = _text(shape, field, value, path, findings)
    if text is not WRONG:
        text = scope_entry(text, path, findings)
    if text is not WRONG and (is_pattern(text) or text == "." or text.endswith("/")):
        findings.add(path, f"{shown(text)} is not one file", "write the path of a file")
        return WRONG
    return text


def _argument(word: Any, path: Path, findings: Findings) -> Any:
    """One word of an argument vector; any text will do."""
    if not isinstance(word, str):
        scalar = isinstance(word, (bool, int, float))
        remedy = f'put it in quotes: "{written(word)}"' if scalar else "write a text in quotes"
        findings.add(path, f"must be text, not {kind_of(word)}", remedy)
        return WRONG
    if flaw := flaw_of(word):
        findings.add(path, flaw, "remove it")
        return WRONG
    return word


def _argv(value: list[Any], path: Path, findings: Findings, *, program: bool) -> Any:
    """The words of an argument vector; with `program`, the first names one."""
    words = [_argument(word, (*path, n), findings) for n, word in enumerate(value)]
    if program and (not words or words[0] == ""):
        findings.add(path, "names no program", "write the program first, then its arguments")
        return WRONG
    return WRONG if WRONG in words else tuple(words)


def _env(shape: Shape, field: Field, value: Any, path: Path, findings: Findings) -> Any:
    if not isinstance(value, dict):
        remedy = f"write {field.name}{shape.assign}{field.example}"
        findings.add(path, f"must be a table of names, not {kind_of(value)}", remedy)
        return WRONG
    before = len(findings.items)
    pairs: list[tuple[str, str]] = []
    for name, item in value.items():
        here = (*path, name)
        if name in _OUR_ENV:
            findings.add(here, "is set by gangsaw itself", "choose another name", on_key=True)
        elif not _ENV_NAME.fullmatch(name):
            remedy = "letters, digits and _ only, not a digit first"
            findings.add(here, "is no name of a variable", remedy, on_key=True)
        elif isinstance(item, str):
            if flaw := flaw_of(item):
                findings.add(here, flaw, "remove it")
            pairs.append((name, item))
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            pairs.append((name, written(item)))
        else:
            remedy = f'for an empty text write {name}{shape.assign}""' if item is None else ""
            if isinstance(item, bool):
                remedy = f'put it in quotes: {name}{shape.assign}"{written(item)}"'
            said = f"must be text or a number, not {kind_of(item)}"
            findings.add(here, said, remedy or "write plain text")
    return tuple(pairs) if len(findings.items) == before else WRONG


# --- JSON Schema -------------------------------------------------------------------------------


def table_schema(
    shape: Shape, nested: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The shape as JSON Schema; `nested` says what tables within hold."""
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            field.name: {**_field_schema(field), **(nested or {}).get(field.name, {})}
            for field in shape.fields
        },
    }
    if required := [field.name for field in shape.fields if field.required]:
        schema["required"] = required
    return schema


_TEXT_SCHEMA: dict[str, Any] = {"type": "string", "pattern": "\\S"}


def _field_schema(field: Field) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": field.about}
    match field.kind:
        case Kind.TEXT | Kind.NAME | Kind.FILE:
            schema |= _TEXT_SCHEMA
        case Kind.WHOLE | Kind.NUMBER:
            schema["type"] = "integer" if field.kind is Kind.WHOLE else "number"
            if field.least is not None:
                schema["minimum"] = field.least
            if field.above is not None:
                schema["exclusiveMinimum"] = field.above
            schema["maximum"] = field.most
        case Kind.CHOICE:
            words = [word for word in field.choices if word not in {"true", "false"}]
            flags = [word == "true" for word in field.choices if word in {"true", "false"}]
            schema["enum"] = [*words, *flags]
        case Kind.TEXTS | Kind.SCOPE:
            schema |= {"type": "array", "items": _TEXT_SCHEMA}
        case Kind.PROGRAM | Kind.WORDS:
            schema |= {"type": "array", "items": {"type": "string"}}
            if field.kind is Kind.PROGRAM:
                schema["minItems"] = 1
        case Kind.COMMANDS:
            argv = {"type": "array", "items": {"type": "string"}, "minItems": 1}
            forms = [_TEXT_SCHEMA, argv, table_schema(CHECK)]
            schema |= {"type": "array", "items": {"anyOf": forms}}
        case Kind.COMMAND:
            argv = {"type": "array", "items": {"type": "string"}, "minItems": 1}
            schema["anyOf"] = [_TEXT_SCHEMA, argv]
        case Kind.ENV:
            schema |= {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
        case Kind.TABLE:
            schema["type"] = "object"
        case Kind.TABLES:
            schema["type"] = "array"
    return schema
