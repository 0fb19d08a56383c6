"""Codex, headless: the prompt on standard input, a JSON line per event on standard output.

Facts measured with version 0.169.0, each a rule here:

- The session (its thread) is told in the first event. `codex exec resume` takes no folder, sandbox
  or approval of its own: these have to stand before the word `resume`, or the resumed turn runs
  in a read-only sandbox.
- The figures of `turn.completed` are those of the whole thread, resumed turns included.
- In its sandbox a linked worktree cannot be committed in: `-s workspace-write` needs the main
  repository's git folder *and* the worktree's own folder within it, each by `--add-dir`.
- What its sandbox refuses leaves no event, and the exit code is 0.
- Its home must not lie below the system's folder for temporary files: then it cannot make the
  program its sandbox is run by, and every command fails.
- Of keys in the environment it takes `CODEX_API_KEY` only; `OPENAI_API_KEY` is looked at when
  signing in, not when running.
- A used-up allowance ends the turn at once, with the time of day at which it passes. A plain 429
  is waited for as long as the vendor says, an hour if need be, and after the first event of it in
  silence. For the built-in provider that cannot be changed (`model_providers.openai` is refused);
  a provider that the settings' `args` choose is told to give up instead, so that the engine waits,
  with the slot given back. `stream_max_retries` in the same `args` goes before that. A provider
  named in Codex's own config.toml is left as it is: set `stream_max_retries = 0` there.
"""

from __future__ import annotations

import re
from itertools import pairwise

from gangsaw.agents.codex_stream import CodexReader
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Program, Reader, TurnBrief
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

_BYPASS = "--dangerously-bypass-approvals-and-sandbox"
_BUILT_IN = frozenset({"openai", "oss", "ollama", "lmstudio"})
_RETRIES = (("request_max_retries", 2), ("stream_max_retries", 0))

_SANDBOX_WITH_VALUE = ("-s", "--sandbox")
_SANDBOX_ALONE = (_BYPASS, "--approve-for-me", "--full-auto", "--yolo")
_CONFIG = ("-c", "--config")


class CodexAdapter:
    """Runs `codex exec` with full approval, unless the settings' `args` name a sandbox."""

    kind = "codex"
    resumes = True
    program = Program(
        "codex",
        tested=("0.169.0", "0.170"),
        install="npm install -g @openai/codex",
        sign_in="codex login",
        keys=("CODEX_API_KEY",),
        key_files=(".codex/auth.json",),
        traps=(
            "a home folder below the system's temporary folder breaks its sandbox",
            "OPENAI_API_KEY in the environment is not used: sign in, or set CODEX_API_KEY",
        ),
        idle_args=("exec", "--skip-git-repo-check", "-"),
    )
    # What a Codex that started us says to its own children would put ours into its sandbox.
    variables = (
        *("CODEX_*", "OPENAI_*", "NODE_EXTRA_CA_CERTS"),
        *("!CODEX_SANDBOX*", "!CODEX_THREAD_ID", "!CODEX_CI", "!CODEX_MANAGED_*"),
    )

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """A new thread, or the attempt's own gone on with."""
        argv = [agent.binary or "codex", "exec", "--json", "--skip-git-repo-check"]
        argv += ["-C", brief.worktree]
        if model := brief.model or agent.model:
            argv += ["-m", model]
        argv += [*_permissions(agent.args, brief), *_retries(agent.args)]
        if brief.session:
            argv += ["resume", brief.session]
        return LaunchSpec(
            argv=(*argv, "-"),
            cwd=brief.worktree,
            env=process_environment(brief),
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The same thread at a terminal."""
        argv = [agent.binary or "codex"]
        if brief.session:
            argv += ["resume"]
        argv += ["-C", brief.worktree]
        if model := brief.model or agent.model:
            argv += ["-m", model]
        argv += agent.args
        if brief.session:
            argv += [brief.session]
        return LaunchSpec(argv=tuple(argv), cwd=brief.worktree, env=process_environment(brief))

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of the event stream."""
        return CodexReader(brief.worktree)


def _permissions(args: tuple[str, ...], brief: TurnBrief) -> list[str]:
    """The settings' own arguments, and what they leave open about sandbox and approval."""
    if brief.readonly:
        return [*_without_sandbox(args), "-s", "read-only"]
    named = _sandbox_of(args)
    if not named:
        return [_BYPASS, *args]
    folders = brief.git_dirs if "workspace-write" in named else ()
    return [*args, *(word for folder in folders for word in ("--add-dir", folder))]


def _sandbox_of(args: tuple[str, ...]) -> str:
    """The sandbox that the arguments name; empty if they name none."""
    for word, following in pairwise((*args, "")):
        if word in _SANDBOX_WITH_VALUE:
            return following
        if word.startswith("--sandbox=") or (len(word) > 2 and word.startswith("-s")):
            return word.removeprefix("--sandbox=").removeprefix("-s")
        if word in _CONFIG and following.startswith("sandbox_mode"):
            return following
        if word in _SANDBOX_ALONE:
            return "none" if word in (_BYPASS, "--yolo") else "workspace-write"
    return ""


def _without_sandbox(args: tuple[str, ...]) -> list[str]:
    """The arguments without those that say what the sandbox permits."""
    kept: list[str] = []
    skip = False
    for word in args:
        if skip or word in _SANDBOX_ALONE or word.startswith("--sandbox="):
            skip = False
        elif word in _SANDBOX_WITH_VALUE:
            skip = True
        elif not re.fullmatch(r"-s[a-z-]+", word):
            kept.append(word)
    return kept


def _retries(args: tuple[str, ...]) -> list[str]:
    """How often a provider that the arguments choose is asked again, where they do not say it."""
    values = [following for word, following in pairwise((*args, "")) if word in _CONFIG]
    found = [re.fullmatch(r"model_provider\s*=\s*\"?([\w-]+)\"?", value) for value in values]
    chosen = next((match[1] for match in reversed(found) if match), "")
    if not chosen or chosen in _BUILT_IN:
        return []
    said = " ".join(values)
    settings = [f"model_providers.{chosen}.{name}={n}" for name, n in _RETRIES if name not in said]
    return [word for setting in settings for word in ("-c", setting)]
