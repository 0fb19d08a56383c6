"""What was asked while no engine ran is not lost by a new run that knows nothing of it."""

from __future__ import annotations

import json
from pathlib import Path

from gangsaw.testing.playground import Playground

ISSUES = [
    {"id": "e-1", "title": "one", "status": "open", "issue_type": "epic"},
    {"id": "e-1.1", "title": "fail", "status": "open", "issue_type": "task"},
    {"id": "e-2", "title": "two", "status": "open", "issue_type": "epic"},
    {"id": "e-2.1", "title": "work", "status": "open", "issue_type": "task"},
]
WORK = (
    "if [ $GANGSAW_TASK = e-1-1 ] && [ ! -e {root}/mended ]; then exit 3; fi; "
    "echo x > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"
)


def test_a_retry_that_waits_is_not_lost_by_a_run_of_another_part(tmp_path: Path) -> None:
    ground = Playground(tmp_path / "ground")
    work = json.dumps(["sh", "-c", WORK.format(root=ground.root)])
    ground.write(
        "gangsaw.toml",
        '[run]\nagent = "writer"\nattempts = 1\nbackoff_s = 0.02\nmemory_floor_pct = 1\n'
        "disk_floor_mb = 10\n[machine]\ndisk_max_pct = 100\nlaunch_delay_s = 0\n"
        f'[agents.writer]\nkind = "command"\nstdin = "none"\nargv = {work}\n',
    )
    ground.write(".beads/issues.jsonl", "".join(json.dumps(each) + "\n" for each in ISSUES))
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "issues")
    source = "beads:.beads/issues.jsonl"
    assert ground.call("run", "--from", source, "--epic", "e-1", "--plain").returncode == 1
    ground.git("commit", "-qam", "marks")
    assert ground.call("retry", "e-1-1").returncode == 0
    (ground.root / "mended").touch()
    other = ground.call("run", "--from", source, "--epic", "e-2", "--plain")
    assert other.returncode == 2
    assert "gangsaw retry e-1-1 was asked of r1 and waits; try: gangsaw run" in other.stderr
    assert ground.call("run", "--plain").returncode == 0
    assert (ground.repo / "e-1-1.txt").exists()
    ground.git("commit", "-qam", "more marks")
    other = ground.call("run", "--from", source, "--epic", "e-2", "--plain")
    assert other.returncode == 0, other.stderr
    assert (ground.repo / "e-2-1.txt").exists()
