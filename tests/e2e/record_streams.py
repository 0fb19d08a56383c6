"""Records golden streams from the real programs: what to run when a pinned version is raised.

    python -m tests.e2e.record_streams codex /path/to/codex             every recording
    python -m tests.e2e.record_streams codex /path/to/codex edit quota  these

Each turn is launched as the adapter says, against the scripted model, in a scratch repository with
a home of its own. The stream is made neutral and written to `tests/agents`, the notes beside it;
look at the difference before it is committed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gangsaw.agents import TurnBrief, adapter_for, allowed_environment
from gangsaw.core.launch import SessionNoted
from gangsaw.core.model import TurnKind
from gangsaw.core.settings import AgentSettings
from gangsaw.testing.models import ModelServer, Scenarios
from tests.agents import golden_streams

WAIT_S = 240.0
UNKNOWN = "6d556c83-e7a7-42c1-81cb-7e9328191f65"
# A moment that every program tells as such, far enough away.
RESETS_AT = 1_893_456_000


def edit(name: str) -> list[dict[str, Any]]:
    return [
        {
            "say": "I will write the file.",
            "write": {"path": name, "content": "hello\n"},
            "usage": {"input": 1200, "output": 40, "cached": 300},
        },
        {
            "say": "Now I commit it.",
            "bash": f"git add -A && git commit -q -m add-{name} && git log -1 --format=%s",
            "usage": {"input": 100, "output": 30, "cached": 1500, "cache_write": 20},
        },
        {"say": f"Done with {name}.", "usage": {"input": 110, "output": 12, "cached": 1600}},
    ]


FAULTS = (
    *("throttle", "overloaded", "server_error", "unauthorized", "unknown_model", "too_long"),
    *("drop", "cut", "malformed"),
)
SCENARIOS: Scenarios = {
    "edit": edit("a.txt"),
    "more": edit("b.txt"),
    "looks": [
        {"say": "I try to write.", "bash": "echo x > denied.txt"},
        {"say": "It is fine as it is."},
    ],
    "fails": [{"bash": "echo wrong; exit 3"}, {"say": "The command failed."}],
    "quota": [{"fault": {"kind": "quota", "resets_at": RESETS_AT}}],
    "quota_hours": [{"fault": {"kind": "quota", "resets_in_s": 7200}}],
    "looks_on": [
        {"say": "I try.", "call": {"name": "{tool}", "arguments": {}, "unoffered": True}},
        {"say": "It is fine as it is."},
    ],
    "quota_said": [
        {
            "fault": {
                "kind": "status",
                "status": 429,
                "message": "Your quota is exceeded. It will reset at 2030-01-01 00:00:00 UTC.",
            }
        }
    ],
    **{kind: [{"say": "x", "fault": kind}] for kind in FAULTS},
}


@dataclass(frozen=True, slots=True)
class Take:
    """One recording: which scenario, and what is different about its turn. `name`: as in the
    file's, if not the scenario's."""

    scenario: str
    name: str = ""
    session: str = ""
    readonly: bool = False
    args: tuple[str, ...] = ()
    model: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return self.name or self.scenario


@dataclass(frozen=True, slots=True)
class Recorded:
    """How one kind of agent is recorded; `{url}` in `args` and `env` is the server's, `files` are
    written into its home."""

    model: str
    env: Mapping[str, str]
    args: tuple[str, ...] = ()
    takes: tuple[Take, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """Arguments of the program itself, for one that is driven by a protocol."""


EDITS = (
    Take("edit"),
    Take("more", "resume", session="edit"),
    Take("fails", "failed_command"),
    Take("looks", "readonly", readonly=True),
    Take("edit", "lost", session=UNKNOWN),
)
REFUSALS = tuple(Take(kind) for kind in ("quota", *FAULTS))
# Of a program that does not offer what may not be used.
NOT_OFFERED = (
    *(take for take in EDITS if take.what != "readonly"),
    *(take for take in REFUSALS if take.what != "quota"),
)
LOOKS_ON = "looks_on tool=run_shell_command"

GEMINI_SETTINGS = ".gemini/settings.json"
BY_KEY = '"security":{"auth":{"selectedType":"gemini-api-key"}}'
OPENCODE_CONFIG = (
    '{"provider":{"scripted":{"npm":"@ai-sdk/openai-compatible","options":{"baseURL":"{url}/v1",'
    '"apiKey":"{env:SCRIPTED_KEY}"},"models":{"m1":{"cost":{"input":1,"output":2,'
    '"cache_read":0.1}}}}},"small_model":"scripted/m1","autoupdate":false,"share":"disabled"}'
)

KINDS: dict[str, Recorded] = {
    "gemini": Recorded(
        "gemini-2.5-flash",
        {"GEMINI_API_KEY": "test-key", "GOOGLE_GEMINI_BASE_URL": "{url}"},
        (),
        (
            *NOT_OFFERED,
            Take("quota_hours"),
            Take(LOOKS_ON, "readonly", readonly=True),
            Take(LOOKS_ON, "refused", args=("--approval-mode", "auto_edit")),
            Take("edit", "no_key", without=("GEMINI_API_KEY",)),
            Take(
                "edit",
                "turn_limit",
                files={GEMINI_SETTINGS: f'{{{BY_KEY},"model":{{"maxSessionTurns":1}}}}'},
            ),
        ),
        {GEMINI_SETTINGS: f'{{{BY_KEY},"general":{{"maxAttempts":1}}}}'},
    ),
    "qwen": Recorded(
        "scripted",
        {"OPENAI_API_KEY": "test-key", "OPENAI_BASE_URL": "{url}/v1"},
        (),
        (
            *NOT_OFFERED,
            Take("quota_said"),
            Take(LOOKS_ON, "readonly", readonly=True),
            Take("edit", "no_key", args=("--auth-type", "openai"), without=("OPENAI_API_KEY",)),
            Take(LOOKS_ON, "refused", args=("--approval-mode", "auto-edit")),
            Take("edit", "turn_limit", args=("--max-session-turns", "1")),
        ),
        {".qwen/settings.json": '{"model":{"generationConfig":{"maxRetries":0}},"$version":4}'},
    ),
    "opencode": Recorded(
        "scripted/m1",
        {
            "SCRIPTED_KEY": "test-key",
            "OPENCODE_CONFIG_CONTENT": OPENCODE_CONFIG,
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        },
        (),
        (
            *NOT_OFFERED,
            Take("looks_on tool=bash", "readonly", readonly=True),
            Take("edit", "lost_named", session="ses_e00a1fa9bffeQ6bQqBA6pDGvHH"),
            Take("edit", "no_key", model="openai/gpt-5"),
            Take("edit", "no_model", model="scripted/m9"),
            Take("looks", "refused", env={"OPENCODE_PERMISSION": '{"bash":"ask"}'}),
        ),
    ),
    "codex": Recorded(
        "gpt-5.5",
        {"SCRIPTED_KEY": "test-key"},
        (
            *("-c", "model_provider=scripted", "-c"),
            'model_providers.scripted={name="scripted",base_url="{url}/v1",'
            'env_key="SCRIPTED_KEY",wire_api="responses"}',
        ),
        (
            *(*EDITS, *REFUSALS),
            Take("edit", "edit_by_shell", model="gpt-scripted"),
            Take(
                "unauthorized",
                "retries",
                args=("-c", "model_providers.scripted.stream_max_retries=2"),
            ),
            Take("edit", "no_key", without=("SCRIPTED_KEY",)),
        ),
    ),
    "claude": Recorded(
        "claude-sonnet-4-5",
        {
            "ANTHROPIC_API_KEY": "test-key",
            "ANTHROPIC_BASE_URL": "{url}",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "1",
            **({"IS_SANDBOX": "1"} if os.geteuid() == 0 else {}),
        },
        (),
        (
            *EDITS,
            *(take for take in REFUSALS if take.what not in ("quota", "malformed", "cut")),
            Take(
                "quota",
                env={"CLAUDE_CODE_OAUTH_TOKEN": "test-token"},
                without=("ANTHROPIC_API_KEY",),
            ),
            Take("edit", "no_key", without=("ANTHROPIC_API_KEY",)),
            Take("edit", "turn_limit", args=("--max-turns", "1")),
            Take("edit", "money_limit", args=("--max-budget-usd", "0.001")),
            Take("looks", "refused", args=("--permission-mode", "default")),
            Take(
                "looks",
                "readonly_by_force",
                readonly=True,
                args=("--permission-mode", "bypassPermissions"),
            ),
        ),
    ),
    "copilot": Recorded(
        "scripted",
        {
            "COPILOT_PROVIDER_BASE_URL": "{url}/v1",
            "COPILOT_PROVIDER_API_KEY": "test-key",
        },
        (),
        (
            *EDITS,
            *(take for take in REFUSALS if take.what not in ("throttle", "malformed", "cut")),
            Take("edit", "no_key", without=("COPILOT_PROVIDER_BASE_URL",)),
            Take("looks", "refused", args=("--deny-tool=shell", "--allow-all-tools")),
        ),
    ),
}

_OPENAI = {
    "OPENAI_API_KEY": "test-key",
    "OPENAI_API_BASE": "{url}/v1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
_WORDS = tuple(Take(kind) for kind in ("unauthorized", "unknown_model", "too_long"))
_PROTOCOL = (
    Take("edit"),
    Take("more", "resume", session="edit"),
    Take("edit", "lost", session=UNKNOWN),
)
KINDS |= {
    "aider": Recorded(
        "openai/gpt-4o",
        _OPENAI,
        (),
        (
            *(Take("edit"), Take("more", "resume", session="edit"), *_WORDS),
            Take("looks", "readonly", readonly=True),
            Take("edit", "no_key", without=("OPENAI_API_KEY",)),
        ),
    ),
    "mini": Recorded(
        "openai/gpt-4o",
        _OPENAI,
        (),
        (
            *(Take("edit"), *_WORDS, Take("edit", "no_key", without=("OPENAI_API_KEY",))),
            Take("edit", "money_limit", args=("--cost-limit", "0.001")),
        ),
    ),
    "acp_copilot": Recorded(
        "",
        {
            "COPILOT_PROVIDER_BASE_URL": "{url}/v1",
            "COPILOT_PROVIDER_API_KEY": "test-key",
            "COPILOT_MODEL": "scripted",
            "COPILOT_AUTO_UPDATE": "false",
        },
        (),
        (*_PROTOCOL, Take("looks", "readonly", readonly=True), Take("unauthorized")),
        command=("--acp",),
    ),
    "acp_gemini": Recorded(
        "gemini-2.5-flash",
        {"GEMINI_API_KEY": "test-key", "GOOGLE_GEMINI_BASE_URL": "{url}"},
        (),
        _PROTOCOL,
        command=("--acp", "--skip-trust"),
    ),
}


class Place:
    """A scratch repository with a linked worktree and a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        (self.home / "tmp").mkdir(parents=True)
        (self.home / ".gitconfig").write_text("[user]\nname = A\nemail = a@example.invalid\n")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
        }
        repository = folder / "repository"
        self.worktree = folder / "worktrees" / "a.1"
        self.git(folder, "init", "-q", "-b", "main", str(repository))
        self.git(repository, "commit", "-q", "--allow-empty", "-m", "root")
        self.git(repository, "worktree", "add", "-q", "-b", "work", str(self.worktree))

    def git(self, folder: Path, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=folder, env=self.env, check=True)


class Studio:
    """Records the turns of one kind of agent; resumed ones in the place of their session."""

    def __init__(self, kind: str, cli: str, server: ModelServer, folder: Path) -> None:
        self.cli, self.server, self.folder = cli, server, folder
        self.kind = kind.partition("_")[0]
        self.told = KINDS[kind]
        self.sessions: dict[str, tuple[str, Place]] = {}
        asked = "--help" if kind == "mini" else "--version"
        version = subprocess.run([cli, asked], capture_output=True, check=True).stdout
        found = re.search(r"\d+\.\d+\.\d+", version.decode())
        assert found is not None, f"{cli} tells no version"
        self.stem = f"{kind}_{found[0].replace('.', '_')}"

    def turn(self, take: Take) -> subprocess.CompletedProcess[bytes]:
        """One turn, and what it wrote, made neutral."""
        session, place = self.sessions.get(take.session, (take.session, None))
        place = place or Place(self.folder / take.what)
        for name, content in {**self.told.files, **take.files}.items():
            (place.home / name).parent.mkdir(parents=True, exist_ok=True)
            (place.home / name).write_text(content)
        brief = self.brief(take, place, session)
        agent = self.agent(take)
        spec = adapter_for(self.kind).launch(agent, brief)
        done = subprocess.run(
            spec.argv,
            cwd=spec.cwd,
            env=dict(spec.env),
            input=spec.stdin,
            capture_output=True,
            timeout=WAIT_S,
            check=False,
        )
        notes = adapter_for(self.kind).reader(brief).feed(done.stdout)
        named = [note.session for note in notes if isinstance(note, SessionNoted)]
        self.sessions[take.what] = ("".join(named[-1:]), place)
        names = {
            str(place.worktree): "/wt",
            str(place.home): "/home/user",
            str(Path.home()): "/home/user",
            str(place.folder): "/home/user/scratch",
            re.sub(r"\W|_", "-", str(place.folder)): "-home-user-scratch",
            f"127.0.0.1:{self.server.port}": "127.0.0.1:9",
            self.cli.partition("/node_modules/")[0]: "/opt/agent",
            "/$bunfs/" + "root/": "/$bunfs/",
        }
        done.stdout, done.stderr = (
            golden_streams.neutral(raw, names) for raw in (done.stdout, done.stderr)
        )
        return done

    def agent(self, take: Take) -> AgentSettings:
        """The settings of the agent."""
        url = self.server.url
        env = {**self.told.env, **take.env}
        pairs = [(n, v.replace("{url}", url)) for n, v in env.items() if n not in take.without]
        args = tuple(word.replace("{url}", url) for word in (*self.told.args, *take.args))
        argv = (self.cli, *self.told.command) if self.told.command else ()
        binary = None if argv else self.cli
        return AgentSettings(self.kind, self.kind, argv, binary=binary, args=args, env=tuple(pairs))

    def brief(self, take: Take, place: Place, session: str) -> TurnBrief:
        """The turn."""
        return TurnBrief(
            run="r1",
            task="a",
            attempt="a.1",
            turn=1,
            kind=TurnKind.WORK,
            prompt=f"[[scenario:{take.scenario}]] Do it.",
            prompt_file=str(place.folder / "prompt.md"),
            task_prompt_file=str(place.folder / "task.md"),
            worktree=str(place.worktree),
            model=take.model or self.told.model or None,
            session=session or None,
            ambient=allowed_environment(place.env, self.agent(take)),
            readonly=take.readonly,
        )

    def record(self, take: Take) -> None:
        """One turn; its recording and its notes."""
        done = self.turn(take)
        code = f".{done.returncode}" if done.returncode else ""
        path = golden_streams.HERE / f"{self.stem}_{take.what}{code}.jsonl"
        path.write_bytes(done.stdout)
        path.with_suffix(".err").unlink(missing_ok=True)
        if done.stderr.strip():
            path.with_suffix(".err").write_bytes(done.stderr)
        golden_streams.main([path.name])


def main(arguments: list[str]) -> None:
    """See the module."""
    kind, cli, *wanted = arguments
    with tempfile.TemporaryDirectory() as name, ModelServer(SCENARIOS) as server:
        studio = Studio(kind, cli, server, Path(name))
        for take in KINDS[kind].takes:
            if not wanted or take.what in wanted:
                studio.record(take)


if __name__ == "__main__":
    main(sys.argv[1:])
