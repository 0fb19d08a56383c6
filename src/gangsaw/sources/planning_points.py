"""From check boxes to checks and to what a reviewer looks at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gangsaw.sources.boxes import Box
from gangsaw.sources.lines import one_line
from gangsaw.sources.planning_folder import MERGING, PLAN, POINTS, Folder, Text
from gangsaw.sources.planning_sections import boxes_in
from gangsaw.sources.planning_words import POINT_MAX, command_in, unmarked_command
from gangsaw.sources.protocol import About, Remark, Standing

POINTS_MAX = 200
"""Points of one issue."""

_OURS = re.compile(
    r"\W*(?:(?:feature )?branch (?:is )?(?:created|pushed)|(?:code|changes|all changes|work)? ?"
    r"(?:is |are )?(?:committed|pushed)|commits? (?:made|pushed)|no merge conflicts?|"
    r"(?:pr|pull request) (?:is )?(?:created|opened|merged)|merges? cleanly|"
    r"(?:all )?branch(?:es)? merges? cleanly)\b.{0,60}",
    re.IGNORECASE,
)
"""What gangsaw does or finds out itself, and what no agent should try to do."""


@dataclass(slots=True)
class Points:
    """What has to hold for an issue: commands that have to pass, and prose."""

    commands: list[str] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)


Common = list[tuple[frozenset[str], Text, Box]]


def common_points(folder: Folder) -> Common:
    """The boxes that are about several issues, or (with no keys) about each."""
    found = []
    for text in folder.of(PLAN, POINTS, MERGING):
        if text.sections is not None:
            found += [(frozenset(keys), text, box) for keys, box in text.sections.common]
    _tell_commands(folder)
    return found


def points_of(folder: Folder, key: str, common: Common) -> Points:
    """The points of an issue: its own, and those of all."""
    boxes = [(text, box) for text, part in folder.parts(key, POINTS, PLAN) for box in part.points]
    boxes += [(text, box) for keys, text, box in common if not keys or key in keys]
    points = Points()
    prose: dict[str, None] = {}
    for _, box in boxes[:POINTS_MAX]:
        said = one_line(box.rest, POINT_MAX)
        command = command_in(box.rest)
        if box.standing is Standing.DROPPED or not said or _OURS.fullmatch(said):
            continue
        if command is not None:
            points.commands += [command] if command not in points.commands else []
        else:
            prose[said] = None
    for said in prose:
        if unmarked_command(said) not in points.commands:
            points.prose.append(said)  # ticked or not: a tick, ours above all, is no edit
    told = len(points.prose)
    if told:
        count = "a point is" if told == 1 else f"{told} points are"
        said = f"{key}: {count} no command: told to who reviews, never run"
        text, box = boxes[0]
        folder.remarks.append(Remark(About.NOTE, box.line.number, said, document=text.number))
    return points


def last_checks(folder: Folder) -> list[str]:
    """The commands that are about all issues together. Their other points are told."""
    found: dict[str, None] = {}
    for text in folder.of(PLAN, POINTS, MERGING):
        boxes = text.sections.together if text.sections is not None else []
        prose = [box for box in boxes if command_in(box.rest) is None]
        found |= dict.fromkeys(filter(None, (command_in(box.rest) for box in boxes)))
        if prose and folder.places:
            count = "a point" if len(prose) == 1 else f"{len(prose)} points"
            said = f"{count} of all issues together: for you to look at when the run is over"
            line = prose[0].line.number
            folder.remarks.append(Remark(About.NOTE, line, said, document=text.number))
    return list(found)


def _tell_commands(folder: Folder) -> None:
    """Tell of points that would be commands if they were written as code, each wording once."""
    boxes = [
        (text, box)
        for text in folder.of(PLAN, POINTS, MERGING)
        if text.sections is not None
        for box in boxes_in(text.sections)
    ]
    seen = {command for _, box in boxes if (command := command_in(box.rest))}
    for text, box in boxes:
        if box.standing is None:
            told = f"the mark [{box.mark}] is not known and counts as open"
            folder.remarks.append(
                Remark(About.NOTE, box.line.number, told, "write [ ] or [x]", document=text.number)
            )
        command = unmarked_command(box.rest)
        if command and command not in seen:
            remedy = "put the command between backticks to have it run"
            told = f"may be a command, but is not written as code: {one_line(box.rest, 80)}"
            folder.remarks.append(
                Remark(About.NOTE, box.line.number, told, remedy, document=text.number)
            )
            seen.add(command)
