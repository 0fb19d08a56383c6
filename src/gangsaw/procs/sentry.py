"""The watchdog's own process: when memory is about to end and nobody does anything about it, it
ends one attempt of its run, the largest, and writes down that it did.

Like the shim it is of the standard library only, with `levels` (when) and `suspects` (whom), and
run as a script, by `procs.watchdog`: `sentry.py ROOM FOLDER LIFE`, with the room of these modules,
the folder of the run's attempts, the bounds that were written for it, and as standard input a pipe
whose other end the engine holds. It needs neither engine nor store: what it acts by stands in
FOLDER, the bounds in `watchdog.conf` and the processes in the records of the turns, which are
believed as `procs.probe` believes them (same boot, number and start). It must not match names,
allocate much, or import what is slow or large.

Rules: it acts only while it holds the lock `watchdog.lock`, only at the hard level, and only after
that has lasted, so that the engine, which is quicker, comes first. Its note is in the turn's folder
before anything is signalled, so a death at any point leaves a note for a turn that nobody stopped,
which says nothing (the exit record tells), or a turn that was stopped with its note. A second
victim is looked for only when the first is gone and there was time to see what that gave back. It
ends when its engine and all its agents are gone, when the engine dismisses it, and when another
engine has written bounds anew, for a watchdog of its own.
"""

from __future__ import annotations

# The plain C modules, as in the shim.
import _signal  # type: ignore[import-not-found]
import fcntl
import os
import select
import sys
import time

TYPE_CHECKING = False  # the name is enough for who checks; the module would be a megabyte
if TYPE_CHECKING or __name__ != "__main__":
    from gangsaw.procs import levels, shim, suspects
else:
    # Last, so that no name of the room stands before one of the standard library.
    sys.path.append(sys.argv[1])
    levels, shim, suspects = map(__import__, ("levels", "shim", "suspects"))

CONF, LOCK, NOTE, SPARE = "watchdog.conf", "watchdog.lock", "watchdog", "watchdog.spare"
DISMISSED = b"."
RECORD_BYTES = 1024

WAITS_MAX = 3
"""So often in a row the end of somebody else makes it wait anew: where agents end all the time,
that is no sign that memory comes back."""
NOBODY_S = 5.0
"""After a look at which nobody could be found whose end would help."""
HELPS_PCT = 0.5
"""Nobody is ended who uses less than this part of the memory: it would not help."""
SHIM_MAX_S = 2.0
"""So long is the shim's ending of its own tree waited for, then we end what is below it."""
GONE_MAX_S = 60.0
"""What cannot be ended even by the system does not keep others from being chosen for ever."""
LOOK_EVERY_S = 1.0
"""How often it is looked whether there is still something to watch over, without an engine."""
ALONE_MIN = 2
"""So many looks must find nobody: a turn that is just beginning is not on record yet."""
OOM_SCORE = -900


# --- the act -----------------------------------------------------------------------------------


class Victim:
    """A turn that is being ended. `seen` are the processes of its tree that were signalled."""

    __slots__ = ("seen", "since", "turn")

    def __init__(self, turn: suspects.Turn, now: float) -> None:
        self.turn = turn
        self.since = now
        self.seen: dict[int, str] = {}


def end(victim: Victim, table: suspects.Table) -> None:
    """One step of the end: at first the shim is asked, which ends its whole tree and records it.
    Where there is none, or it does not come to it, every process of the tree is killed by us."""
    turn = victim.turn
    watched = suspects.is_it(table, turn.shim)
    if watched and not victim.seen:
        shim.signal_exactly(turn.shim[0], table[turn.shim[0]], _signal.SIGUSR1)
    late = time.monotonic() - victim.since > SHIM_MAX_S
    if watched and not late:
        for pid in turn.tree:
            victim.seen.setdefault(pid, table[pid][19])
        victim.seen.setdefault(*turn.shim)
        return
    suspects.measure([turn], table)
    protected = suspects.lineage(table)
    for pid in {*turn.tree, *marked(turn.mark, table), *still(victim, table)} - protected:
        victim.seen[pid] = table[pid][19]
        if pid != turn.shim[0]:
            shim.signal_exactly(pid, table[pid], _signal.SIGKILL)
    if watched:  # it may have been stopped by who it watches over
        shim.signal_exactly(turn.shim[0], table[turn.shim[0]], _signal.SIGCONT)


def still(victim: Victim, table: suspects.Table) -> list[int]:
    """Who of the tree is alive, the shim included."""
    return [pid for pid, ticks in victim.seen.items() if suspects.is_it(table, (pid, ticks))]


def marked(mark: str, table: suspects.Table) -> list[int]:
    """Who carries the turn's mark: what a dead shim left behind may have any parent."""
    entry = f"\0GANGSAW_MARK={mark}\0"
    return [pid for pid in table if mark and entry in f"\0{levels.read(f'/proc/{pid}/environ')}"]


def is_gone(victim: Victim, table: suspects.Table) -> bool:
    """Whether nothing of it is alive; the shim records the exit last."""
    if os.path.lexists(f"{victim.turn.folder}/{shim.EXIT}"):
        return True
    return not still(victim, table)


# --- the note ----------------------------------------------------------------------------------


def set_aside(folder: str) -> None:
    """Take the room of the next note now: on a full disk there would be none later."""
    try:
        fd = os.open(
            f"{folder}/{SPARE}", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            shim.write_all(fd, b" " * RECORD_BYTES)
        finally:
            os.close(fd)
    except OSError:
        return


def write_note(folder: str, turn: suspects.Turn, memory: levels.Memory, used_kb: int) -> None:
    """Say in the turn's folder why it is ended. It appears whole. Whoever cannot write ends the
    turn all the same: then it is told as a crash. It is not synchronised: nothing may be waited
    for now, and after a power cut nobody asks."""
    fields: dict[str, object] = {
        "protocol": levels.PROTOCOL,
        "available_kb": memory.available_kb,
        "total_kb": memory.total_kb,
        "full_pct": memory.full_pct,
        "used_kb": used_kb,
        "at": round(time.time(), 3),
    }
    text = shim.to_json(fields).rstrip(b"\n").ljust(RECORD_BYTES - 1) + b"\n"
    spare = f"{folder}/{SPARE}"
    try:
        fd = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            shim.write_all(fd, text)
        finally:
            os.close(fd)
        os.rename(spare, f"{turn.folder}/{NOTE}")
    except OSError:
        return


# --- the watch ---------------------------------------------------------------------------------


class Sentry:
    """One run's watchdog."""

    def __init__(self, folder: str, life: str) -> None:
        self.folder = folder
        fd = os.open(f"{folder}/{CONF}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self.conf_file = os.fstat(fd)
        self.conf = levels.Conf(os.read(fd, levels.READ_MAX).decode("utf-8", "surrogateescape"))
        os.close(fd)
        if self.conf.life != life:
            raise ValueError("another engine has written bounds already")
        self.patience = levels.Patience(self.conf.hard_pct, self.conf.patience_s)
        self.scales = suspects.Scales()
        self.victim: Victim | None = None
        self.lock_fd = -1
        self.alive: frozenset[str] = frozenset()
        self.stuck: set[str] = set()
        self.has_engine = True
        self.is_dismissed = False
        self.waits = 0
        self.alone = 0
        self.looked_at = 0.0
        self.pipe = select.poll()
        self.pipe.register(0, select.POLLIN)

    def watch(self) -> None:
        """Until there is nothing more to watch over."""
        pause = 0.0
        while not self.is_needless():
            self.sleep(pause)
            if not self.is_current():
                return
            memory = self.read()
            pause = levels.pause_s(memory, self.conf.hard_pct)
            now = time.monotonic()
            if memory is not None and (self.holds_lock() or self.take_lock()):
                self.step(memory, now)

    def read(self) -> levels.Memory | None:
        """The memory of the machine, or of the budget of all agents together if that is shorter."""
        machine = levels.read_memory(self.conf)
        if machine is None or self.conf.budget_kb <= 0:
            return machine
        table = shim.processes()
        turns = suspects.live_turns(self.folder, table)
        suspects.measure(turns, table)
        budget = levels.Memory(self.conf.budget_kb, 0, machine.full_pct)
        budget.available_kb = max(0, budget.total_kb - sum(turn.rss_kb for turn in turns))
        if budget.available_pct < self.conf.hard_pct:
            # What processes share was counted for each of them: it may be less.
            exact = self.scales.weigh([pid for turn in turns for pid in turn.tree])
            if exact is not None:
                budget.available_kb = max(0, budget.total_kb - exact)
        return min(machine, budget, key=lambda memory: memory.available_pct)

    def sleep(self, seconds: float) -> None:
        """Also until the engine is gone, or says that we may go, which is seen at once."""
        if not self.has_engine:
            time.sleep(seconds)
        elif self.pipe.poll(seconds * 1000.0):
            self.is_dismissed = os.read(0, 1) == DISMISSED
            self.has_engine = False

    def step(self, memory: levels.Memory, now: float) -> None:
        """What one reading leads to."""
        is_time = self.patience.is_over(memory, now)
        began = self.patience.since == now
        if self.victim is None and not is_time and not began:
            return
        table = shim.processes()
        if self.victim is not None:
            self.go_on(self.victim, table, now)
            return
        turns = [
            turn
            for turn in suspects.live_turns(self.folder, table)
            if turn.folder not in self.stuck
        ]
        before, self.alive = self.alive, frozenset(turn.folder for turn in turns)
        if began:
            return
        if before - self.alive and self.waits < WAITS_MAX:
            # Somebody has ended, or was ended by the engine: see first what that gives back.
            self.waits += 1
            self.patience.begin_anew(now)
        else:
            self.waits = 0
            self.act(turns, table, memory, now)

    def go_on(self, victim: Victim, table: suspects.Table, now: float) -> None:
        """See to it that it ends, before anybody else is looked for."""
        gone = is_gone(victim, table)
        if not gone and now - victim.since < GONE_MAX_S:
            end(victim, table)
            return
        if not gone:
            self.stuck.add(victim.turn.folder)
        self.victim = None
        self.patience.begin_anew(now)
        set_aside(self.folder)

    def act(
        self, turns: list[suspects.Turn], table: suspects.Table, memory: levels.Memory, now: float
    ) -> None:
        """End the largest, if that helps."""
        suspects.measure(turns, table)
        found = suspects.largest(turns, memory.total_kb * HELPS_PCT / 100.0, self.scales.weigh)
        if found is None:
            self.patience.begin_anew(now, NOBODY_S)
            return
        turn, used_kb = found
        write_note(self.folder, turn, memory, used_kb)
        self.victim = Victim(turn, now)
        end(self.victim, table)

    def is_needless(self) -> bool:
        """Whether the engine is gone and no agent of the run is alive."""
        now = time.monotonic()
        if self.has_engine or self.is_dismissed:
            return self.is_dismissed
        if now - self.looked_at < LOOK_EVERY_S:
            return False
        self.looked_at = now
        alone = not suspects.live_turns(self.folder, shim.processes())
        self.alone = self.alone + 1 if alone else 0
        return self.alone >= ALONE_MIN

    def is_current(self) -> bool:
        """Whether no other engine has written bounds of its own since, for a watchdog of its own;
        and whether they are still there at all."""
        try:
            return os.path.samestat(os.lstat(f"{self.folder}/{CONF}"), self.conf_file)
        except OSError:
            return False

    def holds_lock(self) -> bool:
        return self.lock_fd >= 0

    def take_lock(self) -> bool:
        """Whether we are the one that acts, from now on. The lock is the kernel's: it ends with
        its holder. Who that is stands in the file, for `procs.watchdog`."""
        try:
            fd = os.open(
                f"{self.folder}/{LOCK}",
                os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
                0o600,
            )
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return False
        self.lock_fd = fd
        os.pwrite(fd, b"%-20d%20d\n" % (me := os.getpid(), shim.start_ticks(me)), 0)
        set_aside(self.folder)
        return True


def be_spared() -> None:
    """If the kernel must end somebody, it had better not be us; best effort, an ordinary user may
    not ask for it."""
    for score in (OOM_SCORE, 0):
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write(str(score))
            return
        except OSError:
            continue


def main() -> int:
    """Watch. An engine's terminal is not ours; its orders come by the pipe."""
    for number in (_signal.SIGINT, _signal.SIGHUP):
        _signal.signal(number, _signal.SIG_IGN)
    be_spared()
    try:
        Sentry(sys.argv[2], sys.argv[3]).watch()
    except (OSError, ValueError):
        return 1
    return 0


if __name__ == "__main__":
    os._exit(main())
