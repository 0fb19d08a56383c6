"""The rows of the journal as values.

Named tuples instead of frozen dataclasses: a status reads 10,000 of them at once, and they are
made several times faster.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, cast

NewEvent = tuple[float, str, str, dict[str, Any]]
"""An event to be appended: at (epoch seconds), kind, subject, body (JSON values only)."""


class Row(NamedTuple):
    """One recorded event. `seq` counts from 1 in each run without gaps, `at` is epoch seconds."""

    seq: int
    at: float
    kind: str
    subject: str
    body_json: str

    @property
    def body(self) -> dict[str, Any]:
        """The body, decoded anew at each call."""
        return cast(dict[str, Any], json.loads(self.body_json))


class TaskRow(NamedTuple):
    """Projection: what a task looks like now. Times are epoch seconds, `None`: not yet.

    `cost_usd` is `None` where no agent reported a price; `live` says that an attempt is running.
    """

    run: str
    task: str
    position: int
    status: str
    reason: str = ""
    attempts: int = 0
    landed_commit: str | None = None
    tokens: int = 0
    cost_usd: float | None = None
    cost_is_estimate: bool = False
    started_at: float | None = None
    ended_at: float | None = None
    live: bool = False
    title: str = ""
    activity: str = ""


class RunRow(NamedTuple):
    """Projection: what a run looks like now. `engine_pid` is what the engine wrote, which may be
    dead by now: ask `lock.WriterLock.holder` who is alive."""

    run: str
    goal: str = ""
    target: str = ""
    integration: str = ""
    state: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    engine_pid: int | None = None
    summary_json: str = "{}"
