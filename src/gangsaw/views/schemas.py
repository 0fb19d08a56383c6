"""JSON Schemas of everything that commands print with `--json`.

Objects say with `schema_version` which schema they follow; it grows when a field goes or changes
its meaning. New fields may appear at any time, so readers ignore what they do not know.
"""

from __future__ import annotations

from gangsaw.core.events import EVENT_CLASSES
from gangsaw.core.honesty import ConcernKind
from gangsaw.core.model import TurnKind
from gangsaw.core.overlaps import OverlapKind, Severity
from gangsaw.core.report.holds import HELD, UNHELD
from gangsaw.views.schedule_schemas import schedule_logs_schema, schedule_schema
from gangsaw.views.schema_parts import (
    COMMIT,
    DIALECT,
    NUMBER,
    RUN_STATES,
    STATUS,
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
from gangsaw.views.schemas_agents import agents_schema
from gangsaw.views.schemas_ahead import dry_run_schema, report_schema, simulate_schema
from gangsaw.views.schemas_machine import bench_schema, machine_schema, settings_schema
from gangsaw.views.schemas_sources import sync_schema

_CONCERN = table(
    kind={"enum": [kind.value for kind in ConcernKind]}, path=TEXT,
    line=about("counted from 1; 0: the file as a whole", WHOLE),
    before=about("the line is one of the file as it was before", TRUTH),
    answer={"enum": ["warn", "review", "block"]}, text=TEXT,
)  # fmt: skip
_TASK = table(
    id=TEXT, title=TEXT, status=STATUS,
    reason=about("why it has this status, in words", TEXT),
    attempts=WHOLE,
    landed_commit=about("its commit on the integration branch", maybe(COMMIT)),
    tokens=WHOLE,
    cost=about("US dollars, failed attempts included; null where nobody knows what was used costs",
               maybe(NUMBER)),
    cost_is_estimate=about("some of it is by a list of prices, where no agent told one", TRUTH),
    started_at=maybe(NUMBER), ended_at=maybe(NUMBER),
    activity=about("what its agent is doing now", TEXT),
    turns=about("what gangsaw retry --from takes for it now", listed(TEXT)),
    concerns=about("what was found in its last work, the first of it", listed(_CONCERN)),
    asks=about("what its agent has asked a person; empty if nothing", TEXT),
    messages=about("how many wait for its next turn", WHOLE),
    claims=about("paths that its agent keeps others off", listed(TEXT)),
    taken_by=about("who works in its agent's place; empty if nobody", TEXT),
)  # fmt: skip
_EVIDENCE = table(
    attempt=TEXT, cause=about("checks, combination, conflict and others", TEXT), text=TEXT,
    tree=about("the exact tree whose checks sent it back", maybe(COMMIT)),
    paths=about("in conflict", listed(TEXT)),
    checks=about("those that did not pass", listed(table(
        name=TEXT, command=TEXT, judgement=TEXT, code=maybe(WHOLE), signal=maybe(WHOLE),
        tail=about("the end of its output", TEXT),
        failing=about("tests that failed, as far as they are known by name", listed(TEXT)),
        only=about("the tests that were run, where these were not all", listed(TEXT)),
        log=about("file with all of its output", TEXT),
    ))),
)  # fmt: skip
_TASK["properties"]["evidence"] = about("why its work went back, if it did", maybe(_EVIDENCE))
_OTHER = table(id=TEXT, status=STATUS, reason=TEXT)


def status_schema() -> Schema:
    """`gangsaw status --json`, and the last line of `gangsaw run --json`."""
    return table(
        schema_version=VERSION, run=TEXT, goal=TEXT, state={"enum": list(RUN_STATES)},
        engine_pid=about("process of the live engine; null without one", maybe(WHOLE)),
        engine_waits=about("what the live engine cannot go on without; empty if nothing", TEXT),
        target=about("branch to land on", TEXT),
        integration=about("the run's own branch", TEXT),
        head=about("commit of the integration branch", COMMIT),
        delivered=about("what the target was last moved to", COMMIT),
        delivery_blocked=about("why the target is not moved, or not pushed; else empty", TEXT),
        queue_held=about(
            "paused: no further batch is formed; frozen: nothing lands",
            {"enum": ["", "paused", "frozen"]},
        ),
        push_blocked=about("the same where it is only not pushed", TEXT),
        remote=about("where the target is pushed; empty: nowhere", TEXT),
        pushed=about("what was last pushed there", COMMIT),
        deliver_by_hand=about("commands to take over what landed, if left to you", listed(TEXT)),
        containment=about("how surely process trees end", TEXT),
        pressure=TEXT, max_agents=maybe(WHOLE), tasks=listed(_TASK),
        red_after_landing=about("which checks of what landed are red; empty if none", TEXT),
        flaky=about("checks that passed and failed on the same tree: how often they were red on "
                    "such a tree, of how many runs",
                    listed(table(name=TEXT, red=WHOLE, runs=WHOLE))),
        counts={"type": "object", "propertyNames": STATUS, "additionalProperties": WHOLE},
        tokens=WHOLE, budget=maybe(NUMBER),
        cost=about("US dollars, reported and estimated", maybe(NUMBER)),
        cost_estimated=about("the part of it that is by a list of prices", NUMBER),
        unpriced=about("turns that told tokens of which nobody knows the price", WHOLE),
        cost_per_landed=about("all of the cost over the tasks that landed", maybe(NUMBER)),
        started_at=about("seconds since the epoch", maybe(NUMBER)), ended_at=maybe(NUMBER),
        exit_code=about("the run's exit code; null while it is going on", maybe(WHOLE)),
    )  # fmt: skip


def why_schema() -> Schema:
    """`gangsaw why TASK --json`."""
    hold = table(kind=TEXT, tasks=listed(TEXT), until=maybe(NUMBER), text=TEXT)
    finding = table(file=TEXT, line=WHOLE, severity=TEXT, text=TEXT)
    attempt = table(
        id=TEXT, number=WHOLE, agent=TEXT,
        stands_for=about("the agent in whose place it began the task", maybe(TEXT)),
        model=maybe(TEXT), base=COMMIT, phase=TEXT, turns=WHOLE,
        crashes=WHOLE,
        turns_kept=about("turns after which its work is held", listed(WHOLE)),
        start=about("ref of the earlier work that it began with", maybe(TEXT)),
        session=maybe(TEXT), started_at=NUMBER, ended_at=maybe(NUMBER),
        condition=about("what is, or was last, wrong with its agent", maybe(TEXT)),
        parked_until=about("until when it waits, where it does", maybe(NUMBER)),
        findings=about("what the last review found", listed(finding)),
        concerns=about("what was found in its work", listed(_CONCERN)),
        asked=about("its agent's open questions", listed(TEXT)), claims=listed(TEXT),
        taken_by=maybe(TEXT), said_done=maybe(TEXT),
        ended=about("why it ended without landing", maybe(TEXT)),
        commit=maybe(COMMIT), worktree=maybe(TEXT), branch=TEXT,
    )  # fmt: skip
    check = table(
        name=TEXT, judgement={"enum": ["passed", "failed", "inconclusive"]}, code=maybe(WHOLE),
        signal=maybe(WHOLE), duration_s=NUMBER, log=TEXT, tail=TEXT,
        failing=about("tests that failed, as far as they are known by name", listed(TEXT)),
        failing_more=about("how many more failed", WHOLE),
        cpu_s=about("time of the processor, of all its processes", NUMBER),
        how=about("how it is red where no exit code says so: out of time, …; else empty", TEXT),
        red_runs=about("red runs on the same tree before this one", WHOLE),
        note=about("what was odd about it; empty if nothing", TEXT),
        seen_in=about("the earlier run in which it was green; it was not run again", maybe(TEXT)),
        seen_at=about("when that was", maybe(NUMBER)),
        flaky=about("how often it was red on a tree on which it also passed",
                    maybe(table(red=WHOLE, runs=WHOLE))),
    )  # fmt: skip
    return table(
        schema_version=VERSION, run=TEXT, task=TEXT, title=TEXT, status=STATUS, reason=TEXT,
        hold=about("the scheduler's own reason not to start it", maybe(hold)),
        needs=listed(_OTHER), waits_for=listed(_OTHER), dependants=listed(TEXT),
        scope=listed(TEXT), attempts=listed(attempt), checks=listed(check),
        evidence=about("why its work went back, until it is mended", maybe(_EVIDENCE)),
        turns=about("what gangsaw retry --from takes for it", listed(TEXT)),
        landed_commit=maybe(COMMIT), undone_commit=maybe(COMMIT),
        built_on_undone=about("needs that were undone after it had landed", listed(TEXT)),
        tokens=WHOLE, cost=maybe(NUMBER), cost_estimated=NUMBER,
        history=listed(table(at=NUMBER, seq=WHOLE, text=TEXT)), started_at=NUMBER,
        logs=about("folder with its prompts and output", TEXT), next=listed(TEXT),
    )  # fmt: skip


def events_schema() -> Schema:
    """One line of `gangsaw events --json`; `body` has the fields of its `kind`. `task.held` and
    `task.unheld` are there with --holds."""
    held = table(reason=TEXT, tasks=listed(TEXT), until=maybe(NUMBER), text=TEXT)
    bodies = [
        {"properties": {"kind": {"const": kind}, "body": of_class(cls)}}
        for kind, cls in EVENT_CLASSES.items()
    ]
    bodies += [{"properties": {"kind": {"const": kind}, "body": held}} for kind in (HELD, UNHELD)]
    line = table(
        seq=about(
            "counts from 1 in each run, without gaps",
            {**WHOLE, "minimum": 1},
        ),
        at=about("seconds since the epoch", NUMBER),
        kind=TEXT,
        subject=about("a run, task or attempt; empty for the whole run", TEXT),
        body={"type": "object"},
    )
    return {**line, "anyOf": bodies}


def answer_schema() -> Schema:
    """`gangsaw retry|cancel|undo TASK|approve|reject|land|pause|resume|scale --json`, `gangsaw
    queue --pause|--freeze|--resume --json`, `gangsaw agents add|remove NAME --json`, `gangsaw
    say|answer|claim|release|done --json`."""
    return table(
        schema_version=VERSION, verb=TEXT, task=maybe(TEXT),
        outcome={"enum": ["answered", "recorded", "unanswered", "idle"]}, ok=TRUTH, text=TEXT,
    )  # fmt: skip


def queue_schema() -> Schema:
    """`gangsaw queue --json`, where nothing is asked for."""
    member = table(
        task=about("or @target", TEXT), attempt=TEXT, tree=TEXT, commit=TEXT,
        judgement=about("of the tree up to it", maybe(TEXT)),
        failed=about("how often that tree was red", WHOLE), inconclusive=WHOLE,
    )  # fmt: skip
    checked = table(
        task=about("the last change in the tree that is checked", TEXT), tree=TEXT,
        up_to=about("its place in the batch, from 1", WHOLE), of=WHOLE,
        why={"enum": ["whole", "alone", "narrowing", "once_more", "suspect"]},
        between=about("the first and the last change that may be to blame", listed(TEXT)),
        checks=about("those that have not passed on this tree", listed(TEXT)),
        tests=about("only these of its tests are run; empty: all", listed(TEXT)),
        since=about("when they began; null without an engine", maybe(NUMBER)),
        usual_s=about("what they took so far, where green", maybe(NUMBER)),
    )  # fmt: skip
    batch = table(
        number=WHOLE, members=listed(member), checked=maybe(checked),
        moving=about("the integration branch is being moved", TRUTH),
    )  # fmt: skip
    change = table(
        task=TEXT, attempt=TEXT, stage={"enum": ["landing", "batch", "next", "queued"]},
        behind=about("the change directly before it", maybe(TEXT)),
        waits_for={"enum": ["move", "checks", "batch", "turn", "conflict", "paused", "frozen"]},
        conflicts_with=about("a change ahead with which it does not merge", maybe(TEXT)),
        alone=about("why it lands alone: barrier, first, suspect, undo, target", maybe(TEXT)),
        barrier=about("paths for which it lands alone", listed(TEXT)),
        queued_at=maybe(NUMBER),
        resolved=about("what merged it mechanically; empty if git did", TEXT), reason=TEXT,
        expected_at=about("when it lands if all is green; null: no guess yet", maybe(NUMBER)),
    )  # fmt: skip
    landed = table(tasks=listed(TEXT), commit=COMMIT, tree=COMMIT, at=NUMBER)
    return table(
        schema_version=VERSION, run=TEXT, state={"enum": ["open", "paused", "frozen"]},
        held_by=about("who paused or froze it", TEXT), engine_pid=maybe(WHOLE),
        window=about("at most so many changes are checked together", WHOLE),
        batch_size=about("the same of the next batch", WHOLE), 
        batches=about("whose trees are checked; two where that pays", listed(batch)),
        changes=about("in the order in which they land", listed(change)),
        next_batch=about("tasks, if what is checked now is green", listed(TEXT)),
        last_landed=maybe(landed), landed=WHOLE,
        candidate_runs=about("how often checks were run on a candidate", WHOLE),
        part_runs=about("how often only some of their tests", WHOLE),
        head=about("commit of the integration branch", COMMIT),
    )  # fmt: skip


def undo_schema() -> Schema:
    """`gangsaw undo --json` without a task."""
    entry = table(
        task=TEXT, what={"enum": ["landing", "cancel"]}, at=maybe(NUMBER), commit=maybe(COMMIT),
        command=TEXT,
    )  # fmt: skip
    return table(schema_version=VERSION, run=TEXT, can_be_undone=listed(entry))


def ask_schema() -> Schema:
    """`gangsaw ask --json`; `answer` is null where there is none (yet)."""
    return table(schema_version=VERSION, answer=maybe(TEXT), ok=TRUTH, text=TEXT)


def siblings_schema() -> Schema:
    """`gangsaw siblings --json`; `task` is the caller's own, null for a person."""
    entry = table(
        task=TEXT, title=TEXT, attempt=TEXT, agent=TEXT, status=STATUS, reason=TEXT,
        activity=about("what its agent is doing now", TEXT), scope=listed(TEXT),
        claims=about("paths that its agent keeps others off", listed(TEXT)),
    )  # fmt: skip
    return table(schema_version=VERSION, run=TEXT, task=maybe(TEXT), siblings=listed(entry))


_OVERLAP_SIDE = maybe(about("null: what has landed", table(task=TEXT, attempt=TEXT)))
_SEVERITY: Schema = {"enum": [severity.value for severity in Severity]}


def conflicts_schema() -> Schema:
    """`gangsaw conflicts --json`; with `--watch`, one such object a line whenever it changes."""
    hunk = table(ours_from=WHOLE, ours_lines=WHOLE, theirs_from=WHOLE, theirs_lines=WHOLE)
    kind: Schema = {"enum": [kind.value for kind in OverlapKind]}
    overlap = table(
        id=about("what --resolve takes; null for one that no engine has seen", maybe(TEXT)),
        severity=_SEVERITY,
        ours=about("the side that was begun earlier", _OVERLAP_SIDE), theirs=_OVERLAP_SIDE,
        stale=about("it is with what has landed", TRUTH), since=maybe(NUMBER),
        resolved=TRUTH, resolved_by=maybe(TEXT), note=TEXT,
        files=listed(table(path=TEXT, kind=kind, hunks=listed(hunk))),
        lines=about("the files in words", listed(TEXT)),
    )  # fmt: skip
    return table(
        schema_version=VERSION, run=TEXT,
        source=about("whether a live engine saw it, or the worktrees were looked at now",
                     {"enum": ["engine", "worktrees"]}),
        compared=about("how many attempts were compared", WHOLE),
        conflicts=about("how many stand that nobody has resolved", WHOLE),
        overlaps=listed(overlap), unread=listed(table(attempt=TEXT, reason=TEXT)),
    )  # fmt: skip


def conflicts_log_schema() -> Schema:
    """`gangsaw conflicts --log --json`."""
    entry = table(
        id=TEXT, severity=_SEVERITY, ours=_OVERLAP_SIDE, theirs=_OVERLAP_SIDE, stale=TRUTH,
        paths=listed(TEXT), seen_at=NUMBER, ended_at=maybe(NUMBER), ended=TEXT, resolved=TRUTH,
        resolved_by=maybe(TEXT), note=TEXT,
    )  # fmt: skip
    return table(schema_version=VERSION, run=TEXT, log=listed(entry))


def end_schema() -> Schema:
    """`gangsaw stop|kill --json`."""
    return table(
        schema_version=VERSION, verb={"enum": ["stop", "kill"]}, engine_was_running=TRUTH,
        engine_is_running=TRUTH, ended=about("agents and checks that were ended", WHOLE),
        left=about("those that could not be ended yet", WHOLE), ok=TRUTH,
    )  # fmt: skip


def check_schema() -> Schema:
    """`gangsaw plan check --json`."""
    complaint = table(source=TEXT, line=WHOLE, col=WHOLE, text=TEXT, remedy=TEXT)
    return table(
        schema_version=VERSION, file=TEXT, ok=TRUTH, errors=listed(complaint),
        warnings=listed(complaint), tasks=maybe(WHOLE),
        dialect=about("what kind of task file it is, if it is no plan", maybe(TEXT)),
        records=maybe(WHOLE), unread=listed(complaint), inferred=listed(complaint),
        notes=listed(complaint),
    )  # fmt: skip


def convert_schema() -> Schema:
    """`gangsaw plan convert --json`."""
    loss = table(task=TEXT, key=TEXT, was=TEXT, becomes=TEXT)
    return table(
        schema_version=VERSION, source=TEXT, **{"from": TEXT}, to=TEXT, tasks=WHOLE,
        ok=about("whether it was written, or printed", TRUTH),
        lost=about("what the new file does not say as the old one did", listed(loss)),
        notes=listed(TEXT), written=maybe(TEXT),
        files=about("the new file, where it was not written", listed(table(name=TEXT, text=TEXT))),
    )  # fmt: skip


def diff_schema() -> Schema:
    """`gangsaw diff TASK --json`; `added` and `deleted` are null for binary files."""
    file = table(path=TEXT, added=maybe(WHOLE), deleted=maybe(WHOLE))
    return table(
        schema_version=VERSION, run=TEXT, task=TEXT, what=TEXT, base=COMMIT, commit=COMMIT,
        files=listed(file), concerns=about("what was found when it was sealed", listed(_CONCERN)),
        evidence=about("why its work went back, until it is mended", maybe(_EVIDENCE)),
    )  # fmt: skip


def diff_against_schema() -> Schema:
    """`gangsaw diff TASK --against TASK --json`."""
    numbers = table(added=maybe(WHOLE), deleted=maybe(WHOLE))
    file = table(path=TEXT, added=maybe(WHOLE), deleted=maybe(WHOLE))
    side = table(id=TEXT, what=TEXT, base=COMMIT, commit=COMMIT, files=listed(file))
    both = table(
        path=TEXT, task=numbers, against=numbers, meet={"enum": ["conflict", "merge", "same"]}
    )
    conflict = table(
        path=TEXT, kinds=listed(TEXT), text=TEXT,
        hunks=about("with markers; none where it is no text", listed(table(line=WHOLE, text=TEXT))),
    )  # fmt: skip
    return table(
        schema_version=VERSION, run=TEXT, task=side, against=side,
        common_base=maybe(COMMIT),
        contains=about("the task whose work has the other's in it already", maybe(TEXT)),
        merges=TRUTH, both=listed(both), conflicts=listed(conflict),
    )  # fmt: skip


def logs_schema() -> Schema:
    """`gangsaw logs TASK --json`."""
    turn = table(
        turn=WHOLE, prompt=TEXT, out=TEXT, err=TEXT,
        kept=about("the work after it is held: gangsaw retry --from", TRUTH),
    )  # fmt: skip
    return table(schema_version=VERSION, run=TEXT, task=TEXT, attempt=TEXT, turns=listed(turn))


def doctor_schema() -> Schema:
    """`gangsaw doctor --json`."""
    level = {"enum": ["ok", "odd", "wrong"]}
    finding = table(level=level, about=TEXT, text=TEXT, mend=maybe(TEXT))
    agent = table(
        name=TEXT, kind=TEXT, program=about("null: it comes with gangsaw", maybe(TEXT)),
        path=about("null: it is not there", maybe(TEXT)), version=maybe(TEXT),
        tested=about("from this version, below that", maybe(listed(TEXT))),
        range={"enum": ["tested", "older", "newer", "unknown"]},
        signed_in=about("null: it cannot be told", maybe(TRUTH)),
        signed_in_by=about("name of a variable or a file", maybe(TEXT)),
        node=about("version of Node.js, where it matters", maybe(TEXT)), install=maybe(TEXT),
        sign_in=maybe(TEXT), traps=listed(TEXT),
    )  # fmt: skip
    return table(schema_version=VERSION, ok=TRUTH, findings=listed(finding), agents=listed(agent))


def worktrees_schema() -> Schema:
    """`gangsaw worktrees --json`."""
    entry = table(
        path=TEXT, head=maybe(COMMIT), branch=maybe(TEXT),
        kind={"enum": ["yours", "attempt", "checks"]}, run=maybe(TEXT), attempt=maybe(TEXT),
        missing=TRUTH,
    )  # fmt: skip
    return table(schema_version=VERSION, worktrees=listed(entry))


def stranded_schema() -> Schema:
    """`gangsaw stranded --json`, newest first."""
    kinds = ["branch", "dangling", "kept", "stash", "trash", "worktree"]
    entry = table(
        kind={"enum": kinds}, name=about("a branch, ref, commit or path", TEXT),
        call=about("short name for gangsaw rescue", TEXT), run=maybe(TEXT), attempt=maybe(TEXT),
        commit=COMMIT, at=about("seconds since the epoch", WHOLE),
        bytes=about("of all its files, not compressed", WHOLE), files=listed(TEXT),
        bring_back=about("the command that brings it back", TEXT),
    )  # fmt: skip
    return table(schema_version=VERSION, stranded=listed(entry))


def rescue_schema() -> Schema:
    """`gangsaw rescue --json`; `made` is false for a branch that had the work before."""
    entry = table(branch=TEXT, commit=COMMIT, source=TEXT, made=TRUTH)
    return table(schema_version=VERSION, rescued=listed(entry))


def clean_schema() -> Schema:
    """`gangsaw clean --json`."""
    sorts = ["worktree", "checks", "pool", "branch", "records", "kept"]
    leftover = table(
        sort={"enum": sorts}, path=TEXT, bytes=WHOLE,
        ignored_bytes=about("of files that git ignores, which do not come back", WHOLE),
        removed=TRUTH,
    )  # fmt: skip
    why = table(path=TEXT, why=TEXT)
    return table(
        schema_version=VERSION, dry_run=TRUTH,
        clean=about("name for --undo; null where nothing can be brought back", maybe(TEXT)),
        leftovers=listed(leftover), spared=listed(why), refused=listed(why),
    )  # fmt: skip


def clean_undo_schema() -> Schema:
    """`gangsaw clean --undo --json`."""
    entry = table(name=TEXT, worktree=TRUTH, restored=TRUTH, why=maybe(TEXT))
    return table(schema_version=VERSION, dry_run=TRUTH, clean=TEXT, restored=listed(entry))


def clean_trash_schema() -> Schema:
    """`gangsaw clean --trash --json`: what nothing else holds, and what was dropped."""
    entry = table(clean=TEXT, name=TEXT)
    return table(
        schema_version=VERSION, dry_run=TRUTH, commits=WHOLE, files=WHOLE, bytes=WHOLE,
        dropped=listed(entry),
    )  # fmt: skip


def init_schema() -> Schema:
    """`gangsaw init --json`."""
    return table(schema_version=VERSION, file=TEXT, undone=TRUTH, text=TEXT)


def prompt_schema() -> Schema:
    """`gangsaw prompt --json`: what an agent would be told now."""
    return table(
        schema_version=VERSION, task=TEXT, attempt=TEXT,
        kind={"enum": [kind.value for kind in TurnKind]}, agent=TEXT, model=maybe(TEXT),
        role=maybe(TEXT), readonly=TRUTH,
        examples=about("variables of the template that are examples", listed(TEXT)), prompt=TEXT,
    )  # fmt: skip


def trust_schema() -> Schema:
    """`gangsaw trust --json`: the setup of this repository, and what somebody agreed to."""
    agreed = table(line=TEXT, files=listed(TEXT), by=TEXT)
    return table(
        schema_version=VERSION, setup=maybe(TEXT),
        trusted=about("whether the setup as it is now is agreed to", TRUTH), agreed=listed(agreed),
    )  # fmt: skip


PRINTED = {
    "dry-run": dry_run_schema,
    "simulate": simulate_schema,
    "report": report_schema,
    "status": status_schema,
    "why": why_schema,
    "events": events_schema,
    "queue": queue_schema,
    "answer": answer_schema,
    "ask": ask_schema,
    "siblings": siblings_schema,
    "conflicts": conflicts_schema,
    "conflicts-log": conflicts_log_schema,
    "undo": undo_schema,
    "end": end_schema,
    "plan-check": check_schema,
    "plan-convert": convert_schema,
    "diff": diff_schema,
    "diff-against": diff_against_schema,
    "logs": logs_schema,
    "doctor": doctor_schema,
    "worktrees": worktrees_schema,
    "stranded": stranded_schema,
    "rescue": rescue_schema,
    "clean": clean_schema,
    "clean-undo": clean_undo_schema,
    "clean-trash": clean_trash_schema,
    "init": init_schema,
    "prompt": prompt_schema,
    "trust": trust_schema,
    "schedule": schedule_schema,
    "schedule-logs": schedule_logs_schema,
    "settings": settings_schema,
    "machine": machine_schema,
    "agents": agents_schema,
    "bench": bench_schema,
    "sync": sync_schema,
}
"""Name → the function that makes the schema."""


def printed_schema(name: str) -> Schema:
    """The schema called `name`, with its dialect and title. `KeyError` for an unknown one."""
    made = PRINTED[name]
    return {
        "$schema": DIALECT,
        "title": f"gangsaw {name}",
        "description": (made.__doc__ or "").replace("`", ""),
        **made(),
    }
