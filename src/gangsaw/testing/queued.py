"""A real repository in which every change waits for its landing, and the queue is held.

Agents are shell scripts. They begin only when the queue is held, so that what is measured or killed
after its release is the queue alone, and every run of one plan has the same changes in it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gangsaw.core.state import State
from gangsaw.engine.loop import fold
from gangsaw.store.control import Control
from gangsaw.store.errors import NoJournal
from gangsaw.store.inbox import Request, ring, submit
from gangsaw.store.journal import open_journal
from gangsaw.testing.ledger import START, STOP
from gangsaw.testing.playground import Playground

QUEUED_MAX_S = 600.0
"""How long many agents may take on a busy machine."""

_GATE = "${LEDGER%/*}/gate"
_WAIT = f"n=0; until [ -e {_GATE} ] || [ $n -gt 20000 ]; do sleep 0.03; n=$((n+1)); done"

CHECK = """\
# Red wherever there is a bad file; it names the tests, and writes a report. With arguments only
# these tests are run, which takes no time.
if [ $# = 0 ]; then
  [ -z "$SPIN_S" ] || python3 -I spin.py "$SPIN_S"
  [ -z "$WAIT_S" ] || sleep "$WAIT_S"
fi
echo checking "$@"
found=0
printf '<testsuite name="all"><testcase name="Test_good"/>' > report.xml
for bad in bad-*; do
  [ -e "$bad" ] || continue
  case " ${*:-Test_$bad} " in *" Test_$bad "*) ;; *) continue ;; esac
  echo "--- FAIL: Test_$bad (0.0s)"
  printf '<testcase name="Test_%s"><failure/></testcase>' "$bad" >> report.xml
  found=1
done
printf '</testsuite>' >> report.xml
exit $found
"""
ONLY = "sh check.sh {tests}"
SPIN = """\
import os, sys, time
# Every processor is busy for so many seconds of its time.
for _ in range(os.cpu_count() - 1):
    if os.fork() == 0:
        break
while time.process_time() < float(sys.argv[1]):
    pass
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """So many changes: `good` ones that touch nothing of each other, `bad` ones that are red
    wherever they are, and `pairs` of good ones that do not merge with each other; the later of two
    is resolved in its agent's second turn."""

    good: int
    bad: int = 0
    pairs: int = 0

    @property
    def names(self) -> list[str]:
        """All tasks, in the order of the plan, the bad ones and the pairs among the others."""
        special = [f"bad{n}" for n in range(self.bad)]
        for n in range(self.pairs):
            special += [f"left{n}", f"right{n}"]
        plain = [f"good{n}" for n in range(self.good)]
        step = max(len(plain) // (len(special) + 1), 1)
        for at, name in enumerate(special):
            plain.insert(min(step + at * (step + 1), len(plain)), name)
        return plain

    @property
    def wanted(self) -> list[str]:
        """Those that must land."""
        return [name for name in self.names if not name.startswith("bad")]


def tasks_of(changes: Changes) -> list[dict[str, Any]]:
    """The tasks of a plan that makes these changes."""
    return [
        {"id": name, "title": f"Task {name}", "prompt": _script(name), "attempts": 1}
        for name in changes.names
    ]


def _script(name: str) -> str:
    if name.startswith("good"):
        body = f"echo {name} > {name}.txt"
    elif name.startswith("bad"):
        body = f"echo {name} > bad-{name.removeprefix('bad')}"
    else:
        number = name.removeprefix("left").removeprefix("right")
        both = f"printf 'left\\nright\\n' > pair{number}.txt"
        own = f"echo {name} > pair{number}.txt"
        body = f'if [ "$GANGSAW_TURN" = 1 ]; then {own}; else {both}; fi'
    save = f"git add -A; git commit -qm work-of-{name} || :"
    return "\n".join([START, _WAIT, body, save, STOP])


def make_ground(
    root: Path,
    changes: Changes,
    *,
    agents: int = 4,
    turns: int = 2,
    slots: int = 2,
    settings: str = "",
    only: str = ONLY,
) -> Playground:
    """A repository with a check that is needed by what is to land, and the plan; `slots` of them
    may run at a time; `only` runs some tests of it (empty: it has no such command)."""
    ground = Playground(root, max_agents=agents)
    ground.write("check.sh", CHECK)
    ground.write(".gitignore", "report.xml\n")
    ground.write("spin.py", SPIN)
    text = (ground.repo / "gangsaw.toml").read_text().replace("[run]", f"[run]\nturns = {turns}", 1)
    ground.write("gangsaw.toml", text)
    ground.git("add", "-A")
    ground.settings(
        f'[checks]\npass_env = ["SPIN_S", "WAIT_S"]\nslots = {slots}\n'
        '[[checks.run]]\nname = "unit"\nrun = "sh check.sh"\nwhen = "landing"\n'
        'junit = "report.xml"\n' + (f'only = "{only}"\n' if only else "") + settings
    )
    ground.plan(tasks_of(changes))
    return ground


def ask(ground: Playground, verb: str) -> None:
    """Put a request into the inbox of the run."""
    inbox = _control(ground).inbox
    submit(inbox, Request(f"{verb}-1", verb, {}, 1.0, "Ann"))
    ring(inbox)


def begin_held(ground: Playground, count: int) -> subprocess.Popen[bytes]:
    """An engine whose queue is held, and in it `count` changes that wait; nobody else works."""
    engine = ground.start("run", ground.root / "plan.json", "--plain")
    ground.wait_for(lambda: bool(state_of(ground).head), "the run's begin")
    ask(ground, "queue-pause")
    ground.wait_for(lambda: state_of(ground).queue_held, "the held queue")
    (ground.root / "gate").touch()

    def all_wait() -> bool:
        state = state_of(ground)
        return len(state.queue) + len(state.landings) == count

    ground.wait_for(all_wait, f"{count} changes in the queue", QUEUED_MAX_S)
    return engine


def state_of(ground: Playground, run: str = "r1") -> State:
    """The state by the log; empty before there is one."""
    try:
        with open_journal(_control(ground).journal, writer=False) as journal:
            return fold(journal, run)[0]
    except NoJournal:
        return State()


def rows_of(ground: Playground, kinds: Sequence[str] = (), run: str = "r1") -> list[Any]:
    """The rows of the log, of these kinds of events."""
    with open_journal(_control(ground).journal, writer=False) as journal:
        return [row for row in journal.read(run) if not kinds or row.kind in kinds]


def _control(ground: Playground) -> Control:
    return Control(ground.repo / ".git" / "gangsaw")
