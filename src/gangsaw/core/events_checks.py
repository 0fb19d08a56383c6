"""Events of the checks of what has landed. They hold nothing up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfRun
from gangsaw.core.terms import CheckResult, Judgement

AFTER = "@after"
"""Whom the checks of what has landed are about."""


@dataclass(frozen=True, slots=True)
class AfterWanted(OfRun):
    """This commit of the integration branch is to be checked after its landing."""

    kind: ClassVar[str] = "after.wanted"
    commit: str


@dataclass(frozen=True, slots=True)
class AfterJudged(OfRun):
    """What came of it. A red result asks a person; the commit stays where it is."""

    kind: ClassVar[str] = "after.judged"
    commit: str
    judgement: Judgement
    results: tuple[CheckResult, ...] = ()
