"""What is missing or odd on this machine and in this repository, each with what mends it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gangsaw import __version__
from gangsaw.cli.agent_checkup import AgentReport, check_agents, of_agents
from gangsaw.cli.findings import Finding, Level
from gangsaw.cli.living import live_turns
from gangsaw.cli.place import here
from gangsaw.cli.project import read_settings
from gangsaw.core.errors import UserError
from gangsaw.core.model import Limits
from gangsaw.core.settings import Settings
from gangsaw.engine.trust import is_trusted, setup_of
from gangsaw.git import Repository, open_repository
from gangsaw.git.keeping import status_of
from gangsaw.git.repository import DEFAULT_EMAIL
from gangsaw.meters import read_machine
from gangsaw.procs import containment
from gangsaw.store.control import FOLDER_MODE, Control
from gangsaw.store.lock import WriterLock

PYTHON_MIN = (3, 11)


@dataclass(frozen=True, slots=True)
class CheckUp:
    """What was found, in the order in which it should be mended, and all of each agent."""

    findings: tuple[Finding, ...]
    agents: tuple[AgentReport, ...]


def check_up(environ: dict[str, str], config: Path | None = None) -> CheckUp:
    """Everything that can be looked at here; `config` is a file of settings that was asked for."""
    agents: list[AgentReport] = []
    findings = tuple(_all(environ, config, agents))
    return CheckUp(findings, tuple(agents))


def _all(
    environ: dict[str, str], config: Path | None, agents: list[AgentReport]
) -> Iterator[Finding]:
    yield Finding(Level.OK, "gangsaw", __version__)
    version = ".".join(map(str, sys.version_info[:3]))
    outdated = sys.version_info[:2] < PYTHON_MIN
    yield Finding(Level.WRONG if outdated else Level.OK, "python", version)
    try:
        repo = open_repository(here())
    except UserError as error:
        text, _, mend = error.text.partition("; try ")
        yield Finding(Level.WRONG, "repository", text, mend)
        return
    yield Finding(Level.OK, "git", repo.git("version").text.removeprefix("git version "))
    yield from _of_repository(repo)
    control = Control(repo.control_dir)
    yield from _of_control(control)
    try:
        settings, warnings = read_settings(repo.root, environ, config)
    except UserError as error:
        mend = "mend the file; see: gangsaw schema config"
        yield Finding(Level.WRONG, "settings", error.text, mend)
        yield from _of_machine(repo, control, Limits())
        return
    for warning in warnings:
        yield Finding(Level.ODD, "settings", warning)
    yield from _of_settings(repo, control, settings)
    agents += check_agents(settings, environ)
    yield from of_agents(agents)
    yield from _of_machine(repo, control, settings.limits)


def _of_repository(repo: Repository) -> Iterator[Finding]:
    branch = repo.head_branch()
    if branch is None:
        yield Finding(
            Level.ODD, "branch", "HEAD is detached", "git switch BRANCH, or: gangsaw run --target"
        )
    elif repo.resolve("HEAD") is None:
        yield Finding(Level.WRONG, "branch", f"{branch} has no commit",
                      'git commit --allow-empty -m "first commit"')  # fmt: skip
    else:
        yield Finding(Level.OK, "branch", branch)
    if repo.bare:
        yield Finding(Level.OK, "checkout", "none: the repository is bare")
    else:
        status = status_of(repo, repo.root)
        # Untracked files are in nobody's way, unless the very same file lands.
        changed = [] if status is None else [one for one in status.changed if one.code != "??"]
        if changed:
            yield Finding(
                Level.ODD, "checkout", f"changes not committed: {len(changed)}; what lands is "
                "delivered only once they are", "git commit, or: git stash",
            )  # fmt: skip
        else:
            yield Finding(Level.OK, "checkout", "clean")
    if not repo.bare and (repo.root / ".gitmodules").is_file():
        yield Finding(
            Level.ODD, "submodules", "they are empty in worktrees and checks",
            '[worktree] setup = "git submodule update --init" in gangsaw.toml',
        )  # fmt: skip
    if repo.identity.committer_email == DEFAULT_EMAIL:
        yield Finding(
            Level.ODD, "identity", f"none is configured: commits are by {DEFAULT_EMAIL}",
            "git config user.name NAME && git config user.email ADDRESS",
        )  # fmt: skip
    else:
        identity = repo.identity
        text = f"{identity.committer_name} <{identity.committer_email}>"
        yield Finding(Level.OK, "identity", text)


def _of_control(control: Control) -> Iterator[Finding]:
    try:
        found = control.root.lstat()
    except FileNotFoundError:
        yield Finding(Level.OK, "control folder", "not made yet: nothing has run here")
        return
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        yield Finding(Level.WRONG, "control folder", f"{control.root} is not a folder of yours",
                      "move it away, or run as its owner")  # fmt: skip
    elif mode != FOLDER_MODE:
        yield Finding(Level.ODD, "control folder", f"others may read it (mode {mode:o})",
                      f"chmod {FOLDER_MODE:o} {control.root}")  # fmt: skip
    else:
        yield Finding(Level.OK, "control folder", str(control.root))
    holder = WriterLock.holder(control.lock)
    if holder is not None:
        yield Finding(Level.OK, "engine", f"running, pid {holder.pid or 'unknown'}")
        return
    left = live_turns(control)
    if left:
        yield Finding(
            Level.ODD, "engine", f"none is running, but {len(left)} of its agents or checks are",
            "gangsaw run (takes them up again), or: gangsaw kill",
        )  # fmt: skip
    else:
        yield Finding(Level.OK, "engine", "none is running")


def _of_settings(repo: Repository, control: Control, settings: Settings) -> Iterator[Finding]:
    yield Finding(Level.OK, "settings", settings.source or "defaults: there is no gangsaw.toml")
    if settings.worktree.setup is not None:
        setup = setup_of(repo, settings.worktree.setup)
        agreed = is_trusted(control.root, setup)
        text = f"{'somebody' if agreed else 'nobody'} has agreed to `{setup.line}` as it is now"
        mend = "" if agreed else "look at it, then: gangsaw trust"
        yield Finding(Level.OK if agreed else Level.ODD, "setup", text, mend)
    default = settings.limits.default_agent
    if settings.agent(default) is None:
        named = f"the default agent '{default}' is not configured" if default else "none is chosen"
        yield Finding(Level.WRONG, "agents", named, "gangsaw init, or: gangsaw run --agent NAME")


def _of_machine(repo: Repository, control: Control, limits: Limits) -> Iterator[Finding]:
    level = containment()
    yield Finding(Level.OK, "containment", f"{level.value}: how surely whole process trees end")
    reading = read_machine(control.root if control.root.is_dir() else repo.common_dir)
    text = (
        f"{reading.memory_available_mb} of {reading.memory_total_mb} MB available, "
        f"{reading.cores} cores, load {reading.load:.1f}"
    )
    if reading.memory_available_pct < limits.memory_floor_pct:
        mend = "close something: no agent starts below memory_floor_pct"
        yield Finding(Level.ODD, "memory", text, mend)
    else:
        yield Finding(Level.OK, "memory", text)
    free = f"{reading.disk_free_mb} MB free"
    if reading.disk_free_mb < limits.disk_floor_mb:
        yield Finding(Level.ODD, "disk", free, "gangsaw clean; no agent starts below disk_floor_mb")
    else:
        yield Finding(Level.OK, "disk", free)
