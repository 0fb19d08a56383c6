"""The page about conversion: its commands are given, and its table is what the writers say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from gangsaw.sources.registry import WRITTEN, expressed
from gangsaw.testing.playground import Playground

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "convert.md"
CORPUS = Path(__file__).parents[1] / "corpus"
WORDS = {
    "priority": "priorities",
    "checks": "check",
    "estimate_s": "estimate",
    "timeout_s": "timeout",
    "status": "status|done or not",
}


def test_the_table_of_kinds_says_what_their_writers_say() -> None:
    rows = re.findall(r"^\| (`.*?) \| (.*?) \| .*? \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    told = {name: said for names, said in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(told) == set(WRITTEN)
    for name, said in told.items():
        if said == "everything":
            continue
        for key in ("needs", "prompt", "goal", "scope", "track", "agent", "model", "attempts",
                    *WORDS):  # fmt: skip
            is_told = re.search(WORDS.get(key, key), said) is not None
            assert is_told == (key in expressed(name)), (name, key)


def test_the_page_about_conversion(tmp_path: Path) -> None:
    ground = Playground(tmp_path)
    tasks = (CORPUS / "speckit" / "02-template.tasks.md").read_text("utf-8")
    (ground.repo / "specs" / "003-goals").mkdir(parents=True)
    ground.write("specs/003-goals/tasks.md", tasks)
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for line in block.splitlines():
        name, *words = shlex.split(line)
        assert name == "gangsaw"
        done = ground.call(*words)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    plan = (ground.repo / "plan.yaml").read_text("utf-8")
    written = list((ground.repo / "backlog" / "tasks").iterdir())
    assert len(written) == plan.count("\n  - id: ") > 10


def test_a_mapped_table_is_run_and_written_back(tmp_path: Path) -> None:
    """The fields of a stranger's export, named on the command line only."""
    ground = Playground(tmp_path)
    work = "echo $GANGSAW_TASK > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"
    ground.write(
        "gangsaw.toml",
        f'[run]\nagent = "w"\n[agents.w]\nkind = "command"\nstdin = "none"\n'
        f'argv = ["sh", "-c", "{work}"]\n',
    )
    text = (
        '[{"ref": "one", "What": "First", "now": {"state": "Open"}},\n'
        ' {"ref": "two", "What": "Second", "now": {"state": "Open"}, "Waits": ["one"]}]\n'
    )
    ground.write("export.json", text)
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "an export")
    mapping = "id=ref,title=What,status=now.state,needs=Waits"
    checked = ground.call("plan", "check", "--from", "export.json", "--map", mapping)
    assert "2 tasks of 2 records (table), no faults" in checked.stdout
    done = ground.call("run", "--from", "export.json", "--map", mapping)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (ground.repo / "export.json").read_text() == text.replace("Open", "Done")
