"""Every broken plan of the corpus gives exactly the complaints beside it.

Beside `broken/NAME.yaml` stands `broken/NAME.expected`, one complaint in each line. To write the
files anew after a change of words: `python tests/plan/test_plan_broken.py`, and read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.plan import read_plan_file

BROKEN = Path(__file__).with_name("broken")
PLANS = sorted(BROKEN.glob("*.yaml"))


def complaints(path: Path) -> str:
    read = read_plan_file(path, source=path.name)
    assert read.plan is None
    return "".join(f"{complaint}\n" for complaint in read.errors)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_broken_plan_says_where_and_what_to_do(path: Path) -> None:
    assert complaints(path) == path.with_suffix(".expected").read_text("utf-8")


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_each_complaint_has_a_place_and_a_remedy(path: Path) -> None:
    read = read_plan_file(path, source=path.name)
    assert read.errors
    lines = path.read_bytes().decode("latin-1").split("\n")
    for complaint in read.errors:
        assert complaint.remedy, complaint
        assert 1 <= complaint.line <= len(lines), complaint
        assert 1 <= complaint.col <= len(lines[complaint.line - 1]) + 1, complaint


def test_the_corpus_is_large_enough() -> None:
    assert len(PLANS) >= 45
    assert {path.stem for path in BROKEN.glob("*.expected")} == {path.stem for path in PLANS}


if __name__ == "__main__":
    for plan in PLANS:
        plan.with_suffix(".expected").write_text(complaints(plan), "utf-8")
