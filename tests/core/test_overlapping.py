"""What follows from what the radar saw: news, advice, holds, a person's word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gangsaw.core import overlapping
from gangsaw.core.overlaps import (
    INTEGRATION,
    Hunk,
    KnownOverlap,
    OverlapFile,
    OverlapKind,
    Severity,
    severity_of,
)
from gangsaw.core.policy.admission import HoldKind, hold_for
from gangsaw.core.status import view
from tests.core.core_stage import found, played, state_after, working

TASKS = 'task a title="Task a"\ntask b\ntask c scope=["src"]\nlimits max_agents=3\n'
RUNS = TASKS + working("a", "b")
NEXT_B = (
    "in LaunchExited b.1 launch=1 outcome=done code=0\n"
    'in WorkUnsound b.1 launch=1 cause=unmerged paths=[] text="left conflicts"\n'
)


def read(*pairs: tuple[str, str, tuple[str, ...]], **fields: Any) -> str:
    """A line with what the radar saw: ours, theirs and paths of each overlap."""
    overlaps = [
        {
            "ours": ours,
            "theirs": theirs,
            "stale": ours == INTEGRATION,
            "files": [
                {"path": path, "kind": "lines",
                 "hunks": [{"ours_from": 1, "ours_lines": 1, "theirs_from": 2, "theirs_lines": 2}]}
                for path in paths
            ],
        }
        for ours, theirs, paths in pairs
    ]  # fmt: skip
    looked = fields.get("looked", ["a.1", "b.1"])
    return f"in OverlapsRead overlaps={json.dumps(overlaps)} looked={json.dumps(looked)}\n"


AB = read(("a.1", "b.1", ("src/x.py",)))
NONE = read()
TROUBLE = 'in OverlapsRead overlaps=[] looked=[] trouble="no room"\n'
RESOLVE = 'in Asked {0} verb=resolve_overlap number={1} by=ann text="a goes first"\n'


def kinds(text: str) -> list[str]:
    """The radar's events of a whole scenario, and the messages."""
    wanted = ("overlap.", "radar.", "message.")
    return [kind for _, kind, _ in played(text).log if kind.startswith(wanted)]


def messages(text: str, task: str = "b") -> list[str]:
    return [said.text for said in state_after(text).task_states[task].messages]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AB, ["overlap.seen", "message.left"]),
        (AB + AB, ["overlap.seen", "message.left"]),
        (AB + NONE, ["overlap.seen", "message.left", "overlap.ended"]),
        # A side that was not looked at may overlap still.
        (AB + read(looked=["a.1"]), ["overlap.seen", "message.left"]),
        # More files are news and are told; fewer are news.
        (AB + read(("a.1", "b.1", ("src/x.py", "y"))),
         ["overlap.seen", "message.left", "overlap.seen", "message.left"]),
        (read(("a.1", "b.1", ("x", "y"))) + read(("a.1", "b.1", ("x",))),
         ["overlap.seen", "message.left", "overlap.seen"]),
        # Attempts that nobody knows, or that are over, are nobody's news.
        (read(("a.1", "z.1", ("x",))), []),
        # Said of b once, with what has landed, and not of each of its pairs.
        (read((INTEGRATION, "b.1", ("x",))), ["overlap.seen", "message.left"]),
        (TROUBLE + TROUBLE, ["radar.failed"]),
        (AB + TROUBLE, ["overlap.seen", "message.left", "radar.failed"]),
        (AB + RESOLVE.format("k", 1) + AB, ["overlap.seen", "message.left", "overlap.resolved"]),
        (AB + RESOLVE.format("k", 1) + read(("a.1", "b.1", ("src/x.py", "y"))),
         ["overlap.seen", "message.left", "overlap.resolved", "overlap.ended", "overlap.seen",
          "message.left"]),
        (AB + RESOLVE.format("k", 1) + NONE,
         ["overlap.seen", "message.left", "overlap.resolved", "overlap.ended"]),
    ],
)  # fmt: skip
def test_news(text: str, expected: list[str]) -> None:
    assert kinds(RUNS + text) == expected


def test_a_stale_pair_is_left_to_what_is_said_of_the_stale_one() -> None:
    line = read(("a.1", "b.1", ("x",))).replace('"stale": false', '"stale": true')
    assert kinds(RUNS + line) == []


@pytest.mark.parametrize("policy", ["show", "serialise"])
def test_only_a_teller_tells(policy: str) -> None:
    text = RUNS.replace("max_agents=3", f"max_agents=3 radar={policy}")
    assert kinds(text + AB) == ["overlap.seen"]


def test_the_later_agent_is_told_at_its_next_turn_and_no_turn_is_begun_for_it() -> None:
    (said,) = messages(RUNS + AB)
    assert said.startswith("The agent of a (Task a), which began before you")
    assert "- src/x.py: your lines 2-3" in said
    assert messages(RUNS + AB, "a") == []
    told = state_after(RUNS + AB + NEXT_B).attempts["b.1"].told
    assert [each.key for each in told] == ["overlap-o1-0"]
    # Checked work goes on to its landing, whatever was said of it.
    done = state_after(TASKS + found("a", "b") + AB)
    assert done.attempts["b.1"].phase in ("queued", "landing")


def test_advice_that_nobody_heard_is_taken_back_and_said_anew() -> None:
    assert messages(RUNS + AB + NONE) == []
    assert messages(RUNS + AB + RESOLVE.format("k", 1)) == []
    assert len(messages(RUNS + AB + NONE + AB)) == 1
    # What was heard is not said again.
    assert messages(RUNS + AB + NEXT_B + NONE + AB) == []


def test_the_next_attempt_is_not_told_of_the_last_ones_work() -> None:
    failed = "in LaunchExited b.1 launch=1 outcome=refused code=1\n"
    state = state_after(RUNS + AB + failed)
    assert state.task_states["b"].messages == ()
    assert state.overlaps == {}


def test_the_end_of_one_side_ends_it() -> None:
    log = played(RUNS + AB + "in LaunchExited b.1 launch=1 outcome=refused code=1\n").log
    ended = [body for _, kind, body in log if kind == "overlap.ended"]
    assert [body["text"] for body in ended] == ["b is over"]


def test_status_names_both() -> None:
    state = state_after(RUNS + AB)
    assert view(state, "a", 101).reason == "overlaps b in src/x.py"
    assert view(state, "b", 101).reason == "overlaps a in src/x.py"
    state = state_after(RUNS + read((INTEGRATION, "b.1", ("x", "y"))))
    assert view(state, "b", 101).reason == "overlaps what has landed in x and 1 more"
    assert view(state_after(RUNS + AB + RESOLVE.format("k", 1)), "a", 101).reason == ""


SERIAL = (
    'task a\ntask b\ntask n\ntask c scope=["src"] needs=["n"]\n'
    "limits max_agents=3 radar=serialise\n"
)
N_LANDED = (
    "in LaunchExited n.1 launch=1 outcome=done code=0\n"
    "in WorkInspected n.1 launch=1 commit=wn tree=tn\n"
    "in CandidateMade n.1 work=wn onto=c0 commit=c1 tree=tn\n"
    "in IntegrationMoved n.1 commit=c1 onto=c0\n"
)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        (SERIAL, True),
        (SERIAL.replace("serialise", "tell"), False),
        (SERIAL.replace('"src"', '"docs"'), False),
        (SERIAL.replace(' scope=["src"]', ""), False),
    ],
)
def test_a_third_at_the_same_place_waits(text: str, held: bool) -> None:
    state = state_after(text + working("a", "b", "n") + AB + N_LANDED)
    if not held:
        assert "c.1" in state.attempts
        return
    hold = hold_for(state, "c", 101)
    assert hold is not None
    assert (hold.kind, hold.tasks, hold.text) == (HoldKind.OVERLAP, ("a", "b"), "src/x.py")
    assert view(state, "c", 101).reason == "for a, b (overlap in src/x.py)"
    free = state_after(text + working("a", "b", "n") + AB + N_LANDED + RESOLVE.format("k", 1))
    assert "c.1" in free.attempts


@pytest.mark.parametrize(
    ("text", "number", "said"),
    [
        (AB, 1, (True, "o1 is resolved; it comes back if other files are concerned")),
        (AB, 2, (False, "there is no overlap o2 now")),
        (AB + RESOLVE.format("k", 1), 1, (False, "o1 is resolved already, by ann")),
    ],
)
def test_a_persons_word(text: str, number: int, said: tuple[bool, str]) -> None:
    assert state_after(RUNS + text + RESOLVE.format("z", number)).answers["z"] == said


def test_an_agent_may_not_resolve() -> None:
    state = state_after(RUNS + AB + RESOLVE.format("k", 1).replace("by=ann", "by=x attempt=b.1"))
    assert state.answers["k"][0] is False


@pytest.mark.parametrize(
    ("ours", "kinds", "expected"),
    [
        ("a.1", (OverlapKind.LINES, OverlapKind.ADDED), Severity.WARNING),
        ("a.1", (OverlapKind.LINES, OverlapKind.DELETED), Severity.CRITICAL),
        (INTEGRATION, (OverlapKind.LINES,), Severity.CRITICAL),
    ],
)
def test_severity(ours: str, kinds: tuple[OverlapKind, ...], expected: Severity) -> None:
    files = tuple(OverlapFile("x", kind) for kind in kinds)
    assert severity_of(ours, files) is expected


def test_files_in_words() -> None:
    lines = OverlapFile("x", OverlapKind.LINES, (Hunk(1, 1, 5, 3), Hunk(9, 2, 20, 0)))
    known = KnownOverlap(
        "o1", "a.1", "b.1", (lines, OverlapFile("y", OverlapKind.DELETED)), False, 0
    )
    assert overlapping.file_lines(known, "b.1") == [
        "x: lines 5-7 against 1, 20 against 9-10",
        "y: one has changed it, the other has deleted it",
    ]
    assert overlapping.file_lines(known, "a.1")[0] == "x: lines 1 against 5-7, 9-10 against 20"


def test_troubles_have_a_bound() -> None:
    text = RUNS + "".join(
        TROUBLE.replace("no room", f"trouble {n}") for n in range(overlapping.TROUBLES_MAX + 5)
    )
    assert kinds(text) == ["radar.failed"] * overlapping.TROUBLES_MAX


def test_messages_have_a_bound() -> None:
    text = RUNS + "".join(
        read(("a.1", "b.1", tuple(f"f{m}" for m in range(n + 1))))
        for n in range(overlapping.ADVICE_MAX + 5)
    )
    assert len(messages(text)) == overlapping.ADVICE_MAX
