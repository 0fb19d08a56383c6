"""What agents used: sums over launches, of which the last report counts."""

from __future__ import annotations

from gangsaw.core.state import Attempt, Usage


def usage_of(attempt: Attempt) -> Usage:
    """Everything that the launches of an attempt reported."""
    return Usage(
        sum(tokens for _, tokens, _ in attempt.usage),
        sum(cost or 0.0 for _, _, cost in attempt.usage),
        sum(1 for _, tokens, cost in attempt.usage if cost is None and tokens),
    )


def shift(total: Usage, old: Usage, new: Usage) -> Usage:
    """The total with `new` in the place of `old`."""
    return Usage(
        total.tokens - old.tokens + new.tokens,
        total.cost_usd - old.cost_usd + new.cost_usd,
        total.unpriced - old.unpriced + new.unpriced,
    )
