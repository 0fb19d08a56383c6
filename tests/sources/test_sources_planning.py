"""Planning files: what no single folder of the corpus shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.core.model import When
from gangsaw.sources import (
    Document,
    Report,
    SourceRead,
    Standing,
    dialect,
    find_source,
    read_documents,
    read_source,
    with_edits,
)
from gangsaw.sources.planning_words import command_in, keys_in, paths_in
from gangsaw.sources.writing import Wish, Written, write_back
from tests.sources.corpus import CORPUS

KIND = dialect("planning")
EIGHT = CORPUS / "planning" / "02-eight-issues"
BOXES = "## Issue #1\r\n- [x] one  \r\n* [ ] two\t\r\n- [-] never\n\n## Issue #2\n- [ ] three"


def read(**files: str) -> SourceRead:
    """The plan of these files, named without their folder."""
    documents = [
        Document(f"docs/{name.replace('_', '-')}.{'ts' if name == 'contracts' else 'md'}", text)
        for name, text in files.items()
    ]
    return read_documents(KIND, documents)


def said(text: str, standing: Standing) -> str:
    document = Document("verification-checklist.md", text)
    return with_edits(text, KIND.edits(document, [Report("#1", standing)]).edits)


def test_a_folder_of_planning_files_and_each_of_them_mean_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "eight"
    folder.mkdir(parents=True)
    for path in EIGHT.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    whole = find_source("docs/eight", tmp_path)
    assert len(whole.paths) == 6
    for wanted in ("planning", "docs/eight/file-ownership.md", "planning:docs/eight/contracts.ts"):
        assert find_source(wanted, tmp_path) == whole
    plan = read_source(whole).plan.plan
    assert plan is not None
    assert [task.id for task in plan.tasks] == [str(n) for n in (61, 62, 64, 65, 66, 68, 63, 67)]


def test_contracts_reach_who_relies_on_them() -> None:
    read_ = read(
        implementation_plan="### Issue #1: a\n### Issue #2: b\n### Issue #3: c\n### Issue #4: d\n",
        dependency_graph="#1 → #2 → #3\n",
        contracts="type All = 1\n\n// Issue #2\ntype Two = 2\n",
    )
    assert read_.plan.plan is not None
    told = {task.id: task.prompt for task in read_.plan.plan.tasks}
    assert [name for name in told if "type All" in told[name]] == ["1", "2", "3", "4"]
    assert [name for name in told if "type Two" in told[name]] == ["2", "3"]


def test_boxes_are_ticked_when_an_issue_lands_and_opened_when_that_is_taken_back() -> None:
    assert said(BOXES, Standing.RUNNING) == BOXES
    assert said(BOXES, Standing.OPEN) == BOXES, "what somebody has ticked stays"
    done = said(BOXES, Standing.DONE)
    assert done == BOXES.replace("* [ ] two", "* [x] two")
    back = said(done, Standing.OPEN)
    assert back == BOXES.replace("[x] one", "[ ] one")


def test_a_check_list_is_written_through_the_protocol(tmp_path: Path) -> None:
    path = tmp_path / "verification-checklist.md"
    path.write_bytes(b"\xef\xbb\xbf" + BOXES.encode())
    wishes = [Wish(Report("#1", Standing.DONE)), Wish(Report("#9", Standing.DONE))]
    assert write_back(path, path.name, KIND, wishes) == Written(True, (), ("#9",))
    assert path.read_bytes() == b"\xef\xbb\xbf" + BOXES.replace("* [ ] two", "* [x] two").encode()


@pytest.mark.parametrize(
    ("point", "command"),
    [
        ("`npm run build` passes", "npm run build"),
        ("Run `pytest -q` and check that it is green", "pytest -q"),
        ("`make test`", "make test"),
        ("npm run build passes", None),
        ("`npm test` fails without the fix", None),
        ("Do not run `npm test`", None),
        ("`npm run dev` works", None),
        ("`pytest -q` passes, then `make clean`", None),
        ("`rm -rf build` works", None),
        ("`$(curl x)` passes", None),
        ("`pytest -q > /etc/passwd`", None),
        ("`pytest -q` `", None),
        ("`ShelfCard` works", None),
        ("", None),
    ],
)
def test_only_a_command_in_code_becomes_a_check(point: str, command: str | None) -> None:
    assert command_in(point) == command


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("#62-64", "#62 #63 #64"),
        ("Issues 2, 3 and 5", "#2 #3 #5"),
        ("issue #007", "#7"),
        ("#2 - 9 hours", "#2"),
        ("#62–#63, #64", "#62 #63 #64"),
        ("#9-2", "#9"),
        ("#1-99999", "#1"),
        ("C#7 &#123; #50% ab#4", ""),
        ("#2024-01-15", "#2024"),
        ("https://example.org/issues/62", "#62"),
    ],
)
def test_issues_are_found_in_a_text(text: str, keys: str) -> None:
    assert " ".join(keys_in(text)) == keys


@pytest.mark.parametrize(
    ("cell", "paths"),
    [
        ("`/src/a.py` (new)", "src/a.py"),
        ("src/a.py, src/b/", "src/a.py src/b/"),
        ("src/a.py:12-40 - the head", "src/a.py"),
        ("`a/{b,c}.ts`", "a/b.ts a/c.ts"),
        ("app/[id]/page.tsx", "app/[id]/page.tsx"),
        ("../up.py", ""),
        ("~/x/y", ""),
        ("all of it", ""),
        ("Makefile", "Makefile"),
        ("...", ""),
    ],
)
def test_paths_are_found_in_a_cell(cell: str, paths: str) -> None:
    assert " ".join(paths_in(cell)) == paths


def test_a_need_of_nobody_is_told_in_the_file_that_says_it() -> None:
    found = read(
        implementation_plan="### Issue #1: a\n### Issue #2: b\n",
        dependency_graph="\n- #2 depends on #7\n",
    )
    assert [str(each).split(": ")[0] for each in found.unknown] == ["docs/dependency-graph.md:2:1"]
    assert found.plan.plan is not None
    assert [task.id for task in found.plan.plan.tasks] == ["1"]


def test_an_odd_scope_is_an_error_in_the_file_that_says_it() -> None:
    found = read(
        implementation_plan="### Issue #1: a\n",
        file_ownership="| File | Owner |\n|---|---|\n| a/{b,{c,d}}.py | #1 |\n",
    )
    places = [str(each).split(": ")[0] for each in (*found.plan.errors, *found.unread)]
    assert places == ["docs/file-ownership.md:3:1"]


def test_commands_for_all_look_at_what_has_landed_after_the_last_issues() -> None:
    found = read(
        implementation_plan="### Issue #1: a\n### Issue #2: b (after #1)\n**Depends on:** #1\n",
        integration_plan="- [ ] `npx playwright test`\n",
    )
    assert found.plan.plan is not None
    checks = {task.id: [check.when for check in task.checks] for task in found.plan.plan.tasks}
    assert checks == {"1": [], "2": [When.AFTER]}


def test_an_issue_without_boxes_is_run_and_has_no_home() -> None:
    found = read(implementation_plan="### Issue #1: a\n### Issue #2: b\n- [ ] c\n")
    assert [found.items[name].home for name in ("1", "2")] == [None, 0]


@pytest.mark.parametrize("words", ["needs", "depends on", "is blocked by", "waits for", "requires"])
def test_words_of_a_graph_are_needs(words: str) -> None:
    found = read(
        implementation_plan="### Issue #1: a\n### Issue #2: b\n",
        dependency_graph=f"- #2 {words} #1\n",
    )
    assert [need.key for need in found.items["2"].needs] == ["#1"]
    assert found.inferred == ()
