"""What an effect says after nobody wants it any more must not hold anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import actions as ac
from gangsaw.core.events import Cause
from gangsaw.core.launch import SessionNoted, UsageNoted
from gangsaw.core.observations import Asked, EffectRaised, Noted
from gangsaw.core.phases import Phase
from gangsaw.core.record import record
from gangsaw.core.usage import used_by_launch
from gangsaw.core.work import outstanding, turn
from tests.core.core_stage import played, state_after, working


def test_a_late_failure_of_a_closed_attempt_is_no_news() -> None:
    """Checks that were called off ran out of disk while their attempt was put away: nothing would
    ever try them again, and so nothing would ever end that trouble."""
    player = played(
        "task a\ntask b\nlimits max_agents=1\ngate pytest\n"
        + working("a")
        + "in LaunchExited a.1 launch=1 outcome=done code=0\n"
        "in WorkInspected a.1 launch=1 commit=w-a tree=t-a\n"
        "in Asked k1 verb=cancel task=a by=me\n"
        "in AttemptClosed a.1 refs=kept\n"
    )
    assert player.state.attempts["a.1"].closed
    late = EffectRaised("a.1", "RunChecks", "No space left on device", no_room=True)
    events, _ = turn(player.state, 200.0, [late])
    assert events == []
    assert player.state.troubles == {}


def test_a_delivery_without_room_does_not_hold_what_is_tried_again() -> None:
    """A delivery at the end of the run waits for room; a failed task is tried again meanwhile, so
    that the delivery is not wanted any more. Nothing would ever end that trouble."""
    player = played(
        "task a\ntask b\nlimits deliver=end attempts_max=1\n"
        + working("a", "b")
        + "in LaunchExited b.1 launch=1 outcome=failed code=1\n"
        "in AttemptClosed b.1 refs=kept\n"
        "in LaunchExited a.1 launch=1 outcome=done code=0\n"
        "in WorkInspected a.1 launch=1 commit=w-a tree=t-a\n"
        "in CandidateMade a.1 work=w-a onto=c0 commit=c1 tree=t1\n"
        "in IntegrationMoved a.1 commit=c1 onto=c0\n"
        "in AttemptClosed a.1 refs=kept\n"
    )
    state = player.state
    assert any(isinstance(action, ac.Deliver) for action in outstanding(state, 200.0))
    turn(state, 200.0, [EffectRaised("", "Deliver", "No space left on device", no_room=True)])
    turn(state, 300.0, [Asked("k1", "retry", "b", "me")])
    assert state.task_states["b"].attempts == 2


def test_what_was_used_before_the_session_was_named_is_of_that_session() -> None:
    """Its agent counts by session: with the next turn it tells both turns' use."""
    state = state_after("task a\n" + working("a"))
    turn(state, 101.0, [Noted("a.1", 1, UsageNoted(10, 5, 0, 0.25, of_session=True))])
    assert state.attempts["a.1"].usage[0].session == ""
    turn(state, 102.0, [Noted("a.1", 1, SessionNoted("s"))])
    attempt = replace(state.attempts["a.1"], launch=2)
    own = used_by_launch(attempt, 2, UsageNoted(30, 15, 0, 0.75, of_session=True))
    assert (own.input_tokens, own.output_tokens, own.cost_usd) == (20, 10, 0.5)


@pytest.mark.parametrize(
    ("phase", "taken"), [(Phase.RUNNING, True), (Phase.RETURNED, False)], ids=["works", "back"]
)
def test_a_session_told_after_the_attempt_was_handed_back_is_nobodys(
    phase: Phase, taken: bool
) -> None:
    """It may have been the reviewer's, in whose turn a person took the attempt over."""
    state = state_after("task a\n" + working("a"))
    handed_back = replace(state.attempts["a.1"], phase=phase, returned=Cause.TAKEN)
    state.attempts["a.1"] = handed_back
    found = record(Noted("a.1", 1, SessionNoted("s")), state, 101.0)
    assert [event.kind for event in found] == (["session.opened"] if taken else [])
