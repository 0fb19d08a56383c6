"""The landing queue as people see and steer it, on real runs that are held by name."""

from __future__ import annotations

import json
from typing import Any

from gangsaw.testing.playground import Playground
from tests.cli.shapes import misfits

TWO_ARE_RED = "test $(ls *.part | wc -l) -lt 2 || { echo bad is here; exit 1; }"
"""Green for each alone, and red for both together."""


def queue(pg: Playground) -> dict[str, Any]:
    done = pg.call("queue", "--json")
    return json.loads(done.stdout) if done.returncode == 0 else {"changes": []}


def schema_of(pg: Playground, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pg.call("schema", name).stdout)
    return found


def test_the_queue_of_a_live_run_is_seen_held_and_let_go(pg: Playground) -> None:
    pg.write("app.txt", "".join(f"line {n}\n" for n in range(9)))
    pg.git("add", "-A")
    pg.git("commit", "-qm", "more")
    ready = f"n=0; while test ! -e {pg.root}/late && test $n -lt 1200; do sleep 0.05; "
    ready += "n=$((n+1)); done\n"
    edit = "sed -i 's/line 4/{0} 4/' app.txt"
    tasks: list[dict[str, Any]] = [
        {"id": "one", "prompt": edit.format("one")},
        {"id": "two", "prompt": ready + edit.format("two")},
        {"id": "lock", "prompt": ready + "echo x > package-lock.json"},
        {"id": "seen", "prompt": "echo x > seen.txt", "review": "person"},
    ]
    plan = pg.plan([{"checks": ["true"], "attempts": 1, **task} for task in tasks])
    engine = pg.start("run", plan, "--plain")
    pg.wait_for(lambda: pg.call("queue").returncode == 0, "a run")
    assert pg.call("queue", "--pause").stdout.startswith("no further batch is formed")
    (pg.root / "late").write_text("")

    def waiting() -> bool:
        return {"two", "lock"} <= {each["task"] for each in queue(pg)["changes"]}

    pg.wait_for(waiting, "the changes in the queue")
    sealed = ("queued", "landing", "landed")
    pg.wait_for(lambda: pg.statuses()["one"] in sealed, "the first one's work")
    pg.wait_for(lambda: pg.statuses()["seen"] == "needs_you", "a task that waits for a person")
    found = queue(pg)
    assert misfits(found, schema_of(pg, "queue")) == []
    assert (found["state"], found["window"]) == ("paused", 16)
    assert found["held_by"]
    assert "paused by" in pg.call("queue").stdout
    assert {each["task"]: each["barrier"] for each in found["changes"]}["lock"] == [
        "package-lock.json"
    ]
    assert "gangsaw queue --resume" in pg.call("why", "lock").stdout.splitlines()[0]
    agreed = pg.call("land", "seen", "--json")
    assert misfits(json.loads(agreed.stdout), schema_of(pg, "answer")) == []
    assert "approved; seen lands before all others" in agreed.stdout
    pg.wait_for(lambda: queue(pg)["changes"] != [] and "seen" in _tasks(pg), "seen in the queue")
    first = {each["task"]: each["alone"] for each in queue(pg)["changes"]}
    assert first["seen"] == "first"
    _shows_where_two_changes_meet(pg)
    assert pg.call("queue", "--resume").stdout == "landing again\n"
    engine.wait(120)
    assert pg.statuses()["seen"] == "landed"
    watched = pg.call("queue", "--watch").stdout
    assert "nothing waits for its landing" in watched
    assert "LANDED LAST" in watched
    assert queue(pg)["last_landed"]["commit"]
    assert "cannot land seen: seen has landed" in pg.call("land", "seen").stderr


def _tasks(pg: Playground) -> list[str]:
    return [each["task"] for each in queue(pg)["changes"]]


def _shows_where_two_changes_meet(pg: Playground) -> None:
    found = json.loads(pg.call("diff", "two", "--against", "one", "--json").stdout)
    assert misfits(found, schema_of(pg, "diff-against")) == []
    assert found["merges"] is False
    assert [(each["path"], each["meet"]) for each in found["both"]] == [("app.txt", "conflict")]
    hunk = found["conflicts"][0]["hunks"][0]["text"].splitlines()
    assert hunk[hunk.index("<<<<<<< two") :][:5] == [
        "<<<<<<< two",
        "two 4",
        "=======",
        "one 4",
        ">>>>>>> one",
    ]
    shown = pg.call("diff", "two", "--against", "one").stdout
    assert shown.startswith("two and one do not merge: app.txt\n")
    assert "\n-two 4\n+one 4\n" in shown
    apart = pg.call("diff", "lock", "--against", "seen", "--stat").stdout
    assert apart.startswith("lock and seen change different files, and merge\n")
    same = pg.call("diff", "two", "--against", "two")
    assert same.returncode == 2
    assert "with itself" in same.stderr


def test_a_change_that_is_red_with_others_has_its_evidence_everywhere(pg: Playground) -> None:
    """What goes back says command, output and tree, wherever one looks."""
    pg.write("base.part", "base\n")
    pg.settings(f"[checks]\nrun = ['{TWO_ARE_RED}']\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "more")
    pg.run(
        pg.plan(
            [
                {"id": name, "prompt": f"rm base.part; echo x > {name}.part", "attempts": 1}
                for name in ("left", "right")
            ]
        ),
        expect=1,
    )
    returned = [e for e in pg.events() if e["kind"] == "work.returned"]
    causes = {(e["body"]["attempt"], e["body"]["cause"]) for e in returned}
    assert "combination" in {cause for _, cause in causes}
    status = pg.status()
    assert misfits(status, schema_of(pg, "status")) == []
    red = [task for task in status["tasks"] if task["evidence"]]
    assert len(red) == 1
    for evidence in (
        red[0]["evidence"],
        json.loads(pg.call("why", red[0]["id"], "--json").stdout)["evidence"],
        json.loads(pg.call("diff", red[0]["id"], "--json").stdout)["evidence"],
    ):
        (check,) = evidence["checks"]
        assert check["command"].startswith("test $(ls *.part")
        assert "bad is here" in check["tail"]
        assert isinstance(check["failing"], list)
        assert pg.git("cat-file", "-t", evidence["tree"]) == "tree"
    why = pg.call("why", red[0]["id"])
    assert f"tree {red[0]['evidence']['tree']}" in why.stdout
    assert misfits(json.loads(pg.call("why", red[0]["id"], "--json").stdout),
                   schema_of(pg, "why")) == []  # fmt: skip


def test_queue_without_a_live_run_takes_requests_for_the_next(mixed: Playground) -> None:
    assert "nothing waits for its landing" in mixed.call("queue").stdout
    refused = mixed.call("land", "api")
    assert refused.returncode == 1
    assert "no work that could land" in refused.stderr
    assert misfits(queue(mixed), schema_of(mixed, "queue")) == []
