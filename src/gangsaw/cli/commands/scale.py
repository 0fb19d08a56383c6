"""`gangsaw scale N`, `gangsaw scale AGENT=N`: change how many agents run at once."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell


@click.command("scale")
@click.argument("words", metavar="[N] [AGENT=N]...", nargs=-1, required=True)
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(words: tuple[str, ...], key: str, as_json: bool) -> int:
    """Let at most N agents run at once, or N of one agent, from now on.

    Fewer than now run: those that run go on, and no new ones start until there is room. With 0 an
    agent begins no task; what it has begun it brings to its end, one at a time. NAME=settings: as
    many as the settings say.

    \b
    Examples:
      gangsaw scale 2
      gangsaw scale claude=3 codex=1
      gangsaw scale 4 codex=0
      gangsaw scale codex=settings
    """
    numbers = [word for word in words if "=" not in word]
    if len(numbers) > 1:
        raise click.UsageError(f"one number for all agents, not {len(numbers)}")
    wish = Wish("scale", text=" ".join(_pairs(words)), number=_number(numbers), key=key)
    return tell(wish, ask(wish), as_json=as_json)


def _number(numbers: list[str]) -> int:
    """That of the run; 0 where none is given."""
    if not numbers:
        return 0
    if not (numbers[0].isascii() and numbers[0].isdigit()) or int(numbers[0]) < 1:
        raise click.UsageError(
            f"'{numbers[0]}' is no number of agents: 1 or more; to start none: gangsaw pause; "
            "for one agent: gangsaw scale NAME=N"
        )
    return int(numbers[0])


def _pairs(words: tuple[str, ...]) -> list[str]:
    pairs = [word for word in words if "=" in word]
    for word in pairs:
        if any(char.isspace() for char in word):
            raise click.UsageError(f"'{word}' is not AGENT=N")
    names = [word.rpartition("=")[0] for word in pairs]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise click.UsageError(f"two numbers for '{twice}'")
    return pairs
