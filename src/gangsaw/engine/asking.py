"""How programs that keep records of tasks are asked: found on the PATH, one at a time, and not over
and over where one does not come to an end."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from gangsaw.procs.ask import NoReply, TookTooLong
from gangsaw.procs.ask import ask as ask_program
from gangsaw.sources.programs import Answered, Ask, Call, Unanswered

TIMEOUT_S = 30.0
SPARED = 9
"""After a call that had to be stopped so many others fail at once: who has many tasks to write at
the end of a run does not wait that long for each try of each."""

_alone = threading.Lock()
"""Stores such as a file of SQLite are locked by who works on them."""

_spared: dict[tuple[str, Path], int] = {}


def asking(environ: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> Ask:
    """Asks programs in these surroundings."""

    def ask(call: Call) -> Answered | Unanswered:
        path = shutil.which(call.program, path=environ.get("PATH", ""))
        if path is None:
            return Unanswered(f"{call.program} is not on the PATH", is_missing=True)
        env = {name: value for name, value in environ.items() if name not in call.without}
        env.update(call.settings)
        argv, place = [path, *call.arguments], (path, call.folder)
        with _alone:
            if left := _spared.pop(place, 0):
                _spared[place] = left - 1
                return Unanswered("it did not come to an end a moment ago, and is not asked now")
            reply = ask_program(argv, cwd=call.folder, env=env, timeout_s=timeout_s)
            if isinstance(reply, TookTooLong):
                _spared[place] = SPARED
        if isinstance(reply, NoReply):
            return Unanswered(f"it {reply.reason}")
        return Answered(reply.code, reply.out, reply.err)

    return ask
