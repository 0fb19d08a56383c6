"""The group of all commands: what there is, loaded when it runs, and what becomes of errors.

The table below is all that `gangsaw --help` needs; no command's module is imported for it.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

import click

from gangsaw import __version__
from gangsaw.cli import output
from gangsaw.core.errors import UserError

BUG = 70
INTERRUPTED = 130
READER_LEFT = 141
CRASHES_KEPT = 20
TABLE: dict[str, dict[str, tuple[str, str]]] = {
    "Start": {
        "demo": ("demo", "the whole path on a scratch repository, without an account"),
        "init": ("init", "write gangsaw.toml; can be undone byte for byte"),
        "doctor": ("doctor", "what is missing or odd, and the command that mends it"),
        "bench": ("bench", "measure the machine: how many agents it carries"),
        "config": ("config", "the settings in force, and where each came from"),
        "plan": ("plan", "check or draw a plan"),
        "simulate": ("simulate", "what a plan would take with so many agents"),
        "trust": ("trust", "agree to the setup of this repository"),
        "run": ("run", "run a plan, or go on with the last run"),
        "schedule": ("schedule", "run a plan again and again, in the background"),
        "sync": ("sync", "mark in task files what commits say is done"),
    },
    "See": {
        "status": ("status", "what every task is doing"),
        "queue": ("queue", "what lands next, and what each change waits for"),
        "why": ("why", "why a task is where it is, and what it waits for"),
        "logs": ("logs", "what an agent wrote"),
        "events": ("events", "everything that happened, in order"),
        "diff": ("diff", "what a task has changed"),
        "conflicts": ("conflicts", "which live work would not merge"),
        "report": ("report", "what became of a run, in figures"),
        "prompt": ("prompt", "what the agent of a task would be told now"),
        "machine": ("machine", "memory, processors and disk, and what each agent uses"),
    },
    "Steer the run": {
        "pause": ("pause", "start no new agents"),
        "resume": ("resume", "start agents again"),
        "stop": ("stop", "stop every agent of the run, gently"),
        "kill": ("kill", "end every agent of the run at once"),
        "scale": ("scale", "change how many agents run at once"),
        "agents": ("agents", "the agents of the run; one more, one less"),
    },
    "Steer a task": {
        "retry": ("retry", "try a failed task again"),
        "cancel": ("cancel", "give a task up"),
        "undo": ("undo", "take a landing or a cancel back"),
        "approve": ("approve", "agree to work that waits for a person"),
        "land": ("land", "land a task before all others"),
        "reject": ("reject", "send work back to its agent"),
        "resolve": ("resolve", "resolve a conflict yourself; how earlier ones were"),
    },
    "Talk to agents": {
        "say": ("say", "leave the agent of a task a word for its next turn"),
        "answer": ("answer", "answer what an agent asks"),
        "attach": ("attach", "watch an agent live, or take over from it for a while"),
    },
    "For agents": {
        "ask": ("ask", "ask a person, and wait for the answer"),
        "claim": ("claim", "keep others off paths"),
        "release": ("release", "let others have them again"),
        "siblings": ("siblings", "who else is at work, on what"),
        "done": ("done", "say that the work is done"),
    },
    "Tidy up": {
        "worktrees": ("worktrees", "the worktrees of this repository"),
        "stranded": ("stranded", "work that has not landed, and how to bring it back"),
        "rescue": ("rescue", "a branch with work that has not landed"),
        "clean": ("clean", "remove what ended runs have left; shows it first, can be undone"),
        "schema": ("schema", "JSON Schemas of what is read and printed"),
    },
}
COMMANDS = {name: entry for section in TABLE.values() for name, entry in section.items()}

COLLECT_AFTER = 20_000
"""New objects after which the collector looks for circles. Values that never change have none, and
are made by the thousand: looking after every 700 of them was 5 % of a long dry run."""

EPILOG = """\
Exit codes: 0 all landed or done · 1 something failed and is explained · 2 usage · 3 needs a
person · 4 stopped by a limit · 70 a bug · 130 interrupted.
"""


def _imported(name: str) -> ModuleType:
    """The module. What is imported is there to stay: the collector need not look through it, not
    while it is being imported and never again, which is a sixth of what a start costs."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        if was_on:
            gc.freeze()
            gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
            gc.enable()


class LazyGroup(click.Group):
    """The group; a command's module is imported when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or `None`."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = _imported(f"gangsaw.cli.commands.{COMMANDS[cmd_name][0]}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, with the nearest name where there is no such command."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = get_close_matches(name, COMMANDS, n=1)
            remedy = f"did you mean '{near[0]}'?" if near else "try: gangsaw --help"
            raise click.UsageError(f"there is no command '{name}'; {remedy}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, by sections."""
        for section, entries in TABLE.items():
            with formatter.section(section):
                formatter.write_dl([(name, text) for name, (_, text) in entries.items()])


def _plain(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        output.set_plain()


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gangsaw", message="%(prog)s %(version)s")
@click.option("-C", "folder", metavar="DIR", help="Work as if started in DIR.")
@click.option(
    "--plain", is_flag=True, expose_value=False, callback=_plain, help="No colour, no redrawing."
)
def group(folder: str | None) -> None:
    """Run many coding agents in parallel on one git repository; land only what was checked
    as a combination.

    Start with `gangsaw demo`, then write a plan.yaml and call `gangsaw run`.
    """
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise UserError(f"cannot work in {folder}: {error.strerror}") from error
    if os.environ.get("GANGSAW_TOKEN"):
        from gangsaw.cli.caller import refuse_steering

        refuse_steering(click.get_current_context().invoked_subcommand)


def run(arguments: Sequence[str]) -> int:
    """The exit code of the command line. Nothing but an exit by signal gets past this."""
    _open_missing_streams()
    output.forgive_odd_text()
    try:
        code = group.main(args=list(arguments), prog_name="gangsaw", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UserError as error:
        output.complain(_without_secrets(error.text))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads any more; keep the interpreter from saying so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_LEFT
    except Exception as error:
        return _report_bug(error)


def _without_secrets(text: str) -> str:
    from gangsaw.cli.secrecy import without_secrets

    return without_secrets(text)


def _open_missing_streams() -> None:
    """A program started with closed streams has none at all; give it some that lead nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


def _report_bug(error: Exception) -> int:
    """Tell about a bug in few words, its trace in a file where there is a place for one."""
    import traceback

    trace = "".join(traceback.format_exception(error))
    text = _without_secrets(
        f"gangsaw {__version__} on Python {sys.version}\narguments: {sys.argv[1:]}\n\n{trace}"
    )
    last = _without_secrets(traceback.format_exception_only(error)[-1].strip())
    output.complain(f"this is a bug in gangsaw, not in your plan: {last[:500]}")
    file = _keep_trace(text)
    if file is None:
        output.warn(text)
        output.warn("Please report it with the text above and the output of: gangsaw doctor")
    else:
        output.warn(f"The trace is in {file}")
        output.warn("Please report it with that file and the output of: gangsaw doctor")
    return BUG


def _keep_trace(text: str) -> Path | None:
    """The file that the trace was written to; `None` where there is no control folder for it."""
    import tempfile

    from gangsaw.cli.place import common_dir_of

    try:
        common = common_dir_of(Path.cwd())
        if common is None or not (common / "gangsaw").is_dir():
            return None
        folder = common / "gangsaw" / "crashes"
        folder.mkdir(mode=0o700, exist_ok=True)
        old = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in old[: max(0, len(old) - CRASHES_KEPT + 1)]:
            path.unlink()
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, prefix="crash-", suffix=".txt", delete=False, errors="replace"
        ) as file:
            file.write(text)
        return Path(file.name)
    except OSError:
        return None
