"""How each real agent program is pointed at the scripted model, and what is known not to work.

One entry here makes an adapter's program go through all of `test_cli_capabilities.py`. Nothing of
the caller's environment reaches it: a home of its own, a key that is none, a server on loopback.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Pairs = Mapping[str, str]

# What the scenario `edit` uses: 1430 fresh, 82 out, 3400 from the cache.
EDIT_TOKENS = 1430 + 82 + 3400


def nothing(url: str) -> Pairs:
    """No variables."""
    return {}


def no_files(home: Path, url: str) -> None:
    """No files."""


def no_arguments(url: str) -> tuple[str, ...]:
    """No arguments."""
    return ()


@dataclass(frozen=True)
class RealAgent:
    """One program, which has the name of its kind; or `program` by the protocol that its kind
    speaks, started by `command` (its own arguments). `key` is the variable with its (false) key:
    `login` takes it away, with the variables named in `signs_in`. `env` and `arguments` go into
    the agent's settings, `files` are written into its home first; all of them are told the
    server's address.

    `tokens` and `cost` are what the scenario `edit` comes to. `saved` are words that one file of
    its home holds once the session can be resumed. `untooled`: the model's answer is its only
    tool, so a scenario has one step. `reset_s` is how long the used up allowance lasts: longer
    than the program itself tries again, `quota_says` what the vendor says to it, where not in its
    usual words. `lacks` says of a capability why it does not work.
    """

    kind: str
    model: str
    key: str
    program: str = ""
    command: tuple[str, ...] = ()
    signs_in: tuple[str, ...] = ()
    env: Callable[[str], Pairs] = nothing
    arguments: Callable[[str], tuple[str, ...]] = no_arguments
    files: Callable[[Path, str], None] = no_files
    tokens: int = EDIT_TOKENS
    cost: float | None = None
    saved: tuple[bytes, ...] = (b"begun.txt",)
    resumes: bool = True
    untooled: bool = False
    reset_s: float = 3.0
    quota_says: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called in a plan and in the table."""
        return f"{self.kind}-{self.program}" if self.program else self.kind


def _claude(url: str) -> Pairs:
    pairs = {
        "ANTHROPIC_BASE_URL": url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }
    # As root it refuses to skip permissions without this word.
    return pairs | ({"IS_SANDBOX": "1"} if os.geteuid() == 0 else {})


def _codex(url: str) -> tuple[str, ...]:
    provider = (
        f'{{name="scripted",base_url="{url}/v1",env_key="SCRIPTED_KEY",wire_api="responses",'
        "request_max_retries=0,stream_max_retries=0}"
    )
    return ("-c", 'model_provider="scripted"', "-c", f"model_providers.scripted={provider}")


def _gemini(home: Path, url: str) -> None:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"maxAttempts": 1},
    }
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text(json.dumps(settings))


def _qwen(home: Path, url: str) -> None:
    settings = {"model": {"generationConfig": {"maxRetries": 0}}, "$version": 4}
    (home / ".qwen").mkdir()
    (home / ".qwen" / "settings.json").write_text(json.dumps(settings))


def _copilot(url: str) -> Pairs:
    return {
        "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
        "COPILOT_MODEL": "scripted",
        "COPILOT_AUTO_UPDATE": "false",
    }


def _openai(url: str) -> Pairs:
    return {"OPENAI_API_BASE": f"{url}/v1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def _opencode(url: str) -> Pairs:
    # One of its own providers: those that only a configuration names may do without a key.
    model = {"cost": {"input": 1, "output": 2, "cache_read": 0.1}}
    config = {
        "provider": {"openai": {"options": {"baseURL": f"{url}/v1"}, "models": {"gpt-4o": model}}},
        "small_model": "openai/gpt-4o",
        "autoupdate": False,
        "share": "disabled",
    }
    return {
        "OPENCODE_CONFIG_CONTENT": json.dumps(config),
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    }


NO_RESET = "what it repeats of the vendor's refusal does not say when the limit passes"

AGENTS: tuple[RealAgent, ...] = (
    RealAgent(
        "claude", "claude-sonnet-4-5", "CLAUDE_CODE_OAUTH_TOKEN", env=_claude, cost=0.006555,
        saved=(b"begun.txt", b'"tool_result"'),
    ),
    RealAgent("codex", "scripted", "SCRIPTED_KEY", arguments=_codex),
    RealAgent(
        "gemini", "gemini-2.5-flash", "GEMINI_API_KEY", files=_gemini,
        env=lambda url: {"GOOGLE_GEMINI_BASE_URL": url},
    ),
    RealAgent(
        "qwen", "scripted", "OPENAI_API_KEY", files=_qwen,
        # Any other 429 it waits for itself, in silence.
        quota_says="The quota of this hour is exceeded; it will reset in 3 s.",
        env=lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_MODEL": "scripted"},
    ),
    RealAgent(
        "opencode", "openai/gpt-4o", "OPENAI_API_KEY", env=_opencode, cost=0.001914,
        lacks={"quota": "it waits for the vendor's reset itself, and cannot be told not to"},
    ),
    RealAgent(
        "copilot", "scripted", "COPILOT_PROVIDER_API_KEY", env=_copilot,
        # A provider on loopback may do without a key: without the provider nobody is signed in.
        signs_in=("COPILOT_PROVIDER_BASE_URL",),
        lacks={"quota": "it does not tell when the allowance comes back; parked all the same"},
    ),
    RealAgent(
        "aider", "openai/scripted", "OPENAI_API_KEY", env=_openai, untooled=True, tokens=1540,
        lacks={"quota": NO_RESET},
    ),
    RealAgent(
        "mini", "openai/scripted", "OPENAI_API_KEY", resumes=False, env=_openai,
        lacks={"quota": NO_RESET},
    ),
    RealAgent(
        # What it saved of a session it cannot always load again: it then goes on in a fresh one.
        "acp", "gemini-2.5-flash", "GEMINI_API_KEY", "gemini", ("--acp", "--skip-trust"),
        resumes=False, files=_gemini, env=lambda url: {"GOOGLE_GEMINI_BASE_URL": url},
    ),
    RealAgent(
        # It tells the tokens of its last request only.
        "acp", "openai/gpt-4o", "OPENAI_API_KEY", "opencode", ("acp",), env=_opencode,
        tokens=110 + 12 + 1600,
        lacks={"quota": "it waits for the vendor's reset itself, and cannot be told not to"},
    ),
    RealAgent(
        "acp", "", "COPILOT_PROVIDER_API_KEY", "copilot", ("--acp",), env=_copilot,
        signs_in=("COPILOT_PROVIDER_BASE_URL",),
        lacks={"quota": "it waits for the vendor's reset itself"},
    ),
)  # fmt: skip
