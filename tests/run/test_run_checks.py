"""Checks with the real program: which are needed, what is told of them, and what is kept."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

COMMIT = "git add -A; git commit -qm work-of-$GANGSAW_TASK\n"


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    return Playground(tmp_path)


def ledger(line: str) -> str:
    """Shell that notes that a check ran."""
    return f'echo {line} >> "$LEDGER"'


def settings(*checks: str) -> str:
    head = '[checks]\npass_env = ["LEDGER"]\n'
    return head + "".join(f"\n[[checks.run]]\n{textwrap.dedent(each)}" for each in checks)


def of_kind(pg: Playground, kind: str) -> list[dict[str, Any]]:
    return [event["body"] for event in pg.events() if event["kind"] == kind]


def why(pg: Playground, task: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pg.call("why", task, "--json").stdout)
    return found


def test_a_check_runs_only_where_its_paths_are_touched(pg: Playground) -> None:
    docs = f"name = 'docs'\nrun = '{ledger('docs')}'\npaths = ['docs/']\n"
    after = f"name = 'whole'\nrun = '{ledger('whole')}'\nwhen = 'after'\n"
    code = f"name = 'code'\nrun = '{ledger('code')}'\npaths = ['*.py']\norder = -1\n"
    pg.settings(settings(docs, code, after))
    plan = pg.plan(
        [
            {"id": "text", "prompt": f"mkdir docs; echo a > docs/a\n{COMMIT}"},
            {"id": "code", "prompt": f"echo 1 > a.py\n{COMMIT}", "needs": ["text"]},
        ]
    )
    pg.run(plan)
    ran = [line[0] for line in pg.ledger_lines()]
    # The candidate of each is the tree of its work: it is not checked again.
    assert [name for name in ran if name != "whole"] == ["docs", "code"]
    assert 1 <= ran.count("whole") <= 2
    judged = of_kind(pg, "after.judged")
    assert judged[-1]["judgement"] == "passed"
    assert judged[-1]["commit"] == pg.git("rev-parse", "gangsaw/run/r1")
    assert pg.status()["red_after_landing"] == ""


def test_what_is_red_after_landing_is_shown_and_asks_a_person(pg: Playground) -> None:
    run = f'{ledger("slow")}; echo "--- FAIL: TestSlow (0.1s)"; exit 1'
    pg.settings(settings(f"name = 'slow'\nrun = '''{run}'''\nwhen = 'after'\n"))
    plan = pg.plan([{"id": "a", "prompt": f"echo a > a\n{COMMIT}"}])
    status = pg.run(plan, expect=3)
    assert (status["state"], status["exit_code"]) == ("landed", 3)
    assert status["red_after_landing"].startswith("check failed: slow (TestSlow) on ")
    assert status["red_after_landing"].endswith("landed since it was green: a · gangsaw undo a")
    assert "red after landing, needs you: check failed: slow" in pg.call("status").stdout
    # Believed after a second run on the same commit.
    assert [line[0] for line in pg.ledger_lines()] == ["slow", "slow"]


def test_failing_tests_of_a_report_are_told_to_people_and_to_the_agent(pg: Playground) -> None:
    case = '<testcase classname="t.test_a" name="test_b"><failure/></testcase>'
    report = f"<testsuite>{case}</testsuite>"
    run = f"test -e good || {{ echo '{report}' > report.xml; exit 1; }}"
    pg.settings(settings(f'name = "unit"\nrun = """{run}"""\njunit = "report.xml"\nretries = 0\n'))
    prompt = f"echo x >> work\ntest $GANGSAW_TURN = 1 || echo fixed > good\n{COMMIT}"
    pg.run(pg.plan([{"id": "a", "prompt": prompt}]))
    (first, *_) = of_kind(pg, "verdict.reached")
    assert first["results"][0]["failing"] == ["t.test_a::test_b"]
    (back,) = of_kind(pg, "work.returned")
    assert back["text"] == "check failed: unit (t.test_a::test_b)"
    prompts = sorted((pg.repo / ".git/gangsaw/attempts/r1/a.1").glob("prompt-*.md"))
    assert "failed: t.test_a::test_b" in prompts[-1].read_text()
    assert "unit (t.test_a::test_b)" in pg.call("why", "a").stdout


def test_a_flaky_check_is_run_again_and_named_with_its_rate(pg: Playground) -> None:
    run = f'{ledger("unit")}; test $(grep -c unit "$LEDGER") -gt 1'
    pg.settings(settings(f"name = 'unit'\nrun = '''{run}'''\n"))
    status = pg.run(pg.plan([{"id": "a", "prompt": f"echo a > a\n{COMMIT}"}]))
    assert status["flaky"] == [{"name": "unit", "red": 1, "runs": 2}]
    (check,) = why(pg, "a")["checks"]
    assert (check["judgement"], check["red_runs"], check["flaky"]) == (
        "passed", 1, {"red": 1, "runs": 2},
    )  # fmt: skip
    assert "after 1 red run on the same tree · flaky: 1 of 2" in pg.call("why", "a").stdout
    assert "flaky: unit 1 of 2" in pg.call("status").stdout


@pytest.mark.parametrize("cache", ["true", "false"])
def test_a_tree_is_not_checked_again_by_a_later_run(pg: Playground, cache: str) -> None:
    pg.settings(
        f"[checks]\ncache = {cache}\npass_env = ['LEDGER', 'KIND']\nrun = ['{ledger('unit')}']\n"
    )
    plan = pg.plan([{"id": "a", "prompt": f"echo a > a\n{COMMIT}"}])
    pg.run(plan, "--deliver", "never")
    pg.run(plan, "--deliver", "never", "--new")
    once = cache == "true"
    assert len(pg.ledger_lines()) == (1 if once else 2)
    (check,) = why(pg, "a")["checks"]
    assert check["seen_in"] == ("r1" if once else None)
    if once:
        pg.env["KIND"] = "other"
        pg.run(plan, "--deliver", "never", "--new")
        assert len(pg.ledger_lines()) == 2
