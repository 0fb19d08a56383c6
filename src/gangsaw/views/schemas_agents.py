"""The schema of what is printed about the agents of a run."""

from __future__ import annotations

from gangsaw.views.agents import STATES
from gangsaw.views.schema_parts import (
    NUMBER,
    TEXT,
    VERSION,
    WHOLE,
    Schema,
    about,
    listed,
    maybe,
    table,
)


def agents_schema() -> Schema:
    """`gangsaw agents --json`."""
    agent = table(
        name=TEXT, state={"enum": list(STATES)},
        at_work=about("its live attempts", WHOLE),
        slots=about("how many it may have at a time; null: no bound of its own", maybe(WHOLE)),
        slots_in_settings=about("the same as the settings say", maybe(WHOLE)),
        account=about("whose usage limits and seats it shares", TEXT),
        account_at_work=about("live attempts of all agents of the account", WHOLE),
        seats=about("how many they may have together; null: no bound", maybe(WHOLE)),
        limited_until=about("end of its usage limit, seconds since the epoch", maybe(NUMBER)),
        fallback=about("the agent that goes on where it cannot", maybe(TEXT)),
        place=about("its place among those that tasks without an agent go to, from 1; null: only "
                    "tasks that name it", maybe(WHOLE)),
        ready_tasks=about("tasks that are ready and may go to it", listed(TEXT)),
        attempts=about("those that it has begun and that are not over", listed(TEXT)),
    )  # fmt: skip
    return table(
        schema_version=VERSION, run=about("null: nothing has run here yet", maybe(TEXT)),
        engine_pid=maybe(WHOLE),
        max_agents=about("live attempts of the run at a time", WHOLE), at_work=WHOLE,
        agents=listed(agent),
    )  # fmt: skip
