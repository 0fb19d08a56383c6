"""Planted faults of starting, running and retrying attempts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from gangsaw.core import decide, evolve, indexes, phases, record, state, status, work
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.policy import admission, ending, retry, stall
from gangsaw.core.state import State
from gangsaw.testing.planting import (
    changed_state,
    mutant,
    with_rule,
    with_transition,
    with_values,
)
from gangsaw.testing.simulation import schedule

# --- admission ------------------------------------------------------------------------------------


@mutant("a dependant starts when what it needs is only queued")
def _queued_is_enough() -> Iterator[None]:
    def release(event: ev.ChangeQueued, known: State) -> None:
        for name in known.dependants[known.attempts[event.attempt].task]:
            waiting = known.task_states[name]
            indexes.set_task(known, name, replace(waiting, unmet=max(0, waiting.unmet - 1)))

    with changed_state(ev.ChangeQueued, release):
        yield


@mutant("overlapping scopes are not seen")
def _no_scopes() -> Iterator[None]:
    with with_values(admission, overlaps=lambda one, other: False):
        yield


@mutant("a live agent is charged with the time by which the clock was set")
def _charged_with_jumps() -> Iterator[None]:
    with with_rule(evolve._apply, ev.ClockJumped, lambda event, known, at: None):
        yield


@mutant("an agent's own slots are not counted")
def _no_agent_slots() -> Iterator[None]:
    before = indexes.count_busy

    def count(known: State, agent: str, by: int) -> None:
        before(known, agent, by)
        known.busy[agent] = 0

    with with_values(indexes, count_busy=count):
        yield


@mutant("returned work takes a slot although none is free")
def _slots_for_returned() -> Iterator[None]:
    with with_values(decide, may_take_slot=lambda known, agent: True):
        yield


@mutant("work that waits for its landing keeps its slot")
def _queued_holds_slot() -> Iterator[None]:
    waiting = {Phase.QUEUED, Phase.LANDING}
    with with_values(indexes, HOLDS_SLOT=phases.HOLDS_SLOT | waiting):
        yield


@mutant("pressure does not hold admission")
def _no_pressure() -> Iterator[None]:
    def calm(event: ev.PressureChanged, known: State) -> None:
        known.pressure = ev.Pressure.NONE

    with changed_state(ev.PressureChanged, calm):
        yield


@contextmanager
def _without_hold(kind: admission.HoldKind) -> Iterator[None]:
    before = admission.hold_for_all

    def hold(known: State) -> admission.Hold | None:
        found = before(known)
        return None if found and found.kind is kind else found

    with with_values(admission, hold_for_all=hold):
        yield


@mutant("a paused run starts agents")
def _pause_ignored() -> Iterator[None]:
    with _without_hold(admission.HoldKind.PAUSED):
        yield


@mutant("the budget of the run does not hold admission")
def _budget_ignored() -> Iterator[None]:
    paid = SimpleNamespace(run_spent=lambda known: "", lacking=lambda known, name, agent: "")
    with with_values(admission, money=paid):
        yield


@mutant("needs that failed are waited for like others")
def _never_hopeless() -> Iterator[None]:
    with with_values(admission, hopeless=lambda known, name: False):
        yield


@mutant("attempt numbers are used again")
def _numbers_again() -> Iterator[None]:
    before = admission._admission

    def admit(known: State, name: str, now: float) -> ev.AttemptAdmitted:
        event = before(known, name, now)
        number = known.task_states[name].tries + 1
        return replace(event, number=number, attempt=f"{name}.{number}")

    with with_values(admission, _admission=admit):
        yield


@mutant("a cancelled task starts again")
def _cancelled_again() -> Iterator[None]:
    def forget(event: ev.AttemptFailed, known: State) -> None:
        name = known.attempts[event.attempt].task
        open_again = replace(known.task_states[name], cancelled=False, cancel_wanted="")
        indexes.set_task(known, name, open_again)

    with changed_state(ev.AttemptFailed, forget):
        yield


@mutant("why forgets the track")
def _why_without_track() -> Iterator[None]:
    before = admission.hold_for

    def hold(known: State, name: str, now: float) -> admission.Hold | None:
        found = before(known, name, now)
        return None if found and found.kind is admission.HoldKind.TRACK else found

    with with_values(status, hold_for=hold):
        yield


# --- launches -------------------------------------------------------------------------------------


@mutant("a late exit of an older launch is believed")
def _late_exit() -> Iterator[None]:
    def launched(known: State, name: str, launch: int) -> state.Attempt | None:
        attempt = known.attempts.get(name)
        return attempt if attempt is not None and attempt.phase in AGENT_ALIVE else None

    with with_values(record, _launched=launched):
        yield


@mutant("the attempt fails before its agent has ended")
def _fails_too_early() -> Iterator[None]:
    before = decide._stop_one

    def stop(known: State, attempt: state.Attempt, now: float) -> list[ev.Event]:
        cause = stall.overdue(known, attempt, now)
        if cause is not None:
            return retry.fail(known, attempt, cause, "overdue", now)
        return before(known, attempt, now)

    allowed = dict.fromkeys((Phase.RUNNING, *phases.TRANSITIONS["attempt.failed"]), Phase.FAILED)
    with with_values(decide, _stop_one=stop), with_transition("attempt.failed", allowed):
        yield


@mutant("the next turn is launched while the last one still runs")
def _launched_over() -> Iterator[None]:
    before = decide._next_step

    def step(known: State, attempt: state.Attempt, now: float) -> list[ev.Event]:
        silent = attempt.phase is Phase.RUNNING and now - attempt.beat_at > 25
        if silent:
            return [retry.wanted_turn(attempt, TurnKind.CONTINUE)]
        return before(known, attempt, now)

    allowed = phases.TRANSITIONS["turn.wanted"] | {Phase.RUNNING: Phase.STARTING}
    with with_values(decide, _next_step=step), with_transition("turn.wanted", allowed):
        yield


@mutant("an agent that goes on and on is never stopped")
def _no_timeout() -> Iterator[None]:
    with with_values(stall, time_limit_s=lambda known, attempt: 1e9):
        yield


@mutant("a silent agent is never stopped")
def _no_stall() -> Iterator[None]:
    before = stall.overdue

    def overdue(known: State, attempt: state.Attempt, now: float) -> ev.Cause | None:
        cause = before(known, attempt, now)
        return None if cause is ev.Cause.STALLED else cause

    with with_values(stall, overdue=overdue):
        yield


@mutant("a cancelled task is let to finish its turns")
def _cancel_waits() -> Iterator[None]:
    def wait(event: ev.TaskCancelled, known: State) -> None:
        name = event.task
        if known.task_states[name].cancel_wanted:
            indexes.set_task(known, name, replace(known.task_states[name], cancel_wanted=""))

    with changed_state(ev.TaskCancelled, wait):
        yield


@mutant("a launch that was lost after its start counts as one that never ran")
def _lost_is_never_ran() -> Iterator[None]:
    before = record.record.registry[ob.LaunchLost]

    def rule(seen: ob.LaunchLost, known: State, now: float) -> list[ev.Event]:
        return list(before(replace(seen, started=False), known, now))

    with with_rule(record.record, ob.LaunchLost, rule):
        yield


@mutant("a launch that never ran is tried without end")
def _never_ran_for_ever() -> Iterator[None]:
    with with_values(ending, NEVER_RAN_MAX=1_000_000):
        yield


@mutant("a launch that never ran goes on as a crashed session, without end")
def _never_ran_is_a_crash() -> Iterator[None]:
    before = ending._after_crash

    def after(known: State, attempt: state.Attempt, ended: state.Exit, now: float) -> Any:
        return before(known, attempt, replace(ended, never_ran=False), now)

    with with_values(ending, _after_crash=after):
        yield


@mutant("a verdict on a plain folder holds for what it contains later")
def _plain_verdict_stays() -> Iterator[None]:
    def forget(event: ev.VerifyWanted, known: State) -> None:
        attempt = known.attempts[event.attempt]
        known.attempts[event.attempt] = replace(attempt, tree="")

    with changed_state(ev.VerifyWanted, forget):
        yield


@mutant("cost of a launch is added at each report")
def _cost_twice() -> Iterator[None]:
    def again(event: ev.UsageReported, known: State) -> None:
        cost = known.usage.cost_usd + (event.cost_usd or 0.0)
        known.usage = replace(known.usage, cost_usd=cost)

    with changed_state(ev.UsageReported, again):
        yield


# --- retry ----------------------------------------------------------------------------------------


@mutant("being stopped counts as a try")
def _stops_count() -> Iterator[None]:
    with with_values(retry, _UNCOUNTED=retry._UNCOUNTED - {ev.Cause.STOPPED}):
        yield


@mutant("tries are forgotten")
def _tries_forgotten() -> Iterator[None]:
    def forget(event: ev.AttemptFailed, known: State) -> None:
        name = known.attempts[event.attempt].task
        indexes.set_task(known, name, replace(known.task_states[name], tries=0))

    with changed_state(ev.AttemptFailed, forget):
        yield


@mutant("a process that is killed again and again is started without end")
def _crashes_for_ever() -> Iterator[None]:
    before = retry._exhausted

    def exhausted(known: State, attempt: state.Attempt, cause: ev.Cause, tries: int) -> str | None:
        reason = before(known, attempt, cause, tries)
        return None if reason and "was killed" in reason else reason

    with with_values(retry, _exhausted=exhausted):
        yield


@mutant("there is no pause before the next attempt")
def _no_backoff() -> Iterator[None]:
    with with_values(retry, backoff_s=lambda limits, tries, attempt: 0.0):
        yield


@mutant("the engine sleeps through the end of a pause")
def _sleeps_on() -> Iterator[None]:
    before = work.next_wakeup

    def wake(known: State, now: float) -> float | None:
        moment = before(known, now)
        return None if moment in known.backing_off.values() else moment

    with with_values(work, next_wakeup=wake), with_values(schedule, next_wakeup=wake):
        yield
