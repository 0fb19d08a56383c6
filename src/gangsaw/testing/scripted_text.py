"""The language of the scripted agent: a script's text into commands under conditions.

Standard library only: it is imported by a program that may run on any Python.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from gangsaw.testing.scripted_load import bomb_from, eating_from
from gangsaw.testing.scripted_moods import MOODS

# Nothing in a script lasts longer than this, though nobody ends it.
WAIT_MAX_S = 3600.0

KINDS = ("work", "fix", "resolve", "continue", "test", "review")
_OPENING = re.compile(r"(?m)^[ \t]*(`{3,})script[ \t]*\n")
_PLAIN_OPENING = re.compile(r"(?m)^#!script[ \t]*\n")


class BadScript(Exception):
    """A line of the script that is not understood."""

    def __init__(self, number: int, line: str, problem: str) -> None:
        super().__init__(f"script line {number}: {problem}: {line.strip()}")


@dataclass(frozen=True)
class Command:
    """One parsed line."""

    line: int
    name: str
    arguments: tuple[str, ...]


@dataclass
class Block:
    """Commands under conditions; the main part has none."""

    turn: int | None = None
    attempt: int | None = None
    kind: str | None = None
    commands: list[Command] = field(default_factory=list)

    def holds(self, turn: int, attempt: int, kind: str) -> bool:
        """Whether all its conditions do."""
        pairs = ((self.turn, turn), (self.attempt, attempt), (self.kind, kind))
        return all(wanted in (None, given) for wanted, given in pairs)


@dataclass
class Script:
    """The main part and the conditional blocks, in the order of the text."""

    main: Block = field(default_factory=Block)
    blocks: list[Block] = field(default_factory=list)

    def part_for(self, turn: int, attempt: int, kind: str) -> Block | None:
        """What runs in this turn; `None` where the script says nothing of it."""
        for block in self.blocks:
            if block.holds(turn, attempt, kind):
                return block
        return self.main if kind in ("work", "continue") else None


def script_text(prompt: str) -> str | None:
    """The script within a prompt, or `None`."""
    parts = []
    position = 0
    while (opening := _OPENING.search(prompt, position)) is not None:
        closing = re.compile(rf"(?m)^[ \t]*{opening[1]}`*[ \t]*$").search(prompt, opening.end())
        position = closing.end() if closing else len(prompt)
        parts.append(prompt[opening.end() : closing.start() if closing else position])
    if parts:
        return "".join(parts)
    plain = _PLAIN_OPENING.search(prompt)
    return prompt[plain.end() :] if plain else None


def parse(text: str) -> Script:
    """The script; `BadScript` names the first line that is not understood."""
    script = Script()
    block = script.main
    lines = text.splitlines()
    position = 0
    while position < len(lines):
        number, line = position + 1, lines[position]
        position += 1
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        if words == "end":
            if block is script.main:
                raise BadScript(number, line, "no block is open here")
            block = script.main
        elif words.split()[0] == "on":
            if block is not script.main:
                raise BadScript(number, line, "the block before has no end")
            block = _conditions(number, line)
            script.blocks.append(block)
        else:
            command, position = _command(number, lines, position)
            block.commands.append(command)
    if block is not script.main:
        raise BadScript(len(lines), lines[-1], "the last block has no end")
    return script


def _conditions(number: int, line: str) -> Block:
    block = Block()
    words = iter(line.split()[1:])
    for word in words:
        if word in KINDS:
            block.kind = word
        elif word in ("turn", "attempt"):
            count = next(words, "")
            if not (count.isascii() and count.isdigit()):
                raise BadScript(number, line, f"{word} needs a number")
            setattr(block, word, int(count))
        else:
            raise BadScript(number, line, f"unknown condition {word!r}")
    if block == Block():
        raise BadScript(number, line, "on needs a condition")
    return block


def _command(number: int, lines: list[str], position: int) -> tuple[Command, int]:
    """The command on line `number` and the position of the line after it."""
    line = lines[number - 1]
    name, _, rest = line.strip().partition(" ")
    if name not in SHAPES:
        raise BadScript(number, line, "unknown command")
    try:
        if name in ("write", "append"):
            path, text = _word(rest)
            here = re.fullmatch(r"<<(\w+)", text)
            if here is not None:
                stop = next(
                    (at for at in range(position, len(lines)) if lines[at].strip() == here[1]), None
                )
                if stop is None:
                    raise ValueError(f"no line {here[1]} ends it")
                text = "".join(f"{part}\n" for part in lines[position:stop])
                position = stop + 1
            else:
                text += "\n"
            return Command(number, name, (path, text)), position
        return Command(number, name, tuple(SHAPES[name](rest.strip()))), position
    except ValueError as error:
        raise BadScript(number, line, str(error)) from error


def _word(text: str) -> tuple[str, str]:
    """The first word (or JSON string) of a text, and the rest."""
    text = text.strip()
    if text.startswith('"'):
        word, end = json.JSONDecoder().raw_decode(text)
        return str(word), text[end:].strip()
    word, _, rest = text.partition(" ")
    if not word:
        raise ValueError("something is missing")
    return word, rest.strip()


def _nothing(text: str) -> list[str]:
    if text:
        raise ValueError("takes no argument")
    return []


def _text(text: str) -> list[str]:
    if not text:
        raise ValueError("needs a text")
    return [text]


def _path(text: str) -> list[str]:
    word, rest = _word(text)
    if rest:
        raise ValueError("takes one path")
    return [word]


def _integer(text: str) -> list[str]:
    if int(text) < 0:
        raise ValueError("needs a number from 0 up")
    return [text]


def _number(text: str) -> list[str]:
    if not 0 <= float(text) <= WAIT_MAX_S:
        raise ValueError(f"needs a number from 0 to {WAIT_MAX_S:.0f}")
    return [text]


def _signal(text: str) -> list[str]:
    name = "SIG" + text.removeprefix("SIG")
    if name not in signal.Signals.__members__ or name == "SIGSTOP":
        raise ValueError("unknown signal")
    return [name]


def _usage(text: str) -> list[str]:
    words = text.split()
    if len(words) != 3:
        raise ValueError("needs IN OUT COST")
    int(words[0]), int(words[1]), float(words[2].replace("-", "0"))
    return words


def _replacement(text: str) -> list[str]:
    path, rest = _word(text)
    if rest.startswith('"'):
        old, rest = _word(rest)
        arrow, new = rest[:2], rest[2:].strip()
    else:
        old, arrow, new = (part.strip() for part in rest.partition("=>"))
    if arrow != "=>" or not old:
        raise ValueError("needs PATH OLD => NEW")
    return [path, old, _word(new)[0] if new.startswith('"') else new]


def _mood(text: str) -> list[str]:
    name, _, rest = text.partition(" ")
    if name not in MOODS:
        raise ValueError(f"needs one of {', '.join(MOODS)}")
    if name in ("quota", "throttled", "overloaded", "network", "late_failure") and rest.strip():
        float(rest)
    return [name, rest.strip()]


def _named(text: str) -> list[str]:
    name, rest = _word(text)
    return [name, *_text(rest)]


def _eating(text: str) -> list[str]:
    words, _, rest = text.partition("until ")
    path = ["until", *_path(rest)] if rest else []
    eating_from((*words.split(), *path))
    return [*words.split(), *path]


def _bomb(text: str) -> list[str]:
    bomb_from(tuple(text.split()))
    return text.split()


def _settlement(text: str) -> list[str]:
    side, rest = _word(text)
    if side not in ("ours", "theirs", "union"):
        raise ValueError("needs ours, theirs or union")
    return [side, *_path(rest)]


SHAPES: dict[str, Callable[[str], list[str]]] = {
    "say": _text,
    "error": _text,
    "write": _text,
    "append": _text,
    "replace": _replacement,
    "delete": _path,
    "commit": _text,
    "resolve": _settlement,
    "run": _text,
    "expect": _text,
    "usage": _usage,
    "ask": _text,
    "message": _text,
    "tool": _named,
    "file": _path,
    "request": _text,
    "trouble": _mood,
    "mood": _mood,
    "done": _text,
    "ledger": _path,
    "sleep": _number,
    "wait": _path,
    "hang": _nothing,
    "flood": _integer,
    "binary": _integer,
    "ansi": _nothing,
    "fork-daemon": _number,
    "eat": _eating,
    "fork-bomb": _bomb,
    "ignore-term": _nothing,
    "lie": _nothing,
    "fail": _integer,
    "limit": _integer,
    "refuse": _text,
    "exit": _integer,
    "crash": _signal,
}
