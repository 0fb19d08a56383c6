"""No secret of a planted set appears in any file that gangsaw writes, whatever agents and checks
print, also when the engine is killed while they do.

The judge has an idea of its own of how a secret may be written, and looks at bytes.
"""

from __future__ import annotations

import base64
import json
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from gangsaw.testing.playground import Playground

Figure = Callable[[str, object], None]

FROM_ENVIRONMENT = 'Tok"en/+from\\the-environment=91'
FROM_CONFIG = "s3cret/of+the-config=42"
FROM_DOTENV = "dotenv-Secr3t/value+77"
FROM_ADDRESS = "p4ssword-within-an-address"
FROM_INCLUDED = "Passw0rd-of-an-included-file"
UNSEEN = "never-passed-on-t0ken"
PLANTED = {
    "environment": FROM_ENVIRONMENT, "config": FROM_CONFIG, ".env": FROM_DOTENV,
    "address in .env": FROM_ADDRESS, "included file": FROM_INCLUDED, "not passed on": UNSEEN,
}  # fmt: skip

HOSTILE = """\
#!{python}
import base64, json, os, pathlib, subprocess, sys, time, urllib.parse
base = pathlib.Path({base!r})
files = [pathlib.Path(name).read_text() for name in (".env", "config/local.ini")]
pairs = dict(os.environ)
mine, parent = sorted(pairs), pathlib.Path(f"/proc/{{os.getppid()}}/environ")
about = {{"agent": mine, "parent": parent.read_text() if parent.exists() else ""}}
(base / f"seen-{{os.environ['GANGSAW_ATTEMPT']}}").write_text(json.dumps(about))
dump = "\\n".join(f"{{k}}={{v}}" for k, v in pairs.items()) + "\\n" + "\\n".join(files)
values = [v for v in pairs.values()] + [l.partition("=")[2].strip() for l in dump.splitlines()]
forms = [dump, json.dumps(pairs), json.dumps(json.dumps(pairs))]
in_base64 = lambda text: base64.b64encode(text.encode()).decode()
forms += [in_base64("x" * n + v + "yz") for v in values for n in range(3)]
forms += [urllib.parse.quote(v, safe="") for v in values]
forms += [urllib.parse.quote_plus(v) for v in values]
def say(**event):
    print(json.dumps(event), flush=True)
say(type="session", session="s-1")
for form in forms:
    say(type="activity", text=form)
    print(form, flush=True)
    print(form, file=sys.stderr, flush=True)
say(type="question", text="what about " + dump)
say(type="question", text="and " + forms[1])
print("filling" * 400000, file=sys.stderr)
print(dump, file=sys.stderr, flush=True)
turn = os.environ["GANGSAW_TURN"]
with (base / "printed").open("a") as out:
    out.write(turn + "\\n")
while not (base / "go").exists():
    time.sleep(0.02)
if os.environ["GANGSAW_TASK"] == "fails":
    say(type="result", ok=False, text=dump)
    sys.exit(3)
pathlib.Path("work.txt").write_text(turn)
subprocess.run(["git", "add", "work.txt"], check=True)
subprocess.run(["git", "commit", "-qm", "work " + turn], check=True)
say(type="result", ok=True, text=dump)
"""

CONFIG = """\
[agents.hostile]
kind = "scripted"
binary = {binary}
pass_env = ["PLANTED_API_TOKEN"]
env = {{ SERVICE_PASSWORD = "{secret}" }}

[checks]
pass_env = ["PLANTED_API_TOKEN"]

[worktree]
copy = [".env"]
setup = "env; cat .env config/local.ini; cat .env >&2"
ports = 5
"""


def written(secret: str) -> dict[str, bytes]:
    """How a secret may stand in a file."""
    raw = secret.encode()
    return {
        "as it is": raw,
        "json": json.dumps(secret)[1:-1].encode(),
        "json twice": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
        "base64": base64.b64encode(raw).rstrip(b"=")[:-1],
        "base64, one off": base64.b64encode(b"x" + raw)[4:-4],
        "base64, two off": base64.b64encode(b"xx" + raw)[4:-4],
        "address": quote(secret, safe="").encode(),
    }


def files_of(pg: Playground) -> Iterator[tuple[str, bytes]]:
    """Everything that lies about afterwards, but for what the test itself put there: the `.env`,
    the included file, the settings, and the agent's own program and records."""
    own = {pg.repo / ".env", pg.repo / "config" / "local.ini", pg.root / ".config"}
    for path in sorted(pg.root.rglob("*")):
        mine = path in own or any(each in path.parents for each in own)
        if path.is_file() and not path.is_symlink() and not mine:
            yield str(path.relative_to(pg.root)), path.read_bytes()
    batch = ["git", "cat-file", "--batch-all-objects", "--batch"]
    done = subprocess.run(batch, cwd=pg.repo, env=pg.environment(), capture_output=True, check=True)
    yield "git objects", done.stdout


def spilt(found: Iterator[tuple[str, bytes]]) -> tuple[list[str], int]:
    """Where which secret stands in which form, and how many bytes were looked through."""
    wrong, looked_at = [], 0
    for name, content in found:
        looked_at += len(content)
        for which, secret in PLANTED.items():
            for form, raw in written(secret).items():
                if raw in content:
                    wrong.append(f"{name}: the secret of the {which}, {form}")
    return wrong, looked_at


@pytest.fixture
def pg(tmp_path: Path) -> Playground:
    """Secrets in the environment, in the user's settings, in `.env` and in an included file."""
    made = Playground(tmp_path, agent="hostile", max_agents=2)
    (tmp_path / "tmp").mkdir()
    made.env = {
        "PLANTED_API_TOKEN": FROM_ENVIRONMENT,
        "OTHER_SECRET_TOKEN": UNSEEN,
        "TMPDIR": str(tmp_path / "tmp"),
    }
    program = tmp_path / "hostile"
    program.write_text(HOSTILE.format(python=sys.executable, base=str(tmp_path)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    settings = tmp_path / ".config" / "gangsaw" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(CONFIG.format(binary=json.dumps(str(program)), secret=FROM_CONFIG))
    made.write(".gitignore", ".env\nconfig/local.ini\n")
    made.write(".worktreeinclude", "config/*.ini\n")
    address = f"postgres://app:{FROM_ADDRESS}@db.example/shop"
    made.write(".env", f'DB_PASSWORD={FROM_DOTENV}\nDATABASE_URL="{address}"\n')
    made.write("config/local.ini", f"[mail]\npassword = {FROM_INCLUDED}\n")
    made.git("add", "-A")
    made.git("commit", "-qm", "settings")
    return made


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_no_planted_secret_is_in_any_file_that_was_written(
    pg: Playground, record_property: Figure
) -> None:
    noisy = "env; cat .env config/local.ini; env >&2; "
    tasks: list[dict[str, object]] = [
        {"id": "works", "title": f"Use {FROM_DOTENV}", "prompt": f"Say {FROM_ENVIRONMENT}.",
         "checks": [noisy + "test $(cat work.txt) != 1"]},
        {"id": "fails", "title": "Fails", "prompt": "Fail.", "attempts": 1},
    ]  # fmt: skip
    plan = pg.plan(tasks, goal=f"a goal with {FROM_CONFIG}")
    engine = pg.start("run", plan, "--plain", "--trust-setup")
    pg.wait_for(lambda: len(lines_of(pg.root / "printed")) == 2, "both agents to have printed")
    pg.wait_for(lambda: all(t["activity"] for t in pg.status()["tasks"]), "activities to be shown")
    engine.kill()
    assert engine.wait(timeout=60) == -signal.SIGKILL
    # What the agents print themselves is on the disk until they end; nothing else is.
    meanwhile = (
        each for each in files_of(pg) if not each[0].endswith(("turn-1/out", "turn-1/err"))
    )
    plans_own = [line for line in spilt(meanwhile)[0] if not line.startswith("plan.json")]
    assert [line for line in plans_own if not line.startswith("repo-worktrees/")] == []
    (pg.root / "go").touch()
    done = pg.call("run", plan, "--plain")
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert pg.statuses() == {"works": "landed", "fails": "failed"}
    plan.unlink()  # the user's own writing

    kinds = {event["kind"] for event in pg.events()}
    assert {"question.asked", "verdict.reached", "turn.exited", "work.returned"} <= kinds
    turns = sorted((pg.repo / ".git/gangsaw/attempts").rglob("turn-*/out"))
    assert len(turns) >= 3
    assert all(b"[secret-" in path.read_bytes() for path in turns)
    wrong, looked_at = spilt(files_of(pg))
    assert wrong == []
    forms = sum(len(written(secret)) for secret in PLANTED.values())
    record_property(
        "figure",
        f"secrets: {len(PLANTED)} planted in {forms} forms, 0 found in {looked_at >> 10} KiB of "
        "files and git objects, after one kill -9",
    )

    # Nor is it printed by what shows those files.
    shown = [pg.call(*words) for words in (
        ("status", "--json"), ("why", "fails", "--json"), ("why", "works"), ("events", "--json"),
        ("logs", "works", "--raw"), ("logs", "works", "--prompt"), ("logs", "fails", "--err"),
    )]  # fmt: skip
    assert all(each.returncode == 0 for each in shown)
    texts = (("shown", (each.stdout + each.stderr).encode()) for each in shown)
    assert spilt(texts)[0] == []

    # Nobody on the way sees more than the list allows.
    seen = json.loads((pg.root / "seen-works.1").read_text())
    assert "PLANTED_API_TOKEN" in seen["agent"]
    assert "OTHER_SECRET_TOKEN" not in seen["agent"]
    assert "GANGSAW_PORT" in seen["agent"]
    assert "TOKEN" not in seen["parent"]


def test_a_secret_in_a_command_is_refused_with_a_remedy(pg: Playground) -> None:
    (pg.root / "go").touch()
    plan = pg.plan([{"id": "a", "title": "A", "prompt": "x", "checks": [f"use {FROM_DOTENV}"]}])
    done = pg.call("run", plan, "--trust-setup")
    assert done.returncode == 2
    assert "there stands the value of DB_PASSWORD" in done.stderr
    assert "pass_env of [checks]" in done.stderr
    assert FROM_DOTENV not in done.stderr
    plan = pg.plan([{"id": "a", "title": "A", "prompt": "x"}])
    argv = json.dumps(["sh", "-c", f"true {FROM_DOTENV}", "{prompt_file}"])
    pg.settings(f'[agents.told]\nkind = "command"\nargv = {argv}\n')
    done = pg.call("run", plan, "--agent", "told", "--trust-setup")
    assert done.returncode == 2
    assert "the arguments of agent 'told'" in done.stderr
    assert "pass_env of [agents.told]" in done.stderr
    assert FROM_DOTENV not in done.stderr


def test_a_copied_file_with_secrets_has_to_be_ignored(pg: Playground) -> None:
    """Else the first `git add -A` of an agent, or ours of what it left, would land it."""
    pg.write(".gitignore", "config/local.ini\n")
    plan = pg.plan([{"id": "a", "title": "A", "prompt": "x"}])
    done = pg.call("run", plan, "--trust-setup")
    assert done.returncode == 2
    assert "cannot put .env into worktrees" in done.stderr
    assert "try: echo .env >> .gitignore" in done.stderr
