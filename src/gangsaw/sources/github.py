"""GitHub issues, as its API or `gh` has answered and somebody has saved them.

Order: what an issue is blocked by; what its text says that it depends on; and for a part of
another, what that one waits for. An issue with sub-issues is no task: it is closed when the last of
them is. Pull requests are no tasks. What waits for an issue that is open and not in the export, or
of which nobody knows whether it is, is on hold.

Written back: the `state`, and below `gangsaw` the requests that tell GitHub of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.github_house import House, epics, house_of, is_whole, ordered, tell
from gangsaw.sources.github_records import Found, Issue, asked_of, issues_of, listed
from gangsaw.sources.github_words import SAYS, fields_of, issue_edits, says, standing_of
from gangsaw.sources.json_nodes import JsonFault
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import (
    Answer,
    Document,
    Edit,
    Item,
    Reading,
    Report,
    Standing,
    Sure,
)
from gangsaw.sources.values import listed_under, paragraphs, text_in

HEAD_MAX = 20_000
"""Characters of a text by which its kind is told."""

COMMENTS_MAX = 10
"""Comments of an issue that its agent is told, the last ones."""

CLOSED_EPIC = "All of its sub-issues are closed."
"""The comment with which an issue with sub-issues is closed."""

_SURE = re.compile(
    r'"(?:repository_url|state_reason|stateReason|sub_issues_summary|author_association)"\s*:'
    r'|github\.com/[^"\s]*/issues/\d'
)
_INSIDERS = ("OWNER", "MEMBER", "COLLABORATOR")
_SETTLED = (Standing.DONE, Standing.DROPPED)


class GitHub:
    """See the head of the module."""

    name = "github"
    about = "GitHub issues: saved answers of its API, gh issue list --json …"
    homes = ("issues.json", "issues.jsonl", "github/issues.json", ".github/issues.json")
    members = (
        "issues*.json", "issues*.jsonl", "issues/*.json", "[0-9]*.json",
        "*sub_issues*.json", "*blocked_by*.json",
        "issues/*/*.json", "issues/*/dependencies/*.json",
        "[0-9]*/*.json", "[0-9]*/dependencies/*.json",
    )  # fmt: skip

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        head = text[:HEAD_MAX]
        if not head.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
            return Sure.NO
        if not re.search(r'"number"\s*:\s*\d', head) or '"issue_type"' in head:
            return Sure.NO
        if _SURE.search(head):
            return Sure.CERTAIN
        return Sure.MAYBE if '"title"' in head or asked_of(path) else Sure.NO

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        house = house_of([_found(each.path, each.text, n) for n, each in enumerate(documents)])
        edges = Edges()
        held = ordered(house, edges, documents)
        tell(house)
        items = [
            _item(issue, house, held)
            for key, issue in sorted(house.issues.items())  # GitHub lists the newest first
            if not house.is_epic(key)
        ]
        found, cut = with_needs(items, edges)
        return Reading(found, (*house.remarks, *cut))

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        house = house_of([_found(document.path, document.text, 0)])
        now = {key: standing_of(issue) for key, issue in house.issues.items()}
        edits: list[Edit] = []
        missing: list[str] = []
        touched: list[int] = []
        for report in {each.key: each for each in reports}.values():
            number = int(report.key) if re.fullmatch(r"[1-9]\d{0,8}", report.key) else 0
            if number not in house.issues:
                missing.append(report.key)
                continue
            edits += _edits(document.text, house.issues[number], report)
            now[number] = report.standing
            touched.append(number)
        for epic, report in _epics(house, now, touched):
            edits += _edits(document.text, epic, report, CLOSED_EPIC)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), tuple(missing))


DIALECT = GitHub()


@lru_cache(maxsize=1)
def _found(path: str, text: str, document: int) -> Found:
    """Kept for who writes, reading the text just before."""
    return issues_of(path, text, document)


def _edits(text: str, issue: Issue, report: Report, reason: str = "") -> list[Edit]:
    try:
        return issue_edits(text, issue, report, reason)
    except JsonFault:  # what the quick reader takes and the exact one does not
        return []


def _epics(
    house: House, now: dict[int, Standing], touched: Sequence[int]
) -> Iterator[tuple[Issue, Report]]:
    """The issues with sub-issues that these reports close, or open again if it was us who had
    closed them; inner ones first. `now` is kept up to date after each."""
    for number in epics(house, touched):
        if number in touched or not is_whole(house, number):
            continue
        issue = house.issues[number]
        parts = [now.get(each) or _outside(house, each) for each in house.children[number]]
        is_over = all(each in _SETTLED for each in parts)
        wanted = None
        if is_over and now[number] in (Standing.OPEN, Standing.RUNNING):
            wanted = Standing.DONE
        elif not is_over and now[number] is Standing.DONE:
            wanted = Standing.OPEN if says(issue) == SAYS[Standing.DONE] else None
        if wanted is not None:
            yield issue, Report(issue.key, wanted)
            now[number] = wanted


def _outside(house: House, number: int) -> Standing:
    """Where an issue stands that the text only mentions."""
    state = house.states.get(number, "open")
    return Standing.DONE if state in ("closed", "merged") else Standing.OPEN


# --- issues ------------------------------------------------------------------------------------


def _item(issue: Issue, house: House, held: dict[int, str]) -> Item:
    standing = standing_of(issue)
    why = held.get(issue.number, "")
    if why and standing is Standing.LATER:
        house.note(issue, why)
    milestone = issue.table.get("milestone")
    goal = one_line(text_in(milestone.get("title")), 80) if isinstance(milestone, dict) else ""
    title = one_line(text_in(issue.table.get("title"))) or f"#{issue.number}"
    above = [str(each) for each in house.above(issue.number)]
    return Item(
        issue.key,
        title,
        _prompt(issue, title, house),
        issue.line,
        standing=standing,
        fields=fields_of(issue.labels),
        document=issue.document,
        within=(*above, goal) if goal else tuple(above),
        hold=why,
    )


def _prompt(issue: Issue, title: str, house: House) -> str:
    """What the agent is told: the issue, what people of its repository have said to it, and what
    it is a part of."""
    comments = list(_comments(issue.table.get("comments")))[-COMMENTS_MAX:]
    parts = [title, text_in(issue.table.get("body")), listed_under("Comments", comments)]
    for key in house.above(issue.number)[:2]:
        table = house.issues[key].table
        said = one_line(text_in(table.get("title")))
        parts.append(f"It is a part of #{key}: {said}\n{text_in(table.get('body'))}")
    where = f" of {house.repository}" if house.repository else ""
    parts.append(
        f"This is issue #{issue.number}{where}. Do not change the issue itself: how the task "
        "stands is told there for you."
    )
    return paragraphs(parts)


def _comments(given: Any) -> Iterator[str]:
    for each in listed(given):
        if isinstance(each, dict):
            who = each.get("author_association") or each.get("authorAssociation")
            text = text_in(each.get("body"))
            if who in _INSIDERS and text.strip():
                yield one_line(text, 1_000)
