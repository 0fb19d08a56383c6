"""A plan's tree of values as the text of a `plan.yaml`, for people to read and go on with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS_OF_YAML = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])
_NO_YAML = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def plan_text(tree: Mapping[str, Any]) -> str:
    """The text; reading it gives the tree again."""
    parts = [f"{key}: {_inline(value)}" for key, value in tree.items() if key != "tasks"]
    parts.append("tasks:")
    for task in tree["tasks"]:
        lines = [line for key, value in task.items() for line in _entry(key, value)]
        parts += [f"  - {lines[0]}", *(f"    {line}" if line else "" for line in lines[1:])]
    return "\n".join(parts) + "\n"


def _entry(key: str, value: Any) -> Iterator[str]:
    """The lines of one key of a task, without its indentation."""
    if isinstance(value, str) and "\n" in value and _may_be_block(value):
        yield f"{key}: |-"
        yield from (f"  {line}" if line else "" for line in value.split("\n"))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        if all(isinstance(each, str) and _PLAIN.fullmatch(each) for each in value):
            yield f"{key}: {_inline(value)}"
        else:
            yield f"{key}:"
            yield from (f"  - {_inline(each)}" for each in value)
    else:
        yield f"{key}: {_inline(value)}"


def _may_be_block(text: str) -> bool:
    """Whether a literal block gives the text back as it is."""
    return (
        not _NO_YAML.search(text)
        and not text.startswith((" ", "\t", "\n"))
        and not text.endswith("\n")
        and all(line == line.rstrip() for line in text.split("\n"))
    )


def _inline(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
            return value
        said = json.dumps(value, ensure_ascii=False)
        return _NO_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", said)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_inline(k)}: {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)
