"""mini-swe-agent, headless: a loop of shell commands; its output is text.

Facts measured with version 2.4.6, each a rule here:

- It exits with 0 when it used up its steps or its money, and when it gave up on a model that
  answers in no form it knows: only the trajectory's `exit_status` tells.
- The trajectory (JSON, written anew after every step) has tokens and cost, its output has neither
  but for dollars rounded to cents. So a shell picks the lines with the figures out of it when
  mini has ended, after a marker; the rest, which may hold settings, stays where it is.
- It has no sessions: a turn after a kill begins anew, and says so by `resumes`.
- A prompt can only be given in an argument, where everybody can read it and where 128 KiB are
  the end, or in a settings file. So standard input is such a file, in JSON, put beside the prompt.
- Settings files are looked for in the current folder first, where an agent's repository could
  plant one: so mini is started beside the prompt, and told the worktree as the folder to work in.
- It asks a vendor that fails it ten times, for minutes, whatever is wrong: ours are three tries.
- A command of its own may take 30 seconds, a task three dollars: `args = ["-l", "0"]` lifts this.
"""

from __future__ import annotations

import json

from gangsaw.agents.marks import process_environment
from gangsaw.agents.mini_stream import END_MARKER, FIGURES, MARKER, MiniReader
from gangsaw.agents.protocol import Program, Reader, TurnBrief
from gangsaw.core.errors import UserError
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

# $0 is the path all of the turn's files begin with. A shell that traps a signal waits for its
# child, which gets the default action; so what there is of figures is printed then, too.
_TURN = f"""\
cat >"$0.yaml" || exit
trap : HUP INT TERM
(cd "${{0%/*}}" && exec "$@" -c "$0.yaml" -o "$0.traj.json") </dev/null
code=$?
if [ -f "$0.traj.json" ]; then
  echo "{MARKER}"
  grep -E '^ *"({"|".join(FIGURES)})": ' "$0.traj.json"
  echo "{END_MARKER}"
fi
exit $code"""

_OWN = (
    ("COLUMNS", "400"),
    ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
    ("MSWEA_CONFIGURED", "true"),
    ("MSWEA_COST_TRACKING", "ignore_errors"),
    ("MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT", "3"),
    ("PYTHONUNBUFFERED", "1"),
    ("TYPER_STANDARD_TRACEBACK", "1"),
)


class MiniAdapter:
    """Runs `mini --yolo --exit-immediately` on a settings file with the task in it."""

    kind = "mini"
    resumes = False
    program = Program(
        "mini",
        tested=("2.4.6", "2.5"),
        version_args=("--help",),
        install="uv tool install --with mcp mini-swe-agent",
        sign_in="mini-extra config set OPENAI_API_KEY …  (or the key of another vendor)",
        keys=("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY"),
        key_files=(".config/mini-swe-agent/.env",),
        traps=(
            "without the package mcp beside it, it only repeats an ImportError",
            "it stops at three dollars a turn unless args say -l 0",
        ),
    )
    variables = (
        *("MSWEA_*", "OPENAI_*", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY"),
        *("OPENROUTER_API_KEY", "LITELLM_LOCAL_MODEL_COST_MAP"),
    )

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """A run of its own. `UserError` for a place that its options cannot name, and for a turn
        that is only to look, which it cannot be held to."""
        if brief.readonly:
            raise UserError(
                f"cannot let agent {agent.name!r} review: mini-swe-agent only knows a shell, and "
                "cannot be kept from writing; try another agent for the review"
            )
        if "=" in brief.prompt_file:
            raise UserError(
                f"cannot start agent {agent.name!r}: mini-swe-agent takes the path "
                f"{brief.prompt_file} for a setting because of its '='; try a folder without one"
            )
        argv = ["sh", "-c", _TURN, brief.prompt_file, agent.binary or "mini"]
        argv += ["--yolo", "--exit-immediately"]
        if model := brief.model or agent.model:
            argv += ["--model", model]
        own = dict(brief.ambient)
        argv += ["-c", own.get("MSWEA_MINI_CONFIG_PATH") or "mini.yaml", *agent.args]
        settings = {
            "run": {"task": brief.prompt.encode("utf-8", "replace").decode("utf-8")},
            "environment": {"cwd": brief.worktree},
        }
        return LaunchSpec(
            argv=tuple(argv),
            cwd=brief.worktree,
            env=process_environment(brief, own=_OWN),
            stdin=json.dumps(settings).encode("ascii"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec | None:
        """There is no session that a person could take up."""
        return None

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of its text and of the trajectory's figures."""
        return MiniReader()
