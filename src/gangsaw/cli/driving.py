"""A run in front: what it prints while it goes on, and at its end."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import click

from gangsaw.cli.asked import Asked
from gangsaw.cli.clock import now_s
from gangsaw.cli.detaching import detach, print_status
from gangsaw.cli.interrupts import Interrupts
from gangsaw.cli.project import Project
from gangsaw.cli.reported import serial_s
from gangsaw.core.events import Event
from gangsaw.core.model import Deliver
from gangsaw.core.policy.delivery import by_hand, is_push_wanted
from gangsaw.core.state import State
from gangsaw.engine.order import Ending, Order
from gangsaw.engine.start import drive
from gangsaw.engine.unlanded import NothingToDo
from gangsaw.git import branch_ref, read_ref
from gangsaw.store.control import Control
from gangsaw.views.live import Facts, Live, asking, held_lines, summary
from gangsaw.views.status import NAMES_MAX, named


@dataclass(slots=True)
class Watcher:
    """Hands every turn to the screen, and remembers the last state for the summary."""

    screen: Facts | Live
    state: State | None = None
    ended_at: float = field(default_factory=now_s)

    def __call__(
        self, state: State, events: Sequence[Event], now: float, activities: Mapping[str, str]
    ) -> None:
        self.state, self.ended_at = state, now
        self.screen.told(state, events, now, activities)


def drive_in_front(project: Project, order: Order, asked: Asked) -> int:
    """Run an engine in this process until it rests, and tell of it. The exit code."""
    stream = sys.stderr if asked.as_json else sys.stdout
    live = stream.isatty() and not asked.plain and os.environ.get("TERM") != "dumb"
    screen = Live(stream) if live else Facts(stream)
    watcher = Watcher(screen)
    interrupts = Interrupts(asked.on_interrupt or project.settings.on_interrupt, screen)
    try:
        ending = drive(project.repo, order, watcher, interrupts, _tell_now)
    except NothingToDo as nothing:
        click.echo(nothing.text, err=asked.as_json)
        print_status(project, asked)
        return nothing.exit_code
    finally:
        screen.close()
    if watcher.state is not None:
        taken_s = serial_s(Control(project.repo.control_dir), watcher.state.run)
        print(summary(watcher.state, watcher.ended_at, taken_s), file=stream)
        _print_next(watcher.state, ending, watcher.ended_at)
        _print_moved(project, watcher.state)
    if interrupts.detach_asked:
        detach(project, asked, left=True)
        return 0
    print_status(project, asked)
    return ending.code


def _tell_now(said: str) -> None:
    """Say what is in no event (yet) to whoever watches."""
    with suppress(OSError):
        print(f"gangsaw: {said}", file=sys.stderr, flush=True)


def _print_next(state: State, ending: Ending, now: float) -> None:
    """What a person has to do now, if anything. What needs one may have been said by an earlier
    engine, or long ago."""
    if names := asking(state, now):
        needs = "need" if len(names) > 1 else "needs"
        print(f"{named(names, NAMES_MAX)} {needs} you: gangsaw status", file=sys.stderr)
    if ending.reason not in ("stopped", "paused", "detached"):
        for line in held_lines(state, now):
            print(line, file=sys.stderr)
    if state.delivery.blocked and state.limits.deliver is not Deliver.NEVER:
        what = "pushed" if is_push_wanted(state) else "moved"
        print(f"{state.target} was not {what}: {state.delivery.blocked}", file=sys.stderr)
        print("Everything landed is on " f"{state.integration}; afterwards: gangsaw run",
              file=sys.stderr)  # fmt: skip
    elif commands := by_hand(state):
        print("To take it over:", *commands, sep="\n  ", file=sys.stderr)
    elif ending.reason in ("stopped", "paused", "detached"):
        print("Nothing is lost. To go on: gangsaw run", file=sys.stderr)


def _print_moved(project: Project, state: State) -> None:
    """That the integration branch is not where gangsaw has left it: what is on it now has not been
    checked."""
    if not state.checked_head or any(link.wanted for link in state.landings):
        return
    tip, checked = read_ref(project.repo, branch_ref(state.integration)), state.checked_head
    if tip == checked:
        return
    found = f"was moved to {tip[:10]}, which is not checked" if tip else "does not exist any more"
    print(
        f"{state.integration} {found}; what landed is at {checked[:10]}: "
        f"git branch -f {shlex.quote(state.integration)} {checked[:10]}",
        file=sys.stderr,
    )
