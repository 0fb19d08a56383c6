"""What every task of a run is doing, from the projections alone: the object that
`gangsaw status --json` prints, and the text for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from gangsaw.core.conditions import Condition, sentence
from gangsaw.core.findings import NO_WORD
from gangsaw.core.spans import span
from gangsaw.views.text import flat, money

if TYPE_CHECKING:
    from gangsaw.store.journal import Journal
    from gangsaw.store.lock import HeldBy

SCHEMA_VERSION = 1
ROWS_MAX = 20
"""Tasks listed in one section of the text; the others are counted."""
NAMES_MAX = 12
"""Landed tasks that are named."""
ID_WIDTH_MAX = 24
FLAKY_MAX = 5
"""Flaky checks that are named, the worst first."""

NOTHING_SAID = {"asks": "", "messages": 0, "claims": [], "taken_by": ""}
"""What the status says of a task that nobody talks about."""

_SIGN_IN = tuple(
    sentence(condition, "").removeprefix("the agent")
    for condition in (Condition.LOGIN_MISSING, Condition.LOGIN_EXPIRED)
)
"""What the reason holds where doctor names the command that mends it."""

_OVER = ("landed", "failed")
_NEEDS_ENGINE = ("running", "stopping")

_SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("NEEDS YOU", ("needs_you",)),
    ("WORKING", ("working", "checking", "reviewing", "landing", "queued")),
    ("WAITING", ("held", "waiting")),
    ("FAILED", ("failed",)),
    ("CANCELLED", ("cancelled",)),
    ("UNDONE", ("undone",)),
)
_ORDER = (
    "landed", "done", "needs_you", "working", "checking", "reviewing", "queued", "landing",
    "held", "waiting", "failed", "cancelled", "undone",
)  # fmt: skip


def status_object(journal: Journal, run: str, holder: HeldBy | None) -> dict[str, Any]:
    """The status of a run as a JSON object. `holder` is the live engine of this run, if any.

    Raises `KeyError` for a run that is not in the journal.
    """
    with journal.frozen():
        row = journal.run_row(run)
        tasks = journal.tasks(run)
    if row is None:
        raise KeyError(run)
    summary = json.loads(row.summary_json)
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task.status] = counts.get(task.status, 0) + 1
    return {
        "schema_version": SCHEMA_VERSION,
        "run": row.run,
        "goal": row.goal,
        "state": _state(row.state, holder),
        "engine_pid": None if holder is None else holder.pid or row.engine_pid,
        "engine_waits": "" if holder is None else holder.waits,
        "target": row.target,
        "integration": row.integration,
        "head": summary.get("head", ""),
        "delivered": summary.get("delivered", ""),
        "delivery_blocked": summary.get("delivery_blocked", ""),
        "queue_held": summary.get("queue_held", ""),
        "push_blocked": summary.get("push_blocked", ""),
        "remote": summary.get("remote", ""),
        "pushed": summary.get("pushed", ""),
        "deliver_by_hand": summary.get("deliver_by_hand", []),
        "containment": summary.get("containment", ""),
        "pressure": summary.get("pressure", ""),
        "flaky": summary.get("flaky", []),
        "red_after_landing": summary.get("red_after_landing", ""),
        "max_agents": summary.get("max_agents"),
        "tasks": [
            {
                "id": task.task,
                "title": task.title,
                "status": task.status,
                "reason": task.reason,
                "attempts": task.attempts,
                "landed_commit": task.landed_commit,
                "tokens": task.tokens,
                "cost": task.cost_usd,
                "cost_is_estimate": task.cost_is_estimate,
                "started_at": task.started_at,
                "ended_at": task.ended_at,
                "activity": task.activity if task.live else "",
                "turns": summary.get("turns", {}).get(task.task, []),
                "concerns": summary.get("concerns", {}).get(task.task, []),
                "evidence": summary.get("evidence", {}).get(task.task),
                **(NOTHING_SAID | summary.get("talk", {}).get(task.task, {})),
            }
            for task in tasks
        ],
        "counts": {name: counts[name] for name in _ORDER if name in counts},
        "tokens": summary.get("tokens", 0),
        "cost": summary.get("cost"),
        "cost_estimated": summary.get("cost_estimated", 0.0),
        "unpriced": summary.get("unpriced", 0),
        "cost_per_landed": summary.get("cost_per_landed"),
        "budget": summary.get("budget"),
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "exit_code": summary.get("exit_code"),
    }


def _state(recorded: str, holder: HeldBy | None) -> str:
    """The run's state; what only a live engine can be doing is `stopped` without one."""
    return "stopped" if holder is None and recorded in _NEEDS_ENGINE else recorded


def status_text(
    status: dict[str, Any], now: float, heading: Callable[[str], str] = str
) -> list[str]:
    """The status for people, as lines. `heading` marks headings where that is possible."""
    lines = [_header(status, now), *_remarks(status)]
    width = min(ID_WIDTH_MAX, max((len(task["id"]) for task in status["tasks"]), default=0))
    for title, wanted in _SECTIONS:
        tasks = [task for task in status["tasks"] if task["status"] in wanted]
        if not tasks:
            continue
        tasks.sort(key=lambda task: wanted.index(task["status"]))
        lines += ["", heading(title)]
        for task in tasks[:ROWS_MAX]:
            lines += _task_lines(task, width, now)
        if len(tasks) > ROWS_MAX:
            lines.append(f"  … and {len(tasks) - ROWS_MAX} more: gangsaw status --json")
    finished = [task["id"] for task in status["tasks"] if task["status"] in ("landed", "done")]
    if finished:
        lines += ["", heading("LANDED"), f"  {named(finished, NAMES_MAX)}"]
    return lines


def _header(status: dict[str, Any], now: float) -> str:
    counts = status["counts"]
    parts = [status["run"]]
    if status["state"] not in ("running", *_OVER):
        parts.append(status["state"])
    parts += [_counted(name, counts[name]) for name in _ORDER if counts.get(name)]
    spent = ""
    if _has_cost(status):
        spent = money(status["cost"], status["budget"], status["cost_estimated"])
    parts += [spent] if spent else []
    if status["started_at"] is not None:
        parts.append(span((status["ended_at"] or now) - status["started_at"]))
    return " · ".join(parts)


def _counted(name: str, count: int) -> str:
    if name == "needs_you":
        return f"{count} {'needs' if count == 1 else 'need'} you"
    return f"{count} {name.replace('_', ' ')}"


def _has_cost(status: dict[str, Any]) -> bool:
    return bool(status["tokens"] or status["cost"] or status["budget"] is not None)


def _remarks(status: dict[str, Any]) -> Iterable[str]:
    """What is true of the whole run and asks for something."""
    if status["engine_waits"]:
        yield (
            f"gangsaw has stood still since then: {flat(status['engine_waits'])}; "
            "it goes on by itself once there is room"
        )
    if status["state"] == "stopped":
        yield "no gangsaw is running this; go on with: gangsaw run"
    if status["state"] == "paused":
        more = "gangsaw resume" if status["engine_pid"] else "gangsaw resume, gangsaw run"
        yield f"paused: no new agents are started; go on with: {more}"
    if status["queue_held"]:
        what = "nothing lands" if status["queue_held"] == "frozen" else "no further batch is formed"
        how = "gangsaw queue --resume"
        yield f"the landing queue is {status['queue_held']}, {what}; go on with: {how}"
    if status["pressure"]:
        yield f"the machine is short, no new agents are started: {flat(status['pressure'])}"
    if status["red_after_landing"]:
        yield f"red after landing, needs you: {flat(status['red_after_landing'], 400)}"
    if status["flaky"]:
        yield f"flaky: {', '.join(_flaky(each) for each in status['flaky'][:FLAKY_MAX])}"
    if status["delivery_blocked"]:
        blocked = flat(status["delivery_blocked"])
        what = "pushed" if status["push_blocked"] else "moved"
        yield f"{status['target']} is not {what}: {blocked}"
    if status["deliver_by_hand"]:
        yield f"to take over what landed: {' && '.join(map(flat, status['deliver_by_hand']))}"


def _flaky(each: dict[str, Any]) -> str:
    """How often it was red on a tree on which it also passed."""
    return f"{flat(each['name'], 60)} {each['red']} of {each['runs']}"


def _task_lines(task: dict[str, Any], width: int, now: float) -> Iterable[str]:
    name = f"{flat(task['id']):<{width}}"
    kind = task["status"]
    live = kind in ("working", "checking", "reviewing", "landing", "queued")
    parts = [kind] if live or kind == "held" else []
    if live and task["started_at"] is not None:
        parts.append(span(now - task["started_at"]))
    parts += [flat(text) for text in (task["activity"], task["reason"]) if text]
    if task["cost"]:
        guess = " estimated" if task["cost_is_estimate"] else ""
        parts.append(f"${task['cost']:.2f}{guess}")
    yield f"  {name}  {' · '.join(parts)}".rstrip()
    following = next_commands(task["id"], kind, task["reason"])
    if following:
        yield f"  {'':<{width}}  {' · '.join(following)}"


def next_commands(task: str, status: str, reason: str) -> list[str]:
    """What a person would call next for a task in this status."""
    match status:
        case "needs_you":
            if reason.startswith(("review:", "left uncommitted")):
                return [f"gangsaw {verb} {task}" for verb in ("diff", "approve", "reject")]
            if reason.startswith("asks:") or f"gangsaw answer {task} " in reason:
                return [f"gangsaw answer {task} TEXT", f"gangsaw logs {task}"]
            if NO_WORD in reason:
                return [f"gangsaw {verb} {task}" for verb in ("why", "diff", "approve", "reject")]
            if reason.startswith("taken over by"):
                return [f"gangsaw attach {task} --hand-back"]
            commands = [f"gangsaw {verb} {task}" for verb in ("why", "diff", "retry")]
            return ["gangsaw doctor", *commands] if any(s in reason for s in _SIGN_IN) else commands
        case "failed":
            return [f"gangsaw why {task}", f"gangsaw logs {task}", f"gangsaw retry {task}"]
        case "cancelled":
            return [f"gangsaw undo {task}", f"gangsaw retry {task}"]
        case "undone":
            return [f"gangsaw retry {task}", f"gangsaw retry {task} --from last"]
        case _:
            return []


def named(names: list[str], most: int) -> str:
    """The names with commas between them, the rest counted."""
    rest = len(names) - most
    shown = ", ".join(flat(name) for name in names[:most])
    return f"{shown} and {rest} more" if rest > 0 else shown
