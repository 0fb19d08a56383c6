"""The one table of attempt phases and the events that move an attempt between them.

An event that is not in the table for the attempt's phase is illegal: `record` drops such reports,
and `evolve` raises, since then it is a bug.
"""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where an attempt is."""

    PREPARING = "preparing"
    READY = "ready"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    EXITED = "exited"
    INSPECTING = "inspecting"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    RETURNED = "returned"
    PARKED = "parked"
    REVIEWING = "reviewing"
    QUEUED = "queued"
    LANDING = "landing"
    LANDED = "landed"
    DONE = "done"
    FAILED = "failed"


ENDED = frozenset({Phase.LANDED, Phase.DONE, Phase.FAILED})
"""The attempt will not act again; only its workspace may still have to be closed."""

AGENT_ALIVE = frozenset({Phase.STARTING, Phase.RUNNING, Phase.STOPPING})
"""An agent process may be alive."""

HOLDS_SLOT = frozenset(
    {
        Phase.PREPARING,
        Phase.READY,
        Phase.STARTING,
        Phase.RUNNING,
        Phase.STOPPING,
        Phase.EXITED,
        Phase.INSPECTING,
        Phase.VERIFYING,
    }
)
"""The attempt counts against `max_agents` and its agent's slots: its agent, or its checks, use the
machine. Checked work on its way to another turn, as `VERIFIED`, counts against `max_agents` only:
if it kept its agent's slot while it waits for one of its reviewer's, two could wait for each other.
Work that waits for a person or for its landing gives both back, and asks again for a further
turn."""

_FAIL_FROM = frozenset(Phase) - ENDED - AGENT_ALIVE

_P = Phase
TRANSITIONS: dict[str, dict[Phase, Phase]] = {
    "workspace.prepared": {_P.PREPARING: _P.READY},
    "turn.wanted": {
        _P.READY: _P.STARTING,
        _P.RETURNED: _P.STARTING,
        _P.EXITED: _P.STARTING,
        _P.PARKED: _P.STARTING,
        _P.VERIFIED: _P.STARTING,
    },
    "attempt.parked": {_P.EXITED: _P.PARKED, _P.RETURNED: _P.PARKED, _P.PARKED: _P.PARKED},
    "park.ended": {_P.PARKED: _P.PARKED},
    "turn.started": {_P.STARTING: _P.RUNNING, _P.STOPPING: _P.STOPPING},
    "stop.wanted": {_P.STARTING: _P.STOPPING, _P.RUNNING: _P.STOPPING, _P.STOPPING: _P.STOPPING},
    "turn.exited": {_P.STARTING: _P.EXITED, _P.RUNNING: _P.EXITED, _P.STOPPING: _P.EXITED},
    "turn.lost": {_P.STARTING: _P.EXITED, _P.RUNNING: _P.EXITED, _P.STOPPING: _P.EXITED},
    "inspection.wanted": dict.fromkeys((_P.READY, _P.EXITED, _P.REVIEWING), _P.INSPECTING),
    "work.found": {_P.INSPECTING: _P.VERIFYING},
    "work.faulty": {_P.INSPECTING: _P.RETURNED},
    "verify.wanted": {_P.EXITED: _P.VERIFYING},
    "verdict.reached": {_P.VERIFYING: _P.VERIFIED},
    "work.returned": {
        _P.VERIFIED: _P.RETURNED,
        _P.LANDING: _P.RETURNED,
        _P.REVIEWING: _P.RETURNED,
        _P.QUEUED: _P.RETURNED,
        _P.EXITED: _P.RETURNED,
    },
    "attempt.taken": dict.fromkeys((_P.EXITED, _P.RETURNED, _P.REVIEWING, _P.PARKED), _P.PARKED),
    "attempt.handed_back": {_P.PARKED: _P.RETURNED},
    "review.opened": {
        _P.VERIFIED: _P.REVIEWING,
        _P.RETURNED: _P.REVIEWING,
        _P.EXITED: _P.REVIEWING,
    },
    "review.passed": {_P.EXITED: _P.VERIFIED},
    "review.approved": {_P.REVIEWING: _P.VERIFIED},
    "change.queued": {_P.VERIFIED: _P.QUEUED, _P.LANDING: _P.QUEUED},
    "candidate.wanted": {_P.QUEUED: _P.LANDING, _P.LANDING: _P.LANDING},
    "landed": {_P.LANDING: _P.LANDED},
    "task.done": {_P.VERIFIED: _P.DONE},
    "attempt.failed": dict.fromkeys(_FAIL_FROM, _P.FAILED),
}


def next_phase(phase: Phase, kind: str) -> Phase | None:
    """The phase after an event of the given wire name, or `None` where it is illegal."""
    return TRANSITIONS[kind].get(phase)
