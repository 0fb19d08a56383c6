"""What does undoing a task mean for others, and what is left of earlier work to start from?"""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.model import attempt_id
from gangsaw.core.state import Attempt, State, is_live

_TURN = "turn-"
NAMES_MAX = 6


@dataclass(frozen=True, slots=True)
class Toll:
    """The tasks that need a task: those that have not started and will wait, those whose agents or
    work are stopped, and those that stay landed although they were built on it."""

    waiting: tuple[str, ...]
    live: tuple[str, ...]
    landed: tuple[str, ...]


def toll_of(state: State, task: str) -> Toll:
    """What undoing the task means for those that need it."""
    waiting, live, landed = list[str](), list[str](), list[str]()
    for name in state.dependants.get(task, ()):
        attempt = state.attempt_of(name)
        if state.task_states[name].finished:
            landed.append(name)
        elif attempt is not None and is_live(attempt):
            live.append(name)
        else:
            waiting.append(name)
    return Toll(tuple(waiting), tuple(live), tuple(landed))


def toll_text(toll: Toll) -> str:
    """The same in words, each part after a semicolon; empty when nothing needs the task."""
    parts = (
        (toll.live, "will be stopped, and begin anew when it has landed again"),
        (toll.waiting, "will wait until it has landed again"),
        (toll.landed, "stays landed, though built on it"),
    )
    return "".join(f"; {_named(names)} {text}" for names, text in parts if names)


def failure_text(state: State, task: str, text: str) -> str:
    """Why the undo is given up, with the landed tasks that stand in its way."""
    landed = toll_of(state, task).landed
    if not landed:
        return text
    first = " and ".join(f"gangsaw undo {name}" for name in landed[:NAMES_MAX])
    return f"{text}; {_named(landed)} landed on top of it: try {first} before it"


def undone_needs(state: State, task: str) -> tuple[str, ...]:
    """The tasks that this one needs and that are undone now."""
    needs = dict.fromkeys(state.tasks[task].needs)
    return tuple(need for need in needs if state.task_states[need].undone)


def _named(names: tuple[str, ...]) -> str:
    rest = len(names) - NAMES_MAX
    shown = ", ".join(names[:NAMES_MAX])
    return f"{shown} and {rest} more" if rest > 0 else shown


# --- earlier work -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """The work of an attempt as it stood after a launch, and the ref that holds it."""

    attempt: int
    launch: int
    ref: str


def turns_kept(attempt: Attempt) -> tuple[int, ...]:
    """The launches of a closed attempt after which its work is held, in order."""
    return tuple(sorted(_turn_refs(attempt)))


def kept_turns(state: State, task: str) -> list[KeptTurn]:
    """The work that a new attempt at the task may start from, oldest first.

    Work from before a need was undone is left out: its base lacks what the need lands again.
    """
    known = state.task_states[task]
    found: list[KeptTurn] = []
    for number in range(known.outdated + 1, known.attempts + 1):
        refs = _turn_refs(state.attempts[attempt_id(task, number)])
        found += [KeptTurn(number, launch, refs[launch]) for launch in sorted(refs)]
    return found


def _turn_refs(attempt: Attempt) -> dict[int, str]:
    found: dict[int, str] = {}
    for ref in attempt.kept:
        name = ref.rpartition("/")[2]
        if name.startswith(_TURN) and name.removeprefix(_TURN).isdigit():
            found[int(name.removeprefix(_TURN))] = ref
    return found


def last_work(state: State, task: str) -> str:
    """The ref of what the last attempt left, or that it was itself to start from; empty when there
    is nothing of it that can be used."""
    known = state.task_states[task]
    kept = kept_turns(state, task)
    if kept and kept[-1].attempt == known.attempts:
        return kept[-1].ref
    return known.start
