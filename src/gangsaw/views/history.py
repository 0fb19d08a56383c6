"""What happened to one task, in sentences, from its events alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import singledispatch

from gangsaw.core import events as ev
from gangsaw.core import events_radar as er
from gangsaw.core import events_talk as et
from gangsaw.core.conditions import Condition
from gangsaw.core.conditions import sentence as condition_text
from gangsaw.core.days import date_of
from gangsaw.core.events_money import DayBegan, SpentElsewhere
from gangsaw.core.events_undo import undone_by
from gangsaw.core.events_waves import WaveFormed
from gangsaw.core.failing import named_with_tests
from gangsaw.core.findings import review_text
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import TurnKind, task_of
from gangsaw.core.overlapping import LANDED
from gangsaw.core.overlaps import INTEGRATION
from gangsaw.views.landing_lines import names_of
from gangsaw.views.text import count_of, flat

LEFT_IN_PLACE = "left in place: "
"""What the engine writes before the path of a worktree that it could not remove."""
STASHES = "refs/gangsaw/stashes/"
"""All worktrees share one stash: what of it is this task's, nobody can say."""
REFS_MAX = 3

_WHY = {
    TurnKind.WORK: "to work on it",
    TurnKind.FIX: "to repair it",
    TurnKind.RESOLVE: "to resolve a conflict",
    TurnKind.CONTINUE: "to go on with it",
    TurnKind.TEST: "to write its tests",
    TurnKind.REVIEW: "to review it",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence of the history; `at` is epoch seconds."""

    seq: int
    at: float
    text: str


def history(events: Iterable[tuple[int, float, ev.Event]]) -> list[Told]:
    """The sentences for events given as (seq, at, event), in order of seq."""
    found: list[Told] = []
    told_to_stop = ""
    for seq, at, event in sorted(events, key=lambda each: each[0]):
        if isinstance(event, ev.StopWanted):
            told_to_stop = event.attempt
        text = sentence(event)
        if isinstance(event, ev.TurnExited) and event.attempt == told_to_stop:
            told_to_stop = ""
            if event.outcome is OutcomeKind.CRASHED:
                text = f"the agent was stopped ({_how(event)})"
        if text:
            found.append(Told(seq, at, text))
    return found


def _how(event: ev.TurnExited) -> str:
    """How its process ended, and what was swept up after it."""
    how = f"signal {event.signal}" if event.signal is not None else f"exit code {event.code}"
    swept = f", {count_of(event.swept, 'process')} left behind ended" if event.swept else ""
    return how + swept


@singledispatch
def sentence(event: object) -> str:
    """The event in words; empty for what people need not see."""
    return ""


def _number(attempt: str) -> str:
    return attempt.rpartition(".")[2]


@sentence.register
def _(event: ev.AttemptAdmitted) -> str:
    earlier = f", with the work kept as {flat(event.start)}" if event.start else ""
    agent = event.agent + (f" in the place of {event.stands_for}" if event.stands_for else "")
    return f"attempt {event.number} started with agent {agent}, from {event.base[:10]}{earlier}"


@sentence.register
def _(event: ev.TurnWanted) -> str:
    who = f"agent {event.agent}" if event.agent else "agent"
    return f"attempt {_number(event.attempt)}, turn {event.turn}: {who} launched {_WHY[event.why]}"


@sentence.register
def _(event: ev.SessionOpened) -> str:
    return f"its session is {flat(event.session)}"


@sentence.register
def _(event: ev.QuestionAsked) -> str:
    return f"the agent asked: {flat(event.text)}"


@sentence.register
def _(event: ev.ConditionSeen) -> str:
    said = f": {flat(event.text)}" if event.text else ""
    return condition_text(event.condition, "") + said


@sentence.register
def _(event: ev.AttemptParked) -> str:
    how = "waits for a person" if event.until is None else "waits, with its worktree and session"
    return f"{how}: {flat(event.text)}"


@sentence.register
def _(event: ev.ParkEnded) -> str:
    return f"{flat(event.by)} lets it go on"


@sentence.register
def _(event: ev.ReviewGiven) -> str:
    return flat(review_text(event.review, event.reviewer))


@sentence.register
def _(event: ev.ReviewPassed) -> str:
    return f"{flat(event.by)} agrees with it"


@sentence.register
def _(event: ev.TurnExited) -> str:
    is_news = event.outcome is not OutcomeKind.DONE or event.condition is not None
    # A program that said nothing has its exit code for words.
    told = is_news and event.text not in ("", f"exit code {event.code}")
    said = f": {flat(event.text)}" if told else ""
    wrong = f": {condition_text(event.condition, '')}" if event.condition else ""
    return f"the agent ended: {event.outcome.value} ({_how(event)}){wrong}{said}"


@sentence.register
def _(event: ev.TurnLost) -> str:
    return f"the agent was lost: {flat(event.text)}"


@sentence.register
def _(event: ev.StopWanted) -> str:
    if event.cause is ev.Cause.STALLED:
        return f"it was told to stop: {condition_text(Condition.STALLED, '')}"
    return f"it was told to stop: {event.cause.value}"


@sentence.register
def _(event: ev.WorkFound) -> str:
    files = f"{count_of(event.files, 'file')} +{event.added} −{event.deleted}"
    for_it = f", {count_of(len(event.committed_for), 'file')} of it committed for the agent"
    return f"work sealed: {event.commit[:10]}, {files}{for_it if event.committed_for else ''}"


@sentence.register
def _(event: ev.WorkFaulty) -> str:
    return f"nothing to land: {flat(event.text)}"


@sentence.register
def _(event: ev.VerdictReached) -> str:
    return f"checks on the work: {_verdict(event.judgement, event.results)}"


@sentence.register
def _(event: ev.CandidateJudged) -> str:
    what = "without it" if undone_by(event.attempt) else "together with what landed"
    tree = f" (tree {event.tree[:10]})" if event.judgement is ev.Judgement.FAILED else ""
    if event.only:
        what = f"{count_of(len(event.only), 'test')} that failed before"
        return f"only {what}: {_verdict(event.judgement, event.results)}{tree}"
    return f"checks {what}: {_verdict(event.judgement, event.results)}{tree}"


def _verdict(judgement: ev.Judgement, results: tuple[ev.CheckResult, ...]) -> str:
    if not results and judgement is ev.Judgement.PASSED:
        return "there are none"
    odd = [_odd(each) for each in results if each.judgement is not ev.Judgement.PASSED]
    odd += [_odd(each) for each in results if each.judgement is ev.Judgement.PASSED]
    told = [text for text in odd if text]
    return f"{judgement.value}{': ' + ', '.join(told) if told else ''}"


def _odd(each: ev.CheckResult) -> str:
    """What is to be said of one check: nothing of one that simply passed."""
    if each.judgement is not ev.Judgement.PASSED:
        return flat(named_with_tests(each), 200)
    if each.seen_in:
        return f"{flat(each.name, 60)} seen green in {flat(each.seen_in)}"
    return f"{flat(each.name, 60)} after {each.red_runs} red" if each.red_runs else ""


@sentence.register
def _(event: ev.WorkReturned) -> str:
    return f"sent back ({event.cause.value}): {flat(event.text)}"


@sentence.register
def _(event: ev.ReviewOpened) -> str:
    return f"waits for a person: {flat(event.text)}"


@sentence.register
def _(event: ev.ReviewApproved) -> str:
    return f"approved by {flat(event.by)}"


@sentence.register
def _(event: ev.ChangeQueued) -> str:
    if event.against:
        return f"waits in the queue for {task_of(event.against)}, with which it does not merge"
    if event.tests:
        more = f" and {len(event.tests) - 1} more" if len(event.tests) > 1 else ""
        which = f"{flat(event.tests[0])}{more}"
        return f"set aside, to be looked at by itself: {which} began to fail with it"
    return "queued for landing"


@sentence.register
def _(event: ev.BatchFormed) -> str:
    if len(event.members) < 2:
        return ""
    return f"in batch {event.number}: {flat(names_of(event.members))} checked together"


@sentence.register
def _(event: ev.CandidateBuilt) -> str:
    return f"merged with what is ahead of it by {flat(event.resolved)}" if event.resolved else ""


@sentence.register
def _(event: ev.PutFirst) -> str:
    return f"put first in the landing queue by {flat(event.by)}"


@sentence.register
def _(event: ev.CandidateConflicted) -> str:
    names = flat(", ".join(event.paths[:5]))
    if undone_by(event.attempt):
        return f"undoing it conflicts with what landed since, in {names}"
    if event.against:
        return f"conflicts with {task_of(event.against)}, which is ahead of it, in {names}"
    return f"conflicts with what landed, in {names}"


@sentence.register
def _(event: ev.LandingMissed) -> str:
    return "the integration branch had moved; landing again"


@sentence.register
def _(event: ev.Landed) -> str:
    joined = f", with what it was checked together with, by {event.head[:10]}" if event.head else ""
    return f"landed as {event.commit[:10]}{joined}"


@sentence.register
def _(event: ev.TaskDone) -> str:
    return "done"


@sentence.register
def _(event: ev.AttemptFailed) -> str:
    counted = "" if event.counts else ", not counted as a try"
    return f"attempt {_number(event.attempt)} ended ({event.cause.value}{counted}): " + flat(
        event.text
    )


@sentence.register
def _(event: ev.WorkspaceClosed) -> str:
    left = [path for ref in event.refs if (path := ref.partition(LEFT_IN_PLACE)[2])]
    refs = [
        ref for ref in event.refs
        if "/turn-" not in ref and LEFT_IN_PLACE not in ref and not ref.startswith(STASHES)
    ]  # fmt: skip
    what = f"worktree left in place: {flat(left[0])}" if left else "worktree closed"
    if not refs:
        return what if left else ""
    more = f" and {len(refs) - REFS_MAX} more" if len(refs) > REFS_MAX else ""
    return f"{what}; its work is kept as {flat(', '.join(refs[:REFS_MAX]))}{more}"


@sentence.register
def _(event: ev.TaskGivenUp) -> str:
    return f"given up: {flat(event.text)}"


@sentence.register
def _(event: ev.TaskCancelled) -> str:
    return f"cancelled by {flat(event.by)}"


@sentence.register
def _(event: ev.TaskReopened) -> str:
    return f"taken up again by {flat(event.by)}"


@sentence.register
def _(event: ev.UndoWanted) -> str:
    return f"to be undone, asked for by {flat(event.by)}"


@sentence.register
def _(event: ev.Undone) -> str:
    return f"undone: {event.commit[:10]} takes back {event.landed[:10]}"


@sentence.register
def _(event: ev.UndoFailed) -> str:
    return f"not undone: {flat(event.text)}"


@sentence.register
def _(event: ev.EffectFailed) -> str:
    return f"{event.action} failed, tried again: {flat(event.text)}"


@sentence.register
def _(event: er.OverlapSeen) -> str:
    other = LANDED if event.ours == INTEGRATION else task_of(event.ours)
    paths = ", ".join(file.path for file in event.files)
    return f"its work does not merge with {other}: {flat(paths)} ({event.key})"


@sentence.register
def _(event: DayBegan) -> str:
    return f"{date_of(event.day)} (UTC): budgets by the day count anew"


@sentence.register
def _(event: SpentElsewhere) -> str:
    usd = event.cost_usd + event.estimated_usd
    guess = f" (${event.estimated_usd:.2f} of it estimated)" if event.estimated_usd else ""
    used = f"{event.tokens} tokens, ${usd:.2f}{guess}"
    return f"other runs used on {date_of(event.day)} (UTC): {used}"


@sentence.register
def _(event: WaveFormed) -> str:
    return f"wave {event.number}: {', '.join(event.tasks)}"


@sentence.register
def _(event: er.OverlapEnded) -> str:
    return f"overlap {event.key} is over: {flat(event.text)}"


@sentence.register
def _(event: er.OverlapResolved) -> str:
    note = f": {flat(event.note)}" if event.note else ""
    return f"{flat(event.by)} has taken care of overlap {event.key}{note}"


@sentence.register
def _(event: et.MessageLeft) -> str:
    return f"{flat(event.by)} left a message: {flat(event.text)}"


@sentence.register
def _(event: et.QuestionAnswered) -> str:
    return f"{flat(event.by)} answered: {flat(event.text)}"


@sentence.register
def _(event: et.AnswerHeard) -> str:
    return "its agent has the answer"


@sentence.register
def _(event: et.QuestionDropped) -> str:
    return "nobody waits for that answer any more: it is for the next turn"


@sentence.register
def _(event: et.PathsClaimed) -> str:
    return f"its agent claimed {flat(', '.join(event.paths))}"


@sentence.register
def _(event: et.PathsReleased) -> str:
    return f"its agent released {flat(', '.join(event.paths))}"


@sentence.register
def _(event: et.DoneSaid) -> str:
    return f"its agent said that it is done{': ' + flat(event.text) if event.text else ''}"


@sentence.register
def _(event: et.TakeWanted) -> str:
    return f"{flat(event.by)} wants to take it over"


@sentence.register
def _(event: et.AttemptTaken) -> str:
    return f"taken over by {flat(event.by)}"


@sentence.register
def _(event: et.HandedBack) -> str:
    return f"handed back by {flat(event.by)}"
