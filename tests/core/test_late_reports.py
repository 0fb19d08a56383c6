"""What an effect says after nobody wants it any more must not hold anything."""

from __future__ import annotations

from gangsaw.core import actions as ac
from gangsaw.core.observations import Asked, EffectRaised
from gangsaw.core.work import outstanding, turn
from tests.core.core_stage import played, working


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
