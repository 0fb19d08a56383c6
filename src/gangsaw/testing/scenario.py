"""Scenario files: facts in, intents out, as text that people can read and write.

    # what this is about
    task a needs=["b"] checks=["test"]   one line a task; `limits`, `gate` likewise; or `run {…}`
    at 100                               the clock (seconds)
    in WorkInspected a.1 launch=1 …      a turn with this report; its first value needs no name
    and ChecksDone a.1 …                 a further report in the same turn
    out work.found a.1 commit=c1         every event of the turn, in order; named fields must match
    do RunChecks a.1                     every outstanding action (`do nothing`), where any is given
    why a checking                       status and the beginning of the reason
    hold a scope                         what holds the task
    rest finished                        the engine may end
    tick                                 a turn without a report
    restart                              forget everything but the log

A file that begins with `loose` compares nothing but what is said by these lines, which any file
may have. A failing schedule of the simulation becomes such a file (`gangsaw.testing.regression`):

    never out attempt.admitted b.1 …     no event of the last turn is this one
    once out request.received "" key=k1  it is there once at most
    never do RunTurn b.1 …               no outstanding action is this one
    never why b held "for a"             this is not what is said of the task
    settled                              nothing more is wanted now, nor before the next wake-up
    spent 2.5                            what the run has cost in dollars

Fields that a report needs and the line does not name get an empty value.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_type_hints

from gangsaw.core import actions as ac
from gangsaw.core import launch
from gangsaw.core import observations as ob
from gangsaw.core.events import Event, RunStarted
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, Plan, Task
from gangsaw.core.state import State
from gangsaw.core.status import view
from gangsaw.core.wire import decode_event, decoder_of, encode
from gangsaw.core.work import at_rest, turn
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.promises import check_rest

if TYPE_CHECKING:
    from gangsaw.testing.simulation import Schedule

Body = dict[str, Any]

_WORD = re.compile(r"\s*(?:([a-z_]+)=)?")
_BARE = re.compile(r"[^\s]+")
_NOTES = {cls.__name__: cls for cls in launch.Note.__args__}
_EMPTY: dict[Any, Any] = {int: 0, float: 0.0, str: "", bool: False}


class Mismatch(AssertionError):
    """What followed is not what the scenario says."""


def words(text: str) -> tuple[list[Any], Body]:
    """The plain and the named values of a line. A value is JSON, or a word as it stands."""
    plain: list[Any] = []
    named: Body = {}
    at, text = 0, text.strip()
    while at < len(text):
        key = _WORD.match(text, at)
        assert key is not None
        at = key.end()
        value, at = _value(text, at)
        if key.group(1):
            named[key.group(1)] = value
        else:
            plain.append(value)
    return plain, named


def _value(text: str, at: int) -> tuple[Any, int]:
    bare = _BARE.match(text, at)
    assert bare is not None, f"a value is missing at the end of: {text}"
    try:
        value, end = json.JSONDecoder().raw_decode(text, at)
    except ValueError:
        return bare.group(), bare.end()
    if end < len(text) and not text[end].isspace():
        return bare.group(), bare.end()
    return value, end


# --- values -------------------------------------------------------------------------------------


def observation(name: str, plain: list[Any], named: Body, limits: Limits) -> ob.Observation:
    """The report that a line names."""
    cls: Any = getattr(ob, name)
    hints = get_type_hints(cls)
    fields = [item.name for item in dataclasses.fields(cls)]
    body = dict(zip(fields, plain, strict=False)) | named
    for item in dataclasses.fields(cls):
        if item.name not in body and item.default is dataclasses.MISSING:
            body[item.name] = (
                () if "tuple" in str(hints[item.name]) else _EMPTY.get(hints[item.name])
            )
    _spell_out(body)
    note = body.pop("note", None)
    if name == "EngineUp":
        body["limits"] = body["limits"] or encode(limits)
    if note is None:
        return decoder_of(cls)(body)  # type: ignore[no-any-return]
    ((kind, content),) = note.items()
    return cls(**body, note=_NOTES[kind](**content))  # type: ignore[no-any-return]


def _spell_out(body: Body) -> None:
    """Short forms: `outcome=done`, `results={"test": "failed"}`."""
    if isinstance(body.get("outcome"), str):
        body["outcome"] = {"kind": body["outcome"]}
    if isinstance(body.get("results"), dict):
        body["results"] = [
            {"name": name, "judgement": judgement, "duration_s": 1.0}
            for name, judgement in body["results"].items()
        ]


def _task(name: str, named: Body) -> Task:
    checks = [{"name": check, "argv": [check]} for check in named.pop("checks", ())]
    body = {"id": name, "title": f"Task {name}", "prompt": f"Do {name}.", "checks": checks}
    return decoder_of(Task)(body | named)  # type: ignore[no-any-return]


# --- running ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Player:
    """Plays a scenario against the core. `log` is everything that happened."""

    tasks: list[Task] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    gate: list[Body] = field(default_factory=list)
    state: State = field(default_factory=State)
    log: list[tuple[float, str, Body]] = field(default_factory=list)
    now: float = 0.0
    seen: list[ob.Observation] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    actions: list[ac.Action] = field(default_factory=list)
    expected: list[tuple[list[Any], Body]] | None = None
    wanted: list[tuple[list[Any], Body]] | None = None
    loose: bool = False

    def play(self, text: str) -> None:
        """Raise `Mismatch`, with the line, at the first thing that is not as written."""
        for number, line in enumerate(text.splitlines(), start=1):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            try:
                self._take(stripped)
            except Mismatch as error:
                raise Mismatch(f"line {number} ({stripped[:80]}): {error}") from None
            except BaseException as error:
                error.add_note(f"line {number}: {stripped[:200]}")
                raise
        self._close()

    def _take(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        if verb not in _BEFORE_THE_RUN and not self.state.run:
            self._start(self._composed())
        if verb not in ("out", "do"):
            self._compare()
        if verb != "and":
            self._turn()
        if verb == "in":
            self._compare()
        rule: Callable[[Player, str], None] = _VERBS[verb]
        rule(self, rest)

    def _composed(self) -> Body:
        return {
            "run": "r1",
            "plan": encode(Plan("a scenario", tuple(self.tasks))),
            "limits": encode(self.limits),
            "target": "main",
            "integration": "gangsaw/run/r1",
            "base": "c0",
            "gate": self.gate,
        }

    def _start(self, body: Body) -> None:
        started = decode_event(RunStarted.kind, body)
        assert isinstance(started, RunStarted)
        self.limits = started.limits
        evolve(self.state, started, self.now)
        self.log.append((self.now, started.kind, encode(started)))

    def _turn(self) -> None:
        if not self.seen:
            return
        seen, self.seen = self.seen, []
        self._run_turn(seen)

    def _run_turn(self, seen: list[ob.Observation]) -> None:
        self.events, self.actions = turn(self.state, self.now, seen)
        self.log += [(self.now, event.kind, encode(event)) for event in self.events]
        self.expected, self.wanted = None if self.loose else [], None

    def _compare(self) -> None:
        """The last turn's events and actions with what the lines after it say."""
        expected, wanted = self.expected, self.wanted
        self.expected = self.wanted = None
        if expected is not None:
            found = [(event.kind, event.subject, encode(event)) for event in self.events]
            _same(expected, found, "events")
        if wanted is not None:
            asked = [(ac.name_of(action), action.about, encode(action)) for action in self.actions]
            _same(wanted, asked, "actions")

    def _close(self) -> None:
        self._compare()
        self._turn()
        self._compare()


class Rehearsal(Player):
    """Plays without comparing: for the state that comes out."""

    def _compare(self) -> None:
        self.expected = self.wanted = None


_BEFORE_THE_RUN = ("task", "limits", "gate", "run", "at", "loose")

Found = tuple[str, str, Body]


def _same(expected: list[tuple[list[Any], Body]], found: list[Found], what: str) -> None:
    shown = "\n".join(f"    {kind} {subject}" for kind, subject, _ in found) or "    nothing"
    if len(expected) != len(found):
        raise Mismatch(
            f"{len(expected)} {what} expected before this line, and there were:\n{shown}"
        )
    for (plain, named), (kind, subject, body) in zip(expected, found, strict=True):
        if plain != [kind, subject][: len(plain)]:
            raise Mismatch(f"{plain} expected before this line, in:\n{shown}")
        for name, value in named.items():
            if body[name] != value:
                raise Mismatch(f"{kind} {subject} has {name}={body[name]!r}, not {value!r}")


def _take_in(player: Player, rest: str) -> None:
    name, _, values = rest.partition(" ")
    player.seen.append(observation(name, *words(values), player.limits))


def _take_out(player: Player, rest: str) -> None:
    if player.expected is None:
        assert player.loose, "`out` without a turn before it"
        player.expected = []
    player.expected.append(words(rest))


def _take_do(player: Player, rest: str) -> None:
    player.wanted = player.wanted or []
    if rest != "nothing":
        player.wanted.append(words(rest))


def _take_at(player: Player, rest: str) -> None:
    player.now = float(rest)


def _take_tick(player: Player, rest: str) -> None:
    player._run_turn([])


def _take_restart(player: Player, rest: str) -> None:
    before = player.state
    player.state = State()
    for at, kind, body in player.log:
        evolve(player.state, decode_event(kind, body), at)
    if player.state != before:
        raise Mismatch("the folded log is not the state")


def _take_why(player: Player, rest: str) -> None:
    (name, status, *reason), _ = words(rest)
    seen = view(player.state, name, player.now)
    wanted = str(reason[0]) if reason else ""
    if seen.status.value != status or not seen.reason.startswith(wanted):
        raise Mismatch(f"{name} is {seen.status}: {seen.reason}")


def _take_hold(player: Player, rest: str) -> None:
    (name, kind), _ = words(rest)
    hold = view(player.state, name, player.now).hold
    if hold is None or hold.kind.value != kind:
        raise Mismatch(f"{name} is held by {hold}")


def _take_rest(player: Player, rest: str) -> None:
    found = at_rest(player.state, player.now) or "no"
    if not found.startswith(rest):
        raise Mismatch(f"at rest: {found}")


def _take_loose(player: Player, rest: str) -> None:
    player.loose = True


def _take_never(player: Player, rest: str, most: int = 0) -> None:
    what, _, rest = rest.partition(" ")
    plain, named = words(rest)
    found: list[Found]
    match what:
        case "out":
            found = [(event.kind, event.subject, encode(event)) for event in player.events]
        case "do":
            found = [
                (ac.name_of(action), action.about, encode(action)) for action in player.actions
            ]
        case _:
            seen = view(player.state, plain[0], player.now)
            found = [(plain[0], seen.status.value, {"reason": seen.reason})]
            named = {"reason": plain.pop()} if len(plain) > 2 else {}
    same = [
        (kind, subject)
        for kind, subject, body in found
        if [kind, subject] == plain and all(body[name] == named[name] for name in named)
    ]
    if len(same) > most:
        raise Mismatch(f"{what}: {same} must not be there more than {most} times")


def _take_once(player: Player, rest: str) -> None:
    _take_never(player, rest, most=1)


def _take_settled(player: Player, rest: str) -> None:
    try:
        check_rest(player.state, player.actions, player.now)
    except Broken as error:
        raise Mismatch(str(error)) from None


def _take_spent(player: Player, rest: str) -> None:
    if player.state.usage.cost_usd != float(rest):
        raise Mismatch(f"spent: {player.state.usage.cost_usd}")


def _take_task(player: Player, rest: str) -> None:
    (name,), named = words(rest)
    player.tasks.append(_task(name, named))


def _take_limits(player: Player, rest: str) -> None:
    player.limits = decoder_of(Limits)(encode(player.limits) | words(rest)[1])


def _take_gate(player: Player, rest: str) -> None:
    player.gate += [{"name": name, "argv": [name]} for name in words(rest)[0]]


def _take_run(player: Player, rest: str) -> None:
    player._start(json.loads(rest))


_VERBS: dict[str, Callable[[Player, str], None]] = {
    "task": _take_task,
    "limits": _take_limits,
    "gate": _take_gate,
    "run": _take_run,
    "at": _take_at,
    "in": _take_in,
    "and": _take_in,
    "out": _take_out,
    "do": _take_do,
    "tick": _take_tick,
    "restart": _take_restart,
    "why": _take_why,
    "hold": _take_hold,
    "rest": _take_rest,
    "loose": _take_loose,
    "never": _take_never,
    "once": _take_once,
    "settled": _take_settled,
    "spent": _take_spent,
}


# --- writing ------------------------------------------------------------------------------------


def scenario_of(schedule: Schedule) -> str:
    """A remembered schedule as a scenario file; turns that a dying engine lost are left out."""
    lines = [f"# Seed {schedule.seed}, mode {schedule.mode}."]
    lines.append(f"at {schedule.log[0][0]!r}")
    lines.append("run " + json.dumps(encode(schedule.started)))
    engines = 0
    for done in schedule.history or ():
        if any(isinstance(seen, ob.EngineUp) for seen in done.seen):
            engines += 1
            lines += ["restart"] if engines > 1 else []
        if not done.kept:
            continue
        lines.append(f"at {done.at!r}")
        lines += seen_lines(done.seen)
        lines += [f"out {event.kind} {json.dumps(event.subject)}" for event in done.events]
    return "\n".join(lines) + "\n"


def seen_lines(seen: Sequence[ob.Observation]) -> list[str]:
    """The lines of one turn's reports."""
    return [f"{'and' if n else 'in'} {_seen_text(one)}" for n, one in enumerate(seen)] or ["tick"]


def _seen_text(seen: ob.Observation) -> str:
    return " ".join([type(seen).__name__, *_named_texts(seen)])


def _named_texts(seen: ob.Observation) -> Iterator[str]:
    for item in dataclasses.fields(seen):
        value = getattr(seen, item.name)
        body = {type(value).__name__: encode(value)} if item.name == "note" else encode(value)
        yield f"{item.name}={json.dumps(body)}"


__all__ = ["Mismatch", "Player", "Rehearsal", "scenario_of", "seen_lines"]
