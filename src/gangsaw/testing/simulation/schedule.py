"""One schedule: the loop of the engine, played. Every event is checked as it comes, and every few
turns all that can be said about the state."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from random import Random

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.events import AttemptAdmitted, Event, Jump, Pressure, RunStarted, Stage
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, TurnKind
from gangsaw.core.policy.delivery import pause_s
from gangsaw.core.state import State
from gangsaw.core.status import view
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import at_rest, next_wakeup, turn
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.days import DAY_S, elsewhere
from gangsaw.testing.simulation.figures import Figures
from gangsaw.testing.simulation.ledger import Ledger
from gangsaw.testing.simulation.ledger_after import check_after
from gangsaw.testing.simulation.ledger_governor import check_victim
from gangsaw.testing.simulation.ledger_queue import check_good_landed, check_queue
from gangsaw.testing.simulation.ledger_radar import check_radar
from gangsaw.testing.simulation.ledger_source import check_source
from gangsaw.testing.simulation.memory import Memory
from gangsaw.testing.simulation.meters import Meters
from gangsaw.testing.simulation.pages import TaskPage
from gangsaw.testing.simulation.people import People
from gangsaw.testing.simulation.plans import CALM, Temper, random_scene
from gangsaw.testing.simulation.promises import (
    check_alive,
    check_needs,
    check_neighbours,
    check_rest,
    check_spent,
)
from gangsaw.testing.simulation.radar import Radar
from gangsaw.testing.simulation.reasons import Reasons
from gangsaw.testing.simulation.talk import check_talk
from gangsaw.testing.simulation.turns import Spent, Suspect, Turn, Word, Wrong
from gangsaw.testing.simulation.watchdog import PlayedWatchdog
from gangsaw.testing.simulation.world import World

SAFETY_TURNS = (10, 16, 25, 40, 80)
"""Turns after which a schedule under endless faults is left: one of these."""

CALM_AT = (3, 25)
"""After how many turns (from, to) the faults of a liveness schedule stop."""

CALM_TURNS_MAX = 600
"""Turns in which a run must come to rest once nothing goes wrong any more."""

VARIANTS_MAX = 1_000
"""Variants of one seed, at most."""

LIVES_MAX = 6
"""How often an engine is started again after it has come to rest."""

IDLE_S = 100.0
EFFECT_S = 0.3
CHECKS, SLOW_CHECKS = 20, 400
"""How many times as long as other effects checks take."""
CROWD_LONGER = 5
TOGETHER = 0.5
"""How often a turn takes in what comes within the next second, too."""

ODD_STEPS_S = (0.0, 0.001, 1.0, 17.0, 400.0)
JUMPS_S = (-900.0, -70.0, -2.0, 40.0, 300.0, 20_000.0)
"""How far the engine's clock is put at once: set by somebody, or gone on in a suspended machine."""

FULL_S = (1.0, 10.0, 40.0)
"""How long a disk stays full."""

LOOK_EVERY = 8
"""Of so many turns one is looked at in full: each task's status and reason, the wake-up, whether
the decisions are at rest. Which one, the seed and the turn's number say. What may happen next is
checked with every event."""

FOLD_EVERY = 8
"""Of so many schedules, one writes every event out, reads it back, and folds it beside the live
state. The others fold their log when an engine dies."""


class Mode(StrEnum):
    """`SAFETY`: faults never stop. `LIVENESS`: they do, and then the run must end."""

    SAFETY = "safety"
    LIVENESS = "liveness"


def run_seed(seed: int, mode: Mode | None = None) -> Figures:
    """Run the seed's schedule; even seeds look for safety, odd ones for liveness, unless told.

    Raises `Broken` (or whatever the core raises) with the seed in a note."""
    schedule = Schedule(seed, mode)
    error = schedule.outcome()
    if error is not None:
        raise error
    return schedule.figures


class Schedule:
    """A schedule; `history` holds its turns when `remember` is set.

    `without` leaves tasks (by id) and troubles (by their name in `Temper`) out of it, and another
    `variant` is the same scene with other chances; both are for looking for a shorter schedule
    that shows the same. `suspect` is what a failure was about: see `Suspect`."""

    def __init__(
        self,
        seed: int,
        mode: Mode | None = None,
        *,
        remember: bool = False,
        without: frozenset[str] = frozenset(),
        variant: int = 0,
    ) -> None:
        self.seed = seed
        self.mode = mode or (Mode.LIVENESS if seed % 2 else Mode.SAFETY)
        self.without, self.variant = without, variant
        self.rng = Random(seed)
        self.scene = random_scene(self.rng)
        if without:
            self.scene = self.scene.without(without)
        if variant:
            self.rng.seed(seed * VARIANTS_MAX + variant)
        self.world = World(self.rng, self.scene, self._receive, seed)
        self.world.session_of = self._session_of
        self.world.agent_of = lambda name: self.state.attempts[name].seat
        self.people = People(self.rng, self.world, self.scene)
        self.radar = Radar(self.world, self.people)
        self.meters, self.memory = Meters(seed), Memory(self.world, self.scene)
        self.watchdog = PlayedWatchdog(self.world, self.scene)
        self.figures = Figures(schedules=1)
        self.history: list[Turn] | None = [] if remember else None
        self.log: list[tuple[float, Event]] = []
        self.started = RunStarted(
            run="r1",
            plan=self.world.edits.accepted(self.scene.plan),
            limits=self.scene.limits,
            target="main",
            integration="gangsaw/run/r1",
            base="c0",
            gate=self.scene.gate,
            plan_source="plan.yaml",
            durations=self.scene.durations,
            task_file=self.world.played_file.task_file,
        )
        self.state = State()
        self.copy = State() if seed // 2 % FOLD_EVERY == 0 else None
        self.figures.folded = int(self.copy is not None)
        self.book = Ledger(self.world, self.scene.limits, self.scene.gate)
        self._wanted_limits: Limits = self.scene.limits
        self._life = 0
        self._in_flight: list[ac.Action] = []
        self._outstanding: list[ac.Action] = []
        self._seen: list[ob.Observation] = []
        self._last_work: dict[str, float] = {}
        self._former: dict[tuple[str, str], list[ob.Observation]] = {}
        self._last_report: dict[str, float] = {}
        self._calm_at = self.rng.randint(*CALM_AT) if self.mode is Mode.LIVENESS else -1
        self._turns_max = self._calm_at + CALM_TURNS_MAX
        if self.mode is Mode.SAFETY:
            self._turns_max = self.rng.choice(SAFETY_TURNS)
        if self.scene.crowd:
            # Whose work has to be done before it meets in the queue.
            self._calm_at *= CROWD_LONGER
            self._turns_max *= CROWD_LONGER
        self.suspect: Suspect = None
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
        while not self._over and self.figures.turns < self._turns_max:
            if self.figures.turns == self._calm_at:
                self.world.calm_down()
            self._turn()
        if self.mode is Mode.LIVENESS and not self._over:
            raise Broken(f"no rest after {CALM_TURNS_MAX} turns without faults")
        if self._over and not self.scene.temper.flaky and not self.world.trees.undone:
            check_good_landed(self.book)
        if self._over:
            done = {name for name, page in self.book.tasks.items() if page.finished}
            self.world.played_file.check(done, self.state)
        self.figures.events = len(self.log)
        self.figures.launches = len(self.world.launches)
        self.figures.landed = len(self.book.landed)

    def _begin(self) -> None:
        for task in self.started.plan.tasks:
            self.book.tasks[task.id] = TaskPage(task)
        self._append([self.started], self.world.clock)
        evolve(self.state, self.started, self.world.clock)
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
        self.world.edits.engine_up()
        limits = self.people.other_limits(self._wanted_limits)
        up = ob.EngineUp(self._life, "sim", f"boot-{self.figures.reboots}", "group", limits)
        others = elsewhere(limits, self.world.clock, self._life)
        self._seen = [up, *others, *self.people.inbox.values()]

    def _turn(self) -> None:
        self.figures.turns += 1
        now, rng = self.world.clock, self.rng
        seen, self._seen = self._seen, []
        crash = self.world.temper.crash
        if (self.world.full and seen) or (crash and rng.random() < crash / 2):
            self._lose(seen, now)
            return
        if self.history is not None:
            self.history.append(Turn(now, tuple(seen), ()))
        events, actions = turn(self.state, now, seen)
        if self.history is not None:
            self.history[-1] = Turn(now, tuple(seen), tuple(events))
        self.book.radar.reports = [one for one in seen if isinstance(one, ob.OverlapsRead)]
        self._append(events, now)
        self._validate(events, actions, now)
        if self.people.inbox:
            for key in [key for key in self.people.inbox if key in self.state.answers]:
                del self.people.inbox[key]
        rest = at_rest(self.state, now)
        writes = any(isinstance(action, ac.WriteStanding) for action in self._in_flight)
        if rest is not None and not writes:
            self._rest(rest, now)
            return
        if crash and rng.random() < crash / 2:
            self._check_fold()
            self._die()
            return
        self._hand_over(actions)
        self._go_on(now)

    def _append(self, events: list[Event], now: float) -> None:
        """The log takes all of a turn's events; what it gives back is what was written."""
        for event in events:
            if self.copy is not None:
                kept = decode_event(event.kind, encode(event))
                if kept != event:
                    self.suspect = Word.RESTART
                    raise Broken(f"{event} is read back as {kept}")
                evolve(self.copy, kept, now)
            self.log.append((now, event))
            self.suspect = event
            self.book.take(event, now)
        self.suspect = None

    def _lose(self, seen: list[ob.Observation], now: float) -> None:
        """The engine dies before the turn is in the log, or because the log cannot take it."""
        self.figures.lost += 1
        if self.copy is not None or self.history is not None:
            events, _ = turn(self.state, now, seen)
            if self.history is not None:
                self.history.append(Turn(now, tuple(seen), tuple(events), kept=False))
            self.state = self._fold()
        self._die()

    def _fold(self) -> State:
        """What the log says, and nothing else."""
        folded = State()
        for at, event in self.log:
            evolve(folded, event, at)
        return folded

    def _check_fold(self) -> None:
        self.suspect = Word.RESTART
        live, self.state = self.state, self._fold()
        if self.state != live:
            wrong = _differ(self.state, live)
            raise Broken(f"the folded log differs from the live state in {wrong}")
        self.suspect = None

    def _die(self) -> None:
        """The engine is killed, sometimes with the whole machine; the next one knows the log."""
        self.figures.crashes += 1
        temper = self.world.temper
        if temper.reboot and self.rng.random() < temper.reboot:
            self.figures.reboots += 1
            self.world.watched.clear()
            self.world.reboot()
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
        self.world.go_on(self.world.now + self.rng.choice((0.1, 60.0)))
        self.people.inbox.update({asked.key: asked for asked in again})
        self._engine_up()

    def _next_engine(self, reason: str) -> list[ob.Asked] | None:
        """What people ask the next engine for; `None` when there is none."""
        calm = self.world.temper is CALM
        if not calm and self._rests > LIVES_MAX:
            return None
        if reason == "finished":
            if calm or self.rng.random() < 0.3:
                return None
            return self.people.second_thoughts(self.book.tasks)
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
            if page.finished or page.given_up or page.cancelled or page.undone:
                continue
            seen = view(self.state, name, self.world.clock)
            self.suspect = Wrong(name, seen)
            if seen.hold is None or not seen.reason:
                raise Broken(f"{name} is left without a reason: {seen}")

    # --- effects and reports --------------------------------------------------------------------

    def _hand_over(self, actions: list[ac.Action]) -> None:
        self._outstanding = actions
        # What goes on by itself, or was found unwanted, is forgotten; the rest reports first.
        stays = (ac.RunTurn, ac.StopTurn)
        self._in_flight = [
            action
            for action in self._in_flight
            if not isinstance(action, stays) or action in actions
        ]
        for action in actions:
            if action not in self._in_flight:
                self._in_flight.append(action)
                self._start_effect(action)

    def _start_effect(self, action: ac.Action) -> None:
        life = self._life
        delay_s = EFFECT_S * self.rng.random()
        if isinstance(action, ac.RunChecks):
            slow = self.scene.crowd and action.stage is Stage.CANDIDATE
            delay_s *= SLOW_CHECKS if slow else CHECKS
        elif self.scene.crowd and isinstance(action, ac.MoveIntegration):
            delay_s *= SLOW_CHECKS
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
            self._release(action)
            return
        found: list[ob.Observation]
        if self.world.full and not isinstance(action, ac.StopTurn) and not self._is_there(action):
            name = ac.name_of(action)
            found = [ob.EffectRaised(action.about, name, "no space left on device", no_room=True)]
            keeps_on = False
        elif self.world.temper.trouble and self.rng.random() < self.world.temper.trouble:
            if self.rng.random() < 0.5 and not hold_back:
                self.suspect = action
                self.world.carry_out(action)  # done, and yet it fails
            found = [ob.EffectRaised(action.about, ac.name_of(action), "git: cannot lock ref")]
            keeps_on = False
        elif hold_back and isinstance(action, ac.RunTurn):
            found = self.world.refuse_to_launch(action)
        else:
            self.suspect = action
            found = self.world.carry_out(action)
        self.suspect = None
        self._former[action.about, ac.name_of(action)] = found
        self._receive(f"effect {action.about}", found, release=None if keeps_on else action)

    def _is_there(self, action: ac.Action) -> bool:
        """Whether it is a launch that is adopted: that writes nothing."""
        return (
            isinstance(action, ac.RunTurn) and (action.about, action.launch) in self.world.launches
        )

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
            pause = 0.0 if release is None else pause_s(release, found)
            if release is not None and pause:
                # A target that cannot be moved is looked at again after a while only.
                self.world.at(self.world.now + pause, lambda: self._release(release))
            elif release is not None:
                self._release(release)

    def _release(self, action: ac.Action) -> None:
        if action in self._in_flight:
            self._in_flight.remove(action)

    def _session_of(self, name: str) -> str | None:
        """What the engine would tell the attempt's next launch to go on with."""
        attempt = self.state.attempts[name]
        return None if attempt.why is TurnKind.REVIEW else attempt.session

    # --- time -----------------------------------------------------------------------------------

    def _go_on(self, now: float) -> None:
        """On to the next moment at which something is reported, due, or done by people."""
        rng, world = self.rng, self.world
        temper = world.temper
        if temper.odd_clock and rng.random() < temper.odd_clock:
            world.go_on(world.now + rng.choice(ODD_STEPS_S))
        else:
            wake = next_wakeup(self.state, now)
            idle_s = IDLE_S if temper is not CALM or wake is None else DAY_S
            until = world.now + (idle_s if wake is None else min(idle_s, wake - now))
            world.go_on_to_news(until, self._seen)
            if rng.random() < TOGETHER:
                world.go_on(world.now + rng.random())
        self._seen += self.people.meddle(self.state) + self.radar.look(self.state)
        self._seen += world.edits.look(self.state, calm=temper is CALM)
        meters = self.memory if self.memory.is_there else self.meters
        self._seen += meters.look(self.state, self._seen)
        self._seen += self.watchdog.look()
        if temper is CALM:
            if self.state.pressure is not Pressure.NONE:
                self._seen.append(ob.MachineRead(Pressure.NONE, ""))
            return
        self._disturb(temper)

    def _disturb(self, temper: Temper) -> None:
        """What happens to the machine itself."""
        rng, world = self.rng, self.world
        if temper.pressure and rng.random() < temper.pressure:
            self._seen.append(self._read_machine())
        if temper.disk_full and rng.random() < temper.disk_full and not world.full:
            world.full_until = world.now + rng.choice(FULL_S)
        if temper.clock_jump and rng.random() < temper.clock_jump:
            self.figures.jumps += 1
            by_s = rng.choice(JUMPS_S)
            world.skew += by_s
            self._same_until = 0.0
            why = Jump.SUSPENDED if by_s > 0 and rng.random() < 0.5 else Jump.SET
            # First, as the engine tells it: what is reported now has happened after the jump.
            self._seen.insert(0, ob.ClockShifted(by_s, why))
            if rng.random() < 0.2:
                self._seen.append(ob.JournalHeldUp(3.0, "no room"))
            if rng.random() < 0.2:
                self._seen.append(ob.IntegrationPutBack(self.state.head, ""))
        if temper.vanish and rng.random() < temper.vanish:
            world.vanish()

    def _read_machine(self) -> ob.Observation:
        return ob.MachineRead(self.rng.choice(list(Pressure)), "little memory")

    # --- after a turn ---------------------------------------------------------------------------

    def _validate(self, events: list[Event], actions: list[ac.Action], now: float) -> None:
        """Look at the turn: at who is alive beside whom always, at all the rest now and then."""
        state = self.state
        if events:
            self.suspect = events[-1]
            check_alive(self.book, state)
            check_victim(self.book)
            check_source(self.book, self.state)
            if any(type(event) is AttemptAdmitted for event in events):
                check_neighbours(self.book)
            self.suspect = None
            self._same_until = 0.0
        elif now < self._same_until:
            return  # neither events nor time have changed anything since the last look
        if (self.seed // 2 + self.figures.turns * 3) % LOOK_EVERY:
            return
        self.figures.looks += 1
        self._check_copy()
        self.suspect = Spent(self.book.spent())
        check_spent(self.book, state)
        self.suspect = Word.SETTLED
        self._same_until = check_rest(state, actions, now)
        reasons = Reasons(self.book)
        check_needs(self.book, state, reasons)
        check_queue(self.book, state)
        check_talk(self.book, state)
        check_after(self.book, state)
        check_radar(self.book, state)
        for name in state.tasks:
            seen = view(state, name, now)
            self.suspect = Wrong(name, seen)
            reasons.compare(name, seen, now)
        self.suspect = None
        self.figures.whys += len(state.tasks)

    def _check_copy(self) -> None:
        self.suspect = Word.RESTART
        if self.copy is not None and self.state != self.copy:
            wrong = _differ(self.state, self.copy)
            raise Broken(f"the folded log differs from the live state in {wrong}")


def _differ(one: State, other: State) -> list[str]:
    names = [field.name for field in fields(State)]
    return [name for name in names if getattr(one, name) != getattr(other, name)]
