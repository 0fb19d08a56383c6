"""What may go wrong between an agent and its vendor, as a scenario names it.

A step's `"fault"` is a kind, or an object with `"kind"` and any of

    times           only the first N tries of this step; without it, every try
    resets_in_s     `quota`: the allowance comes back so many seconds after the first refusal, which
                    every refusal tells as a moment, and from then on the step is answered
    resets_at       `quota`: the moment itself, epoch seconds
    retry_after_s   `throttle`, `overloaded`: what the refusal asks to wait
    message, status, type, headers     instead of what the vendor would say
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """What goes wrong. Up to `STATUS` an HTTP error in the vendor's words; `STATUS` is one in the
    scenario's own. `HANG`: no answer. `DROP`: the connection is closed without one. `CUT`: it is
    closed half-way. `STALL`: the second half never comes. `MALFORMED`: an event is no JSON.
    `HANG` and `STALL` end when the server closes."""

    THROTTLE = "throttle"
    QUOTA = "quota"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    UNKNOWN_MODEL = "unknown_model"
    TOO_LONG = "too_long"
    STATUS = "status"
    HANG = "hang"
    DROP = "drop"
    CUT = "cut"
    STALL = "stall"
    MALFORMED = "malformed"


BROKEN = (FaultKind.CUT, FaultKind.STALL, FaultKind.MALFORMED)
SILENT = (FaultKind.HANG, FaultKind.DROP)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `resets_at` is epoch seconds; `now` the moment at which it is told."""

    kind: FaultKind
    times: int | None = None
    resets_in_s: float | None = None
    resets_at: float | None = None
    retry_after_s: float | None = None
    message: str = ""
    status: int = 0
    type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    now: float = 0.0

    @property
    def waits_s(self) -> int | None:
        """Whole seconds to wait, if the refusal tells any."""
        if self.resets_at is not None:
            return max(1, math.ceil(self.resets_at - self.now))
        return None if self.retry_after_s is None else math.ceil(self.retry_after_s)

    @property
    def resets_at_s(self) -> int | None:
        """The moment of the reset in whole epoch seconds, never before the exact one."""
        return None if self.resets_at is None else math.ceil(self.resets_at)

    @property
    def retry_after(self) -> dict[str, str]:
        """The header that most vendors send."""
        return {} if self.waits_s is None else {"retry-after": str(self.waits_s)}


def fault_in(step: Mapping[str, Any]) -> Fault | None:
    """The fault of a step. Raises `ValueError` or `TypeError` for what is none."""
    said = step.get("fault")
    if said is None:
        return None
    fields: dict[str, Any] = {"kind": said} if isinstance(said, str) else dict(said)
    fields.setdefault("kind", FaultKind.STATUS)
    fields["kind"] = FaultKind(fields["kind"])
    fields["headers"] = {key: str(value) for key, value in fields.get("headers", {}).items()}
    return Fault(**fields)


def status_of(fault: Fault, statuses: Mapping[FaultKind, int]) -> int:
    """The HTTP status of a refusal: the scenario's, else the vendor's."""
    return fault.status or statuses.get(fault.kind, 500)
