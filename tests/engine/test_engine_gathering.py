"""What is kept of the notes of one look: little, and all that counts."""

from __future__ import annotations

from gangsaw.core.conditions import Condition
from gangsaw.core.launch import (
    ActivityNoted,
    ConditionNoted,
    FileNoted,
    LimitKind,
    LimitNoted,
    Note,
    QuestionNoted,
    ResultNoted,
    SessionNoted,
    ToolNoted,
    UsageNoted,
)
from gangsaw.engine.gathering import EACH_MAX, OF_LAUNCH_MAX, Gathered, Heard


def gathered(*notes: Note) -> list[Note]:
    found = Gathered()
    found.add(notes)
    return found.notes()


def test_only_the_last_of_what_is_absolute_counts() -> None:
    usage = [UsageNoted(n, n, cost_usd=n / 7) for n in range(100_000)]
    assert gathered(SessionNoted("s"), *usage, QuestionNoted("q")) == [
        SessionNoted("s"),
        usage[-1],
        QuestionNoted("q"),
    ]
    assert gathered(ResultNoted(False, "a"), ResultNoted(True, "b")) == [ResultNoted(True, "b")]


def test_the_order_in_which_things_were_last_said_is_kept() -> None:
    first, second = SessionNoted("first"), SessionNoted("second")
    assert gathered(first, second, first) == [second, first]
    throttle = LimitNoted(LimitKind.THROTTLE)
    network = ConditionNoted(Condition.NETWORK)
    assert gathered(throttle, network) == [throttle, network]
    assert gathered(throttle, network, throttle) == [network, throttle]


def test_a_torrent_of_different_notes_is_bounded_and_pushes_out_only_its_own_kind() -> None:
    files = [FileNoted(f"f{n}") for n in range(100_000)]
    found = gathered(SessionNoted("s"), *files)
    assert found == [SessionNoted("s"), *files[-EACH_MAX:]]


def test_what_is_shown_is_no_note_for_the_core() -> None:
    found = Gathered()
    found.add([ActivityNoted("a"), ToolNoted("sh", "running b")])
    assert (found.shown, found.notes()) == ("running b", [])


def test_a_launch_that_never_stops_asking_is_not_listened_to_for_ever() -> None:
    """Each of these would be an event, at every look once more."""
    heard = Heard()
    for look in range(100):
        asked: list[Note] = [QuestionNoted(f"{look} {n}") for n in range(50)]
        usage = UsageNoted(look, look)
        kept = heard.listen([*asked, usage])
        assert kept[-1] == usage
        assert len(kept) == 1 + (50 if look < OF_LAUNCH_MAX / 50 else 0)
    assert heard.listen([SessionNoted("s")]) == [SessionNoted("s")]
