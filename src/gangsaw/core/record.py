"""Observation → facts: is this report news, and legal now?

Late, doubled and foreign reports end here: they give no events. Nothing is decided here.
"""

from __future__ import annotations

from functools import singledispatch

from gangsaw.core import chain, governing, overlapping, resolving, sourcing, watching
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.conditions import Condition
from gangsaw.core.events_checks import AFTER
from gangsaw.core.events_money import SpentElsewhere
from gangsaw.core.events_undo import undone_by
from gangsaw.core.events_watchdog import WatchdogEnded, WatchdogStopped
from gangsaw.core.findings import read_review
from gangsaw.core.launch import (
    ConditionNoted,
    LimitKind,
    LimitNoted,
    PermissionNoted,
    QuestionNoted,
    ResultNoted,
    SessionNoted,
    UsageNoted,
)
from gangsaw.core.measuring import measured
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import AGENT_ALIVE, Phase, next_phase
from gangsaw.core.policy import batches, delivery, stall
from gangsaw.core.policy import landing as landing_policy
from gangsaw.core.requests import answer
from gangsaw.core.state import Attempt, Landing, State, Usage, landing_of
from gangsaw.core.usage import used_by_launch

BEATS_PER_STALL = 4
"""A silent agent is told from a busy one by at most this many recorded beats per `stall_s`."""


@singledispatch
def record(observation: object, state: State, now: float) -> list[ev.Event]:
    """The facts in a report; empty when it is no news."""
    raise TypeError(f"no rule for {type(observation).__name__}")


def _attempt(state: State, name: str, kind: str) -> Attempt | None:
    """The attempt, if an event of this wire name is legal for it now."""
    attempt = state.attempts.get(name)
    if attempt is None or next_phase(attempt.phase, kind) is None:
        return None
    return attempt


def _launched(state: State, name: str, launch: int) -> Attempt | None:
    """The attempt, if this launch is its current one and may still be alive."""
    attempt = state.attempts.get(name)
    if attempt is None or attempt.launch != launch or attempt.phase not in AGENT_ALIVE:
        return None
    return attempt


@record.register
def _(seen: ob.EngineUp, state: State, now: float) -> list[ev.Event]:
    facts: list[ev.Event] = [
        ev.EngineStarted(
            seen.pid, seen.version, seen.boot_id, seen.containment, seen.strays, seen.environment
        )
    ]
    if seen.limits != state.limits:
        facts.append(ev.LimitsChanged(seen.limits))
    return facts


@record.register
def _(seen: ob.EngineDown, state: State, now: float) -> list[ev.Event]:
    return [ev.EngineStopped(seen.reason)]


@record.register
def _(seen: ob.IntegrationAt, state: State, now: float) -> list[ev.Event]:
    return [] if state.head else [ev.IntegrationReady(seen.commit)]


@record.register
def _(seen: ob.MachineRead, state: State, now: float) -> list[ev.Event]:
    same = seen.level is state.pressure
    return [] if same else [ev.PressureChanged(seen.level, seen.text)]


@record.register
def _(seen: ob.MachineSeen, state: State, now: float) -> list[ev.Event]:
    return [*measured(state, seen.measure, now), *governing.report(state, seen.measure, now)]


@record.register
def _(seen: ob.Asked, state: State, now: float) -> list[ev.Event]:
    if seen.key in state.answers or seen.key in state.pending:
        return []
    request = ev.Requested(seen.key, seen.verb, seen.task, seen.by, seen.text)
    return [request, *answer(state, seen)]


@record.register
def _(seen: ob.EffectRaised, state: State, now: float) -> list[ev.Event]:
    if seen.action == sourcing.WRITING:
        return [*sourcing.refusals(state, seen.about, seen.text)]
    if _is_over(state, seen.about):
        return []  # called off, and not to be tried again: nothing would end that trouble
    return [ev.EffectFailed(seen.about, seen.action, seen.text, seen.no_room)]


def _is_over(state: State, about: str) -> bool:
    """Whether nothing is to be done any more about this attempt or landing."""
    if about in state.attempts:
        return state.attempts[about].closed
    if about == AFTER:
        return not state.after.wanted
    return bool(about) and landing_of(state, about) is None


@record.register
def _(seen: ob.WatchdogActed, state: State, now: float) -> list[ev.Event]:
    attempt = _launched(state, seen.attempt, seen.launch)
    if attempt is None or attempt.stop_cause is not None:
        return []
    fact = WatchdogStopped(
        seen.attempt, seen.launch, seen.used_mb, seen.available_mb, seen.total_mb, seen.full_pct,
        seen.at,
    )  # fmt: skip
    # It was wanted by who did it; what follows is what follows a stop by the governor.
    return [fact, ev.StopWanted(seen.attempt, ev.Cause.MEMORY, True)]


@record.register
def _(seen: ob.WatchdogGone, state: State, now: float) -> list[ev.Event]:
    return [WatchdogEnded(seen.text, seen.again)]


@record.register
def _(seen: ob.ClockShifted, state: State, now: float) -> list[ev.Event]:
    return [ev.ClockJumped(seen.seconds, seen.why)]


@record.register
def _(seen: ob.JournalHeldUp, state: State, now: float) -> list[ev.Event]:
    return [ev.JournalWaited(seen.seconds, seen.text)]


@record.register
def _(seen: ob.IntegrationPutBack, state: State, now: float) -> list[ev.Event]:
    return [ev.IntegrationRestored(seen.commit, seen.found)]


@record.register
def _(seen: ob.ElsewhereSpent, state: State, now: float) -> list[ev.Event]:
    told = Usage(seen.tokens, seen.cost_usd, 0, seen.estimated_usd)
    if state.elsewhere.get(seen.day, Usage()) == told:
        return []
    return [SpentElsewhere(seen.day, seen.tokens, seen.cost_usd, seen.estimated_usd)]


@record.register
def _(seen: ob.OverlapsRead, state: State, now: float) -> list[ev.Event]:
    return [*overlapping.news(seen, state)]


@record.register
def _(seen: ob.WorkspaceAt, state: State, now: float) -> list[ev.Event]:
    if _attempt(state, seen.attempt, ev.WorkspacePrepared.kind) is None:
        return []
    return [ev.WorkspacePrepared(seen.attempt, seen.path, seen.base)]


@record.register
def _(seen: ob.LaunchStarted, state: State, now: float) -> list[ev.Event]:
    attempt = _launched(state, seen.attempt, seen.launch)
    if attempt is None or attempt.started:
        return []
    return [ev.TurnStarted(seen.attempt, seen.launch, seen.pid, seen.containment)]


@record.register
def _(seen: ob.OutputGrew, state: State, now: float) -> list[ev.Event]:
    attempt = _launched(state, seen.attempt, seen.launch)
    if attempt is None:
        return []
    if now - attempt.beat_at < stall.silence_s(state, attempt) / BEATS_PER_STALL:
        return []
    return [ev.BeatSeen(seen.attempt, seen.launch)]


def _is_handed_back(attempt: Attempt) -> bool:
    """Whether a person has handed it back, and no turn has begun since: whose launch the last one
    was, the author's or a reviewer's, does not matter any more."""
    return attempt.phase is Phase.RETURNED and attempt.returned is ev.Cause.TAKEN


@record.register
def _(seen: ob.Noted, state: State, now: float) -> list[ev.Event]:
    attempt = state.attempts.get(seen.attempt)
    if attempt is None or seen.launch > attempt.launch:
        return []
    match seen.note:
        case SessionNoted(session):
            known = (attempt.session or "") == session or seen.launch != attempt.launch
            if attempt.why is TurnKind.REVIEW or _is_handed_back(attempt):
                return []  # the reviewer's own, which nobody goes on with; or perhaps that
            return [] if known else [ev.SessionOpened(seen.attempt, seen.launch, session)]
        case UsageNoted() as usage:
            return _record_usage(attempt, seen.launch, usage)
        case QuestionNoted(text):
            new = seen.launch == attempt.launch and attempt.question != text
            return [ev.QuestionAsked(seen.attempt, seen.launch, text)] if new else []
        case PermissionNoted(text, True):
            return _condition(attempt, seen.launch, Condition.PERMISSION, text)
        case LimitNoted():
            return _limit(attempt, seen.launch, seen.note)
        case ConditionNoted(condition, text):
            return _condition(attempt, seen.launch, condition, text)
        case ResultNoted(_, text) if attempt.why is TurnKind.REVIEW:
            return _review(attempt, seen.launch, text)
        case _:
            return []


def _condition(
    attempt: Attempt,
    launch: int,
    condition: Condition,
    text: str,
    until: float | None = None,
    account: str = "",
) -> list[ev.Event]:
    """A condition is news once, until another one is seen."""
    if launch != attempt.launch or attempt.condition is condition:
        return []
    return [ev.ConditionSeen(attempt.id, launch, condition, text, until, account)]


def _limit(attempt: Attempt, launch: int, note: LimitNoted) -> list[ev.Event]:
    quota = note.kind is LimitKind.QUOTA
    condition = Condition.QUOTA if quota else Condition.THROTTLED
    return _condition(attempt, launch, condition, note.text, note.resets_at, note.account)


def _review(attempt: Attempt, launch: int, text: str) -> list[ev.Event]:
    """The review in a reviewer's final words, if there is one that is not known yet."""
    if launch != attempt.launch or attempt.phase not in AGENT_ALIVE:
        return []
    review = read_review(text)
    if review is None or review == attempt.given:
        return []
    return [ev.ReviewGiven(attempt.id, launch, attempt.seat, review)]


def _record_usage(attempt: Attempt, launch: int, noted: UsageNoted) -> list[ev.Event]:
    used = used_by_launch(attempt, launch, noted)
    known = next((one for one in attempt.usage if one.launch == launch), None)
    if known == used:
        return []
    if known is not None and launch != attempt.launch and used.tokens < known.tokens:
        return []  # told late, of a launch that is over: it used more than this
    return [
        ev.UsageReported(
            attempt.id,
            launch,
            used.input_tokens,
            used.output_tokens,
            used.cached_tokens,
            used.cost_usd,
            used.session,
            noted.reasoning_tokens,
            used.estimated_usd,
            noted.model,
        )
    ]


@record.register
def _(seen: ob.LaunchExited, state: State, now: float) -> list[ev.Event]:
    attempt = _launched(state, seen.attempt, seen.launch)
    if attempt is None:
        return []
    facts: list[ev.Event] = []
    if not attempt.started:
        facts.append(ev.TurnStarted(seen.attempt, seen.launch, 0))
    outcome = seen.outcome
    if attempt.why is TurnKind.REVIEW and attempt.given is None:
        # An agent whose output has no form has no final word but its last line.
        facts += _review(attempt, seen.launch, outcome.text)
    facts.append(
        ev.TurnExited(
            seen.attempt,
            seen.launch,
            outcome.kind,
            seen.code,
            seen.signal,
            outcome.text,
            seen.swept,
            outcome.retry_at,
            seen.cpu_s,
            seen.memory_max_mb,
            seen.no_room,
            outcome.condition,
            outcome.account,
        )
    )
    return facts


@record.register
def _(seen: ob.LaunchLost, state: State, now: float) -> list[ev.Event]:
    attempt = _launched(state, seen.attempt, seen.launch)
    if attempt is None:
        return []
    facts: list[ev.Event] = []
    if seen.started and not attempt.started:
        facts.append(ev.TurnStarted(seen.attempt, seen.launch, 0))
    lost = ev.TurnLost(seen.attempt, seen.launch, seen.started, seen.text, seen.no_room)
    facts.append(lost)
    return facts


@record.register
def _(seen: ob.WorkInspected, state: State, now: float) -> list[ev.Event]:
    attempt = _attempt(state, seen.attempt, ev.WorkFound.kind)
    if attempt is None or attempt.launch != seen.launch:
        return []
    return [
        *resolving.facts_of_work(state, seen),
        ev.WorkFound(
            seen.attempt,
            seen.commit,
            seen.tree,
            seen.files,
            seen.added,
            seen.deleted,
            seen.committed_for,
            seen.commits,
            seen.barrier,
            seen.concerns,
            seen.paths,
            seen.unchanged,
        ),
    ]


@record.register
def _(seen: ob.WorkUnsound, state: State, now: float) -> list[ev.Event]:
    attempt = _attempt(state, seen.attempt, ev.WorkFaulty.kind)
    if attempt is None or attempt.launch != seen.launch:
        return []
    return [ev.WorkFaulty(seen.attempt, seen.cause, seen.paths, seen.text)]


@record.register
def _(seen: ob.ChecksDone, state: State, now: float) -> list[ev.Event]:
    if seen.about == AFTER:
        wanted = state.after.wanted == seen.commit
        return [ev.AfterJudged(seen.commit, seen.judgement, seen.results)] if wanted else []
    landing = landing_of(state, seen.about)
    if landing is not None:
        wanted = landing.candidate == seen.commit and landing.round == seen.round
        wanted = wanted and (not seen.only or _is_asked(state, seen))
        passed = chain.has_passed(state, chain.index_of(state, seen.about))
        if not wanted or passed or _stale(state, landing, seen):
            return []
        return [ev.CandidateJudged(seen.about, seen.tree, seen.judgement, seen.results, seen.only)]
    attempt = _attempt(state, seen.about, ev.VerdictReached.kind)
    if attempt is None or (attempt.commit, attempt.tree) != (seen.commit, seen.tree):
        return []
    return [ev.VerdictReached(seen.about, seen.tree, seen.judgement, seen.results)]


def _is_asked(state: State, seen: ob.ChecksDone) -> bool:
    """Whether it is about these tests that something is to be known now."""
    asked = (each for each in batches.wanted(state) if each.link.about == seen.about)
    return any(each.part is not None and each.part.tests == seen.only for each in asked)


def _stale(state: State, landing: Landing, seen: ob.ChecksDone) -> bool:
    """A green report that does not cover the whole gate is no verdict."""
    if seen.only or seen.judgement is not ev.Judgement.PASSED:
        return False
    gate = landing_policy.gate_of_landing(state, landing)
    missing = landing_policy.missing_checks(state, landing.tree, gate)
    return not {check.key for check in missing} <= {result.of for result in seen.results}


def _is_to_be_built(state: State, about: str, work: str, onto: str) -> bool:
    """Whether the landing waits for its candidate, from this work on this base."""
    at = chain.index_of(state, about)
    if at < 0 or state.landings[at].work != work:
        return False
    built = state.landings[at].candidate or state.landings[at].conflict
    return not built and chain.base_of(state, at) == onto


@record.register
def _(seen: ob.CandidateMade, state: State, now: float) -> list[ev.Event]:
    if not _is_to_be_built(state, seen.about, seen.work, seen.onto):
        return []
    built = ev.CandidateBuilt(
        seen.about, seen.onto, seen.commit, seen.tree, seen.resolved, seen.files, seen.paths
    )
    return [built, *resolving.facts_of_candidate(seen)]


@record.register
def _(seen: ob.CandidateClashed, state: State, now: float) -> list[ev.Event]:
    if not _is_to_be_built(state, seen.about, seen.work, seen.onto):
        return []
    return [ev.CandidateConflicted(seen.about, seen.onto, seen.paths, seen.against)]


@record.register
def _(seen: ob.IntegrationMoved, state: State, now: float) -> list[ev.Event]:
    landing = landing_of(state, seen.about)
    if landing is None or not landing.wanted or landing.candidate != seen.commit:
        return []
    if undone := undone_by(seen.about):
        return [ev.Undone(undone, seen.commit, seen.onto, landing.tree, landing.work)]
    at = chain.index_of(state, seen.about)
    return [_landed(state, link, landing, seen) for link in state.landings[: at + 1]]


def _landed(state: State, link: Landing, last: Landing, seen: ob.IntegrationMoved) -> ev.Event:
    """A link is on the branch with the move to the last one."""
    attempt = state.attempts.get(link.about)
    task = attempt.task if attempt else ""
    head = seen.head or ("" if link is last else seen.commit)
    checked = "" if link is last else last.tree
    ways = ", ".join(attempt.resolved) if attempt else link.resolved
    return ev.Landed(link.about, task, link.candidate, seen.onto, link.tree, head, checked, ways)


@record.register
def _(seen: ob.IntegrationElsewhere, state: State, now: float) -> list[ev.Event]:
    landing = landing_of(state, seen.about)
    if landing is None or not landing.wanted or landing.candidate != seen.commit:
        return []
    return [ev.LandingMissed(seen.about, seen.found)]


@record.register
def _(seen: ob.AttemptClosed, state: State, now: float) -> list[ev.Event]:
    attempt = state.attempts.get(seen.attempt)
    if (
        attempt is None
        or attempt.closed
        or attempt.phase
        not in (
            Phase.LANDED,
            Phase.FAILED,
            Phase.DONE,
        )
    ):
        return []
    return [ev.WorkspaceClosed(seen.attempt, seen.refs)]


@record.register
def _(seen: ob.TargetAtIntegration, state: State, now: float) -> list[ev.Event]:
    if seen.commit == state.delivery.delivered or not state.delivery.wanted:
        return []
    return [ev.Delivered(seen.commit, seen.pushed)]


@record.register
def _(seen: ob.TargetNotMovable, state: State, now: float) -> list[ev.Event]:
    if state.checked_head == state.delivery.delivered:
        return []
    if delivery.is_waiting(state) and state.delivery.blocked == seen.text:
        return []  # still the same reason
    return [ev.DeliveryBlocked(seen.commit, seen.text)]


@record.register
def _(seen: ob.TargetElsewhere, state: State, now: float) -> list[ev.Event]:
    if seen.commit == state.delivery.merge_failed:
        same = delivery.is_waiting(state)
        return [] if same else [ev.DeliveryBlocked(seen.commit, state.delivery.blocked)]
    if seen.commit == state.delivery.target_commit:
        return []
    return [ev.TargetMoved(seen.commit, seen.remote)]


@record.register
def _(seen: ob.TargetPushed, state: State, now: float) -> list[ev.Event]:
    return [ev.Pushed(seen.commit, seen.remote)] if _is_to_push(state, seen) else []


@record.register
def _(seen: ob.PushRefused, state: State, now: float) -> list[ev.Event]:
    if not _is_to_push(state, seen):
        return []
    same = delivery.is_waiting(state) and state.delivery.blocked == seen.text
    if same and not seen.passing:
        return []  # still the same reason
    return [ev.PushFailed(seen.commit, seen.remote, seen.text, seen.passing)]


def _is_to_push(state: State, seen: ob.TargetPushed | ob.PushRefused) -> bool:
    """Whether the report is about what is to be pushed now."""
    known = state.delivery
    wanted = (known.delivered, state.limits.remote)
    return (seen.commit, seen.remote) == wanted and known.pushed_commit != seen.commit


@record.register
def _(seen: ob.StandingSaid, state: State, now: float) -> list[ev.Event]:
    return [*sourcing.said(seen, state)]


@record.register
def _(seen: ob.StandingNotSaid, state: State, now: float) -> list[ev.Event]:
    return [*sourcing.not_said(seen, state)]


@record.register
def _(seen: ob.SourceSeen, state: State, now: float) -> list[ev.Event]:
    return [*watching.seen(seen, state)]


@record.register
def _(seen: ob.SourceUnread, state: State, now: float) -> list[ev.Event]:
    return [*watching.unread(seen, state)]
