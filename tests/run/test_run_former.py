"""What an engine finds alive when it begins: adopted, ended and named, or refused untouched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.errors import UserError
from gangsaw.core.phases import Phase
from gangsaw.core.state import Attempt, State
from gangsaw.engine.former import Former, survey_former
from gangsaw.engine.launches import VANISHED
from gangsaw.engine.layout import Layout
from gangsaw.testing.ledger import START, STOP, overlaps, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import processes_of
from tests.process.turns import Room, shell, until


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Turn folders below `attempts`, as an engine lays them out."""
    made = Room(tmp_path / "control" / "attempts")
    yield made
    made.clean()


def layout_of(room: Room) -> Layout:
    return Layout(room.root.parent, room.root.parent / "worktrees", "r2")


def live(room: Room, run: str, attempt: str, turn: int = 1) -> Path:
    """A turn that runs until somebody ends it."""
    name = f"{run}/{attempt}/turn-{turn}"
    folder = room.folder(name)
    room.marks[folder] = f"{run}-{attempt}-" + room.marks[folder]
    room.launch(shell("setsid sleep 86399 & echo up; exec sleep 86399"), name)
    room.started(name)
    until(lambda: (folder / "out").exists() and "up" in room.output(name), "the agent")
    return folder


def state_with(attempt: str) -> State:
    """A state in which the first launch of this attempt is alive."""
    state = State()
    state.attempts[attempt] = Attempt(
        id=attempt,
        task=attempt.partition(".")[0],
        number=1,
        base="",
        agent="scripted",
        model="",
        branch="",
        phase=Phase.RUNNING,
        since=0.0,
        admitted_at=0.0,
        launch=1,
    )
    state.live[attempt] = None
    return state


def test_turns_that_nobody_knows_are_ended_and_named(room: Room) -> None:
    """Of a former run, of an attempt that is not in the journal, and one without a folder; the
    turn that the run does go on with is not touched."""
    kept = live(room, "r2", "docs.1")
    former, unknown = live(room, "r1", "docs.1"), live(room, "r2", "api.3", turn=2)
    gone = live(room, "r2", "gone.1")
    shutil.rmtree(gone.parent)
    found = survey_former(layout_of(room), state_with("docs.1"))
    assert found.strays == ("r1 docs.1 turn-1", "r2 api.3 turn-2", "r2 gone.1 turn-1")
    assert found.in_use == {kept, former, unknown, gone}
    assert isinstance(procs.probe(kept), procs.Running)
    for folder in (former, unknown):
        assert isinstance(procs.probe(folder), procs.Lost)
    assert procs.turns_in_use(room.root) == {kept}
    again = survey_former(layout_of(room), state_with("docs.1"))
    assert again == Former(frozenset({kept}), ())


def test_turns_that_are_over_are_not_named(room: Room) -> None:
    room.run(shell("true"), "r1/docs.1/turn-1")
    found = survey_former(layout_of(room), State())
    assert found == Former(frozenset(), ())


def test_an_attempt_of_a_version_that_we_cannot_read_is_refused(room: Room) -> None:
    folder, stray = live(room, "r2", "docs.1"), live(room, "r1", "docs.1")
    record = room.started("r2/docs.1/turn-1")
    texts = {name: (folder / name).read_text() for name in ("started", "spec.json")}
    for name in texts:
        (folder / name).write_text('{"protocol": 99}')
    with pytest.raises(UserError, match=r"docs\.1.*protocol 99.*gangsaw kill"):
        survey_former(layout_of(room), state_with("docs.1"))
    assert procs.identify(record.agent.pid) == record.agent
    assert isinstance(procs.probe(stray), procs.Running)
    for name, text in texts.items():
        (folder / name).write_text(text)
    assert procs.probe(folder) == procs.Running(record)


WAITING = f"""\
{START}
touch "$UP/up.$GANGSAW_TURN"
while [ ! -e "$UP/go" ]; do sleep 0.05; done
echo work > made.txt
git add made.txt
git commit -q -m made
{STOP}
"""


@pytest.mark.parametrize("engine_dead", [False, True])
@pytest.mark.guarantee("G3")
def test_the_records_of_a_live_attempt_are_removed(tmp_path: Path, engine_dead: bool) -> None:
    """Its agent is ended before another is started, the loss is told, and the task lands once."""
    ground = Playground(tmp_path / "ground", env={"UP": str(tmp_path)})
    path = ground.repo / "gangsaw.toml"
    path.write_text(
        path.read_text().replace('pass_env = ["LEDGER"]', 'pass_env = ["LEDGER", "UP"]')
    )
    ground.git("commit", "-q", "-am", "settings")
    plan = ground.plan([{"id": "a", "prompt": WAITING, "checks": ["test -f made.txt"]}])
    engine = ground.start("run", plan, "--plain")
    ground.wait_for((tmp_path / "up.1").exists, "the agent to work")
    if engine_dead:
        engine.kill()
        engine.wait(60)
    (tmp_path / "up.1").unlink()
    shutil.rmtree(ground.repo / ".git/gangsaw/attempts/r1/a.1")
    if engine_dead:
        engine = ground.start("run", plan, "--plain")
    ground.wait_for(lambda: any(tmp_path.glob("up.*")), "another agent")
    (tmp_path / "go").touch()
    assert engine.wait(120) == 0
    lines = read_ledger(ground.ledger)
    assert overlaps(lines) == []
    assert [line.word for line in lines] == ["start", "start", "stop"]
    lost = [event for event in ground.events() if event["kind"] == "turn.lost"]
    told = [(event["body"]["started"], event["body"]["text"]) for event in lost]
    assert told == [(True, VANISHED)]
    assert processes_of(ground.repo) == []
