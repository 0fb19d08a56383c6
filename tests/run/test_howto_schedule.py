"""The page about schedules: its commands are given in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.run.schedule_stage import ScheduleStage, task

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "schedule.md"
_BLOCK = re.compile(r"(?:<!-- after ([a-z.]+) -->\n)?```sh\n(.*?)```", re.DOTALL)


def test_the_page_about_schedules_does_what_it_says(tmp_path: Path) -> None:
    site = ScheduleStage(tmp_path, [task("a"), task("b")])
    ground = site.ground
    (ground.repo / ".git" / "info" / "exclude").write_text("plan.yaml\n")
    ground.write("plan.yaml", site.plan.read_text())
    said: dict[str, str] = {}
    try:
        for after, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
            if after:
                site.wait_fact(after)
            for line in text.splitlines():
                words = shlex.split(line)
                assert words[0] == "gangsaw"
                done = ground.call(*words[1:])
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
                said[line] = done.stdout
    finally:
        site.sweep()
    assert "r1 · landed 2 of 2 · exit 0" in said["gangsaw schedule status"]
    assert "tick 1 ended: r1 landed 2 of 2 · exit 0" in said["gangsaw schedule logs"]
    assert "s1 is over" in said["gangsaw schedule down"]
