"""How long tasks and checks take, and what they cost, learned from the events of earlier runs.

One pass over the events of each run, without folding its state: a turn's time is from its start to
its end, and belongs to the stage that its attempt was at. Only attempts that landed teach, since
nobody knows how long the others had still to go; what they cost counts, failed attempts before
included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core.durations import CheckTimes, Durations, TurnTimes
from gangsaw.core.model import TurnKind
from gangsaw.core.terms import CheckResult, Judgement

SAMPLES_MAX = 50
"""Of each agent, model and stage, and of each check, so many of the latest count."""

WRITTEN_MAX = 15
"""So many of them are written down when a run begins."""

Key = tuple[str, str, TurnKind]
"""Agent, model (empty: none was asked for) and stage: test, work or review."""


class Source(StrEnum):
    """Where a figure is from: the plan itself, earlier runs (of the same agent and model, of the
    agent with other models, of other agents), or nowhere."""

    PLAN = "plan"
    LEARNED = "learned"
    OTHER_MODEL = "other_model"
    OTHER_AGENT = "other_agent"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Guess:
    """A figure, where it is from, and how many samples it is the median of."""

    value: float
    source: Source
    samples: int = 0


@dataclass(slots=True)
class Learned:
    """Samples, the latest last. `turns_s` are seconds of an agent's turns in a stage of one attempt
    that landed (repairs included; of a review each turn); `costs_usd` dollars for a task that
    landed; `checks_s` seconds of green runs by key. Around that: making a worktree (`prepare_s`),
    starting an agent (`start_s`), sealing its work (`seal_s`), what checks take besides themselves
    (`beside_s`), combining (`combine_s`) and moving the branch (`move_s`). `landed` counts the
    attempts that taught."""

    turns_s: dict[Key, list[float]] = field(default_factory=dict)
    costs_usd: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    checks_s: dict[str, list[float]] = field(default_factory=dict)
    prepare_s: list[float] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)
    beside_s: list[float] = field(default_factory=list)
    seal_s: list[float] = field(default_factory=list)
    combine_s: list[float] = field(default_factory=list)
    move_s: list[float] = field(default_factory=list)
    landed: int = 0

    def turn_s(self, agent: str, model: str | None, stage: TurnKind) -> Guess | None:
        """How long the agent will be at this stage of a task; `None` where nobody ever was."""
        of_stage = {key: values for key, values in self.turns_s.items() if key[2] is stage}
        ways: tuple[tuple[Source, Callable[[Key], bool]], ...] = (
            (Source.LEARNED, lambda key: key[:2] == (agent, model or "")),
            (Source.OTHER_MODEL, lambda key: key[0] == agent),
            (Source.OTHER_AGENT, lambda key: True),
        )
        for source, fits in ways:
            found = [each for key, values in of_stage.items() if fits(key) for each in values]
            if found:
                return Guess(median(found), source, len(found))
        return None

    def cost_usd(self, agent: str, model: str | None) -> Guess | None:
        """What a task that lands costs with this very agent and model; `None` if nobody knows."""
        found = self.costs_usd.get((agent, model or ""))
        return Guess(median(found), Source.LEARNED, len(found)) if found else None

    def check_s(self, key: str) -> Guess | None:
        """How long the check takes where it is green; `None` if it never was."""
        found = self.checks_s.get(key)
        return Guess(median(found), Source.LEARNED, len(found)) if found else None

    def written_down(self) -> Durations:
        """The latest samples of turns and checks, `WRITTEN_MAX` of each."""
        return Durations(
            tuple(TurnTimes(*key, _latest(found)) for key, found in self.turns_s.items()),
            tuple(CheckTimes(key, _latest(found)) for key, found in self.checks_s.items()),
        )


def _latest(samples: list[float]) -> tuple[float, ...]:
    return tuple(round(each, 3) for each in samples[-WRITTEN_MAX:])


def learned_from(durations: Durations) -> Learned:
    """What was written down, to be learned on from."""
    return Learned(
        turns_s={(of.agent, of.model, of.stage): list(of.seconds) for of in durations.turns},
        checks_s={of.key: list(of.seconds) for of in durations.checks},
    )


def learn(runs: Iterable[Iterable[tuple[float, ev.Event]]]) -> Learned:
    """What runs teach, the oldest first; each as its events with their moments."""
    learned = Learned()
    for events in runs:
        pupil = Pupil(learned)
        for at, event in events:
            rule = RULES.get(type(event))
            if rule is not None:
                rule(pupil, event, at)
    return learned


def _keep(samples: list[float], value: float) -> None:
    """Take in a sample; those of a clock that was set back teach nothing."""
    if value >= 0.0:
        samples.append(value)
        del samples[:-SAMPLES_MAX]


@dataclass(slots=True)
class _Attempt:
    task: str
    agent: str
    model: str
    admitted_at: float
    stage: TurnKind = TurnKind.WORK
    reviewer: str = ""
    launch_at: float = 0.0
    turn_at: float | None = None
    found_at: float | None = None
    ended_at: float | None = None
    worked_s: dict[TurnKind, float] = field(default_factory=dict)
    wanted_at: float | None = None
    move_at: float | None = None


@dataclass(slots=True)
class Pupil:
    """What is known of one run's attempts while its events are read. `used`: task → launch →
    dollars, `None` where tokens were told without a price."""

    learned: Learned = field(default_factory=Learned)
    attempts: dict[str, _Attempt] = field(default_factory=dict)
    used: dict[str, dict[tuple[str, int], float | None]] = field(default_factory=dict)

    def admitted(self, event: ev.AttemptAdmitted, at: float) -> None:
        self.attempts[event.attempt] = _Attempt(event.task, event.agent, event.model or "", at)

    def prepared(self, event: ev.WorkspacePrepared, at: float) -> None:
        _keep(self.learned.prepare_s, at - self.attempts[event.attempt].admitted_at)

    def wanted(self, event: ev.TurnWanted, at: float) -> None:
        attempt = self.attempts[event.attempt]
        attempt.turn_at, attempt.reviewer, attempt.launch_at = None, "", at
        if event.why is TurnKind.REVIEW:
            attempt.reviewer = event.agent
            return
        if event.why in (TurnKind.TEST, TurnKind.WORK):
            attempt.stage = event.why
        if event.agent and event.agent != attempt.agent:
            attempt.agent, attempt.model = event.agent, ""

    def started(self, event: ev.TurnStarted, at: float) -> None:
        attempt = self.attempts[event.attempt]
        _keep(self.learned.start_s, at - attempt.launch_at)
        attempt.turn_at = at

    def ended(self, event: ev.TurnExited | ev.TurnLost, at: float) -> None:
        attempt = self.attempts[event.attempt]
        if attempt.turn_at is None:
            return
        spent_s, attempt.turn_at, attempt.ended_at = at - attempt.turn_at, None, at
        if attempt.reviewer:
            key = (attempt.reviewer, "", TurnKind.REVIEW)
            _keep(self.learned.turns_s.setdefault(key, []), spent_s)
        else:
            before = attempt.worked_s.get(attempt.stage, 0.0)
            attempt.worked_s[attempt.stage] = before + max(0.0, spent_s)

    def found(self, event: ev.WorkFound, at: float) -> None:
        attempt = self.attempts[event.attempt]
        attempt.found_at = at
        if attempt.ended_at is not None:
            _keep(self.learned.seal_s, at - attempt.ended_at)

    def judged(
        self, event: ev.VerdictReached | ev.CandidateJudged | ev.AfterJudged, at: float
    ) -> None:
        # What only some of its tests took says nothing of the check.
        whole = not (isinstance(event, ev.CandidateJudged) and event.only)
        for result in event.results if whole else ():
            if _teaches(result):
                _keep(self.learned.checks_s.setdefault(result.of, []), result.duration_s)
        if isinstance(event, ev.VerdictReached) and event.results:
            attempt = self.attempts[event.attempt]
            ran_s = sum(result.duration_s for result in event.results)
            if attempt.found_at is not None and all(map(_teaches, event.results)):
                _keep(self.learned.beside_s, at - attempt.found_at - ran_s)

    def taken_in(self, event: ev.CandidateWanted, at: float) -> None:
        if (attempt := self.attempts.get(event.attempt)) is not None:
            attempt.wanted_at = at

    def built(self, event: ev.CandidateBuilt, at: float) -> None:
        attempt = self.attempts.get(event.attempt)
        if attempt is not None and attempt.wanted_at is not None:
            _keep(self.learned.combine_s, at - attempt.wanted_at)

    def moving(self, event: ev.LandingWanted, at: float) -> None:
        if (attempt := self.attempts.get(event.attempt)) is not None:
            attempt.move_at = at

    def landed(self, event: ev.Landed | ev.TaskDone, at: float) -> None:
        attempt = self.attempts.get(event.attempt)
        if attempt is None:
            return
        if attempt.move_at is not None:
            _keep(self.learned.move_s, at - attempt.move_at)
        if attempt.worked_s:
            self.learned.landed += 1
        for stage, seconds in attempt.worked_s.items():
            key = (attempt.agent, attempt.model, stage)
            _keep(self.learned.turns_s.setdefault(key, []), seconds)
        used = list(self.used.get(attempt.task, {}).values())
        if used and None not in used:
            costs = self.learned.costs_usd.setdefault((attempt.agent, attempt.model), [])
            _keep(costs, sum(each for each in used if each is not None))

    def usage(self, event: ev.UsageReported, at: float) -> None:
        attempt = self.attempts[event.attempt]
        launches = self.used.setdefault(attempt.task, {})
        launches[event.attempt, event.launch] = event.cost_usd


def _teaches(result: CheckResult) -> bool:
    """Whether it says how long the check takes: it ran, and was green."""
    green = result.judgement is Judgement.PASSED and not result.seen_at
    return green and result.duration_s > 0.0


RULES: Mapping[type[Any], Callable[[Pupil, Any, float], None]] = {
    ev.AttemptAdmitted: Pupil.admitted,
    ev.WorkspacePrepared: Pupil.prepared,
    ev.TurnWanted: Pupil.wanted,
    ev.TurnStarted: Pupil.started,
    ev.TurnExited: Pupil.ended,
    ev.TurnLost: Pupil.ended,
    ev.WorkFound: Pupil.found,
    ev.VerdictReached: Pupil.judged,
    ev.CandidateJudged: Pupil.judged,
    ev.AfterJudged: Pupil.judged,
    ev.CandidateWanted: Pupil.taken_in,
    ev.CandidateBuilt: Pupil.built,
    ev.LandingWanted: Pupil.moving,
    ev.Landed: Pupil.landed,
    ev.TaskDone: Pupil.landed,
    ev.UsageReported: Pupil.usage,
}
