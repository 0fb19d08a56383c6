"""Checks as texts, lists and tables, in settings and in plans."""

from __future__ import annotations

import json

import pytest

from gangsaw.core.model import Check, When
from gangsaw.plan import config_schema, read_config, read_plan
from gangsaw.plan.picture import plan_json

TABLES = """
[checks]
cache = false
run = ["make lint", ["pytest", "-q"], {run = "make b"}]
"""

WHOLE = """
[[checks.run]]
name = "unit"
run = ["pytest", "-q"]
paths = ["./src//a", "*.toml"]
when = "landing"
timeout_s = 60
order = 2
junit = "out/report.xml"
sarif = "lint.sarif"
env = ["CI"]
files = [".env"]
retries = 0
only = "pytest -q {tests}"
"""


def checks_of(text: str) -> tuple[Check, ...]:
    read = read_config(text, "gangsaw.toml")
    assert read.errors == ()
    assert read.settings is not None
    return read.settings.checks


def faults(*lines: str) -> list[str]:
    read = read_config("[[checks.run]]\n" + "\n".join(lines), "gangsaw.toml")
    return [f"{each.text.partition(': ')[2]} ({each.remedy})" for each in read.errors]


def test_the_three_forms() -> None:
    assert checks_of(TABLES) == (
        Check("make lint", ("sh", "-c", "make lint")),
        Check("pytest -q", ("pytest", "-q")),
        Check("make b", ("sh", "-c", "make b")),
    )


def test_the_cache_is_on_unless_switched_off() -> None:
    for text, wanted in ((TABLES, False), (WHOLE, True), ("[checks]\ncache = true", True)):
        read = read_config(text, "gangsaw.toml")
        assert read.settings is not None
        assert read.settings.check_cache is wanted


def test_a_table_with_everything() -> None:
    assert checks_of(WHOLE) == (
        Check(
            "unit", ("pytest", "-q"), ("src/a", "*.toml"), When.LANDING, 60.0, 2,
            "out/report.xml", "lint.sarif", ("CI",), (".env",), 0, "pytest -q {tests}",
        ),
    )  # fmt: skip


def test_a_plan_has_the_same_forms() -> None:
    tables = [{"name": "unit", "run": "make", "when": "after"}, "lint"]
    text = json.dumps({"tasks": [{"id": "a", "prompt": "x", "checks": tables}]})
    read = read_plan(text, "plan.json")
    assert read.errors == ()
    assert read.plan is not None
    assert read.plan.tasks[0].checks == (
        Check("unit", ("sh", "-c", "make"), when=When.AFTER), Check("lint", ("sh", "-c", "lint")),
    )  # fmt: skip
    (task,) = plan_json(read.plan)["tasks"]
    assert task["checks"][0]["when"] == "after"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["name = 'a'"], 'run is missing (write run = "pytest -q")'),
        (["run = 'x'", "stage = 1"], "unknown key (did you mean 'order'?)"),
        (
            ["run = 'x'", "when = 'later'"],
            "must be one of always, work, landing, after, not 'later'",
        ),
        (["run = 'x'", "junit = '../r.xml'"], "'../r.xml' leaves the repository with '..'"),
        (["run = 'x'", "junit = '/r.xml'"], "'/r.xml' is not below the repository"),
        (["run = 'x'", "sarif = '*.sarif'"], "'*.sarif' is not one file"),
        (["run = 'x'", "retries = 11"], "must be at most 10, not 11"),
        (["run = []"], "names no program"),
        (["run = 'x'", "only = 'x tests'"], "says nowhere which tests: it needs {tests} (such as"),
        (["run = 'x'", "timeout_s = 0"], "must be more than 0, not 0"),
    ],
)
def test_what_is_wrong_is_said(lines: list[str], said: str) -> None:
    (found,) = faults(*lines)
    assert found.startswith(said)


def test_two_checks_of_one_name_must_be_the_same() -> None:
    again = ["name = 'a'", "run = 'x'", "[[checks.run]]", "name = 'a'"]
    (found,) = faults(*again, "run = 'y'")
    assert found == "another check is called 'a' too (give each its own name)"
    assert faults(*again, "run = 'x'") == []


def test_the_schema_knows_tables() -> None:
    run = config_schema()["properties"]["checks"]["properties"]["run"]
    table = run["items"]["anyOf"][2]
    assert table["required"] == ["run"]
    assert set(table["properties"]) >= {"name", "paths", "when", "order", "junit", "retries"}
