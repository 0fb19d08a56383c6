"""`gangsaw init`: write gangsaw.toml, and only that; take it away again byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from gangsaw.cli import output
from gangsaw.cli.config_file import (
    RECORD_NAME,
    bytes_of,
    forget,
    put,
    read_record,
    write_undoable,
)
from gangsaw.cli.config_text import KNOWN_PROGRAMS, config_text
from gangsaw.cli.place import open_repo
from gangsaw.cli.project import CONFIG_NAME
from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.store.control import make_control, sync_folder


@click.command("init")
@click.option("--undo", is_flag=True, help="Bring back exactly what was there before.")
@click.option("--force", is_flag=True, help="Replace a gangsaw.toml that is already there.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as an object.")
def command(undo: bool, force: bool, as_json: bool) -> int:
    """Write gangsaw.toml for the agents that are installed. Asks nothing, touches nothing else.

    \b
    Examples:
      gangsaw init
      gangsaw init --undo
    """
    repo = open_repo()
    if repo.bare:
        raise UserError("cannot write gangsaw.toml: the repository is bare; try a worktree of it")
    file = repo.root / CONFIG_NAME
    record_file = make_control(repo.control_dir).root / RECORD_NAME
    text = _undo(file, record_file) if undo else _write(file, record_file, force=force)
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


def _undo(file: Path, record_file: Path) -> str:
    record = read_record(record_file)
    now = bytes_of(file)
    if now == record.before:
        forget(record_file)
        return f"{file.name} is already as it was before init"
    if now != record.written:
        raise UserError(
            f"cannot undo: {file} was changed after init wrote it; try removing it yourself, "
            "or keep it",
            exit_code=1,
        )
    if record.before is None:
        durable("cli.init.remove", file.unlink)
        sync_folder(file.parent)
        done = f"removed {file.name}"
    else:
        put(file, record.before, "cli.init.restore")
        done = f"restored {file.name} as it was"
    forget(record_file)
    return done
