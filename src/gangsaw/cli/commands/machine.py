"""`gangsaw machine`: the machine, and what the live agents use of it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.config_option import config_option
from gangsaw.cli.place import find_control, here, holder_of
from gangsaw.cli.project import open_project
from gangsaw.cli.watching import watch
from gangsaw.core.errors import UserError
from gangsaw.core.evolve import evolve
from gangsaw.core.governing import agents_most
from gangsaw.core.governing import machine_text as held_text
from gangsaw.core.measuring import learned_mb
from gangsaw.core.model import Limits
from gangsaw.core.settings import Settings
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event
from gangsaw.engine.footprints import Footprint, footprints
from gangsaw.engine.layout import layout_for
from gangsaw.meters import ProcessorTime, exact, read_disk, read_machine, survey
from gangsaw.store.control import Control
from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import Journal, open_journal
from gangsaw.views.machine import AgentUse, Seen, machine_object, machine_text, monitor_line

SAMPLE_S = 0.25
"""Between the two readings that tell how busy the processors are."""


@click.command("machine")
@click.option("--watch", "watching", is_flag=True, help="Show it again and again; Ctrl-C ends it.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print it as an object.")
def command(watching: bool, config: Path | None, as_json: bool) -> int:
    """Memory, processors and disk, and what each live agent uses with all its processes. Needs no
    run.

    Memory and processors are what a container leaves of them. PSS counts what processes share
    once, RSS for each of them. The CPU of an agent is of one processor. With --watch, a terminal
    shows it anew each time it is read ([machine] check_every_s); elsewhere a line is printed.

    \b
    Examples:
      gangsaw machine
      gangsaw machine --watch
      gangsaw machine --json | jq '.memory.used_pct, .agents[].pss_mb'

    The schema of the object: gangsaw schema machine
    """
    with ExitStack() as stack:
        look = _Look(config, stack)
        if watching:
            return watch(look.again, as_json=as_json, every_s=look.every_s, apart=False)
        look.see()
        clock.pause(SAMPLE_S)
        seen = look.see()
    if as_json:
        output.say_json(machine_object(seen))
    else:
        output.say("\n".join(machine_text(seen)))
    return 0


class _Look:
    """Looks again and again: a use of processors is the difference of two readings, and a long run
    is not folded anew each time."""

    def __init__(self, config: Path | None, stack: ExitStack) -> None:
        self._folder, settings = here(), Settings()
        self._control: Control | None = None
        self._root = self._folder
        try:
            project = open_project(self._folder, os.environ, config)
        except UserError:
            if config is not None or _is_repository():
                raise
        else:
            settings = project.settings
            self._control = Control(project.repo.control_dir)
            self._root = project.repo.main_root or project.repo.root
        self._settings, self._stack = settings, stack
        self.every_s = settings.limits.check_every_s
        self._journal: Journal | None = None
        self._state, self._seq = State(), 0
        self._before: tuple[float, ProcessorTime, dict[str, float]] | None = None

    def again(self) -> tuple[dict[str, Any], list[str], bool]:
        """One more look, for `watch`. It never ends by itself."""
        seen = self.see()
        lines = machine_text(seen) if output.is_live() else [monitor_line(seen)]
        return machine_object(seen), lines, False

    def see(self) -> Seen:
        """What is so now."""
        now = clock.now_s()
        pid = self._read_on()
        found = self._footprints()
        reading = read_machine(self._folder)
        seen = Seen(
            at=now,
            reading=reading,
            cpu_pct=None if self._before is None else reading.processor.used_pct(self._before[1]),
            disks=self._disks(),
            agents=tuple(self._use(one, now) for one in found),
            limits=self._limits(pid),
            run=self._state.run,
            engine_pid=pid,
            peaks=self._state.machine,
            learned=learned_mb(self._state, [one.name for one in self._settings.agents]),
            held=held_text(self._state) if pid is not None else "",
            agents_most=agents_most(self._state) if pid is not None else None,
        )
        self._before = (now, reading.processor, {_key(one): one.tree.cpu_s for one in found})
        return seen

    def _use(self, one: Footprint, now: float) -> AgentUse:
        cpu_pct = None
        if self._before is not None:
            then, _, used_s = self._before
            if _key(one) in used_s and now > then:
                cpu_pct = max(0.0, 100.0 * (one.tree.cpu_s - used_s[_key(one)]) / (now - then))
        age_s = max(0.0, now - one.since)
        tree = exact(one.tree)
        return AgentUse(one.attempt, one.task, one.agent, one.launch, age_s, tree, cpu_pct)

    def _footprints(self) -> list[Footprint]:
        if self._control is None or not self._state.run:
            return []
        layout = layout_for(self._root, self._control.root, self._settings, self._state.run)
        return footprints(layout.attempts, self._state, survey())

    def _disks(self) -> tuple[tuple[str, str, Any], ...]:
        """The file systems of worktrees and journal, each once."""
        if self._control is None:
            return (("here", str(self._folder), read_disk(self._folder)),)
        worktrees = layout_for(self._root, self._control.root, self._settings, "").worktrees
        found: dict[int, tuple[str, str, Any]] = {}
        for holds, folder in (("worktrees", worktrees), ("journal", self._control.root)):
            there = next(path for path in (folder, *folder.parents) if path.exists())
            device = there.stat().st_dev
            names = f"{found[device][0]}, {holds}" if device in found else holds
            found[device] = (names, str(folder), read_disk(folder))
        return tuple(found.values())

    def _limits(self, engine: int | None) -> Limits:
        return self._state.limits if engine is not None else self._settings.limits

    def _read_on(self) -> int | None:
        """Bring the state of the last run up to date; the pid of its live engine."""
        if self._control is None:
            return None
        if self._journal is None:
            try:
                journal = open_journal(self._control.journal, writer=False)
            except NoJournal:
                return None
            self._journal = self._stack.enter_context(journal)
        runs = self._journal.runs()
        if not runs:
            return None
        if runs[-1].run != self._state.run:
            self._state, self._seq = State(), 0
        for row in self._journal.read(runs[-1].run, after=self._seq):
            evolve(self._state, decode_event(row.kind, row.body), row.at)
            self._seq = row.seq
        holder = holder_of(self._control, self._journal, runs[-1].run)
        return None if holder is None else holder.pid


def _key(one: Footprint) -> str:
    return f"{one.attempt}:{one.launch}"


def _is_repository() -> bool:
    try:
        find_control()
    except UserError:
        return False
    return True
