"""JSON Schemas of what the commands about schedules print."""

from __future__ import annotations

from gangsaw.core.schedule import FACTS
from gangsaw.views.schema_parts import (
    NUMBER,
    TEXT,
    TRUTH,
    VERSION,
    WHOLE,
    Schema,
    about,
    maybe,
    of_class,
    table,
)


def schedule_schema() -> Schema:
    """What `gangsaw schedule status --json` prints, and `gangsaw run --every … --json` at the
    end."""
    moment = about("seconds since the epoch", NUMBER)
    return table(
        schema_version=VERSION, schedule=TEXT,
        state=about(
            "unkept: it is not over, and no process keeps it",
            {"enum": ["kept", "closing", "unkept", "ended"]},
        ),
        reason=about("why it is over; empty if it is not", TEXT),
        plan=TEXT, every_s=maybe(NUMBER), cron=maybe(TEXT),
        zone=about("in which cron text is read; empty: the machine's", TEXT),
        repeat=about("each tick runs everything once more", TRUTH),
        begun_at=moment, end_at=maybe(moment),
        next_at=about("when the next tick is due; null: there is none", maybe(NUMBER)),
        next_tick=maybe(WHOLE),
        ticks=about("the number of the last tick that was dealt with", WHOLE),
        ran=WHOLE, skipped=WHOLE, missed=WHOLE,
        pid=about("the process that keeps it", maybe(WHOLE)),
        current=about("the tick that goes on", maybe(table(
            tick=WHOLE, due=moment, since=moment, run=about("empty: not begun yet", TEXT),
            resumes=about("how often its engine was started again", WHOLE),
        ))),
        last=maybe(table(tick=WHOLE, run=TEXT, code=WHOLE, text=TEXT)),
        exit_code=about("of the last tick that had something to say", WHOLE),
    )  # fmt: skip


def schedule_logs_schema() -> Schema:
    """One line of `gangsaw schedule logs --json`; `body` has the fields of its `kind`."""
    bodies = [
        {"properties": {"kind": {"const": kind}, "body": of_class(cls)}}
        for kind, cls in FACTS.items()
    ]
    line = table(at=about("seconds since the epoch", NUMBER), kind=TEXT, body={"type": "object"})
    return {**line, "anyOf": bodies}
