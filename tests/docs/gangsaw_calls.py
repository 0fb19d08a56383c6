"""Whether a call of gangsaw that stands in a text is one that the program understands."""

from __future__ import annotations

import re
import shlex

import click

from gangsaw.cli.main import group

PLACE = re.compile(r"[A-Z][A-Z0-9_]*|[A-Z]+:[A-Z]+|…")
"""A word that stands for one of the reader's: TASK, FILE, NAME:PATH."""


def fault(call: str) -> str:
    """What is wrong with `gangsaw …`: a command or an option that there is not, a value that an
    option does not take, too many words; empty if nothing is. Nothing is run. Words in capitals
    stand for any value."""
    words = shlex.split(re.split(r"\s[|>&]", call)[0])
    if words[:1] != ["gangsaw"]:
        return "is not a call of gangsaw"
    command: click.Command = group
    context = click.Context(group)
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return f"there is no command {rest[0]}"
        command, rest = found, rest[1:]
        context = click.Context(command, info_name=command.name)
    return _fault_of_words(command, context, [word for word in rest if word != "…"])


def _fault_of_words(command: click.Command, context: click.Context, words: list[str]) -> str:
    try:
        values, left, _ = command.make_parser(context).parse_args(list(words))
        if left:
            return f"too many words: {left}"
        for each in command.params:
            value = values.get(each.name or "")
            if isinstance(each, click.Option) and isinstance(value, str) and not PLACE.match(value):
                each.type.convert(value, each, context)
    except click.UsageError as error:
        return error.format_message()
    return ""
