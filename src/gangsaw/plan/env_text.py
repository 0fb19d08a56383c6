"""A file of `KEY=VALUE` lines, as `gangsaw bench --env` writes it → tables like those of
`gangsaw.toml`, or every fault at once.

Blank lines, `#` comments, `export` and quotes are as in a shell; nothing is expanded. Every key of
such a file is known by name; what only describes the machine it was written on sets nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from gangsaw.plan.complaint import Complaint, Findings, Path, did_you_mean, nearest, shown
from gangsaw.plan.origins import Flags
from gangsaw.plan.settings_fields import CONFIG_VARIABLES, ENVIRONMENT, FILE_KEYS, SECTIONS
from gangsaw.plan.shapes import Field, Kind, Shape, read_table

LINES_MAX = 1000
"""Lines of a file that are read; one that is longer is no such file."""

FACTS = Shape(
    (
        Field("CPU_CORES", Kind.WHOLE, "processors", least=1),
        Field("TOTAL_RAM_MB", Kind.WHOLE, "memory in MB", least=0),
        Field("AVAILABLE_RAM_MB", Kind.WHOLE, "available memory in MB", least=0),
        Field("CONSERVATIVE_MAX_AGENTS", Kind.WHOLE, "agents with room to spare", least=1),
        Field("RISK_LEVEL", Kind.CHOICE, "how narrow this machine is",
              choices=("VERY_LOW", "LOW", "MEDIUM", "HIGH")),
    ),
    assign="=",
)  # fmt: skip
"""What the file says about the machine. It is checked and sets nothing."""

SETTING = {name: (section, key) for name, section, key in (*ENVIRONMENT, *FILE_KEYS)}
"""Names of a file, or of variables, and the setting of each."""

_FLAGS = {"1": "true", "yes": "true", "on": "true", "0": "false", "no": "false", "off": "false"}
"""What `KEY=VALUE` lines and variables also say for true and false."""

_LINE = re.compile(r"\s*(?:export\s+)?(?P<key>[A-Za-z_][A-Za-z0-9_]*)\s*=(?P<rest>.*)")
_SIGNIFICANT = re.compile(r"^[ \t]*(?:export[ \t]+)?[A-Z_][A-Z0-9_]*=", re.MULTILINE)
_QUOTED = re.compile(r"""("[^"]*"|'[^']*')\s*(?:#.*)?""")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ENV_NAMES = (".env", ".conf", ".cfg", ".sh")


@dataclass(slots=True)
class EnvTree:
    """Such a file: its tables, and where each value stands."""

    value: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def find(
        self, wanted: Collection[tuple[Path, bool]]
    ) -> dict[tuple[Path, bool], tuple[int, int]]:
        """See `Places.find`."""
        found = {}
        for path, on_key in wanted:
            line, col = self.places.get(path, (1, 1))
            found[path, on_key] = (line, 1 if on_key else col)
        return found


def is_env(name: str, text: str) -> bool:
    """Whether a file called `name` is written as `KEY=VALUE` lines rather than as TOML."""
    if name.endswith(".toml"):
        return False
    if name.endswith(_ENV_NAMES):
        return True
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#"]
    return bool(lines) and _SIGNIFICANT.match(lines[0]) is not None


def read_env(
    text: str, source: str
) -> tuple[EnvTree, tuple[Complaint, ...], tuple[Complaint, ...]]:
    """The tables of the text with all errors, and what it says in vain as warnings."""
    tree, errors, doubts = EnvTree(), list[Complaint](), list[Complaint]()
    said: dict[tuple[str, str], tuple[str, Any]] = {}
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > LINES_MAX:
        remedy = "is it the right file?"
        return tree, (Complaint(source, LINES_MAX, 1, "too many lines", remedy),), ()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            errors.append(Complaint(source, number, 1, "is no KEY=VALUE", "write MAX_AGENTS=4"))
            continue
        key, value = match["key"], _value(match["rest"])
        at = (number, match.start("rest") + 1 + len(match["rest"]) - len(match["rest"].lstrip()))
        if key in CONFIG_VARIABLES:
            doubt = "does nothing here: this file has been found already"
            doubts.append(Complaint(source, *at, f"{key} {doubt}", "remove the line"))
        elif key in FACTS.names():
            complaint = fault_of(FACTS, key, key, value)
            if complaint is not None:
                errors.append(Complaint(source, *at, *complaint))
        elif key in SETTING:
            section, name = SETTING[key]
            complaint = fault_of(SECTIONS[section], name, key, value)
            typed = from_text(SECTIONS[section], name, value)
            former, before = said.setdefault((section, name), (key, typed))
            if complaint is not None:
                errors.append(Complaint(source, *at, *complaint))
            elif former != key and before != typed:
                differs = f"{key} differs from {former} above, which sets the same"
                errors.append(Complaint(source, number, 1, differs, "remove one of them"))
            else:
                _put(tree, section, name, typed, at)
        else:
            errors.append(Complaint(source, number, 1, f"{key}: unknown key", _meant(key)))
    return tree, tuple(errors), tuple(doubts)


def read_variables(environ: Mapping[str, str], errors: list[Complaint]) -> Flags:
    """What the environment sets, checked, by the name of the variable."""
    found: dict[str, tuple[str, str, Any]] = {}
    for name, section, key in ENVIRONMENT:
        text = environ.get(name, "").strip()
        if not text:
            continue
        complaint = fault_of(SECTIONS[section], key, name, text)
        if complaint is not None:
            text, remedy = complaint
            source = f"environment variable {name}"
            errors.append(Complaint(source, 0, 0, text.removeprefix(f"{name}: "), remedy))
        else:
            found[name] = (section, key, from_text(SECTIONS[section], key, text))
    return found


def fault_of(shape: Shape, name: str, said: str, text: str) -> tuple[str, str] | None:
    """What is wrong with the text as a value of the field `name`, and what mends it; `None` if
    nothing is. `said` is what the user calls the field."""
    if not text:
        return f"{said}: has no value", f"write {said}={_example(shape, name)}"
    findings = Findings()
    read_table(shape, {name: from_text(shape, name, text)}, (), findings)
    if not findings.items:
        return None
    first = findings.items[0]
    return f"{said}: {first.text.replace(', not text', f', not {shown(text)}')}", first.remedy


def from_text(shape: Shape, name: str, text: str) -> Any:
    """The text as the plain value that the field takes, or as it is."""
    chosen = next(each for each in shape.fields if each.name == name)
    if chosen.kind is Kind.WHOLE and re.fullmatch(r"-?[0-9]{1,15}", text):
        return int(text)
    if chosen.kind is Kind.NUMBER and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text):
        return float(text) if "." in text else int(text)
    if chosen.kind is Kind.CHOICE and chosen.choices == ("true", "false"):
        return _FLAGS.get(text.casefold(), text.casefold())
    return text


def _example(shape: Shape, name: str) -> str:
    chosen = next(each for each in shape.fields if each.name == name)
    return chosen.example or (chosen.choices[0] if chosen.choices else "VALUE")


def _value(rest: str) -> str:
    rest = rest.strip()
    quoted = _QUOTED.fullmatch(rest)
    return quoted[1][1:-1].strip() if quoted else _COMMENT.sub("", rest).strip()


def _put(tree: EnvTree, section: str, name: str, value: Any, at: tuple[int, int]) -> None:
    tree.value.setdefault(section, {})[name] = value
    tree.places[section, name] = at


def _meant(key: str) -> str:
    known = sorted({*SETTING, *FACTS.names()})
    near = nearest(key, known, 0.7)
    # What goes with and without the prefix is named once.
    once = [name for name in known if name == (bare := name.removeprefix("GANGSAW_"))
            or bare not in known]  # fmt: skip
    return did_you_mean(key, known) if near else f"known keys: {', '.join(once)}"
