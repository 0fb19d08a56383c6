"""An adapter added by following `docs/howto/add-an-agent.md`, from that page's own text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import COMMAND_MAX_S, SOURCE, Playground

Figure = Callable[[str, object], None]
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "add-an-agent.md"
LINES_MAX = 60
_BLOCK = re.compile(
    r"(?P<before>[^\n]*(?:\n[^\n]+)*)\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.S | re.M
)
_SAVED = re.compile(r"[Ss]ave\s+as\s+`([^`]+)`[^`]*\Z")


class Page:
    """The page's blocks: files by the name they are to be saved as, shell lines, settings."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.shell: list[str] = []
        self.settings: list[str] = []
        for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
            saved = _SAVED.search(block["before"])
            if saved is not None:
                self.files[saved[1]] = block["text"]
            elif block["kind"] == "sh":
                self.shell.append(block["text"])
            elif block["before"].endswith("`gangsaw.toml`:"):
                self.settings.append(block["text"])
            else:
                raise AssertionError(f"nothing is said of this block: {block['text'][:200]}")


@pytest.fixture(scope="module")
def page() -> Page:
    return Page()


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    """A repository with a home of its own, in which `gangsaw` is a command."""
    made = Playground(tmp_path)
    command = tmp_path / "commands" / "gangsaw"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m gangsaw "$@"\n')
    command.chmod(0o755)
    path = made.environment()["PATH"]
    made.env = {"PATH": f"{command.parent}:{path}", "XDG_CONFIG_HOME": ""}
    return made


def save(pg: Playground, page: Page) -> None:
    """Do what the page says of files; a name without a folder is one of the repository."""
    for name, text in page.files.items():
        path = pg.root / name.removeprefix("~/") if name.startswith("~/") else pg.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def do(pg: Playground, page: Page) -> str:
    """Give the page's commands, in one shell; what they print."""
    done = subprocess.run(
        ["sh", "-eu"], input="\n".join(page.shell), cwd=pg.repo, env=pg.environment(),
        capture_output=True, text=True, timeout=COMMAND_MAX_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bodies(pg: Playground, kind: str) -> list[dict[str, Any]]:
    return [event["body"] for event in pg.events() if event["kind"] == kind]


def test_the_page_is_followed(page: Page, pg: Playground, record_property: Figure) -> None:
    lines = len(page.files["~/adapters/tiny_adapter.py"].splitlines())
    assert lines < LINES_MAX
    save(pg, page)
    printed = do(pg, page)
    assert (pg.repo / "hello.txt").read_text() == "hello\n"
    assert "hello\n" in printed
    assert f"✓ agent tiny          1.0 ({pg.root}/bin/tiny)" in printed
    assert "✓ agent tiny sign-in  TINY_KEY is set" in printed
    assert pg.statuses() == {"hello": "landed"}
    # The second turn was a fix, in the session that the first one named: only there is `tiny`'s
    # second step known.
    assert [turn["why"] for turn in bodies(pg, "turn.wanted")] == ["work", "fix"]
    sessions = {body["session"] for body in bodies(pg, "session.opened")}
    assert len(sessions) == 1
    assert (pg.root / ".tiny" / sessions.pop()).read_text() == ""
    used = bodies(pg, "usage.reported")
    assert len(used) == 2
    assert all(body["input_tokens"] > 0 and body["output_tokens"] > 0 for body in used)
    total = sum(body["input_tokens"] + body["output_tokens"] for body in used)
    assert pg.status()["tokens"] == total
    record_property(
        "figure", f"an adapter by the how-to: {lines} lines, landed by 2 turns, 1 session"
    )


def test_the_page_is_followed_without_a_login(page: Page, pg: Playground) -> None:
    save(pg, page)
    pg.env["PATH"] = f"{pg.root}/bin:{pg.env['PATH']}"
    (pg.root / "bin/tiny").chmod(0o755)
    status = pg.run(pg.repo / "plan.yaml", expect=3)
    assert status["tasks"][0]["status"] == "needs_you"
    assert "no TINY_KEY" in status["tasks"][0]["reason"]


def test_an_adapter_that_breaks_harms_only_its_own_task(page: Page, pg: Playground) -> None:
    save(pg, page)
    (pg.root / "bin/tiny").chmod(0o755)
    pg.env |= {"PATH": f"{pg.root}/bin:{pg.env['PATH']}", "TINY_KEY": "test-key"}
    adapter = pg.root / "adapters/tiny_adapter.py"
    adapter.write_text(adapter.read_text().replace("count_in(", "count_of("))
    other = {"id": "other", "title": "other", "prompt": "echo x > x.txt", "agent": "sh"}
    prompt = "tiny: echo hello > hello.txt\n"
    status = pg.run(pg.plan([{"id": "hello", "title": "h", "prompt": prompt}, other]), expect=3)
    found = {task["id"]: task for task in status["tasks"]}
    assert found["other"]["status"] == "landed"
    assert found["hello"]["status"] == "needs_you"
    said = pg.call("why", "hello").stdout
    assert f"cannot use the adapter TinyAdapter ({adapter}:" in said
    assert "feed raised NameError" in said


def test_the_package_of_the_page_is_installed(page: Page, pg: Playground) -> None:
    save(pg, page)
    (pg.root / ".config/gangsaw/config.toml").unlink()
    site = pg.root / "site"
    install = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", *install, "--target", site,
         pg.root / "adapters"],
        env=pg.environment(), check=True, capture_output=True, timeout=COMMAND_MAX_S,
    )  # fmt: skip
    config = pg.repo / "gangsaw.toml"
    plain = config.read_text().replace('agent = "sh"', 'agent = "tiny"')
    config.write_text(plain + "\n".join(page.settings))
    pg.git("commit", "-qam", "settings")
    # Not installed yet: the name is unknown, and told so with its place.
    done = pg.call("run", "plan.yaml")
    assert done.returncode == 2
    assert "no kind is called 'tiny'" in done.stderr.replace('"', "'")
    pg.env |= {"PYTHONPATH": f"{SOURCE}:{site}"}
    do(pg, page)
    assert pg.statuses() == {"hello": "landed"}
