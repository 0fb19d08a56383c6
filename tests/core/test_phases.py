"""The one table of phases: what it must allow and must not."""

from __future__ import annotations

import pytest

from gangsaw.core import phases
from gangsaw.core.events import EVENT_CLASSES
from gangsaw.core.phases import AGENT_ALIVE, ENDED, HOLDS_SLOT, TRANSITIONS, Phase, next_phase

DRAWN = [(kind, before) for kind, row in TRANSITIONS.items() for before in row]


def test_the_table_speaks_of_events_that_exist() -> None:
    assert set(TRANSITIONS) <= set(EVENT_CLASSES)


@pytest.mark.parametrize("kind", sorted(TRANSITIONS))
@pytest.mark.parametrize("phase", sorted(ENDED))
def test_nothing_leaves_an_ended_attempt(kind: str, phase: Phase) -> None:
    assert next_phase(phase, kind) is None


@pytest.mark.parametrize("phase", sorted(AGENT_ALIVE))
def test_a_living_agent_must_end_before_its_attempt(phase: Phase) -> None:
    exits = {
        kind for kind, row in TRANSITIONS.items() if row.get(phase) not in (None, *AGENT_ALIVE)
    }
    assert exits == {"turn.exited", "turn.lost"}


@pytest.mark.parametrize("phase", sorted(set(Phase) - ENDED - AGENT_ALIVE))
def test_any_other_attempt_may_fail(phase: Phase) -> None:
    assert next_phase(phase, "attempt.failed") is Phase.FAILED


def test_every_phase_can_be_reached_and_left() -> None:
    reached = {Phase.PREPARING, Phase.READY}
    for _ in Phase:
        reached |= {
            after
            for row in TRANSITIONS.values()
            for before, after in row.items()
            if before in reached
        }
    assert reached == set(Phase)
    assert {before for _, before in DRAWN} == set(Phase) - ENDED


def test_only_landing_lands() -> None:
    assert TRANSITIONS["landed"] == {Phase.LANDING: Phase.LANDED}
    assert TRANSITIONS["candidate.wanted"] == {
        Phase.QUEUED: Phase.LANDING,
        Phase.LANDING: Phase.LANDING,
    }


def test_agents_live_only_in_slots() -> None:
    assert AGENT_ALIVE <= HOLDS_SLOT
    assert not HOLDS_SLOT & ENDED
    assert not HOLDS_SLOT & {Phase.RETURNED, Phase.REVIEWING, Phase.QUEUED, Phase.LANDING}


def test_an_unknown_kind_is_a_bug() -> None:
    with pytest.raises(KeyError):
        phases.next_phase(Phase.READY, "beat.seen")
