"""Played people: they ask for things, twice, leave files about, commit on their branch, and in the
end answer what they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from gangsaw.core import chain, staffing
from gangsaw.core import observations as ob
from gangsaw.core.model import AgentSlots, History, Limits
from gangsaw.core.phases import Phase
from gangsaw.core.policy.remedy import waits_for_a_person
from gangsaw.core.policy.undo import kept_turns
from gangsaw.core.requests import QUEUE_VERBS, RUN_VERBS, TASK_VERBS
from gangsaw.core.resolving import CLASHED
from gangsaw.core.state import State
from gangsaw.core.talk import AGENT_VERBS, PEOPLE_VERBS
from gangsaw.testing.simulation.finds import other_limits
from gangsaw.testing.simulation.plans import NAMES, PLACES, Scene
from gangsaw.testing.simulation.staff import Staff
from gangsaw.testing.simulation.world import World

if TYPE_CHECKING:
    from gangsaw.testing.simulation.pages import TaskPage

_OF_RUN = tuple(verb for verb in RUN_VERBS if verb not in staffing.VERBS)
VERBS = (*_OF_RUN, *TASK_VERBS, *TASK_VERBS, *TASK_VERBS, "dance")
_IN_QUEUE = (Phase.QUEUED, Phase.LANDING)
TURNS = ("", "last", "last", "1", "1:1")
"""What people retry from."""


class People:
    """What people do in one schedule. `inbox` holds the requests not yet answered."""

    def __init__(self, rng: Random, world: World, scene: Scene) -> None:
        self._rng, self._world = rng, world
        self._asked = 0
        self.staff = Staff(scene)
        self.inbox: dict[str, ob.Asked] = {}

    def ask(
        self, verb: str, task: str = "", number: int = 0, text: str = "", attempt: str = "",
        paths: tuple[str, ...] = (), agent: AgentSlots | None = None,
    ) -> ob.Asked:  # fmt: skip
        """A new request; with `attempt`, of its agent's."""
        self._asked += 1
        key = f"k{self._asked}"
        asked = ob.Asked(key, verb, task, "somebody", text, number, attempt, paths, agent=agent)
        self.inbox[asked.key] = asked
        return asked

    def meddle(self, state: State) -> list[ob.Observation]:
        """What the core hears of what people do in this turn."""
        rng, temper = self._rng, self._world.temper
        found: list[ob.Observation] = []
        if temper.requests and rng.random() < temper.requests:
            verb = rng.choice(VERBS)
            task = rng.choice((*state.tasks, "nobody")) if verb in TASK_VERBS else ""
            if verb == "undo" and state.landed:
                task = rng.choice(state.landed)
            turn = rng.choice(TURNS) if verb == "retry" else ""
            asked = self.ask(verb, task, rng.choice((0, 1, 2, 5)), turn)
            found += [asked] * rng.choice((1, 1, 2))
        # The worst moment is while the branch is moved.
        moved = [link.about for link in state.landings[: chain.moving_at(state) + 1]]
        if temper.queue and rng.random() < (0.3 if moved else temper.queue):
            found += [self._of_queue(state, moved)] * rng.choice((1, 1, 2))
        if temper.talk and rng.random() < temper.talk:
            found += [self._talk(state)] * rng.choice((1, 1, 2))
        if temper.dirty and rng.random() < temper.dirty:
            self._world.trees.dirty = not self._world.trees.dirty
        if temper.target_moves and rng.random() < temper.target_moves:
            self._commit_on_target()
        if temper.foreign_moves and rng.random() < temper.foreign_moves:
            self._push_on_integration()
        if rng.random() < 0.2:
            found += self.decide(state)
        if state.paused and rng.random() < 0.1:
            found.append(self.ask("resume"))
        found += self.staff.meddle(state, temper.staff, self.ask)
        if state.queue_held and rng.random() < 0.2:
            found.append(self.ask("queue-resume"))
        return found

    def _of_queue(self, state: State, moved: list[str]) -> ob.Asked:
        """Something about the queue, or about a change that is in it."""
        rng = self._rng
        inside = [name for name in state.live if state.attempts[name].phase in _IN_QUEUE]
        verb = rng.choice((*QUEUE_VERBS, "land", "land", *["cancel"] * (4 if moved else 1)))
        if verb in QUEUE_VERBS or not inside:
            return self.ask(rng.choice(QUEUE_VERBS))
        known = [name for name in moved if name in inside]
        return self.ask(verb, state.attempts[rng.choice(known or inside)].task)

    def _talk(self, state: State) -> ob.Asked:
        """Something that a person or an agent says."""
        rng = self._rng
        task = rng.choice(tuple(state.tasks))
        if state.live and rng.random() < 0.8:
            # Best where a word comes late: when the work is on its way already.
            found = [state.attempts[name] for name in state.live]
            late = [one for one in found if one.phase in (Phase.QUEUED, Phase.LANDING)]
            task = rng.choice(late or found).task
        if not state.live or rng.random() < 0.5:
            return self.ask(rng.choice(PEOPLE_VERBS), task, text=rng.choice(("do", "do", "")))
        # Mostly of an agent that lives, sometimes of one that does not any more.
        names = list(self._world.alive) or list(state.live)
        attempt = rng.choice(names if rng.random() < 0.9 else list(state.attempts))
        verb = rng.choice((*AGENT_VERBS, "claim", "ask", "cancel"))
        text, paths = "what?", tuple(rng.sample(PLACES, rng.choice((0, 1, 1, 2))))
        said = state.task_states[state.attempts[attempt].task].messages
        keys = [one.key for one in state.attempts[attempt].asked] + [one.key for one in said]
        if keys and rng.random() < 0.5:
            verb = rng.choice(("heard", "unask"))
        if verb in ("heard", "unask"):
            text = rng.choice([*keys, "k0"])
        return self.ask(verb, task, rng.choice((0, 1)), text, attempt, paths)

    def decide(self, state: State) -> list[ob.Observation]:
        """Approve (or rarely reject) everything that waits for a person."""
        found: list[ob.Observation] = []
        for name in state.live:
            attempt = state.attempts[name]
            if attempt.in_hand and state.task_states[attempt.task].resolver:
                continue
            if attempt.in_hand:
                found.append(self.ask("hand_back", attempt.task))
            elif waiting := [one.key for one in attempt.asked if one.waits]:
                if self._rng.random() < 0.3:  # its command gives up first
                    found.append(self.ask("unask", text=waiting[0], attempt=name))
                else:
                    found.append(self.ask("answer", attempt.task, text="yes"))
            elif attempt.phase is Phase.REVIEWING:
                verb = "reject" if self._rng.random() < 0.15 else "approve"
                found.append(self.ask(verb, attempt.task))
            elif waits_for_a_person(attempt):
                found.append(self.ask("retry", attempt.task))
        return found + self._resolve(state)

    def _resolve(self, state: State) -> list[ob.Observation]:
        """End every resolving of a conflict, and sometimes begin one."""
        found: list[ob.Observation] = []
        for name, known in state.task_states.items():
            if known.resolver:
                kept = [one.ref for one in kept_turns(state, name)]
                kept = kept if self._rng.random() < 0.8 else []
                verb = "resolve_done" if kept else "resolve_abort"
                found.append(self.ask(verb, name, text=kept[-1] if kept else ""))
            elif (
                known.last_cause in CLASHED or _clashes(state, name)
            ) and self._rng.random() < 0.2:
                found.append(self.ask("resolve", name))
        return found

    def second_thoughts(self, tasks: Mapping[str, TaskPage]) -> list[ob.Asked] | None:
        """What people ask for after the end: that a task is tried again, or undone."""
        closed = [name for name, page in tasks.items() if not page.finished]
        landed = [name for name, page in tasks.items() if page.landed]
        stale = [name for name in closed if tasks[name].outdated]
        if landed and (not closed or self._rng.random() < 0.5):
            # Best what others failed on top of: their work is out of date then.
            needed = [name for name in landed if any(name in tasks[c].task.needs for c in closed)]
            return [self.ask("undo", self._rng.choice(needed or landed))]
        if not closed:
            return None
        return [self.ask("retry", self._rng.choice(stale or closed), text=self._rng.choice(TURNS))]

    def settle(self, state: State) -> list[ob.Observation]:
        """All that people can do so that the run goes on: clean up, decide, resume."""
        trees = self._world.trees
        trees.dirty = False
        if state.delivery.merge_failed and trees.integration is not None:
            # They merge what landed into their branch themselves.
            tree = trees.merged(trees.target, trees.integration)
            trees.target = trees.commit(tree, trees.target, trees.integration)
            if not trees.is_ancestor(trees.remote, trees.target):
                tree = trees.merged(trees.target, trees.remote)
                trees.target = trees.commit(tree, trees.target, trees.remote)
        found = self.decide(state)
        found += self.staff.bring_back(state, self.ask)
        if state.paused:
            found.append(self.ask("resume"))
        if state.queue_held:
            found.append(self.ask("queue-resume"))
        return found

    def other_limits(self, limits: Limits) -> Limits:
        """The limits of the next engine: the same, or others."""
        if self._world.finds.is_asked_about:
            limits = other_limits(limits, self._world.finds.rng)
        if self._rng.random() < 0.8:
            return limits
        rng, history = self._rng, limits.history
        if rng.random() < 0.3:
            history = rng.choice(tuple(History))
        return replace(
            limits, max_agents=rng.choice((1, 2, 4)), window=rng.choice((1, 4)), history=history
        )

    def _commit_on_target(self) -> None:
        trees = self._world.trees
        tree = trees.change("@user", trees.commits[trees.target].tree, frozenset())
        trees.target = trees.commit(tree, trees.target)
        if self._rng.random() < 0.4:
            trees.clash("@user", self._rng.choice(NAMES[:3]))

    def _push_on_integration(self) -> None:
        trees = self._world.trees
        if trees.integration is not None:
            tree = trees.change("@user", trees.commits[trees.integration].tree, frozenset())
            trees.integration = trees.commit(tree, trees.integration)


def _clashes(state: State, task: str) -> bool:
    attempt = state.attempt_of(task)
    return attempt is not None and attempt.returned in CLASHED
