"""What a planning agent leaves for issues that many agents are to do at once, read as one plan.

`implementation-plan.md` says which issues there are, `dependency-graph.md` what waits for what,
`file-ownership.md` who may change which file, `verification-checklist.md` when an issue is done,
`contracts.*` what they rely on of one another, `integration-plan.md` what is merged first. Any of
them may be missing. Where two of them contradict, both places are told.

A check box with a command in code becomes a check; all other boxes are told to who reviews. Written
back: the boxes of an issue, when it has landed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from gangsaw.sources.boxes import Box, ticked
from gangsaw.sources.edges import with_needs
from gangsaw.sources.planning_contracts import contract_for
from gangsaw.sources.planning_folder import (
    CONTRACTS,
    GRAPH,
    NAMES,
    OWNERS,
    PLAN,
    POINTS,
    Folder,
    Text,
    folder_of,
    role_of,
)
from gangsaw.sources.planning_needs import merged_too_early, ranks_of, said_needs
from gangsaw.sources.planning_points import Points, common_points, last_checks, points_of
from gangsaw.sources.planning_scopes import Scope, others_of, scopes_of
from gangsaw.sources.planning_sections import SUMMARY_MAX, WORDS_MAX, Part, boxes_in
from gangsaw.sources.planning_words import issues_in, several
from gangsaw.sources.protocol import (
    NOWHERE,
    About,
    Answer,
    Document,
    Edit,
    Item,
    Need,
    Reading,
    Remark,
    Report,
    Standing,
    Sure,
)
from gangsaw.sources.values import listed_under, paragraphs

HEAD_MAX = 50_000
"""Characters of a text by which its kind is told."""

_GOAL = re.compile(r"\W*implementation plan\W*", re.IGNORECASE)


def _spelled(name: str) -> Iterator[str]:
    """The patterns by which a file of that name is found."""
    pattern = name.replace("-", "[-_]")
    yield pattern
    stem, dot, end = pattern.partition(".")
    yield stem.upper() + dot + end


class Planning:
    """See the head of the module."""

    name = "planning"
    about = "a planning agent's files: implementation plan, dependency graph, file ownership, …"
    homes = tuple(
        f"{folder}{pattern}"
        for role in (PLAN, POINTS, GRAPH)
        for folder in ("", "docs/", "docs/*/", "planning/")
        for pattern in _spelled(NAMES[role])
    )
    members = (
        *(
            pattern
            for role, name in NAMES.items()
            if role != CONTRACTS
            for pattern in _spelled(name)
        ),
        "contracts.*",
        "contract.*",
    )
    is_one_plan = True

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        role = role_of(path)
        if not role:
            return Sure.NO
        head = text[:HEAD_MAX]
        if role == CONTRACTS or not any(issues_in(line) for line in head.splitlines()):
            return Sure.MAYBE
        return Sure.CERTAIN

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        folder = folder_of(documents)
        edges = said_needs(folder)
        scopes = scopes_of(folder)
        plain = [Item(key, "", "", at, document=n) for key, (n, at) in folder.places.items()]
        ordered, cut = with_needs(plain, edges)
        needs = {item.key: item.needs for item in ordered}
        merged_too_early(folder, needs)
        whole = _Whole(folder, needs, scopes)
        items = tuple(whole.item(key) for key in folder.places)
        _missing(folder, scopes, items)
        goal = next((text.sections.title for text in folder.of(PLAN) if text.sections), "")
        return Reading(items, (*folder.remarks, *cut), _GOAL.sub("", goal))

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        folder = folder_of([document])
        sections = folder.texts[0].sections
        all_boxes = list(boxes_in(sections)) if sections is not None else []
        edits: list[Edit] = []
        for report in {each.key: each for each in reports}.values():
            part = next((part for _, part in folder.parts(report.key, PLAN, POINTS)), None)
            if part is not None and report.key in folder.places:
                edits += _edits(part, report.standing, all_boxes)
        missing = tuple(report.key for report in reports if report.key not in folder.places)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Planning()


# --- records -----------------------------------------------------------------------------------


class _Whole:
    """All files together, for what is said of each issue."""

    def __init__(
        self, folder: Folder, needs: dict[str, tuple[Need, ...]], scopes: dict[str, Scope]
    ) -> None:
        self._folder = folder
        self._needs = needs
        self._scopes = scopes
        self._ranks = ranks_of(folder)
        self._common = common_points(folder)
        self._last = last_checks(folder)
        needed = {need.key for wanted in needs.values() for need in wanted}
        self._sinks = {key for key in folder.places if key not in needed}
        sections = next((text.sections for text in folder.of(PLAN) if text.sections), None)
        words = "\n".join(sections.summary) if sections is not None else ""
        self._summary = words[:SUMMARY_MAX].strip()

    def item(self, key: str) -> Item:
        """The record of an issue."""
        folder = self._folder
        parts = [part for _, part in folder.parts(key, PLAN, POINTS, GRAPH)]
        titles = [part.title for part in sorted(parts, key=lambda part: part.rank) if part.title]
        title = titles[0] if titles else f"Issue {key}"
        home = _home(folder, key)
        document, line = folder.places[key]
        points = points_of(folder, key, self._common)
        told_in = NOWHERE if home is None else home[0].number
        fields = dict(self._fields(key, parts, points))
        scope = self._scopes.get(key)
        return Item(
            key,
            title,
            self._prompt(key, title, parts, points),
            line,
            standing=_standing(home[1] if home is not None else None, parts),
            needs=self._needs[key],
            fields=fields,
            places={"scope": (scope.line, 1)} if scope is not None else {},
            id=key.strip("#"),
            document=document,
            elsewhere={"scope": scope.document} if scope is not None else {},
            told_in=told_in,
        )

    def _fields(self, key: str, parts: Sequence[Part], points: Points) -> Iterator[tuple[str, Any]]:
        if key in self._scopes:
            yield "scope", list(self._scopes[key].paths)
        if key in self._ranks:
            yield "priority", self._ranks[key]
        agent = next((part.agent for part in parts if part.agent), "")
        model = next((part.model[0] for part in parts if part.model is not None), "")
        if agent:
            yield "agent", agent
        if model:
            yield "model", model
        checks: list[Any] = list(points.commands)
        if key in self._sinks:
            checks += [
                {"run": command, "name": f"{command} (integration)", "when": "after"}
                for command in self._last
                if command not in points.commands
            ]
        if checks:
            yield "checks", checks

    def _prompt(self, key: str, title: str, parts: Sequence[Part], points: Points) -> str:
        folder = self._folder
        words = ["\n".join(part.words).strip()[:WORDS_MAX] for part in parts[:1]]
        scope = self._scopes.get(key)
        own = [
            f"{path}: {told}" if told else path
            for path, told in (scope.paths.items() if scope is not None else ())
        ]
        files = ", ".join(text.path for text in folder.texts)
        return paragraphs(
            [
                f"Issue {key}: {title}" if title != f"Issue {key}" else f"Implement issue {key}",
                f"What all issues are for:\n{self._summary}" if self._summary else "",
                *words,
                listed_under("Files of this issue", own),
                listed_under("Leave these to others", others_of(self._scopes, key)),
                *self._contracts(key),
                listed_under("The reviewer looks at", points.prose),
                listed_under("These are run, and have to pass", points.commands),
                f"This is issue {key} of {files}. Leave these files as they are: its boxes are "
                "ticked for you when it has landed.",
            ]
        )

    def _contracts(self, key: str) -> Iterator[str]:
        """The contracts that an issue has to keep to: its own, and those of all that it waits for,
        in however many steps."""
        texts = list(self._folder.of(CONTRACTS))
        is_told_apart = any(block.keys for text in texts for block in text.blocks)
        wanted = {key, *self._all_before(key)} if is_told_apart else {key}
        for text in texts:
            said = contract_for(text.blocks, text.path, wanted)
            if said:
                yield f"Contracts that all issues keep to, from {text.path}:\n```\n{said}\n```"

    def _all_before(self, key: str) -> set[str]:
        found: set[str] = set()
        pending = [key]
        while pending:
            for need in self._needs.get(pending.pop(), ()):
                if need.key not in found:
                    found.add(need.key)
                    pending.append(need.key)
        return found


def _missing(folder: Folder, scopes: dict[str, Scope], items: Sequence[Item]) -> None:
    """Tell of what the files do not say, as far as something follows from it."""
    _doubles(folder)
    items = [item for item in items if item.standing in (Standing.OPEN, Standing.RUNNING)]
    if not items:
        return

    def note(said: str, remedy: str, document: int, line: int = 1) -> None:
        folder.remarks.append(Remark(About.NOTE, line, said, remedy, document=document))

    first = items[0]
    silent = [item.key for item in items if item.home is None]
    if silent:
        said = f"no file has a box for {several(silent)}: how that stands is not written back"
        note(said, f"write ## Issue {silent[0]} with boxes into {NAMES[POINTS]}", first.document)
    if len(items) > 1 and not any(item.needs for item in items):
        said = "nothing says what waits for what: all issues start as soon as there is room"
        note(said, f"say it in {NAMES[GRAPH]}", first.document)
    bare = [item.key for item in items if item.key not in scopes]
    if bare and len(items) > 1:
        owners = next(folder.of(OWNERS), None)
        said = f"no file is owned by {several(bare)}: they have no scope"
        note(said, f"say it in {NAMES[OWNERS]}", owners.number if owners else first.document)
    if not any(folder.of(PLAN)):
        said = f"there is no {NAMES[PLAN]}: agents are told what the other files say"
        note(said, "name the folder in which it is", first.document)


def _doubles(folder: Folder) -> None:
    """Tell of issues that have several parts in one file."""
    for text in folder.of(PLAN, POINTS):
        assert text.sections is not None
        for key, line, first in text.sections.doubles:
            place = folder.where(text, first)
            said = f"{key} has a part of its own at {place}, too; both are taken together"
            folder.remarks.append(Remark(About.NOTE, line, said, document=text.number))


# --- standing ----------------------------------------------------------------------------------


def _home(folder: Folder, key: str) -> tuple[Text, Part] | None:
    """The file that says how an issue stands, and its part there."""
    found = folder.parts(key, POINTS, PLAN)
    return next(((text, part) for text, part in found if part.boxes), None)


def _standing(part: Part | None, parts: Sequence[Part]) -> Standing:
    """Where an issue stands: by its own box, else by those below it."""
    if part is None:
        return Standing.DONE if any(each.is_done for each in parts) else Standing.OPEN
    if part.own is not None:
        return part.own.standing or Standing.OPEN
    left = [box.standing for box in part.points if box.standing is not Standing.DROPPED]
    if not left:
        return Standing.DROPPED
    waiting = [each for each in left if each is not Standing.LATER]
    if not waiting:
        return Standing.LATER
    if all(each is Standing.DONE for each in waiting):
        return Standing.DONE
    return Standing.RUNNING if Standing.RUNNING in waiting else Standing.OPEN


def _edits(part: Part, wanted: Standing, others: Sequence[Box]) -> Iterator[Edit]:
    """The edits by which an issue says where it stands. When it is done, all its boxes are ticked
    but those that somebody has dropped or put off; when that is taken back, none is."""
    now = _standing(part, [part])
    if not part.boxes or now is wanted:
        return
    settled = (Standing.DROPPED, Standing.LATER)
    boxes = [box for box in part.boxes if box.standing not in settled]
    if part.own is not None and part.own not in boxes:
        boxes = [part.own, *boxes]
    if wanted is Standing.DONE:
        chosen, mark = boxes or part.boxes, Standing.DONE
    elif now is Standing.DONE:
        chosen, mark = boxes, Standing.OPEN
    elif wanted is Standing.OPEN:
        chosen, mark = [box for box in boxes if box.standing is Standing.RUNNING], Standing.OPEN
    else:
        chosen = [box for box in boxes if box.standing in (None, Standing.OPEN)][:1]
        mark = wanted
    for box in chosen:
        edit = ticked(box, mark, others)
        if edit is not None:
            yield edit
