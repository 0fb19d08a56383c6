"""What agents used: sums over launches, of which the last report counts.

Some agents count by session, not by launch (Codex and Qwen their tokens, Claude its cost): what
earlier launches of the same session are known to have used is taken off, so that every token and
dollar is in the sums once.
"""

from __future__ import annotations

from dataclasses import replace

from gangsaw.core.launch import UsageNoted
from gangsaw.core.model import TurnKind
from gangsaw.core.state import Attempt, LaunchUsage, Usage


def usage_of(attempt: Attempt) -> Usage:
    """Everything that the launches of an attempt reported."""
    return Usage(
        sum(used.tokens for used in attempt.usage),
        sum(used.cost_usd or 0.0 for used in attempt.usage),
        sum(1 for used in attempt.usage if used.is_unpriced),
        sum(used.estimated_usd or 0.0 for used in attempt.usage if used.cost_usd is None),
    )


def shift(total: Usage, old: Usage, new: Usage) -> Usage:
    """The total with `new` in the place of `old`."""
    return Usage(
        total.tokens - old.tokens + new.tokens,
        total.cost_usd - old.cost_usd + new.cost_usd,
        total.unpriced - old.unpriced + new.unpriced,
        total.estimated_usd - old.estimated_usd + new.estimated_usd,
    )


def used_by_launch(attempt: Attempt, launch: int, noted: UsageNoted) -> LaunchUsage:
    """The launch's own share of what was noted.

    A session that was never reported from before starts at nothing; a killed launch that told
    nothing is so counted with the next one of its session. A count that fell is a session that
    began anew: then the figures are the launch's own.
    """
    session = _session_of(attempt, launch)
    earlier = [used for used in attempt.usage if used.launch < launch and session == used.session]
    plain = LaunchUsage(
        launch,
        noted.input_tokens,
        noted.output_tokens,
        noted.cached_tokens,
        noted.cost_usd,
        session,
        noted.estimated_usd,
    )
    if not session or not earlier:
        return plain
    if noted.of_session:
        plain = _without(plain, earlier)
    if (noted.of_session or noted.cost_of_session) and plain.cost_usd is not None:
        before = sum(used.cost_usd or 0.0 for used in earlier)
        rest = plain.cost_usd - before
        plain = replace(plain, cost_usd=rest if rest >= 0.0 else plain.cost_usd)
    return plain


def _session_of(attempt: Attempt, launch: int) -> str:
    """The session that a launch reports from: for one that is over as it was told then, whatever
    session the attempt is in now."""
    if launch != attempt.launch:
        told = next((used.session for used in attempt.usage if used.launch == launch), None)
        if told is not None:
            return told
    elif attempt.why is TurnKind.REVIEW:
        return ""
    return attempt.session or ""


def _without(used: LaunchUsage, earlier: list[LaunchUsage]) -> LaunchUsage:
    fresh = used.input_tokens - sum(each.input_tokens for each in earlier)
    output = used.output_tokens - sum(each.output_tokens for each in earlier)
    cached = used.cached_tokens - sum(each.cached_tokens for each in earlier)
    if min(fresh, output, cached) < 0:
        return used
    estimated = used.estimated_usd
    if estimated is not None:
        estimated = max(estimated - sum(each.estimated_usd or 0.0 for each in earlier), 0.0)
    return replace(
        used,
        input_tokens=fresh,
        output_tokens=output,
        cached_tokens=cached,
        estimated_usd=estimated,
    )
