"""One measured value put into the text of `gangsaw.toml`, all else left as it is."""

from __future__ import annotations

import re

from gangsaw.core.errors import UserError
from gangsaw.plan import merge_config
from gangsaw.plan.toml_text import TomlTree, read_toml

MEASURED = "# measured by gangsaw bench"
"""Stands behind a value that no person has chosen; another measured one may take its place."""
_LINE = re.compile(r"(?P<key>\s*max_agents\s*=\s*)\d+(?P<rest>\s*(?:#.*)?)", re.DOTALL)
_HEADER = re.compile(r"^[ \t]*\[[ \t]*run[ \t]*\][ \t]*(?:#[^\r\n]*)?(?=\r?$)", re.MULTILINE)
_EXAMPLE = re.compile(r"^# max_agents = [^\r\n]*", re.MULTILINE)


def with_max_agents(text: str, number: int, *, force: bool) -> str | None:
    """The settings with `[run] max_agents` as measured; `None` where a person has chosen another
    value and there is no `force`. `UserError` where the text has faults, or is written in a way
    that only its author should change."""
    tree = read_toml(text)
    if not isinstance(tree, TomlTree):
        raise UserError("cannot change gangsaw.toml: it has faults; try: gangsaw doctor")
    run = tree.value.get("run", {})
    present = run.get("max_agents") if isinstance(run, dict) else None
    if present == number:
        return text
    if present is not None:
        path = ("run", "max_agents")
        line = tree.find([(path, True)])[path, True][0]
        changed = _replaced(text, line, number, force)
        if changed is None:
            return None
    else:
        changed = _added(text, number, has_run="run" in tree.value)
    after = read_toml(changed)
    wanted = merge_config(tree.value, {"run": {"max_agents": number}})
    if not isinstance(after, TomlTree) or after.value != wanted:
        raise UserError(
            "cannot change gangsaw.toml, the way it is written; "
            f"try writing max_agents = {number} below [run] yourself"
        )
    return changed


def _replaced(text: str, line: int, number: int, force: bool) -> str | None:
    lines = text.split("\n")
    old = lines[line - 1]
    if MEASURED not in old and not force:
        return None
    match = _LINE.fullmatch(old)
    if match is not None:
        rest = match["rest"] if "#" in match["rest"] else f"  {MEASURED}{match['rest'].rstrip(' ')}"
        lines[line - 1] = f"{match['key']}{number}{rest}"
    return "\n".join(lines)


def _added(text: str, number: int, *, has_run: bool) -> str:
    """In place of the line that shows how, else below the header of its table, else at the end."""
    line = f"max_agents = {number}  {MEASURED}"
    end = "\r\n" if "\r\n" in text else "\n"
    if not has_run:
        return f"{text.rstrip()}{end}{end}[run]{end}{line}{end}".lstrip()
    if _EXAMPLE.search(text):
        return _EXAMPLE.sub(line, text, count=1)
    return _HEADER.sub(lambda header: f"{header[0]}{end}{line}", text, count=1)
