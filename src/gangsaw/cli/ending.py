"""What `stop` and `kill` share: the engine is asked first, so that it does not start again what
ends; then, whatever it did, no process of a run is left alive.
"""

from __future__ import annotations

import signal

from gangsaw.cli import clock, output
from gangsaw.cli.living import end_turns, end_watchdogs, live_turns
from gangsaw.cli.place import find_control
from gangsaw.cli.requests import SCHEMA_VERSION, Answered, Reply, Unanswered, Wish, ask
from gangsaw.procs.identity import identify, is_stopped, send
from gangsaw.store.control import Control
from gangsaw.store.errors import DiskFull
from gangsaw.store.lock import HeldBy, WriterLock

KILL_ANSWER_S = 1.5
"""How long a killing waits for the engine's word before it acts by itself."""
KILL_DEADLINE_S = 4.0
STOP_GRACE_S = 10.0
"""The grace for agents whose engine is dead. Those of a live engine have the run's own."""
STOP_WAIT_S = 120.0
ENGINE_END_S = 3.0
POLL_S = 0.05


def end_everything(verb: str, key: str, *, as_json: bool) -> int:
    """Carry out `stop` or `kill`; the exit code: 0 when nothing is alive any more, else 1."""
    control = find_control()
    holder = WriterLock.holder(control.lock)
    before = live_turns(control)
    if holder is not None:
        reply = _ask(verb, key, holder)
        if verb == "stop" and isinstance(reply, Answered) and reply.ok:
            _wait_for_engine(control, STOP_WAIT_S)
        before = sorted({*before, *live_turns(control)})
    grace_s = STOP_GRACE_S if verb == "stop" else 0.0
    left = end_turns(live_turns(control), grace_s=grace_s, deadline_s=KILL_DEADLINE_S)
    alive = holder is not None and not _wait_for_engine(control, ENGINE_END_S)
    if not alive and not left:
        end_watchdogs(control)
    count = sum(1 for path in before if path not in left)
    return _tell(verb, control, had=holder is not None, alive=alive, ended=count,
                 left=len(left), as_json=as_json)  # fmt: skip


def _ask(verb: str, key: str, holder: HeldBy) -> Reply:
    """What the engine says to it. Where a full disk leaves no room to ask, it gets a signal."""
    wish = Wish(verb, key=key)
    try:
        return ask(wish, wait_s=KILL_ANSWER_S) if verb == "kill" else ask(wish)
    except DiskFull:
        engine = identify(holder.pid) if holder.pid is not None else None
        if engine is not None:
            send(engine, signal.SIGTERM)
        return Unanswered(holder.pid)


def _wait_for_engine(control: Control, seconds: float) -> bool:
    """Whether the engine has ended within that time."""
    return clock.wait_for(lambda: WriterLock.holder(control.lock) is None, seconds, POLL_S)


def _tell(
    verb: str, control: Control, *, had: bool, alive: bool, ended: int, left: int, as_json: bool
) -> int:
    ok = not alive and not left
    if as_json:
        output.say_json(
            {"schema_version": SCHEMA_VERSION, "verb": verb, "engine_was_running": had,
             "engine_is_running": alive, "ended": ended, "left": left, "ok": ok}
        )  # fmt: skip
        return 0 if ok else 1
    if not had and not ended and not left:
        output.say("nothing is running")
        return 0
    many = "" if ended == 1 else "es"
    output.say(f"ended {ended} process{many} of agents and checks, with all they started")
    if left:
        output.complain(f"{left} could not be ended yet; try once more: gangsaw kill")
    if alive:
        holder = WriterLock.holder(control.lock)
        pid = holder.pid if holder else None
        if pid is not None and is_stopped(pid):
            how = f"is stopped; it ends as soon as it goes on: kill -CONT {pid}"
        else:
            how = "is still ending; see: gangsaw status"
        output.complain(f"gangsaw (pid {pid or 'unknown'}) {how}")
    if ok:
        output.say("nothing is lost; go on with: gangsaw run")
    return 0 if ok else 1
