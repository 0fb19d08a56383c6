"""`gangsaw demo`: the whole way on a scratch repository, with real processes and real git."""

from __future__ import annotations

import importlib.resources
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from gangsaw import __version__
from gangsaw.cli.interrupts import Interrupts
from gangsaw.cli.reported import serial_s
from gangsaw.core.events import Event, SessionOpened, TurnStarted
from gangsaw.core.model import AgentSlots, Limits, Plan
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.core.state import State
from gangsaw.engine.order import Choice, Ending, Order
from gangsaw.engine.start import drive
from gangsaw.git.scratch import make_scratch_repository
from gangsaw.plan import picture, read_plan
from gangsaw.procs.identity import identify, send
from gangsaw.store.control import Control
from gangsaw.store.journal import open_journal
from gangsaw.views.live import Facts, Live, summary
from gangsaw.views.status import status_object

KILLED_TASK = "api"
SAMPLE = {
    "README.md": "# A shopping list\n",
    "shop/__init__.py": "",
    "shop/list.py": '"""Lists of items."""\n',
    "tests/__init__.py": "",
}


@dataclass(slots=True)
class Show:
    """The screen, and the hand that kills one agent."""

    screen: Facts | Live
    state: State | None = None
    now: float = 0.0
    pid: int = 0
    killed: bool = False

    def __call__(
        self, state: State, events: Sequence[Event], now: float, activities: Mapping[str, str]
    ) -> None:
        self.state, self.now = state, now
        self.screen.told(state, events, now, activities)
        for event in events:
            if not isinstance(event, TurnStarted | SessionOpened):
                continue
            if event.attempt != f"{KILLED_TASK}.1" or self.killed:
                continue
            if isinstance(event, TurnStarted):
                self.pid = event.pid
            else:
                self._kill(self.pid)

    def _kill(self, pid: int) -> None:
        agent = identify(pid) if pid else None
        self.killed = agent is not None and send(agent, signal.SIGKILL)


@click.command()
@click.option("--keep", is_flag=True, help="Leave the scratch repository, to look at it.")
@click.option("--plain", is_flag=True, help="One line per fact, also on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="The last line is the status object.")
@click.pass_context
def command(context: click.Context, /, keep: bool, plain: bool, as_json: bool) -> None:
    """Show the whole way on a scratch repository: no account, no network, under a minute.

    Six tasks by the shipped scripted agent: two claim the same file, one fails its check and is
    repaired, one is killed and taken up again. Your own repository is not touched.
    """
    folder = Path(tempfile.mkdtemp(prefix="gangsaw-demo-"))
    try:
        code = _show(folder, plain=plain, as_json=as_json)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if keep:
        click.echo(f"The scratch repository is {folder / 'shopping'}", err=as_json)
    context.exit(code)


def _show(folder: Path, *, plain: bool, as_json: bool) -> int:
    stream = sys.stderr if as_json else sys.stdout
    print(
        f"gangsaw {__version__} · demo: real processes, real git, scripted agents. "
        "No account, no network.",
        "Working on a scratch repository; your checkout is not touched.",
        "",
        sep="\n",
        file=stream,
    )
    repo = make_scratch_repository(folder / "shopping", SAMPLE)
    plan = _plan()
    print(picture(plan), file=stream, flush=True)
    live = stream.isatty() and not plain
    show = Show(Live(stream) if live else Facts(stream))
    try:
        ending = drive(repo, _order(plan), show, Interrupts("stop", show.screen))
    finally:
        show.screen.close()
    assert show.state is not None
    taken_s = serial_s(Control(repo.control_dir), ending.run)
    print(f"\n{summary(show.state, show.now, taken_s)}", file=stream)
    if as_json:
        with open_journal(Control(repo.control_dir).journal, writer=False) as journal:
            print(json.dumps(status_object(journal, ending.run, None)))
    else:
        _say_what_was_shown(show.state, ending)
    return ending.code


def _say_what_was_shown(state: State, ending: Ending) -> None:
    crashes = state.attempts[f"{KILLED_TASK}.1"].crashes
    fixed = state.attempts["import.1"].turns_used > 1
    print("  ui and import claim the same file: one worked after the other")
    if fixed:
        print("  import failed its check; its agent got the output and repaired it")
    if crashes:
        print(f"  {KILLED_TASK} was killed with kill -9 and taken up again; nothing was lost")
    print(f"Wherever {state.integration} was, its files had been checked as a combination.")
    if ending.code == 0:
        print("Next: gangsaw init, then write plan.yaml (gangsaw plan --help)")


def _plan() -> Plan:
    text = (importlib.resources.files("gangsaw.cli") / "demo_plan.yaml").read_text("utf-8")
    read = read_plan(text, "demo_plan.yaml")
    if read.plan is None:
        raise RuntimeError("; ".join(str(complaint) for complaint in read.errors))
    return read.plan


def _order(plan: Plan) -> Order:
    agent = AgentSettings("scripted", "scripted")
    limits = replace(
        Limits(),
        default_agent=agent.name,
        agents=(AgentSlots(agent.name, None, resumes=True),),
        backoff_base_s=0.5,
        disk_floor_mb=50,
        memory_floor_pct=2.0,
        disk_max_pct=100.0,
        check_every_s=2.0,
        launch_delay_s=0.0,
    )
    return Order(
        plan=plan,
        plan_source="demo_plan.yaml",
        choice=Choice.CONTINUE,
        target=None,
        limits=limits,
        settings=Settings(agents=(agent,), limits=limits),
        environ=os.environ,
    )
