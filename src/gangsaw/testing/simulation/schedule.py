"""One schedule: the loop of the engine, played, with everything checked after every turn."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from random import Random
from typing import Any

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.decide import decide
from gangsaw.core.events import Event, Pressure, RunStarted
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits
from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.state import State
from gangsaw.core.status import view
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import at_rest, next_wakeup, outstanding, turn
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger import Ledger, TaskPage
from gangsaw.testing.simulation.people import People
from gangsaw.testing.simulation.plans import CALM, random_scene
from gangsaw.testing.simulation.reasons import Reasons, scopes_meet
from gangsaw.testing.simulation.world import World

SAFETY_TURNS_MAX = 100
"""Turns after which a schedule under endless faults is left."""

CALM_AT = (5, 45)
"""After how many turns (from, to) the faults of a liveness schedule stop."""

CALM_TURNS_MAX = 600
"""Turns in which a run must come to rest once nothing goes wrong any more."""

LIVES_MAX = 12
"""How often an engine is started again after it has come to rest."""

IDLE_S = 100.0
EFFECT_S = 0.3
TOGETHER = 0.4
"""How often a turn takes in what comes within the next second, too."""

ODD_STEPS_S = (0.0, 0.001, 1.0, 17.0, 400.0)


class Mode(StrEnum):
    """`SAFETY`: faults never stop. `LIVENESS`: they do, and then the run must end."""

    SAFETY = "safety"
    LIVENESS = "liveness"


@dataclass(slots=True)
class Figures:
    """What a number of schedules amounted to."""

    schedules: int = 0
    turns: int = 0
    events: int = 0
    crashes: int = 0
    launches: int = 0
    landed: int = 0
    whys: int = 0

    def add(self, other: Figures) -> None:
        """Take the other figures into these."""
        for field in fields(self):
            total = getattr(self, field.name) + getattr(other, field.name)
            setattr(self, field.name, total)


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of a schedule's history: what was seen and what followed. Without `events` in the
    log (`kept` false) the engine died before it could write them."""

    at: float
    seen: tuple[ob.Observation, ...]
    events: tuple[Event, ...]
    kept: bool = True


def run_seed(seed: int, mode: Mode | None = None) -> Figures:
    """Run the seed's schedule; even seeds look for safety, odd ones for liveness, unless told.

    Raises `Broken` (or whatever the core raises) with the seed in a note."""
    schedule = Schedule(seed, mode)
    error = schedule.outcome()
    if error is not None:
        raise error
    return schedule.figures


class Schedule:
    """A schedule; `history` holds its turns when `remember` is set."""

    def __init__(self, seed: int, mode: Mode | None = None, *, remember: bool = False) -> None:
        self.seed = seed
        self.mode = mode or (Mode.LIVENESS if seed % 2 else Mode.SAFETY)
        self.rng = Random(seed)
        self.scene = random_scene(self.rng)
        self.world = World(self.rng, self.scene, self._receive)
        self.people = People(self.rng, self.world)
        self.figures = Figures(schedules=1)
        self.history: list[Turn] | None = [] if remember else None
        self.log: list[tuple[float, Event]] = []
        self.started = RunStarted(
            run="r1",
            plan=self.scene.plan,
            limits=self.scene.limits,
            target="main",
            integration="gangsaw/run/r1",
            base="c0",
            gate=self.scene.gate,
            plan_source="plan.yaml",
        )
        self.state = State()
        self.copy = State()
        self.book = Ledger(self.world, self.scene.limits, self.scene.gate)
        self._wanted_limits: Limits = self.scene.limits
        self._life = 0
        self._in_flight: set[ac.Action] = set()
        self._outstanding: set[ac.Action] = set()
        self._seen: list[ob.Observation] = []
        self._last_work: dict[str, float] = {}
        self._former: dict[tuple[str, str], list[ob.Observation]] = {}
        self._last_report: dict[str, float] = {}
        self._calm_at = self.rng.randint(*CALM_AT) if self.mode is Mode.LIVENESS else -1
        self._rests = 0
        self._same_until = 0.0
        self._over = False

    # --- the engine -----------------------------------------------------------------------------

    def outcome(self) -> Exception | None:
        """Play the schedule to its end; what went wrong, or `None`."""
        try:
            self.run()
        except Exception as error:  # whatever it is, it is what this seed has to tell
            error.add_note(f"seed {self.seed}, mode {self.mode}, turn {self.figures.turns}")
            return error
        return None

    def run(self) -> None:
        """Play the schedule to its end; raises what goes wrong."""
        self._begin()
        most = SAFETY_TURNS_MAX
        if self.mode is Mode.LIVENESS:
            most = self._calm_at + CALM_TURNS_MAX
        while not self._over and self.figures.turns < most:
            if self.figures.turns == self._calm_at:
                self.world.temper = CALM
            self._turn()
        if self.mode is Mode.LIVENESS and not self._over:
            raise Broken(f"no rest after {CALM_TURNS_MAX} turns without faults")
        self.figures.events = len(self.log)
        self.figures.launches = len(self.world.launches)
        self.figures.landed = len(self.book.landed)

    def _begin(self) -> None:
        for task in self.scene.plan.tasks:
            self.book.tasks[task.id] = TaskPage(task)
        self._append([self.started], self.world.now)
        evolve(self.state, self.started, self.world.now)
        self._engine_up()

    def _engine_up(self) -> None:
        """A new engine: nothing is in flight, nothing is on its way."""
        self._life += 1
        self._in_flight.clear()
        self.world.watched.clear()
        self._last_work.clear()
        self._former.clear()
        self._last_report.clear()
        self._same_until = 0.0
        limits = self.people.other_limits(self._wanted_limits)
        up = ob.EngineUp(self._life, "sim", f"boot-{self._life}", "group", limits)
        self._seen = [up, *self.people.inbox.values()]

    def _turn(self) -> None:
        self.figures.turns += 1
        now, rng = self.world.now, self.rng
        seen, self._seen = self._seen, []
        events, actions = turn(self.state, now, seen)
        crash = self.world.temper.crash
        lost = bool(crash) and rng.random() < crash / 2
        if self.history is not None:
            self.history.append(Turn(now, tuple(seen), tuple(events), kept=not lost))
        if lost:
            self._die()
            return
        self._append(events, now)
        self._validate(events, actions, now)
        for key in [key for key in self.people.inbox if key in self.state.answers]:
            del self.people.inbox[key]
        rest = at_rest(self.state, now)
        if rest is not None:
            self._rest(rest, now)
            return
        if crash and rng.random() < crash / 2:
            self._die()
            return
        self._hand_over(actions)
        self._go_on(now)

    def _append(self, events: list[Event], now: float) -> None:
        """The log takes all of a turn's events; what it gives back is what was written."""
        for event in events:
            kept = decode_event(event.kind, encode(event))
            if kept != event:
                raise Broken(f"{event} is read back as {kept}")
            self.log.append((now, kept))
            evolve(self.copy, kept, now)
            self.book.take(kept, now)

    def _die(self) -> None:
        """The engine is killed; the next one knows what the log says, and nothing else."""
        self.figures.crashes += 1
        self.state = State()
        for at, event in self.log:
            evolve(self.state, event, at)
        if self.state != self.copy:
            raise Broken("the folded log is not the live state")
        self.world.go_on(self.world.now + self.rng.choice((0.0, 0.5, 30.0)))
        self._engine_up()

    def _rest(self, reason: str, now: float) -> None:
        """The engine ends by itself; people may start another."""
        if self.world.alive:
            raise Broken(f"the engine rests ({reason}) while {list(self.world.alive)} is alive")
        self._rests += 1
        word = ob.EngineDown(reason)
        down, _ = turn(self.state, now, [word])
        if self.history is not None:
            self.history.append(Turn(now, (word,), tuple(down)))
        self._append(down, now)
        self._check_copy()
        again = self._next_engine(reason)
        if again is None:
            self._over = True
            return
        self.world.go_on(now + self.rng.choice((0.1, 60.0)))
        self.people.inbox.update({asked.key: asked for asked in again})
        self._engine_up()

    def _next_engine(self, reason: str) -> list[ob.Asked] | None:
        """What people ask the next engine for; `None` when there is none."""
        calm = self.world.temper is CALM
        if not calm and self._rests > LIVES_MAX:
            return None
        if reason == "finished":
            closed = [name for name, page in self.book.tasks.items() if not page.finished]
            if not closed or calm or self.rng.random() < 0.5:
                return None
            return [self.people.ask("retry", self.rng.choice(closed))]
        if reason in ("stopped", "paused") or reason.startswith("in trouble"):
            return []
        answers = [seen for seen in self.people.settle(self.state) if isinstance(seen, ob.Asked)]
        blocked = self.state.delivery.blocked
        if not answers and not blocked:
            self._explained()
            return None
        return answers

    def _explained(self) -> None:
        """What is still open when nobody can help must be held by a limit, and say so."""
        for name, page in self.book.tasks.items():
            if page.finished or page.given_up or page.cancelled:
                continue
            seen = view(self.state, name, self.world.now)
            if seen.hold is None or not seen.reason:
                raise Broken(f"{name} is left without a reason: {seen}")

    # --- effects and reports --------------------------------------------------------------------

    def _hand_over(self, actions: list[ac.Action]) -> None:
        self._outstanding = set(actions)
        # What goes on by itself, or was found unwanted, is forgotten; the rest reports first.
        stays = (ac.RunTurn, ac.StopTurn)
        self._in_flight = {
            action
            for action in self._in_flight
            if action in self._outstanding or not isinstance(action, stays)
        }
        for action in actions:
            if action not in self._in_flight:
                self._in_flight.add(action)
                self._start_effect(action)

    def _start_effect(self, action: ac.Action) -> None:
        life = self._life
        delay_s = EFFECT_S * self.rng.random() * (20 if isinstance(action, ac.RunChecks) else 1)
        moment = max(self.world.now + delay_s, self._last_work.get(action.about, 0.0))
        self._last_work[action.about] = moment
        former = self._former.get((action.about, ac.name_of(action)))
        double = self.world.temper.double
        if former and double and self.rng.random() < double:
            # The worst moment for a second report: while the same is done anew.
            self.world.at(moment, lambda: self._deliver(former, life, None))
        hold_back = False
        if isinstance(action, ac.RunTurn):
            hold_back = self.state.attempts[action.about].stop_cause is not None
        self.world.at(moment, lambda: self._work(action, life, hold_back))

    def _work(self, action: ac.Action, life: int, hold_back: bool) -> None:
        """The effect's own work, if its engine still lives and still wants it."""
        if life != self._life:
            return
        keeps_on = isinstance(action, ac.RunTurn | ac.StopTurn)
        if action not in self._outstanding:
            self._in_flight.discard(action)
            return
        found: list[ob.Observation]
        if self.world.temper.trouble and self.rng.random() < self.world.temper.trouble:
            if self.rng.random() < 0.5 and not hold_back:
                self.world.carry_out(action)  # done, and yet it fails
            found = [ob.EffectRaised(action.about, ac.name_of(action), "git: cannot lock ref")]
            keeps_on = False
        elif hold_back and isinstance(action, ac.RunTurn):
            found = self.world.refuse_to_launch(action)
        else:
            found = self.world.carry_out(action)
        self._former[action.about, ac.name_of(action)] = found
        self._receive(f"effect {action.about}", found, release=None if keeps_on else action)

    def _receive(
        self, stream: str, found: list[ob.Observation], release: ac.Action | None = None
    ) -> None:
        """Reports on their way to the engine: in order within a stream, late, perhaps twice."""
        life, rng, temper = self._life, self.rng, self.world.temper
        moment = self.world.now + temper.late_s * rng.random() ** 2
        moment = max(moment, self._last_report.get(stream, 0.0))
        self._last_report[stream] = moment
        self.world.at(moment, lambda: self._deliver(found, life, release))
        if temper.double and rng.random() < temper.double:
            again_s = rng.choice((0.0, 1.0, 10.0, 30.0, 60.0))
            self.world.at(moment + again_s, lambda: self._deliver(found, life, None))

    def _deliver(self, found: list[ob.Observation], life: int, release: ac.Action | None) -> None:
        if life == self._life:
            self._seen += found
            if release is not None:
                self._in_flight.discard(release)

    # --- time -----------------------------------------------------------------------------------

    def _go_on(self, now: float) -> None:
        """On to the next moment at which something is reported, due, or done by people."""
        rng, temper = self.rng, self.world.temper
        if temper.odd_clock and rng.random() < temper.odd_clock:
            self.world.go_on(now + rng.choice(ODD_STEPS_S))
        else:
            wake = next_wakeup(self.state, now)
            until = min(now + IDLE_S, wake) if wake is not None else now + IDLE_S
            while not self._seen:
                moment = self.world.next_moment()
                if moment is None or moment >= until:
                    self.world.go_on(until)
                    break
                self.world.go_on(moment)
            if rng.random() < TOGETHER:
                self.world.go_on(self.world.now + rng.random())
        self._seen += self.people.meddle(self.state)
        if temper.pressure and rng.random() < temper.pressure:
            self._seen.append(self._read_machine())
        elif temper is CALM and self.state.pressure:
            self._seen.append(ob.MachineRead(Pressure.NONE, ""))

    def _read_machine(self) -> ob.Observation:
        return ob.MachineRead(self.rng.choice(list(Pressure)), "little memory")

    # --- after every turn -----------------------------------------------------------------------

    def _validate(self, events: list[Event], actions: list[ac.Action], now: float) -> None:
        state = self.state
        if not events and now < self._same_until:
            return  # neither events nor time have changed anything since the last look
        self._check_copy()
        self._check_neighbours()
        if decide(state, now):
            raise Broken("decide was not at rest after its turn")
        self._check_wakeup(actions, now)
        reasons = Reasons(self.book)
        for name in state.tasks:
            reasons.compare(name, view(state, name, now), now)
        self.figures.whys += len(state.tasks)
        if state.usage.cost_usd != self.book.spent():
            raise Broken(f"spent {self.book.spent()}, and not {state.usage.cost_usd}")

    def _check_copy(self) -> None:
        if self.state != self.copy:
            names = [field.name for field in fields(State)]
            wrong = [n for n in names if getattr(self.state, n) != getattr(self.copy, n)]
            raise Broken(f"the folded log differs from the live state in {wrong}")

    def _check_wakeup(self, actions: list[ac.Action], now: float) -> None:
        """Nothing comes by time alone before the wake-up, and the wake-up is not over already."""
        wake = next_wakeup(self.state, now)
        if wake is not None and wake <= now:
            raise Broken(f"at {now} the next wake-up is {wake}: it would not sleep")
        self._same_until = wake if wake is not None else now + 1e7
        before = now + 1e7 if wake is None else wake - min(1e-3, (wake - now) / 2)
        events: list[Any] = decide(self.state, before)
        if events or outstanding(self.state, before) != actions:
            raise Broken(f"at {before} time alone brings {events}, but the wake-up is {wake}")

    def _check_neighbours(self) -> None:
        """No two live attempts of one task, one track, or overlapping scopes."""
        live = self.book.live()
        reasons = Reasons(self.book)
        seen: set[str] = set()
        for _, attempt in live:
            page = self.book.tasks[attempt.task]
            if page.task.id in seen:
                raise Broken(f"{page.task.id} has two live attempts")
            seen.add(page.task.id)
            if not (page.task.track or page.task.scope):
                continue
            for other in reasons.others(page):
                same = page.task.track is not None and page.task.track == other.task.track
                if same or scopes_meet(page.task.scope, other.task.scope):
                    raise Broken(f"{page.task.id} and {other.task.id} are live together")
        for name in self.world.alive:
            attempt_now = self.state.attempts[name]
            if attempt_now.phase not in AGENT_ALIVE:
                raise Broken(f"{name} is {attempt_now.phase}, and its agent is alive")
