"""`gangsaw agents` before anything has run: the agents of the settings; and lines about agents."""

from __future__ import annotations

import json

from gangsaw.core.events_agents import AgentAdded, AgentRemoved
from gangsaw.core.model import AgentSlots
from gangsaw.core.wire import encode
from gangsaw.store.journal import open_journal
from gangsaw.store.rows import Row
from gangsaw.testing.playground import Playground
from gangsaw.views.event_lines import event_line
from gangsaw.views.schemas import printed_schema
from tests.cli.shapes import misfits

MORE = """
[agents.two]
kind = "claude"
slots = 3
account = "team"
seats = 2
"""


def test_the_agents_of_the_settings_are_listed_before_any_run(pg: Playground) -> None:
    pg.settings(MORE)
    done = pg.call("agents", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert misfits(told, printed_schema("agents")) == []
    assert (told["run"], told["engine_pid"], told["max_agents"]) == (None, None, 4)
    by_name = {one["name"]: one for one in told["agents"]}
    assert list(by_name) == ["sh", "scripted", "two"], "and none that nobody has configured"
    assert by_name["sh"]["place"] == 1
    two = by_name["two"]
    assert (two["slots"], two["account"], two["seats"], two["place"]) == (3, "team", 2, None)
    text = pg.call("agents").stdout.splitlines()
    assert text[0] == "nothing has run here yet · a run has 4 agents at a time"
    assert text[3] == "  two       0 of 3 at work · account team: 0 of 2 seats"


def test_agents_of_a_run_that_there_never_was_are_refused(pg: Playground) -> None:
    done = pg.call("agents", "--run", "r9")
    assert done.returncode == 2
    assert "nothing has run here yet" in done.stderr


def test_a_journal_without_a_run_is_as_none(pg: Playground) -> None:
    control = pg.repo / ".git" / "gangsaw"
    control.mkdir(mode=0o700)
    open_journal(control / "journal.db", writer=True).close()
    assert pg.call("agents").stdout.startswith("nothing has run here yet")
    assert "cannot find a run" in pg.call("status").stderr


def test_the_line_of_an_added_agent_names_it_as_that_of_a_removed_one() -> None:
    for fact in (AgentAdded(AgentSlots("two", 3), "ann"), AgentRemoved("two", "ann")):
        line = event_line(Row(1, 0.0, fact.kind, "", json.dumps(encode(fact))), 0.0)
        assert line.endswith(" agent=two by=ann"), line
