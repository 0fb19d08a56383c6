"""The report as the object that `gangsaw report --format json` prints."""

from __future__ import annotations

from typing import Any

from gangsaw.core.report import RunReport
from gangsaw.core.wire import encode

SCHEMA_VERSION = 1


def report_object(report: RunReport) -> dict[str, Any]:
    """Every field of the report under its own name."""
    return {"schema_version": SCHEMA_VERSION, **encode(report)}
