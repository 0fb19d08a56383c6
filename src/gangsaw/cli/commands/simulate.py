"""`gangsaw simulate PLAN`: what a plan would take with so many agents."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gangsaw.cli import output
from gangsaw.cli.config_option import config_option
from gangsaw.cli.place import here
from gangsaw.core.errors import UserError

if TYPE_CHECKING:
    from gangsaw.cli.project import Project
    from gangsaw.core.learning import Learned
    from gangsaw.core.model import Limits, Plan

PLAN_NAMES = ("plan.yaml", "plan.yml", "plan.json")
AGENTS_MAX = 256
COUNTS_MAX = 64
RUNS_MAX = 20
"""Earlier runs, the latest ones, that teach how long things take."""
_RANGE = re.compile(r"([1-9][0-9]{0,5})(?:\.\.([1-9][0-9]{0,5}))?")


@click.command("simulate")
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option("-n", "--agents", "counts", default="1..16", metavar="N..M", show_default=True,
              help="Numbers of agents: 1..16, or 1,3,6,12.")  # fmt: skip
@click.option("--agent", help="The default agent (a name of [agents.NAME]).")
@click.option("--batched/--no-batched", "batched", default=None,
              help="In waves: the next start when all that started together ended.")  # fmt: skip
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
def command(
    plan: Path | None,
    counts: str,
    agent: str | None,
    batched: bool | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """What PLAN (default: plan.yaml) would take with so many agents, without starting anything:
    length, speed-up, how busy agents are, the critical chain, what it costs, and how many agents
    are enough.

    The scheduler is the real one; agents and checks take as long as the plan says (estimate_s, in
    seconds), as earlier runs here took, or as long as the default, which is then said. Everything
    succeeds; people agree at once.

    \b
    Examples:
      gangsaw simulate
      gangsaw simulate plan.yaml --agents 1,3,6,12
      gangsaw simulate --batched
      gangsaw simulate --agents 1..16 --json | jq .suggested_agents

    The schema of the object: gangsaw schema simulate
    """
    from gangsaw.cli.project import open_project
    from gangsaw.engine.what_if import foresee
    from gangsaw.views.what_if import foreseen_object, foreseen_text

    numbers = _numbers(counts)
    project = open_project(here(), os.environ, config)
    source, read = _plan(project, plan)
    learned = _learned(project)
    limits = _limits(project, agent)
    if batched is not None:
        limits = replace(limits, batched=batched)
    found = foresee(read, limits, project.settings.checks, learned, numbers)
    if as_json:
        output.say_json(foreseen_object(found, source))
    else:
        output.say("\n".join(foreseen_text(found, source, batched=limits.batched)))
    return 0


def _numbers(text: str) -> list[int]:
    """The numbers of agents, in order, each once."""
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise UserError(
                f"cannot read the number of agents '{text}'; try: --agents 1..16, or 1,3,6,12",
                exit_code=2,
            )
        least, most = int(match[1]), int(match[2] or match[1])
        if most > AGENTS_MAX or least > most:
            raise UserError(
                f"cannot simulate '{part}': from 1 to {AGENTS_MAX} agents, the smaller first; "
                "try: --agents 1..16",
                exit_code=2,
            )
        found |= set(range(least, most + 1))
    if len(found) > COUNTS_MAX:
        raise UserError(
            f"cannot simulate {len(found)} numbers of agents at once, only {COUNTS_MAX}; "
            "try: --agents 1,2,4,8,16,32",
            exit_code=2,
        )
    return sorted(found)


def _plan(project: Project, given: Path | None) -> tuple[str, Plan]:
    from gangsaw.plan import read_plan_file, read_roles

    folders = (here(), project.repo.root)
    lying = (folder / name for folder in folders for name in PLAN_NAMES)
    path = given or next((each for each in lying if each.is_file()), None)
    if path is None:
        raise UserError(
            "cannot find a plan: there is no plan.yaml here; try: gangsaw simulate PLAN"
        )
    roles = read_roles(project.repo.main_root or project.repo.root)
    read = read_plan_file(path, roles=roles)
    if read.plan is None:
        raise UserError("\n".join(str(complaint) for complaint in read.errors))
    return str(given or path.name), read.plan


def _limits(project: Project, agent: str | None) -> Limits:
    limits = replace(
        project.settings.limits,
        cores=os.cpu_count() or 1,
        check_slots=project.settings.check_slots,
    )
    if agent is None:
        return limits
    if project.settings.agent(agent) is None:
        names = ", ".join(each.name for each in project.settings.agents)
        raise UserError(f"cannot use agent '{agent}'; try one of: {names}")
    return replace(limits, default_agent=agent, pool=())


def _learned(project: Project) -> Learned:
    """What the last runs of this repository teach."""
    from gangsaw.cli.reported import events_of
    from gangsaw.core.learning import learn
    from gangsaw.store.control import Control
    from gangsaw.store.journal import journal_if_any

    journal_path = Control(project.repo.control_dir).journal
    with journal_if_any(journal_path) as journal:
        if journal is None:
            return learn(())
        runs = [row.run for row in journal.runs()][-RUNS_MAX:]
        return learn(events_of(journal, run) for run in runs)
