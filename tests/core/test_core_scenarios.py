"""Every scenario file: facts in, intents out."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.testing.scenario import Mismatch, Player, scenario_of
from gangsaw.testing.simulation import Schedule

SCENARIOS = sorted((Path(__file__).parent.parent / "scenarios").glob("*.txt"))
ENOUGH = 12

BEGIN = "task a\nat 1\nin IntegrationAt c0\n"


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_scenario(path: Path) -> None:
    Player().play(path.read_text(encoding="utf-8"))


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= ENOUGH


@pytest.mark.parametrize(
    "wrong",
    [
        BEGIN + "out integration.ready\n",
        BEGIN + "out integration.ready\nout attempt.admitted b.1\n",
        BEGIN + "out integration.ready\nout attempt.admitted a.1 base=c9\n",
        BEGIN + "out integration.ready\nout attempt.admitted a.1\ndo nothing\n",
        BEGIN + "out integration.ready\nout attempt.admitted a.1\ndo RunTurn a.1\n",
        BEGIN + "out integration.ready\nout attempt.admitted a.1\nwhy a landed\n",
        BEGIN + "out integration.ready\nout attempt.admitted a.1\nhold a scope\n",
        BEGIN + "out integration.ready\nout attempt.admitted a.1\nrest finished\n",
        BEGIN,
    ],
)
def test_a_wrong_scenario_is_told(wrong: str) -> None:
    with pytest.raises(Mismatch):
        Player().play(wrong)


@pytest.mark.parametrize("seed", [7, 12, 29])
def test_a_schedule_becomes_a_scenario(seed: int) -> None:
    schedule = Schedule(seed, remember=True)
    schedule.run()
    text = scenario_of(schedule)
    player = Player()
    player.play(text)
    assert len(player.log) == len(schedule.log)
    assert player.state == schedule.state
