"""The issues of an export together: what is a part of what, who waits for whom, what is outside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gangsaw.sources.edges import Edges
from gangsaw.sources.github_body import Ref, refs_in
from gangsaw.sources.github_records import ABOUT_ONE, Found, Issue, listed
from gangsaw.sources.github_words import hold_of, standing_of
from gangsaw.sources.json_nodes import JsonFault, nodes_of
from gangsaw.sources.lines import LineNumbers, one_line
from gangsaw.sources.protocol import About, Document, Need, Remark, Standing
from gangsaw.sources.values import text_in

LEVELS_MAX = 50
"""Issues in issues; GitHub has 8 levels."""

NAMED_MAX = 8
"""Issues named in one sentence."""

_BODY = re.compile(r'(?<!\\)"body"\s*:')
_SETTLED = (Standing.DONE, Standing.DROPPED)
_OUTSIDE = ("NONE", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN")


@dataclass(slots=True)
class House:
    """What an export says. `states` are the states of issues and pull requests by all that is said
    of them anywhere; `parents` has those of an issue, `blockers` what it is blocked by."""

    issues: dict[int, Issue] = field(default_factory=dict)
    pulls: dict[int, Issue] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    parents: dict[int, list[int]] = field(default_factory=dict)
    children: dict[int, list[int]] = field(default_factory=dict)
    blockers: dict[int, list[int]] = field(default_factory=dict)
    strange: list[Issue] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    repository: str = ""

    def is_settled(self, number: int) -> bool:
        """Whether nobody has to wait for an issue of the export."""
        return standing_of(self.issues[number]) in _SETTLED

    def is_epic(self, number: int) -> bool:
        """Whether it has sub-issues in the export, and is run as these."""
        return bool(self.children.get(number))

    def above(self, number: int) -> list[int]:
        """What an issue is a part of, at any depth, the nearest first."""
        found: dict[int, None] = {}
        pending = [number]
        for _ in range(LEVELS_MAX):
            pending = [up for each in pending for up in self.parents.get(each, ())
                       if up not in found and up != number]  # fmt: skip
            found.update(dict.fromkeys(pending))
            if not pending:
                break
        return [each for each in found if each in self.issues]

    def below(self, number: int) -> list[int]:
        """The issues without sub-issues that an issue is run as."""
        found: dict[int, None] = {}
        seen, pending = {number}, [number]
        while pending:
            for each in self.children.get(pending.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    pending.append(each)
                    if not self.is_epic(each):
                        found[each] = None
        return sorted(found)

    def note(self, issue: Issue, said: str, remedy: str = "") -> None:
        """Tell something about an issue."""
        remark = Remark(About.NOTE, issue.line, said, remedy, document=issue.document)
        self.remarks.append(remark)


def house_of(found: Sequence[Found]) -> House:
    """Everything of the texts together, lists before answers about single issues."""
    house = House()
    issues = sorted(
        (issue for each in found for issue in each.issues), key=lambda each: bool(each.asked)
    )
    house.remarks += [remark for each in found for remark in each.remarks]
    house.repository = next((each.repository for each in issues if each.repository), "")
    for issue in issues:
        if issue.repository and issue.repository.lower() != house.repository.lower():
            house.strange.append(issue)
        else:
            _take(issue, house)
    for issue in list(house.issues.values()):
        _links(issue, house)
    return house


def _take(issue: Issue, house: House) -> None:
    house.states.setdefault(issue.number, issue.state)
    if issue.asked is not None:
        _keep_link(issue.asked[0], issue.asked[1], issue.number, house)
        if issue.asked[0] != "sub_issues":
            return
    if issue.is_pull:
        house.pulls.setdefault(issue.number, issue)
        return
    first = house.issues.setdefault(issue.number, issue)
    if first is not issue and issue.asked is None:
        house.note(issue, f"#{issue.number} is there twice; that of line {first.line} counts")


def _links(issue: Issue, house: House) -> None:
    """Keep what the issue itself says of others."""
    table = issue.table
    names = {"sub_issues": "subIssues", "blocked_by": "blockedBy", "blocking": "blocking"}
    for name, other_name in names.items():
        for each in (*listed(table.get(name)), *listed(table.get(other_name))):
            _keep_other(name, issue, each, house)
    parent = table.get("parent")
    if isinstance(parent, dict):
        _keep_other("parent", issue, parent, house)
    url = text_in(table.get("parent_issue_url"))
    _, slash, number = url.rpartition("/issues/")
    if slash and number.isascii() and number.isdigit() and len(number) < 10:
        is_ours = not house.repository or house.repository.lower() in url.lower()
        if is_ours:
            _keep_link("parent", issue.number, int(number), house)


def _keep_other(what: str, issue: Issue, other: Any, house: House) -> None:
    """Keep a link to an issue as it is shown in another."""
    number = other.get("number") if isinstance(other, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        return
    shown = Issue(number, other, issue.line, issue.start, issue.end)
    if shown.repository and shown.repository.lower() != house.repository.lower():
        if what == "blocked_by" and shown.state == "open":
            house.blockers.setdefault(issue.number, []).append(-number)
            house.note(issue, f"#{issue.number} is blocked by {shown.repository}#{number}")
        return
    if "state" in other or "closed" in other:
        house.states.setdefault(number, shown.state)
    _keep_link(what, issue.number, number, house)


def _keep_link(what: str, of: int, other: int, house: House) -> None:
    if of == other:
        return
    if what in ("sub_issues", "parent"):
        child, parent = (other, of) if what == "sub_issues" else (of, other)
        if parent not in house.parents.setdefault(child, []):
            house.parents[child].append(parent)
            house.children.setdefault(parent, []).append(child)
    elif what in ABOUT_ONE:
        blocked, blocker = (of, other) if what == "blocked_by" else (other, of)
        if blocker not in house.blockers.setdefault(blocked, []):
            house.blockers[blocked].append(blocker)


# --- what is told ------------------------------------------------------------------------------


def tell(house: House) -> None:
    """Say what becomes of what is no task, and whom the texts are from."""
    _tell_all(house, list(house.pulls.values()), "pull requests, no tasks")
    said = f"of another repository than {house.repository}, not read as tasks"
    _tell_all(house, house.strange, said)
    live = [each for key, each in house.issues.items()
            if not house.is_settled(key) and not house.is_epic(key)]  # fmt: skip
    strangers = [each for each in live if each.table.get("author_association") in _OUTSIDE]
    said = "opened by people from outside of the repository, and their words are told to agents"
    _tell_all(house, strangers, said, "read them first")
    for key, issue in house.issues.items():
        if house.is_epic(key) and not house.is_settled(key):
            _tell_epic(key, issue, house)


def _tell_epic(key: int, issue: Issue, house: House) -> None:
    """Say what an issue with sub-issues is run as."""
    parts = house.below(key)
    if not parts:
        house.note(issue, f"#{key} is a part of its own sub-issues; it is not run")
        return
    left = [each for each in parts if each in house.issues and not house.is_settled(each)]
    lost = [each for each in parts
            if each not in house.issues and house.states.get(each, "open") == "open"]  # fmt: skip
    said = f"#{key} has sub-issues and is run as these: {_named(left) or 'none of them is open'}"
    remedy = "" if left or lost else f"gh issue close {key}"
    house.note(issue, said + (f"; not in the export: {_named(lost)}" if lost else ""), remedy)


def _tell_all(house: House, issues: Sequence[Issue], said: str, remedy: str = "") -> None:
    if issues:
        house.note(issues[0], f"{said}: {_named([each.number for each in issues])}", remedy)


def _named(numbers: Sequence[int]) -> str:
    names = ", ".join(f"#{number}" for number in numbers[:NAMED_MAX])
    return names + (f" and {len(numbers) - NAMED_MAX} more" if numbers[NAMED_MAX:] else "")


# --- order -------------------------------------------------------------------------------------


def ordered(house: House, edges: Edges, documents: Sequence[Document]) -> dict[int, str]:
    """Say all needs; what comes back are issues that nothing here can set free, and why."""
    held: dict[int, str] = {}
    refs = {key: refs_in(text_in(issue.table.get("body")))
            for key, issue in house.issues.items() if not house.is_settled(key)}  # fmt: skip
    places = _bodies(house, [key for key, found in refs.items() if found], documents)
    for key, issue in house.issues.items():
        if house.is_epic(key) or house.is_settled(key):
            continue
        for owner in (key, *house.above(key)):
            if owner != key and house.is_settled(owner):
                continue
            part = "" if owner == key else f", of which #{key} is a part"
            why = f"#{owner}{part}, is blocked by it" if part else ""
            for blocker in house.blockers.get(owner, ()):
                _wait(house, issue, blocker, Need("", issue.line, why), edges, held)
            for ref in refs.get(owner, ()):
                if ref.is_listed and (part or ref.number in house.children):
                    continue
                line, col = places.get(owner, (issue.line, 1))
                said = f"its text says: {ref.said}"
                need = Need("", line, f"#{owner}{part}: {said}" if part else said, col)
                _wait_for_ref(house, issue, ref, need, edges, held)
            hold = _hold(house, house.issues[owner])
            if hold:
                held.setdefault(key, hold)
    return held


def _bodies(
    house: House, keys: Sequence[int], documents: Sequence[Document]
) -> dict[int, tuple[int, int]]:
    """Line and column of the texts of these issues."""
    found: dict[int, tuple[int, int]] = {}
    numbers = [LineNumbers(document.text) for document in documents]
    for key in sorted(keys, key=lambda key: house.issues[key].start):
        issue = house.issues[key]
        at = _body(documents[issue.document].text, issue)
        if at is not None:
            found[key] = numbers[issue.document].place_of(at)
    return found


def _body(text: str, issue: Issue) -> int | None:
    """Where the member stands that holds the text of an issue."""
    spots = [match.start() for match in _BODY.finditer(text, issue.start, issue.end)]
    if len(spots) == 1:
        return spots[0]
    try:  # its comments have such members, too
        member = nodes_of(text[issue.start : issue.end])[0].member("body")
    except JsonFault:
        return None
    return issue.start + member.start if member is not None else None


def _wait_for_ref(
    house: House, issue: Issue, ref: Ref, need: Need, edges: Edges, held: dict[int, str]
) -> None:
    """What waiting for an issue that is named in a text means."""
    is_ours = not ref.repository or ref.repository.lower() == house.repository.lower()
    if not is_ours:
        said = f"it waits for {ref.repository}#{ref.number} ({need.why}), of another repository"
        held.setdefault(issue.number, said)
    elif ref.number != issue.number:
        _wait(house, issue, ref.number, need, edges, held)


def _wait(
    house: House, issue: Issue, blocker: int, need: Need, edges: Edges, held: dict[int, str]
) -> None:
    """Have an issue wait for another, or be held where nothing of the export can set it free."""
    key, known = issue.number, house.issues.get(blocker)
    why = f" ({need.why})" if need.why else ""
    if blocker == key or blocker in house.above(key):
        if blocker != key:
            house.note(issue, f"#{key} waits for #{blocker}{why}, whose part it is: left out")
        return
    if blocker < 0:
        held.setdefault(key, f"it is blocked by an issue of another repository{why}")
        return
    if known is None:
        state = house.states.get(blocker, "")
        if state not in ("closed", "merged"):
            what = "pull request " if blocker in house.pulls else ""
            where = "which is open" if state else "which is not in the export"
            held.setdefault(key, f"it waits for {what}#{blocker}{why}, {where}")
        return
    if not house.is_epic(blocker):
        _say(edges, issue, blocker, need, need.why)
        return
    if house.is_settled(blocker):
        return
    left = [each for each in house.below(blocker) if each != key and each in house.issues]
    if not left:
        held.setdefault(key, f"it waits for #{blocker}{why}, which is open without sub-issues here")
    for each in left:
        _say(edges, issue, each, need, need.why or f"it is a part of #{blocker}")


def _say(edges: Edges, issue: Issue, other: int, need: Need, why: str) -> None:
    said = Need(str(other), need.line, why, need.col)
    (edges.infer if why else edges.say)(issue.key, said)


def _hold(house: House, issue: Issue) -> str:
    """Why an open issue and all that is a part of it cannot be begun, by what it says itself."""
    label = hold_of(issue)
    if label:
        return f"#{issue.number} has the label {label}"
    if issue.state not in ("open", "closed", "merged"):
        return f"the state of #{issue.number} is {one_line(issue.state, 30)}"
    known = house.blockers.get(issue.number, ())
    told = max(_count(issue.table.get("issue_dependencies_summary"), "blocked_by"),
               _count(issue.table.get("blockedBy"), "totalCount"))  # fmt: skip
    if told > len(known):
        return (f"#{issue.number} is blocked by {told}, of which the export names {len(known)}; "
                "save its dependencies/blocked_by, too")  # fmt: skip
    summary = issue.table.get("sub_issues_summary") or issue.table.get("subIssuesSummary")
    left = _count(summary, "total") - _count(summary, "completed")
    if left > 0 and not house.is_epic(issue.number):
        return f"#{issue.number} has {left} open sub-issues that are not in the export"
    return ""


def _count(table: Any, name: str) -> int:
    given = table.get(name) if isinstance(table, Mapping) else None
    return given if isinstance(given, int) and not isinstance(given, bool) else 0


def epics(house: House, numbers: Sequence[int]) -> Iterator[int]:
    """Everything above these, inner ones first."""
    levels = {up: len(house.above(up)) for number in numbers for up in house.above(number)}
    yield from sorted(levels, key=lambda number: -levels[number])


def is_whole(house: House, number: int) -> bool:
    """Whether all sub-issues of one that there are, are known."""
    table = house.issues[number].table
    summary = table.get("sub_issues_summary") or table.get("subIssuesSummary")
    told = max(_count(summary, "total"), _count(table.get("subIssues"), "totalCount"))
    return told <= len(house.children.get(number, ()))
