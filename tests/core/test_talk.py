"""Talk between people and agents: who may ask for what, and what follows from it."""

from __future__ import annotations

import pytest

from gangsaw.core.events import Cause
from gangsaw.core.phases import Phase
from gangsaw.core.policy import stall
from gangsaw.core.status import view
from gangsaw.core.talk import MESSAGES_MAX, NUDGES_MAX, QUESTIONS_MAX, TEXT_MAX
from gangsaw.core.work import at_rest, next_wakeup
from tests.core.core_stage import found, played, state_after, working

ONE = "task a\n"
TWO = 'task a scope=["src"]\ntask b scope=["docs"]\n'
RUNS = ONE + working("a")
BOTH = TWO + working("a", "b")
SAY = 'in Asked {0} verb=say task=a by=ann text="use tabs"\n'
ASK = 'in Asked {0} verb=ask attempt=a.1 by=me text="{1}" number={2}\n'
TAKE = "in Asked {0} verb=take task=a by=ann\n"
BACK = "in Asked {0} verb=hand_back task=a by=ann\n"
EXIT = "in LaunchExited a.1 launch={0} outcome=done code=0\n"
FOUND = "in WorkInspected a.1 launch={0} commit=w{0} tree=t{0}\n"
KILLED = "in LaunchExited a.1 launch={0} outcome=crashed signal=15\n"


def answer_to(text: str, line: str) -> tuple[bool, str]:
    return state_after(f"{text}in Asked last {line}\n").answers["last"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (RUNS, "verb=say task=a by=me", "there is nothing in it"),
        (RUNS, f"verb=say task=a by=me text={'x' * (TEXT_MAX + 1)}", "20001 characters"),
        (RUNS, "verb=say task=z by=me text=x", "there is no task 'z'"),
        (RUNS, "verb=answer task=a by=me text=x", "a has asked nothing; to tell it something"),
        (RUNS, "verb=ask task=a by=me text=x", "only an agent may ask"),
        (RUNS, "verb=claim by=me paths=[\"x\"]", "only an agent may claim"),
        (RUNS, "verb=cancel task=a by=me attempt=a.1", "an agent may not cancel"),
        (RUNS, "verb=kill by=me attempt=a.1", "an agent may not kill"),
        (RUNS, "verb=answer task=a by=me text=x attempt=a.1", "an agent may not answer"),
        (RUNS, "verb=take task=a by=me attempt=a.1", "an agent may not take"),
        (RUNS, "verb=done refused=forged", "forged"),
        (RUNS, "verb=say task=a text=x by=me attempt=a.1", "a is your own task"),
        (RUNS, "verb=done attempt=a.7 by=me", "a.7 is over"),
        (RUNS + EXIT.format(1), "verb=done attempt=a.1 by=me", "the turn of a.1 is over"),
        (RUNS, "verb=claim attempt=a.1 by=me", "no path is named"),
        (RUNS, 'verb=claim attempt=a.1 by=me paths=["/etc"]', "'/etc' is no path below"),
        (RUNS, 'verb=claim attempt=a.1 by=me paths=["x/../y"]', "'x/../y' is no path below"),
        (RUNS, f'verb=claim attempt=a.1 by=me paths=["{"*a" * 51}"]', "a pattern has at most 100"),
        (RUNS, 'verb=release attempt=a.1 by=me paths=["x"]', "x is not claimed by you"),
        (BOTH, 'verb=claim attempt=a.1 by=me paths=["lib", "docs/x"]',
         "docs/x is held by b, whose scope has docs"),
        (ONE, "verb=take task=a by=me", "nobody works on a now"),
        (RUNS, "verb=hand_back task=a by=me", "nobody has taken a over"),
        (RUNS + TAKE.format("k"), "verb=take task=a by=bob", "ann has taken a over"),
        (RUNS + TAKE.format("k"), "verb=cancel task=a by=bob", "ann has taken a over"),
        (RUNS + TAKE.format("k"), "verb=hand_back task=a by=ann", "the agent of a is still being"),
        (RUNS + "in Asked s verb=stop by=me\n", "verb=take task=a by=me", "the run is being"),
        (RUNS + EXIT.format(1), "verb=take task=a by=me", "a is inspecting"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, line: str, said: str) -> None:
    ok, words = answer_to(text, line)
    assert not ok
    assert words.startswith(said)


def test_a_message_is_handed_to_the_next_turn_and_is_not_counted() -> None:
    state = state_after("limits turns_max=1\n" + RUNS + SAY.format("k") + EXIT.format(1) +
                        FOUND.format(1))  # fmt: skip
    attempt = state.attempts["a.1"]
    assert (attempt.phase, attempt.returned) == (Phase.STARTING, Cause.SAID)
    assert [said.text for said in attempt.told] == ["use tabs"]
    assert state.task_states["a"].messages == ()
    assert (attempt.turns_used, attempt.continues, attempt.read) == (1, 0, 0)
    more = EXIT.format(2) + FOUND.format(2)
    state = state_after("limits turns_max=1\n" + RUNS + SAY.format("k") + EXIT.format(1) +
                        FOUND.format(1) + more)  # fmt: skip
    assert state.attempts["a.1"].phase is Phase.LANDING
    assert state.attempts["a.1"].read == 1


def test_work_on_its_way_comes_back_for_a_message() -> None:
    """From the queue, and from a candidate that is not being put on the branch yet."""
    text = "limits window=1\ntask a\ntask b\n" + found("b", "a")
    state = state_after(text)
    assert [state.attempts[name].phase for name in ("b.1", "a.1")] == [Phase.LANDING, Phase.QUEUED]
    for task in "ab":
        after = state_after(text + f"in Asked k verb=say task={task} by=me text=x\n")
        assert after.attempts[f"{task}.1"].phase is Phase.STARTING
        assert f"{task}.1" not in after.queue
        assert all(one.about != f"{task}.1" for one in after.landings)
    moving = text + "in CandidateMade b.1 work=w-b onto=c0 commit=m1 tree=t1\n"
    ok, words = answer_to(moving, "verb=say task=b by=me text=x")
    assert (ok, words) == (
        False,
        "the work of b is being put on the integration branch; try a new task",
    )


def test_words_of_agents_send_work_back_a_few_times_only() -> None:
    text = "task a\ntask b\n" + working("a", "b")
    for n in range(1, NUDGES_MAX + 2):
        text += f"in Asked k{n} verb=say task=a by=me attempt=b.1 text=x{n}\n"
        text += EXIT.format(n) + FOUND.format(n)
    state = state_after(text)
    assert state.attempts["a.1"].phase is Phase.LANDING
    assert state.attempts["a.1"].nudged == NUDGES_MAX
    assert [said.by for said in state.task_states["a"].messages] == ["the agent of b"]


def test_a_new_attempt_is_told_all_of_it() -> None:
    text = "limits backoff_base_s=0.0\n" + RUNS + SAY.format("k") + EXIT.format(1)
    text += FOUND.format(1) + "in LaunchExited a.1 launch=2 outcome=failed code=1\n"
    state = state_after(text)
    assert state.attempts["a.1"].told == ()
    assert [said.key for said in state.task_states["a"].messages] == ["k"]
    state = state_after(text + "in AttemptClosed a.1\nin WorkspaceAt a.2 /w\n")
    assert [said.key for said in state.attempts["a.2"].told] == ["k"]


def test_what_the_money_does_not_reach_for_is_a_persons_to_decide() -> None:
    spent = 'in Noted a.1 launch=1 note={"UsageNoted": {"input_tokens": 1, "output_tokens": 1, '
    spent += '"cost_usd": 3.0}}\n'
    text = "task a budget_usd=2.0\n" + working("a") + spent + SAY.format("k")
    text += EXIT.format(1) + FOUND.format(1)
    state = state_after(text)
    assert state.attempts["a.1"].phase is Phase.REVIEWING
    assert "has not read what ann said" in view(state, "a", 101).reason
    state = state_after(text + "in Asked y verb=approve task=a by=bob\n")
    assert state.attempts["a.1"].phase is Phase.LANDING


def test_messages_and_questions_have_bounds() -> None:
    text = RUNS + "".join(SAY.format(f"k{n}") for n in range(MESSAGES_MAX))
    assert answer_to(text, "verb=say task=a by=me text=x") == (
        False,
        f"{MESSAGES_MAX} messages wait for a already",
    )
    text = RUNS + "".join(ASK.format(f"k{n}", "q", 1) for n in range(QUESTIONS_MAX))
    assert not answer_to(text, "verb=ask attempt=a.1 by=me text=x")[0]


def test_a_question_stops_the_clock_until_it_is_answered() -> None:
    asked = (
        "limits stall_s=60.0 timeout_s=100.0\n" + RUNS + "at 110\n" + ASK.format("q", "what?", 1)
    )
    state = state_after(asked)
    attempt = state.attempts["a.1"]
    assert view(state, "a", 110).reason == "asks: what?"
    end = 110 + stall.ANSWER_WAIT_MAX_S
    assert stall.overdue(state, attempt, end - 1) is None
    assert next_wakeup(state, 110) == end
    assert stall.overdue(state, attempt, end) is Cause.TIMEOUT
    later = asked + "at 1110\nin Asked k verb=answer task=a by=ann text=this\n"
    state = state_after(later)
    attempt = state.attempts["a.1"]
    assert (attempt.launched_at, attempt.beat_at, attempt.asked) == (1100, 1110, ())
    assert [said.question for said in state.task_states["a"].messages] == ["what?"]
    heard = state_after(later + "in Asked h verb=heard attempt=a.1 by=me text=q\n")
    assert heard.task_states["a"].messages == ()
    dropped = state_after(asked + "in Asked u verb=unask attempt=a.1 by=me text=q\n")
    assert view(dropped, "a", 111).reason == "asks: what?"
    assert next_wakeup(dropped, 110) == 170


def test_an_answer_lets_a_parked_attempt_go_on() -> None:
    noted = 'in Noted a.1 launch=1 note={"QuestionNoted": {"text": "which?"}}\n'
    text = RUNS + noted + EXIT.format(1) + "in WorkUnsound a.1 launch=1 cause=empty text=nothing\n"
    state = state_after(text)
    assert state.attempts["a.1"].phase is Phase.PARKED
    assert "gangsaw answer a TEXT" in view(state, "a", 101).reason
    state = state_after(text + "in Asked k verb=answer task=a by=ann text=this\n")
    attempt = state.attempts["a.1"]
    assert attempt.phase is Phase.STARTING
    assert [(said.text, said.question) for said in attempt.told] == [("this", "which?")]


def test_after_done_a_short_silence_ends_the_turn() -> None:
    text = RUNS + "at 200\nin Asked d verb=done attempt=a.1 by=me text=all\n"
    state = state_after(text)
    assert next_wakeup(state, 200) == 200 + stall.DONE_QUIET_S
    text += "at 220\nin OutputGrew a.1 launch=1\n"
    assert next_wakeup(state_after(text), 220) == 220 + stall.DONE_QUIET_S
    text += "at 281\ntick\n" + KILLED.format(1)
    state = state_after(text)
    assert state.attempts["a.1"].phase is Phase.INSPECTING
    assert state.attempts["a.1"].crashes == 0


def test_claims_count_like_scope() -> None:
    text = 'limits max_agents=3\ntask a\ntask b\ntask c scope=["lib/x"] needs=["b"]\n'
    text += found("b") + "in WorkspaceAt a.1 /w\nin LaunchStarted a.1 launch=1\n"
    text += 'in Asked k verb=claim attempt=a.1 by=me paths=["lib"]\n'
    text += "in CandidateMade b.1 work=w-b onto=c0 commit=m1 tree=t1\n"
    text += "in IntegrationMoved b.1 commit=m1 onto=c0\n"
    state = state_after(text)
    assert view(state, "c", 101).reason == "for a (same files)"
    state = state_after(text + "in Asked r verb=release attempt=a.1 by=me\n")
    assert "c.1" in state.attempts
    failed = "in LaunchExited a.1 launch=1 outcome=failed code=1\n"
    assert "c.1" in state_after(text + failed).attempts


def test_a_taken_attempt_stands_still_until_it_is_handed_back() -> None:
    text = RUNS + TAKE.format("t")
    state = state_after(text)
    assert (state.attempts["a.1"].phase, state.attempts["a.1"].stop_cause) == (
        Phase.STOPPING,
        Cause.TAKEN,
    )
    text += KILLED.format(1) + SAY.format("m")
    player = played(text)
    attempt = player.state.attempts["a.1"]
    assert (attempt.phase, attempt.in_hand, player.actions) == (Phase.PARKED, True, [])
    assert view(player.state, "a", 101).reason.startswith("taken over by ann")
    assert at_rest(player.state, 101) is None
    state = state_after(text + BACK.format("b"))
    attempt = state.attempts["a.1"]
    assert (attempt.phase, attempt.in_hand, attempt.returned) == (
        Phase.STARTING, False, Cause.TAKEN,
    )  # fmt: skip
    assert [said.key for said in attempt.told] == ["m"]
    assert (attempt.crashes, attempt.continues, state.task_states["a"].tries) == (0, 0, 0)


def test_work_that_waits_for_a_person_can_be_taken_over() -> None:
    text = 'task a review="person"\n' + found("a")
    assert state_after(text).attempts["a.1"].phase is Phase.REVIEWING
    state = state_after(text + TAKE.format("t"))
    assert (state.attempts["a.1"].phase, state.attempts["a.1"].in_hand) == (Phase.PARKED, True)


def test_what_is_undone_does_not_take_the_ground_from_a_person() -> None:
    text = 'task n\ntask a needs=["n"]\n' + found("n")
    text += "in CandidateMade n.1 work=w-n onto=c0 commit=m1 tree=t1\n"
    text += "in IntegrationMoved n.1 commit=m1 onto=c0\n"
    text += "in WorkspaceAt a.1 /w\nin LaunchStarted a.1 launch=1\n" + TAKE.format("t")
    text += KILLED.format(1) + "in Asked u verb=undo task=n by=me\n"
    text += "in CandidateMade @undo/n work=m1 onto=m1 commit=u1 tree=tu\n"
    text += "in IntegrationMoved @undo/n commit=u1 onto=m1\n"
    state = state_after(text)
    assert state.attempts["a.1"].in_hand
    assert state_after(text + BACK.format("b")).attempts["a.1"].failed is Cause.UNDONE


# --- once the money is spent --------------------------------------------------------------------

SPENT = (
    "task a budget_usd=1.0 review=person\n"
    + working("a")
    + (
        'in Noted a.1 launch=1 note={"UsageNoted": {"input_tokens": 1, "output_tokens": 1, '
        '"cost_usd": 2.0}}\n'
    )
)


def test_what_a_person_has_done_is_not_thrown_away_for_want_of_money() -> None:
    text = SPENT + KILLED.format(1) + TAKE.format("t")
    ok, words = answer_to(text, "verb=hand_back task=a by=ann")
    assert (ok, words) == (
        True,
        "a waits: its budget is spent; to go on all the same: gangsaw retry a",
    )
    state = state_after(text + BACK.format("b"))
    attempt = state.attempts["a.1"]
    assert (attempt.phase, attempt.parked_until) == (Phase.PARKED, None)
    assert attempt.parked_text.endswith("has worked in the worktree · the budget is spent")
    assert not state.task_states["a"].given_up
    state = state_after(text + BACK.format("b") + "in Asked r verb=retry task=a by=ann\n")
    assert state.attempts["a.1"].phase is Phase.STARTING


def test_work_that_waits_for_a_decision_is_not_given_up_for_a_message() -> None:
    text = SPENT + EXIT.format(1) + FOUND.format(1)
    assert state_after(text).attempts["a.1"].phase is Phase.REVIEWING
    ok, words = answer_to(text, "verb=say task=a by=ann text=x")
    assert (ok, words) == (
        False,
        "the budget for a is spent, so its agent cannot go on with it",
    )
    assert state_after(text + SAY.format("s")).attempts["a.1"].phase is Phase.REVIEWING


def test_an_answer_that_cannot_be_paid_for_says_so() -> None:
    asked = 'in Noted a.1 launch=1 note={"QuestionNoted": {"text": "Which?"}}\n' + EXIT.format(1)
    asked += "in WorkUnsound a.1 launch=1 cause=empty text=nothing\n"
    ok, words = answer_to(SPENT + asked, "verb=answer task=a by=ann text=this")
    assert ok
    assert "its budget is spent" in words
