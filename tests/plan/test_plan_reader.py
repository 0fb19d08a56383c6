"""Plans that are right: every field, both dialects, warnings, size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gangsaw.core.model import Check, Plan, Review, Workspace
from gangsaw.plan import PlanRead, plan_json, read_plan, read_plan_file
from gangsaw.plan.complaint import COMPLAINTS_MAX

FULL = """\
version: 1
goal: Ship it
defaults:
  agent: claude
  checks: [&fast "pytest -q"]
  attempts: 2
  review: true
  env: {CI: 1, MODE: fast}
tasks:
  - id: schema
    title: The schema
    prompt: |
      Write the schema.
      Then commit.
    scope: [src/schema.sql, ./docs//db/, "*.sql"]
    review: none
  - id: 7
    prompt: use it
    needs: [schema]
    track: db
    priority: -5
    agent: codex
    model: big
    checks: [*fast, [make, "-j", ""]]
    workspace: none
    timeout_s: 90
    attempts: 1
    budget: 2.50
    env: {MODE: slow, RATIO: 1.10}
"""


def plan_of(read: PlanRead) -> Plan:
    assert read.plan is not None, "\n".join(map(str, read.errors))
    return read.plan


def said(read: PlanRead) -> list[str]:
    return [str(complaint) for complaint in (*read.errors, *read.warnings)]


def test_every_field() -> None:
    read = read_plan(FULL, "plan.yaml")
    plan = plan_of(read)
    schema, seven = plan.tasks
    assert (plan.goal, plan.version, read.warnings) == ("Ship it", 1, ())
    assert schema.prompt == "Write the schema.\nThen commit.\n"
    assert schema.scope == ("src/schema.sql", "docs/db/", "*.sql")
    assert schema.checks == (Check("pytest -q", ("sh", "-c", "pytest -q")),)
    assert (schema.title, schema.agent, schema.attempts) == ("The schema", "claude", 2)
    assert (schema.review, seven.review) == (Review.NONE, Review.PERSON)
    assert (seven.id, seven.title, seven.needs) == ("7", "7", ("schema",))
    assert (seven.track, seven.priority, seven.agent, seven.model) == ("db", -5, "codex", "big")
    assert seven.checks[1] == Check("make -j ''", ("make", "-j", ""))
    assert seven.workspace is Workspace.NONE
    assert (seven.timeout_s, seven.attempts, seven.budget_usd) == (90.0, 1, 2.5)
    assert dict(schema.env) == {"CI": "1", "MODE": "fast"}
    assert dict(seven.env) == {"CI": "1", "MODE": "slow", "RATIO": "1.10"}


def test_json_is_the_same_plan() -> None:
    tree = {
        "tasks": [
            {"id": "a", "prompt": "x\ny", "checks": ["true"], "review": True},
            {"id": "b", "prompt": "z", "needs": ["a"], "checks": [["true"]], "budget": 0.5},
        ]
    }
    fast = read_plan(json.dumps(tree), "plan.json")
    slow = read_plan("# a comment makes it YAML\n" + json.dumps(tree), "plan.yaml")
    assert plan_of(fast) == plan_of(slow)


@pytest.mark.parametrize("dump", [{}, {"indent": 2}, {"separators": (",", ":")}])
def test_json_complaints_stand_where_yaml_ones_do(dump: dict[str, object]) -> None:
    tree = {
        "gaol": 1,
        "tasks": [
            {"id": "a b", "prompt": 'x \\ " {}[]:, ü', "needs": ["q", "a b"]},
            {"id": [], "env": {"A": None, "B": {"c": []}}, "checks": [[], ["x", 1]]},
        ],
    }
    text = json.dumps(tree, **dump)  # type: ignore[arg-type]
    fast = read_plan(text, "p").errors
    slow = read_plan(text + "\n# YAML", "p").errors
    assert fast == slow
    assert len(fast) >= 7


def test_text_forms_of_yaml_1_2() -> None:
    text = "tasks:\n- {id: 007, title: yes, prompt: 2024-01-01, checks: [no], track: 0x1F}\n"
    (task,) = plan_of(read_plan(text, "p")).tasks
    assert (task.id, task.title, task.prompt) == ("007", "yes", "2024-01-01")
    assert (task.checks[0].name, task.track) == ("no", "0x1F")


def test_merge_keys() -> None:
    text = """\
tasks:
  - &base {id: a, prompt: x, checks: [true-thing], priority: 3}
  - <<: *base
    id: b
  - {<<: [*base], id: c, priority: 4}
"""
    tasks = plan_of(read_plan(text, "p")).tasks
    assert [(task.id, task.prompt, task.priority) for task in tasks] == [
        ("a", "x", 3),
        ("b", "x", 3),
        ("c", "x", 4),
    ]


def test_the_same_table_twice_is_the_same_id_twice() -> None:
    read = read_plan("tasks:\n  - &t {id: a, prompt: x}\n  - *t\n", "p")
    assert said(read) == [
        "p:2:13: tasks.1.id: the id 'a' is taken by an earlier task (rename one of them)"
    ]


def test_warnings() -> None:
    text = """\
tasks:
  - {id: a, prompt: x, scope: [src/], agent: clade}
  - {id: b, prompt: x, scope: [src/list.py], needs: [a, a], agent: clade}
  - {id: c, prompt: x, scope: [src/list.py, docs/], checks: [make]}
  - {id: d, prompt: x, scope: [docs/x.md], needs: [c], track: t}
"""
    read = read_plan(text, "p", known_agents=["claude"])
    assert plan_of(read).tasks[1].needs == ("a",)
    alone = "3 tasks (a, b, d) have no checks and land on the agent's word alone"
    both = "both claim src/list.py and will be run one after the other"
    assert said(read) == [
        f"p:1:1: {alone} (write checks: [COMMAND], for all tasks below defaults:)",
        "p:2:46: tasks.0.agent: no agent is called 'clade' (did you mean 'claude'?)",
        "p:3:57: tasks.1.needs.1: 'a' is needed twice (remove one)",
        f"p:4:31: tasks.2.scope: 'a' and 'c' {both} (to choose the order, write needs: [a])",
        f"p:4:31: tasks.2.scope: 'b' and 'c' {both} (to choose the order, write needs: [b])",
    ]
    assert not any("word alone" in line for line in said(read_plan(text, "p", checked=True)))


def test_tasks_of_one_track_draw_no_scope_warning() -> None:
    task = "- {{id: {0}, prompt: x, scope: [src/], checks: [x], track: {1}}}\n"
    same = "tasks:\n" + task.format("a", "t") + task.format("b", "t")
    assert said(read_plan(same, "p")) == []
    other = "tasks:\n" + task.format("a", "t") + task.format("b", "u")
    assert len(said(read_plan(other, "p"))) == 1


def test_many_overlaps_are_summed_up() -> None:
    lines = [f"- {{id: t{n}, prompt: x, scope: [src/], checks: [x]}}\n" for n in range(40)]
    lines_said = said(read_plan("tasks:\n" + "".join(lines), "p"))
    assert len(lines_said) == 11
    assert any("770 more pairs" in line for line in lines_said)


def test_many_faults_are_counted() -> None:
    lines = [f"- {{id: t{n}, prompt: x, need: []}}\n" for n in range(COMPLAINTS_MAX + 50)]
    read = read_plan("tasks:\n" + "".join(lines), "p")
    assert len(read.errors) == COMPLAINTS_MAX + 1
    assert "and 50 more" in str(read.errors[-1])


def test_complaints_about_needs_wait_for_legal_ids() -> None:
    text = "tasks:\n- {id: the api, prompt: x}\n- {id: ui, prompt: x, needs: [the-api]}\n"
    assert len(said(read_plan(text, "p"))) == 1


def test_files(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.md").write_text("do ä\r\n", "utf-8")
    plan = tmp_path / "plan.yaml"
    plan.write_bytes("\ufefftasks:\n- {id: a, prompt_file: prompts/a.md}\n".encode())
    assert plan_of(read_plan_file(plan)).tasks[0].prompt == "do ä\r\n"
    assert "there is no such file" in said(read_plan_file(tmp_path / "no.yaml"))[0]
    assert said(read_plan_file(tmp_path, source="x")) == [
        "x: this is a folder (name the plan file in it)"
    ]
    assert "no prompt files" in said(read_plan(plan.read_text("utf-8"), "p"))[0]
    assert said(read_plan_file("a\0b", source="x"))[0].startswith("x: cannot be read")


def test_a_prompt_of_a_megabyte() -> None:
    line = "x" * 70 + "\n"
    block = "tasks:\n- id: a\n  checks: [x]\n  prompt: |\n" + ("    " + line) * 15_000
    assert plan_of(read_plan(block, "p")).tasks[0].prompt == line * 15_000
    one = "tasks:\n- {id: a, prompt: '" + "y" * 1_000_000 + "'}\n"
    assert len(plan_of(read_plan(one, "p")).tasks[0].prompt) == 1_000_000


def test_a_json_plan_of_thirty_thousand_tasks() -> None:
    tasks = [
        {"id": f"t{n}", "prompt": "do", "needs": [f"t{n - 1}"] if n else [], "scope": [f"s/{n}/"]}
        for n in range(30_000)
    ]
    read = read_plan(json.dumps({"tasks": tasks}), "p")
    assert len(plan_of(read).tasks) == 30_000
    assert len(read.warnings) == 1
    tasks[-1]["nees"] = []
    assert said(read_plan(json.dumps({"tasks": tasks}), "p"))[0].endswith("(did you mean 'needs'?)")


def test_importing_the_room_is_cheap() -> None:
    code = (
        "import sys, gangsaw.plan\n"
        'gangsaw.plan.read_plan(\'{"tasks": [{"id": "a", "prompt": "x"}]}\', \'p\')\n'
        "print([n for n in sys.modules if n.split('.')[0] in {'ruamel', 'pydantic', 'rich'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- anything at all ---------------------------------------------------------------------------

MARKS = "tasks:~- ~id: a~prompt: x~needs: [a]~{~}~[~]~&a ~*a~>~'~\"~\\~!t ~# c~...~<<: ~? ~: ~|"
ODD = ["~", "\n", "  ", "---\n", "\t", "%YAML 1.2\n", "\ud800", "\0", "\x07", "\u2028", "\x85"]
SNIPPETS = st.sampled_from([*MARKS.split("~"), *ODD, "9" * 30, '"\\Uffffffff"'])


@given(st.one_of(st.text(), st.lists(SNIPPETS, max_size=25).map("".join)))
@settings(max_examples=600, deadline=None)
@example('{"tasks": [{"id": "\\ud800", "prompt": "\\ud800"}]}')
@example('{"tasks": ' + "[" * 5000)
@example('{"tasks": ' + "[" * 3000 + "]" * 3000 + "}")
@example('{"a": ' + "9" * 5000 + "}")
@example("tasks: [{id: " + "9" * 5000 + ", prompt: x}]")
@example("!<tag:yaml.org,2002:str> x")
@example("%TAG ! tag:x\n---\na")
@example("{")
def test_any_text_gives_a_plan_or_complaints(text: str) -> None:
    read = read_plan(text, "p")
    assert (read.plan is None) == bool(read.errors)
    lines = text.removeprefix("\ufeff").split("\n")
    for complaint in (*read.errors, *read.warnings):
        assert 1 <= complaint.line <= len(lines) + text.count("\r") + 1
        assert complaint.col >= 1
        assert str(complaint).isprintable(), repr(str(complaint))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    "id title prompt prompt_file needs scope track priority agent model checks review workspace"
    " timeout_s attempts budget env".split()
)


@given(
    st.lists(st.dictionaries(KEYS, VALUES, max_size=6) | VALUES, max_size=3),
    st.dictionaries(KEYS, VALUES, max_size=3),
)
@settings(max_examples=300, deadline=None)
def test_any_values_give_a_plan_or_complaints(tasks: list[object], defaults: object) -> None:
    text = json.dumps({"tasks": tasks, "defaults": defaults})
    read = read_plan(text, "p")
    assert (read.plan is None) == bool(read.errors)
    assert all(str(complaint).isprintable() for complaint in read.errors)
    if read.plan is not None:
        json.dumps(plan_json(read.plan)).encode()


@given(content=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_plan_or_complaints(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    read = read_plan_file(path)
    assert (read.plan is None) == bool(read.errors)
