"""The whole environment of an agent process: what was allowed through, the task's variables,
the agent kind's own, the marks that name the turn, and git made safe for unattended use.
"""

from __future__ import annotations

from gangsaw.agents.protocol import TurnBrief, Variables
from gangsaw.core.ports import Ports

# Our variables count on from the user's own GIT_CONFIG_COUNT; one beyond this is not believed.
GIT_CONFIG_COUNT_MAX = 1000

TOKEN_VARIABLE = "GANGSAW_TOKEN"
CONTROL_VARIABLE = "GANGSAW_CONTROL"

# An automatic repack in one worktree would slow down, and may lock, all the others; refs that all
# share, such as the stash, are waited for instead of failing the agent's command.
_GIT_CONFIG = (
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("core.filesRefLockTimeout", "5000"),
    ("core.packedRefsTimeout", "5000"),
)


def process_environment(brief: TurnBrief, own: Variables = ()) -> Variables:
    """The environment of the turn's process, sorted by name. `own` are defaults of the agent
    kind: what the user allowed through or set goes before them, the marks before all."""
    merged = dict(own) | dict(brief.ambient) | dict(brief.task_env)
    merged |= _git_safety(merged) | marks(brief)
    return tuple(sorted(merged.items()))


def marks(brief: TurnBrief) -> dict[str, str]:
    """The variables by which every agent process knows its run, task, attempt and turn, the ports
    that are its own, and those by which its `gangsaw` commands find the run and prove where they
    come from."""
    way_back = {TOKEN_VARIABLE: brief.token, CONTROL_VARIABLE: brief.control}
    return {
        **port_variables(brief.ports),
        **(way_back if brief.token else {}),
        "GANGSAW_RUN": brief.run,
        "GANGSAW_TASK": brief.task,
        "GANGSAW_ATTEMPT": brief.attempt,
        "GANGSAW_TURN": str(brief.turn),
    }


def port_variables(ports: Ports | None) -> dict[str, str]:
    """The variables that name these ports; none where there are none."""
    if ports is None:
        return {}
    return {"GANGSAW_PORT": str(ports.first), "GANGSAW_PORT_COUNT": str(ports.count)}


def _git_safety(present: dict[str, str]) -> dict[str, str]:
    """No prompt, no editor, no background repacking, no lock taken for what only reads (a watcher's
    `git status` would make the agent's own commit fail); `git config` from the environment that is
    already there is kept and counted on."""
    count_text = present.get("GIT_CONFIG_COUNT", "0")
    first = int(count_text) if count_text.isascii() and count_text.isdigit() else 0
    first = first if first <= GIT_CONFIG_COUNT_MAX else 0
    variables = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_COUNT": str(first + len(_GIT_CONFIG)),
    }
    for number, (key, value) in enumerate(_GIT_CONFIG, start=first):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables
