"""What a conversion does not tell as lost is in the new file."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gangsaw.core.errors import UserError
from gangsaw.core.model import Check, Task
from gangsaw.plan import read_plan, read_whole
from gangsaw.sources import Document, Standing, dialect, read_documents
from gangsaw.sources.converting import convert
from gangsaw.sources.drafts import Draft, draft_of_plan, draft_of_source, losses
from gangsaw.sources.registry import NAMES, PLAN, WRITTEN, composer, expressed
from tests.sources.corpus import Case, cases
from tests.sources.drafting import IDS, Kind, drafts

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def draft_in(kind: str, files: Mapping[str, str]) -> Draft:
    """What files of a kind say."""
    documents = [Document(name, text) for name, text in files.items()]
    if kind == PLAN:
        found = draft_of_plan(read_whole(documents[0].text, documents[0].path))
    else:
        found, _ = draft_of_source(read_documents(dialect(kind), documents))
    assert found is not None
    return found


def are_mates(a: str, b: str) -> bool:
    """Whether there are ids that both keep, and whole groups are not asked for."""
    return a != b and (a not in IDS or b not in IDS)


PAIRS = [(a, b) for a in WRITTEN for b in WRITTEN if are_mates(a, b)]


@pytest.mark.parametrize("kind", WRITTEN)
def test_nothing_is_lost_of_what_a_kind_can_express(kind: str) -> None:
    @FEW
    @given(drafts(Kind((kind,))))
    def holds(draft: Draft) -> None:
        assert [str(each) for each in convert(draft, kind, 0.0).lost] == []

    holds()


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_there_and_back_is_the_same_file(a: str, b: str) -> None:
    @settings(FEW, max_examples=5)
    @given(drafts(Kind((a, b))))
    def holds(draft: Draft) -> None:
        first = convert(draft, a, 0.0)
        there = convert(draft_in(a, first.files), b, 0.0)
        back = convert(draft_in(b, there.files), a, 0.0)
        assert (first.lost, there.lost, back.lost) == ((), (), ())
        assert list(losses(draft, draft_in(a, back.files), {})) == []
        is_level = "taskmaster" in (a, b) and len({task.priority for task in draft.tasks}) == 1
        # In a roadmap the same order may be said with more or fewer groups, and a priority that
        # all tasks have is none for Task Master.
        if a != "roadmap" and not is_level:
            assert back.files == first.files

    holds()


FULL = """
goal: All of it
tasks:
- id: One_odd.id
  title: The one
  prompt: |-
    Do it.

      With a blank before
  scope: [src/]
  track: some lane
  alone: true
  priority: 77
  agent: claude
  model: fast
  role: planner
  checks: [{run: pytest -q, when: work}, "echo x > y"]
  review: person
  stages: [test, review]
  reviewer: codex
  timeout_s: 7.5
  estimate_s: 61
  attempts: 2
  budget: 2.5
  budget_tokens: 9
  env: {A: b}
- id: two
  title: The other
  prompt: Then this.
  needs: [One_odd.id]
  workspace: none
  status: later
"""


@pytest.mark.parametrize("kind", WRITTEN)
def test_every_key_without_a_place_is_told(kind: str) -> None:
    whole = read_whole(FULL, "plan.yaml")
    draft = draft_of_plan(whole)
    assert draft is not None
    told = {each.key for each in convert(draft, kind, 0.0).lost}
    every = {
        "goal", "status", "prompt", "needs", "scope", "track", "alone", "priority", "agent",
        "model", "role", "checks", "review", "stages", "reviewer", "workspace", "timeout_s",
        "estimate_s", "attempts", "budget", "budget_tokens", "env",
    }  # fmt: skip
    assert every - set(expressed(kind)) <= told
    if kind == PLAN:
        assert told == set()


@pytest.mark.parametrize("kind", WRITTEN)
def test_odd_texts_are_kept_or_told(kind: str) -> None:
    """Whatever titles and prompts hold, what is not told as lost is there."""
    odd = st.lists(
        st.sampled_from(
            ["# x", "## Phase 2: y", "- [x] T009 z", "— Deps: T001", "(after: A-1)",
             "**Status:** FIXED",
             "### FIX-009: q", "1. **Track 9: w**", "### **Group Z**", "```", "<!--", "-->", "---",
             '"', "\\", "|", ",", "a\tb", "é", "[P]", "(P1)", "**[DONE]**", "✅", "🔄", "P1", "x",
             "| Task ID | Status |", "- Depends on: A-1", "  deep", "{{x}}", "tasks:", "id: 1",
             "## Acceptance Criteria", "- [ ] pytest -q", "\u2028", "\ufeff", "null", "- ", "#17"]
        ),
        min_size=1,
        max_size=4,
    )  # fmt: skip

    @settings(FEW, max_examples=60)
    @given(odd.map(" ".join), odd.map("\n".join), odd.map(" ".join))
    def holds(title: str, prompt: str, other: str) -> None:
        text = {"goal": "g", "tasks": [{"id": "A-1", "title": title, "prompt": prompt},
                {"id": "A-2", "title": other, "prompt": other, "needs": ["A-1"]}]}  # fmt: skip
        draft = draft_of_plan(read_whole(json.dumps(text), "plan.json"))
        if draft is None:  # such a title is none
            return
        found = convert(draft, kind, 0.0)
        told = {each.task for each in found.lost}
        if "" in told or {"A-1", "A-2"} <= told:
            return
        there = {task.id: task for task in draft_in(kind, found.files).tasks}
        for task in draft.tasks:
            if task.id not in told:
                assert there[task.id].title == task.title
                assert there[task.id].needs == task.needs
                assert lines(there[task.id].prompt) == lines(task.prompt)

    holds()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_plan_has_a_place_for_all_that_is_read(case: Case) -> None:
    """Every file of the corpus without faults becomes a plan without losses."""
    try:
        read = read_documents(case.dialect, case.texts())
    except UserError:
        pytest.skip("is refused as a whole")
    if read.plan.errors:
        pytest.skip("has faults")
    draft, errors = draft_of_source(read)
    if draft is None or not draft.tasks:
        assert errors or not read.items
        return
    made = convert(draft, PLAN, 0.0)
    assert [str(each) for each in made.lost] == []
    again = read_plan(made.files["plan.yaml"], "plan.yaml")
    left = read.plan.plan.tasks if read.plan.plan is not None else ()
    assert {task.id for task in (again.plan.tasks if again.plan else ())} == {t.id for t in left}


ALLOWED = {
    "backlog": {"id", "order of the tasks"},
    "checklist": {"id"},
    "fixes": {"track"},
    "roadmap": {"id", "title", "status", "needs", "order of the tasks"},
    "prd": {"status"},
    "speckit": {"priority", "status"},
    "taskmaster": {"id", "checks"},
}
"""What some files of the corpus say in a way that is not written: ids of subtasks or of words,
priorities of phases, what is on hold for a need that nobody knows, groups without
tracks, tracks in a circle or with two marks."""


@pytest.mark.parametrize("case", [each for each in cases() if each.kind in WRITTEN], ids=str)
def test_a_file_goes_through_its_own_kind(case: Case) -> None:
    """A file of the corpus written anew as its own kind says what it did, or what it does not is
    told; and a further writing loses nothing else."""
    try:
        read = read_documents(case.dialect, case.texts())
    except UserError:
        pytest.skip("is refused as a whole")
    draft, _ = draft_of_source(read)
    if read.plan.errors or draft is None or not draft.tasks:
        pytest.skip("has nothing to be written")
    once = convert(draft, case.kind, 0.0)
    assert {each.key for each in once.lost} <= ALLOWED.get(case.kind, set())
    twice = convert(draft_in(case.kind, once.files), case.kind, 0.0)
    assert {each.key for each in twice.lost} <= {each.key for each in once.lost}


def test_a_writer_that_forgets_is_found_out() -> None:
    """The list comes from what is read, not from what a writer says of itself."""
    task = Task("a", "A", "words", agent="claude", checks=(Check("x y", ("x", "y")),))
    before = Draft("g", (task, Task("b", "B", "", needs=("a",))), {"a": Standing.DONE})
    after = Draft("", (Task("a", "A!", "others"), Task("c", "C", "")), {})
    told = {(each.task, each.key) for each in losses(before, after, {})}
    assert told == {
        ("", "goal"), ("a", "status"), ("a", "title"), ("a", "prompt"), ("a", "agent"),
        ("a", "checks"), ("b", "task"), ("c", "task"),
    }  # fmt: skip


def test_a_need_that_follows_from_others_is_no_loss() -> None:
    chain = (Task("a", "A", ""), Task("b", "B", "", needs=("a",)))
    long = Draft("", (*chain, Task("c", "C", "", needs=("a", "b"))), {})
    short = Draft("", (*chain, Task("c", "C", "", needs=("b",))), {})
    assert list(losses(long, short, {})) == list(losses(short, long, {})) == []
    loose = Draft("", (*chain, Task("c", "C", "", needs=("a",))), {})
    assert [str(each) for each in losses(short, loose, {})] == ["c: needs: b becomes a"]
    assert [str(each) for each in losses(loose, short, {})] == ["c: needs: a becomes b"]


READ_ONLY = {"github", "issuelist", "planning"}
"""Kinds that are not written."""


def test_what_is_read_only_is_not_written() -> None:
    with pytest.raises(UserError, match="cannot write 'beds': it is no kind of task file; did you"):
        composer("beds")
    assert set(NAMES) - set(WRITTEN) <= READ_ONLY


def test_a_list_of_issues_says_what_waits_and_what_is_done() -> None:
    tables = [
        {"id": "61", "title": "Schema", "prompt": "Schema", "model": "opus", "status": "done"},
        {"id": "api", "title": "The API", "prompt": "The API"},
        {"id": "62", "title": "Page (after 1)", "prompt": "p", "needs": ["api"]},
        {"id": "63", "title": "All", "prompt": "All", "needs": ["api", "62"], "status": "later"},
        {"id": "64", "title": "Now", "prompt": "Now", "status": "running"},
    ]
    draft = draft_of_plan(read_whole(json.dumps({"tasks": tables}), "plan.json"))
    assert draft is not None
    made = convert(draft, "issuelist", 0.0)
    assert made.files == {
        "issues.txt": "# done: 61:opus:Schema\n1::The API\n62::Page (after 1)\n"
        "# later: 63::All (after 1, 62)\n64::Now\n"
    }
    assert [str(each) for each in made.lost] == [
        "api: id: api becomes 1",
        "62: title: Page (after 1) becomes Page",
        "62: prompt: p",
        "64: status: running becomes open",
    ]
    long = "word " * 60
    again = draft_in("issuelist", {"issues.txt": f"61::{long}(after 62)\n62::Two (depends on #63)\n"
                                   "63::Three\n"})  # fmt: skip
    assert [task.needs for task in again.tasks] == [("62",), ("63",), ()]
    assert long.strip() in again.tasks[0].prompt
    assert again.tasks[1].prompt == ""
    text = convert(again, "issuelist", 0.0).files["issues.txt"]
    assert text.splitlines()[1] == "62::Two (depends on #63)"
