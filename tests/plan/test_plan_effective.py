"""The settings in force, as they are printed, and where each came from."""

from __future__ import annotations

import pytest

from gangsaw.core.settings import Settings
from gangsaw.plan import Layer, load_settings
from gangsaw.plan.effective import in_force, toml_key, toml_value
from gangsaw.plan.origins import MEMORY_FLOOR, Flags
from gangsaw.plan.settings_fields import SECTIONS
from tests.plan.test_plan_config import FULL

MORE = """\
[honesty]
secret = "review"
large_kb = 7
allow = ["docs/**: binary"]
[radar]
policy = "show"
every_s = 3
[machine]
disk_max_pct = 77.5
[agents."a.b"]
kind = "claude"
env = {X = "\\"quoted\\" \\\\ and\\ttab\\u007f"}
"""


def printed(text: str) -> tuple[Settings, str]:
    """The settings of a text, and the text that says them anew."""
    read = load_settings(Layer(text, "g"), None, {})
    assert read.settings is not None, read.errors
    lines: list[str] = []
    for setting in in_force(read.settings, read.sources):
        if setting.value is not None:
            lines.append(".".join(toml_key(str(step)) for step in setting.path))
            lines[-1] += f" = {toml_value(setting.value)}"
    return read.settings, "\n".join(lines)


@pytest.mark.parametrize("text", ["", FULL, MORE, FULL + MORE])
def test_what_is_printed_says_the_same_settings(text: str) -> None:
    settings, again = printed(text)
    repeated, last = printed(again)
    assert last == again
    assert repeated.limits.agents == settings.limits.agents
    assert (repeated.checks, repeated.agents) == (settings.checks, settings.agents)
    assert repeated.worktree == settings.worktree


def test_a_check_with_more_than_its_command_is_printed_whole() -> None:
    text = (
        '[checks]\nrun = [{run = "make x", paths = ["src/"], when = "after"},'
        ' {name = "n", run = ["a", "b"], order = 2}, "ls"]\n'
    )
    settings, again = printed(text)
    assert printed(again)[0].checks == settings.checks


def test_every_setting_is_told() -> None:
    read = load_settings(None, None, {})
    assert read.settings is not None
    told = {setting.path for setting in in_force(read.settings, read.sources)}
    known = {(name, key) for name, shape in SECTIONS.items() for key in shape.names()}
    assert told == known - {MEMORY_FLOOR}


def test_origins() -> None:
    repo = Layer('[run]\nmax_agents = 2\nturns = 5\n\n[agents.a]\nkind = "claude"\n', "g.toml")
    user = Layer("[run]\nturns = 1\nattempts = 2\nmemory_floor_pct = 9\n", "user.toml")
    config = Layer("# x\nMEMORY_THRESHOLD=70\nMAX_AGENTS=3\nDISK_THRESHOLD=60\n", "m.env", env=True)
    environ = {"DISK_THRESHOLD": "50", "GANGSAW_DISK_THRESHOLD": "55", "DRY_RUN": ""}
    flags: Flags = {"--max-agents": ("run", "max_agents", 9)}
    read = load_settings(repo, user, environ, config=config, flags=flags)
    assert read.settings is not None
    found = {
        ".".join(map(str, each.path)): (each.value, str(each.origin))
        for each in in_force(read.settings, read.sources)
    }
    assert found["run.max_agents"] == (9, "flag --max-agents")
    assert found["run.turns"] == (1, "user.toml:2")
    assert found["run.attempts"] == (2, "user.toml:3")
    assert found["machine.memory_max_pct"] == (70.0, "m.env:2")
    assert found["machine.disk_max_pct"] == (55.0, "variable GANGSAW_DISK_THRESHOLD")
    assert found["run.dry_run"] == (False, "default")
    assert found["agents.a.kind"] == ("claude", "g.toml:6")
    assert read.settings.limits.max_agents == 9


def test_the_other_name_of_a_setting_is_where_it_came_from() -> None:
    read = load_settings(Layer("[run]\nmemory_floor_pct = 9\n", "g"), None, {})
    assert read.settings is not None
    found = [
        each for each in in_force(read.settings, read.sources) if "memory_max_pct" in str(each.path)
    ]
    assert [(each.value, str(each.origin)) for each in found] == [(91.0, "g:2")]


def test_a_table_within_pyproject_has_the_lines_of_its_file() -> None:
    text = "[project]\n[tool.gangsaw.run]\nmax_agents = 3\n"
    read = load_settings(Layer(text, "pyproject.toml", ("tool", "gangsaw")), None, {})
    assert str(read.sources.of(("run", "max_agents"))) == "pyproject.toml:3"
