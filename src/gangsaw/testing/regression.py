"""A failing seed as a scenario file: shortened, without the simulation, and red until it is mended.

First the schedule: tasks and troubles that it fails without are left out, and of other chances in
the same scene the shortest is taken. Then its turns: what changed nothing is no part of the file.
The file feeds the rest to the core, and says what the simulation found wrong at the end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import cast

from gangsaw.core import actions as ac
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.decide import decide
from gangsaw.core.evolve import evolve
from gangsaw.core.record import record
from gangsaw.core.state import State
from gangsaw.core.wire import encode
from gangsaw.testing.scenario import Body, seen_lines
from gangsaw.testing.simulation import Mode, Schedule
from gangsaw.testing.simulation.turns import Spent, Suspect, Turn, Word, Wrong

TRIES_MAX = 300
"""Schedules that are played at most to find a shorter one."""

VARIANTS = 4
"""How many chances a scene gets to fail without one of its parts."""

Place = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that was played, what it raised, and where in the code."""

    schedule: Schedule
    error: Exception
    place: Place

    @property
    def length(self) -> tuple[int, int]:
        """What is made as small as it gets: tasks, and turns."""
        return len(self.schedule.scene.plan.tasks), len(self.schedule.history or ())


def failure_of(
    seed: int, mode: Mode | None, without: frozenset[str] = frozenset(), variant: int = 0
) -> Failure | None:
    """How the schedule fails, or `None`."""
    schedule = Schedule(seed, mode, remember=True, without=without, variant=variant)
    error = schedule.outcome()
    return None if error is None else Failure(schedule, error, _place(error))


def _place(error: Exception) -> Place:
    at = error.__traceback__
    assert at is not None
    while at.tb_next is not None:
        at = at.tb_next
    return type(error).__name__, at.tb_frame.f_code.co_filename, at.tb_lineno


def shortest(failure: Failure, tries_max: int = TRIES_MAX) -> Failure:
    """A schedule of the same seed that fails at the same place of the code, with fewer tasks,
    troubles and turns where that is possible."""
    best, tries = failure, 0
    names = failure.schedule.scene.removable()
    for name in names:
        for variant in range(VARIANTS):
            if tries >= tries_max:
                return best
            tries += 1
            found = _again(best, best.schedule.without | {name}, variant)
            if found is not None and found.length <= best.length:
                best = found
                break
    for variant in range(1, tries_max - tries):
        found = _again(best, best.schedule.without, variant)
        if found is not None and found.length < best.length:
            best = found
    return best


def _again(best: Failure, without: frozenset[str], variant: int) -> Failure | None:
    if {task.id for task in best.schedule.scene.plan.tasks} <= without:
        return None
    found = failure_of(best.schedule.seed, best.schedule.mode, without, variant)
    return found if found is not None and found.place == best.place else None


# --- writing ------------------------------------------------------------------------------------


def regression_of(failure: Failure) -> str:
    """The failure as a `loose` scenario file. One that never came to rest is about no single
    turn: its file ends with a remark instead."""
    schedule = failure.schedule
    said = str(failure.error).splitlines()[0] if str(failure.error) else ""
    lines = [
        f"# Seed {schedule.seed}, mode {schedule.mode}: {type(failure.error).__name__}: {said}",
        "",
        "loose",
        f"at {schedule.log[0][0]!r}",
        "run " + json.dumps(encode(schedule.started)),
    ]
    lines += _turn_lines(schedule)
    lines += _never(schedule.suspect, schedule.history or []) or _remark(failure)
    return "\n".join(lines) + "\n"


def _remark(failure: Failure) -> list[str]:
    if failure.place[0] != "Broken":
        return []  # the last turn raises by itself
    return ["# What is wrong is in no single turn: say here what is to be seen."]


def _turn_lines(schedule: Schedule) -> list[str]:
    """The turns that count, with what of their reports was news. A restart is one that folds."""
    lines: list[str] = []
    known = State()
    evolve(known, schedule.started, schedule.log[0][0])
    turns = schedule.history or []
    engines = 0
    for n, done in enumerate(turns):
        if any(isinstance(seen, ob.EngineUp) for seen in done.seen):
            engines += 1
            lines += ["restart"] if engines > 1 else []
        if not done.kept:
            continue
        if n == len(turns) - 1:
            return [*lines, f"at {done.at!r}", *seen_lines(done.seen)]
        news = _news(known, done)
        if done.events:
            lines += [f"at {done.at!r}", *seen_lines(news)]
    return lines


def _news(known: State, done: Turn) -> list[ob.Observation]:
    """Those of a turn's reports that gave events; takes all of them into `known`."""
    news = []
    for seen in done.seen:
        facts = record(seen, known, done.at)
        for fact in facts:
            evolve(known, fact, done.at)
        if facts:
            news.append(seen)
    decide(known, done.at)
    return news


def _never(suspect: Suspect, turns: list[Turn]) -> list[str]:
    match suspect:
        case None:
            return []
        case Word():
            return [suspect.value]
        case Spent(cost_usd):
            return [f"spent {cost_usd!r}"]
        case Wrong(task, view):
            return [f"never why {task} {view.status.value} {json.dumps(view.reason)}"]
        case _ if type(suspect) in ev.EVENT_CLASSES.values():
            event = cast(ev.Event, suspect)
            word = "once" if turns[-1].events.count(event) > 1 else "never"
            return [_named(f"{word} out {event.kind}", event.subject, encode(event))]
        case _:
            action = cast(ac.Action, suspect)
            return [_named(f"never do {ac.name_of(action)}", action.about, encode(action))]


def _named(what: str, subject: str, body: Body) -> str:
    plain = {name: value for name, value in body.items() if not isinstance(value, list | dict)}
    named = " ".join(f"{name}={json.dumps(value)}" for name, value in plain.items())
    return f"{what} {json.dumps(subject)} {named}"
