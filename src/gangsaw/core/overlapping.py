"""What follows from what the radar saw: overlaps that are news, advice to the later agent, tasks
that are held back, and what a person says of an overlap. It is advice; no landing waits for it."""

from __future__ import annotations

from gangsaw.core import events_radar as er
from gangsaw.core import events_talk as et
from gangsaw.core.model import RadarPolicy, task_of
from gangsaw.core.observations import Asked, OverlapsRead
from gangsaw.core.overlaps import (
    INTEGRATION,
    KnownOverlap,
    Overlap,
    OverlapFile,
    OverlapKind,
)
from gangsaw.core.reopening import Answer
from gangsaw.core.scopes import covers
from gangsaw.core.state import State, is_live

VERBS = ("resolve_overlap",)
ADVICE_KEY = "overlap-"
"""Before the key of an overlap: the key of a message about it."""
ADVICE_MAX = 20
"""Messages of the radar that may wait for one task's next turn."""
TROUBLES_MAX = 10
"""Different troubles of the radar that are told in one run."""
RADAR = "the overlap radar"
KEY_PREFIX = "o"
PATHS_SAID = 8
LANDED = "what has landed"

_WHAT = {
    OverlapKind.ADDED: "both have added it",
    OverlapKind.BINARY: "both have changed it, and it is no text",
    OverlapKind.MODES: "it is of two kinds now",
    OverlapKind.DELETED: "one has changed it, the other has deleted it",
    OverlapKind.RENAMED: "it was renamed",
    OverlapKind.FOLDER: "it is a file for one and a folder for the other",
    OverlapKind.PLACE: "the folder it belongs in was renamed",
    OverlapKind.SUBMODULE: "both have moved the submodule",
    OverlapKind.OTHER: "git cannot merge it",
}


def news(seen: OverlapsRead, state: State) -> list[er.RadarEvent | et.MessageLeft]:
    """The facts in what the radar saw: overlaps that are new, of other files, or over."""
    if seen.trouble:
        told = seen.trouble in state.radar_troubles or len(state.radar_troubles) >= TROUBLES_MAX
        return [] if told else [er.RadarFailed(seen.trouble)]
    facts: list[er.RadarEvent | et.MessageLeft] = []
    standing = {(known.ours, known.theirs): known for known in state.overlaps.values()}
    found = {(one.ours, one.theirs): one for one in seen.overlaps if _is_told(state, one)}
    looked = frozenset(seen.looked)
    for pair, before in standing.items():
        if pair not in found and {*pair} <= looked | {INTEGRATION}:
            facts.append(er.OverlapEnded(before.theirs, before.key, "the two merge now"))
    count = state.overlap_count
    for pair, one in found.items():
        known = standing.get(pair)
        if known is not None and _is_same(known, one):
            continue
        key = known.key if known is not None else ""
        if known is not None and known.resolved_by:
            facts.append(er.OverlapEnded(known.theirs, key, "it is about other files now"))
            key = ""
        if not key:
            count += 1
            key = f"{KEY_PREFIX}{count}"
        facts.append(er.OverlapSeen(one.theirs, key, one.ours, one.files, one.stale))
        facts += _advice(state, key, one)
    return facts


def _is_told(state: State, one: Overlap) -> bool:
    """Whether it is about attempts that may still act, and not said by another one already."""
    if one.stale and one.ours != INTEGRATION:
        return False
    names = [name for name in (one.ours, one.theirs) if name != INTEGRATION]
    return all(name in state.attempts and is_live(state.attempts[name]) for name in names)


def _is_same(known: KnownOverlap, one: Overlap) -> bool:
    """Whether nothing new is in it. That lines move while somebody writes is no news."""
    before = {(file.path, file.kind) for file in known.files}
    after = {(file.path, file.kind) for file in one.files}
    return after <= before if known.resolved_by else after == before


def _advice(state: State, key: str, one: Overlap) -> list[er.RadarEvent | et.MessageLeft]:
    """One message to the later of the two, where it has paths that it was not told of."""
    attempt = state.attempts[one.theirs]
    told = state.advised.get(one.pair, ())
    if state.limits.radar is not RadarPolicy.TELL or set(one.paths) <= set(told):
        return []
    waiting = [said for said in state.task_states[attempt.task].messages if said.advice]
    if len(waiting) >= ADVICE_MAX:
        return []
    text = _advice_text(state, one)
    name = f"{ADVICE_KEY}{key}-{len(told)}"
    return [et.MessageLeft(attempt.task, name, text, RADAR, advice=True)]


def file_lines(known: KnownOverlap, attempt: str) -> list[str]:
    """Each path with the lines of both sides, those of the attempt first."""
    first = attempt != known.theirs
    return [file_text(file, ours=first, both=True) for file in known.files]


def _advice_text(state: State, one: Overlap) -> str:
    if one.ours == INTEGRATION:
        head = "Work that has landed since you began does not merge with yours:"
        tail = (
            "You will be asked to merge it in when it is your turn to land. Until then, keep your "
            "changes there small, and build on what you would expect to find."
        )
    else:
        task = task_of(one.ours)
        title = state.tasks[task].title.strip().splitlines()[0]
        head = f"The agent of {task} ({title}), which began before you, changes the same places:"
        tail = (
            "Where your task allows it, leave these places to it and do yours beside them; it "
            "lands first, and what collides comes back to you."
        )
    lines = [f"- {file_text(file)}" for file in one.files[:PATHS_SAID]]
    if len(one.files) > PATHS_SAID:
        lines.append(f"- and {len(one.files) - PATHS_SAID} more")
    return "\n".join([head, *lines, tail])


def file_text(file: OverlapFile, *, ours: bool = False, both: bool = False) -> str:
    """The path, and what collides there: lines of the later side or (`ours`) of the earlier one, or
    of `both`, that one first."""
    if file.kind is not OverlapKind.LINES or not file.hunks:
        return f"{file.path}: {_WHAT.get(file.kind, 'the same lines')}"
    earlier = [_lines(hunk.ours_from, hunk.ours_lines) for hunk in file.hunks]
    later = [_lines(hunk.theirs_from, hunk.theirs_lines) for hunk in file.hunks]
    mine, others = (earlier, later) if ours else (later, earlier)
    if not both:
        return f"{file.path}: your lines {', '.join(dict.fromkeys(mine))}"
    spans = [f"{one} against {other}" for one, other in zip(mine, others, strict=True)]
    return f"{file.path}: lines {', '.join(dict.fromkeys(spans))}"


def _lines(first: int, count: int) -> str:
    return f"{first}" if count <= 1 else f"{first}-{first + count - 1}"


# --- what follows -------------------------------------------------------------------------------


def over(state: State) -> list[er.OverlapEnded]:
    """The end of an overlap of which one side does not act any more."""
    for known in state.overlaps.values():
        for name in (known.theirs, known.ours):
            if name != INTEGRATION and not is_live(state.attempts[name]):
                text = f"{task_of(name)} is over"
                return [er.OverlapEnded(known.theirs, known.key, text)]
    return []


def held_by(state: State, task: str) -> tuple[KnownOverlap, str] | None:
    """The overlap that keeps a task from starting, and the path: its scope would make a third of
    two that collide already. `None` unless the settings say so."""
    scope = state.tasks[task].scope
    if state.limits.radar is not RadarPolicy.SERIALISE or not scope:
        return None
    for known in state.overlaps.values():
        if known.resolved_by or known.is_of(state.task_states[task].current):
            continue
        for path in known.paths:
            if covers(scope, path):
                return known, path
    return None


def tasks_of(known: KnownOverlap) -> tuple[str, ...]:
    """The tasks that collide."""
    return tuple(task_of(name) for name in (known.ours, known.theirs) if name != INTEGRATION)


def overlaps_of(state: State, attempt: str) -> list[KnownOverlap]:
    """What stands between the attempt and others, and that nobody has taken care of."""
    return [
        known for known in state.overlaps.values() if known.is_of(attempt) and not known.resolved_by
    ]


def overlap_text(state: State, attempt: str) -> str:
    """With whom the attempt collides and where, in a few words; empty if with nobody."""
    parts = []
    for known in overlaps_of(state, attempt):
        other = known.other_than(attempt)
        name = LANDED if other == INTEGRATION else task_of(other)
        more = f" and {len(known.paths) - 1} more" if len(known.paths) > 1 else ""
        parts.append(f"{name} in {known.paths[0]}{more}")
    return f"overlaps {'; '.join(parts)}" if parts else ""


def answer(state: State, asked: Asked) -> Answer:
    """The facts that follow from a person's word on an overlap; `number` is that of its key."""
    known = state.overlaps.get(f"{KEY_PREFIX}{asked.number}")
    if known is None:
        return [], False, f"there is no overlap {KEY_PREFIX}{asked.number} now"
    if known.resolved_by:
        return [], False, f"{known.key} is resolved already, by {known.resolved_by}"
    fact = er.OverlapResolved(known.theirs, known.key, asked.by, asked.text)
    return [fact], True, f"{known.key} is resolved; it comes back if other files are concerned"
