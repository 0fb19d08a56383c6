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
from gangsaw.core.events import Cause, CheckResult, Judgement, Stage
from gangsaw.core.launch import UsageNoted
from gangsaw.core.model import Check, TurnKind, When, task_of
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.plans import CALM, Scene, Temper
from gangsaw.testing.simulation.shims import (
    NOTHING,
    Ending,
    Launch,
    Left,
    Style,
    Told,
    exit_of,
    random_launch,
)
from gangsaw.testing.simulation.trees import Kept, Tree, Trees, Worktree, tree_id

GRACE_S = 3.0
CHATTER_S = 30.0
SWEEP_S = 5.0
"""The longest that a tree without shim takes to be killed by the engine that finds it."""

TESTS_RED = 0.7
"""How often tests that were written before the work fail, where there is a check."""

AGAINST_UNKNOWN = 0.2
"""How often nobody knows with which of the changes ahead one does not merge."""

AT_STAGE = {
    Stage.WORK: (When.ALWAYS, When.WORK),
    Stage.CANDIDATE: (When.ALWAYS, When.LANDING),
    Stage.AFTER: (When.AFTER,),
}
"""Which checks look at which trees."""

Job = Callable[[], None]
Report = Callable[[str, list[ob.Observation]], None]


class World:
    """Processes, git, checks and the clock of one schedule."""

    def __init__(self, rng: Random, scene: Scene, report: Report) -> None:
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
        styles = {agent.name: rng.choice(tuple(Style)) for agent in scene.limits.agents}
        self._styles = styles
        self._used: dict[str, UsageNoted] = {}
        """Session → what was really used in it."""
        self._testing: set[str] = set()
        """Attempts whose agents write tests, which fail."""
        self._plain = {t.id for t in scene.plan.tasks if t.workspace is t.workspace.NONE}
        self._checks = {
            t.id: tuple(c.name for c in (*scene.gate, *t.checks)) for t in scene.plan.tasks
        }
        own = (check for task in scene.plan.tasks for check in task.checks)
        self._named = [check for check in (*scene.gate, *own) if check.only]
        self._report = report
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
            self._lose(launch)

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
                return self._run(action)
            case ac.StopTurn():
                return self._stop(action)
            case ac.InspectWork():
                return [self._inspect(action)]
            case ac.RunChecks():
                return [self._check(action)]
            case ac.BuildCandidate():
                return [self._build(action)]
            case ac.MoveIntegration():
                return [self._move(action)]
            case ac.CloseWorkspace():
                return [self._close(action)]
            case ac.Deliver():
                return [self._deliver(action)]
            case ac.Push():
                return [self._push(action)]
            case _:
                assert_never(action)

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

    def _check(self, action: ac.RunChecks) -> ob.Observation:
        if action.only:
            return self._some_tests(action)
        if action.commit:
            tree = self.trees.commits[action.commit].tree
            green = self.trees.green.setdefault(tree_id(tree), set())
            results = self._in_order(action, tree, green)
        else:
            red = self.latest[action.about].left is Left.RED
            results = [self._plain_check(action.about, check, red) for check in action.checks]
        judgements = {result.judgement for result in results}
        worst = Judgement.PASSED
        for judgement in (Judgement.INCONCLUSIVE, Judgement.FAILED):
            worst = judgement if judgement in judgements else worst
        if worst is Judgement.FAILED:
            self.trees.red_runs[action.about, action.commit] += 1
        return ob.ChecksDone(
            action.about, action.commit, action.tree, worst, tuple(results), action.round
        )

    def _some_tests(self, action: ac.RunChecks) -> ob.Observation:
        """Only these tests of one check, as the check says how; it is known by its command."""
        tests, trees = self.trees.tests, self.trees
        (check,) = action.checks
        tree = trees.commits[action.commit].tree
        name, asked = tests.asked(check)
        if asked != action.only or action.stage is not Stage.CANDIDATE:
            raise Broken(f"{check.argv} is run for {action.only} of {action.about}")
        if name not in {one.name for one in self._named if one.key == action.part_of}:
            raise Broken(f"{action.part_of} is said to be run in part, and {name} is")
        flaky = self.temper.flaky and self.rng.random() < self.temper.flaky
        red = set(trees.red_tests(tree, name)) & set(asked)
        if flaky:
            red.add(self.rng.choice(asked))
        failed = bool(red)
        if not tests.knows_all(tree, asked):
            # The runner does not know one of them, and runs none.
            red, failed = set(), True
        judgement = Judgement.FAILED if failed else Judgement.PASSED
        if self.rng.random() < self.temper.inconclusive:
            judgement, red = Judgement.INCONCLUSIVE, set()
        failing = tuple(sorted(red))
        tests.ran.append((action.commit, asked, judgement, failing))
        result = CheckResult(check.name, judgement, 0.1, key=check.key, failing=failing)
        done = (action.about, action.commit, action.tree, judgement, (result,))
        return ob.ChecksDone(*done, action.round, action.only)

    def _in_order(self, action: ac.RunChecks, tree: Tree, green: set[str]) -> list[CheckResult]:
        """One order after the other, until something of one has failed."""
        results: list[CheckResult] = []
        orders = [check.order for check in action.checks]
        if orders != sorted(orders):
            raise Broken(f"{action.about} is checked in the order {orders}")
        for at, check in enumerate(action.checks):
            if check.when not in AT_STAGE[action.stage]:
                raise Broken(f"{check.name} is run of {action.about}, and looks {check.when}")
            done = results and check.order > orders[at - 1]
            if done and any(one.judgement is not Judgement.PASSED for one in results):
                break
            results.append(self._one_check(check, tree, green))
        return results

    def _one_check(self, check: Check, tree: Tree, green: set[str]) -> CheckResult:
        if self.rng.random() < self.temper.inconclusive:
            return CheckResult(check.name, Judgement.INCONCLUSIVE, 1.0, key=check.key)
        flaky = self.temper.flaky and self.rng.random() < self.temper.flaky
        if flaky or self.trees.is_red(tree, check.name):
            self.trees.seen_red.add(tree_id(tree))
            failing = self.trees.named_red(tree, check)
            return CheckResult(
                check.name, Judgement.FAILED, 1.0, code=1, tail="red", key=check.key,
                failing=failing,
            )  # fmt: skip
        green.add(check.name)
        return CheckResult(check.name, Judgement.PASSED, 1.0, code=0, key=check.key)

    def _plain_check(self, about: str, check: Check, red: bool) -> CheckResult:
        if self.rng.random() < self.temper.inconclusive:
            return CheckResult(check.name, Judgement.INCONCLUSIVE, 1.0, key=check.key)
        if red:
            self.plain_red.add(about)
            return CheckResult(check.name, Judgement.FAILED, 1.0, code=1, tail="red", key=check.key)
        self.plain_green.setdefault(about, set()).add(check.name)
        return CheckResult(check.name, Judgement.PASSED, 1.0, code=0, key=check.key)

    def _build(self, action: ac.BuildCandidate) -> ob.Observation:
        made_by = self.trees.undo if action.undoes else self.trees.candidate
        made = made_by(action.onto, action.work)
        if made is None:
            against = self._clashing(action)
            return ob.CandidateClashed(action.about, action.work, action.onto, ("file",), against)
        tree = tree_id(self.trees.commits[made].tree)
        way = "" if action.undoes else self.finds.way_of(made, self.temper.mechanical)
        paths = ("file",) if way else ()
        return ob.CandidateMade(action.about, action.work, action.onto, made, tree, way, paths)

    def _clashing(self, action: ac.BuildCandidate) -> str:
        """The first change ahead with which it does not merge, where that was found out; none
        where it is what landed."""
        if action.undoes or not action.ahead:
            return ""
        if action.landed and self.trees.clashes(action.landed, action.work):
            return ""
        if self.rng.random() < AGAINST_UNKNOWN:
            return action.ahead[-1][0]
        found = (a for a, commit in action.ahead if self.trees.clashes(commit, action.work))
        return next(found)

    def _move(self, action: ac.MoveIntegration) -> ob.Observation:
        about, commit, onto = action.about, action.commit, action.onto
        found = self.trees.move_integration(about, commit, onto, joined=bool(action.title))
        if action.title and (about, onto, found) in self.trees.moves:
            return ob.IntegrationMoved(about, commit, onto, found)
        if found == commit:
            return ob.IntegrationMoved(about, commit, onto)
        return ob.IntegrationElsewhere(action.about, action.commit, action.onto, found)

    def _close(self, action: ac.CloseWorkspace) -> ob.Observation:
        if action.about in self.alive:
            raise Broken(f"the worktree of {action.about} is removed under its agent")
        launch = self.latest.get(action.about)
        if launch is not None:
            self._keep(action.about, launch.number)
        self.trees.worktrees.pop(action.about, None)
        prefix = f"refs/kept/{action.about}/"
        turns = [ref for ref in self.trees.kept if ref.startswith(prefix)]
        return ob.AttemptClosed(action.about, (f"{prefix}work", *turns))

    def _keep(self, about: str, launch: int) -> None:
        """Hold the work after a launch, once."""
        worktree = self.trees.worktrees.get(about)
        ref = f"refs/kept/{about}/turn-{launch}"
        if worktree is None or worktree.fault or ref in self.trees.kept:
            return
        commit = worktree.pending or worktree.head
        if commit != worktree.base:
            self.trees.kept[ref] = Kept(commit, worktree.base)

    def _deliver(self, action: ac.Deliver) -> ob.Observation:
        trees = self.trees
        if trees.is_ancestor(action.commit, trees.target):
            return ob.TargetAtIntegration(action.commit)
        if not trees.is_ancestor(trees.target, action.commit):
            return ob.TargetElsewhere(trees.target)
        if trees.dirty:
            return ob.TargetNotMovable(action.commit, "uncommitted changes")
        if all(action.commit != commit for _, _, commit in trees.moves):
            raise Broken(f"the target would be moved to {action.commit}, which was never checked")
        trees.target = action.commit
        return ob.TargetAtIntegration(action.commit)

    def _push(self, action: ac.Push) -> ob.Observation:
        trees, rng, commit, remote = self.trees, self.rng, action.commit, action.remote
        if not trees.is_ancestor(commit, trees.target):
            raise Broken(f"{commit} is pushed before it is delivered")
        if self.temper.unreachable and rng.random() < self.temper.unreachable:
            return ob.PushRefused(commit, remote, "no network", passing=rng.random() < 0.8)
        if self.temper.remote_moves and rng.random() < self.temper.remote_moves:
            tree = trees.change("@user", trees.commits[trees.remote].tree, frozenset())
            trees.remote = trees.commit(tree, trees.remote)
        if trees.is_ancestor(commit, trees.remote):
            return ob.TargetPushed(commit, remote)
        if not trees.is_ancestor(trees.remote, commit):
            if trees.target != commit and trees.is_ancestor(trees.remote, trees.target):
                return ob.TargetElsewhere(trees.target)
            return ob.TargetElsewhere(trees.remote, remote)
        trees.remote = commit
        return ob.TargetPushed(commit, remote)

    # --- agents ---------------------------------------------------------------------------------

    def _run(self, action: ac.RunTurn) -> list[ob.Observation]:
        key = (action.about, action.launch)
        launch = self.launches.get(key)
        if launch is None:
            launch = self._launch(action)
        self.watched.add(key)
        found: list[ob.Observation] = []
        if launch.started:
            found.append(ob.LaunchStarted(*key, 100, "group"))
        found += [ob.Noted(*key, note) for note in launch.notes[: launch.seen]]
        if launch.over is not None:
            found.append(launch.over)
        elif launch.headless:
            self._sweep(launch)
        return found

    def refuse_to_launch(self, action: ac.RunTurn) -> list[ob.Observation]:
        """What a launch that is to be stopped before it began reports; adopts one that is there."""
        if (action.about, action.launch) in self.launches:
            return self._run(action)
        return [ob.LaunchLost(action.about, action.launch, False, "stopped before it ran")]

    def _launch(self, action: ac.RunTurn) -> Launch:
        task = task_of(action.about)
        for other in self.alive:
            if task_of(other) == task:
                raise Broken(f"{action.about} is launched while {other} is alive")
        former = self.latest.get(action.about)
        if former is not None:
            self._keep(action.about, former.number)
        launch = self._begin(action)
        self.launches[action.about, action.launch] = launch
        self.latest[action.about] = launch
        self.alive[action.about] = launch
        self.plain_green.pop(action.about, None)
        self.plain_red.discard(action.about)
        if launch.ending is Ending.NEVER_RAN:
            self.at(self.now + self.rng.random(), lambda: self._lose(launch))
            return launch
        if action.onto is not None:
            self._merge(action.about, action.onto)
        self.at(self.now + self.rng.random(), lambda: self._start(launch))
        return launch

    def _begin(self, action: ac.RunTurn) -> Launch:
        about = action.about
        if action.why in (TurnKind.TEST, TurnKind.WORK):
            (self._testing.add if action.why is TurnKind.TEST else self._testing.discard)(about)
        session = self.session_of(about) or f"s-{about}-{action.launch}"
        before = self._used.get(session, NOTHING)
        told = Told(self._styles.get(self.agent_of(about), Style.LAUNCH), session, before)
        launch = random_launch(self.rng, self.temper, about, action.launch, action.why, told)
        if about in self._testing and launch.left is Left.GOOD and self.rng.random() < TESTS_RED:
            launch.left = Left.RED
        return launch

    def _merge(self, about: str, onto: str) -> None:
        worktree, trees = self.trees.worktrees[about], self.trees
        if not trees.is_ancestor(onto, worktree.head):
            tree = trees.merged(worktree.head, onto)
            worktree.head = trees.commit(tree, worktree.head, onto)
        worktree.base = onto

    def _tell(self, launch: Launch, seen: ob.Observation) -> None:
        if (launch.attempt, launch.number) in self.watched:
            self._report(f"launch {launch.attempt}", [seen])

    def _start(self, launch: Launch) -> None:
        if not launch.alive:
            return
        launch.started = True
        self._tell(launch, ob.LaunchStarted(launch.attempt, launch.number, 100, "group"))
        for n in range(len(launch.notes)):
            moment = self.now + launch.lasts_s * (n + 1) / (len(launch.notes) + 1)
            self.at(moment, lambda n=n: self._note(launch, n))  # type: ignore[misc]
        match launch.ending:
            case Ending.HANGS:
                return
            case Ending.CHATTERS:
                self._chatter(launch)
            case Ending.LOST:
                self.at(self.now + launch.lasts_s, lambda: self._lose(launch))
            case Ending.HEADLESS:
                self.at(self.now + launch.lasts_s / 2, lambda: self._behead(launch))
                self.at(self.now + launch.lasts_s, lambda: self._lose(launch))
            case _:
                self.at(self.now + launch.lasts_s, lambda: self._end(launch))

    def _note(self, launch: Launch, n: int) -> None:
        if launch.alive and launch.seen == n:
            launch.seen = n + 1
            self._tell(launch, ob.OutputGrew(launch.attempt, launch.number))
            self._tell(launch, ob.Noted(launch.attempt, launch.number, launch.notes[n]))

    def _chatter(self, launch: Launch) -> None:
        if launch.alive:
            self._tell(launch, ob.OutputGrew(launch.attempt, launch.number))
            self.at(self.now + CHATTER_S, lambda: self._chatter(launch))

    def _behead(self, launch: Launch) -> None:
        """The shim dies and its agent goes on; an engine that watches kills what is left."""
        launch.headless = True
        if (launch.attempt, launch.number) in self.watched:
            self._sweep(launch)

    def _sweep(self, launch: Launch) -> None:
        self.at(self.now + SWEEP_S * self.rng.random(), lambda: self._lose(launch))

    def _end(self, launch: Launch, *, stopped: bool = False) -> None:
        if launch.over is not None:
            return
        launch.over = exit_of(self.rng, launch, self.clock, stopped=stopped)
        launch.started, launch.alive = True, False
        self._used[launch.session] = launch.whole
        del self.alive[launch.attempt]
        if launch.attempt in self.trees.worktrees and launch.why is not TurnKind.REVIEW:
            self._leave(launch, stopped=stopped)
        self._tell(launch, launch.over)

    def _lose(self, launch: Launch) -> None:
        if launch.over is not None:
            return
        launch.over = ob.LaunchLost(launch.attempt, launch.number, launch.started, "no record")
        launch.alive = False
        if launch.started:
            self._used[launch.session] = launch.whole
        del self.alive[launch.attempt]
        self._tell(launch, launch.over)

    def _leave(self, launch: Launch, *, stopped: bool) -> None:
        """What the agent leaves in its worktree."""
        trees, worktree = self.trees, self.trees.worktrees[launch.attempt]
        worktree.fault, worktree.pending = "", ""
        if stopped or launch.ending is not Ending.DONE or launch.left is Left.EMPTY:
            return
        if self._named and launch.why is TurnKind.FIX and trees.tests.is_idle(launch.attempt):
            return
        if launch.left in (Left.UNMERGED, Left.STRAYED):
            worktree.fault = str(Cause[launch.left.name])
            return
        task = task_of(launch.attempt)
        checks = self._checks[task]
        red = frozenset({self.rng.choice(checks)}) if checks else frozenset[str]()
        tree = trees.change(
            task, trees.commits[worktree.head].tree, red if launch.left is Left.RED else frozenset()
        )
        made = trees.commit(tree, worktree.head)
        if launch.left is Left.UNCOMMITTED:
            worktree.pending = made
        else:
            worktree.head = made

    def _stop(self, action: ac.StopTurn) -> list[ob.Observation]:
        launch = self.launches.get((action.about, action.launch))
        if launch is None:
            return [ob.LaunchLost(action.about, action.launch, False, "stopped before it ran")]
        grace_s = 0.0 if action.hard else GRACE_S * self.rng.random()
        if launch.over is None:
            if launch.headless or launch.ending is Ending.NEVER_RAN or not launch.started:
                self.at(self.now + grace_s, lambda: self._lose(launch))
            else:
                self.at(self.now + grace_s, lambda: self._end(launch, stopped=True))
        return []
