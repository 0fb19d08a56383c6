"""For all tests: how hypothesis behaves, and the figures that are printed at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

# A busy machine must not turn a slow example into a failure.
settings.register_profile("gangsaw", deadline=None, print_blob=True)
settings.load_profile("gangsaw")


def figures(reporter: pytest.TerminalReporter) -> Iterator[str]:
    """What tests recorded with `record_property("figure", …)`, in whichever process they ran."""
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                yield from (str(value) for key, value in report.user_properties if key == "figure")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures, sorted, before the closing line."""
    found = sorted(set(figures(terminalreporter)))
    if found:
        terminalreporter.section("figures")
        for figure in found:
            terminalreporter.write_line(figure)
