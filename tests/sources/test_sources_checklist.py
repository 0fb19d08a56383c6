"""Check lists: what no single file of the corpus shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.sources import Document, Report, Standing, Sure, dialect, with_edits
from gangsaw.sources.writing import Wish, Written, write_back

KIND = dialect("checklist")
TEXT = "- [ ] Up  \r\n\t* [ ] One\t\r\n\t* [ ] Two (after: One)\r\n- [ ] Down"


def said(text: str, *reports: Report) -> str:
    return with_edits(text, KIND.edits(Document("TODO.md", text), reports).edits)


def test_a_box_is_ticked_with_the_last_below_it_and_opened_with_the_first() -> None:
    one = said(TEXT, Report("One", Standing.DONE))
    assert one == TEXT.replace("[ ] One", "[x] One")
    both = said(one, Report("Two", Standing.DONE))
    assert both == TEXT.replace("[ ]", "[x]", 3)
    assert said(both, Report("One", Standing.OPEN)) == TEXT.replace("[ ] Two", "[x] Two")


def test_all_else_of_a_check_list_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "TODO.md"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    wishes = [Wish(Report(key, Standing.DONE, "c" * 40)) for key in ("One", "Two", "Down")]
    assert write_back(path, "TODO.md", KIND, wishes) == Written(True)
    assert path.read_bytes() == b"\xef\xbb\xbf" + TEXT.replace("[ ]", "[x]").encode()


def test_an_entry_keeps_its_name_when_its_needs_are_edited() -> None:
    other = TEXT.replace("(after: One)", "— needs Down")
    keys = [[item.key for item in KIND.read([Document("x", text)]).items] for text in (TEXT, other)]
    assert keys[0] == keys[1] == ["One", "Two", "Down"]


@pytest.mark.parametrize(
    ("path", "text", "sure"),
    [
        ("docs/TODO.md", "- [ ] One\n", Sure.CERTAIN),
        ("Checklist.md", "- [ ] One\n", Sure.CERTAIN),
        ("notes.md", "- [ ] One\n", Sure.MAYBE),
        ("TODO.md", "- one\n", Sure.NO),
        ("TODO.md", "```\n- [ ] One\n```\n", Sure.NO),
        ("todo.md", "- [ ] T001 One\n", Sure.NO),
    ],
)
def test_a_check_list_is_certain_by_its_name_alone(path: str, text: str, sure: Sure) -> None:
    assert KIND.detect(path, text) is sure
