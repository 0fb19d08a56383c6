"""The pages about reports and simulations: their commands are given, on a plan of theirs."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    text = (HOWTO / page).read_text(encoding="utf-8")
    found = _BLOCK.findall(text)
    return [body for _, kind, body in found if kind == language]


def commands(page: str) -> list[list[str]]:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    found = [shlex.split(line) for line in lines]
    assert found
    assert all(words[0] == "gangsaw" for words in found)
    return [words[1:] for words in found]


@pytest.fixture
def ground(tmp_path: Path) -> Playground:
    """With the plan of the page about simulations, as its agents' prompts are no shell scripts."""
    made = Playground(tmp_path, agent="scripted", max_agents=2)
    (plan,) = blocks("simulate.md", "yaml")
    lines = plan.splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    made.write("plan.yaml", "".join(f"{line[indent:]}\n" for line in lines))
    return made


def test_the_page_about_simulations(ground: Playground) -> None:
    said = {}
    for words in commands("simulate.md"):
        done = ground.call(*words)
        assert done.returncode == 0, done.stderr
        said[" ".join(words)] = done.stdout
    assert "start schema\n" in said["run --dry-run"]
    assert "Write the API." in said["run --dry-run --verbose"]
    assert "Suggested: 2 agents" in said["simulate"]
    assert "3 from the plan" in said["simulate"]
    # 900 of schema and 60 of its check, twice: of its work and of its landing; then api.
    assert "schema → api" in said["simulate"]


def test_the_page_about_reports(ground: Playground) -> None:
    script = "#!script\nwrite {n}.txt x\ncommit {n}\n"
    ground.run(ground.plan([{"id": n, "prompt": script.format(n=n)} for n in ("a", "b")]))
    for words in commands("report.md"):
        done = ground.call(*words)
        assert done.returncode == 0, done.stderr
        assert done.stdout
    assert (ground.repo / "report.md").read_text().startswith("# Run r1")
    assert (ground.repo / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert (ground.repo / "timeline.svg").read_text().startswith("<svg ")
    assert json.loads(ground.call("report", "--json").stdout)["totals"]["landed"] == 2


def test_the_page_names_every_part_of_a_report(ground: Playground) -> None:
    script = "#!script\nusage 1 1 0.1\nwrite {n}.txt x\ncommit {n}\n"
    bodies = [{"id": n, "prompt": script.format(n=n), "track": "t"} for n in ("a", "b")]
    ground.run(ground.plan([*bodies, {"id": "c", "prompt": "#!script\nfail 1\n", "attempts": 1}],
                           defaults={"checks": ["true"]}), expect=1)  # fmt: skip
    text = (HOWTO / "report.md").read_text()
    parts = re.findall(r"^## (.+)$", ground.call("report").stdout, re.MULTILINE)
    assert len(parts) == 12
    assert all(re.search(rf"^\| .*{part}.* \|", text, re.MULTILINE) for part in parts)
