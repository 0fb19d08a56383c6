"""The inbox as observations. A request's file goes only after its answer is in the log."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gangsaw.core.observations import Asked
from gangsaw.core.state import State
from gangsaw.store import inbox
from gangsaw.store.secret import ATTEMPT_FIELD, PROOF_FIELD, proves, repository_secret

FORGED = "refused: it does not come from the attempt that it names"
PATHS_MAX = 1000


class Inbox:
    """The engine's side of the request inbox, which lies in the control folder. `complete` adds to
    a request what only the engine knows."""

    def __init__(
        self, folder: Path, run: str = "", complete: Callable[[Asked], Asked] = lambda asked: asked
    ) -> None:
        self._folder, self._control, self._run = folder, folder.parent, run
        self._complete = complete
        self.wake_fd = inbox.open_wake(folder)
        self._waiting: set[str] = set()

    def read(self) -> list[Asked]:
        """The requests that wait; one already handed on is not told again."""
        inbox.quiet(self.wake_fd)
        found: list[Asked] = []
        for request in inbox.pending(self._folder):
            if isinstance(request, inbox.BadRequest) or request.key in self._waiting:
                continue
            self._waiting.add(request.key)
            found.append(self._complete(as_asked(request, self._control, self._run)))
        return found

    def peek(self) -> list[Asked]:
        """The requests that lie there, whether handed on or not; none is taken by this. The bell is
        silent afterwards, so that who looks again and again may sleep in between."""
        inbox.quiet(self.wake_fd)
        found = inbox.pending(self._folder)
        return [
            as_asked(request, self._control, self._run)
            for request in found
            if not isinstance(request, inbox.BadRequest)
        ]

    def discard_answered(self, state: State) -> None:
        """Remove the files of requests whose answers are in the log."""
        for key in [key for key in self._waiting if key in state.answers]:
            inbox.discard(self._folder, key)
            self._waiting.discard(key)

    def close(self) -> None:
        """Give the bell's descriptor back."""
        os.close(self.wake_fd)


def as_asked(request: inbox.Request, control: Path, run: str) -> Asked:
    """The request as the core is told of it; what is missing in it is empty. One that names an
    attempt counts as that attempt's only with its proof, and without it as nobody's."""
    args = request.args
    number = args.get("number", 0)
    attempt, refused = str(args.get(ATTEMPT_FIELD, "")), ""
    if (attempt or PROOF_FIELD in args) and not _is_proved(request, control, run):
        attempt, refused = "", FORGED
    return Asked(
        key=request.key,
        verb=request.verb,
        task=str(args.get("task", "")),
        by=request.by,
        text=str(args.get("text", "")),
        number=number if isinstance(number, int) else 0,
        attempt=attempt,
        paths=_paths(args),
        refused=refused,
    )


def _is_proved(request: inbox.Request, control: Path, run: str) -> bool:
    return proves(repository_secret(control), run, request.key, request.verb, request.args)


def _paths(args: Mapping[str, Any]) -> tuple[str, ...]:
    paths = args.get("paths", ())
    return tuple(str(path) for path in paths[:PATHS_MAX]) if isinstance(paths, list) else ()
