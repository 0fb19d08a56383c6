"""Writing a file of the checkout so that it can be taken back byte for byte."""

from __future__ import annotations

import base64
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.store.control import sync_folder

RECORD_NAME = "init.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What `init` did: the bytes before (`None`: there was no file) and the bytes written."""

    before: bytes | None
    written: bytes


def write_undoable(file: Path, record_file: Path, before: bytes | None, text: bytes) -> None:
    """Put the text into the file, which has `before` (`None`: it is not there), so that
    `gangsaw init --undo` can bring back what was there before any text of ours."""
    former = read_record(record_file) if record_file.exists() else None
    if former is not None and former.written == before:
        before = former.before  # our own text is replaced: what is brought back is the user's
    # The record first: whatever happens next, what was there can be brought back.
    put(record_file, _record_text(Record(before, text)), "cli.init.record")
    put(file, text, "cli.init.write")


def bytes_of(file: Path) -> bytes | None:
    """What is in the file; `None` where there is none. `UserError` where it cannot be read."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from error


def put(file: Path, content: bytes, point: str) -> None:
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


def read_record(file: Path) -> Record:
    """What was written, and in place of what; `UserError` where that is not known."""
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
            f"cannot undo: {file} is damaged; try removing what init wrote yourself"
        ) from error


def take_back(file: Path, record_file: Path) -> str:
    """The file is as it was before it was written; what was done. `UserError` where somebody else
    has changed it since, or where nothing is recorded."""
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


def forget(record_file: Path) -> None:
    """There is nothing to undo any more."""
    durable("cli.init.forget", lambda: record_file.unlink(missing_ok=True))
