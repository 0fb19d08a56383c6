"""The played world: it carries out actions as the real effects must (do it, or adopt what is
there), lives on when the engine dies, and keeps the truth that the validators ask for."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from random import Random
from typing import assert_never

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.events import Cause
from gangsaw.core.launch import UsageNoted
from gangsaw.core.model import task_of
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.plans import CALM, Scene, Temper
from gangsaw.testing.simulation.played_file import PlayedFile
from gangsaw.testing.simulation.shims import Launch, Style
from gangsaw.testing.simulation.source_edits import SourceEdits
from gangsaw.testing.simulation.trees import Trees, Worktree, tree_id
from gangsaw.testing.simulation.world_agents import keep_work, lose, run_turn, stop_turn
from gangsaw.testing.simulation.world_checks import run_checks
from gangsaw.testing.simulation.world_landing import (
    build_candidate,
    deliver,
    move_integration,
    push,
)

Job = Callable[[], None]
Report = Callable[[str, list[ob.Observation]], None]


class World:
    """Processes, git, checks and the clock of one schedule."""

    def __init__(self, rng: Random, scene: Scene, report: Report, seed: int) -> None:
        self.rng = rng
        self.temper: Temper = scene.temper
        self.trees = Trees(scene)
        self.finds = self.trees.finds
        self.now = 100_000.0
        self.skew = 0.0
        """How far the engine's clock is ahead of the world's (seconds)."""
        self.full_until = 0.0
        """While the disk is full nothing can be appended, and most effects fail."""
        self.launches: dict[tuple[str, int], Launch] = {}
        self.latest: dict[str, Launch] = {}
        self.alive: dict[str, Launch] = {}
        self.watched: set[tuple[str, int]] = set()
        """Launches that the living engine reports on."""
        self.barriers = scene.barriers
        self.plain_green: dict[str, set[str]] = {}
        self.plain_red: set[str] = set()
        """What checks said in plain folders since the last launch there."""
        self.session_of: Callable[[str], str | None] = lambda attempt: None
        """The session that the engine has the next launch of an attempt go on with, if any."""
        self.agent_of: Callable[[str], str] = lambda attempt: ""
        self.styles = {agent.name: rng.choice(tuple(Style)) for agent in scene.limits.agents}
        self.used: dict[str, UsageNoted] = {}
        """Session → what was really used in it."""
        self.writing_tests: set[str] = set()
        """Attempts whose agents write tests, which fail."""
        self.checks_of = {
            t.id: tuple(c.name for c in (*scene.gate, *t.checks)) for t in scene.plan.tasks
        }
        own = (check for task in scene.plan.tasks for check in task.checks)
        self.named = [check for check in (*scene.gate, *own) if check.only]
        self.report = report
        self.played_file = PlayedFile(seed, scene.plan)
        self.edits = SourceEdits(seed, scene.plan, self.played_file)
        self._agenda: list[tuple[float, int, Job]] = []
        self._order = count()

    # --- time and machine -----------------------------------------------------------------------

    @property
    def clock(self) -> float:
        """What the engine's clock shows (epoch seconds)."""
        return self.now + self.skew

    @property
    def full(self) -> bool:
        """Whether the disk is full now."""
        return self.now < self.full_until

    def calm_down(self) -> None:
        """From now on nothing new goes wrong: there is room on the disk, and people clean up."""
        self.temper, self.full_until, self.trees.dirty = CALM, 0.0, False

    def reboot(self) -> None:
        """The machine restarts: no process is left, and nothing recorded how they ended."""
        for launch in list(self.alive.values()):
            lose(self, launch)

    def vanish(self) -> None:
        """Somebody removes the worktree of an attempt whose agent has ended."""
        idle = [name for name in self.trees.worktrees if name not in self.alive]
        if idle:
            worktree = self.trees.worktrees[self.rng.choice(idle)]
            worktree.fault, worktree.pending = str(Cause.STRAYED), ""

    def at(self, moment: float, job: Job) -> None:
        """Have something happen at the moment (epoch seconds)."""
        heapq.heappush(self._agenda, (moment, next(self._order), job))

    def go_on(self, until: float) -> None:
        """Everything that happens up to the moment, in order."""
        agenda = self._agenda
        while agenda and agenda[0][0] <= until:
            self._do_next()
        self.now = max(self.now, until)

    def go_on_to_news(self, until: float, news: list[ob.Observation]) -> None:
        """Everything that happens up to the first moment that brings news, or before `until`."""
        agenda = self._agenda
        while not news and agenda and agenda[0][0] < until:
            self._do_next()
        moment = self.now if news else until
        while agenda and agenda[0][0] <= moment:
            self._do_next()
        self.now = max(self.now, moment)

    def _do_next(self) -> None:
        moment, _, job = heapq.heappop(self._agenda)
        self.now = max(self.now, moment)
        job()

    # --- effects --------------------------------------------------------------------------------

    def carry_out(self, action: ac.Action) -> list[ob.Observation]:
        """Do it, or adopt what is there; what a real effect would report."""
        match action:
            case ac.CreateIntegration():
                return [self._create(action)]
            case ac.PrepareWorkspace():
                return [self._prepare(action)]
            case ac.RunTurn():
                return run_turn(self, action)
            case ac.StopTurn():
                return stop_turn(self, action)
            case ac.InspectWork():
                return [self._inspect(action)]
            case ac.RunChecks():
                return [run_checks(self, action)]
            case ac.BuildCandidate():
                return [build_candidate(self, action)]
            case ac.MoveIntegration():
                return [move_integration(self, action)]
            case ac.CloseWorkspace():
                return [self._close(action)]
            case ac.Deliver():
                return [deliver(self, action)]
            case ac.Push():
                return [push(self, action)]
            case ac.WriteStanding():
                return self.played_file.write(action, calm=self.temper is CALM)
            case _:
                assert_never(action)

    def refuse_to_launch(self, action: ac.RunTurn) -> list[ob.Observation]:
        """What a launch that is to be stopped before it began reports; adopts one that is there."""
        if (action.about, action.launch) in self.launches:
            return run_turn(self, action)
        return [ob.LaunchLost(action.about, action.launch, False, "stopped before it ran")]

    def _create(self, action: ac.CreateIntegration) -> ob.Observation:
        if self.trees.integration is None:
            self.trees.integration = action.base
        return ob.IntegrationAt(self.trees.integration)

    def _prepare(self, action: ac.PrepareWorkspace) -> ob.Observation:
        base, head = action.base, action.base
        if action.start:
            kept = self.trees.kept[action.start]
            base, head = kept.base, self.trees.start(kept)
        for parent in action.contains:
            if not self.trees.is_ancestor(parent, base):
                raise Broken(f"the base of {action.about} lacks {parent}")
        if action.about not in self.trees.worktrees:
            worktree = Worktree(action.branch, base, head)
            self.trees.worktrees[action.about] = worktree
        return ob.WorkspaceAt(action.about, f"/worktrees/{action.about}", base)

    def _inspect(self, action: ac.InspectWork) -> ob.Observation:
        trees, about = self.trees, action.about
        worktree = trees.worktrees[about]
        if about in self.alive:
            raise Broken(f"{about} is inspected while its agent is alive")
        if worktree.pending and action.commit_leftovers:
            worktree.head, worktree.pending = worktree.pending, ""

        def unsound(cause: Cause) -> ob.WorkUnsound:
            return ob.WorkUnsound(about, action.launch, cause, ("file",), str(cause))

        if worktree.fault:
            return unsound(Cause(worktree.fault))
        if worktree.pending:
            return unsound(Cause.UNCOMMITTED)
        tree = trees.commits[worktree.head].tree
        if tree <= trees.commits[action.against].tree:
            return unsound(Cause.EMPTY)
        barrier = ("lock",) if task_of(about) in self.barriers else ()
        commit, finds = worktree.head, self.finds
        count, paths = 1, tuple[str, ...]()
        if finds.lists:
            paths = trees.paths_between(commit, action.against)
            count = max(1, len(paths))
            if self.temper.unlisted and finds.rng.random() < self.temper.unlisted:
                paths = ()
        concerns = finds.concerns_in(commit, self.temper.concerns)
        return ob.WorkInspected(
            *(about, action.launch, commit, tree_id(tree), count, 2, 3),
            barrier=barrier,
            concerns=concerns,
            paths=paths,
            unchanged=bool(action.blamed) and tree == trees.merged(action.against, action.blamed),
        )

    def _close(self, action: ac.CloseWorkspace) -> ob.Observation:
        if action.about in self.alive:
            raise Broken(f"the worktree of {action.about} is removed under its agent")
        launch = self.latest.get(action.about)
        if launch is not None:
            keep_work(self, action.about, launch.number)
        self.trees.worktrees.pop(action.about, None)
        prefix = f"refs/kept/{action.about}/"
        turns = [ref for ref in self.trees.kept if ref.startswith(prefix)]
        return ob.AttemptClosed(action.about, (f"{prefix}work", *turns))
