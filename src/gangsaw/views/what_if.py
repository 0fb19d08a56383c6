"""What imagined runs of a plan came to, for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gangsaw.core.foreseen import NEAR_BEST, Foreseen, Outcome
from gangsaw.core.learning import Guess, Source
from gangsaw.core.report.values import Link
from gangsaw.core.wire import encode
from gangsaw.views.report.words import dollars, lasted, percent
from gangsaw.views.text import count_of, flat

SCHEMA_VERSION = 1
CHAIN_MAX = 8
"""Tasks of a chain that are named in the text."""

_SOURCES = {
    Source.PLAN: "from the plan",
    Source.LEARNED: "learned from earlier runs",
    Source.OTHER_MODEL: "learned from the same agent with other models",
    Source.OTHER_AGENT: "learned from other agents",
    Source.DEFAULT: "guessed",
}


def foreseen_object(found: Foreseen, source: str) -> dict[str, Any]:
    """The object that `gangsaw simulate --json` prints; `source` is the plan's file."""
    return {
        "schema_version": SCHEMA_VERSION,
        "plan": source,
        "suggested_agents": found.suggested,
        "cost_usd": found.cost_usd,
        "guessed": _is_guessed(found),
        "overhead_s": found.overhead_s,
        "outcomes": [encode(each) for each in found.outcomes],
        "tasks": [encode(each) for each in found.tasks],
        "checks": [encode(each) for each in found.checks],
    }


def _is_guessed(found: Foreseen) -> bool:
    return any(each.seconds.source is Source.DEFAULT for each in found.tasks)


def foreseen_text(found: Foreseen, source: str, *, batched: bool = False) -> list[str]:
    """The same for people, as lines; `batched`: the run goes in waves."""
    tasks, waves = len(found.tasks), ", in waves" if batched else ""
    lines = [f"{source}: {count_of(tasks, 'task')}{waves}. Nothing is started.", ""]
    lines += [
        f"{'agents':>6}  {'takes':>12}  {'at least':>12}  {'speed-up':>8}  {'busy':>5}  "
        "critical chain"
    ]
    for each in found.outcomes:
        speedup = "–" if each.speedup is None else f"{each.speedup:.2f}"
        lines.append(
            f"{each.agents:>6}  {lasted(each.makespan_s):>12}  {lasted(each.least_s):>12}  "
            f"{speedup:>8}  {percent(each.utilisation_pct):>5}  {chain_text(each.chain)}"
        )
    lines += ["", *_suggestion(found), *_sources(found)]
    lines += _short_of(found.outcomes, tasks)
    return lines


def chain_text(chain: Sequence[Link]) -> str:
    """The tasks of a critical chain in order; `+` where a task waited for the slot of the one
    before, `→` where it waited for its landing."""
    names: list[str] = []
    freed = False
    for link in chain:
        if not names or names[-1].lstrip("+→ ") != link.task:
            sign = "" if not names else "+ " if freed else "→ "
            names.append(sign + link.task)
        freed = link.freed
    if len(names) <= CHAIN_MAX:
        return flat(" ".join(names))
    half = CHAIN_MAX // 2
    left = len(names) - 2 * half
    return flat(" ".join([*names[:half], f"… {left} more …", *names[-half:]]))


def _suggestion(found: Foreseen) -> list[str]:
    if found.suggested is None:
        return []
    best = min(found.outcomes, key=lambda each: (each.makespan_s, each.agents))
    near = f"within {(NEAR_BEST - 1) * 100:.0f} % of the best, {lasted(best.makespan_s)}"
    return [f"Suggested: {count_of(found.suggested, 'agent')}, {near} with {best.agents}."]


def _sources(found: Foreseen) -> list[str]:
    lines = [f"How long tasks take: {_told([each.seconds for each in found.tasks])}."]
    if _is_guessed(found):
        lines.append("  To say it: estimate_s of a task, in seconds. Finished runs teach it too.")
    if found.checks:
        lines.append(f"How long checks take: {_told([each.seconds for each in found.checks])}.")
    cost = found.cost_usd
    known = sum(each.cost_usd is not None for each in found.tasks)
    if cost is None:
        lines.append(f"Cost: unknown; earlier runs tell it of {known} of {len(found.tasks)} tasks.")
    else:
        lines.append(f"Cost: {dollars(cost)}, as tasks that landed in earlier runs cost.")
    return lines


def _told(guesses: Sequence[Guess]) -> str:
    counts = Counter(each.source for each in guesses)
    told = []
    for source in Source:
        if not counts[source]:
            continue
        text = f"{counts[source]} {_SOURCES[source]}"
        if source is Source.DEFAULT:
            value = next(each.value for each in guesses if each.source is source)
            text += f" as {lasted(value)}" if value else ", counted as nothing"
        told.append(text)
    return ", ".join(told)


def _short_of(outcomes: Sequence[Outcome], tasks: int) -> list[str]:
    worst = min((each.landed for each in outcomes), default=tasks)
    if worst == tasks:
        return []
    return [f"Only {worst} of {count_of(tasks, 'task')} would land; see: gangsaw run --dry-run"]
