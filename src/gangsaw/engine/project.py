"""What the store keeps for readers beside the events: one row a task, one row the run.

Rows are computed by `core.status` from the same state that decided, for the tasks that an event has
touched; for tasks that wait for a place, which can change without an event of their own, for the
first few in line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gangsaw.core.check_records import flaky
from gangsaw.core.evidence import evidence
from gangsaw.core.governing import machine_text
from gangsaw.core.honesty import concern_objects
from gangsaw.core.policy.after import red_text
from gangsaw.core.policy.delivery import by_hand, is_open, is_push_wanted
from gangsaw.core.policy.undo import kept_turns
from gangsaw.core.reopening import turn_names
from gangsaw.core.state import State, Usage, is_live
from gangsaw.core.status import exit_code, view
from gangsaw.store.rows import RunRow, TaskRow

READY_SHOWN = 50
"""How many ready tasks have their reason kept fresh; the others keep an older one."""

CONCERNS_SHOWN = 10
"""How many concerns about a task's work stand in the run's row; the others are in the log."""


class Projector:
    """Makes rows that differ from what was last stored."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._positions = {name: at for at, name in enumerate(state.tasks)}
        self._stored: dict[str, TaskRow] = {}
        self._run_row: RunRow | None = None
        self._turns: dict[str, list[str]] = {}
        self._talk: dict[str, dict[str, object]] = {}
        self._evidence: dict[str, dict[str, Any]] = {}
        self._concerns: dict[str, list[dict[str, object]]] = {}

    def task_rows(
        self, now: float, activities: Mapping[str, str], *, refresh: bool
    ) -> list[TaskRow]:
        """The rows to be replaced, and forgets what was touched. `refresh`: also those that may
        have changed without an event."""
        state = self._state
        names = set(state.touched)
        if refresh:
            names |= {name for _, name in state.ready[:READY_SHOWN]}
            names |= {state.attempts[attempt].task for attempt in state.live}
        rows = [self._row(name, now, activities) for name in names]
        for name in state.touched:
            self._note_turns(name)
            self._note_talk(name)
            self._note_evidence(name)
            self._note_concerns(name)
        state.touched.clear()
        changed = [row for row in rows if self._stored.get(row.task) != row]
        self._stored.update({row.task: row for row in changed})
        return changed

    def _row(self, name: str, now: float, activities: Mapping[str, str]) -> TaskRow:
        state = self._state
        known = state.task_states[name]
        seen = view(state, name, now)
        usage = known.usage
        return TaskRow(
            run=state.run,
            task=name,
            position=self._position(name),
            status=seen.status.value,
            reason=seen.reason,
            attempts=known.attempts,
            landed_commit=known.landed_commit or None,
            tokens=usage.tokens,
            cost_usd=cost_of(usage),
            cost_is_estimate=bool(usage.estimated_usd),
            started_at=known.started_at,
            ended_at=known.ended_at,
            live=known.current in state.live,
            title=state.tasks[name].title,
            activity=activities.get(known.current, ""),
        )

    def _position(self, name: str) -> int:
        """Where the task stands in the plan; those that came later stand behind the others."""
        if name not in self._positions:
            self._positions = {name: at for at, name in enumerate(self._state.tasks)}
        return self._positions[name]

    def _note_turns(self, name: str) -> None:
        """Keep what `retry --from` takes for the task, while it could be asked for."""
        known, attempt = self._state.task_states[name], self._state.attempt_of(name)
        over = attempt is not None and attempt.closed and not known.finished
        names = turn_names(kept_turns(self._state, name), known) if over else []
        if names:
            self._turns[name] = names
        else:
            self._turns.pop(name, None)

    def _note_concerns(self, name: str) -> None:
        """Keep what was found in the task's last work."""
        attempt = self._state.attempt_of(name)
        rules = self._state.limits.honesty
        found = concern_objects(rules, attempt.concerns[:CONCERNS_SHOWN] if attempt else ())
        if found:
            self._concerns[name] = found
        else:
            self._concerns.pop(name, None)

    def _note_talk(self, name: str) -> None:
        """Keep what people and the task's agent have said, as far as it is still open."""
        known, attempt = self._state.task_states[name], self._state.attempt_of(name)
        said: dict[str, object] = {"messages": len(known.messages)} if known.messages else {}
        if attempt is not None and is_live(attempt):
            found = {
                "asks": attempt.question,
                "claims": list(attempt.claims),
                "taken_by": attempt.taken_by,
            }
            said |= {key: value for key, value in found.items() if value}
        if said:
            self._talk[name] = said
        else:
            self._talk.pop(name, None)

    def _note_evidence(self, name: str) -> None:
        """Keep why the task's work went back, until it is mended or over with."""
        found = evidence(self._state, name, short=True)
        if found is not None:
            self._evidence[name] = found
        else:
            self._evidence.pop(name, None)

    def run_row(self, now: float) -> RunRow | None:
        """The run's row if it has changed, else `None`."""
        state = self._state
        row = RunRow(
            run=state.run,
            goal=state.goal,
            target=state.target,
            integration=state.integration,
            state=run_state(state),
            started_at=state.started_at,
            ended_at=state.ended_at,
            engine_pid=state.engine_pid,
            summary_json=json.dumps(
                {
                    **_summary(state, now),
                    "turns": self._turns,
                    "talk": self._talk,
                    "concerns": self._concerns,
                    "evidence": self._evidence,
                }
            ),
        )
        if row == self._run_row:
            return None
        self._run_row = row
        return row


def cost_of(usage: Usage) -> float | None:
    """Dollars, reported and estimated, or `None` where tokens were used and nobody knows what they
    cost."""
    if usage.known_usd or not usage.unpriced:
        return round(usage.known_usd, 6)
    return None


def _per_landed(state: State) -> float | None:
    """Dollars for each task that landed or is done, failed attempts included."""
    cost = cost_of(state.usage)
    landed = sum(known.finished for known in state.task_states.values())
    return round(cost / landed, 6) if cost is not None and landed else None


def run_state(state: State) -> str:
    """One word for the whole run."""
    if state.end is not None:
        return state.end.value
    if state.stopping:
        return "stopping"
    return "paused" if state.paused else "running"


def _queue_held(state: State) -> str:
    """`paused`, `frozen`, or empty."""
    return ("frozen" if state.frozen else "paused") if state.queue_held else ""


def _summary(state: State, now: float) -> dict[str, object]:
    return {
        "max_agents": state.limits.max_agents,
        "head": state.head,
        "delivered": state.delivery.delivered,
        "delivery_blocked": state.delivery.blocked if is_open(state) else "",
        "queue_held": _queue_held(state),
        "push_blocked": state.delivery.blocked if is_push_wanted(state) else "",
        "red_after_landing": red_text(state),
        "flaky": [
            {"name": each.name, "red": each.flakes, "runs": each.runs}
            for each in flaky(state.known_checks)
        ],
        "deliver": state.limits.deliver.value,
        "deliver_by_hand": by_hand(state),
        "history": state.limits.history.value,
        "pushed": state.delivery.pushed_commit,
        "remote": state.limits.remote,
        "tokens": state.usage.tokens,
        "cost": cost_of(state.usage),
        "cost_estimated": round(state.usage.estimated_usd, 6),
        "unpriced": state.usage.unpriced,
        "cost_per_landed": _per_landed(state),
        "budget": state.limits.budget_usd,
        "containment": state.containment,
        "pressure": machine_text(state),
        "engine_reason": state.engine_reason,
        "exit_code": exit_code(state, now) if state.end or not state.engine_pid else None,
    }
