"""Whether a JSON value has the shape that a JSON Schema asks for: the keywords that ours use."""

from __future__ import annotations

import re
from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
KNOWN = frozenset(
    "type properties required items prefixItems additionalProperties propertyNames anyOf const "
    "enum pattern minimum description title $schema".split()
)


def misfits(value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
    """Everything in which the value differs from the schema; a keyword not known here is one."""
    found = [f"{at}: keyword {word} is not understood" for word in schema.keys() - KNOWN]
    wanted = schema.get("type")
    if wanted is not None:
        fits = isinstance(value, KINDS[wanted]) and (wanted == "boolean" or value is not True)
        if not fits or (wanted in ("integer", "number") and isinstance(value, bool)):
            return [*found, f"{at}: {value!r:.60} is no {wanted}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r:.60} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r:.60} is none of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{at}: {value!r} is too small")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r:.60} does not match {schema['pattern']}")
    if "anyOf" in schema and all(misfits(value, each, at) for each in schema["anyOf"]):
        found.append(f"{at}: {value!r:.60} fits none of {len(schema['anyOf'])} shapes")
    if isinstance(value, dict):
        found += _of_object(value, schema, at)
    if isinstance(value, list):
        heads = schema.get("prefixItems", [])
        for place, item in enumerate(value):
            each = heads[place] if place < len(heads) else schema.get("items", {})
            found += misfits(item, each, f"{at}[{place}]")
    return found


def _of_object(value: dict[str, Any], schema: dict[str, Any], at: str) -> list[str]:
    found = [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
    known = schema.get("properties", {})
    for name, item in value.items():
        found += misfits(
            item, known.get(name, schema.get("additionalProperties", {})), f"{at}.{name}"
        )
        found += misfits(name, schema.get("propertyNames", {}), f"{at}: name {name}")
    return found
