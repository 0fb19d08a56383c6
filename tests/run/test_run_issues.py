"""Issues run to their end: a saved export of GitHub's, and the list of a feature of eight."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gangsaw.testing.playground import Playground

CORPUS = Path(__file__).parents[1] / "corpus"
AGENT = """
[run]
agent = "writer"
backoff_s = 0.02
[agents.writer]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "echo x > $GANGSAW_TASK.txt; git add -A; git commit -qm work"]
"""


def ground_with(tmp_path: Path, source: Path, name: str) -> Playground:
    ground = Playground(tmp_path / "ground")
    ground.write("gangsaw.toml", AGENT)
    shutil.copy(source, ground.repo / name)
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "the issues")
    return ground


def test_saved_issues_are_run_and_say_so_with_the_requests_for_github(tmp_path: Path) -> None:
    source = CORPUS / "github" / "02-gh-list.json"
    ground = ground_with(tmp_path, source, "issues.json")
    done = ground.call("run", "issues.json", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    text = (ground.repo / "issues.json").read_text("utf-8")
    landed = 0
    for issue in json.loads(text):
        assert issue["state"] == "CLOSED"
        assert issue["gangsaw"]["says"] == "landed"
        (comment,) = [
            call["body"]["body"]
            for call in issue["gangsaw"]["calls"]
            if call["path"].endswith("/comments")
        ]
        commit = comment.removeprefix("Landed as ").rstrip(".")
        assert f"{issue['number']}.txt" in ground.git("ls-tree", "--name-only", commit)
        said = json.dumps(issue["gangsaw"])
        text = text.replace(f'"gangsaw":{said},', "").replace(f',"gangsaw":{said}', "")
        landed += 1
    assert landed == 8
    before = source.read_text("utf-8")
    after = before.replace(
        '"state":"OPEN","stateReason":""', '"state":"CLOSED","stateReason":"COMPLETED"'
    )
    assert text == after
    again = ground.call("plan", "check", "issues.json")
    assert "0 tasks of 8 records" in again.stdout + again.stderr


def test_a_list_of_issues_is_run_in_its_phases(tmp_path: Path) -> None:
    source = CORPUS / "issuelist" / "02-feature.txt"
    ground = ground_with(tmp_path, source, "issues.txt")
    done = ground.call("run", "--from", "issuelist", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = source.read_text("utf-8").splitlines(keepends=True)
    after = "".join(line if line.startswith("#") else f"# done: {line}" for line in lines)
    assert (ground.repo / "issues.txt").read_bytes().decode() == after
