"""What a scripted agent does to a machine: it eats memory, or it forks without end.

    eat [WHERE] MIB RATE HOLD     grows to MIB MiB, RATE MiB a second (0: at once), every page
                                  written; keeps them for HOLD seconds, or `until PATH`
    fork-bomb [WHERE] COUNT SECONDS
                                  forks until COUNT processes live, and again for each that is
                                  ended, until the time is over

WHERE is `here` (the agent itself, where nothing is said), `child` (a child that the agent waits
for), `session` (likewise, in a session of its own) or `daemon` (forked twice, in a session of its
own; the agent goes on as soon as it is there).

It can do no harm: nothing lasts longer than `LIFE_MAX_S`, whoever dies meanwhile; eating ends where
the machine has less than `SPARE_MIB` left; there are never more than `COUNT_MAX` forks alive, nor
more than `FORKS_PER_PLACE` times that in all; and the kernel, should it have to choose, is told to
choose these processes. Standard library only; Linux, and elsewhere without the last two of the
four.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PLACES = ("here", "child", "session", "daemon")
MIB = 1 << 20
EAT_MAX_MIB = 8192
SPARE_MIB = 256
LIFE_MAX_S = 180.0
"""Also in processes that nobody ends: an alarm of their own does it then."""
COUNT_MAX = 200
FORKS_PER_PLACE = 10
POLL_S = 0.02
REFORK_S = 0.05
START_MAX_S = 30.0

_PIECE_MIB = 4
_PIECE = b"\x5a" * (_PIECE_MIB * MIB)

Say = Callable[[str], None]


class LoadFailed(Exception):
    """A step could not be carried out; the text says why."""


@dataclass(frozen=True)
class Eating:
    """How much memory, how fast, and until when: for `hold_s`, or until `until` is there. It stops
    where the machine has less than `spare_mib`."""

    where: str
    mib: int
    mib_per_s: float
    hold_s: float
    until: str = ""
    spare_mib: float = SPARE_MIB


@dataclass(frozen=True)
class Bomb:
    """How many processes at a time, and for how long."""

    where: str
    count: int
    seconds: float


def eating_from(words: tuple[str, ...]) -> Eating:
    """What the words of the step say; `ValueError` for what cannot be meant."""
    where, words = _place(words)
    until = ""
    if len(words) == 4 and words[2] == "until":
        until, words = words[3], (*words[:2], str(LIFE_MAX_S))
    if len(words) != 3:
        raise ValueError("needs [WHERE] MIB RATE SECONDS, or … until PATH")
    mib, rate, hold_s = int(words[0]), float(words[1]), float(words[2])
    if not 0 < mib <= EAT_MAX_MIB:
        raise ValueError(f"eats from 1 to {EAT_MAX_MIB} MiB")
    if not 0 <= rate <= EAT_MAX_MIB * 1000:
        raise ValueError("needs a rate from 0 up")
    if not 0 <= hold_s <= LIFE_MAX_S:
        raise ValueError(f"holds for {LIFE_MAX_S:.0f} s at most")
    return Eating(where, mib, rate, hold_s, until)


def bomb_from(words: tuple[str, ...]) -> Bomb:
    """What the words of the step say; `ValueError` for what cannot be meant."""
    where, words = _place(words)
    if len(words) != 2:
        raise ValueError("needs [WHERE] COUNT SECONDS")
    count, seconds = int(words[0]), float(words[1])
    if not 0 < count <= COUNT_MAX:
        raise ValueError(f"forks from 1 to {COUNT_MAX} processes")
    if not 0 <= seconds <= LIFE_MAX_S:
        raise ValueError(f"lasts {LIFE_MAX_S:.0f} s at most")
    return Bomb(where, count, seconds)


def _place(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    return (words[0], words[1:]) if words and words[0] in PLACES else ("here", words)


# --- memory ------------------------------------------------------------------------------------


def eat(eating: Eating, say: Say) -> None:
    """Do it; says `eating in PID` first and `ate N MiB` when it is full."""
    _in_place(eating.where, lambda ready: _eat(eating, ready), say, "eating in")


def _eat(eating: Eating, ready: Say) -> None:
    _prefer_as_victim()
    start = time.monotonic()
    deadline = start + LIFE_MAX_S
    kept: list[mmap.mmap] = []
    eaten = 0
    ready(str(os.getpid()))
    while eaten < eating.mib and time.monotonic() < deadline:
        spare = available_mib()
        if spare is not None and spare < eating.spare_mib:
            break
        piece = min(_PIECE_MIB, eating.mib - eaten)
        memory = mmap.mmap(-1, piece * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.write(_PIECE[: piece * MIB])
        kept.append(memory)
        eaten += piece
        if eating.mib_per_s > 0:
            time.sleep(max(0.0, start + eaten / eating.mib_per_s - time.monotonic()))
    ready(f"ate {eaten} MiB")
    deadline = min(deadline, time.monotonic() + eating.hold_s)
    while time.monotonic() < deadline and not (eating.until and Path(eating.until).exists()):
        time.sleep(POLL_S)
    for memory in kept:
        memory.close()


def available_mib() -> float | None:
    """What the machine has left, by its own word; `None` where it says nothing."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def _prefer_as_victim() -> None:
    """Should the kernel itself have to end somebody, it is to be us and nobody else."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


# --- forks -------------------------------------------------------------------------------------


def fork_bomb(bomb: Bomb, say: Say) -> None:
    """Do it; says `forking in PID` first."""
    _in_place(bomb.where, lambda ready: _bomb(bomb, ready), say, "forking in")


def _bomb(bomb: Bomb, ready: Say) -> None:
    _prefer_as_victim()
    deadline = time.monotonic() + bomb.seconds
    places, births = Tokens(bomb.count), Tokens(bomb.count * FORKS_PER_PLACE)
    ready(str(os.getpid()))
    children: set[int] = set()
    inside = False
    while (left_s := deadline - time.monotonic()) > 0:
        children -= _ended(children, places)
        if not (places.take() and births.take()):
            time.sleep(min(REFORK_S, left_s))
            continue
        child = os.fork()
        if child == 0:
            children, inside = set(), True
            _live_for(left_s)
        else:
            children.add(child)
    if inside:
        os._exit(0)
    for child in children:
        os.waitpid(child, 0)


class Tokens:
    """So many of them for a whole family of processes: a pipe with a byte for each. It has an end
    for ever: a token that is taken by one who dies is lost."""

    def __init__(self, count: int) -> None:
        self._taking, self._giving = os.pipe()
        os.set_blocking(self._taking, False)
        os.set_blocking(self._giving, False)
        os.write(self._giving, b"." * count)

    def take(self) -> bool:
        """Whether there was one."""
        try:
            return bool(os.read(self._taking, 1))
        except BlockingIOError:
            return False

    def give(self) -> None:
        """Put one back."""
        os.write(self._giving, b".")


def _ended(children: set[int], places: Tokens) -> set[int]:
    ended = set()
    for child in children:
        if os.waitpid(child, os.WNOHANG)[0] == child:
            places.give()
            ended.add(child)
    return ended


# --- where it is done --------------------------------------------------------------------------


def _in_place(where: str, work: Callable[[Say], None], say: Say, words: str) -> None:
    """Do the work there. Its first word is said with `words` before it, the others as they are."""
    spoken = 0

    def tell(text: str) -> None:
        nonlocal spoken
        spoken += 1
        say(f"{words} {text}" if spoken == 1 else text)

    if where == "here":
        work(tell)
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _apart(where, work, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as lines:
        if where == "daemon":
            os.waitpid(child, 0)  # only the first of two; what it forked lives on
            _first_line(lines.fileno(), tell)
            return
        for line in lines:
            tell(line.rstrip("\n"))
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise LoadFailed(f"{words.split()[0]} ended with {os.waitstatus_to_exitcode(status)}")


def _apart(where: str, work: Callable[[Say], None], writing: int) -> None:
    """In a forked process, which never returns."""
    status = 1
    try:
        if where in ("session", "daemon"):
            os.setsid()
        if where == "daemon" and os.fork() != 0:
            os._exit(0)
        _live_for(LIFE_MAX_S)
        work(lambda text: _write(writing, text))
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _write(writing: int, text: str) -> None:
    # Nobody listens to a daemon for long.
    with contextlib.suppress(BrokenPipeError):
        os.write(writing, f"{text}\n".encode("ascii"))


def _first_line(reading: int, tell: Say) -> None:
    """The first line, within a bound: a daemon may die before it says anything."""
    if select.select([reading], [], [], START_MAX_S)[0]:
        said = os.read(reading, 4096).decode("ascii").splitlines()
        if said:
            tell(said[0])
            return
    raise LoadFailed("the daemon never said that it is there")


def _live_for(seconds: float) -> None:
    """End this process then, whatever it does and whoever is gone by then. A fork has no alarm of
    its parent's."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds))
