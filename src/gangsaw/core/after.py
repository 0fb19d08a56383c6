"""Where the checks of what has landed stand."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.terms import CheckResult, Judgement

INCONCLUSIVE_MAX = 3
"""How often these checks may end without a verdict on one commit until they are let be."""


@dataclass(frozen=True, slots=True)
class After:
    """`wanted` is the commit under check and `judged` the last that was, with what came of it.
    `landings` counts those that `wanted` (and then `judged`) holds, `green` those of the last
    commit that was green: what landed between them may be to blame for a red one."""

    wanted: str = ""
    wanted_landings: int = 0
    judged: str = ""
    landings: int = 0
    green: int = 0
    judgement: Judgement | None = None
    results: tuple[CheckResult, ...] = ()
    inconclusive: int = 0

    @property
    def is_red(self) -> bool:
        """Whether what landed last, as far as it was checked, has failed."""
        return self.judgement is Judgement.FAILED
