"""Random plans, limits and tempers. A temper says how often each kind of trouble comes; most seeds
have only a few kinds, so that rare combinations are reached and ordinary ways are walked too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from gangsaw.core.durations import NOTHING_LEARNED, Durations
from gangsaw.core.model import (
    AgentSlots,
    Check,
    Deliver,
    History,
    Limits,
    Plan,
    Push,
    Review,
    Stage,
    Task,
    Uncommitted,
    Workspace,
)
from gangsaw.testing.simulation.days import with_days
from gangsaw.testing.simulation.finds import with_finds
from gangsaw.testing.simulation.orders import with_order
from gangsaw.testing.simulation.some_tests import with_tests
from gangsaw.testing.simulation.staff import with_staff

NAMES = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", *"mnopqrst")
SIZES = (*(1,) * 14, *(2,) * 16, *(3,) * 6, 4, 4, 5, 6, 8, 12)
"""How many tasks a plan has: mostly few, since most faults need no more; sometimes many."""

CROWDS = 0.02
"""How many plans are a crowd: tasks that need nothing, with an agent for each."""
CROWD_SIZES = (6, 8, 12, 16, 20)

PLACES = ("src", "src/app", "src/app/main.py", "docs", "docs/guide", "lib")
GATE = Check("gate", ("gate",))


@dataclass(frozen=True, slots=True)
class Temper:
    """Probabilities (0 to 1) of the troubles of one schedule; `late_s` is the longest delay of a
    report. `reboot` is how many crashes of the engine are crashes of the machine."""

    crash: float = 0.0
    trouble: float = 0.0
    double: float = 0.0
    late_s: float = 0.5
    odd_clock: float = 0.0
    never_ran: float = 0.0
    lost: float = 0.0
    killed: float = 0.0
    hang: float = 0.0
    chatter: float = 0.0
    limited: float = 0.0
    refused: float = 0.0
    exit_bad: float = 0.0
    red: float = 0.0
    empty: float = 0.0
    uncommitted: float = 0.0
    unmerged: float = 0.0
    strayed: float = 0.0
    inconclusive: float = 0.0
    flaky: float = 0.0
    queue: float = 0.0
    requests: float = 0.0
    talk: float = 0.0
    dirty: float = 0.0
    target_moves: float = 0.0
    foreign_moves: float = 0.0
    pressure: float = 0.0
    disk_full: float = 0.0
    reboot: float = 0.0
    headless: float = 0.0
    clock_jump: float = 0.0
    vanish: float = 0.0
    unreachable: float = 0.0
    remote_moves: float = 0.0
    concerns: float = 0.0
    unlisted: float = 0.0
    overlaps: float = 0.0
    mechanical: float = 0.0
    memory: float = 0.0
    staff: float = 0.0


CALM = Temper()

_STRENGTH = {
    "crash": 0.12,
    "trouble": 0.3,
    "double": 0.7,
    "odd_clock": 0.3,
    "never_ran": 0.8,
    "lost": 0.3,
    "killed": 0.5,
    "hang": 0.3,
    "chatter": 0.1,
    "limited": 0.6,
    "refused": 0.5,
    "exit_bad": 0.5,
    "red": 0.8,
    "empty": 0.3,
    "uncommitted": 0.5,
    "unmerged": 0.4,
    "strayed": 0.2,
    "inconclusive": 0.5,
    "flaky": 0.5,
    "queue": 0.3,
    "requests": 0.15,
    "talk": 0.3,
    "dirty": 0.2,
    "target_moves": 0.1,
    "foreign_moves": 0.05,
    "pressure": 0.1,
    "disk_full": 0.05,
    "reboot": 0.7,
    "headless": 0.4,
    "clock_jump": 0.1,
    "vanish": 0.03,
}
_FOUND = ("concerns", "unlisted", "overlaps", "mechanical", "memory")
_TROUBLES = (*_STRENGTH, "unreachable", "remote_moves", *_FOUND, "staff")
_PRESENT = 0.3
"""How likely each kind of trouble is part of a schedule at all."""


def random_temper(rng: Random) -> Temper:
    """The troubles of one schedule."""
    chosen = {
        name: most * rng.random() for name, most in _STRENGTH.items() if rng.random() < _PRESENT
    }
    return replace(CALM, late_s=rng.choice((0.1, 1.0, 20.0)), **chosen)


_OF_THE_QUEUE = (
    *("crash", "trouble", "double", "inconclusive", "flaky", "queue"),
    *("target_moves", "foreign_moves", "clock_jump", "requests"),
)
_GENTLE = 0.3
"""How strong, beside small scenes, the troubles of a crowd are: something must get through."""


def _queueing(rng: Random) -> Temper:
    """The troubles of a crowd: those that meet changes in the queue."""
    every = random_temper(rng)
    kept = {name: getattr(every, name) * _GENTLE for name in _OF_THE_QUEUE}
    return replace(CALM, late_s=every.late_s, **kept)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a schedule starts with. `clashes` are pairs of tasks whose changes conflict, `pairs`
    those that are green alone and red together, with the check that says so. The work of
    `barriers` lands alone. A `crowd` has much to land at once, and slow checks. `own` begins the
    chances of what is found in work. `durations` is what earlier runs have taught."""

    plan: Plan
    limits: Limits
    gate: tuple[Check, ...]
    temper: Temper
    clashes: frozenset[frozenset[str]]
    pairs: tuple[tuple[str, str, str], ...]
    barriers: frozenset[str] = frozenset()
    crowd: bool = False
    own: str = ""
    durations: Durations = NOTHING_LEARNED

    def without(self, names: frozenset[str]) -> Scene:
        """The same without these tasks and kinds of trouble."""
        tasks = tuple(
            replace(task, needs=tuple(need for need in task.needs if need not in names))
            for task in self.plan.tasks
            if task.id not in names
        )
        calm = {name: getattr(CALM, name) for name in names if name in _TROUBLES}
        return replace(
            self,
            plan=replace(self.plan, tasks=tasks),
            temper=replace(self.temper, **calm),
            clashes=frozenset(pair for pair in self.clashes if not pair & names),
            pairs=tuple(pair for pair in self.pairs if not {pair[0], pair[1]} & names),
            barriers=self.barriers - names,
        )

    def removable(self) -> list[str]:
        """What `without` may take away: the tasks, if there are more than one, and the troubles."""
        tasks = [task.id for task in self.plan.tasks] if len(self.plan.tasks) > 1 else []
        return tasks + [name for name in _TROUBLES if getattr(self.temper, name)]


MEASURED = 0.3
"""How many schedules have a machine whose memory is measured."""
BUDGETS_MB = (4_000, 7_000, 9_000)
OWN_MB = (300, 2_000)
PAUSED = 0.1
"""How many have a pause between two starts."""
PAUSES_S = (2.0, 30.0)

FEATURES = ("scope", "track", "review", "plain", "rank", "stages")


def random_scene(rng: Random) -> Scene:
    """A plan with its limits, its hidden clashes, and the trouble that it will meet."""
    crowd = rng.random() < CROWDS
    names = NAMES[: rng.choice(CROWD_SIZES if crowd else SIZES)]
    gate = (GATE,) if rng.random() < 0.6 else ()
    density = 0.0 if crowd else rng.choice((0.0, 0.2, 0.5))
    features = {name: rng.random() < (0.1 if crowd else 0.3) for name in FEATURES}
    tasks = []
    for at, name in enumerate(names):
        needs = tuple(other for other in names[:at] if rng.random() < density / max(1, at / 2))
        tasks.append(_task(rng, name, needs, features))
    order = list(tasks)
    if rng.random() < 0.2:
        rng.shuffle(order)
    scene = Scene(
        plan=Plan("simulated", tuple(order)),
        limits=random_limits(rng, crowd=crowd),
        gate=gate,
        temper=_queueing(rng) if crowd else random_temper(rng),
        clashes=_clashes(rng, names, crowd=crowd),
        pairs=_pairs(rng, tasks, gate, crowd=crowd),
        barriers=_barriers(rng, names),
        crowd=crowd,
    )
    own = str(rng.getstate()[1][-4:])
    found = with_finds(_with_remote(scene, Random(own)), Random(f"{own} finds"))
    found = with_tests(found, Random(f"{own} tests"))
    found = with_order(found, Random(f"{own} order"))
    found = _with_pauses(found, Random(f"{own} pauses"))
    found = _with_memory(found, Random(f"{own} memory"))
    found = with_days(found, Random(f"{own} days"))
    return with_staff(found, Random(f"{own} staff"))


def _with_memory(scene: Scene, rng: Random) -> Scene:
    """The same, perhaps on a machine whose memory is measured and runs short; by chance of its
    own."""
    if rng.random() > MEASURED:
        return scene
    budget = float(rng.choice(BUDGETS_MB)) if rng.random() < MEASURED else None
    own = [float(rng.choice(OWN_MB)) if rng.random() < 0.5 else None for _ in scene.limits.agents]
    agents = tuple(
        replace(agent, memory_max_mb=most_mb)
        for agent, most_mb in zip(scene.limits.agents, own, strict=True)
    )
    limits = replace(scene.limits, memory_budget_mb=budget, agents=agents)
    temper = replace(scene.temper, memory=0.2 + 0.8 * rng.random())
    return replace(scene, limits=limits, temper=temper)


def _with_pauses(scene: Scene, rng: Random) -> Scene:
    """The same, perhaps with a pause between two starts."""
    if rng.random() > PAUSED:
        return scene
    return replace(scene, limits=replace(scene.limits, launch_delay_s=rng.choice(PAUSES_S)))


def _with_remote(scene: Scene, rng: Random) -> Scene:
    """The same, perhaps with a remote and the trouble that it makes. By chance of its own, so that
    the schedules without one are what they were."""
    if rng.random() > 0.3:
        return scene
    limits = replace(scene.limits, remote="origin", push=rng.choice(tuple(Push)))
    calm = scene.temper is CALM or rng.random() < 0.3
    troubles = (0.0, 0.0) if calm else (0.8 * rng.random(), 0.3 * rng.random())
    temper = replace(scene.temper, unreachable=troubles[0], remote_moves=troubles[1])
    return replace(scene, limits=limits, temper=temper)


def _task(rng: Random, name: str, needs: tuple[str, ...], features: dict[str, bool]) -> Task:
    checks = (Check(f"check-{name}", (name,)),) if rng.random() < 0.4 else ()
    if rng.random() < 0.15:
        checks = (*checks, Check("shared", ("shared",)))
    plain = features["plain"] and rng.random() < 0.6
    scope: tuple[str, ...] = ()
    if features["scope"] and rng.random() < 0.7:
        scope = tuple(rng.sample(PLACES, rng.choice((1, 1, 2))))
    return Task(
        id=name,
        title=f"Task {name}",
        prompt=f"Do {name}.",
        needs=needs,
        scope=scope,
        track=rng.choice(("red", "blue", None)) if features["track"] else None,
        priority=rng.choice((0, 0, 5)) if features["rank"] else 0,
        agent=rng.choice((None, "one", "two")),
        checks=checks,
        review=Review.PERSON if features["review"] and rng.random() < 0.5 else Review.NONE,
        workspace=Workspace.NONE if plain else Workspace.WORKTREE,
        timeout_s=rng.choice((None, None, 90.0)),
        attempts=rng.choice((None, None, 1, 2)),
        budget_usd=rng.choice((None, None, None, 2.0)),
        budget_tokens=rng.choice((None, None, None, None, 80)),
        stages=_stages(rng, plain=plain) if features["stages"] else (Stage.WORK,),
        reviewer=rng.choice((None, "one", "two")),
    )


def _stages(rng: Random, *, plain: bool) -> tuple[Stage, ...]:
    """What a plain folder holds is no commit: there is nothing to show to a reviewing agent."""
    chosen = [each for each in Stage if each is Stage.WORK or rng.random() < 0.4]
    return tuple(each for each in chosen if not (plain and each is Stage.REVIEW))


def random_limits(rng: Random, *, crowd: bool = False) -> Limits:
    """Limits small enough to be reached; for a crowd so large that its work meets in the queue."""
    account = rng.choice(("", "", "both"))
    return Limits(
        max_agents=rng.choice((12, 20) if crowd else (1, 2, 2, 3, 4)),
        turns_max=rng.choice((1, 2, 3)),
        attempts_max=rng.choice((1, 2, 3)),
        crashes_max=rng.choice((2, 8)),
        timeout_s=200.0,
        stall_s=60.0,
        budget_usd=rng.choice((None, None, None, None, 1.5, 4.0)),
        budget_tokens=rng.choice((None, None, None, None, None, 90)),
        batched=rng.random() < 0.15,
        reserve_usd=rng.choice((0.0, 0.5)),
        deliver=rng.choice((Deliver.EACH, Deliver.EACH, Deliver.END, Deliver.NEVER)),
        uncommitted=rng.choice((Uncommitted.COMMIT, *Uncommitted)),
        window=rng.choice((2, 4, 16, 16) if crowd else (1, 2, 4, 16)),
        check_slots=rng.choice((1, 2)),
        history=rng.choice((History.MERGE, History.MERGE, *History)),
        agents=(
            AgentSlots(
                "one",
                rng.choice((None, 1)),
                resumes=rng.random() < 0.5,
                fallback=rng.choice(("", "two")),
                told=rng.random() < 0.5,
                account=account,
            ),
            AgentSlots(
                "two",
                rng.choice((None, 1, 2)),
                resumes=rng.random() < 0.5,
                fallback=rng.choice(("", "one")),
                told=rng.random() < 0.5,
                account=account,
            ),
        ),
        default_agent="one",
        reviewer=rng.choice(("", "two")),
        rounds_max=rng.choice((1, 2, 3)),
    )


def _clashes(rng: Random, names: tuple[str, ...], *, crowd: bool) -> frozenset[frozenset[str]]:
    if rng.random() > (0.6 if crowd else 0.3) or len(names) < 2:
        return frozenset()
    count = rng.choice((2, 5) if crowd else (1, 1, 3))
    return frozenset(frozenset(rng.sample(names, 2)) for _ in range(count))


def _barriers(rng: Random, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in names if rng.random() < 0.3) & (
        frozenset(names) if rng.random() < 0.2 else frozenset()
    )


def _pairs(
    rng: Random, tasks: list[Task], gate: tuple[Check, ...], *, crowd: bool
) -> tuple[tuple[str, str, str], ...]:
    """Pairs that are red together; the check is the run's own, or one of either task."""
    if rng.random() > (0.7 if crowd else 0.35) or len(tasks) < 2:
        return ()
    found = []
    for _ in range(rng.choice((2, 4) if crowd else (1, 1, 2))):
        one, other = rng.sample(tasks, 2)
        checks = [check.name for check in (*gate, *one.checks, *other.checks)]
        if checks:
            found.append((one.id, other.id, rng.choice(checks)))
    return tuple(found)
