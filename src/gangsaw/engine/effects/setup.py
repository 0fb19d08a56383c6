"""The user's own shell line that makes a fresh worktree fit for work, before the agent starts."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from pathlib import Path

from gangsaw.agents import allowed_environment, port_variables
from gangsaw.core.errors import UserError
from gangsaw.core.launch import Ended, LaunchSpec
from gangsaw.core.model import Check, Limits
from gangsaw.core.ports import ports_of
from gangsaw.core.settings import AgentSettings
from gangsaw.engine.scrubbing import scrub
from gangsaw.engine.trust import require_trust, setup_in
from gangsaw.engine.world import World
from gangsaw.procs import (
    Broken,
    Cancelled,
    Finished,
    Foreign,
    Lost,
    LostRun,
    NotExecuted,
    Probed,
    TimedOut,
    probe,
    run_to_end,
)

TRIES_MAX = 100
TAIL_BYTES = 2000


def check_environment(
    world: World, about: str, checks: Iterable[Check] = ()
) -> tuple[tuple[str, str], ...]:
    """The variables that checks and the setup see: the usual ones, those the settings or these
    checks name, and the ports of what they are about."""
    ports = ports_of(world.state, about, world.settings.worktree)
    named = (*world.settings.check_pass_env, *(name for check in checks for name in check.env))
    checker = AgentSettings("checks", "command", pass_env=named)
    allowed = dict(allowed_environment(world.environ, checker))
    return tuple(sorted((allowed | port_variables(ports)).items()))


def set_up(
    world: World,
    limits: Limits,
    attempt: str,
    path: Path,
    env: tuple[tuple[str, str], ...],
    unwanted: threading.Event,
) -> bool:
    """Run the line in the worktree; false when it was cut short since nobody wants it any more.

    `UserError` with the end of its output when it fails. What a former engine has recorded as
    done is not done again. What nobody has trusted, as it is now in the worktree, is not run.
    """
    line = world.settings.worktree.setup
    assert line is not None
    require_trust(world.layout.control, setup_in(path, line), path)
    folder = folder_of(world.layout.checks_of(attempt), attempt)
    folder.parent.mkdir(parents=True, exist_ok=True)
    end = run_to_end(
        folder,
        LaunchSpec(("sh", "-c", line), str(path), env),
        mark=f"setup-{secrets.token_hex(12)}",
        timeout_s=limits.check_timeout_s,
        grace_s=limits.grace_s,
        cancelled=unwanted,
    )
    scrub(folder, world.secrets.redactor)
    text = ""
    match end:
        case Finished(record) if record.outcome == Ended(0, None):
            return True
        case Cancelled():
            return False
        case Finished(record):
            text = f"{_how(record.outcome)}: {_tail(folder)}"
        case TimedOut():
            text = f"still running after {limits.check_timeout_s:.0f} s"
        case LostRun(_, reason):
            text = reason
    raise UserError(f"cannot set up the worktree by `{line}`: {text}")


def _how(outcome: Ended | NotExecuted) -> str:
    match outcome:
        case Ended(code, None):
            return f"exit code {code}"
        case Ended(_, signal):
            return f"killed by signal {signal}"
        case NotExecuted(error, step):
            return f"cannot {step} it: {error}"


def folder_of(within: Path, attempt: str) -> Path:
    """Where the setup of this attempt is recorded: the one that is under way or has succeeded,
    else a new one. A setup must not run beside itself in one worktree."""
    for number in range(TRIES_MAX):
        folder = within / f"setup-{attempt}.{number}"
        if not folder.exists() or not _has_failed(probe(folder)):
            return folder
    raise UserError(f"cannot set up the worktree: {TRIES_MAX} tries of {attempt} are recorded")


def _has_failed(found: Probed) -> bool:
    """Whether it came to an end that is of no use."""
    if isinstance(found, Finished):
        return found.record.outcome != Ended(0, None)
    return isinstance(found, Lost | Broken | Foreign)


def _tail(folder: Path) -> str:
    parts = []
    for name in ("out", "err"):
        raw = (folder / name).read_bytes() if (folder / name).exists() else b""
        parts.append(raw[-TAIL_BYTES:].decode("utf-8", "replace").strip())
    return "\n".join(part for part in parts if part)
