"""Every conflict that was resolved, by whom or what, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core.events_resolving import ConflictResolved
from gangsaw.core.model import task_of
from gangsaw.core.spans import span
from gangsaw.core.terms import Cause, Judgement

SCHEMA_VERSION = 1
OPEN, LANDED, RED, REJECTED = "open", "landed", "failed checks", "rejected"
AGAIN, GIVEN_UP, REBUILT = "conflicted again", "given up", "built anew"
OUTCOMES = (OPEN, LANDED, RED, REJECTED, AGAIN, GIVEN_UP, REBUILT)
"""What a resolution can have come to."""

_RETURNED = {
    Cause.CHECKS: RED,
    Cause.COMBINATION: RED,
    Cause.REJECTED: REJECTED,
    Cause.FINDINGS: REJECTED,
    Cause.CONFLICT: AGAIN,
    Cause.UNMERGED: AGAIN,
}


@dataclass(frozen=True, slots=True)
class Resolution:
    """One resolved conflict: `how` as in `conflict.resolved`, `outcome` one of `OUTCOMES`, and
    `commit` the landing that has it."""

    run: str
    task: str
    attempt: str
    how: str
    by: str
    paths: tuple[str, ...]
    at: float
    outcome: str = OPEN
    commit: str = ""


def resolutions(run: str, told: Iterable[tuple[float, ev.Event]]) -> list[Resolution]:
    """Those of one run, oldest first, from its events in order."""
    found: list[Resolution] = []
    for at, event in told:
        if isinstance(event, ConflictResolved):
            task = task_of(event.attempt) or event.attempt
            found.append(Resolution(run, task, event.attempt, event.how, event.by, event.paths, at))
        elif (outcome := _outcome(event)) is not None:
            commit = event.commit if isinstance(event, ev.Landed) else ""
            found = [_after(one, event.subject, outcome, commit) for one in found]
    return found


def _outcome(event: ev.Event) -> str | None:
    match event:
        case ev.Landed():
            return LANDED
        case ev.VerdictReached() | ev.CandidateJudged() if event.judgement is Judgement.FAILED:
            return RED
        case ev.WorkReturned() | ev.WorkFaulty():
            return _RETURNED.get(event.cause)
        case ev.AttemptFailed():
            return GIVEN_UP
        case ev.CandidateWanted():
            return REBUILT
        case _:
            return None


def _after(one: Resolution, subject: str, outcome: str, commit: str) -> Resolution:
    """The first word on a resolution stays, but for its landing."""
    if one.attempt != subject or one.outcome == LANDED:
        return one
    mechanical = one.how not in ("model", "person")
    if outcome == REBUILT:
        return replace(one, outcome=REBUILT) if mechanical and one.outcome == OPEN else one
    if outcome == LANDED and one.outcome == REBUILT:
        return one
    if outcome == LANDED or one.outcome == OPEN:
        return replace(one, outcome=outcome, commit=commit)
    return one


def touching(found: Iterable[Resolution], paths: Iterable[str]) -> list[Resolution]:
    """Those that had a conflict in one of the paths."""
    wanted = set(paths)
    return [one for one in found if wanted.intersection(one.paths)]


def resolutions_object(found: Iterable[Resolution], paths: Iterable[str]) -> dict[str, Any]:
    """As printed by `gangsaw resolve --history --json`; `paths` are those asked for, if any."""
    return {
        "schema_version": SCHEMA_VERSION,
        "paths": list(paths),
        "resolutions": [
            {
                "run": one.run, "task": one.task, "attempt": one.attempt, "how": one.how,
                "by": one.by or None, "paths": list(one.paths), "at": one.at,
                "outcome": one.outcome, "commit": one.commit or None,
            }
            for one in found
        ],
    }  # fmt: skip


def resolution_line(one: Resolution, now: float) -> str:
    """One resolution in a line."""
    by = f" ({one.by})" if one.by else ""
    paths = ", ".join(one.paths[:3]) + (" …" if len(one.paths) > 3 else "")
    see = f" · git show -m --first-parent {one.commit[:12]}" if one.commit else ""
    ago = span(max(now - one.at, 0.0))
    return f"{one.run}/{one.attempt}  {one.how}{by}  {one.outcome}  {paths}  {ago} ago{see}"
