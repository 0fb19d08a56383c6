"""Requests beside a naive model: from the file that a sender makes to their effect on the run, once
each, whatever dies in between."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, Plan, Task
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import turn
from gangsaw.engine.requests import Inbox
from gangsaw.store.control import make_private_folder
from gangsaw.store.inbox import BadRequest, Request, discard, pending, submit
from gangsaw.testing.mutants import MUTANTS
from tests.stateful_runs import PORTIONS, how_found, quick_folder, run_portion

KEYS = st.sampled_from(("k", "k-1", "other", "x_2"))
TIMES_MS = st.integers(0, 20)
WISHES = st.sampled_from(
    (
        ("pause", {}),
        ("resume", {}),
        ("scale", {"number": 3}),
        ("scale", {"number": 7}),
        ("scale", {"number": 0}),
        ("cancel", {"task": "a"}),
        ("retry", {"task": "a"}),
        ("cancel", {"task": "nobody"}),
        ("dance", {"text": "é\udc80"}),
    )
)
GARBAGE = st.sampled_from(
    (
        ("000000000000001-k.json", b'{"key": "k", "ve'),
        ("000000000000002-k.json", b'{"key":"z","verb":"pause","args":{},"at":0.002,"by":"me"}'),
        ("000000000000003-x_2.json", b"[]"),
        ("README", b""),
        ("1-" + "x" * 200, b"{}"),
    )
)


class Dies(Enum):
    """Where the engine dies while it takes the requests."""

    NOT = "not at all"
    AFTER_READING = "after reading them"
    AFTER_DECIDING = "before the append"
    AFTER_APPEND = "before the files are discarded"


class InboxBesideModel(RuleBasedStateMachine):
    open_inbox: Callable[[Path], Inbox] = Inbox

    def __init__(self) -> None:
        super().__init__()
        self.folder = quick_folder()
        self.box = self.folder / "inbox"
        make_private_folder(self.box)
        self.bad = 0
        # The naive model: files by name, what was answered, and what the answers have changed.
        self.files: dict[str, Request] = {}
        self.garbage: set[str] = set()
        self.answered: dict[str, bool] = {}
        self.paused, self.max_agents, self.cancelled = False, 4, False
        # The real engine: its log, and what it knows.
        self.log: list[str] = []
        plan = Plan("", (Task("a", "a", ""),))
        self.state = State()
        self._append([ev.RunStarted("r1", plan, Limits(), "main", "gangsaw/run/r1", "c0")])
        self._revive()

    def teardown(self) -> None:
        self.inbox.close()
        shutil.rmtree(self.folder)

    # --- the engine -----------------------------------------------------------------------------

    def _append(self, events: list[ev.Event]) -> None:
        self.log += [json.dumps([event.kind, encode(event)]) for event in events]

    def _revive(self) -> None:
        """A new engine knows what the log says, and nothing else."""
        self.state = State()
        for text in self.log:
            kind, body = json.loads(text)
            evolve(self.state, decode_event(kind, body), 1.0)
        self.inbox = self.open_inbox(self.box)

    def _die(self) -> None:
        self.inbox.close()
        self._revive()

    @rule(dies=st.sampled_from(Dies))
    def take(self, dies: Dies) -> None:
        found: list[ob.Observation] = [*self.inbox.read()]
        self.bad += len(self.garbage)
        self.garbage.clear()
        if dies is Dies.AFTER_READING:
            return self._die()
        events, _ = turn(self.state, 1.0, found)
        if dies is Dies.AFTER_DECIDING:
            return self._die()
        self._append(events)
        self._model_takes()
        if dies is Dies.AFTER_APPEND:
            return self._die()
        self.inbox.discard_answered(self.state)
        self.files = {n: r for n, r in self.files.items() if r.key not in self.answered}
        return None

    # --- the model ------------------------------------------------------------------------------

    def _model_takes(self) -> None:
        """Each wish has its effect once, in the order of the files."""
        for _, request in sorted(self.files.items()):
            if request.key not in self.answered:
                self.answered[request.key] = self._model_does(request)

    def _model_does(self, request: Request) -> bool:
        """Whether the wish can be fulfilled."""
        match request.verb, request.args:
            case "pause", _:
                self.paused = True
            case "resume", _:
                self.paused = False
            case "scale", {"number": int(number)} if number > 0:
                self.max_agents = number
            case "cancel", {"task": "a"} if not self.cancelled:
                self.cancelled = True
            case "retry", {"task": "a"} if self.cancelled:
                self.cancelled = False
            case _:
                return False
        return True

    # --- senders --------------------------------------------------------------------------------

    @rule(key=KEYS, at_ms=TIMES_MS, wish=WISHES)
    def send(self, key: str, at_ms: int, wish: tuple[str, dict[str, object]]) -> None:
        request = Request(key, wish[0], dict(wish[1]), at_ms / 1000, "me")
        waiting = sorted(name for name, known in self.files.items() if known.key == key)
        path = submit(self.box, request)
        if waiting:
            assert path.name == waiting[0]
        else:
            self.files[path.name] = request
            self.garbage.discard(path.name)

    @rule(key=KEYS, at_ms=TIMES_MS, wish=WISHES)
    def two_send_at_one_instant(
        self, key: str, at_ms: int, wish: tuple[str, dict[str, object]]
    ) -> None:
        """Neither saw the other's file."""
        aside = self.folder / "aside"
        aside.mkdir()
        request = Request(key, wish[0], dict(wish[1]), at_ms / 1000, "me")
        path = submit(aside, request)
        path.rename(self.box / path.name)
        aside.rmdir()
        self.files[path.name] = request
        self.garbage.discard(path.name)

    @rule(key=KEYS)
    def a_sender_dies(self, key: str) -> None:
        (self.box / f".000000000000001-{key}-1-1").write_bytes(b'{"key": "k", "verb": "pau')

    @rule(garbage=GARBAGE)
    def litter(self, garbage: tuple[str, bytes]) -> None:
        name, content = garbage
        if name not in self.files:
            (self.box / name).write_bytes(content)
            self.garbage.add(name)

    @rule()
    def look(self) -> None:
        """Looking changes nothing but what is set aside."""
        found = pending(self.box)
        wanted: dict[str, Request] = {}
        for _, request in sorted(self.files.items()):
            wanted.setdefault(request.key, request)
        assert found[: len(wanted)] == list(wanted.values())
        assert all(isinstance(item, BadRequest) for item in found[len(wanted) :])
        assert len(found) == len(wanted) + len(self.garbage)
        self.bad += len(self.garbage)
        self.garbage.clear()

    # --- what must agree ------------------------------------------------------------------------

    @invariant()
    def the_run_is_as_asked(self) -> None:
        state = self.state
        assert {key: ok for key, (ok, _) in state.answers.items()} == self.answered
        assert not state.pending
        assert (state.paused, state.limits.max_agents) == (self.paused, self.max_agents)
        assert state.task_states["a"].cancelled == self.cancelled

    @invariant()
    def no_file_is_lost(self) -> None:
        seen = {path.name for path in self.box.iterdir() if path.name[0] != "."} - {"bad"}
        assert seen == {*self.files, *self.garbage}
        aside = self.box / "bad"
        assert (len(list(aside.iterdir())) if aside.exists() else 0) == min(self.bad, 100)


# --- planted faults ------------------------------------------------------------------------------


class Hasty(Inbox):
    """Discards a request as soon as it is read, before its answer is in the log."""

    def read(self) -> list[ob.Asked]:
        found = super().read()
        for asked in found:
            discard(self._folder, asked.key)
        return found


class Forgetful(Inbox):
    """Never discards a request that an engine before it has answered."""

    def discard_answered(self, state: State) -> None:
        self._waiting = {key for key in self._waiting if len(state.answers) < 2}
        super().discard_answered(state)


@pytest.mark.parametrize("kind", [Hasty, Forgetful])
def test_a_planted_fault_of_the_inbox_is_found(kind: type[Inbox]) -> None:
    class Planted(InboxBesideModel):
        open_inbox = kind

    how_found(Planted)


def test_requests_that_are_done_twice_are_found() -> None:
    with MUTANTS["a request told twice is done twice"].planted():
        how_found(InboxBesideModel)


@pytest.mark.parametrize("portion", PORTIONS)
@pytest.mark.guarantee("G1")
def test_the_inbox_beside_a_model(
    portion: int, record_property: Callable[[str, object], None]
) -> None:
    run_portion(InboxBesideModel, portion, record_property)
