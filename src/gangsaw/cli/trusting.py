"""Asking a person to agree to the setup of a repository before it is run for the first time."""

from __future__ import annotations

import sys

from gangsaw.cli.requests import user_name
from gangsaw.core.errors import UserError
from gangsaw.engine.trust import Setup, is_trusted, require_trust, setup_of, trust
from gangsaw.git import Repository
from gangsaw.store.control import make_control

NOT_AGREED = 3


def require_agreement(repo: Repository, line: str | None, *, agreed: bool) -> None:
    """Nothing if there is no setup, or if somebody has agreed to it as it is now. At a terminal a
    person is asked; elsewhere, and where they say no, a `UserError`. `agreed`: they have said so
    with the command itself."""
    if line is None:
        return
    control = make_control(repo.control_dir).root
    setup = setup_of(repo, line)
    if is_trusted(control, setup):
        return
    if not agreed and not (sys.stdin.isatty() and sys.stderr.isatty()):
        require_trust(control, setup)
    if not agreed and not _ask(setup):
        raise UserError(
            "cannot run: you have not agreed to the setup of this repository; try removing setup "
            "from [worktree] of gangsaw.toml",
            exit_code=NOT_AGREED,
        )
    trust(control, setup, user_name())


def _ask(setup: Setup) -> bool:
    """Whether the person at the terminal says yes."""
    sys.stderr.write(f"{described(setup)}\nTrust it, and run it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def described(setup: Setup) -> str:
    """What would be run, in a few lines."""
    lines = ["This repository wants to run, in every fresh worktree:", f"  {setup.line}"]
    lines += [f"  {name} is named in it (sha256 {digest[:12]}…)" for name, digest in setup.files]
    return "\n".join(lines)
