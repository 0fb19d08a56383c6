"""Settings by `KEY=VALUE` lines and by variables, and who has the last word."""

from __future__ import annotations

import pytest

from gangsaw.core.settings import Settings
from gangsaw.plan import ConfigRead, Layer, load_settings
from gangsaw.plan.env_text import is_env

GUIDE = """\
# System specs
CPU_CORES=16
TOTAL_RAM_MB=21504
AVAILABLE_RAM_MB=21146

# Concurrency limits
MAX_CONCURRENT_AGENTS=8
CONSERVATIVE_MAX_AGENTS=5
RISK_LEVEL=VERY_LOW

# Resource thresholds
MEMORY_THRESHOLD=85
CPU_THRESHOLD=95
DISK_THRESHOLD=70

# Timing
AGENT_LAUNCH_DELAY=7
CHECK_INTERVAL=2.5
BATCHED=true
DRY_RUN=false
"""
SAME = """\
[run]
max_agents = 8
batched = true
dry_run = false
[machine]
memory_max_pct = 85
cpu_warn_pct = 95
disk_max_pct = 70
launch_delay_s = 7
check_every_s = 2.5
"""


def settings(read: ConfigRead) -> Settings:
    assert read.settings is not None, "\n".join(map(str, read.errors))
    return read.settings


def by_file(text: str) -> ConfigRead:
    return load_settings(None, None, {}, config=Layer(text, "m.env", env=True))


def by_toml(text: str) -> Layer:
    return Layer(text, "gangsaw.toml")


def test_the_file_of_the_guide_says_what_the_same_settings_say() -> None:
    read = by_file(GUIDE)
    assert read.warnings == ()
    found, same = settings(read), settings(load_settings(by_toml(SAME), None, {}))
    assert found.limits == same.limits
    assert (found.dry_run, found.agents) == (same.dry_run, same.agents)
    assert (found.limits.max_agents, found.limits.memory_floor_pct) == (8, 15.0)
    assert (found.limits.launch_delay_s, found.limits.batched) == (7.0, True)


def test_variables_say_the_same_too() -> None:
    environ = {
        "MAX_AGENTS": "8", "BATCHED": "TRUE", "DRY_RUN": "false", "MEMORY_THRESHOLD": "85",
        "CPU_THRESHOLD": "95", "DISK_THRESHOLD": " 70 ", "CHECK_INTERVAL": "2.5",
        "AGENT_LAUNCH_DELAY": "7",
    }  # fmt: skip
    same = settings(load_settings(by_toml(SAME), None, {})).limits
    assert settings(load_settings(None, None, environ)).limits == same
    ours = {f"GANGSAW_{name}": value for name, value in environ.items()}
    other = {"MAX_AGENTS": "3", "MEMORY_THRESHOLD": "5", "BATCHED": "false"}
    assert settings(load_settings(None, None, {**other, **ours})).limits == same


@pytest.mark.parametrize(
    "text",
    ["MAX_AGENTS=6", "export MAX_AGENTS=6", ' MAX_AGENTS = "6" # six', "MAX_AGENTS='6'",
     "MAX_AGENTS=6   # six\n\n#MAX_AGENTS=7\r\n", "MAX_AGENTS=6\nMAX_CONCURRENT_AGENTS=6",
     "MAX_AGENTS=3\nMAX_AGENTS=6", "\ufeffMAX_AGENTS=6"],
)  # fmt: skip
def test_ways_of_writing(text: str) -> None:
    assert settings(by_file(text)).limits.max_agents == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\n\n  MEMORY_TRESHOLD=5",
         ["1:1: A: unknown key (known keys: AGENT_LAUNCH_DELAY, ",
          "3:1: MEMORY_TRESHOLD: unknown key (did you mean 'MEMORY_THRESHOLD'?)"]),
        ("MEMORY_THRESHOLD=101", ["1:18: MEMORY_THRESHOLD: must be at most 100, not 101"]),
        ("MEMORY_THRESHOLD=80%", ["1:18: MEMORY_THRESHOLD: must be a number, not '80%'"]),
        ("MAX_AGENTS=2.5", ["1:12: MAX_AGENTS: must be a whole number, not '2.5'"]),
        ("BATCHED = perhaps", ["1:11: BATCHED: must be one of true, false, not 'perhaps'"]),
        ("CHECK_INTERVAL=0", ["1:16: CHECK_INTERVAL: must be more than 0, not 0"]),
        ("MAX_AGENTS=", ["1:12: MAX_AGENTS: has no value (write MAX_AGENTS=4)"]),
        ("RISK_LEVEL=LOWER\nCPU_CORES=none",
         ["1:12: RISK_LEVEL: must be one of VERY_LOW, LOW, MEDIUM, HIGH, not 'LOWER'",
          "2:11: CPU_CORES: must be a whole number, not 'none'"]),
        ("MAX_AGENTS=6\nMAX_CONCURRENT_AGENTS=7",
         ["2:1: MAX_CONCURRENT_AGENTS differs from MAX_AGENTS above, which sets the same"]),
        ("[run]\nmax_agents = 3",
         ["1:1: is no KEY=VALUE", "2:1: max_agents: unknown key (did you mean 'MAX_AGENTS'?)"]),
        ("\n" * 1001, ["1000:1: too many lines"]),
    ],
)  # fmt: skip
def test_faults_of_lines(text: str, said: list[str]) -> None:
    read = by_file(text)
    assert read.settings is None
    found = [str(error).removeprefix("m.env:") for error in read.errors]
    assert len(found) == len(said)
    assert all(error.startswith(start) for error, start in zip(found, said, strict=True)), found


def test_a_file_that_names_a_file_is_told_that_this_does_nothing() -> None:
    read = by_file("CONFIG_FILE=/tmp/x.env\nMAX_AGENTS=2\n")
    assert settings(read).limits.max_agents == 2
    assert [str(warning)[:27] for warning in read.warnings] == ["m.env:1:13: CONFIG_FILE doe"]


def test_bad_variables_name_themselves() -> None:
    environ = {"MEMORY_THRESHOLD": "much", "GANGSAW_DISK_THRESHOLD": "0", "DRY_RUN": "2"}
    assert [str(error) for error in load_settings(None, None, environ).errors] == [
        "environment variable DRY_RUN: must be one of true, false, not '2' (such as true)",
        "environment variable GANGSAW_DISK_THRESHOLD: must be more than 0, not 0"
        " (disk in use, in percent, above which no agent starts)",
        "environment variable MEMORY_THRESHOLD: must be a number, not 'much' (such as 80)",
    ]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("1", True), ("yes", True), ("On", True), ("TRUE", True),
     ("0", False), ("No", False), ("off", False), ("false", False)],
)  # fmt: skip
def test_flags_are_said_as_everybody_says_them(word: str, meant: bool) -> None:
    by_variable = settings(load_settings(None, None, {"BATCHED": word, "DRY_RUN": word}))
    in_file = settings(by_file(f"BATCHED={word}\nGANGSAW_DRY_RUN='{word}'\n"))
    for found in (by_variable, in_file):
        assert (found.limits.batched, found.dry_run) == (meant, meant)


@pytest.mark.parametrize(
    ("name", "text", "env"),
    [
        ("a.env", "", True),
        ("a.toml", "MAX_AGENTS=3", False),
        ("settings", "[run]\nmax_agents = 3", False),
        ("settings", "# note\n\nMAX_AGENTS=3", True),
        ("settings", "export MAX_AGENTS=3", True),
        ("settings", "run.max_agents = 3", False),
        ("settings", "", False),
    ],
)
def test_which_form_a_file_has(name: str, text: str, env: bool) -> None:
    assert is_env(name, text) is env


@pytest.mark.parametrize(
    ("lower", "upper", "floor_pct"),
    [
        ("[run]\nmemory_floor_pct = 5", "[machine]\nmemory_max_pct = 70", 30.0),
        ("[machine]\nmemory_max_pct = 70", "[run]\nmemory_floor_pct = 5", 5.0),
        ("[run]\nmemory_floor_pct = 5", "[run]\nmax_agents = 2", 5.0),
        ("[run]\nmemory_floor_pct = 12.3", "", 12.3),
        ("", "", 20.0),
    ],
)
def test_the_higher_layer_wins_under_either_name(lower: str, upper: str, floor_pct: float) -> None:
    read = load_settings(by_toml(lower), Layer(upper, "user"), {})
    assert settings(read).limits.memory_floor_pct == floor_pct


def test_both_names_in_one_file_are_a_fault() -> None:
    text = "[machine]\nmemory_max_pct = 70\n[run]\nmemory_floor_pct = 30\n"
    assert [str(error) for error in load_settings(by_toml(text), None, {}).errors] == [
        "gangsaw.toml:4:1: run.memory_floor_pct: says the same as machine.memory_max_pct"
        " (remove one of them)"
    ]
