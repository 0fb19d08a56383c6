"""The turn as a whole: at rest afterwards, wakes in time, asks for what is outstanding."""

from __future__ import annotations

from gangsaw.core import actions as ac
from gangsaw.core.decide import decide
from gangsaw.core.model import TurnKind
from gangsaw.core.work import at_rest, next_wakeup, outstanding, turn
from tests.core.core_stage import BEGIN, found, played, state_after, working

ONE = "task a\n"


def kinds(text: str) -> list[str]:
    return [event.kind for event in played(text).events]


def test_a_turn_leaves_nothing_to_decide() -> None:
    player = played('task a\ntask b needs=["a"]\ntask c\n' + working("a", "c"))
    assert decide(player.state, player.now) == []


def test_a_turn_without_news_asks_for_the_same_again() -> None:
    state = state_after(ONE + working("a"))
    asked = outstanding(state, 100.0)
    assert asked == [ac.RunTurn("a.1", 1, 1, TurnKind.WORK, None)]
    assert turn(state, 100.0, []) == ([], asked)


def test_silence_and_long_runs_are_stopped_on_time() -> None:
    text = "limits stall_s=50.0 timeout_s=80.0\n" + ONE + working("a")
    state = state_after(text)
    assert next_wakeup(state, 100.0) == 150.0
    assert kinds(text + "at 149\ntick\n") == []
    assert kinds(text + "at 150\ntick\n") == ["stop.wanted"]
    talking = text + "at 140\nin OutputGrew a.1 launch=1\n"
    assert next_wakeup(state_after(talking), 140.0) == 180.0
    assert kinds(talking + "at 180\ntick\n") == ["stop.wanted"]


def test_a_tasks_own_time_limit_goes_first() -> None:
    state = state_after("task a timeout_s=20.0\n" + working("a"))
    assert next_wakeup(state, 100.0) == 120.0


def test_stopping_hard_overtakes_stopping() -> None:
    text = ONE + working("a") + "in Asked k1 verb=stop by=me\n"
    state = state_after(text)
    assert ac.StopTurn("a.1", 1, False) in outstanding(state, 100.0)
    assert kinds(text + "in Asked k2 verb=kill by=me\n")[-1] == "stop.wanted"
    harder = state_after(text + "in Asked k2 verb=kill by=me\n")
    assert ac.StopTurn("a.1", 1, True) in outstanding(harder, 100.0)


def test_an_effect_that_keeps_failing_fails_the_attempt() -> None:
    trouble = "in EffectRaised a.1 action=PrepareWorkspace text=no\n"
    text = ONE + BEGIN + trouble * 3
    assert state_after(text).attempts["a.1"].failed is None
    assert kinds(text + trouble) == ["effect.failed", "attempt.failed"]


def test_a_failed_effect_waits_longer_each_time() -> None:
    trouble = "in EffectRaised a.1 action=PrepareWorkspace text=no\n"
    for times, pause_s in ((1, 1.0), (2, 2.0), (3, 4.0)):
        state = state_after(ONE + BEGIN + trouble * times)
        assert outstanding(state, 100.0) == []
        assert next_wakeup(state, 100.0) == 100.0 + pause_s
        assert len(outstanding(state, 100.0 + pause_s)) == 1


def test_a_moving_branch_is_not_cancelled() -> None:
    moving = ONE + found("a") + "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-a\n"
    text = moving + "in Asked k verb=cancel task=a by=me\n"
    assert state_after(text).attempts["a.1"].failed is None
    after = state_after(text + "in IntegrationMoved a.1 commit=m1 onto=c0\n")
    assert after.landed == ["a"]
    queued = ONE + found("a") + "in Asked k verb=cancel task=a by=me\n"
    assert kinds(queued)[-1] == "attempt.failed"


def test_drain_ends_when_the_running_ones_have() -> None:
    text = "limits max_agents=1\ntask a\ntask b\n" + working("a") + "in Asked k verb=drain by=me\n"
    assert at_rest(state_after(text), 100.0) is None
    ended = text + "in LaunchExited a.1 launch=1 outcome=failed code=1\nin AttemptClosed a.1\n"
    assert at_rest(state_after(ended), 100.0) == "paused"


def test_a_stop_puts_the_work_away_first() -> None:
    """Else nobody could go on from it while no engine runs. A kill, and what fails, do not wait."""
    asked = ONE + working("a") + "in Asked k verb={} by=me\n"
    ended = asked + "in LaunchExited a.1 launch=1 outcome=crashed signal=15\n"
    soft = ended.format("stop")
    assert at_rest(state_after(soft), 100.0) is None
    assert at_rest(state_after(soft + "in AttemptClosed a.1\n"), 100.0) == "stopped"
    failing = soft + 'in EffectRaised a.1 CloseWorkspace "no room"\n'
    assert at_rest(state_after(failing), 100.0) == "stopped"
    assert at_rest(state_after(ended.format("kill")), 100.0) == "stopped"


def test_a_task_that_waits_for_money_does_not_keep_the_engine() -> None:
    """An old pause of a task that is held for another reason is no reason to go on."""
    usage = '{"UsageNoted": {"input_tokens": 1, "output_tokens": 1, "cost_usd": 1.5}}'
    text = (
        "limits budget_usd=1.0\n" + ONE + working("a") + f"in Noted a.1 launch=1 note={usage}\n"
        "in LaunchExited a.1 launch=1 outcome=failed code=1\nin AttemptClosed a.1\nat 500\ntick\n"
    )
    assert at_rest(state_after(text), 500.0) == "waiting for a person or a limit"


def test_paused_is_no_rest() -> None:
    assert at_rest(state_after(ONE + BEGIN + "in Asked k verb=pause by=me\n"), 100.0) is None
