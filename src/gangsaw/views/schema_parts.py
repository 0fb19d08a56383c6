"""What the schemas of printed objects are made of."""

from __future__ import annotations

from typing import Any

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
