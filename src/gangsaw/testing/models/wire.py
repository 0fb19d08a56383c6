"""What a request asks and what it gets, in no vendor's words: the values between the dialects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gangsaw.testing.models.faults import Fault

Json = dict[str, Any]

_OWN_CALL = re.compile(r"(?:toolu|call)_(\d{6})_\d+")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request offers. `schema` is the JSON schema of its arguments; a `freeform`
    one takes a text instead."""

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    freeform: bool = False

    @property
    def properties(self) -> Mapping[str, Any]:
        """Argument → its schema."""
        found = self.schema.get("properties")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation: `role` is `user` or `model`. `texts` are words that were said,
    never what a tool printed; `rounds` name the model's answers whose tool results it carries."""

    role: str
    texts: tuple[str, ...] = ()
    rounds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as any dialect reads it."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    system: str = ""
    model: str = "scripted"
    stream: bool = False
    session: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer: `input` fresh ones, `cached` read from and `cache_write` written to a
    cache; `reasoning` is a part of `output`."""

    input: int = 100
    output: int = 10
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """All that went in."""
        return self.input + self.cached + self.cache_write


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `arguments` of a freeform tool are a text."""

    name: str
    arguments: Json | str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: words, then tool calls. `number` is the request's, for ids."""

    number: int
    model: str
    text: str
    calls: tuple[Call, ...]
    usage: Usage

    def call_id(self, index: int, prefix: str = "call") -> str:
        """The id of a call, by which its result is known as a result of this answer."""
        return f"{prefix}_{self.number:06d}_{index}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP error as a vendor sends it."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


class Dialect(Protocol):
    """One vendor's protocol."""

    @property
    def name(self) -> str: ...

    def serves(self, path: str) -> bool:
        """Whether requests at this path are for the model."""
        ...

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        """The request."""
        ...

    def whole(self, reply: Reply) -> Json:
        """The answer as one object."""
        ...

    def events(self, reply: Reply) -> list[str]:
        """The answer as server-sent events, each with its blank line."""
        ...

    def refusal(self, fault: Fault) -> Refusal:
        """How this vendor says no."""
        ...


def round_of(call_id: object, index: int) -> str:
    """Which answer a tool result belongs to: told by the id we gave, else by where it stands."""
    found = _OWN_CALL.fullmatch(call_id) if isinstance(call_id, str) else None
    return found[1] if found else f"at {index}"


def texts_of(content: object, kinds: Sequence[str] = ("text", "input_text")) -> tuple[str, ...]:
    """The words in a message's content: a string, or blocks of which some are text."""
    if isinstance(content, str):
        return (content,)
    blocks = content if isinstance(content, list) else []
    return tuple(
        str(block.get("text", ""))
        for block in blocks
        if isinstance(block, dict) and block.get("type") in kinds
    )


def dicts_in(value: object) -> list[Json]:
    """The objects of a list; nothing of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
