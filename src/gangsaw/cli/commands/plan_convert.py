"""`gangsaw plan convert`: one kind of task file made into another."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gangsaw.cli import output
from gangsaw.cli.clock import now_s
from gangsaw.cli.place import home_here
from gangsaw.cli.source_options import source_options
from gangsaw.cli.taking import PLAN_NAMES
from gangsaw.core.errors import UserError
from gangsaw.plan import Complaint, WholeRead, read_whole

if TYPE_CHECKING:
    from gangsaw.sources.drafts import Draft, Loss

REFUSED = 2
PLAN_ENDS = (".yaml", ".yml", ".json")
LOSSES_TOLD_MAX = 200
"""Losses that are told one by one; the rest is counted. `--json` has all."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What is to be converted: its kind and name, what it says, what of it is lost in any case, and
    what else is told."""

    kind: str
    shown: str
    draft: Draft
    lost: tuple[Loss, ...] = ()
    notes: tuple[Complaint, ...] = ()


@click.command("convert")
@source_options("What is converted: PATH, NAME or NAME:PATH (default: plan.yaml).")
@click.option("--to", "kind", metavar="NAME", required=True,
              help="The kind to be written: plan, or a kind of task file.")  # fmt: skip
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), metavar="PATH",
              help="Write it there instead of printing it.")  # fmt: skip
@click.option("--lossy", is_flag=True, help="Write it although something is lost.")
@click.option("--force", is_flag=True, help="With -o: write over a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what is lost as an object.")
def command(
    source: str | None, kind: str, target: Path | None, lossy: bool, force: bool, as_json: bool
) -> int:
    """Make a task file into one of another kind, where nothing is lost by that.

    What the other kind has no place for is told, one line for each task and key; with such losses
    nothing is written unless --lossy is given. The new file is read again before it is written:
    what is not told is in it. A plan (--to plan) has a place for everything that gangsaw reads.
    What gangsaw does not read of a file (its authors, times, links) is in no other.

    Exit code 0: written; 2: something would be lost, or cannot be read.

    \b
    Examples:
      gangsaw plan convert --from specs/003-goals/tasks.md --to csv
      gangsaw plan convert --from beads --to plan -o plan.yaml
      gangsaw plan convert --to taskmaster -o .taskmaster/tasks/tasks.json --lossy
    """
    from gangsaw.sources.converting import convert
    from gangsaw.sources.registry import composer

    composer(kind)
    given = _given(source)
    if isinstance(given, tuple):
        return _refuse(*given)
    found = convert(given.draft, kind, now_s())
    lost = (*given.lost, *found.lost)
    is_written = lossy or not lost
    if is_written and target is None and len(found.files) > 1 and not as_json:
        raise UserError(f"cannot print {kind}: it is a folder; try: -o {kind}")
    if is_written and target is not None:
        _write(target, found.files, kind, force)
    if as_json:
        _say_object(given, kind, lost, found.files, target, is_written)
        return 0 if is_written else REFUSED
    for note in given.notes:
        output.warn(f"note: {note}")
    _tell(lost)
    if not is_written:
        count = f"{len(lost)} thing{'' if len(lost) == 1 else 's'}"
        output.complain(
            f"cannot write {given.shown} as {kind}: {count} would be lost, listed above; try "
            "--to plan, or --lossy to write it all the same"
        )
        return REFUSED
    if target is None:
        output.say("".join(found.files.values()).rstrip("\n"))
        return 0
    count = f"{len(given.draft.tasks)} task{'' if len(given.draft.tasks) == 1 else 's'}"
    look = target if kind == "plan" else f"--from {kind}:{target}"
    output.say(f"{target}: {count}; try: gangsaw plan check {look}")
    return 0


# --- reading -----------------------------------------------------------------------------------


def _given(source: str | None) -> _Given | tuple[str, tuple[Complaint, ...]]:
    """What the user named; or its name and what is wrong with it."""
    from gangsaw.engine.asking import asking
    from gangsaw.sources import find_source, read_best
    from gangsaw.sources.converting import unread
    from gangsaw.sources.drafts import draft_of_plan, draft_of_source

    ours = _ours(source)
    if ours is not None:
        name, whole = ours
        draft = draft_of_plan(whole)
        return (name, whole.read.errors) if draft is None else _Given("plan", name, draft)
    assert source is not None  # without one it is a plan of ours
    found, read = read_best(find_source(source, Path.cwd(), home_here()), ask=asking(os.environ))
    shown = found.shown[0] if len(found.shown) == 1 else source
    if read.plan.errors:
        return shown, read.plan.errors
    draft, errors = draft_of_source(read)
    if draft is None:
        return shown, tuple(_at(each, shown) for each in errors)
    notes = [each for each in read.notes if each not in read.unknown]
    notes += _epics(shown, any(item.within for item in read.items.values()))
    lost = unread((*read.unread, *read.unknown))
    return _Given(found.dialect.partition("?")[0], shown, draft, lost, tuple(notes))


def _at(complaint: Complaint, shown: str) -> Complaint:
    text = re.sub(r"^tasks\.\d+(?:\.\w+)*: ", "", complaint.text)
    return Complaint(shown, complaint.line, complaint.col, text, complaint.remedy)


def _epics(shown: str, has_some: bool) -> tuple[Complaint, ...]:
    said = "what is a part of what (--epic) is told in words only"
    return (Complaint(shown, 0, 0, said),) if has_some else ()


def _ours(source: str | None) -> tuple[str, WholeRead] | None:
    """The plan file of ours that a source is; `None` if it is none."""
    name = source
    if source is None:
        name = next((each for each in PLAN_NAMES if Path(each).is_file()), None)
        if name is None:
            raise UserError("cannot find a plan: there is no plan.yaml here; try: --from SOURCE")
    elif source.startswith("plan:"):
        name = source.removeprefix("plan:")
    elif not source.endswith(PLAN_ENDS) or not Path(source).is_file():
        return None
    assert name is not None
    whole = _whole(name)
    is_said = source is None or source.startswith("plan:") or Path(name).name in PLAN_NAMES
    return (name, whole) if is_said or whole.read.plan is not None else None


def _whole(name: str) -> WholeRead:
    from gangsaw.sources.place import document

    text = document(Path(name), name).text
    return read_whole(text, name, folder=os.fspath(Path(name).parent))


def _refuse(shown: str, errors: Sequence[Complaint]) -> int:
    for each in errors:
        output.warn(str(each))
    many = "" if len(errors) == 1 else "s"
    output.complain(f"cannot use {shown}: {len(errors)} fault{many}; mend them and try again")
    return REFUSED


# --- telling and writing -----------------------------------------------------------------------


def _tell(lost: Sequence[Loss]) -> None:
    for each in lost[:LOSSES_TOLD_MAX]:
        output.warn(f"lost: {each}")
    if rest := lost[LOSSES_TOLD_MAX:]:
        output.warn(f"lost: and {len(rest)} more; --json has them all")


def _say_object(
    given: _Given,
    kind: str,
    lost: Sequence[Loss],
    files: Mapping[str, str],
    target: Path | None,
    is_written: bool,
) -> None:
    output.say_json(
        {
            "schema_version": 1,
            "source": given.shown,
            "from": given.kind,
            "to": kind,
            "tasks": len(given.draft.tasks),
            "ok": is_written,
            "lost": [
                {"task": each.task, "key": each.key, "was": each.was, "becomes": each.becomes}
                for each in lost
            ],
            "notes": [str(note) for note in given.notes],
            "written": os.fspath(target) if is_written and target is not None else None,
            "files": [{"name": name, "text": text} for name, text in files.items()]
            if is_written and target is None
            else [],
        }
    )


def _write(target: Path, files: Mapping[str, str], kind: str, force: bool) -> None:
    """Write the new file, or the files of a new folder. `UserError` where something is there."""
    from gangsaw.sources.registry import is_folder

    try:
        if is_folder(kind):
            if target.exists() and any(target.iterdir()):
                raise UserError(f"cannot write {target}: it is not empty; try another name")
            for name, text in files.items():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_text(text, encoding="utf-8")
        elif force:
            real = Path(os.path.realpath(target))  # a link stays one
            if real.is_symlink():
                raise UserError(f"cannot write {target}: it links to itself; try another name")
            part = real.with_name(f".{real.name}.part")
            part.write_text("".join(files.values()), encoding="utf-8")
            part.replace(real)
        else:
            with target.open("x", encoding="utf-8") as file:
                file.write("".join(files.values()))
    except FileExistsError as error:
        remedy = "try another name" if is_folder(kind) else "try another name, or --force"
        raise UserError(f"cannot write {target}: it exists; {remedy}") from error
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; try another name") from error
