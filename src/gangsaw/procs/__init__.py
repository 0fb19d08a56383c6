"""The room that starts and ends processes (besides git).

One folder per turn; a folder is executed at most once. `launch` starts a turn under a shim that
outlives us, `probe` tells what became of it, `stop` and `kill` ask for its end, `settle` removes
what a dead shim left behind, `Watch` sleeps until something may have changed, `run_to_end` does
all of it for one program.

Rules: nothing is signalled that is not ours by mark, open file or recorded identity; nothing is
ever chosen by name; output goes to the files `out` and `err`, never through a pipe of ours. It
must not read the output or decide what an end means. Only what is asked something (`ask`) is over
in moments and answers through pipes.
"""

from gangsaw.procs.children import MARK_VARIABLE, reap
from gangsaw.procs.detach import run_in_front
from gangsaw.procs.identity import Containment, Identity, alive, boot_id, containment, identify
from gangsaw.procs.inside import may_write_below, working_in
from gangsaw.procs.launch import AlreadyClaimed, Started, launch
from gangsaw.procs.nursery import Nursery
from gangsaw.procs.probe import (
    Absent,
    Broken,
    Dying,
    Finished,
    Foreign,
    Headless,
    Lost,
    Probed,
    Running,
    Starting,
    lock_held,
    probe,
)
from gangsaw.procs.records import ExitRecord, NotExecuted, StartedRecord
from gangsaw.procs.run import Cancelled, LostRun, RunEnd, TimedOut, run_to_end
from gangsaw.procs.settle import holders, settle
from gangsaw.procs.stop import kill, stop
from gangsaw.procs.strays import end_strays, strays, turns_in_use
from gangsaw.procs.watch import Watch

__all__ = [
    "MARK_VARIABLE",
    "Absent",
    "AlreadyClaimed",
    "Broken",
    "Cancelled",
    "Containment",
    "Dying",
    "ExitRecord",
    "Finished",
    "Foreign",
    "Headless",
    "Identity",
    "Lost",
    "LostRun",
    "NotExecuted",
    "Nursery",
    "Probed",
    "RunEnd",
    "Running",
    "Started",
    "StartedRecord",
    "Starting",
    "TimedOut",
    "Watch",
    "alive",
    "boot_id",
    "containment",
    "end_strays",
    "holders",
    "identify",
    "kill",
    "launch",
    "lock_held",
    "may_write_below",
    "probe",
    "reap",
    "run_in_front",
    "run_to_end",
    "settle",
    "stop",
    "strays",
    "turns_in_use",
    "working_in",
]
