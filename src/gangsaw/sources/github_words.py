"""The words of an issue: what its labels mean, and how it says where it stands.

An export is a copy of what is elsewhere, so that an issue says two things when its task goes on:
its `state`, as if GitHub had been told already, and below `gangsaw` the very requests that tell
GitHub, in their order. Both get into the file at one stroke.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gangsaw.sources.github_records import Issue
from gangsaw.sources.json_nodes import Node, nodes_of, with_member
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import Edit, Report, Standing
from gangsaw.sources.values import text_in

MEMBER = "gangsaw"
"""The member that is ours."""

WORKING = "gangsaw:working"
LANDED = "gangsaw:landed"
"""The labels that GitHub is asked to set."""

COMMIT_LENGTH = 12

SAYS = {Standing.OPEN: "open", Standing.RUNNING: "working", Standing.DONE: "landed"}

_PRIORITIES = {
    **dict.fromkeys(("0", "critical", "urgent", "highest", "blocker"), 4),
    **dict.fromkeys(("1", "high"), 3),
    **dict.fromkeys(("2", "medium", "normal", "moderate"), 2),
    **dict.fromkeys(("3", "low"), 1),
    **dict.fromkeys(("4", "lowest"), 0),
}
_LEVEL = "|".join(_PRIORITIES)
_PRIORITY = re.compile(
    rf"(?:(?:priority|prio|p)\s*[:/=_-]?\s*p?({_LEVEL})|({_LEVEL})[\s_-]priority|(critical|urgent))"
)
_FIELD = re.compile(r"(agent|model|track)\s*[:/=]\s*(\S.*)", re.IGNORECASE)
_STATUS = re.compile(r"(?:status|state)\s*[:/=]\s*")
_RUNNING = ("in progress", "in-progress", "in_progress", "wip", "doing")
_HELD = (
    "blocked", "on hold", "on-hold", "deferred", "postponed", "duplicate", "invalid", "question",
    "wontfix", "won't fix", "needs triage", "needs-triage", "triage", "needs info", "needs-info",
)  # fmt: skip


def _word(label: str) -> str:
    """A label in small letters, without pictures around it."""
    return re.sub(r"^[^\w]+|[^\w]+$", "", label.lower())


def fields_of(labels: Sequence[str]) -> dict[str, Any]:
    """Priority, agent, model and track by the labels; of several the first, of priorities the
    highest."""
    fields: dict[str, Any] = {}
    for label in labels:
        match = _FIELD.fullmatch(label)
        if match is not None:
            fields.setdefault(match[1].lower(), one_line(match[2], 80))
        level = _PRIORITY.fullmatch(_word(label))
        if level is not None:
            priority = _PRIORITIES[level[1] or level[2] or level[3]]
            fields["priority"] = max(priority, fields.get("priority", 0))
    return {name: value for name, value in fields.items() if value}


def hold_of(issue: Issue) -> str:
    """The label by which an open issue is not to be worked on; empty if there is none."""
    found = (name for name in issue.labels if _STATUS.sub("", _word(name), count=1) in _HELD)
    return next(found, "")


def standing_of(issue: Issue) -> Standing:
    """Where an issue stands by itself."""
    if issue.state in ("closed", "merged"):
        reason = text_in(issue.table.get("state_reason") or issue.table.get("stateReason")).lower()
        return Standing.DROPPED if reason in ("not_planned", "duplicate") else Standing.DONE
    if issue.state != "open" or hold_of(issue):
        return Standing.LATER
    ours = issue.table.get(MEMBER)
    if isinstance(ours, dict) and ours.get("says") == SAYS[Standing.RUNNING]:
        return Standing.RUNNING
    words = (_STATUS.sub("", _word(name), count=1) for name in issue.labels)
    return Standing.RUNNING if any(word in _RUNNING for word in words) else Standing.OPEN


def says(issue: Issue) -> str:
    """What we have written into the issue last; empty if nothing."""
    ours = issue.table.get(MEMBER)
    return text_in(ours.get("says")) if isinstance(ours, dict) else ""


# --- standing ----------------------------------------------------------------------------------


def issue_edits(text: str, issue: Issue, report: Report, reason: str = "") -> list[Edit]:
    """The edits by which an issue says the report. With a `reason` it is one with sub-issues, which
    gets no labels."""
    now, wanted = standing_of(issue), report.standing
    if wanted is now or wanted not in SAYS:
        return []
    node, _ = nodes_of(text, issue.start, issue.end)
    is_over = wanted is Standing.DONE
    edits: list[Edit] = []
    after = "state" if node.node("state") is not None else "title"
    if issue.state in ("closed", "merged") or is_over:
        edits += _state(text, node, is_over)
    ours = {"says": SAYS[wanted], "calls": calls(issue, report, reason)}
    edit = with_member(text, node, MEMBER, ours, after)
    return [*edits, edit] if edit is not None else edits


def _state(text: str, node: Node, is_over: bool) -> list[Edit]:
    """Have all members that say so say that the issue is closed, or that it is open."""
    found: list[Edit | None] = []
    state, is_closed = node.node("state"), node.node("closed")
    if state is not None or is_closed is None:
        word = "closed" if is_over else "open"
        is_loud = state is not None and isinstance(state.plain, str) and state.plain.isupper()
        found.append(with_member(text, node, "state", word.upper() if is_loud else word, "title"))
    if is_closed is not None:
        found.append(with_member(text, node, "closed", is_over))
    for name in ("state_reason", "stateReason"):
        if node.node(name) is not None:
            word = "completed" if is_over else "reopened"
            word = word.upper() if name == "stateReason" else word
            found.append(with_member(text, node, name, word))
    return [edit for edit in found if edit is not None]


def calls(issue: Issue, report: Report, reason: str = "") -> list[dict[str, Any]]:
    """The requests to GitHub's API that say the report, in their order. `path` is as `gh api` takes
    it, with its words in braces where the repository is not known. That a label to be taken away is
    not there (404) is as good as taken away."""
    path = f"repos/{issue.repository or '{owner}/{repo}'}/issues/{issue.number}"
    was, now = standing_of(issue), report.standing
    found: list[dict[str, Any]] = []
    if now is not Standing.DONE and was in (Standing.DONE, Standing.DROPPED):
        found.append(_call("PATCH", path, {"state": "open"}))
    labels = {} if reason else {Standing.RUNNING: WORKING, Standing.DONE: LANDED}
    if now in labels:
        found.append(_call("POST", f"{path}/labels", {"labels": [labels[now]]}))
    for standing, label in labels.items():
        if standing is not now and says(issue) == SAYS[standing]:
            found.append(_call("DELETE", f"{path}/labels/{label.replace(':', '%3A')}"))
    if words := reason or _comment(was, report):
        found.append(_call("POST", f"{path}/comments", {"body": words}))
    if now is Standing.DONE:
        body = {"state": "closed", "state_reason": "completed"}
        found.append(_call("PATCH", path, body))
    return found


def _call(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"method": method, "path": path, **({"body": body} if body else {})}


def _comment(was: Standing, report: Report) -> str:
    if report.standing is Standing.DONE:
        return f"Landed as {report.commit[:COMMIT_LENGTH]}." if report.commit else "Landed."
    if was in (Standing.DONE, Standing.DROPPED):
        return "What had landed was taken back."
    return "Given up; nothing has landed." if report.standing is Standing.OPEN else ""
