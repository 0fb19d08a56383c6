"""The one place that starts git.

Rules: an argument vector, never a shell; a fixed environment, so that neither the caller's `GIT_*`
variables nor hooks, monitors, pagers or prompts of the repository take part; a timeout with a
name; output as bytes. The git folder, the common folder and the work tree are named explicitly:
what a worktree's `.git` says is never believed, for an agent may have replaced it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

READ_TIMEOUT_S = 120.0
WRITE_TIMEOUT_S = 600.0
CHECKOUT_TIMEOUT_S = 1800.0
PUSH_TIMEOUT_S = 600.0
_REAP_TIMEOUT_S = 10.0
_STDERR_SHOWN_MAX = 2000

_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.pager=cat",
    "core.quotePath=false",
    "core.filesRefLockTimeout=5000",
    "core.packedRefsTimeout=5000",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "gc.auto=0",
    "maintenance.auto=false",
    "checkout.workers=0",
    "color.ui=false",
    "log.showSignature=false",
    "status.branch=false",
    "status.renames=false",
    "credential.interactive=false",
    "advice.detachedHead=false",
    "advice.statusHints=false",
    "advice.addEmbeddedRepo=false",
)
_OPTIONS = tuple(part for setting in _CONFIG for part in ("-c", setting))

# What belongs to the person who started us, not to the repository we might have been started in.
_INHERITED = frozenset(
    {
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "GIT_ASKPASS",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_HTTP_USER_AGENT",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSL_NO_VERIFY",
    }
)
_FIXED = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_PAGER": "cat",
    "GIT_ADVICE": "0",
    "GIT_MERGE_AUTOEDIT": "no",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}


class GitFailed(RuntimeError):
    """git ended in a way that nobody expected; a bug, a broken repository or a full disk."""

    def __init__(self, args: Sequence[str], code: int, stderr: str) -> None:
        super().__init__(f"git {' '.join(args)} ended with {code}: {stderr.strip()}")
        self.argv = tuple(args)
        self.code = code
        self.stderr = stderr


class GitTimedOut(GitFailed):
    """git was still running after its timeout; it and its children were killed."""


@dataclass(frozen=True, slots=True)
class Output:
    """How one git ended: exit code, and what it wrote, as bytes."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text without the last newline; odd bytes survive as surrogates."""
        return os.fsdecode(self.stdout).removesuffix("\n")

    @property
    def trouble(self) -> str:
        """Standard error as readable text, at most some lines of it."""
        return self.stderr.decode("utf-8", "replace").strip()[:_STDERR_SHOWN_MAX]

    @property
    def fields(self) -> tuple[str, ...]:
        """NUL-separated output as strings; the empty end is left out."""
        parts = os.fsdecode(self.stdout).split("\0")
        return tuple(parts[:-1] if parts and parts[-1] == "" else parts)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a git call works, named in full. `index` replaces the place's own index file, `objects`
    the folder that objects are written to (its `info/alternates` names where others are)."""

    git_dir: Path | None
    common_dir: Path | None = None
    work_tree: Path | None = None
    index: Path | None = None
    cwd: Path = field(default=Path("/"))
    objects: Path | None = None


def git_environment(
    inherited: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of a git call: the caller's without its `GIT_*`, plus our fixed part."""
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith("GIT_") or name in _INHERITED
    }
    return kept | _FIXED | dict(extra or {})


def run_git(
    args: Sequence[str],
    place: Place,
    *,
    stdin: bytes = b"",
    timeout_s: float = READ_TIMEOUT_S,
    ok: tuple[int, ...] = (0,),
    extra_env: Mapping[str, str] | None = None,
    pass_fds: tuple[int, ...] = (),
) -> Output:
    """How `git args` ended in that place.

    Raises `GitFailed` when the exit code is not in `ok`, `GitTimedOut` after `timeout_s` seconds.
    """
    env = dict(extra_env or {})
    argv = ["git", "--no-pager", *_OPTIONS]
    if place.git_dir is not None:
        argv.append(f"--git-dir={place.git_dir}")
    if place.work_tree is not None:
        argv.append(f"--work-tree={place.work_tree}")
    if place.common_dir is not None:
        # Overrides the admin folder's `commondir` file, which an agent can rewrite.
        env["GIT_COMMON_DIR"] = str(place.common_dir)
    if place.index is not None:
        env["GIT_INDEX_FILE"] = str(place.index)
    if place.objects is not None:
        env["GIT_OBJECT_DIRECTORY"] = str(place.objects)
    argv.extend(args)
    process = subprocess.Popen(
        argv,
        cwd=place.cwd,
        env=git_environment(os.environ, env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=pass_fds,
    )
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise GitTimedOut(args, -signal.SIGKILL, f"no end after {timeout_s:g} s") from None
    except BaseException:
        _kill(process)
        raise
    output = Output(process.returncode, stdout, stderr)
    if output.code not in ok:
        raise GitFailed(args, output.code, output.trouble)
    return output


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End git and what it started (its own process group), and reap it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_REAP_TIMEOUT_S)
