"""The pages name everything that there is in the systems that people come from, and nothing of
gangsaw that there is not."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from gangsaw.core.events import EVENT_CLASSES
from gangsaw.sources import NAMES as DIALECTS
from tests.docs.coming_from.extract import GUIDES, guide, listed, names
from tests.docs.coming_from.pages import (
    BY_KEY,
    FOLDER,
    IN_CODE,
    PAGES,
    ROOT,
    blocks,
    named,
    rows,
    spans,
    text_of,
)
from tests.docs.gangsaw_calls import fault

ALL = [*PAGES.values(), "README.md"]
LATER = {
    "gangsaw web": "tasks-and-roles.md: a page in the browser",
    "gangsaw export csv": "tasks-and-roles.md: `events.csv`",
    "gangsaw run --pr": "all pages: pull requests are not there",
    "gangsaw plan GOAL": "issues-and-monitor.md: `create-implementation-plan.sh`",
}
"""What the pages call not there, and which rows speak of it."""


@pytest.mark.parametrize("number", GUIDES)
def test_each_name_of_a_guide_stands_in_a_table_of_its_page(number: str) -> None:
    found = list(named(text_of(PAGES[number])))
    assert sorted(set(listed(number)) - set(found)) == [], "these are missing on the page"
    assert sorted(set(found) - set(listed(number))) == [], "no guide has these"
    assert len(found) == len(set(found)), "each stands once"


@pytest.mark.parametrize("number", GUIDES)
def test_the_lists_of_names_are_those_of_the_guides(number: str) -> None:
    folder = os.environ.get("GANGSAW_GUIDES")
    if not folder:
        pytest.skip("GANGSAW_GUIDES does not say in which folder the guides are")
    assert names(guide(Path(folder), number)) == listed(number)


def test_lists_have_no_name_without_a_key_and_no_kind_without_a_heading() -> None:
    kinds = {*IN_CODE.values(), *BY_KEY.values()}
    for number in GUIDES:
        assert len(listed(number)) > 20
        assert not [name for name in listed(number) if "?" in name]
        assert {name.split(":")[0] for name in listed(number)} <= kinds


@pytest.mark.parametrize("page", ALL)
def test_each_row_has_an_answer(page: str) -> None:
    assert [row for row in rows(text_of(page)) if not row.theirs or not row.here] == []


@pytest.mark.parametrize("page", ALL)
def test_each_call_on_the_page_is_one_that_there_is(page: str) -> None:
    text = text_of(page)
    calls = [span for span in spans(text) if re.match(r"gangsaw(?= |$)", span)]
    calls += [line for block in blocks(text, "sh") for line in block.splitlines()]
    assert {call: said for call in calls if (said := fault(call))} == {}
    sources = [match for call in calls for match in re.findall(r"--from (\w+)", call)]
    assert set(sources) <= set(DIALECTS)


@pytest.mark.parametrize("page", ALL)
def test_each_link_and_setting_and_event_on_the_page_is_there(page: str) -> None:
    text = text_of(page)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (FOLDER / target).exists(), target
    config = json.loads((ROOT / "docs/reference/config.schema.json").read_text("utf-8"))
    sections = config["properties"]
    for span in spans(text):
        section, _, key = span.partition(".")
        if span not in EVENT_CLASSES and section in sections and re.fullmatch(r"[a-z_]+", key):
            assert key in sections[section].get("properties", {}), span
    for row in rows(text):
        if row.heading == "Events":
            kinds = re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", row.here)
            assert set(kinds) <= set(EVENT_CLASSES), row


@pytest.mark.parametrize("call", LATER)
def test_what_the_pages_call_not_there_is_not_there(call: str) -> None:
    assert fault(call), f"{call} is there now: see {LATER[call]}"


def test_a_missing_row_and_a_made_up_call_are_noticed() -> None:
    text = text_of(PAGES["004"]).replace("| `nohup` |", "| `other` |")
    assert set(listed("004")) - set(named(text)) == {"command: nohup"}
    assert fault("gangsaw runs")
    assert names("```bash\n./go.sh --fast\n```\n\n**Q: Why?**\n")[:2] == [
        "command: go.sh",
        "file: go.sh",
    ]
    assert names("## Troubleshooting\n### It burns\n")[0].startswith("trouble: ? ")
