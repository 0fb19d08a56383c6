"""What former engines left alive, looked at once before an engine begins: turns to be adopted stay,
turns that belong to nothing of this run are ended and named, and turns of a gangsaw whose records
we cannot read are neither adopted nor ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.state import State
from gangsaw.engine.layout import Layout
from gangsaw.procs import Foreign, end_strays, lock_held, probe, settle, turns_in_use

NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class Former:
    """`in_use`: turn folders, there or gone, in which something was alive. `strays`: those that
    belonged to nothing, as "RUN ATTEMPT TURN"; they were ended."""

    in_use: frozenset[Path]
    strays: tuple[str, ...]


def survey_former(layout: Layout, state: State) -> Former:
    """Look, and end the strays. `UserError` if an attempt of this run was started by a gangsaw
    whose records we cannot read; then nothing has been touched."""
    expected = {layout.turn(one.id, one.launch) for one in state.live_attempts()}
    for folder in sorted(expected):
        _require_readable(folder)
    root = layout.attempts.parent
    in_use = turns_in_use(root) | {one for one in root.glob("*/*/turn-*") if lock_held(one)}
    strays = [one for one in sorted(in_use - expected) if not isinstance(probe(one), Foreign)]
    for folder in strays:
        run, attempt, _ = folder.relative_to(root).parts
        settle(folder)
        end_strays(f"{run}-{attempt}-", (folder,))
    names = [" ".join(folder.relative_to(root).parts) for folder in strays]
    return Former(frozenset(in_use), tuple(names[:NAMED_MAX]))


def _require_readable(folder: Path) -> None:
    found = probe(folder)
    if isinstance(found, Foreign):
        raise UserError(
            f"cannot go on with attempt {folder.parent.name}: another version of gangsaw started "
            f"it ({found.text}); nothing was touched. Try: go on with that version, or end its "
            "agents with that version's gangsaw kill"
        )
