"""Figures of a report in words."""

from __future__ import annotations

from datetime import UTC, datetime

from gangsaw.core.report.values import Doing, Money, Times

DOING = {
    Doing.SET_UP: "set-up",
    Doing.WORK: "work",
    Doing.REVIEW: "review",
    Doing.CHECK: "check",
    Doing.WAIT: "wait",
    Doing.QUEUE: "queue",
    Doing.LANDING: "landing",
}

REASONS = {
    "needs": "for tasks that it needs",
    "failed_needs": "for tasks that did not land",
    "backoff": "before the next try",
    "stopping": "the run was stopped",
    "paused": "the run was paused",
    "no_branch": "for the integration branch",
    "pressure": "the machine was short",
    "launch": "for the pause between two starts",
    "memory": "for memory",
    "no_room": "for room on the disk",
    "stuck": "the run was stuck",
    "budget": "the budget was spent",
    "day_budget": "the day's budget was spent",
    "queue": "too much waited for its landing",
    "slots": "for a free slot",
    "agent_slots": "for a free slot of its agent",
    "agent_seats": "for a free seat of its agent's account",
    "agent_limit": "for its agent's usage limit",
    "agent_paused": "for its agent's vendor, which asked to send less",
    "agent_out": "for its agent, which was removed from the run",
    "track": "for its track",
    "scope": "for tasks with the same files",
    "resolving": "a person resolved its conflict",
    "overlap": "for work that it overlaps with",
    "wave": "for the wave before to end",
    "alone": "for a task that runs alone",
    "soon": "for a longer chain to go first",
    "person": "for a person",
    "parked": "for a limit to pass",
    "gave_way": "for memory, after it was stopped for it",
    "unpaid": "for money for its next turn",
    "next_turn": "for a slot for its next turn",
    "landing_queue": "in the landing queue",
    "first": "for the run's first moments",
}


def reason_text(reason: str) -> str:
    """What a task waited for, in words; the name itself where there are none."""
    return REASONS.get(reason, reason.replace("_", " "))


def lasted(seconds: float) -> str:
    """`0.4 s`, `12 s`, `4 min 05 s`, `3 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def some(seconds: float) -> str:
    """The same; nothing is a dash."""
    return lasted(seconds) if seconds > 0.0 else "–"


def percent(value: float | None) -> str:
    """`85 %`."""
    return "–" if value is None else f"{value:.0f} %"


def dollars(value: float | None) -> str:
    """`$1.92`, `$0.0031`; `unknown` where nobody told."""
    if value is None:
        return "unknown"
    return f"${value:.2f}" if value >= 0.01 or value == 0 else f"${value:.4f}"


def cost(money: Money) -> str:
    """What it cost: a dash where nothing was told, at least so much where some is unknown, and how
    much of it was estimated."""
    if not money.priced and not money.unpriced and not money.estimated:
        return "–"
    more = "at least " if money.unpriced and (money.priced or money.estimated) else ""
    return more + dollars(money.total_usd) + guessed(money.estimated_usd, money.total_usd)


def guessed(estimated: float | None, of: float | None) -> str:
    """That all of it was estimated, or how much; empty if nothing."""
    if not estimated:
        return ""
    return " estimated" if estimated == of else f" ({dollars(estimated)} of it estimated)"


def moment(at: float) -> str:
    """The moment in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def parts(times: Times) -> str:
    """What the time of attempts went into, the largest part first."""
    found = [(getattr(times, f"{doing.value}_s"), word) for doing, word in DOING.items()]
    told = sorted((each for each in found if each[0] > 0), key=lambda each: -each[0])
    return " · ".join(f"{word} {lasted(seconds)}" for seconds, word in told)
