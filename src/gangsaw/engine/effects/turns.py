"""One turn of an agent: its prompt written, its process launched or adopted, or asked to end."""

from __future__ import annotations

import difflib
import secrets
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from gangsaw.agents import (
    TurnBrief,
    adapter_for,
    allowed_environment,
    guides_for,
)
from gangsaw.agents.guides import GUIDES
from gangsaw.agents.protocol import Variables
from gangsaw.core import actions as ac
from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.core.launch import LaunchSpec, OutcomeKind, TurnOutcome
from gangsaw.core.model import Task, TurnKind, Workspace
from gangsaw.core.observations import LaunchExited, LaunchLost, Observation
from gangsaw.core.ports import Ports, ports_of
from gangsaw.core.roles import Role
from gangsaw.core.settings import AgentSettings
from gangsaw.core.state import Attempt
from gangsaw.engine.effects.prompts import PromptReads
from gangsaw.engine.effects.reviews import show_change
from gangsaw.engine.launches import NO_WORKTREE, Trace
from gangsaw.engine.prices import Pricer
from gangsaw.engine.room import lacks_room
from gangsaw.engine.world import Job, World
from gangsaw.git import DirtyWorktree, begin_merge, commit_leftovers, git_dirs, keep_turn
from gangsaw.procs import Absent, Finished, Lost, kill, launch, probe
from gangsaw.store.secret import repository_secret, token_of


def run(action: ac.RunTurn, world: World) -> Job:
    """Launch the agent, or adopt the launch, and have it reported on until its end."""
    attempt = world.state.attempts[action.about]
    folder = world.layout.turn(attempt.id, action.launch)
    agent = world.agent(attempt.seat)
    task = world.state.tasks[attempt.task]
    reads = PromptReads(world.state, attempt)
    ports = ports_of(world.state, attempt.id, world.settings.worktree)
    grace_s = world.state.limits.grace_s
    hold_back = attempt.stop_cause is not None
    plain = task.workspace is Workspace.NONE
    trace = world.trace(attempt.id, folder, attempt.path)
    found_in_use = folder in world.found_in_use

    def job(unwanted: threading.Event) -> list[Observation]:
        launched = not isinstance(probe(folder), Absent)
        begun = attempt.started or (found_in_use and not _is_unclaimed(folder))
        try:
            if not launched and begun:
                return [_lost(attempt, action.launch, trace, begun=True)]
            token = token_of(repository_secret(world.layout.control), world.layout.run, attempt.id)
            brief, settings = brief_of(action, world, attempt, task, agent, reads, ports, token)
            adapter = adapter_for(settings.kind)
            if not launched:
                if hold_back:
                    return [LaunchLost(attempt.id, action.launch, False, "stopped before it ran")]
                if not plain and not Path(attempt.path).is_dir():
                    outcome = TurnOutcome(OutcomeKind.FAILED, NO_WORKTREE)
                    return [LaunchExited(attempt.id, action.launch, outcome, None, None)]
                _keep_last_turn(action, world, attempt)
                _merge_first(action, world, attempt)
                durable("engine.prompts", lambda: _write_prompts(world, attempt, brief, task))
                if action.why is TurnKind.REVIEW:
                    show_change(world, attempt, task, Path(brief.worktree))
                spec = adapter.launch(settings, brief)
                world.secrets.require_none_in_arguments(settings)
                world.secrets.require_none_in_arguments(settings, _words_of(spec, brief))
                mark = world.layout.mark_prefix(attempt.id) + secrets.token_hex(12)
                launch(folder, spec, mark=mark, grace_s=grace_s)
        except UserError as error:
            if launched and not isinstance(probe(folder), Finished | Lost):
                # It runs under settings that are gone: nobody can read it, but it must not be
                # taken for dead either. It is ended first, and told as refused at the next try.
                kill(folder)
                raise
            outcome = TurnOutcome(OutcomeKind.REFUSED, error.text)
            return [LaunchExited(attempt.id, action.launch, outcome, None, None)]
        except (OSError, RuntimeError, ValueError) as error:
            if not isinstance(probe(folder), Absent) or lacks_room(error):
                raise
            return [LaunchLost(attempt.id, action.launch, False, f"cannot launch: {error}")]
        reader = adapter.reader(brief)
        pricer = Pricer(brief.model or settings.model)
        world.launches.register(attempt.id, action.launch, folder, reader, trace, pricer)
        return []

    return job


def stop(action: ac.StopTurn, world: World) -> Job:
    """Ask the launch to end: the stop ladder, or at once where its folder is gone."""
    attempt = world.state.attempts[action.about]
    folder = world.layout.turn(attempt.id, action.launch)
    trace = world.trace(attempt.id, folder, attempt.path)

    def job(unwanted: threading.Event) -> list[Observation]:
        if isinstance(probe(folder), Absent):
            return [_lost(attempt, action.launch, trace, begun=attempt.started)]
        world.launches.end(folder, hard=action.hard)
        return []

    return job


def _lost(attempt: Attempt, launch: int, trace: Trace, *, begun: bool) -> LaunchLost:
    """A launch that is not to be begun any more, and of which there is no record. Raises while its
    processes are alive."""
    lost = trace.lost(attempt.id, launch, begun=begun, text="stopped before it ran")
    if lost is None:
        raise RuntimeError(f"processes of {attempt.id}, whose folder is gone, do not end")
    return lost


def _is_unclaimed(folder: Path) -> bool:
    """Whether the folder is as one is left by a launch whose shim died before it did anything."""
    return folder.is_dir() and not (folder / "out").exists()


def brief_of(
    action: ac.RunTurn,
    world: World,
    attempt: Attempt,
    task: Task,
    agent: AgentSettings | None,
    reads: PromptReads,
    ports: Ports | None,
    token: str = "",
) -> tuple[TurnBrief, AgentSettings]:
    if agent is None:
        raise UserError(
            f"there is no agent called '{attempt.seat}'; "
            f"try adding [agents.{attempt.seat}] to gangsaw.toml"
        )
    layout = world.layout
    plain = task.workspace is Workspace.NONE
    reviews = action.why is TurnKind.REVIEW
    folder = layout.plain_folder(attempt.id) if plain else Path(attempt.path)
    if reviews:
        folder = layout.review(attempt.id, action.launch)
    role = role_of(task, agent, world.roles, reviews=reviews)
    guides = guides_for(agent.kind, guides_in(folder))
    ambient = allowed_environment(world.environ, agent)
    can_call = not reviews and _has_command(ambient, task)
    told = reads.prompt(action, world, role, guides, can_call=can_call)
    brief = TurnBrief(
        run=layout.run,
        task=task.id,
        attempt=attempt.id,
        turn=action.turn,
        kind=action.why,
        prompt=world.secrets.text(told),
        prompt_file=str(layout.prompt(attempt.id, action.launch)),
        task_prompt_file=str(layout.task_prompt(attempt.id)),
        worktree=str(folder),
        model=model_of(None if reviews else attempt.model, role, agent),
        session=None if reviews else attempt.session or None,
        ambient=ambient,
        task_env=task.env,
        git_dirs=() if plain or reviews else git_dirs(world.repo, folder),
        readonly=reviews or (role is not None and role.readonly),
        token="" if reviews else token,
        control=str(layout.control),
        ports=ports,
    )
    return brief, agent


def _words_of(spec: LaunchSpec, brief: TurnBrief) -> list[str]:
    """The arguments but for those with our own paths, in which a secret stands by chance only."""
    places = (brief.worktree, brief.control)
    return [word for word in spec.argv if not any(place and place in word for place in places)]


def role_of(
    task: Task, agent: AgentSettings, roles: Mapping[str, Role], *, reviews: bool = False
) -> Role | None:
    """The role of the task, or the one that its agent has otherwise; a reviewer has its own only.
    `UserError` for one that is not there (any more)."""
    name = (None if reviews else task.role) or agent.role
    if name is None:
        return None
    if name not in roles:
        near = difflib.get_close_matches(name, roles, n=1)
        remedy = f"did you mean '{near[0]}'?" if near else f"try writing agents/{name}.md"
        raise UserError(f"cannot find the role '{name}' of task '{task.id}'; {remedy}")
    return roles[name]


def model_of(wanted: str | None, role: Role | None, agent: AgentSettings) -> str | None:
    """The model of a turn: the task's, the role's if its agent can know it, or the agent's."""
    fits = role is not None and (not role.is_of_claude or agent.kind == "claude")
    return wanted or (role.model if role is not None and fits else None) or agent.model


def guides_in(folder: Path) -> list[str]:
    """The files with instructions for agents in the top folder of a worktree."""
    return [name for name in GUIDES if (folder / name).is_file()]


def _has_command(ambient: Variables, task: Task) -> bool:
    """Whether the agent will find our command."""
    path = (dict(ambient) | dict(task.env)).get("PATH", "")
    return shutil.which("gangsaw", path=path) is not None


def _keep_last_turn(action: ac.RunTurn, world: World, attempt: Attempt) -> None:
    """Hold the work as the last turn left it: a later attempt may start from there."""
    if action.launch > 1 and attempt.path:
        run, path = world.layout.run, Path(attempt.path)
        keep_turn(world.repo, run, attempt.id, action.launch - 1, path, attempt.base)


def _merge_first(action: ac.RunTurn, world: World, attempt: Attempt) -> None:
    """Bring the new base into the worktree; a conflict stays there for the agent."""
    if action.onto is None:
        return
    path = Path(attempt.path)
    begun = begin_merge(world.repo, path, action.onto, stale_lock_ok=True)
    if isinstance(begun, DirtyWorktree):
        commit_leftovers(world.repo, path, "Work in progress before a merge", stale_lock_ok=True)
        begun = begin_merge(world.repo, path, action.onto, stale_lock_ok=True)
    if isinstance(begun, DirtyWorktree):
        raise RuntimeError(f"cannot merge into {path}: {', '.join(begun.paths[:5])} in the way")


def _write_prompts(world: World, attempt: Attempt, brief: TurnBrief, task: Task) -> None:
    folder = world.layout.attempt(attempt.id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if task.workspace is Workspace.NONE:
        Path(brief.worktree).mkdir(exist_ok=True)
    own = world.secrets.text(task.prompt)
    for name, text in ((brief.prompt_file, brief.prompt), (brief.task_prompt_file, own)):
        Path(name).write_text(text, encoding="utf-8", errors="surrogateescape")
