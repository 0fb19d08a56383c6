"""Writing a file of the checkout so that it can be taken back byte for byte."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.store.control import sync_folder

RECORD_NAME = "init.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What `init` did: the bytes before (`None`: there was no file), the bytes written, and the
    file, whose worktree may be another than ours (`None`: an old record, which does not say)."""

    before: bytes | None
    written: bytes
    file: Path | None = None

    def is_of(self, file: Path) -> bool:
        """Whether this is about that file. A place that is gone may have been moved to here."""
        return self.file is None or self.file == _absolute(file) or not self.file.parent.is_dir()

    def is_open(self) -> bool:
        """Whether something would be lost with this record: what was there is not there now, or
        what was written is, and could not be taken away any more."""
        now = None if self.file is None else bytes_of(self.file)
        return now == self.written or (self.before is not None and now != self.before)


def write_undoable(file: Path, record_file: Path, before: bytes | None, text: bytes) -> None:
    """Put the text into the file, which has `before` (`None`: it is not there), so that
    `gangsaw init --undo` can bring back what was there before any text of ours."""
    former = read_record(record_file) if record_file.exists() else None
    if former is not None and not former.is_of(file):
        if former.is_open():
            raise UserError(
                f"cannot write {file}: init wrote {former.file} in another worktree, which could "
                f"not be taken back then; try: {_undo_there(former)}, or write {file.name} yourself"
            )
    elif former is not None and former.written == before:
        before = former.before  # our own text is replaced: what is brought back is the user's
    # The record first: whatever happens next, what was there can be brought back.
    put(record_file, _record_text(Record(before, text, _absolute(file))), "cli.init.record")
    put(file, text, "cli.init.write")


def _absolute(file: Path) -> Path:
    return file.parent.resolve() / file.name


def _undo_there(record: Record) -> str:
    folder = "" if record.file is None else shlex.quote(os.fspath(record.file.parent))
    return f"cd {folder} && gangsaw init --undo"


def bytes_of(file: Path) -> bytes | None:
    """What is in the file; `None` where there is none. `UserError` where it cannot be read."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from error


def put(file: Path, content: bytes, point: str, mode: int | None = None) -> None:
    """The file has exactly this content, or what it had; its mode stays, or becomes `mode`."""

    def write() -> None:
        aside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            aside.write_bytes(content)
            if mode is not None:
                aside.chmod(mode)
            elif file.exists():
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
    file = None if record.file is None else os.fspath(record.file)
    return json.dumps({"before": before, "written": written, "file": file}).encode()


def read_record(file: Path) -> Record:
    """What was written, and in place of what; `UserError` where that is not known."""
    try:
        fields = json.loads(file.read_bytes())
        before = fields["before"]
        return Record(
            None if before is None else base64.b64decode(before),
            base64.b64decode(fields["written"]),
            None if fields.get("file") is None else Path(fields["file"]),
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
    if not record.is_of(file):
        raise UserError(
            f"cannot undo: gangsaw init was called for {record.file}, not for {file}; "
            f"try: {_undo_there(record)}"
        )
    now = bytes_of(file)
    if now == record.before:
        forget(record_file)
        return f"{file.name} is already as it was before init"
    if now is not None and now != record.written:
        again = "" if record.before is None else " and undoing once more for what was there before"
        raise UserError(
            f"cannot undo: {file} was changed after init wrote it; try removing it yourself"
            f"{again}, or keep it",
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
