"""What an agent is told of others' words to it, and of the commands by which it can answer."""

from __future__ import annotations

from collections.abc import Sequence

from gangsaw.agents.lines import plain_text
from gangsaw.core.messages import Message

COMMANDS = """
- `gangsaw` is there for you: `gangsaw ask "…"` puts a question to a person and waits for the
  answer, `gangsaw siblings` shows who else is at work, `gangsaw claim PATH…` makes others keep off
  paths outside of your scope (`gangsaw release`), `gangsaw say TASK "…"` leaves the agent of
  another task a word, `gangsaw done "…"` says that you are done."""
"""Added to the rules where the command can be found."""


def messages_text(messages: Sequence[Message]) -> str:
    """The messages as a section of a prompt, ending with an empty line; empty if there are none."""
    if not messages:
        return ""
    said = "\n\n".join(_said(message) for message in messages)
    return f"## From the people you work for\n\n{said}\n\n"


def _said(message: Message) -> str:
    by = plain_text(message.by)
    if message.question:
        asked = " ".join(plain_text(message.question).split())
        head = f"You asked: “{asked}” {by} answers:"
    elif message.advice:
        head = f"{by}, which is a program and no person, says:"
    elif message.agent:
        head = f"{by}, which is another program and no person, says:"
    else:
        head = f"{by} says:"
    lines = plain_text(message.text).strip().split("\n")
    return "\n".join([head, "", *(f"> {line}".rstrip() for line in lines)])
