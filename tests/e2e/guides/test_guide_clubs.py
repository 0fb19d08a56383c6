"""The issues #61 to #68: the first comes before all others, and these are worked on at once."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.guides.stage import Stage

FILE = "scripts/issues.txt"
OTHERS = tuple(str(n) for n in range(62, 69))
NEEDS = {"61": (), **dict.fromkeys(OTHERS, ("61",))}
FIRST_BATCH, SECOND_BATCH = OTHERS[:4], OTHERS[4:]


def done(stage: Stage) -> bytes:
    """The list with each issue marked as done."""
    return re.sub(rb"(?m)^(\d+:)", rb"# done: \1", stage.at_first[FILE])


def test_issues_61_to_68_are_run_by_eight_agents(tmp_path: Path) -> None:
    """The seven that wait for the first one wait for one another, too."""
    stage = Stage(tmp_path, "clubs", together=OTHERS, argv=["{model}"])
    stage.run("--from", "issuelist", "--max-agents", "8")
    stage.require_order(NEEDS)
    assert stage.most_at_once() == 7
    assert stage.changed() == {FILE: done(stage)}
    asked = dict.fromkeys((*OTHERS, "61"), "haiku") | dict.fromkeys(("61", "63", "67"), "sonnet")
    assert stage.told() == asked


def test_issues_61_to_68_are_run_in_batches_of_four(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "clubs", together=FIRST_BATCH)
    stage.run("--from", "issuelist", "--max-agents", "4", "--batched")
    stage.require_order(NEEDS)
    assert stage.most_at_once() == 4
    words = [(word, task) for word, task, *_ in stage.ground.ledger_lines()]
    first_ended = max(words.index(("stop", task)) for task in FIRST_BATCH)
    assert first_ended < min(words.index(("start", task)) for task in SECOND_BATCH)
    assert stage.changed() == {FILE: done(stage)}
