"""The repository's roles: Markdown with front matter, `agents/*.md` and `.claude/agents/*.md`.

The front matter is read line by line and leniently: files written for Claude Code hold sentences
with colons, which are no YAML, and keys that are not for us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.roles import Role
from gangsaw.plan.complaint import Complaint, did_you_mean, listed, shown

FOLDERS = ("agents", ".claude/agents")
"""Where roles lie, from the repository's root; of two of one name the first is taken."""

ROLE_BYTES_MAX = 256 * 1024
FENCE = "---"
_YES = {"true": True, "yes": True, "false": False, "no": False}
_INHERIT = "inherit"


@dataclass(frozen=True, slots=True)
class RolesRead:
    """The roles by name, and what is wrong in files that are meant for ones, by their name."""

    roles: Mapping[str, Role]
    faults: Mapping[str, Complaint]

    def complain(self, name: str) -> tuple[str, str]:
        """What is wrong with a name that is no role's, and the remedy."""
        if fault := self.faults.get(name):
            return f"the role {shown(name)} cannot be read: {fault}", "mend that file"
        known = f"known roles: {listed(sorted(self.roles))}" if self.roles else ""
        remedy = did_you_mean(name, self.roles) or known or f"write {FOLDERS[0]}/{name}.md"
        return f"no role is called {shown(name)}", remedy


def read_roles(root: Path) -> RolesRead:
    """All roles of the repository whose checkout is `root`. A Markdown file without front matter
    is none."""
    roles: dict[str, Role] = {}
    faults: dict[str, Complaint] = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("*.md")):
            source = f"{folder}/{path.name}"
            read = _read(path, source)
            if isinstance(read, Role):
                roles.setdefault(read.name, read)
            elif read is not None:
                faults.setdefault(path.stem, read)
    return RolesRead(roles, faults)


def _read(path: Path, source: str) -> Role | Complaint | None:
    try:
        with path.open("rb") as file:
            content = file.read(ROLE_BYTES_MAX + 1)
        text = content.decode("utf-8").removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        return Complaint(source, 0, 0, f"cannot be read: {error}", "save it as UTF-8")
    if len(content) > ROLE_BYTES_MAX:
        return Complaint(source, 0, 0, "is too long for a role", "shorten it")
    return read_role(text, source)


def read_role(text: str, source: str) -> Role | Complaint | None:
    """The role in a file's text, what is wrong with it, or `None` if it has no front matter."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return None
    end = next((n for n, line in enumerate(lines) if n and line.rstrip() == FENCE), None)
    if end is None:
        return Complaint(source, 1, 1, f"the front matter has no end ({FENCE})", "add it")
    values, places = _values(lines[1:end])
    body = "\n".join(lines[end + 1 :]).strip()
    if not body:
        return Complaint(source, end + 1, 1, "says nothing below its front matter", "describe it")
    readonly = values.get("readonly", "false").lower()
    if readonly not in _YES:
        said = f"readonly must be true or false, not {shown(readonly)}"
        return Complaint(source, places["readonly"], 1, said, "such as readonly: true")
    model = values.get("model", "")
    return Role(
        name=values.get("name") or Path(source).stem,
        body=body,
        description=values.get("description", ""),
        agent=values.get("agent") or None,
        model=model if model and model != _INHERIT else None,
        tools=tuple(_items(values.get("tools", ""))),
        readonly=_YES[readonly],
        source=source,
    )


def _values(lines: list[str]) -> tuple[dict[str, str], dict[str, int]]:
    """The texts by key, and the line of each; lists come joined by commas."""
    values: dict[str, str] = {}
    places: dict[str, int] = {}
    key = ""
    for number, line in enumerate(lines, start=2):
        name, colon, value = line.partition(":")
        if colon and name and not name[0].isspace() and name.replace("-", "_").isidentifier():
            key = name.lower()
            values[key], places[key] = _plain(value), number
        elif key and line.strip():
            item = line.strip()
            joined = f", {_plain(item[1:])}" if item.startswith("- ") else f" {item}"
            values[key] = (values[key] + joined).lstrip(", ")
    return values, places


def _plain(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return "" if value in {"|", ">", "|-", ">-"} else value


def _items(value: str) -> Iterator[str]:
    for item in value.removeprefix("[").removesuffix("]").split(","):
        if name := item.strip().strip("\"'"):
            yield name
