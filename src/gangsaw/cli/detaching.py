"""A run in the background: the same command, started again and left alone."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from gangsaw.cli.asked import Asked
from gangsaw.cli.clock import until
from gangsaw.cli.project import Project
from gangsaw.core.errors import UserError
from gangsaw.procs.detach import start_detached
from gangsaw.store.control import Control, make_control
from gangsaw.store.journal import journal_if_any, open_journal
from gangsaw.store.lock import WriterLock
from gangsaw.views.status import status_object

DETACH_WAIT_S = 20.0
DETACH_POLL_S = 0.05


def detach(project: Project, asked: Asked, *, left: bool = False) -> None:
    """Start the same command in the background, and wait until its engine holds the lock. `left`:
    a foreground run was left for it, so it goes on with that run."""
    control = make_control(project.repo.control_dir)
    holder = WriterLock.holder(control.lock)
    if holder is not None:
        raise UserError(
            f"cannot run: another gangsaw (pid {holder.pid}) is running this repository"
        )
    log = control.root / "engine.log"
    said_before = log.stat().st_size if log.exists() else 0
    # What stands before `run` (such as -C DIR) is done already.
    words = sys.argv[sys.argv.index("run") :]
    dropped = ("--detach", "--json", "--new") if left else ("--detach", "--json")
    again = [word for word in words if word not in dropped]
    # -P: what lies in the repository is no module of ours, whatever it is called.
    argv = [sys.executable, "-P", "-m", "gangsaw", *again, "--plain"]
    pid = start_detached(argv, cwd=Path.cwd(), log=log)
    for _ in until(DETACH_WAIT_S, DETACH_POLL_S):
        found = WriterLock.holder(control.lock)
        if found is not None and found.pid == pid:
            see = "See: gangsaw status --watch, gangsaw stop"
            click.echo(f"Running in the background (pid {pid}). {see}", err=asked.as_json)
            print_status(project, asked)
            return
        if not _is_alive(pid):
            break
    tail = log.read_bytes()[said_before:].decode(errors="replace")[-1500:]
    if _finished_already(project, pid):
        click.echo(f"Already finished. See: gangsaw status\n{tail}", err=asked.as_json)
        print_status(project, asked)
        return
    raise UserError(f"cannot start the engine in the background; it said:\n{tail}")


def _is_alive(pid: int) -> bool:
    done, _ = os.waitpid(pid, os.WNOHANG)
    return done == 0


def _finished_already(project: Project, pid: int) -> bool:
    journal_path = Control(project.repo.control_dir).journal
    with journal_if_any(journal_path) as journal:
        if journal is None:
            return False
        runs = journal.runs()
        started = journal.read(runs[-1].run) if runs else iter(())
        return any(row.kind == "engine.started" and row.body["pid"] == pid for row in started)


def print_status(project: Project, asked: Asked) -> None:
    """Print the status object of the last run, where JSON was asked for."""
    if not asked.as_json:
        return
    control = Control(project.repo.control_dir)
    with open_journal(control.journal, writer=False) as journal:
        run = journal.runs()[-1].run
        found = status_object(journal, run, WriterLock.holder(control.lock))
    print(json.dumps(found))
