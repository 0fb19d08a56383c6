"""The second bookkeeping of overlaps: which stand, who was told of what, and whom they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core import events_radar as er
from gangsaw.core import events_talk as et
from gangsaw.core.model import RadarPolicy, task_of
from gangsaw.core.observations import OverlapsRead
from gangsaw.core.overlaps import INTEGRATION, Overlap
from gangsaw.core.state import State
from gangsaw.testing.simulation.broken import Broken

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger

ADVICE_MAX = 20
Pair = tuple[str, str]


@dataclass(slots=True)
class Standing:
    """An overlap that stands; `files` are paths with what collides there."""

    pair: Pair
    files: frozenset[tuple[str, str]]
    resolved: bool = False

    @property
    def paths(self) -> set[str]:
        """The paths that collide."""
        return {path for path, _ in self.files}


def files_of(one: Overlap | er.OverlapSeen) -> frozenset[tuple[str, str]]:
    """Paths with what collides there; where the lines are is no news."""
    return frozenset((file.path, file.kind.value) for file in one.files)


@dataclass(slots=True)
class RadarBook:
    """`reports` are those of the present turn; `said` what was seen of a pair, told or not; `due`
    the key and the task of the advice that has to follow at once."""

    standing: dict[str, Standing] = field(default_factory=dict)
    said: dict[Pair, set[str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    count: int = 0
    due: tuple[str, str] | None = None
    reports: list[OverlapsRead] = field(default_factory=list)

    def take(self, book: Ledger, event: ev.Event) -> None:
        """Check that the event may happen now, and note it."""
        due, self.due = self.due, None
        if isinstance(event, et.MessageLeft) and event.advice:
            if due is None or event.task != due[1] or not event.key.startswith(f"{due[0]}-"):
                raise Broken(f"{event.task} is advised of {event.key}, and {due} is due")
            return
        if due is not None:
            raise Broken(f"{due[1]} is not told of {due[0]}")
        match event:
            case er.OverlapSeen():
                self._seen(book, event)
            case er.OverlapEnded():
                self._ended(book, event)
            case er.OverlapResolved():
                known = self.standing.get(event.key)
                if known is None or known.resolved or not event.by:
                    raise Broken(f"{event.key} is resolved, and does not stand")
                known.resolved = True
                self._withdraw(book, event.key, known)
            case er.RadarFailed():
                if event.text in self.failed or all(x.trouble != event.text for x in self.reports):
                    raise Broken(f"the radar is said to have failed: {event.text}")
                self.failed.add(event.text)
            case _:
                pass

    def _seen(self, book: Ledger, event: er.OverlapSeen) -> None:
        pair, files = (event.ours, event.attempt), files_of(event)
        acts = all(name == INTEGRATION or book.attempts[name].live for name in pair)
        if not acts or (event.stale and event.ours != INTEGRATION):
            raise Broken(f"{pair} are said to collide, and do not act, or with what landed")
        if not any(event.files == one.files for one in self._reported(pair)):
            raise Broken(f"{pair} are said to collide in {files}, and nobody has seen that")
        known = self.standing.get(event.key)
        if known is None:
            self.count += 1
            if event.key != f"o{self.count}" or pair in [x.pair for x in self.standing.values()]:
                raise Broken(f"{pair} collide as {event.key}, and are known")
            known = self.standing[event.key] = Standing(pair, files)
        elif known.pair != pair or known.resolved or known.files == files:
            raise Broken(f"{event.key} of {pair} is no news")
        known.files = files
        said = self.said.setdefault(pair, set())
        task = task_of(event.attempt)
        tells = book.limits.radar is RadarPolicy.TELL and not known.paths <= said
        if tells and len(book.talk.advice_for(task)) < ADVICE_MAX:
            self.due = (f"overlap-{event.key}", task)
        said |= known.paths

    def _ended(self, book: Ledger, event: er.OverlapEnded) -> None:
        known = self.standing.pop(event.key)
        over = any(x != INTEGRATION and not book.attempts[x].live for x in known.pair)
        others = known.resolved and any(
            not files_of(one) <= known.files for one in self._reported(known.pair)
        )
        if not (over or others or any(self._denies(x, known.pair) for x in self.reports)):
            raise Broken(f"{event.key} of {known.pair} is said to be over")
        self._withdraw(book, event.key, known)

    def _withdraw(self, book: Ledger, key: str, known: Standing) -> None:
        """Advice that was never given is out of date, and may be given again."""
        if book.talk.withdraw(task_of(known.pair[1]), f"overlap-{key}-"):
            self.said.pop(known.pair, None)

    def _reported(self, pair: Pair) -> list[Overlap]:
        return [one for x in self.reports for one in x.overlaps if (one.ours, one.theirs) == pair]

    def _denies(self, report: OverlapsRead, pair: Pair) -> bool:
        """Whether it looked at both, and they merge (or what collides is what landed)."""
        if report.trouble or not {*pair} <= {*report.looked, INTEGRATION}:
            return False
        return all(
            (one.ours, one.theirs) != pair or (one.stale and one.ours != INTEGRATION)
            for one in report.overlaps
        )

    # --- what the naive answers need ------------------------------------------------------------

    def holding(self, book: Ledger, scope: Sequence[str]) -> list[set[str]]:
        """The tasks of each overlap that a task of this scope would make a third of."""
        if book.limits.radar is not RadarPolicy.SERIALISE:
            return []
        return [
            {task_of(name) for name in known.pair if name != INTEGRATION}
            for known in self.standing.values()
            if not known.resolved and any(_below(path, scope) for path in known.paths)
        ]

    def others_of(self, attempt: str) -> set[str]:
        """The tasks with which it collides, but for what has landed."""
        return {
            task_of(name)
            for known in self.standing.values()
            if attempt in known.pair and not known.resolved
            for name in known.pair
            if name not in (attempt, INTEGRATION)
        }


def _below(path: str, scope: Sequence[str]) -> bool:
    return any(path == entry or path.startswith(entry + "/") for entry in scope)


def check_radar(book: Ledger, state: State) -> None:
    """The core knows the overlaps that stand, with all that the last report says."""
    radar = book.radar
    found = {key: (one.ours, one.theirs) for key, one in state.overlaps.items()}
    if found != {key: known.pair for key, known in radar.standing.items()}:
        raise Broken(f"{found} are known to collide, and not {radar.standing}")
    for key, known in radar.standing.items():
        if bool(state.overlaps[key].resolved_by) is not known.resolved:
            raise Broken(f"{key} is resolved or not: {known}")
        if any(x != INTEGRATION and not book.attempts[x].live for x in known.pair):
            raise Broken(f"{key} stands, and one of {known.pair} is over")
    if radar.reports and not radar.reports[-1].trouble:
        _is_taken_in(book, radar.reports[-1])


def _is_taken_in(book: Ledger, report: OverlapsRead) -> None:
    standing = {known.pair: known for known in book.radar.standing.values()}
    for one in report.overlaps:
        pair, files = (one.ours, one.theirs), files_of(one)
        told = not one.stale or one.ours == INTEGRATION
        acts = all(name == INTEGRATION or book.attempts[name].live for name in pair)
        if not (told and acts):
            continue
        known = standing.pop(pair, None)
        if known is None or (known.files != files and not (known.resolved and files < known.files)):
            raise Broken(f"{pair} collide in {files}, and it is not known")
    for pair in standing:
        if {*pair} <= {*report.looked, INTEGRATION}:
            raise Broken(f"{pair} merge, and are said to collide")
