"""What is Codex's alone: its sandbox in a linked worktree, and a turn that only looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gangsaw.testing.models import ModelServer
from tests.e2e.conftest import ProgramOf
from tests.e2e.place import Place
from tests.e2e.real_agents import AGENTS
from tests.e2e.record_streams import SCENARIOS, Studio, Take
from tests.e2e.scenarios import scenarios

CODEX = next(agent for agent in AGENTS if agent.kind == "codex")

pytestmark = pytest.mark.e2e


def test_codex_commits_in_a_linked_worktree_from_within_its_sandbox(
    program_of: ProgramOf, tmp_path: Path
) -> None:
    program = program_of("codex")
    sandboxed = replace(
        CODEX, arguments=lambda url: (*CODEX.arguments(url), "-s", "workspace-write")
    )
    with ModelServer(scenarios()) as server:
        place = Place(tmp_path, server, [(sandboxed, program)])
        # Its home must not be below the folder for temporary files, or it has no sandbox.
        place.pg.env["TMPDIR"] = str(place.home / "tmp")
        (place.home / "tmp").mkdir()
        prompt = "Write the file. [[scenario:edit file=a.txt word=ok]]"
        task = {"id": "a", "title": "a", "prompt": prompt, "checks": ["grep -q ok a.txt"]}
        found = place.run([task])["a"]
        assert (found["status"], found["attempts"]) == ("landed", 1), place.told()
        assert "add-a.txt" in place.pg.git("log", "--format=%s").splitlines()


def test_what_only_looks_cannot_write(program_of: ProgramOf, tmp_path: Path) -> None:
    program = program_of("codex")
    with ModelServer(SCENARIOS) as server:
        studio = Studio("codex", str(program), server, tmp_path)
        done = studio.turn(Take("looks", readonly=True))
    assert done.returncode == 0, done.stdout
    assert b"It is fine as it is." in done.stdout
    assert not list(tmp_path.rglob("denied.txt"))
