"""Values ↔ plain JSON shapes, by the declared types of frozen dataclasses.

Decoders are built once for each class. An unknown field is ignored and a missing one takes its
default, so that an older log can be read by a newer program.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from enum import Enum
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from gangsaw.core.events import EVENT_CLASSES, CheckResult, Event
from gangsaw.core.model import Check

Decoder = Callable[[Any], Any]


def encode(value: Any) -> Any:
    """The JSON shape of a value: dataclass → dict, tuple → list, enum → its text."""
    cls = type(value)
    if cls in _PLAIN:
        return value
    if cls is tuple:
        return [encode(item) for item in value]
    if cls not in _names:
        if isinstance(value, Enum):
            return value.value
        _names[cls] = tuple(field.name for field in dataclasses.fields(value))
    if cls in LEAN:
        return _lean(value, LEAN[cls])
    return {name: encode(getattr(value, name)) for name in _names[cls]}


LEAN: dict[type[Any], int] = {Check: 2, CheckResult: 7}
"""Values of which only so many fields are always written, the others where they say something:
a log holds thousands of them, nearly all of them plain."""


def _lean(value: Any, always: int) -> dict[str, Any]:
    fields = dataclasses.fields(value)
    return {
        field.name: encode(getattr(value, field.name))
        for n, field in enumerate(fields)
        if n < always or getattr(value, field.name) != field.default
    }


_PLAIN = frozenset({str, int, float, bool, type(None)})
_names: dict[type[Any], tuple[str, ...]] = {}


def decode_event(kind: str, body: dict[str, Any]) -> Event:
    """The event with the given wire name. Raises `KeyError` for a name this version does not
    know, `TypeError` for a body without a required field."""
    return cast(Event, decoder_of(EVENT_CLASSES[kind])(body))


_decoders: dict[type[Any], Decoder] = {}


def decoder_of(cls: type[Any]) -> Decoder:
    """The function that makes a `cls` from its JSON shape."""
    if cls not in _decoders:
        _decoders[cls] = _build_decoder(cls)
    return _decoders[cls]


def _build_decoder(cls: type[Any]) -> Decoder:
    hints = get_type_hints(cls)
    fields = [(f.name, _decoder(hints[f.name])) for f in dataclasses.fields(cls)]
    plain = {name for name, decode in fields if decode is None}
    rich = [(name, decode) for name, decode in fields if decode is not None]
    known = {name for name, _ in fields}

    def build(body: dict[str, Any]) -> Any:
        if body.keys() <= plain:
            return cls(**body)
        given = {key: value for key, value in body.items() if key in known}
        for name, decode in rich:
            if name in given:
                given[name] = decode(given[name])
        return cls(**given)

    return build


def _decoder(hint: Any) -> Decoder | None:
    """How to turn JSON into the hinted type; `None` where JSON already is that type."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [_decoder(arg) for arg in get_args(hint) if arg is not type(None)]
        decode = inner[0] if len(inner) == 1 else None
        if decode is None:
            return None
        return lambda value: None if value is None else decode(value)
    if origin is tuple:
        return _tuple_decoder(get_args(hint))
    if isinstance(hint, type) and (issubclass(hint, Enum)):
        return hint
    if dataclasses.is_dataclass(hint):
        return decoder_of(cast(type[Any], hint))
    return None


def _tuple_decoder(args: tuple[Any, ...]) -> Decoder:
    item = _decoder(args[0])
    if item is None:
        pair = _decoder(args[-1]) if args[-1] is not Ellipsis else None
        return tuple if pair is None else lambda value: (value[0], pair(value[1]))
    each = item
    return lambda value: tuple([each(entry) for entry in value])
