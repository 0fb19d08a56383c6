"""One line per fact: what a run tells while it goes on. Every figure comes from an event."""

from __future__ import annotations

from functools import singledispatch

from gangsaw.agents import plain_text
from gangsaw.core import events as ev
from gangsaw.core import events_radar as er
from gangsaw.core import events_talk as et
from gangsaw.core.conditions import Condition, sentence
from gangsaw.core.days import date_of
from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.events_money import DayBegan
from gangsaw.core.events_sources import StandingRefused, StandingWritten
from gangsaw.core.events_watchdog import WatchdogEnded, WatchdogStopped
from gangsaw.core.events_watching import EditTaken, SourceRefused, SourceTaken
from gangsaw.core.events_waves import WaveFormed
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.machine import Level
from gangsaw.core.model import TurnKind, task_of
from gangsaw.core.overlapping import LANDED
from gangsaw.core.overlaps import INTEGRATION
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.policy.after import red_text
from gangsaw.core.policy.delivery import is_waiting
from gangsaw.core.policy.landing import gate_of_work
from gangsaw.core.policy.retry import turns_allowed
from gangsaw.core.policy.undo import toll_of
from gangsaw.core.spans import span
from gangsaw.core.standing import MISSING, REFUSED_MAX
from gangsaw.core.state import Attempt, State
from gangsaw.views import landing_lines
from gangsaw.views.watched import taken_text

TEXT_MAX = 160


def fact_line(state: State, event: ev.Event, at: float) -> str | None:
    """The line for an event, with the time since the run began; `None` for what users need not
    see."""
    said = _say(event, state)
    if said is None:
        return None
    return f"{clock(at - state.started_at):>6}  {plain_text(said)[: TEXT_MAX + 80]}"


def clock(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def one_line(text: str) -> str:
    """The text on one line, cut where it is long."""
    flat = " ".join(plain_text(text).split())
    return flat if len(flat) <= TEXT_MAX else flat[: TEXT_MAX - 1] + "…"


def checks_text(state: State, attempt: Attempt) -> str:
    """`checks 2/2`, or that there are none."""
    wanted = {check.key for check in gate_of_work(state, attempt.task)}
    if not wanted:
        return "no checks"
    passed = state.green.get(attempt.tree, frozenset()) & wanted
    return f"checks {len(passed)}/{len(wanted)}"


@singledispatch
def _say(event: object, state: State) -> str | None:
    return None


@_say.register
def _(event: ev.EngineStarted, state: State) -> str | None:
    if event.strays:
        return f"· ended what belongs to nothing here: {', '.join(event.strays)}"
    if not state.attempts:
        return None
    alive = sum(1 for attempt in state.live_attempts() if attempt.phase in AGENT_ALIVE)
    return f"· taken up again: {landed_count(state)} landed, {alive} with an agent started before"


def landed_count(state: State) -> int:
    """How many tasks are on the integration branch now."""
    return sum(1 for name in set(state.landed) if state.task_states[name].landed_commit)


@_say.register
def _(event: ev.AttemptAdmitted, state: State) -> str | None:
    more = f", attempt {event.number}" if event.number > 1 else ""
    place = f" in the place of {event.stands_for}" if event.stands_for else ""
    return f"▸ {event.task} started (agent {event.agent}{place}{more})"


@_say.register
def _(event: ev.TurnWanted, state: State) -> str | None:
    name = task_of(event.attempt)
    attempt = state.attempts[event.attempt]
    if event.why is TurnKind.REVIEW:
        return f"◇ {name} is reviewed by {attempt.seat}"
    if event.launch == 1:
        return f"▸ {name} begins with its tests" if event.why is TurnKind.TEST else None
    if event.why is TurnKind.WORK and event.turn > 1:
        return f"▸ {name} has tests that fail, as they should; now the work"
    if event.agent:
        return f"↻ {name} goes on with agent {event.agent} (turn {event.turn})"
    if event.why is TurnKind.CONTINUE or event.turn == 1:
        return f"↻ {name} taken up again (turn {event.turn})"
    if attempt.returned is ev.Cause.FINDINGS:
        rounds = f"round {attempt.rejections} of {state.limits.rounds_max}"
        return f"↻ {name} goes back to the agent with what was found ({rounds})"
    turns = attempt.turns_used - attempt.rejections + 1
    return f"↻ {name} goes back to the agent (turn {turns} of {turns_allowed(state, attempt)})"


@_say.register
def _(event: ev.TurnExited, state: State) -> str | None:
    attempt = state.attempts[event.attempt]
    if event.outcome is OutcomeKind.CRASHED and attempt.stop_cause is None:
        return f"⚡ {attempt.task} its process was killed (signal {event.signal})"
    if event.condition is Condition.CRASHED and attempt.stop_cause is not None:
        return None  # by us, and why has been said
    if event.condition is not None and attempt.condition is not event.condition:
        return f"⚡ {attempt.task} {_wrong(attempt, event.launch, event.condition, event.text)}"
    return None


def _wrong(attempt: Attempt, launch: int, condition: Condition, text: str) -> str:
    """What is wrong with the agent of a launch, by its name as far as that is still known: another
    may have gone on meanwhile."""
    who = attempt.seat if launch == attempt.launch else ""
    return one_line(sentence(condition, who) + (f": {text}" if text else ""))


@_say.register
def _(event: ev.TurnLost, state: State) -> str | None:
    return f"⚡ {task_of(event.attempt)} its process was lost: {one_line(event.text)}"


@_say.register
def _(event: ev.QuestionAsked, state: State) -> str | None:
    name = task_of(event.attempt)
    remedy = f" · gangsaw answer {name} TEXT" if event.key else ""
    return f"? {name} asks: {one_line(event.text)}{remedy}"


@_say.register
def _(event: ev.ConditionSeen, state: State) -> str | None:
    attempt = state.attempts[event.attempt]
    return f"· {attempt.task} {_wrong(attempt, event.launch, event.condition, event.text)}"


@_say.register
def _(event: ev.AttemptParked, state: State) -> str | None:
    name = task_of(event.attempt)
    if event.until is None:
        return f"! {name} needs you: {one_line(event.text)} · gangsaw why {name}"
    attempt = state.attempts[event.attempt]
    how_long = f" {span(event.until - attempt.since)}" if attempt.phase is Phase.PARKED else ""
    return f"◦ {name} waits{how_long}: {one_line(event.text)}"


@_say.register
def _(event: er.OverlapSeen, state: State) -> str | None:
    other = LANDED if event.ours == INTEGRATION else task_of(event.ours)
    paths = one_line(", ".join(file.path for file in event.files))
    return f"≈ {task_of(event.attempt)} does not merge with {other}: {paths} · gangsaw conflicts"


@_say.register
def _(event: DayBegan, state: State) -> str | None:
    return f"· {date_of(event.day)} (UTC): budgets by the day count anew"


@_say.register
def _(event: WaveFormed, state: State) -> str | None:
    return f"▤ wave {event.number}: {', '.join(event.tasks)}"


@_say.register
def _(event: er.RadarFailed, state: State) -> str | None:
    return f"· overlaps cannot be looked for now: {one_line(event.text)}"


@_say.register
def _(event: ev.ReviewPassed, state: State) -> str | None:
    return f"◆ {task_of(event.attempt)} {one_line(event.text or f'{event.by} agrees')}"


@_say.register
def _(event: ev.StopWanted, state: State) -> str | None:
    return f"■ {task_of(event.attempt)} is being stopped: {event.cause}"


@_say.register
def _(event: ev.WorkFound, state: State) -> str | None:
    if not event.committed_for:
        return None
    names = one_line(", ".join(event.committed_for[:3]))
    count = len(event.committed_for)
    many = "s" if count != 1 else ""
    name = task_of(event.attempt)
    return f"+ {name} left {count} file{many} uncommitted ({names}); committed for it"


@_say.register
def _(event: ev.AfterJudged, state: State) -> str | None:
    text = red_text(state)
    if event.judgement is ev.Judgement.PASSED or not text:
        return f"· checks after landing: {event.judgement.value} on {event.commit[:10]}"
    return f"! red after landing, needs you: {text}"


@_say.register
def _(event: ev.CandidateJudged, state: State) -> str | None:
    return landing_lines.judged(event, state) or _flaky(event, state)


def _flaky(event: ev.VerdictReached | ev.CandidateJudged, state: State) -> str | None:
    """Of a verdict, only what shows that a check is flaky."""
    found = [
        state.known_checks[result.of].text
        for result in event.results
        if result.red_runs and result.judgement is ev.Judgement.PASSED
    ]
    return f"~ flaky, red and then green on the same tree: {', '.join(found)}" if found else None


@_say.register
def _(event: ev.WorkReturned, state: State) -> str | None:
    if event.cause is ev.Cause.COMBINATION:
        return f"✗ {task_of(event.attempt)} red together with what landed: {one_line(event.text)}"
    return f"✗ {task_of(event.attempt)} {one_line(event.text)}"


@_say.register
def _(event: ev.WorkFaulty, state: State) -> str | None:
    return f"✗ {task_of(event.attempt)} {one_line(event.text)}"


@_say.register
def _(event: ev.ReviewOpened, state: State) -> str | None:
    name = task_of(event.attempt)
    return f"! {name} needs you: {one_line(event.text)} · gangsaw diff {name}"


@_say.register
def _(event: ev.Landed, state: State) -> str | None:
    if event.attempt == ev.TARGET:
        return f"✓ merged {state.target} into the integration branch"
    attempt = state.attempts[event.attempt]
    files, added, deleted = attempt.diff or (0, 0, 0)
    many = "s" if files != 1 else ""
    return (
        f"✓ {event.task} landed  {files} file{many} +{added} −{deleted}  "
        f"{checks_text(state, attempt)}  {event.commit[:10]}"
    )


_say.register(ev.VerdictReached)(_flaky)
_say.register(ev.BatchFormed)(landing_lines.formed)
_say.register(ev.ChangeQueued)(landing_lines.queued)
_say.register(ev.QueueHeld)(landing_lines.held)
_say.register(ev.QueueReleased)(landing_lines.released)
_say.register(ev.PutFirst)(landing_lines.first)


@_say.register
def _(event: ev.TaskDone, state: State) -> str | None:
    return f"✓ {event.task} done"


@_say.register
def _(event: ev.AttemptFailed, state: State) -> str | None:
    name = task_of(event.attempt)
    return f"✗ {name} attempt {event.attempt.rpartition('.')[2]} ended: {one_line(event.text)}"


@_say.register
def _(event: ev.TaskGivenUp, state: State) -> str | None:
    if event.person:
        return f"! {event.task} needs you: {one_line(event.text)} · gangsaw why {event.task}"
    return f"✗ {event.task} failed: {one_line(event.text)} · gangsaw why {event.task}"


@_say.register
def _(event: ev.TaskCancelled, state: State) -> str | None:
    return f"■ {event.task} cancelled by {event.by}"


@_say.register
def _(event: ev.TaskReopened, state: State) -> str | None:
    return f"↻ {event.task} is tried again by {event.by}"


@_say.register
def _(event: ev.UndoWanted, state: State) -> str | None:
    return f"↶ {event.task} is to be undone by {event.by}"


@_say.register
def _(event: ev.Undone, state: State) -> str | None:
    toll = toll_of(state, event.task)
    built = f"; built on it: {', '.join(toll.landed)}" if toll.landed else ""
    return f"↶ {event.task} undone  {event.commit[:10]}{one_line(built)}"


@_say.register
def _(event: ev.UndoFailed, state: State) -> str | None:
    return f"! {event.task} is not undone: {one_line(event.text)}"


@_say.register
def _(event: ev.Delivered, state: State) -> str | None:
    pushed = f", pushed to {event.pushed}" if event.pushed else ""
    return f"→ {state.target} is at {event.commit[:10]}{pushed}"


@_say.register
def _(event: ev.DeliveryBlocked, state: State) -> str | None:
    return f"! {state.target} is not moved: {one_line(event.text)}"


@_say.register
def _(event: ev.TargetMoved, state: State) -> str | None:
    where = f"{event.remote}'s {state.target}" if event.remote else state.target
    return f"· {where} has moved to {event.commit[:10]}; merging it in as a candidate"


@_say.register
def _(event: ev.Pushed, state: State) -> str | None:
    return f"→ {state.target} is pushed to {event.remote} ({event.commit[:10]})"


@_say.register
def _(event: ev.PushFailed, state: State) -> str | None:
    again = "" if is_waiting(state) else f"; trying again, {state.delivery.tries} so far"
    return f"! {state.target} is not pushed: {one_line(event.text)}{again}"


@_say.register
def _(event: ev.TargetMergeFailed, state: State) -> str | None:
    return f"! {one_line(event.text)}"


@_say.register
def _(event: ev.RequestAnswered, state: State) -> str | None:
    return f"· {one_line(event.text)}"


@_say.register
def _(event: ev.StopAllWanted, state: State) -> str | None:
    how = "killing" if event.hard else "stopping"
    return f"■ {how} every agent of this run ({event.by})"


@_say.register
def _(event: ev.PressureChanged, state: State) -> str | None:
    if event.level is ev.Pressure.NONE:
        return "· the machine has room again"
    return f"! the machine is short, no new agents: {event.text}"


@_say.register
def _(event: WatchdogStopped, state: State) -> str | None:
    left = f"{event.available_mb:.0f} of {event.total_mb:.0f} MB of memory were left"
    return f"! {event.attempt} was stopped by the watchdog, {left}; it used {event.used_mb:.0f} MB"


@_say.register
def _(event: WatchdogEnded, state: State) -> str | None:
    after = "it is started again" if event.again else "the run goes on without"
    return f"! the watchdog is not there: {event.text}; {after}"


@_say.register
def _(event: StandingWritten, state: State) -> str | None:
    if not event.kept:
        return None
    what = "has no such record any more" if event.kept == MISSING else f"says {event.kept}"
    return f"· {event.task} is {event.standing.value}; its file {what}, and is left alone"


@_say.register
def _(event: StandingRefused, state: State) -> str | None:
    told = state.told[event.task]
    over = "; that is left now" if told.refused >= REFUSED_MAX else ""
    return f"! not written that {event.task} is {event.standing.value}: {event.reason}{over}"


@_say.register
def _(event: SourceTaken, state: State) -> str | None:
    return taken_text(event, state)


@_say.register
def _(event: SourceRefused, state: State) -> str | None:
    return f"! the task file is not taken up as it is now: {event.reason}"


@_say.register
def _(event: EditTaken, state: State) -> str | None:
    return f"· {event.task}: what its file has said of it since holds now"


@_say.register
def _(event: MachineGoverned, state: State) -> str | None:
    if event.want is not None:
        return f"! {event.want.attempt} gives way: {event.want.text}"
    if event.governed.level is event.before:
        return None
    if event.governed.level is Level.NONE:
        return "· the machine has room again"
    return f"! the machine is short, no new agents: {event.governed.text}"


@_say.register
def _(event: ev.ClockJumped, state: State) -> str | None:
    length = clock(abs(event.seconds))
    match event.why:
        case ev.Jump.SET:
            way = "forward" if event.seconds > 0 else "back"
            return f"· the clock was set {way} by {length}; waits and time limits moved along"
        case ev.Jump.SUSPENDED:
            return f"· the machine was suspended for {length}; no agent is charged with it"
        case ev.Jump.STANDSTILL:
            return f"· gangsaw stood still for {length}; no agent is charged with it"


@_say.register
def _(event: ev.JournalWaited, state: State) -> str | None:
    return f"· there is room for the journal again, after {clock(event.seconds)}; going on"


@_say.register
def _(event: ev.IntegrationRestored, state: State) -> str | None:
    did = f"moved to {event.found[:10]}" if event.found else "deleted"
    held = ", which is held by a ref" if event.found else ""
    return f"! somebody {did} {state.integration}{held}; it is put back to {event.commit[:10]}"


@_say.register
def _(event: ev.EffectFailed, state: State) -> str | None:
    if event.no_room:
        name = event.about or state.run
        return f"! no room on the disk for {name} ({event.action}); trying again: " + one_line(
            event.text
        )
    return (
        f"! {event.about or state.run} {event.action} failed, trying again: {one_line(event.text)}"
    )


@_say.register
def _(event: et.MessageLeft, state: State) -> str | None:
    if event.advice:
        return None  # what it is about has its own line
    return f"✉ {event.by} to {event.task}: {one_line(event.text)}"


@_say.register
def _(event: et.QuestionAnswered, state: State) -> str | None:
    return f"✉ {event.by} answers {task_of(event.attempt)}: {one_line(event.text)}"


@_say.register
def _(event: et.PathsClaimed, state: State) -> str | None:
    return f"· {task_of(event.attempt)} claims {one_line(', '.join(event.paths))}"


@_say.register
def _(event: et.DoneSaid, state: State) -> str | None:
    said = f": {one_line(event.text)}" if event.text else ""
    return f"· {task_of(event.attempt)} says that it is done{said}"


@_say.register
def _(event: et.AttemptTaken, state: State) -> str | None:
    return f"■ {task_of(event.attempt)} is taken over by {event.by}"


@_say.register
def _(event: et.HandedBack, state: State) -> str | None:
    return f"↻ {task_of(event.attempt)} is handed back by {event.by}"
