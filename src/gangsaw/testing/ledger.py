"""What agents themselves wrote about their lives, and what must hold of it.

Each line is written by one `echo` onto a file opened for append, so the order of the lines is an
order in which things happened: `WORD TASK ATTEMPT TURN PID [CODE]`, with the words `start`, `beat`,
`stop` (of agents) and `check`, `checked` (of checks, whose TASK is anything). The validators answer
with complaints, an empty list when all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WHO = "$GANGSAW_TASK $GANGSAW_ATTEMPT $GANGSAW_TURN"
START = f'echo "start {WHO} $$" >> "$LEDGER"'
STOP = f'echo "stop {WHO} $$ 0" >> "$LEDGER"'
FAIL = f'{{ echo "stop {WHO} $$ 3" >> "$LEDGER"; exit 3; }}'
DAEMON = (
    f'setsid sh -c \'i=0; while [ $i -lt 600 ]; do echo "beat {WHO} $$" >> "$LEDGER"; '
    "i=$((i+1)); sleep 0.1; done' </dev/null >/dev/null 2>&1 &"
)
"""A process in a session of its own, which writes a beat every 0.1 s for a minute."""

AGENT_WORDS = frozenset({"start", "beat", "stop"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ledger; `code` is the exit code announced by a `stop`, else `None`."""

    word: str
    task: str
    attempt: str
    turn: int
    pid: int
    code: int | None = None

    @property
    def life(self) -> tuple[str, int]:
        """Which turn of which attempt."""
        return self.attempt, self.turn


def read_ledger(path: Path) -> list[Line]:
    """The lines of agents, in the order in which they were written; none if there is no file."""
    if not path.exists():
        return []
    words = [line.split() for line in path.read_text().splitlines()]
    return [_line(found) for found in words if found and found[0] in AGENT_WORDS]


def _line(words: Sequence[str]) -> Line:
    word, task, attempt, turn, pid, *code = words
    return Line(word, task, attempt, int(turn), int(pid), int(code[0]) if code else None)


def doubled(lines: Iterable[Line]) -> list[str]:
    """Turns that were executed more than once, or ended under another pid than they began."""
    pids: dict[tuple[str, int], int] = {}
    found: list[str] = []
    for line in lines:
        if line.word == "start" and line.life in pids:
            found.append(f"{line.attempt} turn {line.turn} ran twice: {pids[line.life]} {line.pid}")
        elif line.word == "start":
            pids[line.life] = line.pid
        elif line.word == "stop" and pids.get(line.life) != line.pid:
            found.append(f"{line.attempt} turn {line.turn} ended as {line.pid}, unknown")
    return found


def overlaps(lines: Iterable[Line]) -> list[str]:
    """Signs of life of a turn of a task after a later turn of the same task had begun."""
    current: dict[str, tuple[str, int]] = {}
    found: list[str] = []
    for line in lines:
        if line.word == "start":
            current[line.task] = line.life
        elif current.get(line.task) != line.life:
            found.append(f"{line.life} wrote {line.word} while {current.get(line.task)} was alive")
    return found


def out_of_order(lines: Iterable[Line], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Tasks that began before every task they need had an agent that ended."""
    ended: set[str] = set()
    found: list[str] = []
    for line in lines:
        if line.word == "stop":
            ended.add(line.task)
        elif line.word == "start" and (missing := set(needs[line.task]) - ended):
            found.append(f"{line.task} began before {', '.join(sorted(missing))}")
    return found


def most_alive(lines: Iterable[Line]) -> int:
    """The most agents that were alive at once. Only where every agent that starts also stops."""
    alive = most = 0
    for line in lines:
        alive += {"start": 1, "stop": -1}.get(line.word, 0)
        most = max(most, alive)
    return most


def open_lives(lines: Iterable[Line]) -> dict[tuple[str, int], int]:
    """The turns that have begun and not said that they ended, with their pids."""
    found: dict[tuple[str, int], int] = {}
    for line in lines:
        if line.word == "start":
            found[line.life] = line.pid
        elif line.word == "stop":
            found.pop(line.life, None)
    return found
