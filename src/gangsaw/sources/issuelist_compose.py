"""A draft as a list of issues: `number:model:description`, what an entry waits for at its end."""

from __future__ import annotations

import re

from gangsaw.core.standing import Standing
from gangsaw.sources.composed import Composed, keys_of
from gangsaw.sources.drafts import Draft
from gangsaw.sources.issuelist import needs_in

EXPRESSES = ("needs", "status", "model")

_LEGAL = re.compile(r"[1-9]\d{0,8}")
_MARKS = {Standing.DONE: "# done: ", Standing.DROPPED: "# dropped: ", Standing.LATER: "# later: "}


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    keys = keys_of(draft, _LEGAL, str)
    lines = []
    for task in draft.tasks:
        said = needs_in(task.title)
        needs = [key for need in task.needs if (key := keys[need]) not in said]
        after = f" (after {', '.join(needs)})" if needs else ""
        mark = _MARKS.get(draft.standing(task), "")
        lines.append(f"{mark}{keys[task.id]}:{task.model or ''}:{task.title}{after}")
    return Composed({"issues.txt": "\n".join([*lines, ""])}, keys)
