"""Effects that failed: how long to wait before the next try, and how often to try."""

from __future__ import annotations

from gangsaw.core.events import TARGET
from gangsaw.core.events_undo import undo_about
from gangsaw.core.state import State, Trouble

TROUBLES_MAX = 4
"""How often in a row an effect of one attempt may fail before the attempt fails. Failures for want
of disk space do not count."""

TROUBLE_PAUSE_S = 1.0
TROUBLE_PAUSE_MAX_S = 30.0


def worst_trouble(state: State, about: str) -> Trouble | None:
    """The most repeated trouble of an attempt (or run), or `None`."""
    if not state.troubles:
        return None
    found = [trouble for (name, _), trouble in state.troubles.items() if name == about]
    return max(found, key=lambda trouble: (trouble.blamed, trouble.count)) if found else None


def lacking_room(state: State) -> str:
    """What failed last for want of disk space and is not yet done; empty when nothing is. A
    delivery is left out: it writes where no agent does, and may itself have to wait for what is
    held."""
    texts = [
        trouble.text
        for (_, action), trouble in state.troubles.items()
        if trouble.for_room and action not in ("Deliver", "Push")
    ]
    return texts[-1] if texts else ""


def stuck_move(state: State) -> str:
    """Why the integration branch cannot be moved to a checked candidate, again and again; empty
    while it can. Whether it was moved is then not known, so nothing else may be decided."""
    for found in state.landings:
        trouble = state.troubles.get((found.about, "MoveIntegration"))
        if found.wanted and trouble is not None and trouble.blamed >= TROUBLES_MAX:
            return f"cannot put {found.about} on {state.integration}: {trouble.text}"
    return ""


def cannot_close(state: State, attempt: str) -> bool:
    """Whether the attempt's workspace has refused to be closed so often that nothing waits for it
    any more; closing it is still tried."""
    trouble = state.troubles.get((attempt, "CloseWorkspace"))
    return trouble is not None and trouble.blamed >= TROUBLES_MAX


def stuck_text(state: State) -> str:
    """What the run itself (its integration branch, its delivery, the merge of a moved target, an
    undo) fails at again and again; empty while it does not."""
    for about in ("", TARGET, *map(undo_about, state.undos)):
        trouble = worst_trouble(state, about)
        if trouble is not None and trouble.blamed >= TROUBLES_MAX:
            return trouble.text
    return stuck_move(state)


def retry_at(trouble: Trouble) -> float:
    """When the effect may be tried again (epoch seconds): the pause doubles with each failure."""
    return trouble.at + min(
        TROUBLE_PAUSE_S * float(2 ** min(trouble.count - 1, 30)), TROUBLE_PAUSE_MAX_S
    )
