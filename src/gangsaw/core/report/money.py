"""What a run cost, and what is not known of it."""

from __future__ import annotations

from collections.abc import Sequence

from gangsaw.core.report.seen import Seen
from gangsaw.core.report.values import Money, Spent
from gangsaw.core.state import LaunchUsage


def spent_of(seen: Seen) -> Spent:
    """What the whole run cost."""
    state = seen.state
    money = money_of(seen, list(seen.follower.launches), list(seen.used))
    lost = [key for key in seen.used if key[0] in seen.follower.failed]
    landed = sum(known.finished for known in state.task_states.values())
    cost = money.total_usd
    per_landed = cost is not None and landed
    return Spent(
        told=_told(money),
        budget_usd=state.limits.budget_usd,
        budget_tokens=state.limits.budget_tokens,
        budget_day_usd=state.limits.budget_day_usd,
        budget_day_tokens=state.limits.budget_day_tokens,
        per_landed_usd=cost / landed if cost is not None and landed else None,
        per_landed_estimated_usd=money.estimated_usd / landed if per_landed else None,
        failed_usd=sum(seen.used[key].known_usd for key in lost),
        failed_estimated_usd=sum(_estimate(seen.used[key]) for key in lost),
        money=money,
    )


def money_of(
    seen: Seen, launches: Sequence[tuple[str, int]], used: Sequence[tuple[str, int]]
) -> Money:
    """Of these launches, and of what was reported for them."""
    told = [seen.used[key] for key in used]
    priced = [each.cost_usd for each in told if each.cost_usd is not None]
    guessed = [each for each in told if each.cost_usd is None and each.estimated_usd is not None]
    unpriced = sum(each.is_unpriced for each in told)
    estimated = sum(map(_estimate, guessed))
    reported = None if (unpriced or guessed) and not priced else sum(priced)
    known = priced or guessed or not unpriced
    spoke = {key for key in used if seen.used[key].tokens or _is_priced(seen.used[key])}
    over = [key for key in launches if seen.follower.launches[key].ended]
    return Money(
        cost_usd=reported,
        estimated_usd=estimated,
        total_usd=(reported or 0.0) + estimated if known else None,
        tokens=sum(each.tokens for each in told),
        priced=len(priced),
        estimated=len(guessed),
        unpriced=unpriced,
        silent=sum(key not in spoke for key in over),
    )


def _is_priced(used: LaunchUsage) -> bool:
    return used.cost_usd is not None


def _estimate(used: LaunchUsage) -> float:
    return (used.estimated_usd or 0.0) if used.cost_usd is None else 0.0


def _told(money: Money) -> str:
    if money.unpriced:
        return "partly" if money.priced or money.estimated else "unknown"
    if money.estimated:
        return "mixed" if money.priced else "estimated"
    return "reported" if money.priced else "nothing"
