"""Tracks of a plan: their agent, their order, and what is said where they are wrong."""

from __future__ import annotations

from gangsaw.plan.reader import PlanRead, read_plan

PLAN = """version: 1
defaults: {agent: most}
tracks:
  pipeline: {agent: first, ordered: true}
  loose: {agent: second}
tasks:
  - {id: a, track: pipeline, prompt: x}
  - {id: b, track: loose, prompt: x}
  - {id: c, track: pipeline, agent: own, prompt: x}
  - {id: d, track: pipeline, needs: [b, c], prompt: x}
  - {id: e, track: loose, prompt: x}
  - {id: f, prompt: x}
"""


def read(text: str, **more: object) -> PlanRead:
    return read_plan(text, "plan.yaml", checked=True, **more)  # type: ignore[arg-type]


def said(text: str, **more: object) -> list[str]:
    found = read(text, **more)
    return [str(each) for each in (*found.errors, *found.warnings)]


def test_a_track_gives_its_tasks_an_agent_and_an_order() -> None:
    plan = read(PLAN).plan
    assert plan is not None
    found = {task.id: (task.agent, task.needs) for task in plan.tasks}
    assert found == {
        "a": ("first", ()),
        "b": ("second", ()),
        "c": ("own", ("a",)),
        "d": ("first", ("b", "c")),
        "e": ("second", ()),
        "f": ("most", ()),
    }


def test_an_order_that_contradicts_the_needs_is_named_with_its_place() -> None:
    text = PLAN.replace("{id: a, track: pipeline,", "{id: a, track: pipeline, needs: [d],")
    assert said(text) == [
        "plan.yaml:4:37: tracks.pipeline.ordered: the order of the track contradicts the needs: "
        "a → d → c → a (each waits for the next; put them in the file in the order of their needs)"
    ]


def test_what_is_wrong_with_a_track_is_said_with_its_place() -> None:
    assert said(PLAN.replace("ordered: true", "ordred: true"))[0].startswith("plan.yaml:4:")
    assert "ordered" in said(PLAN.replace("ordered: true", "ordred: true"))[0]
    assert said(PLAN.replace("ordered: true", "ordered: maybe"))[0].startswith("plan.yaml:4:")
    assert "a track must be a table" in said(PLAN.replace("{agent: second}", "second"))[0]
    assert said(PLAN.replace("  loose:", "  lose:")) == [
        "plan.yaml:5:3: tracks.lose: no task is of the track 'lose' (did you mean 'loose'?)"
    ]


def test_a_track_of_an_unknown_agent_is_named_where_it_stands() -> None:
    known = {"most", "own", "first"}
    assert said(PLAN, known_agents=known) == [
        "plan.yaml:5:18: tracks.loose.agent: no agent is called 'second' "
        "(known agents: first, most, own)"
    ]


def test_a_task_may_ask_to_run_alone() -> None:
    plan = read(PLAN.replace("{id: f,", "{id: f, alone: true,")).plan
    assert plan is not None
    assert [task.id for task in plan.tasks if task.alone] == ["f"]
    assert "true, false" in said(PLAN.replace("{id: f,", "{id: f, alone: perhaps,"))[0]
    assert "alone" in said(PLAN.replace("{id: f,", "{id: f, barrier: true,"))[0]
