"""Whom the watchdog ends: the present turns of a run by their records, the processes of each, and
the largest of them.

A part of the watchdog's own process (`sentry`): a script of the standard library that imports
almost nothing, and no module of the package but by its place.
"""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False  # the name is enough for who checks; the module would be a megabyte
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
if TYPE_CHECKING or __package__:
    from gangsaw.procs import levels, shim
else:
    levels, shim = map(__import__, ("levels", "shim"))

EXACT_MAX_S = 0.5
"""The exact size of a tree is not waited for longer: its memory may be locked by who is stuck."""
CANDIDATES_MAX = 8

Table = dict[int, list[str]]


class Turn:
    """The present turn of an attempt, by its record."""

    __slots__ = ("agent", "attempt", "folder", "mark", "rss_kb", "shim", "tree")

    def __init__(self, attempt: str, folder: str, record: str) -> None:
        self.attempt = attempt
        self.folder = folder
        self.mark = text_of(record, "mark")
        self.shim = (count_of(record, "shim_pid"), str(count_of(record, "shim_ticks")))
        self.agent = (count_of(record, "agent_pid"), str(count_of(record, "agent_ticks")))
        self.tree: list[int] = []
        self.rss_kb = 0


def text_of(record: str, name: str) -> str:
    """A text in a record of the shim, which has no escapes; `ValueError` without it."""
    before, _, rest = record.partition(f'"{name}": "')
    if not rest or before == record:
        raise ValueError(name)
    return rest.partition('"')[0]


def count_of(record: str, name: str) -> int:
    """Likewise a number."""
    _, _, rest = record.partition(f'"{name}": ')
    return int(rest.partition(",")[0].partition("}")[0])


def live_turns(folder: str, table: Table) -> list[Turn]:
    """The turns of the run in which something recorded is alive: shim or agent."""
    try:
        attempts = os.listdir(folder)
    except OSError:
        return []
    found = []
    for attempt in attempts:
        turn = last_turn(f"{folder}/{attempt}", attempt)
        if turn is not None and (is_it(table, turn.shim) or is_it(table, turn.agent)):
            found.append(turn)
    return found


def last_turn(folder: str, attempt: str) -> Turn | None:
    """The newest turn of an attempt, if it has begun and not ended, and was begun in this boot."""
    try:
        numbers = [int(name[5:]) for name in os.listdir(folder) if is_turn(name)]
    except OSError:
        return None
    if not numbers:
        return None
    path = f"{folder}/turn-{max(numbers)}"
    record = levels.read(f"{path}/{shim.STARTED}")
    if not record or os.path.lexists(f"{path}/{shim.EXIT}"):
        return None
    try:
        same = count_of(record, "protocol") == shim.PROTOCOL
        same = same and text_of(record, "boot_id") in ("", shim.boot_id())
        return Turn(attempt, path, record) if same else None
    except ValueError:
        return None


def is_turn(name: str) -> bool:
    """Whether a folder is one of a turn."""
    return name.startswith("turn-") and name[5:].isdigit()


def is_it(table: Table, identity: tuple[int, str]) -> bool:
    """Whether this very process is in the table, alive."""
    fields = table.get(identity[0])
    return fields is not None and fields[0] not in "ZX" and identity[1] in ("0", fields[19])


def measure(turns: list[Turn], table: Table) -> None:
    """The processes of each turn, without its shim, and what they use."""
    children: dict[int, list[int]] = {}
    for pid, fields in table.items():
        children.setdefault(int(fields[1]), []).append(pid)
    page_kb = os.sysconf("SC_PAGE_SIZE") >> 10
    for turn in turns:
        roots = [one[0] for one in (turn.shim, turn.agent) if is_it(table, one)]
        turn.tree = below(children, roots, turn.shim[0])
        turn.rss_kb = page_kb * sum(int(table[pid][21]) for pid in turn.tree)


def below(children: dict[int, list[int]], roots: Iterable[int], but: int) -> list[int]:
    """The roots and all that descends from them, each once, without that one."""
    found, seen = [], set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in seen:
            seen.add(pid)
            waiting += children.get(pid, ())
            if pid != but:
                found.append(pid)
    return found


def largest(
    turns: list[Turn], least_kb: float, weigh: Callable[[list[int]], int | None] | None = None
) -> tuple[Turn, int] | None:
    """The turn that uses most, and how much (kB); `None` if nobody uses `least_kb`.

    What processes share counts for each of them in the quick figure, so the exact one is asked for
    as long as it may change the answer. `weigh` gives it, or `None`.
    """
    ranked = sorted(turns, key=lambda turn: -turn.rss_kb)[:CANDIDATES_MAX]
    ranked = [turn for turn in ranked if turn.rss_kb > 0 and turn.rss_kb >= least_kb]
    best: tuple[Turn, int] | None = None
    for turn in ranked:
        if best is not None and turn.rss_kb <= best[1]:
            break
        exact = weigh(turn.tree) if weigh is not None and len(ranked) > 1 else None
        size = turn.rss_kb if exact is None else exact
        if best is None or size > best[1]:
            best = (turn, size)
    return best if best is not None and best[1] >= least_kb else None


class Scales:
    """The exact size of trees, which is read in a thread of its own: whoever is stuck in the
    kernel may keep a reader waiting. After one that did not come back nobody is weighed."""

    __slots__ = ("_answer", "_done", "_stuck")

    def __init__(self) -> None:
        self._done = _thread.allocate_lock()
        self._answer = 0
        self._stuck = False

    def weigh(self, pids: list[int]) -> int | None:
        """Proportional size in kB; `None` if it cannot be told in time."""
        if self._stuck:
            return None
        self._done.acquire()
        try:
            _thread.start_new_thread(self._read, (pids,))
        except RuntimeError:
            self._done.release()
            return None
        self._stuck = not self._done.acquire(timeout=EXACT_MAX_S)
        if self._stuck:
            return None
        self._done.release()
        return self._answer

    def _read(self, pids: list[int]) -> None:
        total = 0
        for pid in pids:
            total += levels.number_after(levels.read(f"/proc/{pid}/smaps_rollup"), "Pss:")
        self._answer = total
        self._done.release()


def lineage(table: Table) -> set[int]:
    """We and our ancestors, who are never signalled."""
    pid, found = os.getpid(), {0, 1}
    while pid not in found:
        found.add(pid)
        pid = int(table[pid][1]) if pid in table else 0
    return found
