"""What the events of a landing do to the state; used by `evolve` only."""

from __future__ import annotations

from gangsaw.core import chain
from gangsaw.core import events as ev
from gangsaw.core import indexes as ix
from gangsaw.core.partial import red_tests
from gangsaw.core.policy.slots import RUNS_LOOKED_AT, CheckCost
from gangsaw.core.replacing import replace
from gangsaw.core.state import Landing, Part, State

PART_UNSURE_MAX = 2
"""So often a run of some tests may end without a verdict; then it is as if they were not red."""

FIRSTS_MAX = 10
"""Of so many batches it is remembered whether they were green at the first go."""


def queued(event: ev.ChangeQueued, state: State, at: float) -> None:
    """The change waits for its landing, for the first time or again."""
    attempt = state.attempts[event.attempt]
    place = chain.index_of(state, event.attempt)
    again, suspected = place >= 0, attempt.suspected
    if event.tests:
        suspected = Part(event.suspect, event.tests)
        _forget_parts(state, state.landings[place].batch)
    ix.drop_landing(state, event.attempt)
    since = attempt.queued_at if again else at
    changes = {"queued_at": since, "against": event.against, "suspected": suspected}
    ix.move_attempt(state, event, at, **changes)
    if event.attempt not in state.queue:
        state.queue.append(event.attempt)


def _forget_parts(state: State, batch: int) -> None:
    """What some tests have said of the links of a batch was about what it was like until now."""
    for link in state.landings:
        if link.batch == batch and link.part is not None:
            ix.put_landing(state, replace(link, part=None, part_runs=0, part_unsure=0))


def wanted(event: ev.CandidateWanted, state: State, at: float) -> None:
    """The change leaves the queue for the chain, or its candidate there is to be built anew."""
    if event.attempt in state.queue:
        state.queue.remove(event.attempt)
    if event.attempt in state.attempts:
        ix.move_attempt(state, event, at, against="")
    before = chain.index_of(state, event.attempt)
    batch = state.landings[before].batch if before >= 0 else 0
    ix.put_landing(state, Landing(event.attempt, event.work, event.onto, batch=batch))


def built(event: ev.CandidateBuilt, state: State, at: float) -> None:
    """The candidate exists."""
    landing = ix.landing_in_progress(state, event.attempt)
    made = replace(landing, onto=event.onto, candidate=event.commit, tree=event.tree)
    paths = event.paths if len(event.paths) == event.files else None
    ix.put_landing(state, replace(made, resolved=event.resolved, paths=paths))


def conflicted(event: ev.CandidateConflicted, state: State, at: float) -> None:
    """The work does not merge."""
    landing = ix.landing_in_progress(state, event.attempt)
    found = replace(landing, onto=event.onto, conflict=event.paths, against=event.against)
    ix.put_landing(state, found)


def formed(event: ev.BatchFormed, state: State, at: float) -> None:
    """The links are one batch from now on."""
    state.batches = event.number
    for about in event.members:
        landing = ix.landing_in_progress(state, about)
        ix.put_landing(state, replace(landing, batch=event.number))


def judged(event: ev.CandidateJudged, state: State, at: float) -> None:
    """The checks of the candidate have said something."""
    before = ix.landing_in_progress(state, event.attempt)
    passed = event.judgement is ev.Judgement.PASSED and not event.only
    landing = before if passed else replace(before, round=before.round + 1)
    if event.only:
        _judged_in_part(event, state, landing)
        return
    state.candidate_runs += int(bool(event.results))
    _note_cost(state, event.results)
    if landing.batch and not landing.doubted and _is_last(state, landing):
        green = event.judgement is ev.Judgement.PASSED
        state.firsts = (*state.firsts, green)[-FIRSTS_MAX:]
    if event.judgement is ev.Judgement.INCONCLUSIVE:
        again = landing.inconclusive + 1
        ix.note_green(state, event.tree, event.results)
        ix.put_landing(state, replace(landing, inconclusive=again, results=event.results))
        return
    ix.note_green(state, event.tree, event.results)
    failed = event.judgement is ev.Judgement.FAILED
    after = replace(landing, judgement=event.judgement, results=event.results, part=None)
    ix.put_landing(state, replace(after, fails=landing.fails + int(failed), part_runs=0))
    if not failed and landing.batch and _is_whole_and_green(state, landing):
        state.batch_size = min(state.batch_size * 2, max(state.limits.window, 1))


def _judged_in_part(event: ev.CandidateJudged, state: State, landing: Landing) -> None:
    """Some tests were run on the candidate. That is no verdict on its tree, and nothing is learned
    of the check."""
    state.part_runs += 1
    if event.judgement is ev.Judgement.INCONCLUSIVE:
        unsure = landing.part_unsure + 1
        part = () if unsure >= PART_UNSURE_MAX else landing.part
        ix.put_landing(state, replace(landing, part_unsure=unsure, part=part))
        return
    red = red_tests(event.results, event.only)
    if landing.part is not None:
        red = tuple(name for name in landing.part if name in red)
    # Of a tree that is red as a whole that is the better evidence.
    results = event.results if landing.judgement is None else landing.results
    runs = landing.part_runs + 1
    ix.put_landing(state, replace(landing, part=red, part_runs=runs, results=results))


def _note_cost(state: State, results: tuple[ev.CheckResult, ...]) -> None:
    """What it took to check a candidate, for the number of those that are checked at a time."""
    wall_s = sum(result.duration_s for result in results)
    if wall_s <= 0:
        return  # nothing was run
    cost = CheckCost(wall_s, sum(result.cpu_s for result in results), _checked_at_once(state))
    state.costs = (*state.costs, cost)[-RUNS_LOOKED_AT:]


def _checked_at_once(state: State) -> int:
    """How many batches are being checked."""
    return max(1, len({link.batch for link in chain.checked_together(state)}))


def _is_last(state: State, landing: Landing) -> bool:
    batch = [link.about for link in state.landings if link.batch == landing.batch]
    return batch[-1] == landing.about


def _is_whole_and_green(state: State, landing: Landing) -> bool:
    """Whether the batch passed at its end, and at the first go."""
    batch = [link for link in state.landings if link.batch == landing.batch]
    return batch[-1].about == landing.about and not any(link.fails for link in batch)


def move_wanted(event: ev.LandingWanted, state: State, at: float) -> None:
    """From now on the integration branch may have been moved; with the links before it, which
    have passed as that link's tree."""
    landing = ix.landing_in_progress(state, event.attempt)
    for link in state.landings[: chain.index_of(state, event.attempt)]:
        ix.put_landing(state, replace(link, results=landing.results))
    ix.put_landing(state, replace(landing, wanted=True, head=event.onto, wanted_at=at))


def missed(event: ev.LandingMissed, state: State, at: float) -> None:
    """The integration branch was elsewhere: nothing was moved."""
    landing = ix.landing_in_progress(state, event.attempt)
    if state.head == landing.head or state.head == landing.onto:
        state.head, state.head_link = event.found, ""
    ix.put_landing(state, replace(landing, missed=True, wanted=False))


def landed(event: ev.Landed, state: State, at: float) -> None:
    """The integration branch is at the candidate; whoever needs the task may start."""
    landing = ix.landing_in_progress(state, event.attempt)
    ix.drop_landing(state, event.attempt)
    head = event.head or event.commit
    if state.head in (event.onto, event.commit, head):
        # Otherwise later landings were heard of first: the branch is further on already.
        state.head = state.checked_head = head
        state.head_link = event.commit if event.head else ""
    if event.attempt not in state.attempts:
        state.delivery = replace(state.delivery, target_commit="", wanted="")
        return
    state.landed.append(event.task)
    ix.move_attempt(
        state, event, at, results=landing.results or state.attempts[event.attempt].results
    )
    known = state.task_states[event.task]
    after = replace(known, landed_commit=event.commit, ended_at=at, last_text="", first=False)
    ix.finish_task(state, event.task, after)


def held(event: ev.QueueHeld, state: State, at: float) -> None:
    """No further batch; nothing lands while it is frozen."""
    state.queue_held, state.frozen, state.held_by = True, event.frozen, event.by


def released(event: ev.QueueReleased, state: State, at: float) -> None:
    """The queue goes on."""
    state.queue_held = state.frozen = False
    state.held_by = ""


def put_first(event: ev.PutFirst, state: State, at: float) -> None:
    """The task's change lands before the others."""
    ix.set_task(state, event.task, replace(state.task_states[event.task], first=True))


def forget_verdicts(state: State) -> None:
    """What was said of candidates in other surroundings does not count here; a move that may have
    been made stands."""
    moving = chain.moving_at(state)
    for link in state.landings[moving + 1 :]:
        fresh = replace(link, judgement=None, results=(), fails=0, inconclusive=0)
        ix.put_landing(state, replace(fresh, part=None, part_runs=0, part_unsure=0))


def back_to_smaller_batches(state: State) -> None:
    """It took whole runs to find who was to blame for a red batch, which was no larger than the
    window."""
    state.batch_size = max(min(state.batch_size, state.limits.window) // 2, 1)
