"""Ending a schedule: its scheduler is asked first, so that no tick follows; then the run of its
current tick is ended; then, if the scheduler is dead, its log is brought to an end here."""

from __future__ import annotations

import signal

from gangsaw.cli import clock, output
from gangsaw.cli.ending import end_everything
from gangsaw.cli.requests import user_name
from gangsaw.cli.scheduling import Quiet, current_run, hands_on
from gangsaw.core.schedule import ClosingAsked, Schedule
from gangsaw.engine.scheduler import Scheduler, fold_log
from gangsaw.procs.identity import identify, send
from gangsaw.store.control import Control
from gangsaw.store.lock import WriterLock
from gangsaw.store.schedule_log import SchedulePlace, ask_to_close, read_log

ANSWER_WAIT_S = 10.0
END_WAIT_S = 30.0
"""How long a scheduler may take to write down the end of a run that has ended."""
POLL_S = 0.05


def end_schedule(control: Control, how: str) -> int:
    """End it; `how` is `stop`, `wait` or `kill`. The exit code: 0 if it is over."""
    place = SchedulePlace(control.root)
    if not _state(place).is_open:
        output.say("no schedule is open here")
        return 0
    if WriterLock.holder(place.lock) is not None:
        ask_to_close(place, user_name())
        heard = clock.wait_for(lambda: _is_heard(place), ANSWER_WAIT_S, POLL_S)
        if not heard and how != "kill":
            holder = WriterLock.holder(place.lock)
            pid = "unknown" if holder is None else holder.pid
            output.complain(f"the scheduler (pid {pid}) does not answer; "
                            "try: gangsaw schedule down --kill")  # fmt: skip
            return 1
        if not heard:
            _kill_scheduler(place)
    if how != "wait":
        _end_run(control, _state(place), how)
    return _conclude(control, place, how)


def _state(place: SchedulePlace) -> Schedule:
    return fold_log(read_log(place.log))


def _is_heard(place: SchedulePlace) -> bool:
    """Whether no tick can follow any more."""
    state = _state(place)
    return not state.is_open or bool(state.closing) or WriterLock.holder(place.lock) is None


def _kill_scheduler(place: SchedulePlace) -> None:
    """End the very process that holds the lock. It does nothing that has to be ended gently."""
    holder = WriterLock.holder(place.lock)
    found = None if holder is None or holder.pid is None else identify(holder.pid)
    again = WriterLock.holder(place.lock)
    if found is not None and again is not None and again.pid == found.pid:
        send(found, signal.SIGKILL)
        clock.wait_for(lambda: WriterLock.holder(place.lock) is None, ANSWER_WAIT_S, POLL_S)


def _end_run(control: Control, state: Schedule, how: str) -> None:
    """Stop or kill the run of the current tick; a run that is none of the schedule's goes on."""
    if state.current is None:
        return
    if WriterLock.holder(control.lock) is not None or current_run(state):
        end_everything(how, "", as_json=False)


def _conclude(control: Control, place: SchedulePlace, how: str) -> int:
    """Wait for the scheduler's last word, or have it in its place."""
    bound_s = float("inf") if how == "wait" else END_WAIT_S
    clock.wait_for(lambda: WriterLock.holder(place.lock) is None, bound_s, POLL_S)
    if _state(place).is_open:
        with hands_on(control, Quiet()) as (book, ground):
            if not book.state.closing:
                book.write(ClosingAsked(user_name()))
            Scheduler(book, ground, lambda: None).run()
    state = _state(place)
    name = "" if state.begun is None else state.begun.schedule
    if state.is_open:
        output.complain(f"{name} is not over yet; see: gangsaw schedule status")
        return 1
    output.say(f"{name} is over: {state.ran} ran, {state.skipped} skipped, {state.missed} missed")
    return 0
