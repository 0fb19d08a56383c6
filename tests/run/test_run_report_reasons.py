"""The report of simulated runs and of golden logs, in which tasks wait for every reason there is,
against the count of their lines by a script that knows nothing of the program."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gangsaw.cli.commands.events import held_body
from gangsaw.core.events import Event, RunStarted
from gangsaw.core.policy.admission import HoldKind
from gangsaw.core.report import report_of
from gangsaw.core.report.holds import HoldWatch
from gangsaw.core.wire import decode_event, encode
from gangsaw.testing.playground import Playground
from gangsaw.testing.simulation import Schedule
from gangsaw.views.report.shape import report_object
from tests.run.recounting import RECOUNT, leaves, unlike
from tests.run.test_run_report import Figure, recounted

SEEDS = range(9_000, 9_100)
GOLDEN = Path(__file__).parents[1] / "core" / "golden"
KINDS_LEAST = 12
"""So many different reasons not to start a task are in these schedules, at least."""
COMMON = {
    "needs", "failed_needs", "resolving", "backoff", "stopping", "paused", "no_branch", "pressure",
    "slots", "wave", "agent_slots", "track", "person", "parked", "next_turn", "landing_queue",
}  # fmt: skip
"""What the script finds out by itself."""

Log = list[tuple[float, Event]]
recount = runpy.run_path(str(RECOUNT))["recount"]


def lines_of(log: Log) -> Iterator[dict[str, Any]]:
    """What `gangsaw events --json --holds` prints of the log."""
    watch = HoldWatch()
    for n, (at, event) in enumerate(log):
        yield _line(n + 1, at, event.kind, event.subject, encode(event))
        watch.take(event, at)
        if n + 1 == len(log) or log[n + 1][0] != at:
            for held in watch.look(at):
                yield _line(n + 1, at, held.kind, held.task, held_body(held))


def _line(seq: int, at: float, kind: str, subject: str, body: object) -> dict[str, Any]:
    line = {"seq": seq, "at": at, "kind": kind, "subject": subject, "body": body}
    return dict(json.loads(json.dumps(line)))


def differences(log: Log, *, told: bool) -> tuple[list[str], dict[str, Any]]:
    """Numbers of the report of the log that are counted otherwise, and the report. `told`: with
    what is told of waits."""
    report = json.loads(json.dumps(report_object(report_of(log))))
    lines = [line for line in lines_of(log) if told or not line["kind"].startswith("task.held")]
    if not told:
        lines = [line for line in lines if line["kind"] != "task.unheld"]
    counted = {path: value for path, value in recount(lines).items() if value is not None}
    return unlike(dict(leaves(report)), counted), report


def is_ordered(log: Log) -> bool:
    """Whether moments are an order: nobody has set the clock."""
    return all(a[0] <= b[0] for a, b in pairwise(log))


def may_change_agents(log: Log) -> bool:
    """Whether tasks may have gone to another agent while theirs was at its usage limit."""
    started = log[0][1]
    assert isinstance(started, RunStarted)
    parked = any(event.kind == "attempt.parked" for _, event in log)
    return parked and any(agent.fallback for agent in started.limits.agents)


@pytest.fixture(scope="module")
def logs() -> list[Log]:
    found = []
    for seed in SEEDS:
        schedule = Schedule(seed)
        schedule.run()
        found.append(schedule.log)
    return [log for log in found if is_ordered(log)]


def reasons_of(report: dict[str, Any]) -> set[str]:
    return {wait["reason"] for wait in report["waits"]}


def test_waits_for_every_reason_are_summed_up_rightly(
    logs: list[Log], record_property: Figure
) -> None:
    seen: Counter[str] = Counter()
    for log in logs:
        wrong, report = differences(log, told=True)
        assert wrong == []
        seen.update(reasons_of(report))
    kinds = {kind.value for kind in HoldKind} & seen.keys()
    assert len(kinds) >= KINDS_LEAST
    assert {"person", "parked", "next_turn", "landing_queue"} <= seen.keys()
    record_property("figure", f"waits: {len(seen)} reasons in {len(logs)} runs recounted")


def test_the_commoner_reasons_are_found_out_anew(logs: list[Log]) -> None:
    looked = 0
    for log in logs:
        wrong, report = differences(log, told=False)
        if reasons_of(report) <= COMMON and not may_change_agents(log):
            assert wrong == []
            looked += 1
    assert looked > len(logs) / 4


def golden_runs() -> Iterable[tuple[str, Log]]:
    """Every run of every golden log; one file may hold several."""
    for path in sorted(GOLDEN.glob("*.jsonl")):
        log: Log = []
        for line in map(json.loads, path.read_text().splitlines()):
            if line["kind"] == "run.started" and log:
                yield path.stem, log
                log = []
            log.append((line["at"], decode_event(line["kind"], line["body"])))
        yield path.stem, log


def test_the_report_of_golden_logs_is_counted_alike() -> None:
    names = Counter[str]()
    for name, log in golden_runs():
        if is_ordered(log):
            assert (name, differences(log, told=True)[0]) == (name, [])
            names[name] += 1
    assert len(names) >= 5


def test_a_wrong_reason_is_noticed(logs: list[Log]) -> None:
    log = next(log for log in logs if "slots" in reasons_of(differences(log, told=True)[1]))
    report = json.loads(json.dumps(report_object(report_of(log))))
    lines = list(lines_of(log))
    for line in lines:
        if line["kind"] == "task.held" and line["body"]["reason"] == "slots":
            line["body"]["reason"] = "track"
    counted = {path: value for path, value in recount(lines).items() if value is not None}
    assert any("slots" in each for each in unlike(dict(leaves(report)), counted))


def test_events_tell_what_tasks_wait_for(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="scripted", max_agents=1)
    body = [
        {"id": name, "prompt": f"#!script\nwrite {name} 1\ncommit {name}\n", "needs": needs}
        for name, needs in (("a", []), ("b", []), ("c", ["a"]))
    ]
    ground.run(ground.plan(body))
    done = ground.call("events", "--holds", "--task", "c", "--json")
    told = [line for line in map(json.loads, done.stdout.splitlines()) if "held" in line["kind"]]
    needs = {"reason": "needs", "tasks": ["a"], "until": None, "text": ""}
    assert needs in [line["body"] for line in told]
    assert told[-1]["kind"] == "task.unheld"
    assert "task.held" in ground.call("events", "--holds").stdout
    assert "task.held" not in ground.call("events").stdout
    report = json.loads(ground.call("report", "--json").stdout)
    assert unlike(dict(leaves(report)), recounted(ground, "--holds")) == []
