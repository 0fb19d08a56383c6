"""What `doctor` says of the checkout."""

from __future__ import annotations

import json
from pathlib import Path

from gangsaw.testing.playground import Playground


def findings(ground: Playground) -> dict[str, tuple[str, str]]:
    found = json.loads(ground.call("doctor", "--json").stdout)
    return {one["about"]: (one["level"], one["text"]) for one in found["findings"]}


def test_untracked_files_are_in_nobodys_way(tmp_path: Path) -> None:
    ground = Playground(tmp_path / "ground")
    ground.write("plan.yaml", "tasks: []\n")
    assert findings(ground)["checkout"] == ("ok", "clean")
    ground.write("README.md", "changed\n")
    level, text = findings(ground)["checkout"]
    assert (level, "changes not committed: 1" in text) == ("odd", True)


def test_submodules_are_named(tmp_path: Path) -> None:
    ground = Playground(tmp_path / "ground")
    assert "submodules" not in findings(ground)
    ground.write(".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = ./x\n')
    assert findings(ground)["submodules"][0] == "odd"
