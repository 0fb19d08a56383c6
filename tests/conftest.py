"""For all tests: how hypothesis behaves, the bystanders, the figures at the end, and what is left
behind for the page of guarantees."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from gangsaw.testing.decoys import Decoys, guises
from gangsaw.testing.playground import Playground
from gangsaw.testing.warm import Commands

# A busy machine must not turn a slow example into a failure.
settings.register_profile("gangsaw", deadline=None, print_blob=True)
settings.load_profile("gangsaw")


DECOYS = 100
COUNTED = ("run", "stop", "kill", "cancel")
CAMPAIGN: pytest.StashKey[Counter[str]] = pytest.StashKey()
"""What was done while bystanders stood by, in this process or (in the one that prints) in all."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CAMPAIGN] = Counter()


@pytest.fixture(scope="session")
def bystanders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Decoys]:
    """A hundred processes that look like ours. At the end of the session none of them may have
    received any signal."""
    folder = tmp_path_factory.mktemp("decoys")
    decoys = Decoys(folder, guises(DECOYS, Path.cwd(), folder / "gone"))
    yield decoys
    harmed = decoys.harmed()
    done: Counter[str] = request.config.stash[CAMPAIGN]
    done.update({name: Playground.commands[name] for name in COUNTED})
    done.update({"decoys": DECOYS, "signals": len(harmed)})
    decoys.close()
    assert harmed == []


@pytest.fixture(scope="session", autouse=True)
def _warm_commands() -> Iterator[None]:
    """Most of what a short command costs is the start of its interpreter. With `--long` each has
    its own all the same; without, `tests/run/test_run_warm.py` proves that it makes no odds."""
    if os.environ.get("GANGSAW_LONG"):
        yield
        return
    with Commands() as commands:
        Playground.warm = commands
        yield
        Playground.warm = None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a process of xdist: hand over what the one that prints has to say."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        done: Counter[str] = session.config.stash[CAMPAIGN]
        output["campaign"] = dict(done)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a process of xdist has handed over; nothing, if it died."""
    found: dict[str, int] = getattr(node, "workeroutput", {}).get("campaign", {})
    node.config.stash[CAMPAIGN].update(found)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a test proves goes with its report, also out of another process."""
    for item in items:
        for mark in item.iter_markers("capability"):
            item.user_properties.append(("capability", "/".join(mark.args)))
        for mark in item.iter_markers("guarantee"):
            item.user_properties += [("guarantee", name) for name in mark.args]


def reports_of(reporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    """The report that counts of each test: of its call, or of what kept it from being called."""
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and (
                report.when == "call" or report.outcome != "passed"
            ):
                yield report


def figures(reporter: pytest.TerminalReporter) -> Iterator[str]:
    """What tests recorded with `record_property("figure", …)`, in whichever process they ran."""
    for report in reports_of(reporter):
        yield from named(report, "figure")
    done: Counter[str] = reporter.config.stash[CAMPAIGN]
    if done["decoys"]:
        words = ", ".join(f"{done[name]} `{name}`" for name in COUNTED)
        yield (
            f"bystanders: {done['decoys']} decoys, {done['signals']} signals received; meanwhile "
            f"{words} and the kills of the tests themselves"
        )


def named(report: pytest.TestReport, name: str) -> list[str]:
    """The values that a test recorded under this name, each once."""
    return list(dict.fromkeys(str(value) for key, value in report.user_properties if key == name))


def reason_of(report: pytest.TestReport) -> str:
    """Why a test was skipped; empty for any other."""
    if report.outcome != "skipped" or not isinstance(report.longrepr, tuple):
        return ""
    return str(report.longrepr[2]).removeprefix("Skipped: ")


def leave_results(reporter: pytest.TerminalReporter, file: str) -> None:
    """Append what each test that proves something came to, a JSON object a line."""
    about = {
        "at": time.strftime("%Y-%m-%d"),
        "long": bool(os.environ.get("GANGSAW_LONG")),
        "where": f"{sys.platform}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    with open(file, "a", encoding="utf-8") as out:
        for report in reports_of(reporter):
            proves = {
                "guarantees": named(report, "guarantee"),
                "capabilities": named(report, "capability"),
            }
            if any(proves.values()):
                shown = {"test": report.nodeid, "outcome": report.outcome, **proves}
                more = {"figures": named(report, "figure"), "reason": reason_of(report)}
                out.write(json.dumps({**shown, **more, **about}) + "\n")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures, sorted, before the closing line."""
    found = sorted(set(figures(terminalreporter)))
    if found:
        terminalreporter.section("figures")
        for figure in found:
            terminalreporter.write_line(figure)
    if "GANGSAW_RESULTS" in os.environ:
        leave_results(terminalreporter, os.environ["GANGSAW_RESULTS"])
