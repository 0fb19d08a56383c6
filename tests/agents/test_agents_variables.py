"""Every variable of the templates is described, and every one that is described is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gangsaw.agents import (
    VARIABLES,
    continue_values,
    default_template,
    findings_values,
    fix_values,
    guides_for,
    render,
    resolve_values,
    review_values,
    task_values,
    with_role,
)
from gangsaw.core.model import Task, TurnKind, Workspace
from gangsaw.core.roles import Role

TASK = Task("api", "The API", "Write it.")
COMMON = set(task_values(TASK, goal="A shop"))
OF_KIND = {
    TurnKind.WORK: set[str](),
    TurnKind.TEST: set[str](),
    TurnKind.FIX: set(fix_values("x", "y")) | set(findings_values((), "z")),
    TurnKind.RESOLVE: set(resolve_values((), (), base="b")),
    TurnKind.CONTINUE: set(continue_values()),
    TurnKind.REVIEW: set(review_values("stat")),
}
ROLE = Role("worker", "You are careful.", tools=("Read", "Grep"), readonly=True)


@pytest.mark.parametrize("kind", TurnKind)
def test_the_table_says_what_each_kind_of_turn_has(kind: TurnKind) -> None:
    described = {each.name for each in VARIABLES if not each.kinds or kind in each.kinds}
    assert described == COMMON | OF_KIND[kind]
    used = set(re.findall(r"\{\{(\w+)\}\}", default_template(kind)))
    assert used <= described
    assert "role" in used


def test_the_page_names_every_variable() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "prompts.md"
    text = page.read_text()
    assert all(f"| `{{{{{each.name}}}}}` |" in text for each in VARIABLES)
    assert all(f"## {kind.value}\n" in text for kind in TurnKind)


def test_a_role_is_a_section_of_its_own() -> None:
    values = task_values(TASK, goal="", role=ROLE)
    text = render(default_template(TurnKind.WORK), values)
    assert (
        "## Your role: worker\n\nYou are careful.\n\nUse no other tools than these: Read, Grep."
        in text
    )
    assert "Change nothing" in text
    assert "Your role" not in render(default_template(TurnKind.WORK), task_values(TASK, goal=""))


def test_without_a_role_no_gap_is_left() -> None:
    for kind in (TurnKind.WORK, TurnKind.TEST):
        assert "\n\n\n" not in render(default_template(kind), task_values(TASK, goal=""))


def test_a_session_that_goes_on_has_been_told_its_role() -> None:
    assert task_values(TASK, goal="", role=ROLE, resumed=True)["role"] == ""


def test_a_users_template_gets_the_role_even_if_it_does_not_ask_for_it() -> None:
    assert render(with_role("Do: {{prompt}}"), {"role": "ROLE", "prompt": "p"}) == "ROLE\n\nDo: p"
    assert with_role("a {{ role }} b") == "a {{ role }} b"
    assert render(with_role("Do: {{prompt}}"), {"role": "", "prompt": "p"}) == "Do: p"


@pytest.mark.parametrize(
    ("kind", "present", "named"),
    [
        ("command", ["AGENTS.md", "CLAUDE.md"], ("AGENTS.md", "CLAUDE.md")),
        ("aider", ["CLAUDE.md"], ("CLAUDE.md",)),
        ("claude", ["CLAUDE.md"], ()),
        ("claude", ["AGENTS.md"], ("AGENTS.md",)),
        ("codex", ["AGENTS.md", "CLAUDE.md"], ()),
        ("codex", ["CLAUDE.md"], ("CLAUDE.md",)),
        ("command", [], ()),
    ],
)
def test_what_an_agent_does_not_read_by_itself_is_named(
    kind: str, present: list[str], named: tuple[str, ...]
) -> None:
    assert guides_for(kind, present) == named
    rules = task_values(TASK, goal="", guides=named)["rules"]
    assert rules.startswith(f"- Read {' and '.join(named)} " if named else "- Work only")


def test_a_task_without_files_is_told_of_guides_too() -> None:
    plain = Task("api", "The API", "Write it.", workspace=Workspace.NONE)
    assert "AGENTS.md" in task_values(plain, goal="", guides=("AGENTS.md",))["rules"]
