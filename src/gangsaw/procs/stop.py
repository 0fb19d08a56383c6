"""Ask a turn to end, gently or at once. Never waits; safe to repeat and when all is over."""

from __future__ import annotations

import signal
from pathlib import Path

from gangsaw.procs.identity import send
from gangsaw.procs.probe import Dying, Headless, Running, Starting, probe
from gangsaw.procs.settle import holders, settle


def stop(folder: Path) -> bool:
    """Begin the stop ladder: TERM to the whole tree, the turn's grace, then KILL, all done by the
    shim. Without a shim the tree is killed at once. Whether anything was left to signal."""
    return _end(folder, signal.SIGTERM)


def kill(folder: Path) -> bool:
    """End the whole tree at once. Whether anything was left to signal."""
    return _end(folder, signal.SIGUSR1)


def _end(folder: Path, number: signal.Signals) -> bool:
    match probe(folder):
        case Running(record):
            return send(record.shim, number)
        case Starting():
            # Interpreter start: the signal ends it, and it never ran. Later: it is kept pending
            # until the agent is on record, and then obeyed.
            sent = [send(identity, number) for identity in holders(folder)]
            return any(sent)
        case Headless() | Dying():
            return settle(folder) > 0
        case _:
            return False
