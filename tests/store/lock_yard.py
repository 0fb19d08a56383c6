"""Lets forked contenders go for the writer's lock all at once; run by the tests.

Arguments: the lock's path, rounds, contenders. In each round exactly one must hold it and go on
holding it while the others are told who that is; then the holder is killed. Prints how many
losers were told the holder's pid.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

from gangsaw.store.lock import Held, WriterLock


def contend(path: Path, start_r: int, word_w: int) -> None:
    """Wait for the start, try, say what came of it in one line, and stay."""
    try:
        os.read(start_r, 1)
        found = WriterLock.acquire(path)
        told = "held" if isinstance(found, Held) else f"by {found.pid}"
        os.write(word_w, f"{os.getpid()} {told}\n".encode())
        signal.pause()
    except BaseException:
        traceback.print_exc()
    os._exit(3)


def one_round(path: Path, contenders: int) -> int:
    """How many of the losers know the holder's pid."""
    start_r, start_w = os.pipe()
    word_r, word_w = os.pipe()
    pids = set[int]()
    for _ in range(contenders):
        pid = os.fork()
        if pid == 0:
            os.close(start_w)
            contend(path, start_r, word_w)
        pids.add(pid)
    for fd in (start_r, word_w, start_w):  # the start: nothing to read any more
        os.close(fd)
    with os.fdopen(word_r) as words:
        said = dict(next(words).strip().split(" ", 1) for _ in range(contenders))
    holders = [pid for pid, told in said.items() if told == "held"]
    assert len(holders) == 1, said
    informed = sum(told == f"by {holders[0]}" for told in said.values())
    unsure = sum(told == "by None" for told in said.values())  # it had not yet said who it is
    assert informed + unsure == contenders - 1, said
    assert os.waitpid(-1, os.WNOHANG) == (0, 0), "somebody has ended"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return informed


def main(path: str, rounds: str, contenders: str) -> None:
    print(sum(one_round(Path(path), int(contenders)) for _ in range(int(rounds))))


if __name__ == "__main__":
    main(*sys.argv[1:])
