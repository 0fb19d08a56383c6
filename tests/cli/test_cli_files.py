"""Commands about files: init, plan, doctor, clean."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground
from tests.cli.shapes import misfits

CONFIG = "gangsaw.toml"


def everything(folder: Path) -> dict[str, bytes]:
    """Every file of the checkout with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


@pytest.fixture
def bare_pg(pg: Playground) -> Playground:
    """A playground without settings."""
    pg.git("rm", "-q", CONFIG)
    pg.git("commit", "-q", "-m", "no settings")
    return pg


def fake_program(pg: Playground, name: str) -> None:
    """A program that only knows its version, on the PATH of the playground."""
    folder = pg.root / "bin"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\necho 2.1.0 '(fake)'\n")
    (folder / name).chmod(0o755)
    pg.env["PATH"] = f"{folder}:/usr/bin:/bin"


def test_init_writes_one_file_and_undo_takes_it_away(bare_pg: Playground) -> None:
    before = everything(bare_pg.repo)
    fake_program(bare_pg, "claude")
    done = bare_pg.call("init")
    assert done.returncode == 0, done.stderr
    after = everything(bare_pg.repo)
    assert after.keys() - before.keys() == {CONFIG}
    assert 'agent = "claude"' in after[CONFIG].decode()
    doctor = bare_pg.call("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "2.1.0" in doctor.stdout
    assert bare_pg.call("init", "--undo").returncode == 0
    assert everything(bare_pg.repo) == before
    assert bare_pg.call("init", "--undo").returncode == 2


def test_init_keeps_and_restores_what_was_there(pg: Playground) -> None:
    path = pg.repo / CONFIG
    path.write_bytes(b"\xef\xbb\xbf# mine\r\n\x00")
    path.chmod(0o640)
    before = path.read_bytes()
    assert pg.call("init").returncode == 2
    assert path.read_bytes() == before
    for _ in range(2):  # the second replaces our own text by itself
        assert pg.call("init", "--force").returncode == 0
    assert path.read_bytes() != before
    assert pg.call("init", "--undo").returncode == 0
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_init_did_in_one_worktree_is_not_undone_in_another(bare_pg: Playground) -> None:
    mine = bare_pg.root / "tree" / CONFIG
    bare_pg.git("worktree", "add", "-q", str(mine.parent))
    mine.write_bytes(b"# mine\n")
    assert bare_pg.call("init").returncode == 0
    written = (bare_pg.repo / CONFIG).read_bytes()
    for words in (["init", "--force"], ["init", "--undo"]):
        refused = bare_pg.call(*words, cwd=mine.parent)
        assert refused.returncode == 2, refused.stdout
        assert f"cd {bare_pg.repo} && gangsaw init --undo" in refused.stderr
        assert mine.read_bytes() == b"# mine\n"
        assert (bare_pg.repo / CONFIG).read_bytes() == written
    assert bare_pg.call("init", "--undo").returncode == 0
    assert not (bare_pg.repo / CONFIG).exists()
    assert bare_pg.call("init", "--force", cwd=mine.parent).returncode == 0
    assert bare_pg.call("init", "--undo").returncode == 2
    assert bare_pg.call("init", "--undo", cwd=mine.parent).returncode == 0
    assert mine.read_bytes() == b"# mine\n"


def test_a_repository_that_was_moved_and_an_old_record_are_undone(bare_pg: Playground) -> None:
    assert bare_pg.call("init").returncode == 0
    moved = bare_pg.root / "moved"
    bare_pg.repo.rename(moved)
    assert bare_pg.call("init", "--undo", cwd=moved).returncode == 0
    assert not (moved / CONFIG).exists()
    (moved / CONFIG).write_bytes(b"# written\n")
    record = {"before": None, "written": base64.b64encode(b"# written\n").decode()}
    (moved / ".git" / "gangsaw" / "init.json").write_text(json.dumps(record))
    assert bare_pg.call("init", "--undo", cwd=moved).returncode == 0
    assert not (moved / CONFIG).exists()
    moved.rename(bare_pg.repo)


def test_what_was_replaced_comes_back_although_the_new_file_is_gone(pg: Playground) -> None:
    path = pg.repo / CONFIG
    before = path.read_bytes()
    assert pg.call("init", "--force").returncode == 0
    path.write_text("# more\n")
    assert "removing it yourself and undoing" in pg.call("init", "--undo").stderr
    path.unlink()
    assert pg.call("init", "--undo").returncode == 0
    assert path.read_bytes() == before


def test_undo_refuses_when_the_file_was_changed_since(bare_pg: Playground) -> None:
    bare_pg.call("init")
    path = bare_pg.repo / CONFIG
    path.write_text(path.read_text() + "# more\n")
    done = bare_pg.call("init", "--undo")
    assert done.returncode == 1
    assert "was changed" in done.stderr
    assert path.read_text().endswith("# more\n")


@pytest.mark.parametrize("installed", [(), ("codex",), ("claude", "codex", "gemini", "opencode",
                                                        "aider")])  # fmt: skip
def test_what_init_writes_can_be_read(bare_pg: Playground, installed: tuple[str, ...]) -> None:
    fake_program(bare_pg, "nothing")
    for name in installed:
        fake_program(bare_pg, name)
    assert bare_pg.call("init").returncode == 0
    (bare_pg.repo / "plan.yaml").write_text("version: 1\ngoal: g\ntasks: [{id: a, prompt: p}]\n")
    checked = json.loads(bare_pg.call("plan", "check", "--json").stdout)
    assert checked["ok"] is True
    text = (bare_pg.repo / CONFIG).read_text()
    assert all(f"\n[agents.{name}]" in text for name in installed)


def test_plan_check_tells_every_fault_with_its_place(pg: Playground) -> None:
    plan = pg.write("bad.yaml", "version: 1\ntasks:\n  - id: a\n    promt: x\n    needs: [b]\n")
    done = pg.call("plan", "check", "bad.yaml")
    assert done.returncode == 2
    assert "bad.yaml:4:5:" in done.stderr
    assert "did you mean 'prompt'?" in done.stderr
    assert "tasks.0.needs" in done.stderr
    shape = json.loads(pg.call("plan", "check", str(plan), "--json").stdout)
    assert shape["ok"] is False
    assert misfits(shape, json.loads(pg.call("schema", "plan-check").stdout)) == []


def test_plan_check_knows_the_agents_of_the_settings(pg: Playground) -> None:
    pg.write("plan.yaml", "version: 1\ngoal: g\ntasks: [{id: a, prompt: p, agent: shh}]\n")
    assert "no agent is called 'shh' (did you mean 'sh'?)" in pg.call("plan", "check").stderr


def test_plan_show_draws(pg: Playground) -> None:
    pg.write("plan.yaml", "version: 1\ngoal: g\ntasks: [{id: a, prompt: p}, "
             "{id: b, prompt: p, needs: [a]}]\n")  # fmt: skip
    assert "wave 2   b" in pg.call("plan", "show").stdout
    assert "t0 --> t1" in pg.call("plan", "show", "--mermaid").stdout
    assert len(json.loads(pg.call("plan", "show", "--json").stdout)["tasks"]) == 2


def test_doctor_names_what_is_wrong_and_what_mends_it(pg: Playground) -> None:
    fine = pg.call("doctor")
    assert fine.returncode == 0, fine.stdout
    pg.write(CONFIG, '[run]\nagent = "sh"\n[agents.sh]\nkind = "command"\nargv = ["no-such"]\n')
    wrong = pg.call("doctor")
    assert wrong.returncode == 1
    assert "'no-such' is not on PATH" in wrong.stdout
    assert "mend: git commit" in wrong.stdout
    assert pg.call("doctor", cwd=pg.root).returncode == 1


def test_clean_removes_only_what_is_held_elsewhere(pg: Playground) -> None:
    plan = pg.plan([{"id": "a", "prompt": "echo a > a", "checks": ["true"]}])
    pg.run(plan)
    pg.run(plan, "--new", expect=1)  # nothing to change any more: an empty diff
    control = pg.repo / ".git" / "gangsaw"
    refs = pg.git("for-each-ref")
    shown = json.loads(pg.call("clean", "--dry-run", "--json").stdout)
    paths = {each["path"] for each in shown["leftovers"]}
    assert str(control / "attempts" / "r1") in paths
    assert str(control / "attempts" / "r2") not in paths
    refused = pg.call("clean")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert all(Path(path).exists() for path in paths)
    done = pg.call("clean", "--yes")
    assert done.returncode == 0
    assert not any(Path(path).exists() for path in paths)
    assert (control / "attempts" / "r2").exists()
    assert pg.git("for-each-ref") == refs
    assert pg.call("clean", "--yes").stdout == "nothing to clean\n"


def test_clean_spares_a_worktree_with_work_of_its_own(pg: Playground) -> None:
    plan = pg.plan([{"id": "ui", "prompt": "echo a > a", "review": "person", "checks": ["true"]}])
    pg.run(plan, expect=3)
    done = pg.call("clean", "--yes", "--json")
    spared = json.loads(done.stdout)["spared"]
    assert [Path(each["path"]).name for each in spared if "verify" not in each["path"]] == ["ui.1"]
    assert all(Path(each["path"]).exists() for each in spared)
    assert misfits(json.loads(done.stdout), json.loads(pg.call("schema", "clean").stdout)) == []
