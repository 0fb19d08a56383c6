"""`gangsaw logs TASK`: what an agent was told and what it wrote, from the turn's files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gangsaw.agents import plain_text
from gangsaw.agents.lines import json_object
from gangsaw.cli import clock, output
from gangsaw.cli.living import is_over
from gangsaw.cli.place import chosen_run, find_control, reading
from gangsaw.cli.requests import require_task
from gangsaw.cli.secrecy import redactor
from gangsaw.core.errors import UserError
from gangsaw.core.model import attempt_id
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal

CHUNK_BYTES = 1 << 16
FOLLOW_EVERY_S = 0.2
DEPTH_MAX = 8
WORDS_MAX = 4000
SPOKEN = frozenset(
    ("text", "result", "command", "file_path", "path", "content", "message", "question", "error")
)
"""Keys of an agent's stream whose texts are meant for people."""


@click.command("logs")
@click.argument("task")
@click.option("-f", "--follow", is_flag=True, help="Go on until the task's agent has ended.")
@click.option("--attempt", "number", type=click.IntRange(min=1), help="Of this attempt.")
@click.option("--turn", type=click.IntRange(min=1), help="Of this launch of the attempt.")
@click.option("--err", is_flag=True, help="Standard error instead of standard output.")
@click.option("--raw", is_flag=True, help="Byte for byte, control characters included.")
@click.option("--prompt", is_flag=True, help="What the agent was told.")
@click.option("--json", "as_json", is_flag=True, help="Where the files are, as an object.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
def command(
    task: str, follow: bool, number: int | None, turn: int | None, err: bool, raw: bool,
    prompt: bool, as_json: bool, run_id: str | None,
) -> int:  # fmt: skip
    """What the agent of TASK wrote in its last turn, or in the one asked for.

    \b
    Examples:
      gangsaw logs api
      gangsaw logs api -f
      gangsaw logs api --attempt 1 --turn 2 --err
      gangsaw logs api --prompt
    """
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, run_id).run
        task = require_task(journal, run, task)
        row = journal.task(run, task)
        attempts = row.attempts if row else 0
        folder = attempt_folder(control, run, task, number or attempts)
        if as_json:
            return _list(journal, run, task, folder)
        if prompt:
            return _show_prompt(folder, _turn(folder, turn, task), raw=raw)
        name = "err" if err else "out"
        here = _turn(folder, turn, task)
        if not follow:
            Printer(raw).copy(folder / f"turn-{here}" / name)
            return 0
        return _follow(control, journal, run, task, folder, here, name, Printer(raw))


def attempt_folder(control: Control, run: str, task: str, number: int) -> Path:
    folder = control.root / "attempts" / run / attempt_id(task, number)
    if number < 1 or not folder.is_dir():
        what = f"attempt {number} of {task}" if number else task
        raise UserError(f"cannot find output of {what}; try: gangsaw why {task}")
    return folder


def turns_of(folder: Path) -> list[int]:
    """The launches of an attempt that have a folder."""
    names = (path.name.removeprefix("turn-") for path in folder.glob("turn-*"))
    return sorted(int(name) for name in names if name.isdigit())


def _turn(folder: Path, wanted: int | None, task: str) -> int:
    turns = turns_of(folder)
    if not turns:
        raise UserError(
            f"cannot find output of {task}: its agent has not been started yet; "
            f"try: gangsaw why {task}"
        )
    if wanted is None:
        return turns[-1]
    if wanted not in turns:
        names = ", ".join(map(str, turns))
        raise UserError(f"cannot find turn {wanted} of {folder.name}; there is {names}")
    return wanted


def _list(journal: Journal, run: str, task: str, folder: Path) -> int:
    closed = (
        row for row in journal.read(run, subject=folder.name) if row.kind == "workspace.closed"
    )
    kept = {ref.rpartition("/turn-")[2] for row in closed for ref in row.body["refs"]}
    turns = [
        {"turn": number, "prompt": str(folder / f"prompt-{number}.md"),
         "out": str(folder / f"turn-{number}" / "out"),
         "err": str(folder / f"turn-{number}" / "err"), "kept": str(number) in kept}
        for number in turns_of(folder)
    ]  # fmt: skip
    output.say_json({"schema_version": 1, "run": run, "task": task, "attempt": folder.name,
                     "turns": turns})  # fmt: skip
    return 0


def _show_prompt(folder: Path, turn: int, *, raw: bool) -> int:
    path = folder / f"prompt-{turn}.md"
    if not path.is_file():
        raise UserError(f"cannot find {path}; the prompt of that turn was not kept")
    Printer(raw).copy(path)
    return 0


class Printer:
    """Copies files to standard output, made fit for a terminal or as they are."""

    def __init__(self, raw: bool) -> None:
        self._raw = raw

    def copy(self, path: Path, offset: int = 0, *, whole: bool = True) -> int:
        """Print the file from `offset`; where printing stopped. Unless `whole`, a last line
        without its newline is left for the next call."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return offset
        with file:
            file.seek(offset)
            while chunk := file.read(CHUNK_BYTES):
                cut = chunk.rfind(b"\n") + 1
                if len(chunk) < CHUNK_BYTES and whole:
                    cut = len(chunk)
                elif cut == 0:
                    # Half a line: wait for the rest, unless it is longer than we hold.
                    cut = len(chunk) if len(chunk) == CHUNK_BYTES else 0
                self._write(chunk[:cut])
                offset += cut
                if cut < len(chunk):
                    file.seek(offset)
                    if len(chunk) < CHUNK_BYTES:
                        break
        sys.stdout.flush()
        return offset

    def _write(self, chunk: bytes) -> None:
        if not chunk:
            return
        # Of a turn that goes on, nothing has been taken out of its files yet.
        chunk = redactor().blank(chunk)
        if self._raw:
            sys.stdout.flush()
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        else:
            sys.stdout.write("".join(map(readable, chunk.splitlines(keepends=True))))


def readable(line: bytes) -> str:
    """A line of output, fit for a terminal; a JSON event of an agent's stream as its words."""
    event = json_object(line) if line.startswith(b"{") else None
    if event is None or not isinstance(event.get("type"), str):
        return plain_text(line)
    words = [plain_text(text).strip() for text in _texts(event, DEPTH_MAX)]
    said = " ".join(text for text in words if text)[:WORDS_MAX]
    return f"[{plain_text(event['type'])}] {said}".rstrip() + "\n"


def _texts(value: object, depth: int) -> Iterator[str]:
    """What an event says to people: its texts and commands, not its ids and figures."""
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value:
            yield from _texts(item, depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str):
                if key in SPOKEN:
                    yield item
            else:
                yield from _texts(item, depth - 1)


def _follow(
    control: Control, journal: Journal, run: str, task: str, folder: Path, turn: int, name: str,
    printer: Printer,
) -> int:  # fmt: skip
    """Print as it grows; go on with the task's next turn; end when nothing of it is alive."""
    offset = 0
    while True:
        here = folder / f"turn-{turn}"
        over = is_over(here)
        offset = printer.copy(here / name, offset, whole=over)
        if over:
            following = _following(control, journal, run, task, folder, turn)
            if following is not None:
                folder, turn = following
                offset = 0
                output.warn(f"-- {folder.name}, turn {turn}")
                continue
            row = journal.task(run, task)
            if row is None or not row.live or _is_idle(control):
                return 0
        clock.pause(FOLLOW_EVERY_S)


def _is_idle(control: Control) -> bool:
    from gangsaw.store.lock import WriterLock

    return WriterLock.holder(control.lock) is None


def _following(
    control: Control, journal: Journal, run: str, task: str, folder: Path, turn: int
) -> tuple[Path, int] | None:
    """The launch after this one, in the same attempt or the next, if there is one already."""
    later = [number for number in turns_of(folder) if number > turn]
    if later:
        return folder, later[0]
    number = int(folder.name.rpartition(".")[2])
    row = journal.task(run, task)
    if row is not None and row.attempts > number:
        following = control.root / "attempts" / run / attempt_id(task, number + 1)
        turns = turns_of(following)
        if turns:
            return following, turns[0]
    return None
