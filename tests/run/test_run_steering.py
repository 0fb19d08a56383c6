"""Steering a run from outside with the real program: requests through the command line, signals,
and who must not be touched by any of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gangsaw.store import inbox
from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import open_journal
from gangsaw.store.lock import WriterLock
from gangsaw.testing.endstate import complaints, control_of, folded, leftovers
from gangsaw.testing.ledger import DAEMON, START, STOP, open_lives, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import is_dead, processes_of

GATE = (
    'i=0; until [ -e "$LEDGER.go.$GANGSAW_TASK" ] || [ $i -gt 4000 ]; '
    "do sleep 0.02; i=$((i+1)); done"
)
"""The agent works on until the test lets its task go."""
GRACE_S = 3
Figure = Callable[[str, object], None]


def gated(name: str, **fields: Any) -> dict[str, Any]:
    """A task whose agent ends when it is let go."""
    work = [START, GATE, f"echo {name} > {name}.txt", "git add -A",
            f"git commit -qm 'Work of {name}'", STOP]  # fmt: skip
    return {"id": name, "title": f"Task {name}", "prompt": "\n".join(work), **fields}


class Desk:
    """A playground, its detached engine, and the facts a test waits for."""

    def __init__(self, root: Path, tasks: list[dict[str, Any]], **options: Any) -> None:
        self.ground = Playground(root / "ground", **options)
        self.needs = {task["id"]: task.get("needs", []) for task in tasks}
        self.plan = self.ground.plan(tasks)

    def let_go(self, *tasks: str) -> None:
        for name in tasks:
            Path(f"{self.ground.ledger}.go.{name}").touch()

    def started(self) -> set[str]:
        """The attempts whose agents have begun."""
        return {line.attempt for line in read_ledger(self.ground.ledger) if line.word == "start"}

    def alive(self) -> dict[str, int]:
        """The attempts whose agents are alive, with their pids."""
        lives = open_lives(read_ledger(self.ground.ledger)).items()
        return {attempt: pid for (attempt, _), pid in lives if not is_dead(pid)}

    def wait_started(self, *attempts: str) -> None:
        self.ground.wait_for(lambda: set(attempts) <= self.started(), f"start of {attempts}")

    def wait_status(self, status: str, *tasks: str) -> None:
        self.ground.wait_for(
            lambda: {self.ground.statuses().get(name) for name in tasks} == {status},
            f"{', '.join(tasks)} {status}",
        )

    def wait_recorded(self, *attempts: str) -> None:
        """Until the log has the start of these attempts' agents."""

        def fact() -> bool:
            known = folded(self.ground).attempts
            return all(name in known and known[name].started for name in attempts)

        self.ground.wait_for(fact, f"recorded start of {attempts}")

    def engine_pid(self) -> int | None:
        holder = WriterLock.holder(control_of(self.ground).lock)
        return holder.pid if holder else None

    def wait_engine_ended(self) -> None:
        self.ground.wait_for(lambda: self.engine_pid() is None, "the end of the engine")

    def ask(self, *words: str, ok: bool = True) -> str:
        """Ask through the command line; what it prints."""
        done = self.ground.call(*words)
        assert (done.returncode == 0) == ok, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def count(self, kind: str) -> int:
        """Events of that kind in the log; none before an engine has made it."""
        found, journal = 0, control_of(self.ground).journal
        with suppress(NoJournal), open_journal(journal, writer=False) as opened:
            found = sum(row.kind == kind for row in opened.read("r1"))
        return found

    def finish(self) -> None:
        done = self.ground.call("run", "--plain")
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"


# --- a detached engine -----------------------------------------------------------------------


def test_a_detached_run_is_steered_by_commands(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [gated(name) for name in "abcdefg"], max_agents=2)
    said = desk.ask("run", str(desk.plan), "--detach")
    pid = desk.engine_pid()
    assert pid is not None
    assert str(pid) in said
    assert not is_dead(pid)

    second = desk.ground.call("run", desk.plan)
    assert second.returncode == 2
    assert f"pid {pid}" in second.stderr
    assert desk.ground.status()["engine_pid"] == pid

    desk.wait_started("a.1", "b.1")
    desk.ask("scale", "4")
    desk.wait_started("c.1", "d.1")
    desk.ask("scale", "1")
    desk.ask("pause")
    desk.let_go("a", "b", "c", "d")
    desk.wait_status("landed", *"abcd")
    assert desk.started() == {"a.1", "b.1", "c.1", "d.1"}, "an agent started during the pause"
    desk.ask("resume")
    desk.wait_started("e.1")
    assert "e.1" in desk.alive()
    assert len(desk.alive()) == 1, "more agents than the run was scaled to"

    desk.ask("cancel", "f")
    desk.wait_status("cancelled", "f")
    desk.ask("cancel", "e")
    desk.wait_status("cancelled", "e")
    desk.ground.wait_for(lambda: "e.1" not in desk.alive(), "the end of the cancelled agent")
    desk.wait_started("g.1")
    assert desk.started().isdisjoint({"f.1"}), "a cancelled task was started"
    desk.ask("cancel", "nobody", ok=False)
    desk.ask("retry", "a", ok=False)

    desk.ask("retry", "e")
    desk.ask("scale", "2")
    desk.wait_started("e.2")
    desk.ask("stop")
    assert desk.engine_pid() is None
    assert desk.alive() == {}
    assert leftovers(desk.ground) == []

    desk.ask("retry", "f")  # nobody is there: for the next run
    desk.let_go("e", "f", "g")
    desk.finish()
    assert complaints(desk.ground, desk.needs) == []


def test_a_run_ends_by_itself_in_the_background(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [gated("a"), gated("b", needs=["a"])])
    desk.ask("run", str(desk.plan), "--detach")
    desk.let_go("a", "b")
    desk.wait_engine_ended()
    assert desk.ground.statuses() == {"a": "landed", "b": "landed"}
    assert complaints(desk.ground, desk.needs) == []


def test_a_request_sent_twice_is_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [gated("a")])
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_started("a.1")
    for _ in range(2):
        desk.ask("scale", "3", "--key", "my-own-key")
    folder = control_of(desk.ground).inbox
    for at in (time.time(), time.time() + 1):
        args = {"task": "", "text": "", "number": 7}
        inbox.submit(folder, inbox.Request("another-key", "scale", args, at, "a test"))
        inbox.ring(folder)
        desk.ground.wait_for(
            lambda: not any(isinstance(r, inbox.Request) for r in inbox.pending(folder)),
            "the request taken",
        )
    assert desk.count("run.scaled") == 2
    assert folded(desk.ground).limits.max_agents == 7
    desk.let_go("a")
    desk.wait_engine_ended()
    assert complaints(desk.ground, desk.needs) == []


def test_requests_wait_for_the_next_run(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [gated("a"), gated("b"), gated("c")], max_agents=1)
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_recorded("a.1")
    pid = desk.engine_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    desk.wait_engine_ended()
    for _ in range(2):
        desk.ask("cancel", "b", "--key", "cancel-b")
    desk.ask("cancel", "a")
    assert "a.1" in desk.alive(), "nobody is there to stop it yet"
    desk.let_go("c")
    done = desk.ground.call("run", "--json")
    found = json.loads(done.stdout.splitlines()[-1])
    assert {t["id"]: t["status"] for t in found["tasks"]} == {
        "a": "cancelled", "b": "cancelled", "c": "landed",
    }  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert desk.started() == {"a.1", "c.1"}
    assert desk.count("task.cancelled") == 2
    assert complaints(desk.ground, desk.needs, landed=["c"])[1:] == []


# --- ends ------------------------------------------------------------------------------------


STUBBORN = "\n".join(
    [
        "trap '' TERM INT HUP",
        START,
        DAEMON,
        "i=0; while [ $i -lt 3000 ]; do sleep 0.1; i=$((i+1)); done",
    ]
)
DECOY = """\
if [ -z "${GANGSAW_ATTEMPT:-}" ]; then
  for name in HUP INT QUIT TERM USR1 USR2 CONT TSTP; do
    trap "echo $name >> $SIGNALS" $name
  done
  echo ready >> "$SIGNALS"
  i=0; while [ $i -lt 3000 ]; do sleep 0.1; i=$((i+1)); done
  exit
fi
"""
"""Outside of a run the very same script only writes down which signals it gets."""


@contextmanager
def bystanders(desk: Desk, attempts: list[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes with the same argument lists as the agents, but not of the run."""
    own = desk.ground.root.parent / "signals"
    env = {"PATH": os.environ["PATH"], "SIGNALS": str(own), "LEDGER": str(own)}
    found: list[subprocess.Popen[bytes]] = []
    try:
        for attempt in attempts:
            agent = next(
                p for p in processes_of(desk.ground.root) if p.pid == desk.alive()[attempt]
            )
            found.append(
                subprocess.Popen(agent.argv, env=env, cwd=own.parent, start_new_session=True)
            )
        desk.ground.wait_for(
            lambda: own.exists() and own.read_text().split().count("ready") == len(attempts),
            "the decoys",
        )
        yield found
        assert own.read_text().split() == ["ready"] * len(attempts), "a bystander got a signal"
        assert [one.poll() for one in found] == [None] * len(found), "a bystander was killed"
    finally:
        for one in found:
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait(timeout=30)


@pytest.mark.parametrize("verb", ["kill", "stop"])
@pytest.mark.parametrize("engine", ["alive", "killed"])
def test_the_end_of_everything(
    tmp_path: Path, verb: str, engine: str, record_property: Figure
) -> None:
    names = [f"t{n}" for n in range(4)]
    tasks = [{"id": n, "title": n, "prompt": DECOY + STUBBORN} for n in names]
    desk = Desk(tmp_path, tasks)
    text = (desk.ground.repo / "gangsaw.toml").read_text()
    desk.ground.write("gangsaw.toml", text.replace("grace_s = 2", f"grace_s = {GRACE_S}"))
    desk.ask("run", str(desk.plan), "--detach")
    attempts = [f"{n}.1" for n in names]
    desk.wait_recorded(*attempts)
    desk.wait_started(*attempts)
    pid = desk.engine_pid()
    assert pid is not None
    if engine == "killed":
        os.kill(pid, signal.SIGKILL)
        desk.wait_engine_ended()
    with bystanders(desk, attempts) as decoys:
        # The engine has given back its lock; its interpreter may still be on its way out.
        spared = {pid, *(decoy.pid for decoy in decoys)}
        began = time.monotonic()
        desk.ask(verb)
        took_s = time.monotonic() - began
        left = [p.argv for p in processes_of(desk.ground.root) if p.pid not in spared]
        assert left == []
        desk.ground.wait_for(lambda: is_dead(pid), "the end of the engine's process")
    assert desk.engine_pid() is None
    # `kill` grants no grace at all; a gentle end is given more time here, the machine is shared.
    assert took_s < GRACE_S + 2 + (0 if verb == "kill" else 10)
    record_property(
        "figure",
        f"{verb} (engine {engine}): 4 agents that ignore TERM, each with a daemon, and all their "
        f"shims ended in {took_s:.1f} s (grace {GRACE_S} s); 0 signals to 4 bystanders",
    )


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [gated("a"), gated("b"), gated("c", needs=["a", "b"])])
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_started("a.1", "b.1")
    desk.ask("kill")
    assert leftovers(desk.ground) == []
    desk.let_go(*"abc")
    desk.finish()
    assert complaints(desk.ground, desk.needs) == []


# --- signals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "how"),
    [
        (signal.SIGINT, "detach"),
        (signal.SIGINT, "pause"),
        (signal.SIGINT, "stop"),
        (signal.SIGTERM, "stop"),
    ],
)
def test_an_interrupt_without_a_terminal(tmp_path: Path, number: int, how: str) -> None:
    desk = Desk(tmp_path, [gated("a"), gated("b"), gated("c")], max_agents=2)
    engine = desk.ground.start("run", desk.plan, "--plain", "--on-interrupt", how)
    desk.wait_recorded("a.1", "b.1")
    alive = desk.alive()
    engine.send_signal(number)
    if how == "pause":
        desk.ground.wait_for(lambda: folded(desk.ground).draining, "the pause")
        desk.let_go("a", "b")
    assert engine.wait(timeout=60) == 130
    match how:
        case "detach":
            assert desk.alive() == alive
        case "pause":
            found = {t["id"]: (t["status"], t["reason"]) for t in desk.ground.status()["tasks"]}
            assert {name: found[name][0] for name in "ab"} == dict.fromkeys("ab", "landed")
            assert found["c"] == ("held", "the run is paused (gangsaw resume)")
            assert leftovers(desk.ground) == []
        case "stop":
            assert desk.alive() == {}
            assert leftovers(desk.ground) == []
    desk.let_go(*"abc")
    desk.finish()
    assert complaints(desk.ground, desk.needs) == []
    tries = {"detach": 1, "pause": 1, "stop": 2}[how]
    assert desk.started() >= {f"a.{tries}", f"b.{tries}", "c.1"}
    assert f"a.{tries + 1}" not in desk.started()


def test_a_second_interrupt_kills(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [{"id": "a", "title": "a", "prompt": STUBBORN}])
    text = (desk.ground.repo / "gangsaw.toml").read_text()
    desk.ground.write("gangsaw.toml", text.replace("grace_s = 2", "grace_s = 100"))
    engine = desk.ground.start("run", desk.plan, "--plain", "--on-interrupt", "stop")
    desk.wait_recorded("a.1")
    engine.send_signal(signal.SIGINT)
    desk.ground.wait_for(lambda: bool(folded(desk.ground).stopping), "the stop")
    # Signals may come at any instruction of the engine, and must find no lock of it taken.
    deadline = time.monotonic() + 60
    while engine.poll() is None and time.monotonic() < deadline:
        engine.send_signal(signal.SIGINT)
        time.sleep(0.0005)
    # Once the engine has said its last word, Python's own handler is in force again.
    assert engine.wait(timeout=1) in (130, -signal.SIGINT)
    assert folded(desk.ground).engine_reason == "stopped"
    assert leftovers(desk.ground) == []
