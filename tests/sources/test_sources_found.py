"""Texts that nobody would write and that were read otherwise before and after a mark was set."""

from __future__ import annotations

import json

import pytest

from gangsaw.sources import Document, Report, Standing, dialect, with_edits
from gangsaw.sources.protocol import About


@pytest.mark.parametrize("marks", ["[DONE]", "[DONE][DONE]", "[DONE] ✅ [DONE]"])
def test_a_track_of_marks_alone_is_no_record_with_or_without_them(marks: str) -> None:
    text = f"### **Group A: One**\n1. **Track 1:{marks}\n2. **Track 2: Second**\n"
    reading = dialect("roadmap").read([Document("ROADMAP.md", text)])
    assert [item.key for item in reading.items] == ["A-2"]
    assert [remark.line for remark in reading.remarks if remark.about is About.UNREAD] == [2]


@pytest.mark.parametrize("title", ["Done with marks", "[DONE] and more", "🔄 Sync"])
def test_a_track_whose_title_has_more_than_marks_is_one(title: str) -> None:
    text = f"### **Group A: One**\n1. **Track 1: {title}**\n"
    assert len(dialect("roadmap").read([Document("ROADMAP.md", text)]).items) == 1


def test_a_mark_that_begins_like_a_word_does_not_grow_together_with_the_name() -> None:
    """Signs that were saved in the wrong encoding begin with letters."""
    text = "### **Group A: One** âœ… **[DONE]**\n### **Group B🔄: Two**\n"
    kind, document = dialect("roadmap"), Document("ROADMAP.md", text)
    edits = kind.edits(document, [Report("B", Standing.DONE, "f" * 40)]).edits
    after = with_edits(text, edits)
    assert "Group B âœ… **[DONE]**: Two" in after
    assert [item.key for item in kind.read([Document("ROADMAP.md", after)]).items] == ["A", "B"]


def test_of_two_fields_of_nearly_one_name_the_very_name_counts() -> None:
    text = "- title: one\n  Status!: open\n- title: two\n  status: done\n"
    items = dialect("table").read([Document("x.yaml", text)]).items
    assert [item.standing for item in items] == [Standing.OPEN, Standing.DONE]


def line(key: str, title: str, kind: str, *needs: str) -> str:
    links = [{"issue_id": key, "depends_on_id": each, "type": "parent-child"} for each in needs]
    table = {"id": key, "title": title, "status": "open", "issue_type": kind}
    return json.dumps({**table, "dependencies": links}) + "\n"


@pytest.mark.parametrize("first", ["epic", "message"])
def test_an_epic_that_is_there_twice_is_no_task(first: str) -> None:
    """A union merge leaves both lines: nobody is to be sent to work on an epic."""
    text = line("n-3", "Whole", first) + line("n-3", "Whole", "epic") + line("n-3.1", "A", "task",
                                                                            "n-3")  # fmt: skip
    kind, document = dialect("beads"), Document("issues.jsonl", text)
    reading = kind.read([document])
    assert [item.key for item in reading.items] == ["n-3.1"]
    unread = [remark for remark in reading.remarks if remark.about is About.UNREAD]
    assert [(remark.line, "line 1 has this id" in remark.text) for remark in unread] == [(2, True)]
    edits = kind.edits(document, [Report("n-3.1", Standing.DONE, "f" * 40)]).edits
    after = [json.loads(each) for each in with_edits(text, edits).splitlines()]
    assert after[2]["status"] == "closed"
    assert after[0]["status"] == ("closed" if first == "epic" else "open")
