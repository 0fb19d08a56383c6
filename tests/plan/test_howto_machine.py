"""What docs/howto/machine.md says about settings is so."""

from __future__ import annotations

import re
from pathlib import Path

from gangsaw.core.capacity import DISK_MB, IDLE_MB, WORK_MB, Measured, capacity
from gangsaw.core.model import Limits
from gangsaw.plan import Layer, load_settings
from gangsaw.plan.env_text import FACTS, SETTING
from gangsaw.plan.settings_fields import CONFIG_VARIABLES, MACHINE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "machine.md"
TEXT = PAGE.read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[0]
    return str(found)


def limits(layer: Layer) -> Limits:
    read = load_settings(layer, None, {})
    assert read.settings is not None, read.errors
    return read.settings.limits


def test_the_settings_shown_are_the_defaults() -> None:
    text = block("toml")
    assert [line.split()[0] for line in text.splitlines()[1:]] == [
        "memory_max_pct", "disk_max_pct", "cpu_warn_pct", "check_every_s",
    ]  # fmt: skip
    assert all(f"{name} = " in TEXT for name in MACHINE.names())
    assert limits(Layer(text, "g")) == limits(Layer("", "g"))


def test_the_lines_shown_say_the_same_but_for_the_number() -> None:
    lines = limits(Layer(block("bash"), "m.env", env=True))
    assert lines == limits(
        Layer(f"{block('toml')}launch_delay_s = 3\n[run]\nmax_agents = 8\n", "g")
    )


def test_every_variable_is_told_and_none_that_there_is_not() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", TEXT)) - {"LOW", "MEDIUM", "HIGH", "VERY_LOW"}
    assert named <= {*SETTING, *FACTS.names(), *CONFIG_VARIABLES, "GANGSAW_"}
    for name in ("MAX_AGENTS", "MEMORY_THRESHOLD", "CHECK_INTERVAL", "CONFIG_FILE"):
        assert name in named
    for name, (section, key) in SETTING.items():
        if section == "machine" and not name.startswith("GANGSAW_"):
            assert re.search(rf"^\| `{name}` \| `{section}.{key}` \|$", TEXT, re.MULTILINE), name


def test_the_figures_of_the_page() -> None:
    found = capacity(Measured(16, 21504, 21146, 412160, agent_mb=312 + WORK_MB))
    assert f"Recommended: {found.recommended} concurrent agents" in TEXT
    assert f"Conservative: {found.conservative} concurrent agents" in TEXT
    assert f"Risk: {found.risk.value}" in TEXT
    assert f"312 MB idle, {312 + WORK_MB} MB expected at work" in TEXT
    for figure in (f"{IDLE_MB} MB", f"{WORK_MB} MB", f"{DISK_MB} MB"):
        assert figure in TEXT
