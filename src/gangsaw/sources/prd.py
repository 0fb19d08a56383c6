"""`prd.json`: user stories with `passes`, as loops of one agent work them off.

Order: what `dependsOn` says. In a file where no story has that key, stories of a later `priority`
(lower goes first) wait for all of the one before: such files are written to be worked off in that
order. Acceptance criteria that are commands and can be nothing else become checks.

Written back: `passes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gangsaw.sources.commands import command_of
from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.json_nodes import (
    JsonFault,
    Node,
    begins_as_object,
    is_speakable,
    nodes_of,
    with_member,
)
from gangsaw.sources.lines import LineNumbers, lines_of, one_line
from gangsaw.sources.protocol import (
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
from gangsaw.sources.values import first_of, listed_under, paragraphs, text_in, texts_in

HEAD_MAX = 20_000
"""Characters of a text by which its kind is told."""

PRIORITY_MOST = 100
"""Priority 1 is taken as 99, 2 as 98, and so on: higher goes first with us."""

_STORIES = re.compile(r'"(?:userStories|user_stories)"\s*:')
_NEEDS = ("dependsOn", "depends_on", "dependencies")
_HOLDERS = ("userStories", "user_stories", "stories")


@dataclass(frozen=True, slots=True)
class _Story:
    """One story; `rank` is its priority, lower first, `None` where it has none."""

    key: str
    node: Node
    line: int
    rank: float | None

    @property
    def table(self) -> dict[str, Any]:
        found = self.node.plain
        return found if isinstance(found, dict) else {}

    @property
    def standing(self) -> Standing:
        given = self.table.get("passes")
        is_done = given == 1 or (isinstance(given, str) and given.strip().lower() == "true")
        return Standing.DONE if is_done else Standing.OPEN


@dataclass(frozen=True, slots=True)
class _All:
    """The stories of a file and what it says of them all."""

    stories: dict[str, _Story]
    remarks: list[Remark]
    goal: str = ""


class Prd:
    """See the head of the module."""

    name = "prd"
    about = "prd.json: user stories with priority, passes, dependsOn"
    homes = ("prd.json", "scripts/ralph/prd.json", "tasks/prd.json", ".ralph/prd.json")
    members: tuple[str, ...] = ()

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        head = text[:HEAD_MAX]
        if not begins_as_object(head):
            return Sure.NO
        if _STORIES.search(head):
            return Sure.CERTAIN
        return Sure.MAYBE if '"passes"' in head else Sure.NO

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        all_of = _stories(document.text)
        edges = Edges()
        remarks = list(_order(all_of, edges))
        items = [_item(story, document.path) for story in all_of.stories.values()]
        found, cut = with_needs(items, edges)
        return Reading(found, (*all_of.remarks, *remarks, *cut), all_of.goal)

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        stories = _stories(document.text).stories
        wanted = {each.key: each.standing for each in reports if each.key in stories}
        edits = [
            edit
            for key, standing in wanted.items()
            if (edit := _edit(document.text, stories[key], standing)) is not None
        ]
        missing = tuple(report.key for report in reports if report.key not in stories)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Prd()


# --- stories -----------------------------------------------------------------------------------


def _stories(text: str) -> _All:
    numbers = LineNumbers(text)
    remarks: list[Remark] = []
    if not text.strip():
        return _All({}, [Remark(About.UNREAD, 1, "the file is empty")])
    try:
        root, doubles = nodes_of(text)
    except JsonFault as fault:
        line = min(numbers.of(fault.at), len(lines_of(text)))
        return _All({}, [Remark(About.UNREAD, line, f"not JSON: {fault.said}", "mend it there")])
    for member in doubles:
        said = f"the key {one_line(member.key, 60)} is given twice; the last one counts"
        remarks.append(Remark(About.NOTE, numbers.of(member.start), said))
    found: dict[str, _Story] = {}
    for node in _nodes(root):
        _add(node, numbers, found, remarks)
    table = root.plain if isinstance(root.plain, dict) else {}
    goal = text_in(first_of(table, ("description", "name", "project")))
    return _All(found, remarks, one_line(goal))


def _nodes(root: Node) -> Sequence[Node]:
    holders = [root.node(name) for name in _HOLDERS]
    lists = [each for each in holders if each is not None and isinstance(each.plain, list)]
    return lists[0].items if lists else root.items


def _add(node: Node, numbers: LineNumbers, found: dict[str, _Story], remarks: list[Remark]) -> None:
    line = numbers.of(node.start)

    def unread(said: str, remedy: str) -> None:
        remarks.append(Remark(About.UNREAD, line, said, remedy))

    if not isinstance(node.plain, dict):
        unread(f"a story is no object: {one_line(str(node.plain), 40)}", "remove it")
        return
    given = node.plain.get("id")
    key = text_in(given).strip()
    if not key or (isinstance(given, str) and not is_speakable(given)):
        unread("a story has no id", 'write "id": "US-001"')
    elif key in found:
        unread(
            f"{one_line(key, 60)} is taken by line {found[key].line}", "give it an id of its own"
        )
    else:
        found[key] = _Story(key, node, line, _rank(node.plain.get("priority")))


def _rank(given: Any) -> float | None:
    words = {"critical": 0.0, "high": 1.0, "medium": 2.0, "low": 3.0}
    if isinstance(given, str):
        return words.get(given.strip().lower())
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    return float(given) if is_number and abs(given) < 10**6 else None


def _item(story: _Story, path: str) -> Item:
    table = story.table
    title = one_line(text_in(table.get("title")) or text_in(table.get("description"))) or story.key
    fields: dict[str, Any] = {}
    if story.rank is not None and 0 <= story.rank <= PRIORITY_MOST:
        fields["priority"] = PRIORITY_MOST - int(story.rank)
    criteria = texts_in(first_of(table, ("acceptanceCriteria", "acceptance_criteria")))
    checks = list(dict.fromkeys(command for each in criteria if (command := command_of(each))))
    if checks:
        fields["checks"] = checks
    told = paragraphs(
        [
            title,
            text_in(table.get("description")),
            listed_under("Done when", criteria),
            text_in(table.get("notes")),
            f"This is {one_line(story.key, 80)} of {path}. Leave that file as it is: whether the "
            "story passes is written there for you.",
        ]
    )
    prose = [each for each in criteria if not command_of(each)]
    own = [text_in(table.get("description")), listed_under("Done when", prose)]
    words = paragraphs([*own, text_in(table.get("notes"))])
    return Item(story.key, title, told, story.line, standing=story.standing, fields=fields,
                words=words)  # fmt: skip


# --- order -------------------------------------------------------------------------------------


def _order(all_of: _All, edges: Edges) -> Iterator[Remark]:
    stories = all_of.stories
    if not any(first_of(story.table, _NEEDS) is not None for story in stories.values()):
        _by_rank(list(stories.values()), edges)
        return
    for story in stories.values():
        for name in texts_in(first_of(story.table, _NEEDS)):
            if name.strip() == story.key:
                said = f"{one_line(story.key, 60)} depends on itself; that is left out"
                yield Remark(About.NOTE, story.line, said)
            else:
                edges.say(story.key, Need(name.strip(), story.line))


def _by_rank(stories: Sequence[_Story], edges: Edges) -> None:
    """Each story waits for all of the priority before its own."""
    ranks: dict[float, list[_Story]] = {}
    for story in stories:
        if story.rank is not None:
            ranks.setdefault(story.rank, []).append(story)
    order = sorted(ranks)
    for before, rank in pairwise(order):
        why = f"priority {before:g} comes before {rank:g}"
        for story in ranks[rank]:
            for other in ranks[before]:
                edges.infer(story.key, Need(other.key, story.line, why))


# --- standing ----------------------------------------------------------------------------------


def _edit(text: str, story: _Story, wanted: Standing) -> Edit | None:
    """The edit by which a story says whether it passes; a story that is begun does not yet."""
    if wanted is story.standing or wanted not in (Standing.OPEN, Standing.DONE):
        return None
    names = ("priority", "acceptanceCriteria", "description", "title", "id")
    after = next((name for name in names if story.node.node(name) is not None), "")
    return with_member(text, story.node, "passes", wanted is Standing.DONE, after)
