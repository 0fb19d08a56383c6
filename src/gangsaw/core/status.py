"""Derived, never stored: what does a task look like, and why is it not running?

Everything here is computed from the same values and by the same functions that decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gangsaw.core import chain
from gangsaw.core.conditions import Condition, sentence
from gangsaw.core.events import Judgement, RunEnd
from gangsaw.core.events_undo import undo_about
from gangsaw.core.honesty import summary
from gangsaw.core.model import Check, TurnKind, task_of
from gangsaw.core.overlapping import overlap_text
from gangsaw.core.phases import Phase
from gangsaw.core.policy import accounts, batches, honesty, landing, money, narrowing
from gangsaw.core.policy.admission import Hold, HoldKind, hold_for
from gangsaw.core.policy.remedy import goes_on_at, room_text, waits_for_a_person
from gangsaw.core.policy.undo import undone_needs
from gangsaw.core.resolving import ways_text
from gangsaw.core.spans import span
from gangsaw.core.state import Attempt, Landing, State, is_live, landing_of
from gangsaw.core.trouble import stuck_move, stuck_text, worst_trouble
from gangsaw.core.watching import held_text, settled_text

PARKED_MAX = 140
"""Characters of why an attempt waits that stand before how long it does."""


NAMES_MAX = 3
"""Tasks that are named in one sentence."""


class Status(StrEnum):
    """What a task looks like from outside."""

    WAITING = "waiting"
    HELD = "held"
    WORKING = "working"
    CHECKING = "checking"
    REVIEWING = "reviewing"
    QUEUED = "queued"
    LANDING = "landing"
    LANDED = "landed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_YOU = "needs_you"
    UNDONE = "undone"


_BY_PHASE = {
    Phase.PREPARING: Status.WORKING,
    Phase.READY: Status.WORKING,
    Phase.STARTING: Status.WORKING,
    Phase.RUNNING: Status.WORKING,
    Phase.STOPPING: Status.WORKING,
    Phase.EXITED: Status.CHECKING,
    Phase.INSPECTING: Status.CHECKING,
    Phase.VERIFYING: Status.CHECKING,
    Phase.VERIFIED: Status.CHECKING,
    Phase.RETURNED: Status.HELD,
    Phase.PARKED: Status.HELD,
    Phase.REVIEWING: Status.NEEDS_YOU,
    Phase.QUEUED: Status.QUEUED,
    Phase.LANDING: Status.LANDING,
}

_WAITING_HOLDS = frozenset(
    {
        HoldKind.NEEDS,
        HoldKind.SLOTS,
        HoldKind.AGENT_SLOTS,
        HoldKind.AGENT_SEATS,
        HoldKind.NO_BRANCH,
    }
)


@dataclass(frozen=True, slots=True)
class View:
    """A task's status, the reason in words, and the hold it comes from (if any)."""

    status: Status
    reason: str
    hold: Hold | None = None


def view(state: State, name: str, now: float) -> View:
    """The task's status and its reason, now."""
    known = state.task_states[name]
    if known.landed_commit:
        return View(Status.LANDED, _landed_text(state, name))
    if known.done:
        return View(Status.DONE, settled_text(state, name))
    if known.undone:
        return View(Status.UNDONE, f"taken back by {known.undone[:10]}")
    if known.cancelled:
        return View(Status.CANCELLED, settled_text(state, name) or "cancelled")
    if known.given_up and known.resolver:
        return View(Status.NEEDS_YOU, resolving_text(name, known.resolver))
    if known.given_up:
        return View(Status.NEEDS_YOU if known.person else Status.FAILED, known.given_up)
    attempt = state.attempt_of(name)
    if attempt is not None and is_live(attempt):
        waits_for_you = bool(_asked_text(attempt)) or waits_for_a_person(attempt)
        status = Status.NEEDS_YOU if waits_for_you else _BY_PHASE[attempt.phase]
        text = _with_overlaps(state, attempt, _live_text(state, attempt, now))
        if state.source.later and (held := held_text(state, name)):
            text = " · ".join(part for part in (text, held) if part)
        return View(status, text)
    hold = hold_for(state, name, now)
    if hold is None:
        return View(Status.WAITING, "starts next")
    waits = hold.kind in _WAITING_HOLDS
    return View(Status.WAITING if waits else Status.HELD, say(hold, now), hold)


def _landed_text(state: State, name: str) -> str:
    known, attempt = state.task_states[name], state.attempt_of(name)
    parts: list[str] = []
    if attempt is not None and attempt.diff is not None:
        files, added, deleted = attempt.diff
        parts.append(f"{files} file{'s' if files != 1 else ''} +{added} −{deleted}")
        if attempt.resolved:
            parts.append(ways_text(attempt.resolved))
        if found := honesty.shown(state, attempt):
            parts.append(summary(found))
    if undone := undone_needs(state, name):
        parts.append(f"built on {', '.join(undone)}, which was undone")
    if name in state.undos:
        parts.append(_undo_text(state, name))
    elif known.undo_failed:
        parts.append(f"not undone: {known.undo_failed}")
    return " · ".join(parts)


def resolving_text(task: str, by: str) -> str:
    """What a task waits for whose conflict a person resolves."""
    return f"{by} resolves its conflict · when it is done: gangsaw resolve {task} --done"


def _undo_text(state: State, name: str) -> str:
    """How far the undo of a landed task is."""
    trouble = worst_trouble(state, undo_about(name))
    if trouble is not None:
        return f"being undone, in trouble, trying again: {trouble.text}"
    found = landing_of(state, undo_about(name))
    if found is None or not found.candidate or found.judgement is not None:
        return "being undone"
    gate = landing.gate_of_landing(state, found)
    return "being undone, " + _checks_text(landing.missing_checks(state, found.tree, gate))


def _live_text(state: State, attempt: Attempt, now: float) -> str:
    trouble = worst_trouble(state, attempt.id)
    if trouble is not None and trouble.for_room:
        return f"waits for room on the disk: {trouble.text}"
    if trouble is not None:
        return f"trouble, trying again: {trouble.text}"
    if attempt.in_hand and (by := state.task_states[attempt.task].resolver):
        return resolving_text(attempt.task, by)
    if attempt.in_hand:
        back = f"gangsaw attach {attempt.task} --hand-back"
        return f"taken over by {attempt.taken_by} · to give it back: {back}"
    if text := _asked_text(attempt):
        return f"asks: {text}"
    match attempt.phase:
        case Phase.REVIEWING:
            return attempt.review_text
        case Phase.STOPPING:
            return f"being stopped: {attempt.stop_cause}"
        case Phase.PARKED:
            until = goes_on_at(state, attempt)
            if until is None:
                asks = attempt.parked in (Condition.ANSWER, Condition.PERMISSION)
                how = f"answer {attempt.task} TEXT" if asks else f"retry {attempt.task}"
                # No flag moves a bound of the task's own.
                if attempt.unpaid and not money.spent_text(state, attempt.task):
                    how += ", or with more money: gangsaw run --budget N"
                return f"{attempt.parked_text} · to go on: gangsaw {how}"
            left_s = until - now
            again = f"goes on in {span(left_s)}" if left_s > 0 else "goes on when a slot is free"
            room = room_text(state, attempt, attempt.seat, now) if left_s <= 0 else ""
            again = f"goes on when there is room: {room}" if room else again
            return f"{_short(attempt.parked_text)} · {again}"
        case Phase.RUNNING | Phase.STARTING if attempt.why is TurnKind.REVIEW:
            return f"{attempt.seat} reviews it" + _condition_text(attempt)
        case Phase.RUNNING if attempt.condition is not None:
            return sentence(attempt.condition, attempt.seat)
        case Phase.RETURNED if paused := accounts.wait_text(state, attempt, now):
            return f"{attempt.returned_text} · {paused}"
        case Phase.READY | Phase.EXITED | Phase.VERIFIED if paused := accounts.wait_text(
            state, attempt, now
        ):
            return paused
        case Phase.RETURNED if missing := money.lacking(state, attempt.task, attempt.agent):
            return f"{attempt.returned_text} · waits for money: {missing}"
        case Phase.EXITED | Phase.VERIFIED if missing := money.lacking(
            state, attempt.task, attempt.seat
        ):
            return f"waits for money: {missing}"
        case Phase.RETURNED:
            return f"{attempt.returned_text} · goes back to the agent when a slot is free"
        case Phase.RUNNING | Phase.STARTING if attempt.question:
            return f"asks: {attempt.question}"
        case Phase.RUNNING | Phase.STARTING if attempt.turn > 1:
            return f"{attempt.returned_text or 'taken up again'} · turn {attempt.turn}"
        case Phase.QUEUED:
            return _queue_text(state, attempt)
        case Phase.VERIFYING:
            gate = landing.gate_of_work(state, attempt.task)
            return _checks_text(landing.missing_checks(state, attempt.tree, gate))
        case Phase.LANDING:
            return _landing_text(state, attempt)
        case Phase.VERIFIED:
            return "the next turn begins when its agent has a free slot"
        case _:
            return ""


def _with_overlaps(state: State, attempt: Attempt, text: str) -> str:
    """The text, and with whom the attempt collides."""
    overlaps = overlap_text(state, attempt.id) if state.overlaps else ""
    return " · ".join(part for part in (text, overlaps) if part)


def _short(text: str) -> str:
    """What a vendor said, so short that what follows it is still on the line."""
    return text if len(text) <= PARKED_MAX else text[: PARKED_MAX - 1].rstrip() + "…"


def _asked_text(attempt: Attempt) -> str:
    """The open question that an agent at work has put by command, and that would be answered next;
    empty if there is none."""
    if attempt.phase not in (Phase.STARTING, Phase.RUNNING) or not attempt.asked:
        return ""
    waiting = [one.text for one in attempt.asked if one.waits]
    return waiting[0] if waiting else attempt.asked[-1].text


def _condition_text(attempt: Attempt) -> str:
    condition = attempt.condition
    return "" if condition is None else f" · {sentence(condition, attempt.seat)}"


def _queue_text(state: State, attempt: Attempt) -> str:
    if attempt.against and chain.index_of(state, attempt.against) >= 0:
        return f"does not merge with {task_of(attempt.against)}, which is ahead of it"
    if state.queue_held:
        held = "frozen" if state.frozen else "paused"
        return f"the landing queue is {held}: gangsaw queue --resume"
    ahead = state.queue.index(attempt.id) if attempt.id in state.queue else 0
    return f"{ahead + len(state.landings)} ahead in the landing queue"


def _checks_text(checks: tuple[Check, ...]) -> str:
    return "running: " + " · ".join(check.name for check in checks)


def _landing_text(state: State, attempt: Attempt) -> str:
    found = landing_of(state, attempt.id)
    if found is None or chain.is_moving(state, attempt.id):
        return "being put on the integration branch"
    if state.frozen and found.judgement is Judgement.PASSED:
        return "the landing queue is frozen: gangsaw queue --resume"
    if not found.batch:
        return "next in the landing queue"
    if any(link.about == found.about for link in batches.to_check(state)):
        if part := _part_text(state, found):
            return part
        gate = landing.gate_of_landing(state, found)
        again = ", once more" if found.fails else ""
        return _checks_text(landing.missing_checks(state, found.tree, gate)) + f" (together{again})"
    return _together_text(state, found)


def _part_text(state: State, found: Landing) -> str:
    """That only some tests are run of it now."""
    parts = [each.part for each in batches.wanted(state) if each.link.about == found.about]
    if not parts or parts[0] is None:
        return ""
    check = narrowing.check_of(state, parts[0].of)
    count = len(parts[0].tests)
    tests = f"{count} test{'s' if count > 1 else ''} of {check.name if check else parts[0].of}"
    members = [link.about for link in state.landings if link.batch == found.batch]
    if len(members) == 1:
        return f"running: {tests}, which failed before"
    upto = f"{members.index(found.about) + 1} of {len(members)} changes"
    return f"narrowing: {tests} on {upto}"


def _together_text(state: State, found: Landing) -> str:
    """With what a change is checked that is not the last of those that are."""
    names = [task_of(link.about) for link in state.landings if link.batch == found.batch]
    others = [name for name in names if name and name != task_of(found.about)]
    if not others:
        return "being put together with what landed"
    more = f" and {len(others) - NAMES_MAX} more" if len(others) > NAMES_MAX else ""
    return f"checked together with {', '.join(others[:NAMES_MAX])}{more}"


def say(hold: Hold, now: float) -> str:
    """The hold in words."""
    names = ", ".join(hold.tasks)
    match hold.kind:
        case HoldKind.NEEDS:
            return hold.text or f"for {names}"
        case HoldKind.RESOLVING:
            return f"{hold.text} resolves its conflict"
        case HoldKind.FAILED_NEEDS:
            return hold.text or f"{names} did not land"
        case HoldKind.BACKOFF:
            return f"again in {span((hold.until or now) - now)} after: {hold.text}"
        case HoldKind.STOPPING:
            return "the run is stopped; to go on: gangsaw run"
        case HoldKind.PAUSED:
            return "the run is paused (gangsaw resume)"
        case HoldKind.NO_BRANCH:
            return "the integration branch is being made"
        case HoldKind.PRESSURE:
            return f"the machine is short: {hold.text}"
        case HoldKind.NO_ROOM:
            return f"for room on the disk: {hold.text}"
        case HoldKind.STUCK:
            return hold.text
        case HoldKind.BUDGET:
            return hold.text
        case HoldKind.DAY_BUDGET:
            return f"{hold.text}; again in {span((hold.until or now) - now)}"
        case HoldKind.QUEUE:
            return f"{hold.text} tasks wait for their landing"
        case HoldKind.SLOTS:
            return f"for a free slot (at most {hold.text} agents)"
        case HoldKind.AGENT_SLOTS:
            return f"for a free slot of agent {hold.text}"
        case HoldKind.AGENT_SEATS:
            return f"for a free seat of account {hold.text}"
        case HoldKind.AGENT_OUT:
            return hold.text
        case HoldKind.AGENT_LIMIT:
            again = span((hold.until or now) - now)
            return f"{hold.text}'s usage limit is reached; again in {again}"
        case HoldKind.AGENT_PAUSED:
            again = span((hold.until or now) - now)
            return f"{hold.text}'s vendor asks to send less; again in {again} at the latest"
        case HoldKind.TRACK:
            return f"for {names} (same track {hold.text})"
        case HoldKind.SCOPE:
            return f"for {names} (same files)"
        case HoldKind.WAVE:
            return f"for the end of wave {hold.text} ({names})" if names else "for the next wave"
        case HoldKind.OVERLAP:
            return f"for {names} (overlap in {hold.text})"
        case HoldKind.SOON:
            return f"for {hold.text}, which goes first as soon as {names} has landed"
        case HoldKind.ALONE if hold.text == "next":
            return f"for {names}, which runs alone and is next"
        case HoldKind.ALONE:
            return f"{hold.text}: for {names}" if hold.text else f"for {names}, which runs alone"
        case HoldKind.MEMORY:
            return f"the machine is short: {hold.text}"
        case HoldKind.LAUNCH:
            return f"for the pause between two starts ({hold.text})"


def _lacks_agents(state: State, now: float) -> bool:
    """Whether a task waits for an agent that a person has taken out of service."""
    holds = (hold_for(state, name, now) for _, name in state.ready)
    return any(hold is not None and hold.kind is HoldKind.AGENT_OUT for hold in holds)


def exit_code(state: State, now: float) -> int:
    """The documented exit code of a run in this state: 0 all landed, 1 something failed, 3 needs a
    person, 4 stopped by a limit, 130 stopped before its end."""
    if any(known.person and known.given_up for known in state.task_states.values()):
        return 3
    if state.after.is_red:
        return 3
    if state.end is RunEnd.LANDED:
        return 0
    if state.end is RunEnd.FAILED:
        return 1
    if state.stopping:
        return 130
    if stuck_text(state):
        return 3 if stuck_move(state) else 1
    waiting = [state.attempts[name].phase for name in state.live]
    asking = [state.attempts[name] for name in state.live]
    asking = [attempt for attempt in asking if waits_for_a_person(attempt)]
    asks = any(not attempt.unpaid for attempt in asking) or _lacks_agents(state, now)
    if asks or Phase.REVIEWING in waiting or state.delivery.blocked:
        return 3
    if asking:
        return 4
    if state.ready and any(
        (hold := hold_for(state, name, now)) and hold.kind is HoldKind.BUDGET
        for _, name in state.ready[:1]
    ):
        return 4
    return 1 if all(k.closed for k in state.task_states.values()) else 130
