"""The ids of sessions, for programs that let themselves be told one."""

from __future__ import annotations

import uuid

from gangsaw.agents.protocol import TurnBrief

_NAMESPACE = uuid.UUID("0d0c6c1e-3b57-4d27-9d2b-6f0c3f5a8e42")


def new_session(brief: TurnBrief) -> str:
    """The id of a session that starts with this turn; always the same for the same turn."""
    return str(uuid.uuid5(_NAMESPACE, f"{brief.run}\n{brief.attempt}\n{brief.turn}"))
