"""JSON Schemas of what is told before and after a run: dry run, simulation, report."""

from __future__ import annotations

from gangsaw.core.foreseen import ExpectedCheck, ExpectedTask, Outcome
from gangsaw.core.report import RunReport
from gangsaw.views.schema_parts import (
    COMMIT,
    NUMBER,
    TEXT,
    TRUTH,
    VERSION,
    WHOLE,
    Schema,
    about,
    listed,
    maybe,
    of_class,
    table,
)


def report_schema() -> Schema:
    """`gangsaw report --format json`: what became of a run, in figures. What ends in _s are
    seconds, since_s and until_s those since the run began; what ends in _at are seconds since the
    epoch."""
    shape = of_class(RunReport)
    return {
        **shape,
        "properties": {"schema_version": VERSION, **shape["properties"]},
        "required": ["schema_version", *shape["required"]],
    }


def dry_run_schema() -> Schema:
    """`gangsaw run --dry-run --json`: what a run would do."""
    step = table(
        start=about("tasks that start at the same moment, in order", listed(TEXT)),
        held=about("what the first of the others in line wait for", {"type": "object"}),
        waiting=about("how many wait in line", WHOLE),
    )  # fmt: skip
    task = table(
        task=TEXT, title=TEXT, agent=TEXT, model=maybe(TEXT), role=maybe(TEXT), track=maybe(TEXT),
        alone=TRUTH, needs=listed(TEXT), scope=listed(TEXT), stages=listed(TEXT),
        reviewer=maybe(TEXT), review=TEXT, checks=listed(TEXT),
        prompt=about("if it started now; null without --verbose", maybe(TEXT)),
    )  # fmt: skip
    return table(
        schema_version=VERSION, plan=TEXT, target=TEXT, base=COMMIT, max_agents=WHOLE,
        checks=about("of every task", listed(TEXT)), steps=listed(step),
        never=about("why each other task is not started at all", {"type": "object"}),
        tasks=listed(task),
    )  # fmt: skip


def simulate_schema() -> Schema:
    """`gangsaw simulate --json`: what a plan would take with so many agents."""
    return table(
        schema_version=VERSION, plan=TEXT,
        suggested_agents=about("the fewest that are within 5 % of the best", maybe(WHOLE)),
        cost_usd=about("of all tasks; null where nobody knows", maybe(NUMBER)),
        guessed=about("of some tasks nobody knows how long they take", TRUTH),
        overhead_s=about("what a task takes besides its agent and checks, as learned", NUMBER),
        outcomes=listed(of_class(Outcome)), tasks=listed(of_class(ExpectedTask)),
        checks=listed(of_class(ExpectedCheck)),
    )  # fmt: skip
