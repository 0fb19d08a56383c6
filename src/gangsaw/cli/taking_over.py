"""Working in the place of an agent: its turn is stopped, its program opened here, and afterwards it
goes on. What is durable of it are the events `take.wanted`, `attempt.taken` and
`attempt.handed_back`; whatever dies in between leaves the task in the person's hands."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from gangsaw.agents import TurnBrief, adapter_for, allowed_environment
from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, open_repo, reading
from gangsaw.cli.project import read_settings
from gangsaw.cli.requests import Answered, Wish, ask, tell
from gangsaw.core.errors import UserError
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.model import TurnKind, Workspace
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.core.state import Attempt, State
from gangsaw.engine.layout import Layout, layout_for
from gangsaw.engine.loop import fold
from gangsaw.procs import MARK_VARIABLE, end_strays, run_in_front, strays
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.store.lock import WriterLock

TAKE_WAIT_S = 300.0
"""How long the end of an agent is waited for: longer than any sensible grace."""
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an attempt works, and who it is."""

    layout: Layout
    settings: Settings
    state: State
    attempt: Attempt

    @property
    def folder(self) -> Path:
        plain = self.state.tasks[self.attempt.task].workspace is Workspace.NONE
        return self.layout.plain_folder(self.attempt.id) if plain else Path(self.attempt.path)

    @property
    def mark(self) -> str:
        """What the marks of a person's programs begin with."""
        return f"{self.layout.mark_prefix(self.attempt.id)}person-"


def take_over_task(task: str) -> int:
    """Stop the agent, open its program here, and hand back when that has ended; the exit code."""
    control = find_control()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            f"cannot take {task} over: there is no terminal here; try it in one, or say what is to "
            f"be done: gangsaw say {task} TEXT"
        )
    if WriterLock.holder(control.lock) is None:
        raise UserError(
            f"cannot take {task} over: no gangsaw is running, so nobody would stop its agent and "
            f"know that you work there; try: gangsaw run --detach, then gangsaw attach {task} "
            "--take-over"
        )
    with reading(control) as journal:
        run = chosen_run(journal, None).run
        after = journal.last_seq(run)
        reply = ask(Wish("take", task))
        if not (isinstance(reply, Answered) and reply.ok):
            return tell(Wish("take over", task), reply, as_json=False) or 1
        output.warn(f"-- {reply.text}; waiting for its end")
        _wait_until_taken(control, journal, run, task, after)
    try:
        with reading(control) as journal:
            place = _place(control, journal, run, task)
        _work(place)
    finally:
        code = tell(Wish("hand back", task), ask(Wish("hand_back", task)), as_json=False)
    return code


def require_nobody_there(task: str) -> None:
    """`UserError` while a program that a person was given for the task is still alive."""
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, None).run
        if journal.task(run, task) is None:
            return  # the answer to the request says so
        row = journal.task(run, task)
        if row is None or not row.attempts:
            return
        place = _place(control, journal, run, task)
    alive = strays(place.mark, (place.folder,))
    if alive:
        pids = ", ".join(str(one.pid) for one in alive[:5])
        raise UserError(
            f"cannot hand {task} back: the program it was opened with is alive (pid {pids}); "
            "try ending it, or its terminal, first"
        )


def _wait_until_taken(control: Control, journal: Journal, run: str, task: str, after: int) -> None:
    """Until nothing of the attempt runs any more."""

    def taken() -> bool:
        row = journal.task(run, task)
        subject = f"{task}.{row.attempts}" if row else ""
        rows = journal.read(run, after, subject=subject)
        return any(one.kind == "attempt.taken" for one in rows)

    for _ in clock.until(TAKE_WAIT_S, POLL_S):
        if taken():
            return
        if WriterLock.holder(control.lock) is None and not taken():
            raise UserError(
                f"cannot open {task}: gangsaw has ended before its agent was stopped; try: "
                f"gangsaw run --detach, then gangsaw attach {task} --hand-back"
            )
    raise UserError(
        f"cannot open {task}: its agent does not end; it stays yours; try: gangsaw why {task}, "
        f"gangsaw attach {task} --hand-back"
    )


def _place(control: Control, journal: Journal, run: str, task: str) -> _Place:
    repo = open_repo()
    root = repo.main_root or repo.root
    settings, _ = read_settings(root, os.environ)
    state, _ = fold(journal, run)
    attempt = state.attempt_of(task)
    if attempt is None:
        raise UserError(f"nobody works on {task}; see: gangsaw why {task}")
    return _Place(layout_for(root, control.root, settings, run), settings, state, attempt)


def _work(place: _Place) -> None:
    """Have the person work there until the program ends; nothing of it is left behind."""
    spec = _program(place)
    env = dict(spec.env) | {MARK_VARIABLE: place.mark + secrets.token_hex(8)}
    try:
        code = run_in_front(spec.argv, cwd=place.folder, env=env)
    except OSError as error:
        output.complain(f"cannot start {spec.argv[0]}: {error.strerror}; see: gangsaw doctor")
        return
    left = end_strays(place.mark, (place.folder,))
    ended = f"-- {Path(spec.argv[0]).name} has ended ({code})"
    output.warn(f"{ended}, with {left} processes that it left" if left else ended)


def _program(place: _Place) -> LaunchSpec:
    """The agent's own program on its session, or a shell."""
    agent = place.settings.agent(place.attempt.agent)
    spec = adapter_for(agent.kind).interactive(agent, _brief(place, agent)) if agent else None
    if spec is not None:
        output.warn(f"-- {place.attempt.agent} in {place.folder}; end it to hand back")
        return spec
    shell = os.environ.get("SHELL") or "/bin/sh"
    kind = agent.kind if agent else place.attempt.agent
    output.warn(
        f"-- an agent of kind {kind} cannot be opened at a terminal: this is a shell in its "
        f"worktree, {place.folder}; leave it with exit to hand back"
    )
    return LaunchSpec((shell,), str(place.folder), tuple(sorted(os.environ.items())))


def _brief(place: _Place, agent: AgentSettings) -> TurnBrief:
    attempt, layout = place.attempt, place.layout
    return TurnBrief(
        run=layout.run,
        task=attempt.task,
        attempt=attempt.id,
        turn=attempt.turn,
        kind=TurnKind.CONTINUE,
        prompt="",
        prompt_file=str(layout.prompt(attempt.id, attempt.launch)),
        task_prompt_file=str(layout.task_prompt(attempt.id)),
        worktree=str(place.folder),
        model=attempt.model or agent.model,
        session=attempt.session or None,
        ambient=allowed_environment(os.environ, agent),
        task_env=place.state.tasks[attempt.task].env,
    )
