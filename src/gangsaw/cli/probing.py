"""What an agent of each installed kind costs on this machine: it is started idle, as every agent is
started, and its whole tree is measured until it has ended or does not grow any more.

No prompt is given, so nothing is spent. A program without a known way of waiting is only asked for
its version; one that is not known at all is not started, and an assumption stands in.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gangsaw.agents import adapter_for, allowed_environment, program_of
from gangsaw.cli import clock
from gangsaw.cli.agent_checkup import known_program
from gangsaw.core.capacity import IDLE_MB, WORK_MB
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.engine.footprints import roots_of
from gangsaw.meters import exact, survey
from gangsaw.procs import Finished, NotExecuted, run_to_end

HOLD_MAX_S = 12.0
"""So long is a program watched; those that run on Node.js take seconds to start when it is busy."""
SETTLED_S = 2.0
"""One that has not grown for so long is as large as it gets."""
GROWN = 1.02
SAMPLE_S = 0.03
GRACE_S = 1.0
_WAITING = 'n=$1; shift; mkfifo in && { sleep "$n" > in & exec "$@" < in; }'
"""Its standard input is open and nothing comes: so it waits."""


class How(StrEnum):
    """How it was measured."""

    IDLE = "idle"
    VERSION = "version"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Cost:
    """One agent: its peak as measured, and what to count with for one at work, in MB."""

    agent: str
    kind: str
    how: How
    peak_mb: int | None
    processes: int | None
    expected_mb: int
    text: str


def costs(settings: Settings, environ: Mapping[str, str]) -> list[Cost]:
    """One for each agent whose program is there, one program after the other."""
    found: list[Cost] = []
    measured: dict[tuple[str, tuple[str, ...]], Cost] = {}
    for agent in settings.agents:
        env = allowed_environment(environ, agent)
        program = program_of(agent)
        path = shutil.which(program, path=dict(env).get("PATH")) if program else None
        if path is None:
            continue
        found.append(_cost(agent, str(Path(path).absolute()), env, measured))
    return found


def _cost(
    agent: AgentSettings,
    path: str,
    env: tuple[tuple[str, str], ...],
    measured: dict[tuple[str, tuple[str, ...]], Cost],
) -> Cost:
    known = adapter_for(agent.kind).program or known_program(path)
    if known is None:
        text = "not started: only its settings know what it does when it is"
        return Cost(agent.name, agent.kind, How.ASSUMED, None, None, IDLE_MB + WORK_MB, text)
    how = How.IDLE if known.idle_args else How.VERSION
    arguments = known.idle_args or known.version_args
    if (path, arguments) in measured:
        same = measured[path, arguments]
        return Cost(agent.name, agent.kind, same.how, same.peak_mb, same.processes,
                    same.expected_mb, f"the same program as {same.agent}")  # fmt: skip
    words = (path, *arguments)
    argv = ("sh", "-c", _WAITING, "sh", f"{HOLD_MAX_S + 5:g}", *words)
    peak = _peak(argv if how is How.IDLE else words, env)
    shown = " ".join((Path(path).name, *arguments))
    if not peak.kilo:
        text = f"'{shown}' could not be measured: it did not start"
        return Cost(agent.name, agent.kind, How.ASSUMED, None, None, IDLE_MB + WORK_MB, text)
    peak_mb, processes = max(1, round(peak.kilo / 1024)), peak.processes
    waited = how is How.IDLE and not peak.ended
    # Who did not wait has not loaded all that it works with.
    idle_mb = peak_mb if waited else max(peak_mb, IDLE_MB)
    text = f"'{shown}', {'waiting for a prompt' if waited else 'until it ended'}"
    cost = Cost(agent.name, agent.kind, how, peak_mb, processes, idle_mb + WORK_MB, text)
    measured[path, arguments] = cost
    return cost


@dataclass(frozen=True, slots=True)
class _Peak:
    """The largest sum of a tree's memory in kB, how many processes that was, and whether it ended
    by itself."""

    kilo: int
    processes: int
    ended: bool


def _peak(argv: tuple[str, ...], env: tuple[tuple[str, str], ...]) -> _Peak:
    """Start it and watch it for a while. Whatever was started has ended when this returns."""
    enough = threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as name,
        ThreadPoolExecutor(1, "probe") as pool,
    ):
        turn = Path(name) / "turn"
        spec = LaunchSpec(argv, name, env)
        mark = f"bench-{secrets.token_hex(12)}"
        running = pool.submit(
            run_to_end, turn, spec, mark=mark, timeout_s=HOLD_MAX_S, grace_s=GRACE_S,
            cancelled=enough,
        )  # fmt: skip
        try:
            peak_kb, count, calm_s = 0, 0, HOLD_MAX_S
            for left_s in clock.until(HOLD_MAX_S, SAMPLE_S):
                if running.done():
                    break
                # The shim is ours, not the agent's.
                agent = roots_of(turn)[1:]
                tree = exact(survey().tree(agent))
                if tree.memory_kb > peak_kb * GROWN:
                    calm_s = left_s
                if tree.memory_kb > peak_kb:
                    peak_kb, count = tree.memory_kb, len(tree.pids)
                if peak_kb and calm_s - left_s > SETTLED_S:
                    break
        finally:
            enough.set()
        end = running.result()
    if isinstance(end, Finished):
        if isinstance(end.record.outcome, NotExecuted):
            return _Peak(0, 0, ended=True)
        # A short life falls between two samples; its largest process is known all the same.
        peak_kb = max(peak_kb, end.record.rss_max_kb)
    return _Peak(peak_kb, max(1, count), isinstance(end, Finished))
