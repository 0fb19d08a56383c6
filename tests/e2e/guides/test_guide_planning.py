"""The issues #61 to #68 as a planning agent left them: a plan, needs, owners, points, contracts."""

from __future__ import annotations

import os
from pathlib import Path

from tests.e2e.guides.stage import Stage

OTHERS = tuple(str(n) for n in range(62, 69))
NEEDS = {"61": (), **dict.fromkeys(OTHERS, ("61",))}

NPM = """\
#!/bin/sh
[ "$*" = "run build" ] && [ -e src/types/61.txt ]
"""


def test_issues_61_to_68_are_run_as_a_planning_agent_left_them(tmp_path: Path) -> None:
    """Whoever owns a file changes it and no other, and what is to be built is built by us."""
    model = 'model = "opus"\n'
    stage = Stage(
        tmp_path, "clubs-planned", together=OTHERS, argv=["{model}"], settings=model
    )  # fmt: skip
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(NPM)
    npm.chmod(0o755)
    stage.ground.env["PATH"] = f"{npm.parent}:{os.environ['PATH']}"
    stage.run("--from", "browse-clubs", "--max-agents", "8")
    stage.require_order(NEEDS)
    assert stage.most_at_once() == 7
    name = "docs/browse-clubs/verification-checklist.md"
    assert stage.changed() == {name: stage.at_first[name].replace(b"- [ ]", b"- [x]")}
    asked = stage.told()
    assert asked["61"] == "opus", "the plan does not say which"
    assert {asked[each] for each in ("63", "67")} == {"sonnet"}
    assert {asked[each] for each in ("62", "64", "65", "66", "68")} == {"haiku"}
    made = {path.stem: path.parent.name for path in (stage.ground.repo / "src").glob("*/*.txt")}
    assert made["62"] == "card"
    assert set(made) == set(NEEDS)
