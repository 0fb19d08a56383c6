"""What an agent may see of the user's environment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.agents import KINDS, TurnBrief, adapter_for, allowed_environment
from gangsaw.core.errors import UserError
from gangsaw.core.model import TurnKind
from gangsaw.core.settings import AgentSettings

BRIEF = TurnBrief(
    run="r7",
    task="api",
    attempt="api.2",
    turn=3,
    kind=TurnKind.FIX,
    prompt="mend it",
    prompt_file="/state/prompt.md",
    task_prompt_file="/state/task.md",
    worktree="/wt/api.2",
    ambient=(("PATH", "/bin"), ("GANGSAW_TURN", "99")),
    task_env=(("COLOUR", "red"), ("GANGSAW_RUN", "stolen")),
)
SHELL = {
    "PATH": "/bin",
    "HOME": "/home/u",
    "LC_TIME": "C",
    "XDG_CONFIG_HOME": "/c",
    "https_proxy": "p",
    "AWS_SECRET_ACCESS_KEY": "s",
    "GITHUB_TOKEN": "t",
    "ANTHROPIC_API_KEY": "k",
    "CLAUDE_CONFIG_DIR": "/d",
    "CLAUDE_CODE_SSE_PORT": "1",
    "LD_PRELOAD": "x.so",
    "PYTHONPATH": "/p",
    "BASH_FUNC_x%%": "() { :; }",
}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("command", {"PATH", "HOME", "LC_TIME", "XDG_CONFIG_HOME", "https_proxy"}),
        (
            "claude",
            {"PATH", "HOME", "LC_TIME", "XDG_CONFIG_HOME", "https_proxy", "ANTHROPIC_API_KEY"}
            | {"CLAUDE_CONFIG_DIR"},
        ),
    ],
)
def test_only_what_is_on_the_list_passes(kind: str, names: set[str]) -> None:
    assert {name for name, _ in allowed_environment(SHELL, AgentSettings("a", kind))} == names


def test_settings_name_what_else_passes_and_set_their_own() -> None:
    agent = AgentSettings(
        "a", "command", pass_env=("GITHUB_TOKEN", "AWS_*"), env=(("HOME", "/h"), ("X", "1"))
    )
    allowed = dict(allowed_environment(SHELL, agent))
    assert allowed["GITHUB_TOKEN"] == "t"
    assert allowed["AWS_SECRET_ACCESS_KEY"] == "s"
    assert (allowed["HOME"], allowed["X"]) == ("/h", "1")
    assert "ANTHROPIC_API_KEY" not in allowed


@pytest.mark.parametrize("kind", KINDS)
def test_every_agent_knows_its_turn_and_has_a_safe_git(kind: str) -> None:
    agent = AgentSettings("a", kind, argv=("true",))
    spec = adapter_for(kind).launch(agent, BRIEF)
    env = dict(spec.env)
    assert len(env) == len(spec.env)
    marks = ("GANGSAW_RUN", "GANGSAW_TASK", "GANGSAW_ATTEMPT", "GANGSAW_TURN")
    assert [env[name] for name in marks] == ["r7", "api", "api.2", "3"]
    assert env["COLOUR"] == "red"
    assert (env["GIT_TERMINAL_PROMPT"], env["GIT_EDITOR"]) == ("0", "true")
    assert env["GIT_CONFIG_COUNT"] == "4"
    assert (env["GIT_CONFIG_KEY_0"], env["GIT_CONFIG_VALUE_0"]) == ("gc.auto", "0")
    assert (env["GIT_CONFIG_KEY_1"], env["GIT_CONFIG_VALUE_1"]) == ("maintenance.auto", "false")
    assert env["GIT_OPTIONAL_LOCKS"] == "0"
    assert spec.cwd == "/wt/api.2"


def test_git_configuration_passed_on_purpose_is_counted_on() -> None:
    environ = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "U",
    }
    agent = AgentSettings("a", "command", argv=("true",), pass_env=("GIT_CONFIG_COUNT",))
    brief = replace(BRIEF, ambient=allowed_environment(environ, agent))
    env = dict(adapter_for("command").launch(agent, brief).env)
    assert env["GIT_CONFIG_COUNT"] == "5"
    assert env["GIT_CONFIG_KEY_0"] == "user.name"
    assert env["GIT_CONFIG_KEY_2"] == "maintenance.auto"


def test_an_unknown_kind_is_an_error_with_a_remedy() -> None:
    with pytest.raises(UserError) as raised:
        adapter_for("cluade")
    assert "did you mean 'claude'?" in raised.value.text
    with pytest.raises(UserError) as raised:
        adapter_for("zzz")
    assert f"try one of {', '.join(KINDS)}" in raised.value.text
