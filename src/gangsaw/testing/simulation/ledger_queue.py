"""The second bookkeeping of the landing queue: a plain list of what is being combined, in order,
and what may happen next to it. Trees, clashes and red runs are asked of the world."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.events import Cause, Judgement
from gangsaw.core.events_undo import undo_about
from gangsaw.core.model import task_of
from gangsaw.core.state import State
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.trees import Tree, owner, tree_id

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger

BATCH_START = 4
BLAMED_AFTER = 2
UNSURE_MAX = 3


@dataclass(slots=True)
class Combined:
    """One that is being combined with what is before it."""

    about: str
    work: str
    onto: str = ""
    candidate: str = ""
    batch: int = 0


@dataclass(slots=True)
class Queue:
    """What is known of the queue. `ready` says since when each change waits, `behind` which change
    ahead it does not merge with; `size` is an upper bound of the next batch."""

    links: list[Combined] = field(default_factory=list)
    ready: dict[str, float] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
    moving: str = ""
    held: bool = False
    frozen: bool = False
    size: int = BATCH_START
    first: set[str] = field(default_factory=set)
    reds: Counter[str] = field(default_factory=Counter)
    unsure: Counter[str] = field(default_factory=Counter)
    """Candidate → verdicts of this kind on it."""
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Candidate → the tests that its last red verdict named."""
    members: dict[int, int] = field(default_factory=dict)
    """Batch → how many there were in it at first."""
    suspects: set[str] = field(default_factory=set)
    """Those that were set aside, until their work is another or they went back."""
    blamed: dict[str, Tree] = field(default_factory=dict)
    """Attempt → its own changes when it was last blamed for what they do to what landed."""

    # --- what the rules ask ---------------------------------------------------------------------

    def at(self, about: str) -> int:
        """Its place among those that are combined, -1 if it is not."""
        return next((at for at, link in enumerate(self.links) if link.about == about), -1)

    def link(self, about: str) -> Combined:
        """It must be being combined."""
        at = self.at(about)
        if at < 0:
            raise Broken(f"{about} is not being combined")
        return self.links[at]

    def is_alone(self, book: Ledger, about: str) -> bool:
        """Whether it is checked with nothing else."""
        if about.startswith("@") or about in self.suspects:
            return True
        return task_of(about) in self.first or task_of(about) in book.world.barriers

    def drop(self, about: str) -> None:
        """It is not combined any more, which may not be while the branch is moved to it."""
        at = self.at(about)
        if at < 0:
            return
        if self.moving and at <= self.at(self.moving):
            raise Broken(f"{about} is taken out while the branch is moved to {self.moving}")
        del self.links[at]

    def over(self, about: str) -> None:
        """It waits for nothing any more."""
        self.ready.pop(about, None)
        self.behind.pop(about, None)

    # --- events ---------------------------------------------------------------------------------

    def take(self, book: Ledger, event: ev.Event, at: float) -> None:
        """Check that the event may happen to the queue now, and note it."""
        match event:
            case ev.ChangeQueued():
                self._queued(book, event, at)
            case ev.CandidateWanted():
                self._wanted(book, event)
            case ev.CandidateBuilt():
                self._built(book, event)
            case ev.CandidateConflicted():
                self.link(event.attempt).onto = event.onto
            case ev.BatchFormed():
                self._formed(book, event)
            case ev.CandidateJudged():
                self._judged(book, event)
            case ev.LandingWanted():
                self._move(book, event)
            case ev.LandingMissed():
                self.moving = ""
            case ev.Landed() | ev.Undone():
                self._landed(event)
            case ev.WorkReturned():
                self._returned(book, event)
            case ev.AttemptFailed():
                self._failed(event)
            case ev.TargetMergeFailed():
                self.moving = ""
                self.drop(ev.TARGET)
            case ev.UndoFailed():
                self.drop(undo_about(event.task))
            case _:
                self._asked(event, at)

    def _asked(self, event: ev.Event, at: float) -> None:
        match event:
            case ev.WorkFound():
                self.suspects.discard(event.attempt)
            case ev.QueueHeld():
                self.held, self.frozen = True, event.frozen
            case ev.QueueReleased():
                self.held = self.frozen = False
            case ev.PutFirst():
                self.first.add(event.task)
            case ev.EngineStarted():
                self.ready = {name: min(since, at) for name, since in self.ready.items()}
            case ev.ClockJumped() if event.why is ev.Jump.SET:
                self.ready = {name: since + event.seconds for name, since in self.ready.items()}
            case _:
                pass

    def _queued(self, book: Ledger, event: ev.ChangeQueued, at: float) -> None:
        name, place = event.attempt, self.at(event.attempt)
        if event.against:
            onto = self.link(name).onto
            if not 0 <= self.at(event.against) < place:
                raise Broken(f"{name} waits for {event.against}, which is not ahead of it")
            if not book.world.trees.clashes(onto, event.commit):
                raise Broken(f"{name} waits for {event.against}, and merges with {onto}")
        if event.tests:
            self._set_aside(book, event)
        self.drop(name)
        self.ready.setdefault(name, at)
        self.behind[name] = event.against

    def _set_aside(self, book: Ledger, event: ev.ChangeQueued) -> None:
        """Only out of a batch of several in which the tests have failed with it in the tree."""
        link = self.link(event.attempt)
        if self.members.get(link.batch, 0) < 2:
            raise Broken(f"{event.attempt} is set aside, and is not one of several")
        above = [one.candidate for one in self.links[self.at(event.attempt) :]]
        for test in event.tests:
            if not any(self._red_in_part(book, commit, test) for commit in above):
                raise Broken(f"{event.attempt} is set aside for {test}, which has not failed there")
        self.suspects.add(event.attempt)

    def _red_in_part(self, book: Ledger, commit: str, test: str) -> int:
        """How often the test was run by its name on the commit, and failed."""
        ran = book.world.trees.tests.ran
        return sum(1 for on, _, _, red in ran if on == commit and test in red)

    def _wanted(self, book: Ledger, event: ev.CandidateWanted) -> None:
        name, place = event.attempt, self.at(event.attempt)
        if place >= 0:
            if self.moving and place <= self.at(self.moving):
                raise Broken(f"{name} is built anew while the branch is moved to it")
            link = self.links[place]
            self.links[place] = Combined(name, event.work, batch=link.batch)
            return
        special = name.startswith("@")
        if self.links and (special or self.links[0].about.startswith("@")):
            raise Broken(f"{name} is combined beside {self.links[0].about}")
        if not special:
            self._is_its_turn(book, name)
        if (event.onto or book.head) != book.head or bool(event.onto) == bool(self.links):
            raise Broken(f"{name} is to be put on {event.onto}")
        self.links.append(Combined(name, event.work))

    def _is_its_turn(self, book: Ledger, name: str) -> None:
        """Nothing is taken in before what waits longest, but what people put first."""
        if self.held:
            raise Broken(f"{name} is taken in by a queue that is held")
        waiting = [link for link in self.links if not link.batch]
        if len(waiting) >= self._most(book):
            raise Broken(f"{name} is taken in beside {len(waiting)} that wait")
        inside = {link.about for link in self.links}
        free = [
            other
            for other in self.ready
            if other not in inside and self.behind.get(other, "") not in inside
        ]
        urgent = [other for other in free if task_of(other) in self.first or other in self.suspects]
        if name not in free or (urgent and name not in urgent):
            raise Broken(f"{name} is taken in, and not one of {urgent or free}")
        oldest = min(self.ready[other] for other in free)
        outside = [other for other in free if self.ready[other] == oldest]
        if not urgent and name not in outside and not self._has_taken(oldest):
            raise Broken(f"{name} is taken in before {outside}")

    def _has_taken(self, oldest: float) -> bool:
        """Whether one of those that are not yet in a batch has waited longer than that."""
        waiting = [link.about for link in self.links if not link.batch]
        return any(self.ready[name] <= oldest for name in waiting if name in self.ready)

    def _most(self, book: Ledger) -> int:
        return max(1, min(self.size, book.limits.window))

    def _built(self, book: Ledger, event: ev.CandidateBuilt) -> None:
        trees, place = book.world.trees, self.at(event.attempt)
        link = self.link(event.attempt)
        link.onto, link.candidate = event.onto, event.commit
        # It may be the very commit of an earlier place in the chain; what was red there is over.
        self.reds[event.commit] = self.unsure[event.commit] = 0
        if place > 0 and event.onto != self.links[place - 1].candidate:
            raise Broken(f"{event.attempt} is built on {event.onto}, which is not before it")
        if place == 0 and trees.commits[event.onto].tree != trees.commits[book.head].tree:
            raise Broken(f"{event.attempt} is built on {event.onto}, and the branch has more")

    def _formed(self, book: Ledger, event: ev.BatchFormed) -> None:
        members = list(event.members)
        if self.held:
            raise Broken("a batch is formed by a queue that is held")
        inside = [link for link in self.links if link.batch]
        if inside:
            self._goes_ahead(book, inside)
        if not members or len(members) > self._most(book):
            raise Broken(f"a batch of {len(members)}, and {self._most(book)} at most")
        chosen = self.links[len(inside) : len(inside) + len(members)]
        if members != [link.about for link in chosen]:
            raise Broken(f"a batch of {members}, which are not those that come first")
        if len(members) > 1 and any(self.is_alone(book, name) for name in members):
            raise Broken(f"one of {members} lands alone")
        self.members[event.number] = len(members)
        for link in chosen:
            if not link.candidate:
                raise Broken(f"{link.about} is in a batch, and not yet combined")
            link.batch = event.number

    def _goes_ahead(self, book: Ledger, inside: list[Combined]) -> None:
        """A second batch is checked on top of one that has not been red, where slots allow it."""
        moved = self.at(self.moving) + 1 if self.moving else 0
        checked = inside[moved:]
        if book.limits.check_slots < 2 or len({link.batch for link in checked}) != 1:
            raise Broken("a batch is formed while another is being checked")
        if any(self.reds[link.candidate] or self.unsure[link.candidate] for link in checked):
            raise Broken("a batch is formed on top of one that has not passed")

    def _judged(self, book: Ledger, event: ev.CandidateJudged) -> None:
        link, trees = self.link(event.attempt), book.world.trees
        commit = link.candidate
        if not commit or not link.batch or event.tree != tree_id(trees.commits[commit].tree):
            raise Broken(f"{event.attempt} is judged, and not to be checked as {event.tree}")
        if event.only:
            told = (commit, event.only, event.judgement)
            if told not in [ran[:3] for ran in trees.tests.ran]:
                raise Broken(f"{event.attempt} is judged by {event.only}, which were not run")
            return
        if event.judgement is Judgement.INCONCLUSIVE:
            self.unsure[commit] += 1
        elif event.judgement is Judgement.FAILED:
            self.reds[commit] += 1
            failed = [one for one in event.results if one.judgement is Judgement.FAILED]
            self.named[commit] = tuple(name for one in failed for name in one.failing)
            # A later attempt may come to the very same combination.
            runs = sum(n for (_, of), n in trees.red_runs.items() if of == commit)
            if self.reds[commit] > runs or not trees.red_runs[event.attempt, commit]:
                raise Broken(f"{event.attempt} is red more often than its checks were")
        elif [one.about for one in self.links if one.batch == link.batch][-1] == event.attempt:
            # What was red before is no reason to grow, and a narrower window none to shrink.
            self.size = max(self.size, min(self.size * 2, book.limits.window))

    def _move(self, book: Ledger, event: ev.LandingWanted) -> None:
        link, trees = self.link(event.attempt), book.world.trees
        if self.frozen:
            raise Broken(f"{event.attempt} is to land while the queue is frozen")
        if self.moving:
            raise Broken(f"{event.attempt} is to land while {self.moving} does")
        if (event.commit, event.onto) != (link.candidate, book.head) or not link.batch:
            raise Broken(f"{event.attempt} is to land as {event.commit} on {event.onto}")
        place = self.at(event.attempt)
        above = trees.commits[event.commit].above
        for at, one in enumerate(self.links):
            if not one.about.startswith("@") and (one.work in above) != (at <= place):
                raise Broken(f"{event.commit} with or without {one.about}, which is number {at}")
        self.moving = event.attempt

    def _landed(self, event: ev.Landed | ev.Undone) -> None:
        undone = isinstance(event, ev.Undone)
        about = undo_about(event.task) if isinstance(event, ev.Undone) else event.attempt
        link = self.link(about)
        if self.at(about) != 0 or not self.moving:
            raise Broken(f"{about} has landed, which was not its turn")
        if link.candidate != event.commit:
            raise Broken(f"{about} has landed as {event.commit}, not {link.candidate}")
        if about == self.moving:
            self.moving = ""
        del self.links[0]
        self.over(about)
        if not undone:
            self.first.discard(task_of(about))

    def _returned(self, book: Ledger, event: ev.WorkReturned) -> None:
        name, trees = event.attempt, book.world.trees
        place = self.at(name)
        if place >= 0 and event.cause in (Cause.COMBINATION, Cause.CONFLICT):
            link = self.links[place]
            same = trees.commits[link.onto].tree == trees.commits[book.head].tree
            conflict = event.cause is Cause.CONFLICT
            if not same and not (conflict and place):
                raise Broken(f"{name} goes back, and was not put on what landed")
            if conflict and not trees.clashes(book.head, link.work):
                raise Broken(f"{name} goes back for a conflict, and merges")
            if place and not conflict:
                raise Broken(f"{name} goes back, and is not the first")
            if event.cause is Cause.COMBINATION:
                if self.reds[link.candidate] >= BLAMED_AFTER:
                    self.size = max(min(self.size, book.limits.window) // 2, 1)
                elif self._same_tests(book, link.candidate) < BLAMED_AFTER:
                    raise Broken(f"{name} goes back after {self.reds[link.candidate]} red runs")
                self.blamed[name] = self._own(book, name)
        elif event.cause is Cause.COMBINATION and self.blamed.get(name) != self._own(book, name):
            raise Broken(f"{name} goes back, and was blamed as {self.blamed.get(name)}")
        self.suspects.discard(name)
        self.drop(name)
        self.over(name)

    def _own(self, book: Ledger, name: str) -> Tree:
        """What the attempt's own agent changed."""
        tree = book.world.trees.commits[book.attempts[name].sealed].tree
        return frozenset(change for change in tree if owner(change) == task_of(name))

    def _same_tests(self, book: Ledger, commit: str) -> int:
        """How often the same test was red on the commit, in whole runs and by itself."""
        ran = book.world.trees.tests.ran
        tests = {test for on, _, _, red in ran if on == commit for test in red}
        named = self.named.get(commit, ())
        whole = self.reds[commit]
        return max(
            ((whole if x in named else 0) + self._red_in_part(book, commit, x) for x in tests),
            default=0,
        )

    def _failed(self, event: ev.AttemptFailed) -> None:
        place = self.at(event.attempt)
        unsure = self.unsure[self.links[0].candidate] if self.links else 0
        if place >= 0 and event.cause is Cause.INCONCLUSIVE and (place or unsure < UNSURE_MAX):
            raise Broken(f"{event.attempt} ends for want of a verdict that others need")
        self.drop(event.attempt)
        self.over(event.attempt)


def check_queue(book: Ledger, state: State) -> None:
    """The core combines what the second bookkeeping does, and keeps waiting what that does."""
    inside = [link.about for link in book.queue.links]
    if inside != [link.about for link in state.landings]:
        raise Broken(f"{[link.about for link in state.landings]} are combined, and not {inside}")
    waiting = {name for name in book.queue.ready if name not in inside}
    if waiting != set(state.queue) or len(waiting) != len(state.queue):
        raise Broken(f"{state.queue} are queued, and not {sorted(waiting)}")


def check_good_landed(book: Ledger) -> None:
    """At the end of a run in which no check was flaky and nothing was undone: what was sent back
    for the last time does not go on what landed."""
    trees = book.world.trees
    head = trees.commits[book.head].tree
    for name, task in book.tasks.items():
        page = book.attempts.get(task.current)
        if task.finished or not task.given_up or page is None or not page.sealed:
            continue
        if page.place != "work.returned":
            continue
        both = head | trees.commits[page.sealed].tree
        red = any(trees.is_red(both, check) for check in book.all_checks())
        if task.last_cause is Cause.CONFLICT and not trees.clashes(book.head, page.sealed):
            raise Broken(f"{name} is given up for a conflict, and merges with what landed")
        if task.last_cause is Cause.COMBINATION and not red:
            raise Broken(f"{name} is given up, and is green with what landed")
