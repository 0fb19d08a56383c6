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
    cost = money.cost_usd
    return Spent(
        told=_told(money),
        budget_usd=state.limits.budget_usd,
        budget_tokens=state.limits.budget_tokens,
        per_landed_usd=cost / landed if cost is not None and landed else None,
        failed_usd=sum(seen.used[key].cost_usd or 0.0 for key in lost),
        money=money,
    )


def money_of(
    seen: Seen, launches: Sequence[tuple[str, int]], used: Sequence[tuple[str, int]]
) -> Money:
    """Of these launches, and of what was reported for them."""
    told = [seen.used[key] for key in used]
    priced = [each.cost_usd for each in told if each.cost_usd is not None]
    unpriced = sum(_is_unpriced(each) for each in told)
    spoke = {key for key in used if seen.used[key].tokens or _is_priced(seen.used[key])}
    over = [key for key in launches if seen.follower.launches[key].ended]
    return Money(
        cost_usd=None if unpriced and not priced else sum(priced),
        tokens=sum(each.tokens for each in told),
        priced=len(priced),
        unpriced=unpriced,
        silent=sum(key not in spoke for key in over),
    )


def _is_priced(used: LaunchUsage) -> bool:
    return used.cost_usd is not None


def _is_unpriced(used: LaunchUsage) -> bool:
    return used.cost_usd is None and used.tokens > 0


def _told(money: Money) -> str:
    if money.unpriced:
        return "partly" if money.priced else "unknown"
    return "reported" if money.priced else "nothing"
