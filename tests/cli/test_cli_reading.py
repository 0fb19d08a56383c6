"""Commands that read, on a real run: what they say to people, and the shape of their JSON."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground
from tests.cli.shapes import misfits


def schema_of(pg: Playground, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pg.call("schema", name).stdout)
    return found


def steady(text: str, pg: Playground) -> str:
    """The text without what differs from run to run: commits, times, folders."""
    text = text.replace(str(pg.root), "ROOT")
    text = re.sub(r"\b[0-9a-f]{40}\b", "COMMIT", text)
    text = re.sub(r"\b[0-9a-f]{10}\b", "COMMIT", text)
    text = re.sub(r"[0-9a-f]{16}\.\d", "CHECK", text)
    return re.sub(r"\b\d+ s\b", "N s", re.sub(r" +\d+:\d\d  ", "  0:00  ", text))


STATUS = """\
r1 · 1 landed · 1 held · 1 failed · N s

WAITING
  e2e     held · api did not land

FAILED
  api     check failed: echo the api is not there; test -f server.py · 1 of 1 attempts used
          gangsaw why api · gangsaw logs api · gangsaw retry api

LANDED
  schema
"""

WHY = """\
api has failed: check failed: echo the api is not there; test -f server.py · 1 of 1 attempts used
r1 · 1 attempt

NEEDS
  schema  landed · 1 file +1 −0

WENT BACK
  api.1  checks · tree COMMIT

CHECKS
  ✗ echo the api is not there; test -f server.py  failed (exit code 1) · \
after 1 red run on the same tree
      the api is not there
      whole output: ROOT/repo/.git/gangsaw/checks/r1/api/CHECK/out

HISTORY
"""

WHY_END = """\
  0:00  attempt 1 ended (checks): check failed: echo the api is not there; test -f server.py
  0:00  given up: check failed: echo the api is not there; test -f server.py · 1 of 1 attempts used
  0:00  worktree closed; its work is kept as refs/gangsaw/attempts/r1/api.1/work

WAIT FOR IT
  e2e

its work was kept after turns 1, 2, 3: gangsaw retry api --from 3

its output is in ROOT/repo/.git/gangsaw/attempts/r1/api.1

next: gangsaw logs api · gangsaw retry api · gangsaw diff api
"""


def test_status_for_people(mixed: Playground) -> None:
    done = mixed.call("status")
    assert done.returncode == 0
    assert steady(done.stdout, mixed) == STATUS


def test_status_from_any_folder_and_worktree(mixed: Playground, tmp_path: Path) -> None:
    below = mixed.repo / "a" / "b"
    below.mkdir(parents=True, exist_ok=True)
    mixed.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    for place in (below, tmp_path / "tree"):
        assert steady(mixed.call("status", cwd=place).stdout, mixed) == STATUS
    assert steady(mixed.call("-C", mixed.repo, "status", cwd=tmp_path).stdout, mixed) == STATUS
    mixed.git("worktree", "remove", "--force", str(tmp_path / "tree"))


def test_why_for_people(mixed: Playground) -> None:
    text = steady(mixed.call("why", "api").stdout, mixed)
    assert text.startswith(WHY)
    assert text.endswith(WHY_END)


def test_why_of_a_held_task_names_what_it_waits_for_with_its_own_status(mixed: Playground) -> None:
    why = json.loads(mixed.call("why", "e2e", "--json").stdout)
    assert why["hold"]["kind"] == "failed_needs"
    assert [(each["id"], each["status"]) for each in why["waits_for"]] == [("api", "failed")]
    assert why["next"] == ["gangsaw why api"]


def test_an_unknown_task_gets_the_nearest_name(mixed: Playground) -> None:
    for command in ("why", "logs", "diff", "retry"):
        done = mixed.call(command, "shcema")
        assert done.returncode == 2
        assert "did you mean 'schema'?" in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("status", ("status", "--json")),
        ("why", ("why", "api", "--json")),
        ("why", ("why", "e2e", "--json")),
        ("why", ("why", "schema", "--json")),
        ("diff", ("diff", "api", "--json")),
        ("diff-against", ("diff", "api", "--against", "schema", "--json")),
        ("queue", ("queue", "--json")),
        ("logs", ("logs", "api", "--json")),
        ("worktrees", ("worktrees", "--json")),
        ("stranded", ("stranded", "--json")),
        ("clean", ("clean", "--dry-run", "--json")),
        ("doctor", ("doctor", "--json")),
        ("answer", ("pause", "--json")),
        ("end", ("stop", "--json")),
    ],
)
def test_json_has_the_documented_shape(
    mixed: Playground, name: str, words: tuple[str, ...]
) -> None:
    printed = json.loads(mixed.call(*words).stdout)
    assert misfits(printed, schema_of(mixed, name)) == []


def test_every_event_has_the_documented_shape(mixed: Playground) -> None:
    schema, events = schema_of(mixed, "events"), mixed.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "run.started"
    assert [misfit for event in events for misfit in misfits(event, schema)] == []


def test_the_shape_test_notices(mixed: Playground) -> None:
    schema = schema_of(mixed, "status")
    good = mixed.status()
    tasks: list[Mapping[str, Any]] = good["tasks"]
    for wrong in (
        {**good, "engine_pid": "none"},
        {**good, "tasks": [{**tasks[0], "status": "busy"}]},
        {name: value for name, value in good.items() if name != "integration"},
    ):
        assert misfits(wrong, schema)
    body = {"seq": 1, "at": 1.0, "kind": "landed", "subject": "a.1", "body": {"attempt": "a.1"}}
    assert misfits(body, schema_of(mixed, "events"))


def test_events_of_one_task(mixed: Playground) -> None:
    lines = mixed.call("events", "--task", "api", "--json").stdout.splitlines()
    assert {json.loads(line)["subject"] for line in lines} == {"api", "api.1"}
    after = mixed.call("events", "--json", "--after", "3").stdout.splitlines()
    assert json.loads(after[0])["seq"] == 4
    assert "task.given_up" in mixed.call("events").stdout


def test_logs_are_fit_for_a_terminal_unless_raw(mixed: Playground) -> None:
    assert mixed.call("logs", "schema").stdout == "made red\n"
    assert mixed.call("logs", "schema", "--raw").stdout == "made \x1b[31mred\x1b[0m\n"
    assert mixed.call("logs", "schema", "-f").stdout == "made red\n"
    assert mixed.call("logs", "api", "--err", "--turn", "1").stdout == "trying\n"
    assert "create table t" in mixed.call("logs", "schema", "--prompt").stdout
    missing = mixed.call("logs", "e2e")
    assert missing.returncode == 2
    assert "gangsaw why e2e" in missing.stderr


def test_diff_of_landed_and_of_failed_work(mixed: Playground) -> None:
    landed, failed = mixed.call("diff", "schema"), mixed.call("diff", "api", "--stat")
    assert "+create table t" in landed.stdout
    assert "as it landed" in landed.stderr
    assert "api.py | 1 +" in failed.stdout
    assert "schema.sql" not in failed.stdout
    assert mixed.call("diff", "e2e").returncode == 2


def test_a_diff_on_a_terminal_has_our_colours_and_no_sequence_of_the_agent_s(
    pg: Playground,
) -> None:
    prompt = "printf 'a\\033]0;owned\\007b\\n' > evil.txt"
    pg.run(pg.plan([{"id": "evil", "prompt": prompt, "checks": ["true"]}]))
    assert "\x1b]0;owned\x07" in pg.call("diff", "evil").stdout  # a pipe gets it as it is
    front, back = pty.openpty()
    env = {**pg.environment(), "TERM": "xterm"}
    del env["NO_COLOR"]
    subprocess.run(pg.argv("diff", "evil"), cwd=pg.repo, env=env, stdout=back, check=True)
    os.close(back)
    shown = os.read(front, 65536).decode()
    os.close(front)
    assert "\x1b[32m+ab\x1b[0m" in shown
    assert "owned" not in shown


def test_stranded_names_the_failed_work_once_and_not_the_landed(mixed: Playground) -> None:
    found = json.loads(mixed.call("stranded", "--json").stdout)["stranded"]
    assert [each["files"] for each in found] == [["api.py"]]
    assert found[0]["bring_back"] == f"gangsaw rescue {found[0]['call']}"
    assert found[0]["bytes"] == len("api\n")


def test_nothing_has_run_is_said_with_what_to_do(pg: Playground) -> None:
    for words in (("status",), ("why", "x"), ("events",), ("retry", "x"), ("diff", "x")):
        done = pg.call(*words)
        assert done.returncode == 2
        assert "nothing has run here yet" in done.stderr


def test_reading_makes_nothing_and_needs_no_engine_s_files(
    mixed: Playground, tmp_path: Path
) -> None:
    """The control folder is the same before and after, and a copy of it will do."""
    before = sorted(str(path) for path in (mixed.repo / ".git" / "gangsaw").rglob("*"))
    for words in (("status",), ("why", "api"), ("events",), ("logs", "api"), ("worktrees",)):
        assert mixed.call(*words).returncode == 0
    after = sorted(str(path) for path in (mixed.repo / ".git" / "gangsaw").rglob("*"))
    assert [p for p in after if not p.endswith(("-wal", "-shm"))] == [
        p for p in before if not p.endswith(("-wal", "-shm"))
    ]
    # The bell is a pipe, which cannot be copied.
    shutil.copytree(mixed.repo / ".git", tmp_path / ".git", ignore=lambda *_: {"inbox"})
    assert steady(mixed.call("status", cwd=tmp_path).stdout, mixed) == STATUS
