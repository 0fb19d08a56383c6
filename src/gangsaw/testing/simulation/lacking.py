"""What failed for want of disk space and was not done since, in the second bookkeeping."""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core.events_undo import UndoFailed, Undone, undo_about

_DONE_NOTHING = frozenset(
    {"usage.reported", "session.opened", "question.asked", "beat.seen", "stop.wanted"}
    | {"question.answered", "question.dropped", "answer.heard", "paths.claimed", "paths.released"}
    | {"done.said", "take.wanted"}
)
"""Events that say nothing of an effect that was tried."""


class Lacking:
    """The subjects and actions that wait for room. Delivery and push wait by themselves, and hold
    nobody."""

    def __init__(self) -> None:
        self._open: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._open)

    def take(self, event: ev.Event) -> None:
        """Note what the event tells of it."""
        match event:
            case ev.EngineStarted():
                self._open.clear()
            case ev.EffectFailed():
                if event.no_room and event.action not in ("Deliver", "Push"):
                    self._open.add((event.about, event.action))
            case ev.VerdictReached(judgement=ev.Judgement.INCONCLUSIVE):
                pass  # the same checks are tried once more
            case ev.TargetMergeFailed():
                self._drop(ev.TARGET)
            case Undone() | UndoFailed():
                self._drop(undo_about(event.task))
            case _ if event.kind not in _DONE_NOTHING:
                self._drop(event.subject)

    def _drop(self, about: str) -> None:
        self._open = {one for one in self._open if one[0] != about}
