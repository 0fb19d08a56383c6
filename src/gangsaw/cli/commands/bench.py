"""`gangsaw bench`: what this machine carries, measured, and written down."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from gangsaw.cli import output
from gangsaw.cli.config_file import RECORD_NAME, bytes_of, put, write_undoable
from gangsaw.cli.config_option import config_option
from gangsaw.cli.config_text import KNOWN_PROGRAMS, config_text
from gangsaw.cli.config_value import with_max_agents
from gangsaw.cli.disk_speed import FREE_MIN_MB, DiskSpeed, disk_speed
from gangsaw.cli.living import live_turns
from gangsaw.cli.place import find_control, here
from gangsaw.cli.probing import Cost, How, costs
from gangsaw.cli.project import CONFIG_NAME, Project, from_pyproject, open_project
from gangsaw.core.capacity import IDLE_MB, WORK_MB, Capacity, Measured, capacity
from gangsaw.core.errors import UserError
from gangsaw.core.governing import bounds_of
from gangsaw.core.model import Limits
from gangsaw.core.settings import Settings
from gangsaw.engine.layout import layout_for
from gangsaw.meters import Reading, read_disk, read_machine
from gangsaw.plan.env_text import read_env
from gangsaw.plan.origins import OriginKind
from gangsaw.store.control import Control, make_control
from gangsaw.views.text import flat

ENV_HEAD = "# Written by gangsaw bench; read by: gangsaw run --config FILE"
NOBODY = "no known agent program is on PATH, so none was started; see: gangsaw doctor"
NO_REPOSITORY = "outside of a repository no agent is started"


@dataclass(slots=True)
class _Bench:
    """All that was measured, what follows, and what was done about it."""

    reading: Reading
    speed: DiskSpeed | None
    agents: list[Cost]
    limits: Limits
    found: Capacity
    written: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@click.command("bench")
@click.option("--env", "env", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write KEY=VALUE lines too, for gangsaw run --config FILE.")  # fmt: skip
@click.option("--no-write", is_flag=True, help="Leave gangsaw.toml as it is.")
@click.option("--no-probe", is_flag=True, help="Start no agent; count with an assumption.")
@click.option("--force", is_flag=True, help="Write over a max_agents, or a FILE, of your own.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as an object.")
def command(
    env: Path | None,
    no_write: bool,
    no_probe: bool,
    force: bool,
    config: Path | None,
    as_json: bool,
) -> int:
    """Measure this machine: how many agents it carries at once, and how narrow that is.

    Processors and memory are what a container leaves of them. Each installed agent is started
    without a prompt (nothing is spent) and measured with all its processes. The number goes into
    gangsaw.toml as max_agents, unless you have chosen one; gangsaw init --undo takes it back.

    \b
    Examples:
      gangsaw bench
      gangsaw bench --no-write --json | jq .recommended
      gangsaw bench --env machine.env && gangsaw config --config machine.env --origin

    The schema of the object: gangsaw schema bench
    """
    project = _project(config)
    bench = _measure(project, probe=not no_probe)
    if project is not None and not no_write:
        _write_settings(project, bench, force=force)
    if env is not None:
        _write_env(env, bench, force=force)
    if as_json:
        output.say_json(_object(bench))
    else:
        output.say("\n".join(_lines(bench)))
    return 0


def _project(config: Path | None) -> Project | None:
    """The repository here; `None` outside of any."""
    try:
        find_control()
    except UserError:
        if config is not None:
            raise
        return None
    return open_project(here(), os.environ, config)


def _measure(project: Project | None, *, probe: bool) -> _Bench:
    settings = project.settings if project is not None else Settings()
    worktrees = _worktrees(project)
    reading = read_machine(worktrees)
    speed = None
    if reading.disk_free_mb >= FREE_MIN_MB:
        folder = Path(tempfile.gettempdir())
        if project is not None:
            folder = make_control(project.repo.control_dir).root
        speed = disk_speed(folder)
    agents = costs(settings, os.environ) if probe and project is not None else []
    limits = settings.limits
    budget_mb = limits.memory_budget_mb or float("inf")
    found = capacity(
        Measured(
            cores=reading.cores,
            memory_total_mb=int(min(reading.memory_total_mb, budget_mb)),
            memory_available_mb=int(min(reading.memory_available_mb, budget_mb)),
            disk_free_mb=read_disk(worktrees).free_mb,
            memory_max_pct=100.0 - limits.memory_floor_pct,
            disk_floor_mb=limits.disk_floor_mb,
            # Which agents a plan asks for is not known here: the largest is counted with.
            agent_mb=max((cost.expected_mb for cost in agents), default=IDLE_MB + WORK_MB),
        )
    )
    bench = _Bench(reading, speed, agents, limits, found)
    if budget_mb < reading.memory_total_mb:
        bench.notes.append(f"counted with memory_budget_mb = {budget_mb:g} of the settings")
    if probe and not agents:
        bench.notes.append(NOBODY if project is not None else NO_REPOSITORY)
    if project is not None and (alive := live_turns(Control(project.repo.control_dir))):
        bench.notes.append(f"agents or checks alive now: {len(alive)}; measured beside them")
    return bench


def _worktrees(project: Project | None) -> Path:
    """The nearest folder that exists to where worktrees will be."""
    if project is None:
        return here()
    root = project.repo.main_root or project.repo.root
    wanted = layout_for(root, project.repo.control_dir, project.settings, "").worktrees
    return next(path for path in (wanted, *wanted.parents) if path.exists())


# --- what is written -----------------------------------------------------------------------------


def _write_settings(project: Project, bench: _Bench, *, force: bool) -> None:
    """Put the number into gangsaw.toml, if it is not a person's own that stands there."""
    number = bench.found.recommended
    if project.repo.bare:
        bench.notes.append("the repository is bare: gangsaw.toml is not written")
        return
    file = project.repo.root / CONFIG_NAME
    before = bytes_of(file)
    if before is None and from_pyproject(project.repo.root):
        bench.notes.append(f"write max_agents = {number} below [tool.gangsaw.run] yourself")
        return
    fresh = config_text([name for name in KNOWN_PROGRAMS if shutil.which(name)])
    text = with_max_agents(fresh if before is None else before.decode("utf-8"), number, force=force)
    if text is None:
        bench.notes.append(
            f"gangsaw.toml has a max_agents of your own, which stays; gangsaw bench --force "
            f"writes {number}"
        )
    elif text.encode() != before:
        record = make_control(project.repo.control_dir).root / RECORD_NAME
        write_undoable(file, record, before, text.encode())
        bench.written.append(CONFIG_NAME)
    origin = project.sources.of(("run", "max_agents"))
    if origin.kind is OriginKind.ENVIRONMENT:
        bench.notes.append(f"the variable {origin.name} has the last word on max_agents")


def _write_env(file: Path, bench: _Bench, *, force: bool) -> None:
    before = bytes_of(file)
    if before is not None and not force and not before.startswith(ENV_HEAD.encode()):
        raise UserError(
            f"cannot write {file}: it exists and is not by gangsaw bench; try: --force, "
            "or another name"
        )
    text = env_text(bench.reading, bench.found, bench.limits)
    assert not read_env(text, str(file))[1], "what is written can be read"
    put(file.absolute(), text.encode(), "cli.bench.env")
    bench.written.append(str(file))


def env_text(reading: Reading, found: Capacity, limits: Limits) -> str:
    """The file of `--env`."""
    return f"""{ENV_HEAD}

# System specs
CPU_CORES={reading.cores}
TOTAL_RAM_MB={reading.memory_total_mb}
AVAILABLE_RAM_MB={reading.memory_available_mb}

# Concurrency limits
MAX_CONCURRENT_AGENTS={found.recommended}
CONSERVATIVE_MAX_AGENTS={found.conservative}
RISK_LEVEL={found.risk.value}

# Resource thresholds, in percent
MEMORY_THRESHOLD={100.0 - limits.memory_floor_pct:g}
CPU_THRESHOLD={limits.cpu_warn_pct:g}
DISK_THRESHOLD={limits.disk_max_pct:g}

# Timing, in seconds
AGENT_LAUNCH_DELAY={bounds_of(limits).launch_delay_s:g}
"""


# --- what is shown -------------------------------------------------------------------------------


def _object(bench: _Bench) -> dict[str, Any]:
    reading, found, speed = bench.reading, bench.found, bench.speed
    return {
        "schema_version": 1,
        "cores": reading.cores,
        "memory_total_mb": reading.memory_total_mb,
        "memory_available_mb": reading.memory_available_mb,
        "memory_limited": reading.memory_limited,
        "load": round(reading.load, 2),
        "disk_free_mb": reading.disk_free_mb,
        "disk_used_pct": round(reading.disk_used_pct, 1),
        "disk_write_mb_s": round(speed.write_mb_s, 1) if speed else None,
        "disk_files_s": round(speed.files_s) if speed else None,
        "agents": [
            {"agent": each.agent, "kind": each.kind, "how": each.how.value,
             "peak_mb": each.peak_mb, "processes": each.processes,
             "expected_mb": each.expected_mb, "text": each.text}
            for each in bench.agents
        ],
        "recommended": found.recommended,
        "conservative": found.conservative,
        "risk": found.risk.value,
        "reasons": list(found.reasons),
        "written": bench.written,
        "notes": bench.notes,
    }  # fmt: skip


def _lines(bench: _Bench) -> Iterator[str]:
    reading, found, speed = bench.reading, bench.found, bench.speed
    limited = ", by a container's limit" if reading.memory_limited else ""
    yield f"CPU: {reading.cores} cores, load {reading.load:.1f}"
    yield (
        f"RAM: {reading.memory_total_mb} MB, {reading.memory_available_mb} MB available{limited}"
    )
    rates = f", {speed.write_mb_s:.0f} MB/s, {speed.files_s:.0f} files/s" if speed else ""
    yield f"Disk: {reading.disk_free_mb} MB free, {reading.disk_used_pct:.0f} % in use{rates}"
    yield f"Risk: {found.risk.value}"
    yield ""
    for each in bench.agents:
        peak = "" if each.peak_mb is None else f"{each.peak_mb} MB idle, "
        yield (
            f"  {flat(each.agent, 24):<10} {peak}{each.expected_mb} MB expected at work  "
            f"({flat(each.text, 160)})"
        )
    if not any(each.how is not How.ASSUMED for each in bench.agents):
        yield f"  no agent was measured: {IDLE_MB} MB idle and {WORK_MB} MB at work are assumed"
    yield ""
    yield f"Recommended: {found.recommended} concurrent {_agents(found.recommended)}"
    yield f"Conservative: {found.conservative} concurrent {_agents(found.conservative)}"
    yield ""
    yield from (f"  {reason}" for reason in found.reasons)
    for path in bench.written:
        yield f"wrote {path}"
    yield from bench.notes


def _agents(count: int) -> str:
    return "agent" if count == 1 else "agents"
