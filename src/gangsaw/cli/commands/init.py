"""`gangsaw init`: write gangsaw.toml, and only that; take it away again byte for byte."""

from __future__ import annotations

import base64
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import click

from gangsaw.cli import output
from gangsaw.cli.config_text import KNOWN_PROGRAMS, config_text
from gangsaw.cli.place import open_repo
from gangsaw.cli.project import CONFIG_NAME
from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.store.control import make_control, sync_folder

RECORD_NAME = "init.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What `init` did: the bytes before (`None`: there was no file) and the bytes written."""

    before: bytes | None
    written: bytes


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
    before = _bytes_of(file)
    if before == text:
        return f"{file.name} is as init would write it; nothing changed"
    if before is not None and not force:
        raise UserError(
            f"cannot write {file}: it exists; try: gangsaw init --force (can be undone), "
            "or gangsaw doctor"
        )
    former = _read_record(record_file) if record_file.exists() else None
    if former is not None and former.written == before:
        before = former.before  # our own text is replaced: what is brought back is the user's
    # The record first: whatever happens next, what was there can be brought back.
    _put(record_file, _record_text(Record(before, text)), "cli.init.record")
    _put(file, text, "cli.init.write")
    agents = f"found {', '.join(installed)}" if installed else "found no agent on PATH"
    return (
        f"wrote {file.name} ({agents}). Next: write plan.yaml (gangsaw plan --help shows one), "
        "then: gangsaw plan check, gangsaw run\nTo take it away again: gangsaw init --undo"
    )


def _undo(file: Path, record_file: Path) -> str:
    record = _read_record(record_file)
    now = _bytes_of(file)
    if now == record.before:
        _forget(record_file)
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
        _put(file, record.before, "cli.init.restore")
        done = f"restored {file.name} as it was"
    _forget(record_file)
    return done


def _bytes_of(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from error


def _put(file: Path, content: bytes, point: str) -> None:
    """The file has exactly this content, or what it had; its mode stays."""

    def write() -> None:
        aside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            aside.write_bytes(content)
            if file.exists():
                shutil.copymode(file, aside)
            with aside.open("rb") as written:
                os.fsync(written.fileno())
            aside.rename(file)
            sync_folder(file.parent)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise UserError(f"cannot write {file}: {error.strerror}", exit_code=1) from error

    durable(point, write)


def _record_text(record: Record) -> bytes:
    before = None if record.before is None else base64.b64encode(record.before).decode()
    written = base64.b64encode(record.written).decode()
    return json.dumps({"before": before, "written": written}).encode()


def _read_record(file: Path) -> Record:
    try:
        fields = json.loads(file.read_bytes())
        before = fields["before"]
        return Record(
            None if before is None else base64.b64decode(before),
            base64.b64decode(fields["written"]),
        )
    except FileNotFoundError:
        raise UserError("cannot undo: gangsaw init has not been called here") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"cannot undo: {file} is damaged; try removing gangsaw.toml yourself"
        ) from error


def _forget(record_file: Path) -> None:
    durable("cli.init.forget", lambda: record_file.unlink(missing_ok=True))
