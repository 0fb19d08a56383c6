"""Schemas of what is printed about the machine and the settings in force."""

from __future__ import annotations

from gangsaw.views.schema_parts import (
    NUMBER,
    TEXT,
    TRUTH,
    VERSION,
    WHOLE,
    Schema,
    about,
    listed,
    maybe,
    table,
)

_RISK: Schema = {"enum": ["VERY_LOW", "LOW", "MEDIUM", "HIGH"]}


def settings_schema() -> Schema:
    """`gangsaw config --json`: the settings in force, and who said each."""
    origin = table(
        kind={"enum": ["flag", "environment", "file", "default"]},
        name=about("the flag, the variable or the file", maybe(TEXT)),
        line=about("of the file, counted from 1", maybe(WHOLE)),
    )
    setting = table(
        key=about("as in gangsaw.toml: table.key", TEXT),
        value={"description": "null: nothing is set, and there is no default"}, origin=origin,
    )  # fmt: skip
    files = about("those that were read, what comes first has the last word", listed(TEXT))
    return table(schema_version=VERSION, files=files, settings=listed(setting))


def machine_schema() -> Schema:
    """`gangsaw machine --json`, and each line of `gangsaw machine --watch --json`."""
    stall = maybe(table(
        some_pct=about("of the last 10 s, in which some processes waited", NUMBER),
        full_pct=about("in which all of them did", NUMBER),
    ))  # fmt: skip
    agent = table(
        attempt=TEXT, task=TEXT, agent=TEXT, launch=WHOLE, processes=WHOLE,
        rss_mb=about("what processes share counts for each of them", WHOLE),
        pss_mb=about("what they share counts once; null where the system does not tell",
                     maybe(WHOLE)),
        cpu_pct=about("of one processor; null until there are two readings", maybe(NUMBER)),
        age_s=NUMBER,
    )  # fmt: skip
    disk = table(holds=TEXT, folder=TEXT, total_mb=WHOLE, free_mb=WHOLE, used_pct=NUMBER)
    return table(
        schema_version=VERSION, at=about("seconds since the epoch", NUMBER), run=maybe(TEXT),
        engine_pid=maybe(WHOLE),
        memory=table(
            total_mb=WHOLE, available_mb=WHOLE, used_pct=NUMBER,
            limited=about("it is a container's limit", TRUTH),
        ),
        swap=table(total_mb=WHOLE, free_mb=WHOLE),
        processors=table(
            cores=WHOLE, used_pct=about("null until there are two readings", maybe(NUMBER)),
            load=about("runnable processes over the last minute", NUMBER),
        ),
        disks=listed(disk),
        stalls=about("null where the system does not tell",
                     table(memory=stall, cpu=stall, io=stall)),
        agents=listed(agent), agent_processes=WHOLE, agent_memory_mb=WHOLE,
        limits=table(memory_max_pct=NUMBER, memory_budget_mb=maybe(NUMBER),
                     agents_most=maybe(WHOLE), cpu_warn_pct=NUMBER, disk_max_pct=NUMBER,
                     disk_floor_mb=WHOLE),
        peaks=about("of the last run, as its log has them; null where nothing was measured", maybe(
            table(
                memory_used_pct=NUMBER, cpu_used_pct=NUMBER, disk_used_pct=NUMBER,
                agents=about("the most that an attempt of it took",
                             listed(table(agent=TEXT, peak_mb=WHOLE))),
            )
        )),
        short=about("why no agent would be started now; empty where one would", listed(TEXT)),
        warnings=listed(TEXT),
    )  # fmt: skip


def bench_schema() -> Schema:
    """`gangsaw bench --json`: the machine as it was measured, and what to make of it."""
    cost = table(
        agent=TEXT, kind=TEXT,
        how=about("idle: started without work; version: only asked for its version; assumed: it "
                  "was not started", {"enum": ["idle", "version", "assumed"]}),
        peak_mb=about("of its whole tree, as measured; null where it was not started",
                      maybe(WHOLE)),
        processes=maybe(WHOLE),
        expected_mb=about("what is counted with for one at work", WHOLE), text=TEXT,
    )  # fmt: skip
    return table(
        schema_version=VERSION, cores=WHOLE, memory_total_mb=WHOLE, memory_available_mb=WHOLE,
        memory_limited=TRUTH, load=NUMBER, disk_free_mb=WHOLE, disk_used_pct=NUMBER,
        disk_write_mb_s=about("written and synced", maybe(NUMBER)),
        disk_files_s=about("small files made, per second", maybe(NUMBER)),
        agents=listed(cost), recommended=WHOLE, conservative=WHOLE, risk=_RISK,
        reasons=listed(TEXT),
        written=about("files that were written", listed(TEXT)), notes=listed(TEXT),
    )  # fmt: skip
