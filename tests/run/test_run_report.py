"""Every number of `gangsaw report --json`, of runs that really ran, against a count of their
events by a script that knows nothing of the program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gangsaw.testing.playground import Playground
from tests.run.recounting import RECOUNT, leaves, unlike

Figure = Callable[[str, object], None]
SVG = "{http://www.w3.org/2000/svg}"


def recounted(ground: Playground, *words: str) -> dict[str, float]:
    """What the script makes of the events (`words`: of `gangsaw events`): a program of its own,
    without the package."""
    events = ground.call("events", "--json", *words).stdout
    done = subprocess.run(
        [sys.executable, "-I", str(RECOUNT)], input=events, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return {path: value for path, value in json.loads(done.stdout).items() if value is not None}


def without_soon(numbers: dict[str, float]) -> dict[str, float]:
    """Without the waits for what is ready soon, which follow from how long things are thought to
    take: only `gangsaw events --holds` tells them."""
    told = {path: value for path, value in numbers.items() if not path.startswith("waits[soon]")}
    return {path: value for path, value in told.items() if not path.endswith("].held_s")}


def is_right(ground: Playground, record_property: Figure, run: str = "r1") -> dict[str, Any]:
    """The report, after every number of it was counted anew."""
    report: dict[str, Any] = json.loads(ground.call("report", run, "--json").stdout)
    printed, counted = dict(leaves(report)), recounted(ground, "--run", run)
    if any(path.startswith("waits[soon]") for path in printed):
        assert unlike(without_soon(printed), without_soon(counted)) == []
    else:
        assert unlike(printed, counted) == []
    assert unlike(printed, recounted(ground, "--run", run, "--holds")) == []
    record_property("figure", f"report: {len(printed)} numbers of {run} recounted from its events")
    return report


def script(name: str, *lines: str, usage: str = "usage 100 20 0.25") -> str:
    """A scripted agent that writes a file of its own and commits it."""
    text = [usage, f"write {name}.txt {name}", "sleep 0.1", *lines, f"commit work of {name}"]
    return "\n".join(["#!script", *text, ""])


CRASH = "#!script\non attempt 1 turn 1\nusage 7 1 0.01\ncrash KILL\nend\n"
FAILS = "#!script\non attempt 1\nusage 30 2 0.5\nfail 3\nend\n"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Playground:
    """Failures, a retry, a crash, a conflict that an agent resolves, a flaky check, a review by
    another agent, tracks, scopes, agents' slots, plain tasks, prices and none."""
    ground = Playground(tmp_path_factory.mktemp("busy"), agent="scripted", max_agents=3)
    ground.settings('[agents.second]\nkind = "scripted"\nslots = 1\n')
    flaky = "test -f ../flaky-seen || { touch ../flaky-seen; exit 1; }"
    body: list[dict[str, Any]] = [
        {"id": "base", "prompt": script("base"), "checks": ["test -f base.txt"]},
        {"id": "one", "prompt": script("one", "write shared.txt one"), "needs": ["base"]},
        {
            "id": "two", "needs": ["base"],
            "prompt": script("two", "sleep 0.3", "write shared.txt two")
            + "on resolve\nresolve union shared.txt\ncommit both\nend\n",
        },
        {"id": "crash", "prompt": CRASH + script("crash").removeprefix("#!script\n")},
        {"id": "again", "prompt": FAILS + script("again").removeprefix("#!script\n")},
        {"id": "bad", "prompt": script("bad"), "checks": ["test -f nothing"], "attempts": 1},
        {"id": "after", "prompt": script("after"), "needs": ["bad"]},
        {"id": "lane1", "prompt": script("lane1"), "track": "lane", "agent": "second"},
        {"id": "lane2", "prompt": script("lane2"), "track": "lane"},
        {"id": "src1", "prompt": script("src/one"), "scope": ["src/"], "agent": "second"},
        {"id": "src2", "prompt": script("src/two"), "scope": ["src/two.txt"]},
        {"id": "flaky", "prompt": script("flaky"), "checks": [flaky]},
        {
            "id": "seen", "stages": ["work", "review"], "reviewer": "second",
            "prompt": script("seen") + "on review\nusage 5 5 0.1\nsleep 0.1\n"
            'done {"verdict": "approve", "findings": []}\nend\n',
        },
        {"id": "note", "prompt": "#!script\nsleep 0.1\n", "workspace": "none"},
    ]  # fmt: skip
    plan = ground.plan(body)
    ground.run(plan, expect=1)
    return ground


def test_every_number_of_a_busy_run(busy: Playground, record_property: Figure) -> None:
    report = is_right(busy, record_property)
    totals = report["totals"]
    assert totals["failed"] == 1
    assert totals["done"] == 1
    assert report["queue"]["conflicts"] >= 1
    assert report["conflicts"]["resolved_by_agents"] == 1
    assert {each["cause"] for each in report["retries"]} == {"checks", "exit"}
    assert next(task for task in report["tasks"] if task["task"] == "crash")["crashes"] == 1
    assert sum(each["flaky"] for each in report["checks"]) >= 1
    assert {"needs", "failed_needs", "slots", "backoff"} <= {w["reason"] for w in report["waits"]}
    assert sum(agent["review_s"] for agent in report["agents"]) > 0
    chain = report["chain"]
    assert chain[0]["since_s"] == 0
    assert all(a["until_s"] == b["since_s"] for a, b in pairwise(chain))


def test_every_number_of_a_run_with_a_killed_engine(
    tmp_path: Path, record_property: Figure
) -> None:
    """And a pause, another number of agents, a stop, prices that nobody told; asked for in
    between and at the end."""
    ground = Playground(tmp_path, agent="scripted", max_agents=1)
    go = tmp_path / "go"
    wait = f"wait {go}"
    body: list[dict[str, Any]] = [
        {"id": "first", "prompt": script("first", wait), "checks": ["test -f first.txt"]},
        {"id": "second", "prompt": script("second")},
        {"id": "third", "prompt": script("third"), "needs": ["first"]},
    ]
    engine = ground.start("run", ground.plan(body), "--plain")
    ground.wait_for(lambda: "turn.started" in kinds(ground), "the first agent started")
    during = json.loads(ground.call("report", "--json").stdout)
    assert during["ended_at"] is None
    assert during["as_of"] > during["started_at"]
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    is_right(ground, record_property)
    again = ground.start("run", "--plain", "--max-agents", "2")
    ground.wait_for(lambda: kinds(ground).count("engine.started") == 2, "another engine")
    assert ground.call("pause").returncode == 0
    go.touch()
    ground.wait_for(lambda: "landed" in kinds(ground), "the first task landed")
    is_right_between(ground)
    assert ground.call("resume").returncode == 0
    assert again.wait(60) == 0
    report = is_right(ground, record_property)
    assert (report["totals"]["engine_starts"], report["totals"]["engine_crashes"]) == (2, 1)
    assert report["totals"]["down_s"] > 0
    assert "paused" in {each["reason"] for each in report["waits"]}
    landed = {"id": "fourth", "prompt": script("fourth"), "checks": ["test -f first.txt"]}
    ground.run(ground.plan([landed]), "--new")
    is_right(ground, record_property, "r2")


def is_right_between(ground: Playground) -> None:
    """While the run goes on only `as_of` and what is measured up to it moves on."""
    events = ground.events()
    report = json.loads(ground.call("report", "--json").stdout)
    assert report["state"] == "open"
    assert report["as_of"] >= events[-1]["at"]


def kinds(ground: Playground) -> list[str]:
    """The kinds of all events so far."""
    done = ground.call("events", "--json")
    return [json.loads(line)["kind"] for line in done.stdout.splitlines()]


def test_every_number_of_a_run_that_runs_out_of_money(
    tmp_path: Path, record_property: Figure
) -> None:
    ground = Playground(tmp_path, agent="scripted", max_agents=2)
    body = [{"id": f"t{n}", "prompt": script(f"t{n}")} for n in range(3)]
    body.append({"id": "mute", "prompt": script("mute", usage="say nothing of money")})
    ground.run(ground.plan(body), "--budget", "0.6", expect=4)
    report = is_right(ground, record_property)
    assert report["spent"]["budget_usd"] == 0.6
    assert report["spent"]["money"]["cost_usd"] == 0.5
    assert report["totals"]["open"] + report["totals"]["needs_you"] == 2
    assert "budget" in {each["reason"] for each in report["waits"]}


def test_a_number_that_nobody_counts_is_found(busy: Playground) -> None:
    report = json.loads(busy.call("report", "--json").stdout)
    counted = recounted(busy)
    for wrong in (
        {**report, "totals": {**report["totals"], "nonsense_s": 0.0}},
        {**report, "totals": {**report["totals"], "busy_s": report["totals"]["busy_s"] + 0.001}},
        {**report, "spent": {**report["spent"], "failed_usd": 0.0}},
        {key: value for key, value in report.items() if key != "queue"},
    ):
        assert unlike(dict(leaves(wrong)), counted) != []


def test_the_recount_knows_nothing_of_the_program() -> None:
    text = RECOUNT.read_text()
    assert "import gangsaw" not in text
    assert "from gangsaw" not in text


def test_the_same_in_markdown(busy: Playground, tmp_path: Path) -> None:
    text = busy.call("report").stdout
    for part in ("## Landed", "## Did not land", "## Agents", "## Tracks", "## Critical chain",
                 "## Waits", "## Retries", "## Checks", "## Money"):  # fmt: skip
        assert f"\n{part}\n" in text
    file = tmp_path / "report.md"
    assert busy.call("report", "r1", "--output", str(file)).returncode == 0
    assert file.read_text() == text
    other = file.with_suffix(".pdf")
    refused = busy.call("report", "r1", "--output", str(other))
    assert (refused.returncode, other.exists()) == (2, False)
    assert "no report ends in .pdf" in refused.stderr


class Page(HTMLParser):
    """Tags, and the attributes by which a page could reach for something else."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.reaching: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.reaching += [
            (name, value) for name, value in attrs
            if name in ("src", "href", "xlink:href", "action", "srcset", "formaction", "style")
            or name.startswith("on")
        ]  # fmt: skip


EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(2)> | `x` [a](b) &amp;"


def test_foreign_text_stays_text(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="scripted", max_agents=1)
    body = [{"id": "t", "title": EVIL, "prompt": script("t"), "track": EVIL, "model": "<b>"}]
    ground.run(ground.plan(body, goal=f"\u202e{EVIL}"))
    html = ground.call("report", "--format", "html").stdout
    page = Page()
    page.feed(html)
    assert not page.tags & {"script", "img", "iframe", "link", "object", "foreignobject", "a"}
    assert page.reaching == []
    assert "&lt;script&gt;alert(1)" in html
    assert "\u202e" not in html
    text = ground.call("report").stdout
    assert "<script>" not in text.replace("\\<", "")
    rows = [line for line in text.splitlines() if line.startswith("| t ")]
    assert rows
    assert all(row.replace("\\|", "").count("|") in (8, 11) for row in rows)


def test_the_timeline_is_a_picture_without_anything_else(busy: Playground) -> None:
    root = ElementTree.fromstring(busy.call("report", "--format", "svg").stdout)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} == {
        "svg", "title", "rect", "defs", "pattern", "path", "circle", "text",
    }  # fmt: skip
    titles = [each.text or "" for each in root.iter(f"{SVG}title")]
    assert any(title.startswith("crash.1: work ") for title in titles)
    patterns = {each.get("id"): ElementTree.tostring(each) for each in root.iter(f"{SVG}pattern")}
    assert len(patterns) == 7
    words = {each.text for each in root.iter(f"{SVG}text")}
    assert {"work", "check", "review", "wait", "landing"} <= words


def test_a_report_has_its_documented_shape(busy: Playground) -> None:
    from tests.cli.shapes import misfits

    schema = json.loads(busy.call("schema", "report").stdout)
    assert misfits(json.loads(busy.call("report", "--json").stdout), schema) == []
