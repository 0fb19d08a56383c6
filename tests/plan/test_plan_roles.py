"""Roles: Markdown files with front matter, and plans that name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.core.roles import Role
from gangsaw.plan import Complaint, PlanRead, read_plan, read_role, read_roles

OURS = """\
---
name: worker
description: Does the work.
agent: codex
model: gpt-x
tools: [Read, "Bash"]
readonly: true
---

You are careful.
"""
OF_CLAUDE = """\
---
name: reviewer
description: Use this agent: when a PR is ready. <example>user: "look" \\n</example>
tools:
  - Read
  - Grep
model: inherit
color: blue
---
You review.

---
A line of three dashes is no end here.
"""


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "agents/worker.md", OURS)
    write(tmp_path, "agents/README.md", "# These are our roles\n")
    write(tmp_path, ".claude/agents/reviewer.md", OF_CLAUDE)
    write(tmp_path, ".claude/agents/worker.md", "---\nname: worker\n---\nAnother one.\n")
    return tmp_path


def test_roles_are_read_from_both_folders_ours_first(root: Path) -> None:
    read = read_roles(root)
    assert not read.faults
    assert set(read.roles) == {"worker", "reviewer"}
    assert read.roles["worker"] == Role(
        "worker", "You are careful.", "Does the work.", "codex", "gpt-x", ("Read", "Bash"), True,
        "agents/worker.md",
    )  # fmt: skip
    assert not read.roles["worker"].is_of_claude


def test_a_file_for_claude_code_is_understood_as_it_is(root: Path) -> None:
    role = read_roles(root).roles["reviewer"]
    assert role.description.startswith("Use this agent: when a PR is ready.")
    assert role.tools == ("Read", "Grep")
    assert (role.model, role.agent, role.readonly) == (None, None, False)
    assert role.body.endswith("---\nA line of three dashes is no end here.")
    assert role.is_of_claude


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("---\nname: x\nno end\n", 1, "has no end"),
        ("---\nname: x\n---\n\n", 3, "says nothing"),
        ("---\nname: x\nreadonly: perhaps\n---\nBody\n", 3, "must be true or false"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, line: int, words: str) -> None:
    found = read_role(text, "agents/x.md")
    assert isinstance(found, Complaint)
    assert (found.line, words in found.text) == (line, True)


def test_a_file_without_front_matter_is_no_role() -> None:
    assert read_role("# Notes\n", "agents/notes.md") is None


def plan_of(root: Path, *lines: str) -> PlanRead:
    text = "\n".join(["version: 1", *lines])
    return read_plan(text, "plan.yaml", roles=read_roles(root))


def test_a_task_gets_the_agent_of_its_role_unless_it_names_one(root: Path) -> None:
    read = plan_of(
        root,
        "defaults: {role: worker, agent: claude, checks: ['true']}",
        "tasks:",
        "- {id: a, prompt: x}",
        "- {id: b, prompt: x, agent: gemini}",
        "- {id: c, prompt: x, role: reviewer}",
    )
    assert read.plan is not None, read.errors
    assert [(task.role, task.agent) for task in read.plan.tasks] == [
        ("worker", "codex"),
        ("worker", "gemini"),
        ("reviewer", "claude"),
    ]


def test_an_unknown_role_is_an_error_with_its_line_and_the_nearest_name(root: Path) -> None:
    read = plan_of(root, "tasks:", "- {id: a, prompt: x}", "- {id: b, prompt: x, role: workr}")
    (error,) = read.errors
    assert (error.line, "did you mean 'worker'?" in error.remedy) == (4, True)
    assert "no role is called 'workr'" in error.text


def test_a_role_whose_file_is_faulty_says_so(root: Path) -> None:
    write(root, "agents/broken.md", "---\nname: broken\n")
    read = plan_of(root, "defaults: {role: broken}", "tasks:", "- {id: a, prompt: x}")
    (error,) = read.errors
    assert "agents/broken.md:1:1" in error.text
    assert error.line == 2


def test_without_a_repository_roles_are_not_looked_up() -> None:
    read = read_plan("tasks:\n- {id: a, prompt: x, role: any, checks: ['true']}\n", "p")
    assert read.plan is not None
    assert read.plan.tasks[0].role == "any"


def test_a_secret_has_no_place_in_a_plan() -> None:
    text = "tasks:\n- id: a\n  prompt: x\n  env: {MODE: fast, API_TOKEN: abcdefgh12}\n"
    (error,) = read_plan(text, "p").errors
    assert (error.line, error.text.startswith("tasks.0.env.API_TOKEN: a secret")) == (4, True)
    assert "pass_env" in error.remedy
    assert "abcdefgh12" not in str(error)
