"""The hook that calls `gangsaw sync` after every commit: put in, and taken out byte for byte.

A hook that is there goes on working as before. One that is a shell script gets five lines below its
first; any other is set aside under a name beside it and called from ours. What was there is kept in
a record, whole, so that nothing of it depends on what we have written.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from gangsaw.cli.config_file import bytes_of, put
from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.git import Repository
from gangsaw.git.hooks import hooks_folder
from gangsaw.git.worktrees import list_worktrees
from gangsaw.store.control import sync_folder

NAME = "post-commit"
ASIDE = "post-commit.before-gangsaw"
BEGIN = "# >>> gangsaw sync: marks in task files; gangsaw init --undo takes these lines out"
END = "# <<< gangsaw sync"

_RECORDS = "init-hooks"
_SHELL = re.compile(
    rb"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-\S+[ \t]+)*)?(?:ba|da|k|z|a)?sh(?:[ \t][^\r\n]*)?\n"
)
_ALONE = """\
#!/bin/sh
{block}"""
_CALLING = f"""\
#!/bin/sh
status=0
{{interpreter}}"$(dirname "$0")/{ASIDE}" "$@" || status=$?
{{block}}exit $status
"""


@dataclass(frozen=True, slots=True)
class HookRecord:
    """What was done to a hook: its file, what was written, and what was there before (`None`:
    nothing) with its mode. `is_aside`: that lies beside it now; `made`: the folder is ours, too."""

    file: Path
    written: bytes
    before: bytes | None
    mode: int
    is_aside: bool
    made: bool


def hook_records(repo: Repository, control: Path) -> tuple[Path, ...]:
    """The records of the hooks of the worktree that was opened: those that git runs for all of
    them, too, but none that lies in another one, where `core.hooksPath` names a folder in each."""
    roots = [entry.path for entry in list_worktrees(repo) if not entry.missing]
    found: list[Path] = []
    for record_file in sorted(control.glob(f"{_RECORDS}-*.json")):
        record = read_hook_record(record_file)
        around = [root for root in roots if record and record.file.is_relative_to(root)]
        home = max(around, key=lambda root: len(root.parts), default=repo.root)
        if home == repo.root or (record and record.file.is_relative_to(repo.common_dir)):
            found.append(record_file)
    return tuple(found)


def install_hook(repo: Repository, control: Path) -> str:
    """Have commits call `gangsaw sync`; what was done, in words. Repeatable."""
    folder = hooks_folder(repo)
    if folder.is_shared:
        raise UserError(
            f"cannot write a hook into {folder.path}: core.hooksPath is set for all your "
            "repositories; try: git config core.hooksPath .git/hooks, or call `gangsaw sync "
            "--hook` from your own post-commit"
        )
    file = folder.path / NAME
    record_file = control / f"{_RECORDS}-{hashlib.sha256(os.fsencode(file)).hexdigest()[:12]}.json"
    for former in hook_records(repo, control):
        if former != record_file:  # from before core.hooksPath was changed
            undo_hook(former)
    if (record := read_hook_record(record_file)) is not None:
        if record.file == file and bytes_of(file) == record.written:
            return f"{file} calls gangsaw sync already; nothing changed"
        undo_hook(record_file)
    if file.is_dir():
        raise UserError(f"cannot write {file}: it is a folder; try removing it")
    before = None if not os.path.lexists(file) else bytes_of(file)
    if before is None and os.path.lexists(file):
        raise UserError(f"cannot write {file}: it is a link to nothing; try removing it")
    if os.path.lexists(file.with_name(ASIDE)):
        raise UserError(f"cannot write {file}: {ASIDE} is beside it already; try renaming that")
    block = _block(is_own=folder.is_own)
    is_script = before is not None and not file.is_symlink()
    is_script = is_script and (folder.is_husky or _SHELL.match(before or b"") is not None)
    mode = stat.S_IMODE(file.stat().st_mode) if before is not None else 0o755
    is_live = folder.is_husky or bool(mode & 0o111)
    if before is None or not is_live:
        # What may not be executed was never run by git, and is not run by us.
        text = _ALONE.format(block=block).encode()
    elif is_script:
        text = _with_block(before, block.encode())
    else:
        interpreter = "sh -e " if folder.is_husky else ""
        text = _CALLING.format(block=block, interpreter=interpreter).encode()
    is_aside = before is not None and not (is_script and is_live)
    _put_in(HookRecord(file, text, before, mode, is_aside, not folder.path.exists()), record_file)
    return _told(file, before, is_aside=is_aside, is_live=is_live, is_own=folder.is_own)


def _with_block(script: bytes, block: bytes) -> bytes:
    """The script with these lines below its first, or above it where that names no program."""
    if not script.startswith(b"#!"):
        return block + script
    first, _, rest = script.partition(b"\n")
    return first + b"\n" + block + rest


def undo_hook(record_file: Path) -> str | None:
    """Take the hook out again; `None` where there is none of ours. `UserError` where it was changed
    so that our lines cannot be told any more."""
    record = read_hook_record(record_file)
    if record is None:
        return None
    file, aside = record.file, record.file.with_name(ASIDE)
    now = bytes_of(file) if os.path.lexists(file) else None
    done = "removed" if record.before is None else "restored"
    if record.is_aside and os.path.lexists(aside):
        if now is not None and now != record.written:
            raise _changed(file)
        # The very file is back: its bytes, its mode, or the link that it was.
        durable("cli.init.hook_restore", lambda: aside.rename(file))
        sync_folder(file.parent)
    elif record.before is not None and now in (None, record.written):
        # Where it was set aside it is there no more (git clean): the record is the only copy.
        _put_back(record, record.before)
    elif now == record.written:
        durable("cli.init.hook_remove", file.unlink)
        sync_folder(file.parent)
    elif record.is_aside and now != record.before:
        raise UserError(
            f"cannot undo: {file} was changed after init wrote it, and {ASIDE} is not beside it "
            "any more; try moving it away: gangsaw init --undo then brings yours back",
            exit_code=1,
        )
    elif now is not None and now != record.before:
        _take_out(file, now)
        done = "took the lines of gangsaw out of"
    if record.made and file.parent.is_dir() and not any(file.parent.iterdir()):
        file.parent.rmdir()
    durable("cli.init.hook_forget", lambda: record_file.unlink(missing_ok=True))
    return f"{done} the hook {file}"


def _put_back(record: HookRecord, before: bytes) -> None:
    try:
        record.file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {record.file.parent}: {error.strerror}") from error
    put(record.file, before, "cli.init.hook_restore", record.mode)


def _take_out(file: Path, now: bytes) -> None:
    """Our lines out of a hook that somebody has changed since; their change stays."""
    begin, end = BEGIN.encode(), END.encode() + b"\n"
    start, stop = now.find(begin), now.find(end)
    if start == -1 and stop == -1:
        return
    if start == -1 or stop < start or now.count(begin) > 1 or now.count(end) > 1:
        raise _changed(file)
    put(file, now[:start] + now[stop + len(end) :], "cli.init.hook_restore")


def _changed(file: Path) -> UserError:
    return UserError(
        f"cannot undo: {file} was changed after init wrote it; try taking the lines of gangsaw out "
        "yourself",
        exit_code=1,
    )


def _put_in(record: HookRecord, record_file: Path) -> None:
    # The record first: whatever happens next, what was there can be brought back.
    put(record_file, _text_of(record), "cli.init.hook_record")
    try:
        record.file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {record.file.parent}: {error.strerror}") from error
    if record.is_aside:
        aside = record.file.with_name(ASIDE)
        durable("cli.init.hook_aside", lambda: record.file.rename(aside))
    put(record.file, record.written, "cli.init.hook_write")
    record.file.chmod(0o755 if record.is_aside else record.mode)


def _block(*, is_own: bool) -> str:
    """The lines that call us. A hook that is tracked goes to other machines, and names no path of
    this one."""
    here = os.path.dirname(os.path.abspath(sys.argv[0])) if sys.argv[0] else ""
    where = (
        here if os.path.isfile(os.path.join(here, "gangsaw")) else os.path.dirname(sys.executable)
    )
    path = f'PATH="$PATH":{shlex.quote(where)} ' if is_own else ""
    return (
        f"{BEGIN}\n"
        'if [ ! -e "${GIT_DIR:-.git}/gangsaw-kind" ]; then\n'
        f"  {path}gangsaw sync --hook </dev/null >/dev/null 2>&1 || :\n"
        f"fi\n{END}\n"
    )


def _told(file: Path, before: bytes | None, *, is_aside: bool, is_live: bool, is_own: bool) -> str:
    how = "" if before is None else "; yours goes on below these lines"
    if is_aside:
        called = "is called first" if is_live else "is not called, as it cannot be executed"
        how = f"; yours is {ASIDE} beside it, and {called}"
    tracked = "" if is_own else "\nIt may be tracked by git: commit it if all are to have it"
    return (
        f"wrote {file}{how}{tracked}\nEvery commit marks in the task files what its message says "
        "is done. To take it away again: gangsaw init --undo"
    )


# --- the record --------------------------------------------------------------------------------


def _text_of(record: HookRecord) -> bytes:
    before = None if record.before is None else base64.b64encode(record.before).decode()
    return json.dumps(
        {"file": os.fspath(record.file), "written": base64.b64encode(record.written).decode(),
         "before": before, "mode": record.mode, "aside": record.is_aside, "made": record.made}
    ).encode()  # fmt: skip


def read_hook_record(file: Path) -> HookRecord | None:
    """What was done to the hook; `None` where nothing was, `UserError` where that is damaged."""
    content = bytes_of(file)
    if content is None:
        return None
    try:
        said = json.loads(content)
        before = said["before"]
        return HookRecord(
            Path(said["file"]), base64.b64decode(said["written"]),
            None if before is None else base64.b64decode(before),
            int(said["mode"]), bool(said["aside"]), bool(said["made"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"cannot undo: {file} is damaged; try taking the lines of gangsaw out of the hook"
        ) from error
