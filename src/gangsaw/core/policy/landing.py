"""What lands next, with which checks, and what follows from a candidate's verdict?

The integration branch moves only to a commit whose exact tree passed every check of its gate. The
gate of a candidate is: the run's own checks, the checks of every task up to it in the chain, and
those of every task that landed since the first of these was first admitted, since those are
combined with it for the first time. On commits that somebody else put on the branch it is all
checks, whatever they look at, and those of everything that has landed. What takes a landing back
has to pass the checks of everything else that has landed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from gangsaw.core import chain
from gangsaw.core.events import (
    TARGET,
    CandidateJudged,
    CandidateWanted,
    Cause,
    ChangeQueued,
    CheckResult,
    Event,
    Judgement,
    LandingWanted,
    TargetMergeFailed,
    UndoFailed,
    WorkReturned,
)
from gangsaw.core.events_undo import undone_by
from gangsaw.core.failing import named_with_tests
from gangsaw.core.model import Check
from gangsaw.core.policy import batches, gates, narrowing, undo
from gangsaw.core.state import Attempt, Landing, State, landing_of

INCONCLUSIVE_MAX = 3
"""How often checks of one tree may end without a verdict before a person is asked."""

BLAMED_AFTER = 2
"""How often a change must have failed on top of what landed before it goes back; in the same tests
where only some were run."""

NAMES_MAX = 3
"""Tasks that are named in one sentence."""


def checks_of_work(state: State, task: str) -> tuple[Check, ...]:
    """The checks that a task's own work may have to pass, whatever it changes, each once."""
    return gates.needed((*state.gate, *state.tasks[task].checks), gates.ON_WORK, None)


def gate_of_work(state: State, task: str) -> tuple[Check, ...]:
    """The checks that a task's own work, as it was found, must pass, each once, in order."""
    attempt = state.attempt_of(task)
    paths = None if attempt is None else attempt.paths
    return gates.needed((*state.gate, *state.tasks[task].checks), gates.ON_WORK, paths)


def gate_of_landing(state: State, landing: Landing) -> tuple[Check, ...]:
    """The checks that this candidate must pass, each once, in order."""
    at = chain.index_of(state, landing.about)
    links = [link.about for link in state.landings[: at + 1]] or [landing.about]
    tasks = [state.attempts[name].task for name in links if name in state.attempts]
    since = [state.task_states[task].since_landing or 0 for task in tasks]
    foreign = chain.is_foreign(state)
    combined = state.landed[min(since) :] if since and not foreign else state.landed
    undone = undone_by(landing.about)
    others = [
        check
        for name in combined
        if name != undone and state.task_states[name].landed_commit
        for check in state.tasks[name].checks
    ]
    own = [check for task in tasks for check in state.tasks[task].checks]
    paths = None if foreign else gates.all_paths(_changed_by(state, name) for name in links)
    return gates.needed((*state.gate, *own, *others), gates.ON_LANDING, paths)


def _changed_by(state: State, about: str) -> gates.Paths:
    """The paths that a link changes, in its own branch and in its candidate: git changes a
    file where it was moved to. `None` where not all are known."""
    attempt, link = state.attempts.get(about), landing_of(state, about)
    if attempt is None:
        return None
    return gates.all_paths((attempt.paths, link.paths if link is not None else ()))


def missing_checks(state: State, tree: str, gate: tuple[Check, ...]) -> tuple[Check, ...]:
    """Those of the gate's checks that have not yet passed on this very tree."""
    passed = state.green.get(tree, frozenset())
    return tuple(check for check in gate if check.key not in passed)


def advance(state: State, now: float) -> list[Event]:
    """Intents about the chain of landings: what has to be built anew, sent back, landed, checked,
    and taken into it. The first subject that wants anything."""
    if not state.landings:
        return [] if state.stopping else list(batches.extend(state))
    for step in (_mend, _land, _set_aside, _blame, _pass):
        events = list(step(state))
        if events:
            return events
    return [] if state.stopping else list(batches.extend(state) or batches.form(state))


def _mend(state: State) -> Iterator[Event]:
    """Links that were built on something that is not before them any more, and conflicts."""
    moving = chain.moving_at(state)
    for at, link in enumerate(state.landings):
        if at <= moving:
            continue
        if link.missed or ((link.candidate or link.conflict) and not chain.is_current(state, at)):
            if not state.stopping:
                yield CandidateWanted(link.about, link.work, "" if at else state.head)
            return
        if link.conflict:
            yield _conflict(state, at, link)
            return


def _conflict(state: State, at: int, link: Landing) -> Event:
    if at > 0 and link.against:
        # What is ahead may yet fail: it waits for that, in its place in the queue. What landed
        # while it was being built is no longer ahead: it is tried again on top of that.
        gone = link.against not in chain.ahead_of(state, link.about)
        return ChangeQueued(link.about, link.work, "" if gone else link.against)
    text = "conflicts in " + ", ".join(link.conflict[:5])
    return _back(state, link, Cause.CONFLICT, text)


def _land(state: State) -> Iterator[Event]:
    """Move the branch to the last link that has passed: everything before it is in that tree."""
    # One move at a time: what a candidate is put on must be known with all that is in it.
    if state.stopping or state.frozen or chain.moving_at(state) >= 0:
        return
    for link in reversed(state.landings):
        if link.judgement is Judgement.PASSED:
            yield LandingWanted(link.about, link.candidate, state.head)
            return


def _set_aside(state: State) -> Iterator[Event]:
    """The changes of a red batch with which tests begin to fail leave it; the others are built anew
    without them. Nobody is blamed yet."""
    batch = batches.to_narrow(state)
    for at, part in narrowing.culprits(state, batch).items():
        link = batch[at]
        yield ChangeQueued(link.about, link.work, suspect=part.of, tests=part.tests)


def _blame(state: State) -> Iterator[Event]:
    """A change goes back when it failed on top of what landed, and failed once more on a clean
    slot. What was built on it is built anew."""
    links = state.landings
    if not links or not is_to_blame(links[0]):
        return
    if chain.has_passed(state, 0):
        return  # green with others on top of it, it was red by chance; it may be landing already
    yield _back(state, links[0], Cause.COMBINATION, _failing_together(state, links[0]))
    for link in links[1:]:
        yield ChangeQueued(link.about, link.work)


def is_to_blame(link: Landing) -> bool:
    """Whether the first link has failed often enough: as a whole, or the same tests each time."""
    if link.judgement is Judgement.FAILED and link.fails >= BLAMED_AFTER:
        return True
    return bool(link.part) and link.fails + link.part_runs >= BLAMED_AFTER


def is_unchanged(state: State, attempt: Attempt) -> bool:
    """Whether the work is what was sent back, and what failed then has not passed on it since. A
    person may still have it land."""
    blamed = attempt.blamed
    if blamed is None or not (attempt.unchanged or attempt.commit == blamed.commit):
        return False
    if attempt.approved or state.task_states[attempt.task].first:
        return False
    return not _failed_checks(blamed.results) <= state.green.get(attempt.tree, frozenset())


def _failed_checks(results: tuple[CheckResult, ...]) -> set[str]:
    """The keys of the checks that failed, as a whole or in some tests."""
    failed = (each for each in results if each.judgement is Judgement.FAILED)
    return {each.part_of or each.of for each in failed}


def _failing_together(state: State, link: Landing) -> str:
    text = failing_text(link.results)
    attempt = state.attempts.get(link.about)
    if attempt is None or attempt.judgement is not Judgement.PASSED:
        return text
    alone = "green alone" if _green_alone(state, attempt, link) else "never run on it alone"
    since = state.landed[state.task_states[attempt.task].since_landing or 0 :]
    beside = [name for name in dict.fromkeys(since) if state.task_states[name].landed_commit]
    if not beside:
        return text
    more = f" and {len(beside) - NAMES_MAX} more" if len(beside) > NAMES_MAX else ""
    return f"{text} · {alone}, red with {', '.join(beside[-NAMES_MAX:])}{more}"


def _green_alone(state: State, attempt: Attempt, link: Landing) -> bool:
    """Whether what failed has passed on the work itself. Not every check looks at that."""
    return _failed_checks(link.results) <= state.green.get(attempt.tree, frozenset())


def _pass(state: State) -> Iterator[Event]:
    """Trees that have passed every check of their gate before need not be checked again."""
    for link in batches.to_check(state):
        if not missing_checks(state, link.tree, gate_of_landing(state, link)):
            yield CandidateJudged(link.about, link.tree, Judgement.PASSED)
            return


def failing_text(results: tuple[CheckResult, ...]) -> str:
    """`check failed: …` with the names of what failed."""
    failed = [result for result in results if result.judgement is Judgement.FAILED]
    return "check failed: " + ", ".join(map(named_with_tests, failed))


def _back(state: State, landing: Landing, cause: Cause, text: str) -> Event:
    if landing.about == TARGET:
        text = f"the target moved, and merging it in {text}{_by_hand(state, cause)}"
        return TargetMergeFailed(landing.work, text)
    if landing.about not in state.attempts:
        return given_up(state, landing, text)
    return WorkReturned(landing.about, cause, text)


def _by_hand(state: State, cause: Cause) -> str:
    """What a person does about a target that conflicts, for the end of a sentence."""
    if cause is not Cause.CONFLICT:
        return ""
    remote, target = shlex.quote(state.delivery.target_remote), shlex.quote(state.target)
    merge = f"git merge {shlex.quote(state.integration)}"
    if state.delivery.target_remote:
        merge = f"git pull --no-rebase {remote} {target}"
    return f"; on {state.target} try: {merge}, resolve, commit, gangsaw run"


def given_up(state: State, landing: Landing, text: str) -> Event:
    """The end of a landing that is no attempt's: of a moved target, or of an undo."""
    task = undone_by(landing.about)
    if task:
        return UndoFailed(task, undo.failure_text(state, task, text))
    return TargetMergeFailed(landing.work, text)
