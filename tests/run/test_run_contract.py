"""What others build on: environment, folders, settings, status, events, limits, exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

STATUSES = {"waiting", "held", "working", "checking", "reviewing", "queued", "landing", "landed",
            "done", "failed", "cancelled", "needs_you"}  # fmt: skip
COMMIT = "echo $GANGSAW_TASK > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    return Playground(tmp_path)


def task(name: str, prompt: str = COMMIT, **fields: Any) -> dict[str, Any]:
    return {"id": name, "title": name, "prompt": f"{prompt}\n", **fields}


def statuses(status: Mapping[str, Any]) -> dict[str, str]:
    return {found["id"]: found["status"] for found in status["tasks"]}


# --- what an agent is given --------------------------------------------------------------------


def test_an_agent_sees_its_marks_its_settings_and_nothing_else(pg: Playground) -> None:
    pg.env |= {"DB_PASSWORD": "secret", "AWS_KEY": "secret", "WANTED_ONE": "1"}
    pg.settings(
        '[agents.spy]\nkind = "command"\npass_env = ["LEDGER", "WANTED_*"]\n'
        'argv = ["sh", "-eu", "{task_prompt_file}"]\nenv = {FIXED = "f", BOTH = "agent"}\n'
    )
    spy = f'pwd >> "$LEDGER"; env >> "$LEDGER"; {COMMIT}'
    pg.run(pg.plan([task("a", spy, agent="spy", env={"OWN": "o", "BOTH": "task"})]))
    folder, *lines = pg.ledger.read_text().splitlines()
    found = dict(line.partition("=")[::2] for line in lines)
    marks = {name: found[name] for name in found if name.startswith("GANGSAW_")}
    assert marks.items() >= {
        ("GANGSAW_RUN", "r1"), ("GANGSAW_TASK", "a"),
        ("GANGSAW_ATTEMPT", "a.1"), ("GANGSAW_TURN", "1"),
    }  # fmt: skip
    assert (found["OWN"], found["FIXED"], found["BOTH"]) == ("o", "f", "task")
    assert found["WANTED_ONE"] == "1"
    assert not {"DB_PASSWORD", "AWS_KEY", "PYTHONPATH"} & set(found)
    assert folder == str(pg.root / "repo-worktrees/r1/a.1")


def test_placeholders_standard_input_and_models(pg: Playground) -> None:
    pg.settings(
        '[agents.show]\nkind = "command"\nstdin = "prompt"\nmodel = "usual"\n'
        'pass_env = ["LEDGER"]\nargv = ["sh", "-euc", \'\'\'cat > prompt.txt; '
        'cmp prompt.txt "$1"; cp "$2" own.txt; echo "$3|$4|$5|{unknown}" >> "$LEDGER"; '
        'git add -A; git commit -qm x\'\'\', "sh", "{prompt_file}", "{task_prompt_file}", '
        '"in {worktree}", "{model}", "{session}"]\n'
    )
    odd = "an odd prompt: {model} {{title}} $HOME 'quotes'"
    tasks = [
        task("a", odd, agent="show", model="special"),
        task("b", odd, agent="show", needs=["a"]),
    ]
    pg.run(pg.plan(tasks, goal="the goal"))
    rows = [line.split("|") for line in pg.ledger.read_text().splitlines()]
    assert rows[0][0] == f"in {pg.root}/repo-worktrees/r1/a.1"
    assert [row[1] for row in rows] == ["special", "usual"]
    assert rows[0][2] != rows[1][2]
    assert rows[0][3] == "{unknown}"
    assert (pg.repo / "own.txt").read_text() == f"{odd}\n"
    prompt = (pg.repo / "prompt.txt").read_text()
    assert odd in prompt
    assert "the goal" in prompt
    assert "- a: a" in prompt
    kept = pg.repo / ".git/gangsaw/attempts/r1/b.1/prompt-1.md"
    assert kept.read_text() == prompt


# --- where it is called ------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["sub folder", "linked worktree"])
def test_it_runs_from_any_folder_of_the_repository(pg: Playground, place: str) -> None:
    if place == "sub folder":
        folder, target = pg.repo / "deep" / "er", "main"
        folder.mkdir(parents=True)
        where = pg.repo
    else:
        folder, target = pg.root / "linked", "side"
        pg.git("worktree", "add", "-q", "-b", target, str(folder))
        where = folder
    plan = pg.plan([task("a")])
    done = pg.call("run", os.path.relpath(plan, folder), "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout.splitlines()[-1])
    assert status["target"] == target
    assert (where / "a.txt").exists()
    assert pg.git("status", "--porcelain", cwd=where) == ""


def test_it_needs_no_settings_but_an_agent_and_a_commit(tmp_path: Path) -> None:
    pg = Playground(tmp_path)
    pg.git("rm", "-q", "gangsaw.toml")
    pg.git("commit", "-q", "--amend", "-m", "one commit")
    assert pg.git("rev-list", "--count", "HEAD") == "1"
    script = "#!script\nwrite a.txt ok\ncommit a\n"
    done = pg.call("run", pg.plan([task("a", script)]), "--agent", "scripted", "--json")
    assert done.returncode == 0, done.stderr
    assert (pg.repo / "a.txt").exists()


def test_a_repository_without_a_commit_is_refused_with_a_remedy(pg: Playground) -> None:
    empty = pg.root / "empty"
    pg.git("init", "-q", "-b", "main", str(empty))
    done = pg.call("run", pg.plan([task("a")]), cwd=empty)
    assert done.returncode == 2
    assert "no commit yet; try `git commit --allow-empty" in done.stderr
    done = pg.call("run", pg.plan([task("a")]), cwd=pg.root)
    assert done.returncode == 2
    assert "cannot find a git repository" in done.stderr


# --- what is told ------------------------------------------------------------------------------


def test_status_and_events_are_as_promised(pg: Playground) -> None:
    plan = pg.plan([task("a", checks=["true"]), task("b", needs=["a"]), task("c", "exit 9")])
    done = pg.call("run", plan, "--json")
    assert done.returncode == 1
    status = json.loads(done.stdout.strip().splitlines()[-1])
    assert pg.status() == status
    assert status["schema_version"] == 1
    assert (status["run"], status["target"]) == ("r1", "main")
    assert status["integration"] == "gangsaw/run/r1"
    assert status["engine_pid"] is None
    assert {found["status"] for found in status["tasks"]} <= STATUSES
    for found in status["tasks"]:
        assert {"id", "status", "reason", "attempts", "landed_commit", "tokens", "cost"} <= set(
            found
        )
    by_id = {found["id"]: found for found in status["tasks"]}
    assert [by_id[name]["landed_commit"] for name in "ab"] == pg.landings()
    assert by_id["c"]["landed_commit"] is None

    events = pg.events()
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    assert all({"seq", "at", "kind", "subject", "body"} <= set(event) for event in events)
    assert events[0]["kind"] == "run.started"
    assert events[-1]["kind"] == "engine.stopped"
    ats = [event["at"] for event in events]
    assert ats == sorted(ats)
    of_a = [event["kind"] for event in events if event["subject"] in ("a", "a.1")]
    expected = ["attempt.admitted", "workspace.prepared", "turn.wanted", "turn.started",
                "turn.exited", "inspection.wanted", "work.found", "verdict.reached",
                "change.queued", "candidate.wanted", "candidate.built", "candidate.judged",
                "landing.wanted", "landed", "workspace.closed"]  # fmt: skip
    assert [kind for kind in of_a if kind in expected] == expected


# --- what is put into a worktree ---------------------------------------------------------------


def test_files_are_copied_and_linked_and_the_setup_is_run(pg: Playground) -> None:
    pg.write(".gitignore", ".env\nmodules\nbuilt\n")
    pg.write(".env", "KEY=1\n")
    pg.write("modules/lib.js", "lib\n")
    pg.git("add", "-A")
    pg.settings(
        '[worktree]\nroot = "../elsewhere"\ncopy = [".env"]\nlink = ["modules"]\n'
        'setup = "echo set up in $PWD >> \\"$LEDGER\\"; echo ok > built"\n'
        '[checks]\npass_env = ["LEDGER"]\n'
    )
    look = "test -f .env; test -L modules; grep -q lib modules/lib.js; grep -q ok built"
    plan = pg.plan([task("a", f"{look}; {COMMIT}", checks=[look.replace("; ", " && ")])])
    pg.run(plan, "--trust-setup")
    assert (pg.repo / "modules/lib.js").read_text() == "lib\n"
    assert pg.git("ls-tree", "--name-only", "main:").split() == [
        ".gitignore", "README.md", "a.txt", "gangsaw.toml",
    ]  # fmt: skip
    places = [Path(words[-1]) for words in pg.ledger_lines()]
    within = pg.root / "elsewhere" / "r1"
    assert places[0] == within / "a.1"
    assert all(place.is_relative_to(within) and place.name != "a.1" for place in places[1:])
    assert len(places) == 2
    assert not (pg.root / "repo-worktrees").exists()


def test_a_setup_that_fails_is_a_reason(pg: Playground) -> None:
    pg.settings('[worktree]\nsetup = "echo no network today; exit 7"\n')
    status = pg.run(pg.plan([task("a", attempts=1)]), "--trust-setup", expect=1)
    found = status["tasks"][0]
    assert found["status"] == "failed"
    assert "cannot set up the worktree" in found["reason"]
    assert "exit code 7: no network today" in found["reason"]


# --- slots, tracks, priorities -----------------------------------------------------------------

LOGGED = 'echo $GANGSAW_TASK begin >> "$LEDGER"; sleep 0.3; echo $GANGSAW_TASK end >> "$LEDGER"; '


def most_at_once(pg: Playground, names: set[str]) -> int:
    most, live = 0, 0
    for name, mark in pg.ledger_lines():
        if name in names:
            live += 1 if mark == "begin" else -1
            most = max(most, live)
    return most


def test_agent_slots_tracks_scopes_and_priorities_are_kept(pg: Playground) -> None:
    pg.settings(
        '[agents.one]\nkind = "command"\nslots = 1\npass_env = ["LEDGER"]\n'
        'argv = ["sh", "-eu", "{task_prompt_file}"]\n'
    )
    tasks = [
        *(task(f"slot{n}", LOGGED + COMMIT, agent="one") for n in range(3)),
        *(task(f"track{n}", LOGGED + COMMIT, track="db") for n in range(3)),
        *(task(f"scope{n}", LOGGED + COMMIT, scope=["src/api/**", "scope*.txt"]) for n in range(3)),
        *(task(f"free{n}", LOGGED + COMMIT) for n in range(2)),
    ]
    for found in tasks:
        if found["id"] == "track2":
            found["priority"] = 5
    pg.run(pg.plan(tasks), "--max-agents", "8")
    for kind in ("slot", "track", "scope"):
        assert most_at_once(pg, {f"{kind}{n}" for n in range(3)}) == 1, kind
    begun = [name for name, mark in pg.ledger_lines() if mark == "begin"]
    assert begun.index("track2") < begun.index("track0") < begun.index("track1")


def test_priority_then_the_longest_chain_then_the_order_of_the_file(pg: Playground) -> None:
    log = 'echo $GANGSAW_TASK >> "$LEDGER"; ' + COMMIT
    tasks = [
        task("short", log), task("last", log, needs=["long"]), task("long", log),
        task("short2", log), task("urgent", log, priority=10),
    ]  # fmt: skip
    pg.run(pg.plan(tasks), "--max-agents", "1")
    order = [words[0] for words in pg.ledger_lines()]
    assert order[:2] == ["urgent", "long"]
    assert order.index("short") < order.index("short2")


# --- limits ------------------------------------------------------------------------------------


def test_a_spent_budget_stops_with_its_own_exit_code(tmp_path: Path) -> None:
    pg = Playground(tmp_path, agent="scripted")
    script = "#!script\nusage 1000 200 0.75\nwrite {0}.txt ok\ncommit {0}\n"
    names = ["a", "b", "c", "d"]
    plan = pg.plan([task(name, script.format(name)) for name in names])
    status = pg.run(plan, "--budget", "1.6", "--max-agents", "1", expect=4)
    assert statuses(status) == {"a": "landed", "b": "landed", "c": "held", "d": "held"}
    reason = "the budget has no room for it: $1.50 of $1.60; this launch may use $0.75"
    assert status["tasks"][2]["reason"] == reason
    assert status["cost"] == 1.5
    assert status["tokens"] == 2400
    assert [found["tokens"] for found in status["tasks"]] == [1200, 1200, 0, 0]
    # More money, and it goes on.
    again = pg.call("run", "--budget", "10", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["cost"] == 3.0


def test_checks_have_a_time_limit_an_environment_and_a_clean_tree(pg: Playground) -> None:
    pg.env |= {"SECRET_TOKEN": "s", "CI_WORD": "w"}
    pg.settings('[checks]\ntimeout_s = 2\npass_env = ["CI_WORD"]\n')
    tasks = [
        task("hangs", COMMIT + " || :", checks=["echo before; sleep 600"], attempts=1),
        task("env", checks=['test "$CI_WORD" = w && test -z "${SECRET_TOKEN:-}"']),
        task("argv", checks=[["test", "-e", "argv.txt"]]),
        # A file that is not committed, since it is ignored, is not there for the check.
        task("clean", "echo '*.o' > .gitignore; echo o > x.o; " + COMMIT,
             checks=["test ! -e x.o && touch dirt.txt && test ! -e seen && touch seen"]),
        task("missing", COMMIT + " || :", checks=[["no-such-program-here"]], attempts=1),
    ]  # fmt: skip
    status = pg.run(pg.plan(tasks), expect=1)
    found = {item["id"]: item for item in status["tasks"]}
    assert statuses(status) == {
        "hangs": "failed", "env": "landed", "argv": "landed", "clean": "landed",
        "missing": "failed",
    }  # fmt: skip
    assert "check failed: echo before; sleep 600" in found["hangs"]["reason"]
    prompts = pg.repo / ".git/gangsaw/attempts/r1"
    assert "still running after 2 s" in (prompts / "hangs.1/prompt-2.md").read_text()
    assert "no-such-program-here" in (prompts / "missing.1/prompt-2.md").read_text()


def test_a_red_check_goes_back_to_the_same_attempt_and_is_mended(pg: Playground) -> None:
    mended = (
        'if [ "$GANGSAW_TURN" = 2 ]; then echo right > word.txt; else echo wrong > word.txt; fi'
    )
    plan = pg.plan(
        [task("a", f"{mended}; {COMMIT}", checks=["cat word.txt; grep -q right word.txt"])]
    )
    status = pg.run(plan)
    assert (status["tasks"][0]["status"], status["tasks"][0]["attempts"]) == ("landed", 1)
    folder = pg.repo / ".git/gangsaw/attempts/r1/a.1"
    assert sorted(path.name for path in folder.glob("prompt-*")) == ["prompt-1.md", "prompt-2.md"]
    again = (folder / "prompt-2.md").read_text()
    assert "cat word.txt; grep -q right word.txt" in again
    assert "wrong" in again


def test_a_template_of_the_user_is_used(pg: Playground) -> None:
    pg.write(".gangsaw/prompts/work.md", "Dear agent, {{title}}: {{prompt}}\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "template")
    pg.run(pg.plan([task("a")]))
    prompt = pg.repo / ".git/gangsaw/attempts/r1/a.1/prompt-1.md"
    assert prompt.read_text().startswith("Dear agent, a: echo")
