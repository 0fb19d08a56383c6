"""`gangsaw init`: write gangsaw.toml, a hook or a justfile; take them away again byte for byte."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from gangsaw.cli import output
from gangsaw.cli.config_file import (
    RECORD_NAME,
    bytes_of,
    take_back,
    write_undoable,
)
from gangsaw.cli.config_text import KNOWN_PROGRAMS, config_text
from gangsaw.cli.hooking import hook_records, install_hook, undo_hook
from gangsaw.cli.just_file import just_place, just_records, undo_just, write_just
from gangsaw.cli.place import open_repo
from gangsaw.cli.project import CONFIG_NAME
from gangsaw.core.errors import UserError
from gangsaw.git import Repository
from gangsaw.store.control import make_control


@click.command("init")
@click.option("--just", is_flag=True, help="Write a justfile for a backlog of Beads, only that.")
@click.option("--undo", is_flag=True, help="Bring back exactly what was there before.")
@click.option("--force", is_flag=True, help="Replace a file that is already there.")
@click.option("--hooks", is_flag=True, help="Put in the hook that calls gangsaw sync, only that.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as an object.")
def command(just: bool, undo: bool, force: bool, hooks: bool, as_json: bool) -> int:
    """Write gangsaw.toml for the agents that are installed. Asks nothing, touches nothing else.

    With --hooks, have every commit mark in task files what its message says is done (gangsaw sync).
    A post-commit hook that is there already goes on working; core.hooksPath is respected.

    With --just it is a justfile that is written, with recipes such as `just orchestrate`; beside a
    justfile of your own, a gangsaw.just for it to import.

    --undo takes back all three, with --hooks or --just only that.

    \b
    Examples:
      gangsaw init
      gangsaw init --just
      gangsaw init --hooks
      gangsaw init --undo
    """
    repo = open_repo()
    if repo.bare:
        raise UserError("cannot write gangsaw.toml: the repository is bare; try a worktree of it")
    file = repo.root / CONFIG_NAME
    control = make_control(repo.control_dir).root
    if just and hooks:
        raise UserError("cannot do both at once; try: gangsaw init --hooks, gangsaw init --just")
    if undo:
        text = _undo_all(repo, control, only="hooks" if hooks else "just" if just else "")
    elif hooks:
        text = install_hook(repo, control)
    elif just:
        file = just_place(repo.root, control)
        text = write_just(file, control, force=force)
    else:
        text = _write(file, control / RECORD_NAME, force=force)
    if as_json:
        output.say_json({"schema_version": 1, "file": str(file), "undone": undo, "text": text})
    else:
        output.say(text)
    return 0


def _write(file: Path, record_file: Path, *, force: bool) -> str:
    installed = [name for name in KNOWN_PROGRAMS if shutil.which(name)]
    text = config_text(installed).encode()
    before = bytes_of(file)
    if before == text:
        return f"{file.name} is as init would write it; nothing changed"
    if before is not None and not force:
        raise UserError(
            f"cannot write {file}: it exists; try: gangsaw init --force (can be undone), "
            "or gangsaw doctor"
        )
    write_undoable(file, record_file, before, text)
    agents = f"found {', '.join(installed)}" if installed else "found no agent on PATH"
    return (
        f"wrote {file.name} ({agents}). Next: write plan.yaml (gangsaw plan --help shows one), "
        "then: gangsaw plan check, gangsaw run\nTo take it away again: gangsaw init --undo"
    )


def _undo_all(repo: Repository, control: Path, *, only: str) -> str:
    """Take back what init has done here, or `only` the hooks or the just file of it, up to what
    cannot be taken back; what was is told then too."""
    root, record_file = repo.root, control / RECORD_NAME
    has_just = any(each.exists() for each in just_records(control))
    hooks = hook_records(repo, control) if only != "just" else ()
    if (only == "just" and not has_just) or (only == "hooks" and not hooks):
        raise UserError(f"cannot undo: gangsaw init --{only} has not been called here")
    steps: list[Callable[[], str]] = []
    steps += [partial(lambda each: undo_hook(each) or "", each) for each in hooks]
    if not only and (record_file.exists() or not (has_just or hooks)):
        steps.append(lambda: take_back(root / CONFIG_NAME, record_file))
    if has_just and only in ("", "just"):
        steps.append(lambda: undo_just(root, control))
    done: list[str] = []
    for step in steps:
        try:
            done.append(step())
        except UserError as error:
            told = f" ({'; '.join(done)})" if done else ""
            raise UserError(f"{error.text}{told}", exit_code=error.exit_code) from error
    return "\n".join(done)
