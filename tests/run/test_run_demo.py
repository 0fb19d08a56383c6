"""The demo shows what it says, and touches nothing of the user's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from gangsaw.testing.playground import Playground

Note = Callable[[str, object], None]


def digest(folder: Path) -> str:
    """All names, modes and bytes below a folder as one text."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path.relative_to(folder)} {path.lstat().st_mode}\0".encode())
        if path.is_file() and not path.is_symlink():
            found.update(path.read_bytes())
    return found.hexdigest()


def test_the_demo_shows_what_it_says(tmp_path: Path, record_property: Note) -> None:
    ground = Playground(tmp_path / "ground", env={"TMPDIR": str(tmp_path)})
    before = digest(ground.repo)
    done = ground.call("demo", "--json", "--keep")
    assert done.returncode == 0, done.stderr
    assert digest(ground.repo) == before
    status = json.loads(done.stdout.splitlines()[-1])
    assert [task["status"] for task in status["tasks"]] == ["landed"] * 6
    (scratch,) = tmp_path.glob("gangsaw-demo-*/shopping")
    lines = ground.call("events", "--json", cwd=scratch).stdout.splitlines()
    events = [json.loads(line) for line in lines]
    took_s = events[-1]["at"] - events[0]["at"]
    record_property("figure", f"demo: 6 of 6 landed in {took_s:.1f} s")
    assert took_s < 60

    def at(kind: str, subject: str) -> float:
        return next(float(e["at"]) for e in events if (e["kind"], e["subject"]) == (kind, subject))

    # The overlap: one works after the other has landed.
    ui, other = at("landed", "ui.1"), at("landed", "import.1")
    assert at("attempt.admitted", "import.1") >= ui or at("attempt.admitted", "ui.1") >= other
    # The red check, repaired by the same attempt's second turn.
    assert at("work.returned", "import.1") < other
    turns = [e["body"]["why"] for e in events if e["kind"] == "turn.wanted"]
    assert "fix" in turns
    # The killed agent, taken up again in the same attempt.
    exits = [e["body"] for e in events if (e["kind"], e["subject"]) == ("turn.exited", "api.1")]
    assert exits[0]["signal"] == 9
    assert "continue" in turns
    assert at("landed", "api.1") > 0


def test_the_demo_leaves_nothing(tmp_path: Path) -> None:
    ground = Playground(tmp_path / "ground", env={"TMPDIR": str(tmp_path)})
    done = ground.call("demo")
    assert done.returncode == 0, done.stderr
    assert "Landed 6 of 6" in done.stdout
    assert list(tmp_path.glob("gangsaw-demo-*")) == []
