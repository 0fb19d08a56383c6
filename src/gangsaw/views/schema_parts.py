"""What JSON Schemas are made of: plain values, tables, and the shape of any value of the core."""

from __future__ import annotations

import dataclasses
import types
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from gangsaw.core.status import Status

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
TRUTH: Schema = {"type": "boolean"}
VERSION: Schema = {"const": 1}
COMMIT: Schema = {"type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})?$"}
STATUS: Schema = {"enum": [status.value for status in Status]}
RUN_STATES = ("running", "paused", "stopping", "stopped", "landed", "failed")


def maybe(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def about(text: str, schema: Schema) -> Schema:
    """The schema with a description."""
    return {"description": text, **schema}


def listed(schema: Schema) -> Schema:
    """A list of such values."""
    return {"type": "array", "items": schema}


def table(**fields: Schema) -> Schema:
    """An object with all of these fields, and perhaps others."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def of_class(cls: type[Any]) -> Schema:
    """The schema of a value of this class, as `core.wire` writes it."""
    hints = get_type_hints(cls)
    fields = dataclasses.fields(cls)
    return {
        "type": "object",
        "properties": {field.name: _of_type(hints[field.name]) for field in fields},
        "required": [
            field.name for field in fields
            if field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        ],
    }  # fmt: skip


_PLAIN: dict[Any, Schema] = {str: TEXT, int: WHOLE, float: NUMBER, bool: TRUTH}


def _of_type(hint: Any) -> Schema:
    """The schema of a field's JSON shape, as `core.wire` makes it."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hint is type(None):
        return {"type": "null"}
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of_type(arg) for arg in args]}
    if origin is tuple:
        if args[-1] is Ellipsis:
            return listed(_of_type(args[0]))
        return {"type": "array", "prefixItems": [_of_type(arg) for arg in args]}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [each.value for each in hint]}
    return of_class(hint)
