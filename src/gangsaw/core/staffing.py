"""What people may ask about the agents of a run that goes on: more or fewer at a time, another one,
one less.

What an agent is (its program, its account) stands in the settings and is only read there; a request
names it. So nobody who may ask can say what is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from gangsaw.core import events as ev
from gangsaw.core.events_agents import AgentAdded, AgentRemoved, AgentScaled
from gangsaw.core.observations import Asked
from gangsaw.core.policy import seats
from gangsaw.core.reopening import Answer
from gangsaw.core.state import State

ADD, REMOVE = "agents-add", "agents-remove"
VERBS = (ADD, REMOVE)
SLOTS_MAX = 1000
"""As many as the settings allow."""
BACK = "settings"
"""`NAME=settings`: as many as the settings say."""
NAMES_SHOWN = 12


def scale(state: State, asked: Asked) -> Answer:
    """So many agents at a time from now on: of the run (its number), of agents (its text, as
    `NAME=N` with blanks between). All of it, or nothing."""
    facts: list[ev.Event] = []
    said: list[str] = []
    if asked.number or not asked.text.strip():
        if asked.number < 1:
            text = "the number of agents must be 1 or more; to start none: gangsaw pause"
            return [], False, text
        facts.append(ev.Scaled(asked.number, asked.by))
        said.append(f"up to {asked.number} agents")
    for word in asked.text.split():
        found = _scaled(state, word, asked.by)
        if isinstance(found, str):
            return [], False, found
        facts.append(found)
        said.append(_said(state, found))
    return facts, True, "; ".join(said)


def _scaled(state: State, word: str, by: str) -> AgentScaled | str:
    """The fact of one `NAME=N`, or what is wrong with it."""
    name, _, number = word.rpartition("=")
    if not name:
        return f"'{word}' is no number of agents; try NAME=N, such as {_first(state)}=2"
    if unknown := unknown_text(state, name):
        return unknown
    if number == BACK:
        return AgentScaled(name, None, by)
    if not (number.isascii() and number.isdigit()) or int(number) > SLOTS_MAX:
        return f"'{number}' is no number of agents; try {name}=N with N from 0 to {SLOTS_MAX}"
    return AgentScaled(name, int(number), by)


def _said(state: State, fact: AgentScaled) -> str:
    name = fact.agent
    if fact.slots is None:
        return f"as many of {name} as the settings say"
    if fact.slots:
        return f"up to {fact.slots} of {name}"
    return f"no new task for {name}; what it has begun goes on" + _left(state, name)


def _left(state: State, name: str) -> str:
    """How many tasks that were to be started wait for the agent now."""
    those = [task for _, task in state.ready if _only_for(state, task, name)]
    if not those:
        return ""
    return f" · {len(those)} ready {'task waits' if len(those) == 1 else 'tasks wait'} for it"


def _only_for(state: State, task: str, name: str) -> bool:
    """Whether nobody else begins the task."""
    those = seats.choices(state, state.tasks[task])
    others = [each for each in those if each != name and not seats.is_out(state, each)]
    return name in those and not others and not seats.fallback_of(state, name)


def known_agents(state: State) -> tuple[str, ...]:
    """The agents that the run knows, the settings' first."""
    named = [each.name for each in state.limits.agents]
    tasks = [name for task in state.tasks.values() for name in (task.agent, task.reviewer)]
    more = (*seats.pool(state), state.limits.reviewer, *tasks)
    return tuple(name for name in dict.fromkeys((*named, *more)) if name)


def unknown_text(state: State, name: str) -> str:
    """That there is no such agent, and which there are; empty where there is one."""
    known = known_agents(state)
    if name in known:
        return ""
    near = get_close_matches(name, known, n=1)
    names = ", ".join(known[:NAMES_SHOWN])
    remedy = f"did you mean {near[0]}?" if near else f"known agents: {names}"
    return f"there is no agent '{name}' in {state.run}; {remedy}"


def _first(state: State) -> str:
    return next(iter(known_agents(state)), "NAME")


def answer(state: State, asked: Asked) -> Answer:
    """The facts that follow from adding or removing an agent (the text names it)."""
    if asked.verb == REMOVE:
        return _removed(state, asked)
    if asked.agent is None:
        return [], False, f"the settings have no agent '{asked.text}'; try: gangsaw agents"
    name = asked.agent.name
    back = name in state.seating.removed
    how = "takes work again" if back else "takes work of this run"
    those = sum(name in seats.choices(state, state.tasks[task]) for _, task in state.ready)
    tail = f", {those} ready {'task names' if those == 1 else 'tasks name'} it" if those else ""
    zero = " · it is scaled to 0" if seats.slots_of(state, name) == 0 else ""
    return [AgentAdded(asked.agent, asked.by)], True, f"{name} {how}{tail}{zero}"


def _removed(state: State, asked: Asked) -> Answer:
    name = asked.text
    if unknown := unknown_text(state, name):
        return [], False, unknown
    if name in state.seating.removed:
        return [], False, f"{name} is removed already; to take it back: gangsaw agents add {name}"
    begun = len([*begun_by(state, name)])
    text = f"{name} begins no task of this run any more"
    if begun:
        text += f"; {begun} that it has begun {'goes' if begun == 1 else 'go'} on to the end"
    return [AgentRemoved(name, asked.by)], True, text + _left(state, name)


def begun_by(state: State, agent: str) -> Iterator[str]:
    """The attempts that may still act and that the agent works on or reviews."""
    for attempt in state.live_attempts():
        if not attempt.closed and attempt.failed is None and agent in (attempt.agent, attempt.seat):
            yield attempt.id
