"""`gangsaw prompt`: exactly what an agent will be told, before it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gangsaw.core.model import TurnKind
from gangsaw.testing.playground import Playground
from gangsaw.views.schemas import printed_schema
from tests.cli.shapes import misfits

COMMIT = "echo x > $GANGSAW_TASK.txt; git add -A; git commit -qm work"


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    made = Playground(tmp_path)
    made.write("agents/careful.md", "---\nname: careful\n---\nBe careful.\n")
    made.write("AGENTS.md", "# Rules\n")
    made.git("add", "-A")
    made.git("commit", "-qm", "roles")
    tasks = [
        {"id": "a", "title": "First", "prompt": COMMIT, "role": "careful", "scope": ["a.txt"],
         "checks": ["grep -q x a.txt"]},
        {"id": "b", "title": "Second", "prompt": COMMIT, "needs": ["a"], "review": "person"},
    ]  # fmt: skip
    made.plan(tasks).rename(made.repo / "plan.json")
    return made


def told(pg: Playground, *words: str) -> dict[str, Any]:
    done = pg.call("prompt", *words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert misfits(found, printed_schema("prompt")) == []
    return found


def test_before_a_run_it_is_what_the_run_then_says(pg: Playground) -> None:
    before = {name: told(pg, name)["prompt"] for name in ("a", "b")}
    assert pg.call("run", pg.repo / "plan.json").returncode == 3
    for name, prompt in before.items():
        assert (pg.repo / f".git/gangsaw/attempts/r1/{name}.1/prompt-1.md").read_text() == prompt
    assert "Be careful." in before["a"]
    assert "- Read AGENTS.md of this repository first." in before["a"]


@pytest.mark.parametrize("kind", TurnKind)
def test_every_kind_of_turn_can_be_seen(pg: Playground, kind: TurnKind) -> None:
    found = told(pg, "a", "--kind", kind.value)
    assert (found["task"], found["attempt"], found["kind"]) == ("a", "a.1", kind.value)
    assert "{{" not in found["prompt"]
    assert found["readonly"] is (kind is TurnKind.REVIEW)
    examples = {
        TurnKind.FIX: ["command", "output"], TurnKind.RESOLVE: ["files", "base", "reason"],
        TurnKind.CONTINUE: ["reason"], TurnKind.REVIEW: ["stat"],
    }  # fmt: skip
    assert found["examples"] == examples.get(kind, [])
    assert not (pg.repo / ".git/gangsaw").exists()


def test_of_a_run_that_goes_on_it_is_the_next_turn(pg: Playground) -> None:
    assert pg.call("run", pg.repo / "plan.json").returncode == 3
    assert pg.call("reject", "b", "-m", "Not like this.").returncode == 0
    found = told(pg, "b", "--kind", "resolve")
    assert (found["attempt"], found["kind"]) == ("b.1", "resolve")
    assert told(pg, "b", "--agent", "scripted")["agent"] == "scripted"


def test_for_people_it_is_the_prompt_alone(pg: Playground) -> None:
    done = pg.call("prompt", "a", "--kind", "fix")
    assert done.stdout == told(pg, "a", "--kind", "fix")["prompt"].rstrip("\n") + "\n"
    assert "a.1: a fix turn of sh as careful; examples: command, output" in done.stderr


def test_what_is_not_there_is_said(pg: Playground) -> None:
    assert "cannot find task 'c'" in pg.call("prompt", "c").stderr
    assert "there is no agent called 'nobody'" in pg.call("prompt", "a", "--agent", "nobody").stderr
    (pg.repo / "plan.json").unlink()
    assert "gangsaw prompt TASK --plan FILE" in pg.call("prompt", "a").stderr


def test_secrets_are_not_shown(pg: Playground) -> None:
    pg.write(".env", "API_TOKEN=not-to-be-shown-1\n")
    plan = pg.plan([{"id": "a", "title": "A", "prompt": "use not-to-be-shown-1"}])
    assert "use [secret]" in told(pg, "a", "--plan", str(plan))["prompt"]
