"""From what was written down to the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from gangsaw.core.events_resolving import MODEL, PERSON
from gangsaw.core.model import Limits, task_of
from gangsaw.core.report.critical import Facts, critical_chain
from gangsaw.core.report.follow import At, Follower
from gangsaw.core.report.values import (
    BY_ITSELF,
    AgentReport,
    AttemptLine,
    CheckReport,
    ConflictReport,
    Doing,
    Link,
    Machine,
    Money,
    QueueReport,
    Retry,
    Returned,
    RunReport,
    SlotReport,
    Spent,
    Stretch,
    TaskReport,
    Times,
    Totals,
    TrackReport,
    Wait,
)
from gangsaw.core.report.waits import OF_LIVE
from gangsaw.core.state import Attempt, LaunchUsage
from gangsaw.core.status import Status, view

AT_WORK = (Doing.WORK, Doing.REVIEW)
"""An agent is at it."""


def report_of(events: Iterable[At], now: float | None = None) -> RunReport:
    """The report of a run from its events with their moments, in order, from the first on.

    `now` (epoch seconds): the run goes on, and what goes on is measured up to then; without it, up
    to the run's end or its last event. Raises `ValueError` where there are no events.
    """
    follower = Follower().follow(events)
    if not follower.state.run:
        raise ValueError("a log that begins with no run")
    return _Maker(follower, now).report()


def pct(part: float, whole: float) -> float | None:
    """How many hundredths the part is; `None` of nothing."""
    return 100.0 * part / whole if whole > 0.0 else None


def seconds_of(stretches: Iterable[Stretch], *doings: Doing) -> float:
    """The length of those stretches in which one of these was done; of all, where none is named."""
    return sum(each.seconds for each in stretches if not doings or each.doing in doings)


def times_of(stretches: Sequence[Stretch]) -> Times:
    """Their lengths by what was done."""
    return Times(**{f"{doing.value}_s": seconds_of(stretches, doing) for doing in Doing})


class _Maker:
    def __init__(self, follower: Follower, now: float | None) -> None:
        self._follower = follower
        self._state = state = follower.state
        self._began = state.started_at
        latest = max(follower.last_at, now or 0.0)
        self._as_of = latest if state.ended_at is None else state.ended_at
        self._wall_s = max(0.0, self._as_of - self._began)
        self._lines = follower.lines(self._as_of)
        self._waits = follower.waits.totals(self._as_of)
        self._of_task: dict[str, list[Attempt]] = {name: [] for name in state.tasks}
        for attempt in state.attempts.values():
            self._of_task[attempt.task].append(attempt)
        self._used = {
            (attempt.id, used.launch): used
            for attempt in state.attempts.values()
            for used in attempt.usage
        }
        self._launches = _by_task(follower.launches)
        self._used_by = _by_task(self._used)
        self._held_s: dict[str, float] = {}
        for (name, reason), seconds in self._waits.items():
            if reason not in OF_LIVE:
                self._held_s[name] = self._held_s.get(name, 0.0) + seconds

    def report(self) -> RunReport:
        state = self._state
        return RunReport(
            run=state.run,
            goal=state.goal,
            state=state.end.value if state.end is not None else "open",
            target=state.target,
            integration=state.integration,
            started_at=self._began,
            ended_at=state.ended_at,
            as_of=self._as_of,
            totals=self._totals(),
            tasks=tuple(map(self._task, state.tasks)),
            agents=tuple(map(self._agent, self._agents())),
            tracks=tuple(map(self._track, self._tracks())),
            slots=self._slots(),
            chain=self._chain(),
            retries=self._retries(),
            returned=self._returned(),
            waits=self._wait_lines(),
            checks=self._checks(),
            queue=self._queue(),
            conflicts=self._conflicts(),
            spent=self._spent(),
            machine=self._machine(),
            timeline=tuple(
                AttemptLine(name, task_of(name), stretches)
                for name, stretches in self._lines.items()
            ),
        )

    # --- the whole --------------------------------------------------------------------------------

    def _totals(self) -> Totals:
        follower, state = self._follower, self._state
        every = [each for line in self._lines.values() for each in line]
        outcomes = Counter(view(state, name, self._as_of).status for name in state.tasks)
        known = (Status.LANDED, Status.DONE, Status.FAILED, Status.NEEDS_YOU, Status.CANCELLED)
        serial_s, busy_s = seconds_of(every, *BY_ITSELF), seconds_of(every, *AT_WORK)
        slots_s = self._allowed_s("")
        return Totals(
            wall_s=self._wall_s,
            serial_s=serial_s,
            speedup=serial_s / self._wall_s if self._wall_s else None,
            slots_s=slots_s,
            held_s=sum(each.seconds for each in every if each.slot is not None),
            busy_s=busy_s,
            utilisation_pct=pct(busy_s, slots_s),
            times=times_of(every),
            tasks=len(state.tasks),
            landed=outcomes[Status.LANDED],
            done=outcomes[Status.DONE],
            failed=outcomes[Status.FAILED],
            needs_you=outcomes[Status.NEEDS_YOU],
            cancelled=outcomes[Status.CANCELLED],
            undone=outcomes[Status.UNDONE],
            open=len(state.tasks) - sum(outcomes[each] for each in (*known, Status.UNDONE)),
            attempts=len(state.attempts),
            turns=len(follower.launches),
            engine_starts=follower.engines.starts,
            engine_crashes=follower.engines.crashes,
            down_s=follower.engines.down_s,
            clock_jumps=follower.jumps,
        )

    def _allowed_s(self, agent: str) -> float:
        """The sum over time of how many agents were allowed: of all (empty), or of this one."""
        steps = self._follower.allowed
        ends = [*(at for at, _ in steps[1:]), self._as_of]
        return sum(
            _allowed(limits, agent) * max(0.0, min(end, self._as_of) - at)
            for (at, limits), end in zip(steps, ends, strict=True)
        )

    # --- by task, agent, track, slot --------------------------------------------------------------

    def _task(self, name: str) -> TaskReport:
        state, follower = self._state, self._follower
        task, known = state.tasks[name], state.task_states[name]
        seen = view(state, name, self._as_of)
        attempts = self._of_task[name]
        launches = self._launches.get(name, ())
        stretches = [each for attempt in attempts for each in self._lines.get(attempt.id, ())]
        files, added, deleted = follower.sealed.get(name, (None, None, None))
        started, ended = known.started_at, known.ended_at
        return TaskReport(
            task=name,
            title=task.title,
            track=task.track,
            outcome=seen.status.value,
            reason=seen.reason,
            commit=known.landed_commit,
            agent=attempts[-1].agent if attempts else "",
            model=attempts[-1].model if attempts else None,
            attempts=len(attempts),
            turns=len(launches),
            crashes=sum(follower.launches[key].crashed for key in launches),
            files=files,
            added=added,
            deleted=deleted,
            started_s=None if started is None else started - self._began,
            ended_s=None if ended is None else ended - self._began,
            held_s=self._held_s.get(name, 0.0),
            times=times_of(stretches),
            money=self._money(launches, self._used_by.get(name, ())),
        )

    def _agents(self) -> list[str]:
        """Those that began an attempt or had a turn, in the order in which they first did."""
        began = [attempt.agent for attempt in self._state.attempts.values()]
        ran = [launched.agent for launched in self._follower.launches.values()]
        return list(dict.fromkeys([*ran, *began]))

    def _agent(self, agent: str) -> AgentReport:
        state = self._state
        attempts = [each for each in state.attempts.values() if each.agent == agent]
        launches = [k for k, launch in self._follower.launches.items() if launch.agent == agent]
        stretches = [e for line in self._lines.values() for e in line if e.agent == agent]
        busy_s, slots_s = seconds_of(stretches, *AT_WORK), self._allowed_s(agent)
        landed = [
            each for each in attempts
            if each.id == state.task_states[each.task].current
            and state.task_states[each.task].finished
        ]  # fmt: skip
        return AgentReport(
            agent=agent,
            models=tuple(dict.fromkeys(each.model for each in attempts if each.model)),
            attempts=len(attempts),
            turns=len(launches),
            landed=len(landed),
            work_s=seconds_of(stretches, Doing.WORK),
            review_s=seconds_of(stretches, Doing.REVIEW),
            slots_s=slots_s,
            utilisation_pct=pct(busy_s, slots_s),
            money=self._money(launches, [key for key in launches if key in self._used]),
        )

    def _tracks(self) -> list[str]:
        tracks = (task.track for task in self._state.tasks.values())
        return list(dict.fromkeys(track for track in tracks if track is not None))

    def _track(self, track: str) -> TrackReport:
        state = self._state
        names = [name for name, task in state.tasks.items() if task.track == track]
        stretches = [
            each
            for name in names
            for attempt in self._of_task[name]
            for each in self._lines.get(attempt.id, ())
        ]
        since_s = min((each.since_s for each in stretches), default=None)
        until_s = max((each.until_s for each in stretches), default=None)
        busy_s = seconds_of(stretches, *AT_WORK)
        lasted_s = 0.0 if since_s is None or until_s is None else until_s - since_s
        return TrackReport(
            track=track,
            tasks=len(names),
            landed=sum(state.task_states[name].finished for name in names),
            since_s=since_s,
            until_s=until_s,
            busy_s=busy_s,
            utilisation_pct=pct(busy_s, lasted_s),
        )

    def _slots(self) -> tuple[SlotReport, ...]:
        held: dict[int, list[tuple[str, Stretch]]] = {}
        for name, line in self._lines.items():
            for each in line:
                if each.slot is not None:
                    held.setdefault(each.slot, []).append((name, each))
        found = []
        for slot, pairs in sorted(held.items()):
            stretches = [each for _, each in pairs]
            busy_s = seconds_of(stretches, *AT_WORK)
            attempts = len({name for name, _ in pairs})
            used_pct = pct(busy_s, self._wall_s)
            found.append(SlotReport(slot, attempts, seconds_of(stretches), busy_s, used_pct))
        return tuple(found)

    # --- why it took as long ----------------------------------------------------------------------

    def _chain(self) -> tuple[Link, ...]:
        follower, state = self._follower, self._state
        if not follower.finished:
            return ()
        last_at, last = max(follower.finished, key=lambda each: each[0])
        facts = Facts(
            needs={name: task.needs for name, task in state.tasks.items()},
            attempts=self._of_task,
            lines=self._lines,
            landings={task: at - self._began for at, task in follower.finished},
            ends_s={
                name: line[-1].until_s if line else state.attempts[name].since - self._began
                for name, line in self._lines.items()
            },
            freed=follower.freed,
            holds=follower.waits.before,
            began_at=self._began,
        )
        return critical_chain(facts, last, last_at - self._began)

    def _retries(self) -> tuple[Retry, ...]:
        by_cause: dict[str, list[tuple[str, bool]]] = {}
        for name, (cause, counted) in self._follower.failed.items():
            by_cause.setdefault(cause, []).append((name, counted))
        return tuple(
            Retry(
                cause=cause,
                attempts=len(found),
                counted=sum(counted for _, counted in found),
                lost_s=sum(seconds_of(self._lines.get(name, ()), *AT_WORK) for name, _ in found),
            )
            for cause, found in sorted(by_cause.items())
        )

    def _returned(self) -> tuple[Returned, ...]:
        return tuple(Returned(*each) for each in sorted(self._follower.returned.items()))

    def _wait_lines(self) -> tuple[Wait, ...]:
        by_reason: dict[str, dict[str, float]] = {}
        for (task, reason), seconds in self._waits.items():
            if seconds > 0.0:
                by_reason.setdefault(reason, {})[task] = seconds
        found = []
        for reason, tasks in by_reason.items():
            longest = max(tasks, key=lambda task: (tasks[task], task))
            total_s = sum(tasks.values())
            found.append(Wait(reason, len(tasks), total_s, tasks[longest], longest))
        return tuple(sorted(found, key=lambda wait: (-wait.seconds, wait.reason)))

    # --- checks, landings, money, machine ---------------------------------------------------------

    def _checks(self) -> tuple[CheckReport, ...]:
        known = self._state.known_checks
        return tuple(
            CheckReport(
                check=name,
                green=tally.green,
                red=tally.red,
                inconclusive=tally.inconclusive,
                repeated=tally.repeated,
                partial=tally.partial,
                seen=tally.seen,
                seconds=tally.seconds,
                cpu_s=tally.cpu_s,
                flaky=sum(known[key].flakes for key in tally.keys & known.keys()),
            )
            for name, tally in self._follower.checks.items()
        )

    def _queue(self) -> QueueReport:
        queue = self._follower.queue
        waits = queue.waited_s
        return QueueReport(
            landings=len(waits),
            batches=queue.batches,
            runs=queue.runs,
            red=queue.red,
            sent_back=queue.sent_back,
            conflicts=queue.conflicts,
            missed=queue.missed,
            waited_s=sum(waits),
            waited_max_s=max(waits, default=0.0),
        )

    def _conflicts(self) -> ConflictReport:
        follower = self._follower
        overlaps, ways = Counter(follower.overlaps.values()), Counter(follower.resolved)
        return ConflictReport(
            overlaps=len(follower.overlaps),
            overlaps_open=overlaps["open"],
            overlaps_taken_care_of=overlaps["resolved"],
            resolved_mechanically=ways.total() - ways[MODEL] - ways[PERSON],
            resolved_by_agents=ways[MODEL],
            resolved_by_people=ways[PERSON],
        )

    def _money(self, launches: Sequence[tuple[str, int]], used: Sequence[tuple[str, int]]) -> Money:
        """Of these launches, and of what was reported for them."""
        told = [self._used[key] for key in used]
        priced = [each.cost_usd for each in told if each.cost_usd is not None]
        unpriced = sum(_is_unpriced(each) for each in told)
        spoke = {key for key in used if self._used[key].tokens or _is_priced(self._used[key])}
        over = [key for key in launches if self._follower.launches[key].ended]
        return Money(
            cost_usd=None if unpriced and not priced else sum(priced),
            tokens=sum(each.tokens for each in told),
            priced=len(priced),
            unpriced=unpriced,
            silent=sum(key not in spoke for key in over),
        )

    def _spent(self) -> Spent:
        state = self._state
        money = self._money(list(self._follower.launches), list(self._used))
        lost = [key for key in self._used if key[0] in self._follower.failed]
        landed = sum(known.finished for known in state.task_states.values())
        cost = money.cost_usd
        return Spent(
            told=_told(money),
            budget_usd=state.limits.budget_usd,
            budget_tokens=state.limits.budget_tokens,
            per_landed_usd=cost / landed if cost is not None and landed else None,
            failed_usd=sum(self._used[key].cost_usd or 0.0 for key in lost),
            money=money,
        )

    def _machine(self) -> Machine | None:
        follower = self._follower
        ended = [each for each in follower.launches.values() if each.ended]
        if not follower.pressed and not any(e.cpu_s or e.memory_max_mb for e in ended):
            return None
        most = max(ended, key=lambda each: each.memory_max_mb, default=None)
        short_s, since = 0.0, None
        for at, pressed in (*follower.pressed, (self._as_of, False)):
            if pressed and since is None:
                since = at
            elif not pressed and since is not None:
                short_s, since = short_s + max(0.0, at - since), None
        return Machine(
            cpu_s=sum(each.cpu_s for each in ended),
            memory_max_mb=most.memory_max_mb if most is not None else 0.0,
            memory_max_of=most.attempt if most is not None and most.memory_max_mb else "",
            pressed=_times_pressed(follower.pressed),
            pressed_s=short_s,
        )


def _by_task(keys: Iterable[tuple[str, int]]) -> dict[str, list[tuple[str, int]]]:
    """Launches by the task of their attempt."""
    found: dict[str, list[tuple[str, int]]] = {}
    for key in keys:
        found.setdefault(task_of(key[0]), []).append(key)
    return found


def _times_pressed(changes: Sequence[tuple[float, bool]]) -> int:
    """How often the machine became short that was not before."""
    levels = [False, *(pressed for _, pressed in changes)]
    return sum(now and not before for before, now in pairwise(levels))


def _allowed(limits: Limits, agent: str) -> int:
    slots = next((each.slots for each in limits.agents if each.name == agent), None)
    return limits.max_agents if slots is None else min(slots, limits.max_agents)


def _is_priced(used: LaunchUsage) -> bool:
    return used.cost_usd is not None


def _is_unpriced(used: LaunchUsage) -> bool:
    return used.cost_usd is None and used.tokens > 0


def _told(money: Money) -> str:
    if money.unpriced:
        return "partly" if money.priced else "unknown"
    return "reported" if money.priced else "nothing"
