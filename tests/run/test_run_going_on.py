"""After a crash an agent without sessions goes on in its worktree, told what is in it."""

from __future__ import annotations

from pathlib import Path

from gangsaw.testing.playground import Playground

AUTHOR = """
[agents.author]
kind = "command"
argv = ["sh", "-eu", "{task_prompt_file}"]
stdin = "prompt"
"""

DIES_HALF_WAY = """
cat > ../told.$GANGSAW_ATTEMPT.$GANGSAW_TURN
if grep -q "holds so f[a]r" ../told.$GANGSAW_ATTEMPT.$GANGSAW_TURN; then
    echo second >> a.txt
    git commit -qam second
else
    echo first > a.txt
    git add -A
    git commit -qm "the first half"
    echo open > b.txt
    kill -9 $$
fi
"""


def test_a_crash_loses_neither_the_worktree_nor_a_try(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="author")
    ground.settings(AUTHOR)
    found = ground.run(
        ground.plan([{"id": "a", "prompt": DIES_HALF_WAY, "checks": ["test -s a.txt"]}])
    )
    assert (found["tasks"][0]["status"], found["tasks"][0]["attempts"]) == ("landed", 1)
    assert ground.git("show", "gangsaw/run/r1:a.txt").split() == ["first", "second"]
    assert ground.git("show", "gangsaw/run/r1:b.txt") == "open"
    (told,) = tmp_path.rglob("told.a.1.2")
    assert "the first half" in told.read_text()
    assert "b.txt" in told.read_text()
