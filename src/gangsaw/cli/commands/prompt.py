"""`gangsaw prompt TASK`: what its agent would be told now."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gangsaw.cli import output
from gangsaw.cli.config_option import config_option
from gangsaw.cli.place import here
from gangsaw.cli.project import Project, open_project
from gangsaw.core.errors import UserError
from gangsaw.core.model import TurnKind
from gangsaw.core.state import State

PLAN_NAMES = ("plan.yaml", "plan.yml", "plan.json")


@click.command("prompt")
@click.argument("task")
@click.option("--kind", type=click.Choice([kind.value for kind in TurnKind]),
              help="Of such a turn (default: the one that comes next).")  # fmt: skip
@click.option("--agent", help="As if this agent did it.")
@click.option("--plan", "file", type=click.Path(path_type=Path),
              help="Of this plan, not of the run.")  # fmt: skip
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the prompt and for whom it is.")
def command(
    task: str,
    kind: str | None,
    agent: str | None,
    file: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """What the agent of TASK would be told now: exactly its prompt, without starting anything.

    It is taken from the run that goes on, otherwise from plan.yaml. What cannot be known yet is an
    example. The variables of templates: docs/reference/prompts.md.

    \b
    Examples:
      gangsaw prompt api
      gangsaw prompt api --kind fix
      gangsaw prompt api --kind review --agent codex
    """
    from gangsaw.engine.preview import Asked, tell

    project = open_project(here(), os.environ, config)
    state = _state(project, file)
    asked = Asked(task, TurnKind(kind) if kind else None, agent)
    told = tell(project.repo, project.settings, os.environ, state, asked)
    if as_json:
        output.say_json(
            {"schema_version": 1, "task": told.task, "attempt": told.attempt,
             "kind": told.kind.value, "agent": told.agent, "model": told.model,
             "role": told.role, "readonly": told.readonly, "examples": list(told.examples),
             "prompt": told.prompt}
        )  # fmt: skip
        return 0
    names = ", ".join(told.examples)
    role = f" as {told.role}" if told.role else ""
    made_up = f"; examples: {names}" if names else ""
    output.warn(f"{told.attempt}: a {told.kind.value} turn of {told.agent}{role}{made_up}")
    output.say(told.prompt.removesuffix("\n"))
    return 0


def _state(project: Project, file: Path | None) -> State:
    """That of the run that goes on, or of one that would begin now with the plan."""
    if file is None and (state := _of_run(project)) is not None:
        return state
    from gangsaw.engine.preview import state_of_plan
    from gangsaw.plan import read_plan_file, read_roles

    path = file or _lying_here(project)
    base = project.repo.resolve("HEAD")
    if base is None:
        raise UserError("cannot tell: this repository has no commit yet; try: git commit")
    known = [agent.name for agent in project.settings.agents]
    roles = read_roles(project.repo.main_root or project.repo.root)
    read = read_plan_file(path, known_agents=known, roles=roles)
    if read.plan is None:
        raise UserError("\n".join(str(complaint) for complaint in read.errors))
    return state_of_plan(read.plan, project.settings, project.settings.limits, base)


def _of_run(project: Project) -> State | None:
    from gangsaw.engine.loop import fold
    from gangsaw.store.control import Control
    from gangsaw.store.journal import journal_if_any

    journal_path = Control(project.repo.control_dir).journal
    with journal_if_any(journal_path) as journal:
        runs = journal.runs() if journal is not None else []
        if journal is None or not runs or runs[-1].state in ("landed", "failed"):
            return None
        return fold(journal, runs[-1].run)[0]


def _lying_here(project: Project) -> Path:
    for folder in (here(), project.repo.root):
        for name in PLAN_NAMES:
            if (folder / name).is_file():
                return folder / name
    raise UserError(
        "cannot find a plan: there is no plan.yaml here; try: gangsaw prompt TASK --plan FILE"
    )
