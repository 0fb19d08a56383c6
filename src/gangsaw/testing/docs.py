"""Generate `docs/reference/` from the real program: schemas, the help of every command, and the
conditions of agents.

`python -m gangsaw.testing.docs` writes the folder anew, `--check` only compares (exit code 1 where
it differs). Everything is asked of the program itself, so the pages cannot drift from it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from gangsaw.agents import VARIABLES, default_template
from gangsaw.core.model import TurnKind
from gangsaw.testing.conditions_page import conditions_page
from gangsaw.testing.warm import Commands, at_start

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"
TIMEOUT_S = 120.0
_PROMPTS = """\
# Prompts

Generated from the program by `./dev docs`. What an agent is told in a turn is a template with its
variables filled in. `gangsaw prompt TASK --kind KIND` shows it without starting anything; what was
told is kept beside the agent's output: `gangsaw logs TASK --prompt`.

A file `.gangsaw/prompts/KIND.md` in the repository replaces the template of a kind of turn. A value
is put in once: `{{x}}` within a value stays as it is. A line that holds only a variable without
text is left out. A template without `{{role}}` gets it on top. Secrets are taken out of the whole.
"""
_HEAD = """\
# Commands

Generated from the program by `./dev docs`. Every command also answers `--help`; every command that
reads answers `--json`, with the schemas beside this page.
"""


def ask(lives: Commands, *arguments: str) -> str:
    """What `gangsaw` prints for these arguments. Raises where it fails."""
    kept = ("PATH", "HOME", "SYSTEMROOT")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    done = lives.call(
        arguments,
        cwd=REFERENCE.parent,
        env={**environment, **at_start(), "COLUMNS": "100", "NO_COLOR": "1"},
        timeout_s=TIMEOUT_S,
    )
    if done is None or done.returncode:
        raise RuntimeError(f"gangsaw {' '.join(arguments)}: {done and done.stderr}")
    return done.stdout


def commands(lives: Commands, *group: str) -> Iterator[tuple[str, ...]]:
    """The commands that the help of a group lists, in its order."""
    text = ask(lives, *group, "--help")
    sections = text.partition("\nOptions:\n")[2].partition("\n\n")[2]
    for name in re.findall(r"^  ([a-z]+)  +\S", sections, re.MULTILINE):
        yield (*group, name)


def pages() -> Iterator[tuple[str, str]]:
    """File names of the reference with their content."""
    with Commands() as lives:
        parts = [_HEAD, _section(lives, (), "gangsaw")]
        for command in commands(lives):
            parts.append(_section(lives, command, " ".join(("gangsaw", *command))))
            if command in (("plan",), ("schedule",)):
                inner = commands(lives, *command)
                parts += [_section(lives, c, " ".join(("gangsaw", *c))) for c in inner]
        yield "commands.md", "\n".join(parts)
        yield "prompts.md", "\n".join(_prompts())
        yield "conditions.md", conditions_page()
        for name in ask(lives, "schema").split():
            yield f"{name}.schema.json", ask(lives, "schema", name)


def _prompts() -> Iterator[str]:
    """The page about templates: each kind of turn, and each variable."""
    yield _PROMPTS
    yield "| Variable | In templates of | Stands for |\n|---|---|---|"
    for each in VARIABLES:
        kinds = ", ".join(f"`{kind.value}`" for kind in each.kinds) or "all"
        yield f"| `{{{{{each.name}}}}}` | {kinds} | {each.about} |"
    for kind in TurnKind:
        yield f"\n## {kind.value}\n\n````markdown\n{default_template(kind).rstrip()}\n````"
    yield ""


def _section(lives: Commands, command: tuple[str, ...], title: str) -> str:
    lines = [line.rstrip() for line in ask(lives, *command, "--help").rstrip().split("\n")]
    return "\n".join([f"## {title}", "", "```text", *lines, "```", ""])


def write_reference(folder: Path) -> None:
    """Write the reference into `folder`; files of ours that are no longer made are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    made = dict(pages())
    for path in folder.glob("*.schema.json"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def differences(folder: Path) -> list[str]:
    """Names of pages that are not as they would be written, or should not be there."""
    made = dict(pages())
    there = {path.name for path in folder.glob("*.schema.json")}
    wrong = [
        name for name, text in made.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]  # fmt: skip
    return sorted([*wrong, *(there - made.keys())])


def main(arguments: list[str]) -> int:
    """The exit code: 0 written or the same, 1 different, 2 usage."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m gangsaw.testing.docs [--check]", file=sys.stderr)
        return 2
    if not arguments:
        write_reference(REFERENCE)
        print(f"wrote {REFERENCE}")
        return 0
    wrong = differences(REFERENCE)
    for name in wrong:
        print(f"{REFERENCE / name} is not up to date; try: ./dev docs", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
