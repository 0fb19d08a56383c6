"""The shim: one small process per turn that starts the agent and records how it ended.

It outlives the orchestrator, so it is a single file of the standard library only, run as a script
by `procs.launch` or in a fork by `procs.forks`, never in the orchestrator's own process. The other
modules of the room import it for its file names and its protocol number.

Rules: the lock comes in locked and never reaches the agent; the claim file is made before
anything else, so a folder is executed at most once; the agent does not run before the `started`
record is durable; every process of the agent's tree is gone before the `exit` record appears; a
failing call of the shim itself leaves a `shim-error` record or none, never an ordinary status.

It must not: parse output, copy bytes, decide anything, import what is slow to import. `signal`,
`json` and `ctypes` would each cost as much as the interpreter's own start, so their cores
(`_signal`, `_ctypes`) and plain formatting are used instead.
"""

from __future__ import annotations

# The plain C module: `signal` wraps it in enums, at 6 ms of import per turn.
import _signal  # type: ignore[import-not-found]
import errno
import os
import sys
import time

PROTOCOL, MINOR = 1, 1  # of another protocol nothing can be read; a higher minor only adds fields
LOCK, SPEC, STDIN = "lock", "spec.json", "stdin"
CLAIM, STARTED, EXIT, ERROR = "claim", "started", "exit", "shim-error"
OUT, ERR = "out", "err"
FAULT_VARIABLE = "GANGSAW_SHIM_FAULT"

RECORD_BYTES = 1024
SPEC_BYTES_MAX = 64 << 20
SWEEP_MAX_S = 30.0
SWEEP_PAUSE_S = 0.05
OOM_SCORE_RAISE = 500
_SET_CHILD_SUBREAPER = 36
_RELEASE = b"g"
_AGENT_STEPS = ("chdir", "exec")
_FORKED_NOT_EXECUTED = 0x40  # PF_FORKNOEXEC of the kernel
_WAITED = (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGUSR1, _signal.SIGALRM)


class Turn:
    """What the shim knows of the one launch it carries out. `step` is what it is doing now."""

    __slots__ = (
        "agent",
        "containment",
        "cpu_s",
        "error_fd",
        "executed",
        "folder_fd",
        "rss_max_kb",
        "status",
        "step",
        "stop_asked",
        "swept",
    )

    def __init__(self, folder_fd: int) -> None:
        self.folder_fd = folder_fd
        self.step = "claim"
        self.agent = 0
        self.error_fd = -1
        self.containment = "group"
        self.status: int | None = None
        self.executed = False
        self.cpu_s = 0.0
        self.rss_max_kb = 0
        self.swept: set[int] = set()
        self.stop_asked = False

    def at(self, step: str) -> None:
        """Name the step that begins now; a test may have asked for a fault here."""
        self.step = step
        wanted = os.environ.get(FAULT_VARIABLE)
        if not wanted:
            return
        what, _, where = wanted.partition("@")
        if where != step:
            return
        if what == "kill":
            os.kill(os.getpid(), _signal.SIGKILL)
        elif what == "stop":
            os.kill(os.getpid(), _signal.SIGSTOP)
        else:
            raise OSError(getattr(errno, what), "fault asked for by a test")


class Spec:
    """What to run, as the launcher handed it over: fields separated by NUL, which no argument and
    no variable can hold."""

    __slots__ = ("argv", "containment", "cwd", "env", "grace_s", "has_stdin", "mark")

    def __init__(self, text: bytes) -> None:
        protocol, level, grace_s, has_stdin, mark, cwd, count, *rest = text.split(b"\0")
        if protocol != b"%d.%d" % (PROTOCOL, MINOR):
            raise ValueError("launcher and shim speak different protocols")
        self.containment = level.decode("ascii")
        self.grace_s = float(grace_s)
        self.has_stdin = has_stdin == b"1"
        self.mark = mark.decode("ascii")
        self.cwd = cwd
        self.argv = rest[: int(count)]
        pairs = (entry.partition(b"=") for entry in rest[int(count) :])
        self.env = {name: value for name, _, value in pairs}


def read_spec(fd: int) -> Spec:
    """The spec from an open file, which is complete before the shim is spawned."""
    parts: list[bytes] = []
    for _ in range(SPEC_BYTES_MAX >> 16):
        part = os.read(fd, 1 << 16)
        if not part:
            return Spec(b"".join(parts))
        parts.append(part)
    raise OSError(errno.E2BIG, "spec too large")


# --- records ------------------------------------------------------------------------------------


def to_json(fields: dict[str, object]) -> bytes:
    """One line of JSON. Text is reduced to characters that need no escape."""
    parts = []
    for name, value in fields.items():
        if value is None:
            text = "null"
        elif isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, int | float):
            text = repr(value)
        else:
            text = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in str(value))
            text = f'"{text}"'
        parts.append(f'"{name}": {text}')
    return ("{" + ", ".join(parts) + "}\n").encode("ascii")


def write_all(fd: int, content: bytes) -> None:
    """Write everything or raise; a short write without an error would leave a torn record."""
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def publish(turn: Turn, name: str, content: bytes) -> None:
    """Make the record `name` appear whole and durable, from its `.new` file."""
    fd = os.open(name + ".new", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(name + ".new", name)
    os.fsync(turn.folder_fd)


def preallocate_exit(turn: Turn) -> None:
    """Give the exit record its blocks now, so that a full disk cannot lose it later."""
    turn.at("preallocate")
    fd = os.open(EXIT + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, b"#" * (RECORD_BYTES - 1) + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)


def record_error(turn: Turn, error: BaseException) -> None:
    """Leave a `shim-error` record, best effort: the disk may be what failed."""
    number = error.errno if isinstance(error, OSError) else None
    name = errno.errorcode.get(number or 0, type(error).__name__)
    fields: dict[str, object] = {"step": turn.step, "error": name, "text": str(error)[:400]}
    try:
        publish(turn, ERROR, to_json(fields))
    except OSError:
        return


# --- processes ----------------------------------------------------------------------------------


def stat_fields(pid: int | str) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on (ppid 1, pgrp 2, start ticks 19), or `None`."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    return text[text.rfind(b")") + 2 :].decode("ascii", "replace").split()


def start_ticks(pid: int) -> int:
    """Start time of a process in clock ticks since boot; 0 where the system does not tell."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields else 0


def ticks_on_record(pid: int) -> int:
    """The same of a process that is certainly there. Raises where only this reading failed: a
    record without the start would match any process that takes over the number."""
    ticks = start_ticks(pid)
    if ticks == 0 and os.path.exists("/proc/self/stat"):
        raise OSError(errno.EIO, "the start of a process cannot be read")
    return ticks


def boot_id() -> str:
    """Identity of this boot of the machine; empty where the system has none. Raises `OSError`
    where it cannot be read: "unknown" would look like another boot."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def processes() -> dict[int, list[str]]:
    """pid -> stat fields of every process that can be read; empty without /proc."""
    found = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    for name in names:
        if name.isdigit():
            fields = stat_fields(name)
            if fields:
                found[int(name)] = fields
    return found


def descendants(table: dict[int, list[str]]) -> list[int]:
    """Live processes below the shim, nearest first."""
    children: dict[int, list[int]] = {}
    for pid, fields in table.items():
        children.setdefault(int(fields[1]), []).append(pid)
    found = list(children.get(os.getpid(), ()))
    for pid in found:  # grows while it is walked; every pid is in the table once
        found.extend(children.get(pid, ()))
    return [pid for pid in found if table[pid][0] not in "ZX"]


def signal_exactly(pid: int, fields: list[str], number: int) -> None:
    """Signal a process that may end at any time, but never one that took over its number."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        now = stat_fields(pid)
        if now and now[19] == fields[19]:
            _signal.pidfd_send_signal(fd, number)
    except OSError:
        return
    finally:
        os.close(fd)


def signal_child(pid: int, number: int) -> None:
    """Signal a child that is not reaped yet. One that changed its user cannot be reached; then
    the sweep runs into its limit and says so."""
    try:
        os.kill(pid, number)
    except PermissionError:
        return


def signal_group(turn: Turn, number: int) -> None:
    """Signal the agent's group. It exists at least until the agent is reaped."""
    try:
        os.killpg(turn.agent, number)
    except OSError:  # it has not made its session yet, or nobody of it may be signalled
        signal_child(turn.agent, number)


def ask_tree_to_end(turn: Turn) -> None:
    """TERM to the agent's group and to every other descendant."""
    signal_group(turn, _signal.SIGTERM)
    table = processes()
    for pid in descendants(table):
        if int(table[pid][2]) != turn.agent:
            signal_exactly(pid, table[pid], _signal.SIGTERM)


def kill_children(turn: Turn, *, count: bool) -> None:
    """KILL every direct child. Only the shim reaps them, so their numbers cannot be reused;
    what is below them becomes a direct child when they are dead."""
    if turn.containment == "group":
        signal_group_at_end(turn)
    me = str(os.getpid())
    for pid, fields in processes().items():
        if fields[1] == me and fields[0] not in "ZX":
            signal_child(pid, _signal.SIGKILL)
            if count:
                turn.swept.add(pid)
    if turn.status is None:
        signal_child(turn.agent, _signal.SIGKILL)


def signal_group_at_end(turn: Turn) -> None:
    """Without a subreaper the group is all that can be reached."""
    try:
        os.killpg(turn.agent, _signal.SIGKILL)
    except OSError:
        return


def reap(turn: Turn) -> bool:
    """Collect every child that has ended. False when there is no child at all."""
    while True:
        try:
            child = next_ended(turn)
            if child is None:
                return True
            pid, status, usage = os.wait4(child, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        turn.cpu_s += usage.ru_utime + usage.ru_stime
        unit = 1024 if sys.platform == "darwin" else 1
        turn.rss_max_kb = max(turn.rss_max_kb, usage.ru_maxrss // unit)
        if pid == turn.agent:
            turn.status = status


def next_ended(turn: Turn) -> int | None:
    """The child to reap now (-1: any), `None` if none has ended. Of the agent's process it is seen
    before whether it ever became the agent, which the system knows until it is reaped; elsewhere
    than on Linux only its own report can tell."""
    if not sys.platform.startswith("linux"):
        turn.executed = True
        return -1
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None or ended.si_pid != turn.agent:
        return ended.si_pid if ended else None
    fields = stat_fields(turn.agent)
    if fields is None:
        raise OSError(errno.EIO, "the agent's end cannot be read")
    turn.executed = not int(fields[6]) & _FORKED_NOT_EXECUTED
    return turn.agent


def become_subreaper() -> bool:
    """Whether orphans of the tree will become children of the shim."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        import _ctypes

        library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
        prctl = _ctypes.dlsym(library, "prctl")
        return bool(_ctypes.call_function(prctl, (_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) == 0)
    except (ImportError, AttributeError, OSError):
        return False


# --- the life of a turn -------------------------------------------------------------------------


def claim() -> bool:
    """Whether this folder is ours to execute; false when anybody ever began to."""
    try:
        fd = os.open(CLAIM, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    os.close(fd)
    return True


def take_over(turn: Turn, spec: Spec) -> None:
    """Own session, default child signal, subreaper. All other signals stay blocked for good."""
    turn.at("session")
    # A handler rather than the default: an ignored signal may be dropped though it is blocked.
    _signal.signal(_signal.SIGCHLD, lambda number, frame: None)
    if os.getsid(0) != os.getpid():
        os.setsid()
    if become_subreaper():
        turn.containment = "subreaper"
    if turn.containment != spec.containment:
        # The launcher could have it: something failed, and processes would escape the sweep.
        raise OSError(errno.ENOSYS, "no subreaper")


def fork_agent(turn: Turn, spec: Spec) -> int:
    """Fork the process that will become the agent; returns the descriptor that releases it."""
    turn.at("files")
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    stdin = os.open(STDIN if spec.has_stdin else os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    files = (stdin, os.open(OUT, append, 0o600), os.open(ERR, append, 0o600))
    gate_fd, release_fd = os.pipe()
    turn.error_fd, report_fd = os.pipe()
    os.set_blocking(turn.error_fd, False)
    turn.at("fork")
    turn.agent = os.fork()
    if turn.agent == 0:
        os.close(release_fd)
        run_agent(turn, spec, files, gate_fd, report_fd)
    for fd in (*files, gate_fd, report_fd):
        os.close(fd)
    return release_fd


def run_agent(
    turn: Turn, spec: Spec, files: tuple[int, int, int], gate_fd: int, report_fd: int
) -> None:
    """In the child: wait for the release, then become the agent. Never returns. A failing step
    is reported through the pipe, because an exit code could be the agent's own."""
    step = "child-session"
    try:
        turn.at(step)
        os.setsid()
        step = "gate"
        if os.read(gate_fd, 1) != _RELEASE:
            os._exit(0)  # the shim died before the start was on record
        raise_oom_score()
        step = "descriptors"
        turn.at(step)
        for target, fd in enumerate(files):
            os.dup2(fd, target)
        for number in _signal.valid_signals() - {_signal.SIGKILL, _signal.SIGSTOP}:
            _signal.signal(number, _signal.SIG_DFL)
        step = "chdir"
        os.chdir(spec.cwd)
        step = "exec"
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        execute(spec)
    except BaseException as error:
        number = error.errno if isinstance(error, OSError) else None
        os.write(report_fd, f"{step} {number or 0}".encode("ascii"))
    finally:
        os._exit(125)


def raise_oom_score() -> None:
    """Make the agent a likelier victim than the orchestrator; best effort."""
    try:
        with open("/proc/self/oom_score_adj", "r+") as file:
            score = min(1000, int(file.read()) + OOM_SCORE_RAISE)
            file.seek(0)
            file.write(str(score))
    except OSError:
        return


def execute(spec: Spec) -> None:
    """Become the program, looked up in the agent's own PATH. Raises what the lookup means."""
    program = spec.argv[0]
    if b"/" in program:
        os.execve(program, spec.argv, spec.env)
    worst: OSError = FileNotFoundError(errno.ENOENT, "not found")
    for folder in spec.env.get(b"PATH", os.defpath.encode("ascii")).split(b":"):
        try:
            os.execve((folder or b".") + b"/" + program, spec.argv, spec.env)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:  # all else is about this very program: no other will do
            worst = error
    raise worst


def record_started(turn: Turn, spec: Spec) -> None:
    """Make durable who runs, before it runs."""
    turn.at("started")
    fields: dict[str, object] = {
        "protocol": PROTOCOL,
        "minor": MINOR,
        "mark": spec.mark,
        "shim_pid": (me := os.getpid()),
        "shim_ticks": ticks_on_record(me),
        "agent_pid": turn.agent,
        "agent_ticks": ticks_on_record(turn.agent),
        "boot_id": boot_id(),
        "containment": turn.containment,
        "at": time.time(),
    }
    publish(turn, STARTED, to_json(fields))


def wait_for_agent(turn: Turn, spec: Spec) -> None:
    """Until the agent has ended. TERM begins the stop ladder, once; USR1, or the end of the
    grace, kills at once."""
    turn.at("wait")
    while True:
        reap(turn)
        if turn.status is not None:
            _signal.setitimer(_signal.ITIMER_REAL, 0)
            return
        number = _signal.sigwait(_WAITED)
        if number == _signal.SIGCHLD:
            continue
        if number == _signal.SIGTERM and turn.stop_asked:
            continue  # a second request neither extends nor repeats the first
        turn.stop_asked = True
        if number == _signal.SIGTERM and spec.grace_s > 0:
            _signal.setitimer(_signal.ITIMER_REAL, max(spec.grace_s, 0.001))
            ask_tree_to_end(turn)
        else:
            kill_children(turn, count=False)


def sweep(turn: Turn) -> None:
    """KILL and reap what the agent left behind, until no child is left."""
    turn.at("sweep")
    if turn.containment == "group":
        signal_group_at_end(turn)
    deadline = time.monotonic() + SWEEP_MAX_S
    while time.monotonic() < deadline:
        if not reap(turn):
            return
        kill_children(turn, count=True)
        _signal.setitimer(_signal.ITIMER_REAL, SWEEP_PAUSE_S)
        _signal.sigwait((_signal.SIGCHLD, _signal.SIGALRM))
        _signal.setitimer(_signal.ITIMER_REAL, 0)
    raise OSError(errno.EBUSY, "processes of the agent do not end")


def record_exit(turn: Turn) -> None:
    """Write the exit record into its preallocated file and make it appear."""
    turn.at("report")
    report = os.read(turn.error_fd, 100).decode("ascii")  # nobody writes any more: never blocks
    step, _, number = report.partition(" ")
    if step and step not in _AGENT_STEPS:
        turn.step = step
        raise OSError(int(number), "the process could not be prepared")
    if not step and not turn.executed:
        raise OSError(errno.ECHILD, "the process ended before it became the agent")
    turn.at("exit")
    fields: dict[str, object] = {
        "protocol": PROTOCOL,
        "minor": MINOR,
        "status": None if step else turn.status,
        "exec_error": errno.errorcode.get(int(number), "EUNKNOWN") if step else None,
        "exec_step": step or None,
        "cpu_s": round(turn.cpu_s, 6),
        "rss_max_kb": turn.rss_max_kb,
        "swept": len(turn.swept),
        "stop_asked": turn.stop_asked,
        "containment": turn.containment,
        "at": time.time(),
    }
    publish(turn, EXIT, to_json(fields).rstrip(b"\n").ljust(RECORD_BYTES - 1) + b"\n")
    turn.at("recorded")


def carry_out(turn: Turn) -> None:
    """The whole turn, after the claim."""
    os.fsync(turn.folder_fd)
    turn.at("claimed")
    spec = read_spec(0)
    preallocate_exit(turn)
    take_over(turn, spec)
    release_fd = fork_agent(turn, spec)
    record_started(turn, spec)
    turn.at("release")
    os.write(release_fd, _RELEASE)
    os.close(release_fd)
    wait_for_agent(turn, spec)
    turn.at("ended")
    sweep(turn)
    record_exit(turn)


def main() -> int:
    """Carry out the turn in the current folder; argument 1 is the locked descriptor."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, _signal.valid_signals())
    os.set_inheritable(int(sys.argv[1]), False)
    turn = Turn(os.open(".", os.O_RDONLY | os.O_CLOEXEC))
    turn.at("claim")
    if not claim():
        return 0
    try:
        carry_out(turn)
    except BaseException as error:  # the border of this process: all trouble becomes a record
        abandon(turn)
        record_error(turn, error)
        return 1
    return 0


def abandon(turn: Turn) -> None:
    """Leave no process behind when the shim itself cannot go on."""
    if turn.agent == 0:
        return
    step = turn.step
    try:
        kill_children(turn, count=False)
        sweep(turn)
    except OSError:
        turn.step = step
        return
    turn.step = step


if __name__ == "__main__":
    os._exit(main())  # skips the interpreter's shutdown; nothing of it is needed
