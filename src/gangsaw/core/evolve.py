"""The only writer of state: one rule per event."""

from __future__ import annotations

from functools import singledispatch

from gangsaw.core import events as ev
from gangsaw.core import evolve_accounts as accounts
from gangsaw.core import evolve_agents as agents
from gangsaw.core import evolve_checks as after
from gangsaw.core import evolve_delivery as deliveries
from gangsaw.core import evolve_governor as governor
from gangsaw.core import evolve_landing as landings
from gangsaw.core import evolve_machine as machine
from gangsaw.core import evolve_radar as radar
from gangsaw.core import evolve_resolving as resolving
from gangsaw.core import evolve_sources as sources
from gangsaw.core import evolve_talk as talk
from gangsaw.core import evolve_turns as turns
from gangsaw.core import evolve_undo as undo
from gangsaw.core import evolve_watchdog as watchdog
from gangsaw.core import evolve_watching as watching
from gangsaw.core import graph, ranking, timing
from gangsaw.core import indexes as ix
from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.events_money import DayBegan, SpentElsewhere
from gangsaw.core.events_undo import undone_by
from gangsaw.core.events_waves import WaveFormed
from gangsaw.core.model import When, Workspace, task_of
from gangsaw.core.phases import Phase
from gangsaw.core.replacing import replace
from gangsaw.core.state import (
    Attempt,
    Blame,
    IllegalEvent,
    State,
    TaskState,
    Trouble,
    Usage,
    is_live,
    landing_of,
)
from gangsaw.core.terms import BLAMELESS


def evolve(state: State, event: ev.Event, at: float) -> State:
    """The state after the event, which happened at `at` (epoch seconds).

    Returns the same, updated container. Raises `IllegalEvent` where the phase table does not
    allow the event.
    """
    rule = _RULES.get(type(event), _apply)
    rule(event, state, at)
    for follower in _FOLLOWERS.get(type(event), ()):
        follower(event, state, at)
    if state.task_file is not None:
        sources.follow(event, state)
    return state


@singledispatch
def _apply(event: object, state: State, at: float) -> None:
    raise IllegalEvent(f"no rule for {type(event).__name__}")


_RULES = _apply.registry

_FOLLOWED = (talk.AFTER, resolving.AFTER, ranking.AFTER, governor.AFTER)
_FOLLOWERS = {
    kind: tuple(rules[kind] for rules in _FOLLOWED if kind in rules)
    for kind in {kind for rules in _FOLLOWED for kind in rules}
}
"""What else follows from an event besides its own rule, in this order."""


# --- run ----------------------------------------------------------------------------------------


@_apply.register
def _(event: ev.RunStarted, state: State, at: float) -> None:
    state.run, state.plan, state.limits = event.run, event.plan, event.limits
    state.goal, state.gate = event.plan.goal, event.gate
    state.target, state.integration, state.base = event.target, event.integration, event.base
    state.started_at = at
    needs = {task.id: task.needs for task in event.plan.tasks}
    state.tasks = {task.id: task for task in event.plan.tasks}
    state.dependants = graph.dependants(needs)
    state.loners = frozenset(task.id for task in event.plan.tasks if task.alone)
    state.checked_after = frozenset(
        task.id for task in event.plan.tasks if any(c.when is When.AFTER for c in task.checks)
    )
    state.task_states = {
        task.id: TaskState(unmet=len(set(task.needs))) for task in event.plan.tasks
    }
    ranking.begin(state, event.durations)
    state.ready = sorted(
        (state.rank[name], name) for name, known in state.task_states.items() if not known.unmet
    )
    state.open_tasks = len(state.tasks)
    state.touched.update(state.tasks)
    sources.begin(state, event.task_file)


@_apply.register
def _(event: ev.IntegrationReady, state: State, at: float) -> None:
    state.head = event.commit
    ix.end_troubles(state, "")


@_apply.register
def _(event: ev.EngineStarted, state: State, at: float) -> None:
    state.engine_pid, state.containment = event.pid, event.containment
    state.stopping, state.stop_hard, state.engine_reason = "", False, ""
    state.troubles.clear()
    sources.ask_anew(state)
    if event.environment != state.environment:
        # What passed elsewhere has to pass here; verdicts of what has landed stand as they were.
        state.green.clear()
        state.red.clear()
        landings.forget_verdicts(state)
    state.environment = event.environment
    timing.count_anew(state, at)
    accounts.count_anew(state, at)
    if state.draining:
        state.paused = state.draining = False
    state.delivery = replace(state.delivery, blocked_at=0.0, tries=0)


@_apply.register
def _(event: ev.EngineStopped, state: State, at: float) -> None:
    state.engine_pid, state.engine_reason = None, event.reason


@_apply.register
def _(event: ev.RunFinished, state: State, at: float) -> None:
    state.end, state.ended_at = event.end, at


@_apply.register
def _(event: ev.RunReopened, state: State, at: float) -> None:
    state.end, state.ended_at = None, None


@_apply.register
def _(event: ev.LimitsChanged, state: State, at: float) -> None:
    state.limits = event.limits


@_apply.register
def _(event: WaveFormed, state: State, at: float) -> None:
    state.wave, state.waves = event.tasks, event.number


@_apply.register
def _(event: DayBegan, state: State, at: float) -> None:
    state.day = event.day


@_apply.register
def _(event: SpentElsewhere, state: State, at: float) -> None:
    used = Usage(event.tokens, event.cost_usd, 0, event.estimated_usd)
    state.elsewhere[event.day] = used


@_apply.register
def _(event: ev.Paused, state: State, at: float) -> None:
    state.paused, state.draining = True, event.drain


@_apply.register
def _(event: ev.Resumed, state: State, at: float) -> None:
    state.paused = state.draining = False


@_apply.register
def _(event: ev.StopAllWanted, state: State, at: float) -> None:
    state.stopping, state.stop_hard = event.by, state.stop_hard or event.hard


@_apply.register
def _(event: ev.Scaled, state: State, at: float) -> None:
    state.limits = replace(state.limits, max_agents=event.max_agents)


@_apply.register
def _(event: ev.PressureChanged, state: State, at: float) -> None:
    state.pressure, state.pressure_text = event.level, event.text
    if event.level is ev.Pressure.NONE:
        timing.try_for_room(state)


@_apply.register
def _(event: ev.Requested, state: State, at: float) -> None:
    state.pending[event.key] = event


@_apply.register
def _(event: ev.RequestAnswered, state: State, at: float) -> None:
    state.pending.pop(event.key, None)
    state.answers[event.key] = (event.ok, event.text)


@_apply.register
def _(event: ev.DeliveryWanted, state: State, at: float) -> None:
    state.delivery = replace(state.delivery, wanted=event.commit, blocked="", merge_failed="")


_apply.register(MachineGoverned)(governor.seen)

_apply.register(ev.Delivered)(deliveries.delivered)
_apply.register(ev.Pushed)(deliveries.pushed)
_apply.register(ev.PushFailed)(deliveries.push_failed)


@_apply.register
def _(event: ev.DeliveryBlocked, state: State, at: float) -> None:
    state.delivery = replace(state.delivery, blocked=event.text, blocked_at=at, passing=False)
    ix.end_troubles(state, "")


@_apply.register
def _(event: ev.TargetMoved, state: State, at: float) -> None:
    ix.end_troubles(state, "")
    state.delivery = replace(
        state.delivery,
        wanted="",
        blocked="",
        merge_failed="",
        target_commit=event.commit,
        target_remote=event.remote,
    )


@_apply.register
def _(event: ev.TargetMergeFailed, state: State, at: float) -> None:
    ix.end_troubles(state, ev.TARGET)
    # Wanted already: only a new landing makes the merge worth another try.
    state.delivery = replace(
        state.delivery,
        wanted=state.checked_head,
        blocked=event.text,
        blocked_at=at,
        passing=False,
        merge_failed=event.commit,
    )
    ix.drop_landing(state, ev.TARGET)


@_apply.register
def _(event: ev.EffectFailed, state: State, at: float) -> None:
    key = (event.about, event.action)
    before = state.troubles.get(key, Trouble(0, at, ""))
    for_room = before.for_room + int(event.no_room)
    state.troubles[key] = Trouble(before.count + 1, at, event.text, for_room)
    if event.action in ("Deliver", "Push"):
        state.delivery = replace(state.delivery, blocked=event.text, blocked_at=at)
    if event.about in state.attempts:
        state.touched.add(task_of(event.about))
    elif task := undone_by(event.about):
        state.touched.add(task)


@_apply.register
def _(event: ev.ClockJumped, state: State, at: float) -> None:
    timing.shift(state, event.seconds, event.why, at)
    if event.why is ev.Jump.SET:
        accounts.shift(state, event.seconds)


@_apply.register
def _(event: ev.JournalWaited | ev.IntegrationRestored, state: State, at: float) -> None:
    """Told for the sake of people; nothing follows from it."""


# --- tasks --------------------------------------------------------------------------------------


@_apply.register
def _(event: ev.TaskGivenUp, state: State, at: float) -> None:
    known = state.task_states[event.task]
    ix.set_task(
        state,
        event.task,
        replace(known, given_up=event.text, person=event.person, ended_at=at),
    )


@_apply.register
def _(event: ev.TaskCancelled, state: State, at: float) -> None:
    known = state.task_states[event.task]
    attempt = state.attempt_of(event.task)
    if attempt is not None and is_live(attempt):
        ix.set_task(state, event.task, replace(known, cancel_wanted=event.by))
    else:
        ix.set_task(state, event.task, replace(known, cancelled=True, ended_at=at))


@_apply.register
def _(event: ev.TaskReopened, state: State, at: float) -> None:
    ix.take_up_again(
        state, event.task, cancelled=False, cancel_wanted="", undone="", start=event.start
    )


_apply.register(ev.AfterWanted)(after.wanted)
_apply.register(ev.AfterJudged)(after.judged)
_apply.register(ev.UndoWanted)(undo.wanted)
_apply.register(ev.Undone)(undo.done)
_apply.register(ev.UndoFailed)(undo.failed)
_FURTHER = (
    talk.RULES,
    radar.RULES,
    resolving.RULES,
    machine.RULES,
    agents.RULES,
    watchdog.RULES,
    sources.RULES,
    watching.RULES,
)
for _kind, _rule in (pair for rules in _FURTHER for pair in rules.items()):
    _apply.register(_kind, _rule)


# --- attempts -----------------------------------------------------------------------------------


@_apply.register
def _(event: ev.AttemptAdmitted, state: State, at: float) -> None:
    plain = state.tasks[event.task].workspace is Workspace.NONE
    attempt = Attempt(
        id=event.attempt,
        task=event.task,
        number=event.number,
        base=event.base,
        agent=event.agent,
        model=event.model,
        branch=event.branch,
        phase=Phase.READY if plain else Phase.PREPARING,
        since=at,
        admitted_at=at,
        start=event.start,
        stands_for=event.stands_for,
    )
    state.attempts[attempt.id] = attempt
    state.live[attempt.id] = None
    ix.count_busy(state, attempt.agent, 1)
    known = state.task_states[event.task]
    since = len(state.landed) if known.since_landing is None else known.since_landing
    started = at if known.started_at is None else known.started_at
    ix.set_task(
        state,
        event.task,
        replace(
            known,
            attempts=event.number,
            current=event.attempt,
            since_landing=since,
            started_at=started,
            start="",
        ),
    )


@_apply.register
def _(event: ev.WorkspacePrepared, state: State, at: float) -> None:
    base = event.base or state.attempts[event.attempt].base
    ix.move_attempt(state, event, at, path=event.path, base=base)


_apply.register(ev.TurnWanted)(turns.wanted)
_apply.register(ev.TurnStarted)(turns.started)
_apply.register(ev.SessionOpened)(turns.session_opened)
_apply.register(ev.UsageReported)(turns.usage_reported)
_apply.register(ev.BeatSeen)(turns.beat_seen)
_apply.register(ev.TurnExited)(turns.exited)
_apply.register(ev.TurnLost)(turns.lost)
_apply.register(ev.StopWanted)(turns.stop_wanted)
_apply.register(ev.ConditionSeen)(turns.condition_seen)
_apply.register(ev.AttemptParked)(turns.parked)
_apply.register(ev.ParkEnded)(turns.park_ended)
_apply.register(ev.ReviewGiven)(turns.review_given)
_apply.register(ev.ReviewPassed)(turns.review_passed)


@_apply.register
def _(event: ev.InspectionWanted, state: State, at: float) -> None:
    ix.move_attempt(state, event, at, commit_leftovers=event.commit_leftovers)


@_apply.register
def _(event: ev.WorkFound, state: State, at: float) -> None:
    before = state.attempts[event.attempt]
    ix.move_attempt(
        state,
        event,
        at,
        commit=event.commit,
        tree=event.tree,
        judgement=None,
        results=(),
        inconclusive=0,
        diff=(event.files, event.added, event.deleted),
        paths=event.paths if len(event.paths) == event.files else None,
        barrier=event.barrier,
        concerns=event.concerns,
        returned=None,
        returned_text="",
        returned_paths=(),
        returned_tree="",
        approved=False,
        agreed=before.agreed and before.commit == event.commit,
        review_tries=0,
        suspected=None,
        unchanged=event.unchanged,
    )


@_apply.register
def _(event: ev.WorkFaulty, state: State, at: float) -> None:
    ix.move_attempt(
        state,
        event,
        at,
        returned=event.cause,
        returned_text=event.text,
        returned_paths=event.paths,
    )


@_apply.register
def _(event: ev.VerifyWanted, state: State, at: float) -> None:
    # What a plain folder holds after each launch counts as a tree of its own, so that a late
    # verdict on an earlier one is told from this one's.
    tree = f"{event.attempt} after launch {state.attempts[event.attempt].launch}"
    ix.move_attempt(
        state, event, at, tree=tree, judgement=None, results=(), inconclusive=0,
        approved=False, agreed=False,
    )  # fmt: skip


@_apply.register
def _(event: ev.VerdictReached, state: State, at: float) -> None:
    before = state.attempts[event.attempt]
    if event.judgement is ev.Judgement.INCONCLUSIVE:
        ix.put_attempt(
            state, replace(before, inconclusive=before.inconclusive + 1, results=event.results)
        )
        return
    ix.note_green(state, event.tree, event.results)
    ix.move_attempt(state, event, at, judgement=event.judgement, results=event.results)


@_apply.register
def _(event: ev.WorkReturned, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    landing = landing_of(state, event.attempt)
    together, blamed = event.cause is ev.Cause.COMBINATION, attempt.blamed
    if landing is not None:
        paths, results, tree = landing.conflict, landing.results, landing.tree
        ix.drop_landing(state, event.attempt)
        if together and not landing.part:
            landings.back_to_smaller_batches(state)
        if together:
            blamed = Blame(attempt.commit, tree, results, event.text)
    elif together and blamed is not None:
        paths, results, tree = (), blamed.results, blamed.tree
    else:
        paths, results, tree = (), attempt.results, attempt.tree
    ix.move_attempt(
        state,
        event,
        at,
        returned=event.cause,
        returned_text=event.text,
        returned_paths=paths,
        returned_tree=tree,
        results=results,
        rejections=attempt.rejections + int(event.cause is ev.Cause.FINDINGS),
        suspected=None,
        blamed=blamed,
    )


@_apply.register
def _(event: ev.ReviewOpened, state: State, at: float) -> None:
    ix.move_attempt(state, event, at, review_text=event.text)


@_apply.register
def _(event: ev.ReviewApproved, state: State, at: float) -> None:
    ix.move_attempt(state, event, at, approved=True, review_text="")


# --- landing ------------------------------------------------------------------------------------

_apply.register(ev.ChangeQueued)(landings.queued)
_apply.register(ev.CandidateWanted)(landings.wanted)
_apply.register(ev.CandidateBuilt)(landings.built)
_apply.register(ev.CandidateConflicted)(landings.conflicted)
_apply.register(ev.BatchFormed)(landings.formed)
_apply.register(ev.CandidateJudged)(landings.judged)
_apply.register(ev.LandingWanted)(landings.move_wanted)
_apply.register(ev.LandingMissed)(landings.missed)
_apply.register(ev.Landed)(landings.landed)
_apply.register(ev.QueueHeld)(landings.held)
_apply.register(ev.QueueReleased)(landings.released)
_apply.register(ev.PutFirst)(landings.put_first)


@_apply.register
def _(event: ev.TaskDone, state: State, at: float) -> None:
    ix.move_attempt(state, event, at, closed=True)
    known = state.task_states[event.task]
    ix.finish_task(state, event.task, replace(known, done=True, ended_at=at, last_text=""))


@_apply.register
def _(event: ev.AttemptFailed, state: State, at: float) -> None:
    before = state.attempts[event.attempt]
    plain = state.tasks[before.task].workspace is Workspace.NONE or not before.path
    ix.drop_landing(state, event.attempt)
    if event.attempt in state.queue:
        state.queue.remove(event.attempt)
    prepared = before.phase is not Phase.PREPARING
    ix.move_attempt(state, event, at, failed=event.cause, closed=plain and prepared)
    known = state.task_states[before.task]
    cancelled = event.cause is ev.Cause.CANCELLED
    ix.set_task(
        state,
        before.task,
        replace(
            known,
            tries=known.tries + int(event.counts),
            blameless=known.blameless + int(event.cause in BLAMELESS),
            retry_at=event.retry_at,
            last_text=event.text,
            last_cause=event.cause,
            cancelled=cancelled,
            ended_at=at if cancelled else known.ended_at,
            # What it was to start from is still to be tried, if no agent has seen it.
            start=known.start if before.turns_used or known.unmet else before.start,
        ),
    )


@_apply.register
def _(event: ev.WorkspaceClosed, state: State, at: float) -> None:
    ix.end_troubles(state, event.attempt)
    closed = replace(state.attempts[event.attempt], closed=True, kept=event.refs)
    ix.put_attempt(state, closed)
