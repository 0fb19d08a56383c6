"""JSON Schemas of the files that users write, made from the very fields that the readers use."""

from __future__ import annotations

from typing import Any

from gangsaw.plan.fields import DEFAULTS, PLAN, TASK, TRACK, VERSION
from gangsaw.plan.ids import ID_MAX, ID_PATTERN
from gangsaw.plan.settings_fields import AGENT, SECTIONS, TOP
from gangsaw.plan.shapes import table_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def plan_schema() -> dict[str, Any]:
    """The schema of `plan.yaml`."""
    name = {"type": "string", "pattern": f"^{ID_PATTERN}$", "maxLength": ID_MAX}
    any_id = {"anyOf": [name, {"type": "integer"}]}
    task = table_schema(TASK)
    described = task["properties"]["id"]["description"]
    task["properties"]["id"] = {"description": described, **any_id}
    task["properties"]["needs"]["items"] = any_id
    task["oneOf"] = [{"required": ["prompt"]}, {"required": ["prompt_file"]}]
    nested = {
        "version": {"const": VERSION},
        "defaults": table_schema(DEFAULTS),
        "tracks": {"type": "object", "additionalProperties": table_schema(TRACK)},
        "tasks": {"type": "array", "minItems": 1, "items": task},
    }
    return {"$schema": DIALECT, "title": "gangsaw plan", **table_schema(PLAN, nested)}


def config_schema() -> dict[str, Any]:
    """The schema of `gangsaw.toml`."""
    nested = {
        "agents": {"type": "object", "additionalProperties": table_schema(AGENT)},
        **{section: table_schema(shape) for section, shape in SECTIONS.items()},
    }
    return {"$schema": DIALECT, "title": "gangsaw settings", **table_schema(TOP, nested)}
