"""What the library LiteLLM says of a failure, for the agents that ask their models through it.

Its classes of errors come from statuses and from guesses: without a key it says, depending on its
version, that the server has an internal error.
"""

from __future__ import annotations

import re

from gangsaw.agents.faults import Fault, fault_of
from gangsaw.core.conditions import Condition

_NO_KEY = re.compile(
    r"Missing credentials\b|api_key client option must be set|No API key"
    r"|api.?key.{0,40}(not set|not provided|is missing)",
    re.IGNORECASE,
)


def litellm_fault(error: str, now: float | None) -> Fault | None:
    """What the error means; `now` as for `fault_of`."""
    if _NO_KEY.search(error):
        return Fault(Condition.LOGIN_MISSING)
    return fault_of(error, now=now)
