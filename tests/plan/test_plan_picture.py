"""The picture of a plan: snapshots, and that every task and every edge is in it exactly once.

To write the snapshots anew: `python tests/plan/test_plan_picture.py`, and look at them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gangsaw.core.model import Plan, Task
from gangsaw.plan import mermaid, picture, plan_json
from gangsaw.plan.picture import DRAWN_MAX

SNAPSHOTS = Path(__file__).with_name("pictures")


def task(name: str, *needs: str, scope: tuple[str, ...] = (), title: str = "") -> Task:
    return Task(id=name, title=title or name, prompt="x", needs=needs, scope=scope)


FIVE = Plan(
    "five",
    (
        task("schema"),
        task("api", "schema", scope=("src/api.py",)),
        task("ui", "schema", scope=("src/list.py",)),
        task("import", "schema", scope=("src/",)),
        task("e2e", "api", "ui", "import"),
    ),
)


def sixty() -> Plan:
    """Sixty tasks in eleven lanes, with a few long names and joins."""
    tasks = []
    for n in range(60):
        needs = [f"step-{n - 11:02}"] if n >= 11 else []
        if n >= 22 and n % 3 == 0:
            needs += [f"step-{n - 12:02}", f"step-{n - 20:02}"]
        tasks.append(task(f"step-{n:02}", *needs, scope=(f"src/part{n % 25}/",)))
    last = task("a-very-long-name-for-the-last-step-of-all", *(f"step-{n}" for n in range(49, 60)))
    return Plan("sixty", (*tasks[:59], task("step-59", "step-48"), last))


PICTURES = {"five": (FIVE, 100), "five_narrow": (FIVE, 50), "sixty": (sixty(), 100)}


@pytest.mark.parametrize("name", PICTURES)
def test_snapshot(name: str) -> None:
    plan, width = PICTURES[name]
    expected = (SNAPSHOTS / f"{name}.txt").read_text("utf-8")
    assert picture(plan, width=width) == expected


@pytest.mark.parametrize("width", [40, 60, 100, 200])
@pytest.mark.parametrize("plan", [FIVE, sixty()], ids=["five", "sixty"])
def test_no_line_is_too_long(plan: Plan, width: int) -> None:
    assert max(map(len, picture(plan, width=width).splitlines())) <= width


@st.composite
def plans(draw: st.DrawFn, most: int) -> Plan:
    count = draw(st.integers(1, most))
    tasks = []
    for n in range(count):
        earlier = [f"t{m}" for m in range(n)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=4)) if n else []
        tasks.append(task(f"t{n}", *needs))
    return Plan("", tuple(draw(st.permutations(tasks))))


def edges_of(plan: Plan) -> list[tuple[str, str]]:
    return sorted((need, task.id) for task in plan.tasks for need in task.needs)


def drawn_edges(lines: list[str]) -> list[tuple[str, str]]:
    """Read the lanes back: a lane belongs to the task in whose line it last began."""
    owner: dict[int, str] = {}
    edges = []
    for line in lines:
        name = line.split()[0]
        edges += [(owner[col], name) for col, sign in enumerate(line) if sign == "●"]
        owner |= {col: name for col, sign in enumerate(line) if sign in "┐┬"}
    return sorted(edges)


def said_edges(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\n {8,}", " ", text)
    edges = []
    for line in joined.splitlines():
        name, _, needs = line.strip().partition(" needs ")
        edges += [(need, name.strip()) for need in needs.replace(",", " ").split()]
    return sorted(edges)


@given(plans(DRAWN_MAX))
@settings(deadline=None)
def test_small_plans_are_drawn_rightly(plan: Plan) -> None:
    top, _, drawing = picture(plan, width=200).partition("\n\n")
    names = re.findall(r"t\d+", top.partition("longest chain")[0])
    assert sorted(names) == sorted(task.id for task in plan.tasks)
    lanes = drawing.splitlines()[1:]
    assert drawn_edges(lanes) == edges_of(plan)
    if lanes:
        assert sorted(line.split()[0] for line in lanes) == sorted(names)


@given(plans(60).filter(lambda plan: len(plan.tasks) > DRAWN_MAX), st.sampled_from([50, 90]))
@settings(deadline=None)
def test_large_plans_say_each_need_once(plan: Plan, width: int) -> None:
    top, _, needs = picture(plan, width=width).partition("\n\n")
    wave_part = re.findall(r"^(?:  wave \d+| {9,}).*", top, re.MULTILINE)
    names = [n for line in wave_part for n in re.findall(r"t\d+", line.partition("longest")[0])]
    assert sorted(names) == sorted(task.id for task in plan.tasks)
    assert said_edges(needs) == edges_of(plan)


def test_mermaid_labels_are_safe() -> None:
    plan = Plan("", (task("a", title='say "hi" <b>#1</b> & [x] | `y` end'), task("end", "a")))
    lines = mermaid(plan).splitlines()
    assert lines[0] == "flowchart LR"
    assert lines[1] == (
        '  t0["a: say #34;hi#34; #60;b#62;#35;1#60;/b#62; #38; #91;x#93; #124; #96;y#96; end"]'
    )
    assert lines[2:] == ['  t1["end"]', "  t0 --> t1"]


def test_json() -> None:
    found = plan_json(FIVE)
    assert found["waves"] == [["schema"], ["api", "ui", "import"], ["e2e"]]
    assert found["longest_chain"] == ["schema", "api", "e2e"]
    assert found["one_after_the_other"] == [
        {"tasks": ["api", "import"], "path": "src/api.py"},
        {"tasks": ["ui", "import"], "path": "src/list.py"},
    ]
    assert [each["id"] for each in found["tasks"]] == [each.id for each in FIVE.tasks]


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for name, (plan, width) in PICTURES.items():
        (SNAPSHOTS / f"{name}.txt").write_text(picture(plan, width=width), "utf-8")
