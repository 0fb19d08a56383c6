"""What is said to people: sentences that hold, and the next step where there is one."""

from __future__ import annotations

import json

import pytest

from gangsaw.cli.requests import Answered, Wish, tell
from gangsaw.core import events as ev
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import TurnKind
from gangsaw.core.terms import Cause
from gangsaw.testing.playground import Playground
from gangsaw.views.history import history
from gangsaw.views.status import next_commands
from gangsaw.views.text import count_of


def told(*events: ev.Event) -> list[str]:
    return [each.text for each in history((n, 0.0, event) for n, event in enumerate(events))]


def exited(outcome: OutcomeKind, code: int | None, text: str, **more: object) -> ev.TurnExited:
    signal = 15 if code is None else None
    body = {"code": code, "signal": signal, "text": text, **more}
    return ev.TurnExited("t.1", 1, outcome, **body)  # type: ignore[arg-type]


def test_an_agent_that_was_stopped_is_not_called_crashed() -> None:
    killed = exited(OutcomeKind.CRASHED, None, "killed by SIGTERM", condition=Condition.CRASHED)
    assert told(killed)[0].startswith("the agent ended: crashed (signal 15)")
    assert told(ev.StopWanted("t.1", Cause.TAKEN), killed)[1] == "the agent was stopped (signal 15)"
    assert told(ev.StopWanted("t.2", Cause.TAKEN), killed)[1].startswith("the agent ended: crashed")
    done = exited(OutcomeKind.DONE, 0, "")
    assert told(ev.StopWanted("t.1", Cause.TAKEN), done)[1] == "the agent ended: done (exit code 0)"


def test_an_exit_code_is_told_once() -> None:
    asked = exited(OutcomeKind.FAILED, 0, "exit code 0", condition=Condition.ANSWER)
    assert told(asked)[0].count("exit code 0") == 1


def test_checks_that_there_are_none_of_are_not_said_to_pass() -> None:
    passed = ev.Judgement.PASSED
    assert told(ev.VerdictReached("t.1", "c0ffee", passed)) == [
        "checks on the work: there are none"
    ]
    ran = ev.VerdictReached("t.1", "c0ffee", passed, (ev.CheckResult("lint", passed, 1.0),))
    assert told(ran) == ["checks on the work: passed"]


def test_a_turn_that_goes_on_is_told_in_a_sentence() -> None:
    wanted = ev.TurnWanted("t.1", 2, 2, TurnKind.CONTINUE, "s")
    assert told(wanted) == ["attempt 1, turn 2: agent launched to go on with it"]


def test_several_of_a_word_that_ends_in_s() -> None:
    assert [count_of(n, "process") for n in (1, 2)] == ["1 process", "2 processes"]


@pytest.mark.parametrize(
    ("reason", "commands"),
    [
        ("sc is not signed in: please run login", ("doctor", "why t", "diff t", "retry t")),
        ("sc's sign-in was refused or has expired: 401", ("doctor", "why t", "diff t", "retry t")),
        ("the reviewer sc ended without a verdict", ("why t", "diff t", "approve t", "reject t")),
        ("sc cannot use the model that was asked for", ("why t", "diff t", "retry t")),
    ],
)  # fmt: skip
def test_the_next_step_fits_the_reason(reason: str, commands: tuple[str, ...]) -> None:
    assert next_commands("t", "needs_you", reason) == [f"gangsaw {each}" for each in commands]


@pytest.mark.parametrize(
    ("wish", "line"),
    [
        (Wish("hand_back", "api"), "gangsaw: cannot hand back api: no"),
        (Wish("claim", paths=("docs", "a.py")), "gangsaw: cannot claim docs, a.py: no"),
        (Wish("release"), "gangsaw: cannot release your claims: no"),
        (Wish("done"), "gangsaw: cannot say that it is done: no"),
        (Wish("cancel", "api"), "gangsaw: cannot cancel api: no"),
        (Wish("stop"), "gangsaw: cannot stop the run: no"),
    ],
)
def test_a_refusal_says_what_was_asked_for(
    wish: Wish, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(wish, Answered(False, "no"), as_json=False) == 1
    assert capsys.readouterr().err.strip() == line


def test_work_is_rejected_with_a_reason_as_a_text(pg: Playground) -> None:
    plan = pg.plan(
        [{"id": "ui", "prompt": "echo $GANGSAW_TURN >> ui.txt", "review": "person",
          "checks": ["true"]},
         {"id": "app", "prompt": "true", "needs": ["ui"], "checks": ["true"]}]
    )  # fmt: skip
    pg.run(plan, expect=3)
    assert pg.call("why", "ui").stdout.startswith("ui needs you: review: 1 file +1 −0, all checks")
    assert pg.call("reject", "ui", "a", "-m", "b").returncode == 2
    assert pg.call("reject", "ui", "leave the", "router alone").returncode == 0
    pg.run(plan, expect=3)
    again = pg.call("run", plan)
    assert (again.returncode, "ui needs you: gangsaw status" in again.stderr) == (3, True)
    assert "leave the router alone" in pg.call("logs", "ui", "--prompt").stdout
    assert "WAIT FOR IT" in pg.call("why", "ui").stdout
    pg.call("approve", "ui")
    pg.run(plan, expect=1)
    why = pg.call("why", "ui").stdout
    assert why.startswith("ui has landed: ")
    assert "WAIT FOR IT" not in why
    assert pg.call("why", "app").stdout.startswith("app has failed: ")
    assert pg.call("cancel", "app").returncode == 0


def test_an_agent_that_only_asks_in_words_is_quoted(pg: Playground) -> None:
    lines = ("done Which colour?", "on fix", "done Which colour do you want?", "end")
    script = "\n".join(["```script", *lines, "```"])
    pg.run(pg.plan([{"id": "a", "agent": "scripted", "prompt": script}]), expect=1)
    said = json.loads(pg.call("status", "--json").stdout)["tasks"][0]["reason"]
    assert "changed nothing; its last words: Which colour do you want?" in said


def test_doctor_tells_whether_somebody_agreed_to_the_setup(pg: Playground) -> None:
    assert "setup" not in pg.call("doctor").stdout
    pg.settings('[worktree]\nsetup = "true"\n')
    found = pg.call("doctor").stdout
    assert "nobody has agreed to `true` as it is now" in found
    assert "gangsaw trust" in found
    assert pg.call("trust").returncode == 0
    found = pg.call("doctor").stdout
    assert "somebody has agreed to `true` as it is now" in found


def test_a_program_named_by_its_way_from_here_is_asked_for_its_version(pg: Playground) -> None:
    program = pg.write("tools/claude", "#!/bin/sh\necho 2.1.5\n")
    program.chmod(0o755)
    pg.settings('[agents.mine]\nkind = "claude"\nbinary = "tools/claude"\n')
    found = [line for line in pg.call("doctor").stdout.splitlines() if "agent mine " in line]
    assert "2.1.5" in found[0], found


def test_one_task_is_rehearsed_as_one(pg: Playground) -> None:
    plan = pg.plan([{"id": "a", "prompt": "true", "checks": ["true"]}])
    said = pg.call("run", plan, "--dry-run", "--max-agents", "1").stdout
    assert said.startswith("1 task, at most 1 agent at once.")
