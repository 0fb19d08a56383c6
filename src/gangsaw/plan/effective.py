"""`Settings` → what `gangsaw.toml` would have to say for them, value by value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gangsaw.core.honesty import ANSWERS
from gangsaw.core.model import Check
from gangsaw.core.settings import Settings
from gangsaw.plan.complaint import Path
from gangsaw.plan.config import LIMIT_NAMES
from gangsaw.plan.origins import (
    MEMORY_FLOOR,
    MEMORY_MAX,
    Origin,
    OriginKind,
    Sources,
    from_other_end,
)
from gangsaw.plan.settings_fields import AGENT, MACHINE, SECTIONS
from gangsaw.plan.shapes import CHECK, Field

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting in force: where it stands in `gangsaw.toml`, its plain value (`None`: nothing is
    set, and there is no default) and who said so."""

    path: Path
    value: Any
    origin: Origin


def in_force(settings: Settings, sources: Sources) -> tuple[Setting, ...]:
    """Every setting but those of agents that nobody has configured, by section."""
    values = _values(settings)
    found = [
        Setting(path, values[section][field.name], sources.of(path))
        for section, shape in SECTIONS.items()
        for field in shape.fields
        if (path := (section, field.name)) != MEMORY_FLOOR
    ]
    return (*found, *_of_agents(settings, sources))


def _of_agents(settings: Settings, sources: Sources) -> Iterator[Setting]:
    """What somebody has written down about an agent."""
    for agent in settings.agents:
        for field in AGENT.fields:
            path = ("agents", agent.name, field.name)
            origin = sources.of(path)
            if origin.kind is not OriginKind.DEFAULT:
                yield Setting(path, _plain(field, getattr(agent, field.name)), origin)


def _values(settings: Settings) -> dict[str, dict[str, Any]]:
    """The plain values by section and key."""
    limits, worktree, conflicts = settings.limits, settings.worktree, settings.conflicts
    run = {key: getattr(limits, name) for key, name in LIMIT_NAMES.items()}
    run |= {
        "agent": limits.default_agent,
        "agents": list(limits.pool),
        "reviewer": limits.reviewer or None,
        "deliver": limits.deliver.value,
        "uncommitted": limits.uncommitted.value,
        "remote": settings.remote,
        "on_interrupt": settings.on_interrupt,
        "batched": limits.batched,
        "dry_run": settings.dry_run,
    }
    machine = {
        field.name: getattr(limits, field.name)
        for field in MACHINE.fields
        if field.name != MEMORY_MAX[1]
    }
    honesty: dict[str, Any] = {kind.value: answer.value for kind, answer in ANSWERS.items()}
    honesty |= dict(limits.honesty.answers)
    return {
        "run": run,
        "checks": {
            "run": [check_value(check) for check in settings.checks],
            "timeout_s": limits.check_timeout_s,
            "pass_env": list(settings.check_pass_env),
            "cache": settings.check_cache,
            "keep": list(settings.check_keep),
            "slots": settings.check_slots,
        },
        "landing": {
            "window": limits.window,
            "barriers": list(settings.landing.barriers),
            "history": limits.history.value,
            "push": limits.push.value,
            "mergiraf": conflicts.mergiraf,
            "union": list(conflicts.union),
        },
        "worktree": {
            field.name: _plain(field, getattr(worktree, field.name))
            for field in SECTIONS["worktree"].fields
        },
        "honesty": honesty
        | {
            "large_kb": limits.honesty.large_kb,
            "allow": [f"{pattern}: {kind}" for pattern, kind in limits.honesty.allow],
        },
        "radar": {"policy": limits.radar.value, "every_s": limits.radar_every_s},
        "machine": {MEMORY_MAX[1]: from_other_end(limits.memory_floor_pct), **machine},
    }


def _plain(field: Field, value: Any) -> Any:
    if field.name == "env":
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def check_value(check: Check) -> Any:
    """A check as shortly as it can be written."""
    line = check.argv[2] if check.argv[:2] == ("sh", "-c") and len(check.argv) == 3 else None
    table: dict[str, Any] = {"name": check.name, "run": line if line else list(check.argv)}
    plain = Check(check.name, check.argv)
    for field in CHECK.fields:
        if field.name not in table and getattr(check, field.name) != getattr(plain, field.name):
            value = getattr(check, field.name)
            table[field.name] = list(value) if isinstance(value, tuple) else value
    if len(table) == 2 and line is not None and check.name == line:
        return line
    return table


def toml_value(value: Any) -> str:
    """A plain value as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case int():
            return str(value)
        case list():
            return f"[{', '.join(map(toml_value, value))}]"
        case dict():
            pairs = ", ".join(
                f"{toml_key(key)} = {toml_value(each)}" for key, each in value.items()
            )
            return f"{{{pairs}}}"
        case _:
            # A text of JSON is one of TOML, but for one character.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """A key as TOML writes it."""
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
