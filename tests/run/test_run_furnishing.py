"""What an attempt finds in its worktree and in its environment: included files, ports, its role."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

COMMIT = "echo x > $GANGSAW_TASK.txt; git add $GANGSAW_TASK.txt; git commit -qm work"


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    return Playground(tmp_path)


def task(name: str, prompt: str, **more: object) -> dict[str, object]:
    return {"id": name, "title": f"Task {name}", "prompt": prompt, **more}


def test_ignored_files_that_are_included_are_there_for_agents_and_checks(pg: Playground) -> None:
    pg.write(".gitignore", "*.local\nbuild/\n")
    pg.write(
        ".worktreeinclude", "# what worktrees need\nconf/*.local\n!conf/not.local\nplain.txt\n"
    )
    pg.write("conf/yes ü.local", "here\n")
    pg.write("conf/not.local", "not here\n")
    pg.write("other.local", "not named\n")
    pg.write("build/big.o", "not named\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "files")
    pg.write("plain.txt", "named, but not ignored\n")
    look = "test -f 'conf/yes ü.local' && test ! -e conf/not.local && test ! -e other.local"
    look += " && test ! -e build && test ! -e plain.txt"
    pg.run(pg.plan([task("a", f"{look}; {COMMIT}", checks=[look])]))
    assert pg.git("ls-tree", "--name-only", "main:conf", ok=False) == ""


def test_live_attempts_have_ports_of_their_own_and_their_checks_the_same(pg: Playground) -> None:
    pg.settings(
        '[agents.served]\nkind = "command"\npass_env = ["LEDGER"]\n'
        'argv = ["sh", "-eu", "{task_prompt_file}", "{port}"]\n'
        '[worktree]\nports = 7\nports_from = 31000\n[checks]\npass_env = ["LEDGER"]\n'
    )
    meet = 'i=0; until [ $(grep -c "^agent" "$LEDGER") -ge 3 ] || [ $i -gt 4000 ]; do'
    meet += " sleep 0.03; i=$((i+1)); done"
    say = 'echo "agent $GANGSAW_TASK $GANGSAW_PORT $GANGSAW_PORT_COUNT $1" >> "$LEDGER"'
    tasks = [
        task(name, f"{say}; {meet}; {COMMIT}", agent="served",
             checks=[f'echo "check {name} $GANGSAW_PORT" >> "$LEDGER"'])
        for name in ("a", "b", "c")
    ]  # fmt: skip
    pg.run(pg.plan(tasks))
    agents = {words[1]: words[2:] for words in pg.ledger_lines() if words[0] == "agent"}
    assert sorted(int(port) for port, _, _ in agents.values()) == [31007, 31014, 31021]
    assert all(count == "7" and given == port for port, count, given in agents.values())
    checks = {tuple(words[1:]) for words in pg.ledger_lines() if words[0] == "check"}
    assert {(name, port) for name, (port, _, _) in agents.items()} <= checks
    # A candidate is checked with the checks of what it meets: by its own attempt's ports.
    assert {port for _, port in checks} == {port for port, _, _ in agents.values()}


def test_a_port_that_nobody_has_given_is_said(pg: Playground) -> None:
    pg.settings('[agents.served]\nkind = "command"\nargv = ["true", "{port}", "{prompt_file}"]\n')
    status = pg.run(pg.plan([task("a", "x", agent="served", attempts=1)]), expect=3)
    assert "try ports = 10 under [worktree]" in status["tasks"][0]["reason"]


def test_the_agent_is_told_its_role_and_the_guides_it_does_not_read(pg: Playground) -> None:
    pg.write("agents/careful.md", "---\nname: careful\n---\nBe careful.\n")
    pg.write(".claude/agents/quick.md", "---\nname: quick\nmodel: haiku\n---\nBe quick.\n")
    pg.write("AGENTS.md", "# Rules\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "roles")
    pg.settings(
        '[agents.quick]\nkind = "command"\nrole = "quick"\n'
        'argv = ["sh", "-eu", "{task_prompt_file}"]\n'
    )
    pg.run(pg.plan([task("a", COMMIT, role="careful"), task("b", COMMIT, agent="quick")]))
    told = {name: pg.call("logs", name, "--prompt").stdout for name in ("a", "b")}
    assert "## Your role: careful\n\nBe careful.\n" in told["a"]
    assert "## Your role: quick\n\nBe quick.\n" in told["b"]
    assert all("- Read AGENTS.md of this repository first." in each for each in told.values())


def test_a_role_that_is_gone_is_named(pg: Playground) -> None:
    pg.settings(
        '[agents.lost]\nkind = "command"\nrole = "carful"\n'
        'argv = ["sh", "-eu", "{task_prompt_file}"]\n'
    )
    pg.write("agents/careful.md", "---\nname: careful\n---\nBe careful.\n")
    status = pg.run(pg.plan([task("a", COMMIT, agent="lost", attempts=1)]), expect=3)
    assert "cannot find the role 'carful'" in status["tasks"][0]["reason"]
    assert "did you mean 'careful'?" in status["tasks"][0]["reason"]


def test_a_link_in_the_base_does_not_lead_a_copy_out_of_the_worktree(tmp_path: Path) -> None:
    ground = Playground(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (ground.repo / "config").symlink_to(outside)
    (outside / "x").write_text("theirs")
    ground.settings('[worktree]\ncopy = ["config/x"]')
    ground.git("add", "-A")
    ground.git("commit", "-qm", "a link")
    (outside / "x").write_text("mine")
    found = ground.run(
        ground.plan([{"id": "a", "prompt": "echo a > a", "checks": ["true"]}]), expect=1
    )
    assert "leads out of it" in found["tasks"][0]["reason"]
    assert (outside / "x").read_text() == "mine"
