"""GitHub issues: what no single file of the corpus shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gangsaw.core import faults
from gangsaw.sources import (
    Document,
    Report,
    Standing,
    dialect,
    find_source,
    read_source,
    with_edits,
)
from gangsaw.sources.github_body import refs_in
from gangsaw.sources.writing import Wish, Written, write_back

KIND = dialect("github")
WEB = "https://github.com/vine/club/issues"
PATH = "repos/vine/club/issues"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
REST = (
    '[\r\n  {"number": 61, "state": "open",\t"title": "A",  \r\n   "state_reason": null, '
    f'"html_url": "{WEB}/61"}},\r\n  {{"number": 62, "title": "B", "state": "open"}} ]'
)


def told(text: str, *reports: Report) -> str:
    """The text after these reports."""
    return with_edits(text, KIND.edits(Document("issues.json", text), reports).edits)


def calls_in(text: str, number: int) -> list[tuple[Any, ...]]:
    """The requests that an issue of a list holds."""
    table = next(each for each in json.loads(text.lstrip("\ufeff")) if each["number"] == number)
    return [tuple(call.values()) for call in table["gangsaw"]["calls"]]


def test_all_else_of_an_export_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    path.write_bytes(b"\xef\xbb\xbf" + REST.encode())
    wish = Wish(Report("61", Standing.DONE, COMMIT))
    assert write_back(path, "issues.json", KIND, [wish]) == Written(True)
    after = path.read_bytes().decode()
    calls = calls_in(after, 61)
    assert calls == [
        ("POST", f"{PATH}/61/labels", {"labels": ["gangsaw:landed"]}),
        ("POST", f"{PATH}/61/comments", {"body": "Landed as 0123456789ab."}),
        ("PATCH", f"{PATH}/61", {"state": "closed", "state_reason": "completed"}),
    ]
    said = json.dumps(json.loads(after[1:])[0]["gangsaw"])
    expected = REST.replace('"open",\t', f'"closed", "gangsaw": {said},\t', 1)
    assert after == "\ufeff" + expected.replace("null", '"completed"')
    assert write_back(path, "issues.json", KIND, [wish]) == Written(False)


def test_requests_say_what_is_true_now() -> None:
    begun = told(REST, Report("61", Standing.RUNNING))
    assert calls_in(begun, 61) == [("POST", f"{PATH}/61/labels", {"labels": ["gangsaw:working"]})]
    landed = told(begun, Report("61", Standing.DONE, COMMIT))
    assert [call[:2] for call in calls_in(landed, 61)] == [
        ("POST", f"{PATH}/61/labels"),
        ("DELETE", f"{PATH}/61/labels/gangsaw%3Aworking"),
        ("POST", f"{PATH}/61/comments"),
        ("PATCH", f"{PATH}/61"),
    ]
    back = told(landed, Report("61", Standing.OPEN))
    assert calls_in(back, 61) == [
        ("PATCH", f"{PATH}/61", {"state": "open"}),
        ("DELETE", f"{PATH}/61/labels/gangsaw%3Alanded"),
        ("POST", f"{PATH}/61/comments", {"body": "What had landed was taken back."}),
    ]
    given_up = told(begun, Report("61", Standing.OPEN))
    assert [call[0] for call in calls_in(given_up, 61)] == ["DELETE", "POST"]
    (item, _) = KIND.read([Document("x", given_up)]).items
    assert item.standing is Standing.OPEN


def test_words_of_gh_are_written_as_gh_writes_them() -> None:
    text = '[{"closed":false,"number":7,"state":"OPEN","stateReason":"","title":"A"}]'
    (issue,) = json.loads(told(text, Report("7", Standing.DONE)))
    assert (issue["state"], issue["stateReason"], issue["closed"]) == ("CLOSED", "COMPLETED", True)
    assert issue["gangsaw"]["calls"][0]["path"] == "repos/{owner}/{repo}/issues/7/labels"


def family(*states: str) -> str:
    parts = [
        {"number": n, "title": "part", "state": state, "parent": {"number": 60}}
        for n, state in enumerate(states, 61)
    ]
    return json.dumps([{"number": 60, "title": "All", "state": "open"}, *parts])


def states(text: str) -> list[str]:
    return [each["state"] for each in json.loads(text)]


def test_an_issue_is_closed_with_the_last_of_its_parts_and_opened_again() -> None:
    one = told(family("open", "open"), Report("61", Standing.DONE))
    assert states(one) == ["open", "closed", "open"]
    both = told(one, Report("62", Standing.DONE))
    assert states(both) == ["closed", "closed", "closed"]
    assert [call[0] for call in calls_in(both, 60)] == ["POST", "PATCH"]
    assert states(told(both, Report("62", Standing.OPEN))) == ["open", "closed", "open"]


def test_an_issue_with_parts_elsewhere_stays_open() -> None:
    text = family("open").replace('"All"', '"All", "sub_issues_summary": {"total": 2}')
    assert states(told(text, Report("61", Standing.DONE))) == ["open", "closed"]


def test_what_is_on_hold_by_other_files_is_written_into_its_own(tmp_path: Path) -> None:
    """Seen alone, the file of 62 waits for an issue that is not there; that is nobody's word."""
    summary = {"blocked_by": 1}
    for n, body in ((61, ""), (62, "Depends on #61")):
        issue = {"number": n, "title": str(n), "body": body, "html_url": f"{WEB}/{n}"}
        more = {"issue_dependencies_summary": summary} if n == 62 else {}
        path = tmp_path / "export" / "issues" / f"{n}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**issue, **more}))
    blockers = tmp_path / "export" / "issues" / "62.blocked_by.json"
    blockers.write_text(json.dumps([{"number": 61, "state": "open"}]))
    source = find_source("export", tmp_path)
    read = read_source(source)
    plan = read.plan.plan
    assert plan is not None
    assert {task.id: task.needs for task in plan.tasks} == {"61": (), "62": ("61",)}
    n = read.items["62"].document
    wish = Wish(Report("62", Standing.RUNNING))
    assert write_back(source.paths[n], source.shown[n], KIND, [wish]) == Written(True)
    assert json.loads(source.paths[n].read_text())["gangsaw"]["says"] == "working"


@pytest.mark.parametrize("point", ["sources.prepare", "sources.replace"])
def test_an_export_saved_anew_in_the_same_moment_is_kept(tmp_path: Path, point: str) -> None:
    path = tmp_path / "issues.json"
    path.write_text(REST, newline="")
    newer = REST.replace('"title": "B"', '"title": "B, and more"')
    left = [newer]

    def probe(passing: str, when: str) -> None:
        if (passing, when) == (point, "before") and left:
            path.write_text(left.pop(), newline="")

    faults.set_probe(probe)
    try:
        said = write_back(path, "issues.json", KIND, [Wish(Report("61", Standing.DONE))])
    finally:
        faults.set_probe(None)
    assert said == Written(True)
    assert path.read_bytes().decode() == told(newer, Report("61", Standing.DONE))


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("Depends on #1, #2 and #3.", [1, 2, 3]),
        ("depends on #1 (the first), #2", [1, 2]),
        ("**Blocked by**: GH-4", [4]),
        ("Waiting on issue #5; and #6 is nice", [5, 6]),
        ("Requires https://github.com/vine/club/issues/7", [7]),
        ("It doesn't depend on #1", []),
        ("not blocked by #1, was blocked by #2", []),
        ("> Depends on #1", []),
        ("`Depends on #1`", []),
        ("```\nDepends on #1\n```", []),
        ("text\n\n    Depends on #1", []),
        ("- a list\n\n    Depends on #1", [1]),
        ("<!-- Depends on #1 --> Depends on #2", [2]),
        ("~~Depends on #1~~", []),
        ("- [x] Depends on #1\n- [ ] Depends on #2", [2]),
        ("## Dependencies\n- #1\n- [x] #2\n- see #3\n## Next\n- #4", [1]),
        ("- [ ] #1\n- [ ] do #2\n- [X] #3\n- #4", [1]),
        ("## Blocked by #8", [8]),
        ("Depends on #0, #01", []),
        ("depends on things; #1 is one of them", []),
    ],
)
def test_what_a_text_waits_for(words: str, numbers: list[int]) -> None:
    assert [ref.number for ref in refs_in(words)] == numbers


def test_strangers_do_not_speak_to_agents() -> None:
    comments = [
        {"author_association": who, "body": f"words of {who}"} for who in ("NONE", "MEMBER", None)
    ]
    text = json.dumps([{"number": 1, "title": "A", "comments": comments}])
    (item,) = KIND.read([Document("x", text)]).items
    assert "words of MEMBER" in item.prompt
    assert "words of N" not in item.prompt
