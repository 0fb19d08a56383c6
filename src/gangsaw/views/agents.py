"""The agents of a run: the object that `gangsaw agents --json` prints, and the text for people."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gangsaw.core.model import Limits, account_of
from gangsaw.core.policy import seats
from gangsaw.core.policy.accounts import is_limited, limit_of
from gangsaw.core.spans import span
from gangsaw.core.staffing import begun_by, known_agents
from gangsaw.core.state import State
from gangsaw.views.text import flat

SCHEMA_VERSION = 1
NAME_MAX = 24
STATES = ("takes_tasks", "limited", "scaled_to_0", "removed")


def agents_object(
    state: State, now: float, engine_pid: int | None, configured: Collection[str] = ()
) -> dict[str, Any]:
    """The agents that the run may use, in the order in which tasks without one go to them; and the
    `configured` ones after them."""
    used = dict.fromkeys((*_used(state), *configured))
    return {
        "schema_version": SCHEMA_VERSION,
        "run": state.run or None,
        "engine_pid": engine_pid,
        "max_agents": state.limits.max_agents,
        "at_work": state.busy.get("", 0),
        "agents": [_agent(state, name, now) for name in used],
    }


def agents_before_any_run(
    limits: Limits, configured: Collection[str], now: float
) -> dict[str, Any]:
    """The same object where nothing has run yet: what a run would begin with."""
    return agents_object(State(limits=limits), now, None, configured)


def _used(state: State) -> list[str]:
    """Those that tasks may go to or name, that review, or that somebody has asked about."""
    pool = seats.pool(state)
    named = {name for task in state.tasks.values() for name in (task.agent, task.reviewer) if name}
    asked = {name for name, _ in state.seating.scaled} | {*state.seating.removed}
    tried = {name for each in state.attempts.values() for name in (each.agent, each.seat)}
    wanted = named | asked | tried | {state.limits.reviewer}
    wanted |= {seats.fallback_of(state, name) for name in {*pool, *wanted}}
    rest = [name for name in known_agents(state) if name in wanted and name not in pool]
    return [*pool, *rest]


def _agent(state: State, name: str, now: float) -> dict[str, Any]:
    account = account_of(state.limits, name)
    known = next((each for each in state.limits.agents if each.name == name), None)
    pool = seats.pool(state)
    ready = [task for _, task in state.ready if name in seats.choices(state, state.tasks[task])]
    return {
        "name": name,
        "state": _state_of(state, name, now),
        "at_work": state.busy.get(name, 0),
        "slots": seats.slots_of(state, name),
        "slots_in_settings": known.slots if known is not None else None,
        "account": account,
        "account_at_work": seats.seats_taken(state, account),
        "seats": seats.seats_of(state.limits, account),
        "limited_until": limit_of(state, name) if is_limited(state, name, now) else None,
        "fallback": known.fallback or None if known is not None else None,
        "place": pool.index(name) + 1 if name in pool else None,
        "ready_tasks": ready,
        "attempts": [*begun_by(state, name)],
    }


def _state_of(state: State, name: str, now: float) -> str:
    if name in state.seating.removed:
        return "removed"
    if seats.is_out(state, name):
        return "scaled_to_0"
    return "limited" if is_limited(state, name, now) else "takes_tasks"


def agents_text(found: dict[str, Any], now: float | None = None) -> str:
    """One line for each agent, under a line for the run."""
    if found["run"] is None:
        head = f"nothing has run here yet · a run has {found['max_agents']} agents at a time"
    else:
        head = f"{found['run']} · {found['at_work']} of {found['max_agents']} agents at work"
        head += "" if found["engine_pid"] else " · no gangsaw is running"
    lines = [head]
    width = max([len(flat(one["name"], NAME_MAX)) for one in found["agents"]], default=0)
    for one in found["agents"]:
        name = flat(one["name"], NAME_MAX)
        lines.append(f"  {name:<{width}}  {_counts(one)}  {_says(one, now)}".rstrip())
    return "\n".join(lines)


def _counts(one: dict[str, Any]) -> str:
    slots, in_settings = one["slots"], one["slots_in_settings"]
    most = "" if slots is None else f" of {slots}"
    if slots != in_settings:
        most += " (settings: no bound)" if in_settings is None else f" (settings: {in_settings})"
    text = f"{one['at_work']}{most} at work"
    if one["seats"] is not None:
        account = flat(one["account"], NAME_MAX)
        text += f" · account {account}: {one['account_at_work']} of {one['seats']} seats"
    return text


def _says(one: dict[str, Any], now: float | None) -> str:
    parts: list[str] = []
    begun, ready = len(one["attempts"]), len(one["ready_tasks"])
    match one["state"]:
        case "removed" | "scaled_to_0" as out:
            why = "removed" if out == "removed" else "scaled to 0"
            parts.append(f"{why}, ends what it has begun: {begun}" if begun else why)
        case "limited":
            left = "" if now is None else f" for {span(one['limited_until'] - now)}"
            parts.append(f"at its usage limit{left}")
    if ready:
        parts.append(f"{ready} ready {'task' if ready == 1 else 'tasks'}")
    return "· " + " · ".join(parts) if parts else ""
