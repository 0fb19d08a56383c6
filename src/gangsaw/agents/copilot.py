"""GitHub Copilot CLI, headless: the prompt on standard input, JSON lines on standard output.

Facts measured with version 1.0.102, each a rule here:

- It takes the id of a new session, but names it in its last event only. The reader knows the id,
  since it was made here, and tells it with the first event: so a killed turn can be gone on with.
- Tokens are in no event. They are in the file of `--usage-output-file`, which is written at the
  end, for the whole session. A shell around the program appends that file to the stream as a last
  line; `/dev/stdout` would do without, but the file is opened by truncating it.
- `--deny-tool` goes before every permission, also before `--allow-all-tools`: the form of a turn
  that only looks. What is denied does not end the turn, nor change the exit code.
- A 429 is tried six times, with pauses that grow to minutes; nothing was found to shorten that.
  Every refused try is an event, so the limit is known long before the turn ends by it.
- Signed in by a variable it takes `COPILOT_GITHUB_TOKEN`, `GH_TOKEN` and `GITHUB_TOKEN`. The last
  two are for other programs as well: an agent gets them only by `pass_env`.
"""

from __future__ import annotations

from gangsaw.agents.copilot_stream import CopilotReader
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Program, Reader, TurnBrief
from gangsaw.agents.sessions import new_session
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

# The shell stays until the program has ended, also when both are asked to.
_WITH_USAGE = """\
trap : INT TERM HUP
usage=$1
shift
"$@" --usage-output-file "$usage"
code=$?
[ ! -s "$usage" ] || { echo; tr -d '\\n' <"$usage"; echo; }
exit $code
"""
_HEADLESS = ("--output-format", "json", "--stream", "off", "--no-ask-user", "--no-color")
_ALLOW_ALL = ("--allow-all-tools", "--allow-all-paths")
# An argument of the user's that starts with one of these says what may be done; ours then go.
_PERMISSION_ARGUMENTS = ("--allow-", "--yolo", "--deny-", "--available-tools", "--excluded-tools")
_LOOK_ONLY = ("--allow-all-tools", "--deny-tool=shell", "--deny-tool=write")
_OWN = (("COPILOT_AUTO_UPDATE", "false"),)


class CopilotAdapter:
    """Runs `copilot` with full approval, unless the settings' `args` say what is permitted."""

    kind = "copilot"
    resumes = True
    program = Program(
        "copilot",
        tested=("1.0.102", "1.1"),
        install="npm install -g @github/copilot",
        sign_in="copilot login",
        keys=("COPILOT_GITHUB_TOKEN", "COPILOT_PROVIDER_BASE_URL"),
        traps=(
            "GH_TOKEN and GITHUB_TOKEN sign it in, but reach it only by pass_env",
            "it tries a refused request for minutes before it gives up",
        ),
    )
    variables = ("COPILOT_*", "GH_HOST", "NODE_EXTRA_CA_CERTS")

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """A new session under a known id, or the attempt's own session gone on with."""
        program = [agent.binary or "copilot", *_HEADLESS]
        program += [*self._common(agent, brief)]
        if not brief.session:
            program += ["--session-id", new_session(brief)]
        usage = f"{brief.prompt_file}.usage"
        return LaunchSpec(
            argv=("sh", "-c", _WITH_USAGE, "sh", usage, *program),
            cwd=brief.worktree,
            env=process_environment(brief, own=_OWN),
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The same session at a terminal."""
        argv = [agent.binary or "copilot", *agent.args]
        if model := brief.model or agent.model:
            argv += ["--model", model]
        if brief.session:
            argv += ["--resume", brief.session]
        return LaunchSpec(
            argv=tuple(argv), cwd=brief.worktree, env=process_environment(brief, own=_OWN)
        )

    def _common(self, agent: AgentSettings, brief: TurnBrief) -> tuple[str, ...]:
        words: list[str] = []
        if model := brief.model or agent.model:
            words += ["--model", model]
        if brief.session:
            words += ["--resume", brief.session]
        if brief.readonly:
            return (*words, *agent.args, *_LOOK_ONLY)
        if any(argument.startswith(_PERMISSION_ARGUMENTS) for argument in agent.args):
            return (*words, *agent.args)
        return (*words, *_ALLOW_ALL, *agent.args)

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of the event stream and of the usage after it."""
        session = brief.session or new_session(brief)
        return CopilotReader(brief.worktree, session, readonly=brief.readonly)
