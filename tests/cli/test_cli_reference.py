"""The generated reference is what the program says now."""

from __future__ import annotations

from pathlib import Path

from gangsaw.testing.docs import REFERENCE, differences


def test_the_reference_is_up_to_date() -> None:
    assert differences(REFERENCE) == [], "try: ./dev docs"


def test_a_change_is_noticed(tmp_path: Path) -> None:
    for path in REFERENCE.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "status.schema.json").write_text("{}\n")
    (tmp_path / "gone.schema.json").write_text("{}\n")
    (tmp_path / "commands.md").unlink()
    assert differences(tmp_path) == ["commands.md", "gone.schema.json", "status.schema.json"]
