"""A `justfile` with recipes for a backlog of Beads, which can be taken away again."""

from __future__ import annotations

from pathlib import Path

from gangsaw.cli.config_file import bytes_of, read_record, take_back, write_undoable
from gangsaw.cli.just_text import JUST_TEXT
from gangsaw.core.errors import UserError

JUST_NAME = "justfile"
BESIDE_NAME = "gangsaw.just"
IMPORT_LINE = f"import '{BESIDE_NAME}'"


def just_place(root: Path, control: Path) -> Path:
    """The file to write: `justfile`, or one to be imported where the user has a justfile, which
    just finds in any case of letters and with a dot before its name."""
    names = [each.name for each in root.iterdir() if each.name.lower().lstrip(".") == JUST_NAME]
    file, record_file = root / JUST_NAME, _record(root / JUST_NAME, control)
    is_ours = JUST_NAME in names and record_file.exists() and read_record(record_file).is_of(file)
    return root / (BESIDE_NAME if names and not is_ours else JUST_NAME)


def write_just(file: Path, control: Path, *, force: bool) -> str:
    """Write the recipes; what was done, and what comes next."""
    before, text = bytes_of(file), JUST_TEXT.encode()
    if before == text:
        return f"{file.name} is as init would write it; nothing changed"
    if before is not None and not force:
        raise UserError(
            f"cannot write {file}: it exists; try: gangsaw init --just --force (can be undone)"
        )
    write_undoable(file, _record(file, control), before, text)
    beside = file.name == BESIDE_NAME
    step = f"put into your justfile, in place of recipes of the same names: {IMPORT_LINE}"
    step = step if beside else "just orchestrate-help"
    return f"wrote {file.name}. Next: {step}\nTo take it away again: gangsaw init --just --undo"


def undo_just(root: Path, control: Path) -> str:
    """Take back the recipes that were written here; what was done, empty if there were none."""
    places = zip((root / JUST_NAME, root / BESIDE_NAME), just_records(control), strict=True)
    return "\n".join(take_back(*place) for place in places if place[1].exists())


def just_records(control: Path) -> tuple[Path, Path]:
    """Where it is recorded what was written into `justfile` and into the file beside one."""
    return _record(Path(JUST_NAME), control), _record(Path(BESIDE_NAME), control)


def _record(file: Path, control: Path) -> Path:
    return control / f"init-{file.name}.json"
