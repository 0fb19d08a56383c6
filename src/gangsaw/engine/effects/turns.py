"""One turn of an agent: its prompt written, its process launched or adopted, or asked to end."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

from gangsaw.agents import (
    LandedParent,
    TurnBrief,
    adapter_for,
    allowed_environment,
    continue_values,
    default_template,
    fix_values,
    render,
    resolve_values,
    task_values,
)
from gangsaw.core import actions as ac
from gangsaw.core.errors import UserError
from gangsaw.core.events import Cause, CheckResult, Judgement
from gangsaw.core.faults import durable
from gangsaw.core.launch import OutcomeKind, TurnOutcome
from gangsaw.core.model import Task, TurnKind, Workspace
from gangsaw.core.observations import LaunchExited, LaunchLost, Observation
from gangsaw.core.policy.landing import gate_of_work
from gangsaw.core.settings import AgentSettings
from gangsaw.core.state import Attempt, State
from gangsaw.engine.launches import NO_WORKTREE, Trace
from gangsaw.engine.room import lacks_room
from gangsaw.engine.world import Job, World
from gangsaw.git import DirtyWorktree, begin_merge, commit_leftovers, keep_turn
from gangsaw.procs import Absent, Finished, Lost, kill, launch, probe

LANDED_SHOWN = 20


def run(action: ac.RunTurn, world: World) -> Job:
    """Launch the agent, or adopt the launch, and have it reported on until its end."""
    attempt = world.state.attempts[action.about]
    folder = world.layout.turn(attempt.id, action.launch)
    agent = world.settings.agent(attempt.agent)
    task = world.state.tasks[attempt.task]
    reads = _Reads(world.state, attempt)
    grace_s = world.state.limits.grace_s
    hold_back = attempt.stop_cause is not None
    plain = task.workspace is Workspace.NONE
    trace = world.trace(attempt.id, folder, attempt.path)
    found_in_use = folder in world.found_in_use

    def job(unwanted: threading.Event) -> list[Observation]:
        launched = not isinstance(probe(folder), Absent)
        begun = attempt.started or (found_in_use and not _is_unclaimed(folder))
        try:
            brief, settings = _brief(action, world, attempt, task, agent, reads)
            adapter = adapter_for(settings.kind)
            if not launched:
                if begun:
                    return [_lost(attempt, action.launch, trace, begun=True)]
                if hold_back:
                    return [LaunchLost(attempt.id, action.launch, False, "stopped before it ran")]
                if not plain and not Path(attempt.path).is_dir():
                    outcome = TurnOutcome(OutcomeKind.FAILED, NO_WORKTREE)
                    return [LaunchExited(attempt.id, action.launch, outcome, None, None)]
                _keep_last_turn(action, world, attempt)
                _merge_first(action, world, attempt)
                durable("engine.prompts", lambda: _write_prompts(world, attempt, brief, task))
                spec = adapter.launch(settings, brief)
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
        world.launches.register(attempt.id, action.launch, folder, reader, trace)
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


def _brief(
    action: ac.RunTurn,
    world: World,
    attempt: Attempt,
    task: Task,
    agent: AgentSettings | None,
    reads: _Reads,
) -> tuple[TurnBrief, AgentSettings]:
    if agent is None:
        raise UserError(
            f"there is no agent called '{attempt.agent}'; "
            f"try adding [agents.{attempt.agent}] to gangsaw.toml"
        )
    layout = world.layout
    plain = task.workspace is Workspace.NONE
    folder = layout.plain_folder(attempt.id) if plain else Path(attempt.path)
    brief = TurnBrief(
        run=layout.run,
        task=task.id,
        attempt=attempt.id,
        turn=action.turn,
        kind=action.why,
        prompt=reads.prompt(action, world),
        prompt_file=str(layout.prompt(attempt.id, action.launch)),
        task_prompt_file=str(layout.task_prompt(attempt.id)),
        worktree=str(folder),
        model=attempt.model or agent.model,
        session=attempt.session or None,
        ambient=allowed_environment(world.environ, agent),
        task_env=task.env,
    )
    return brief, agent


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
    for name, text in ((brief.prompt_file, brief.prompt), (brief.task_prompt_file, task.prompt)):
        Path(name).write_text(text, encoding="utf-8", errors="surrogateescape")


class _Reads:
    """What a prompt needs from the state, read on the loop's thread."""

    def __init__(self, state: State, attempt: Attempt) -> None:
        self._attempt = attempt
        self._task = state.tasks[attempt.task]
        self._goal = state.goal
        self._checks = gate_of_work(state, attempt.task)
        self._parents = [
            LandedParent(need, state.tasks[need].title) for need in dict.fromkeys(self._task.needs)
        ]
        since = state.task_states[attempt.task].since_landing or 0
        landed = [name for name in state.landed[since:] if state.task_states[name].landed_commit]
        self._landed = [f"{name}: {state.tasks[name].title}" for name in landed[-LANDED_SHOWN:]]
        resumes = any(a.name == attempt.agent and a.resumes for a in state.limits.agents)
        self._resumed = resumes and bool(attempt.session)

    def prompt(self, action: ac.RunTurn, world: World) -> str:
        """The rendered prompt of the turn."""
        values = task_values(
            self._task,
            goal=self._goal,
            parents=self._parents,
            checks=self._checks,
            resumed=self._resumed,
            earlier=bool(self._attempt.start),
        )
        values |= self._further_values(action)
        template = world.templates.get(action.why.value) or default_template(action.why)
        return render(template, values)

    def _further_values(self, action: ac.RunTurn) -> dict[str, str]:
        attempt = self._attempt
        match action.why:
            case TurnKind.WORK:
                return {}
            case TurnKind.FIX:
                command, output = _failure(attempt)
                return fix_values(command, output, _reason(attempt))
            case TurnKind.RESOLVE:
                return resolve_values(
                    attempt.returned_paths,
                    self._landed,
                    base=action.onto or "",
                    reason=_reason(attempt),
                )
            case TurnKind.CONTINUE:
                return continue_values()


def _failure(attempt: Attempt) -> tuple[str, str]:
    """The command that failed and what it printed; of several, one after the other."""
    failed = [result for result in attempt.results if result.judgement is Judgement.FAILED]
    if attempt.returned not in (Cause.CHECKS, Cause.COMBINATION) or not failed:
        return "git status; git diff", attempt.returned_text
    if len(failed) == 1:
        return failed[0].name, failed[0].tail
    return "\n".join(result.name for result in failed), "\n\n".join(map(_headed, failed))


def _headed(result: CheckResult) -> str:
    return f"$ {result.name}\n{result.tail}"


def _reason(attempt: Attempt) -> str:
    match attempt.returned:
        case Cause.COMBINATION:
            return (
                "Your work was green alone, but not together with what landed meanwhile, which "
                f"has been merged into your worktree ({attempt.returned_text})."
            )
        case Cause.CHECKS:
            return ""
        case Cause.EMPTY:
            return "You ended without changing anything. If the task is not done yet, do it now."
        case _:
            text = attempt.returned_text
            return text[:1].upper() + text[1:] + "."
