"""`gangsaw diff TASK`: what a task has changed, wherever its work is now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from gangsaw.agents import plain_text
from gangsaw.cli import output
from gangsaw.cli.place import chosen_run, find_control, open_repo, reading
from gangsaw.cli.requests import require_task
from gangsaw.core.errors import UserError
from gangsaw.core.evidence import evidence
from gangsaw.core.honesty import concern_objects
from gangsaw.core.model import attempt_id
from gangsaw.core.state import Attempt, State
from gangsaw.engine.loop import fold
from gangsaw.git import Repository, diff_text, list_kept, snapshot_worktree, work_diffstat
from gangsaw.views.against import Side, against_object, against_text
from gangsaw.views.concerns import concern_lines

_COLOURS = {"+": output.GREEN, "-": output.RED, "@": output.CYAN}
_KEPT_ORDER = ("dirty", "work", "branch", "index")


@dataclass(frozen=True, slots=True)
class Change:
    """Two commits, and in words what the second one is."""

    base: str
    commit: str
    what: str


@click.command("diff")
@click.argument("task")
@click.option("--against", metavar="TASK", help="Where it meets the changes of that task.")
@click.option("--stat", is_flag=True, help="Only files and numbers of lines.")
@click.option("--attempt", "number", type=click.IntRange(min=1), help="Of this attempt.")
@click.option("--json", "as_json", is_flag=True, help="Print commits and files as an object.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
def command(
    task: str,
    against: str | None,
    stat: bool,
    number: int | None,
    as_json: bool,
    run_id: str | None,
) -> int:
    """What TASK has changed: as it landed, as it was sealed, or as it lies in its worktree now.

    With --against, two such changes beside each other: the files that both change, whether the two
    merge, the lines in conflict with their markers, and what differs in the files of both.

    \b
    Examples:
      gangsaw diff ui
      gangsaw diff ui --stat
      gangsaw diff ui --attempt 1
      gangsaw diff ui --against api

    The schema of the object: gangsaw schema diff; with --against: gangsaw schema diff-against
    """
    with reading(find_control()) as journal:
        run = chosen_run(journal, run_id).run
        task = require_task(journal, run, task)
        if against is not None:
            against = require_task(journal, run, against)
        state, _ = fold(journal, run)
    repo = open_repo()
    if against is not None:
        return _compare(repo, state, (task, number), against, stat=stat, as_json=as_json)
    change = _change(repo, state, task, number)
    attempt = state.attempts.get(attempt_id(task, number)) if number else state.attempt_of(task)
    concerns = concern_objects(state.limits.honesty, attempt.concerns if attempt else ())
    if as_json:
        found = work_diffstat(repo, change.base, change.commit)
        files = [{"path": f.path, "added": f.added, "deleted": f.deleted} for f in found.files]
        output.say_json({"schema_version": 1, "run": run, "task": task, "what": change.what,
                         "base": change.base, "commit": change.commit, "files": files,
                         "concerns": concerns, "evidence": evidence(state, task)})  # fmt: skip
        return 0
    output.warn(f"{task}: {change.what}, {change.base[:10]}..{change.commit[:10]}")
    for line in concern_lines(concerns):
        output.warn(plain_text(line))
    text = diff_text(repo, change.base, change.commit, stat=stat)
    output.say(_shown(text).removesuffix("\n"))
    return 0


def _compare(
    repo: Repository,
    state: State,
    mine: tuple[str, int | None],
    against: str,
    *,
    stat: bool,
    as_json: bool,
) -> int:
    """Show two tasks' changes beside each other."""
    if mine[0] == against:
        raise UserError(f"cannot compare {against} with itself; try: gangsaw diff {against}")
    one, other = _side(repo, state, *mine), _side(repo, state, against, None)
    found = against_object(repo, state.run, one, other)
    if as_json:
        output.say_json(found)
        return 0
    for side in (one, other):
        output.warn(f"{side.task}: {side.what}, {side.base[:10]}..{side.commit[:10]}")
    lines = against_text(found, stat=stat, heading=output.heading)
    output.say(_shown("\n".join(lines)))
    paths = [each["path"] for each in found["both"] if each["meet"] != "same"]
    if paths and not stat:
        said = f"WHAT DIFFERS in the files of both, from {one.task} to {other.task}"
        text = diff_text(repo, one.commit, other.commit, paths=paths)
        output.say(f"\n{output.heading(said)}\n{_shown(text).removesuffix(chr(10))}")
    return 0


def _side(repo: Repository, state: State, task: str, number: int | None) -> Side:
    """A task's own work: of a landed one what was sealed, since what it landed with is not its."""
    attempt = state.attempt_of(task)
    known = state.task_states[task]
    if number is None and known.landed_commit and attempt is not None and attempt.commit:
        sealed = repo.resolve(attempt.commit)
        if sealed is not None:
            what = f"as it was sealed; landed as {known.landed_commit[:10]}"
            return Side(task, what, _base(repo, attempt, sealed), sealed)
    change = _change(repo, state, task, number)
    return Side(task, change.what, change.base, change.commit)


def _shown(text: str) -> str:
    """The text as it may go to a terminal; to a file or a pipe it goes as it is."""
    if not output.is_terminal():
        return text
    # Coloured by us, not by git: then no escape sequence of the agent's can hide among them.
    lines = plain_text(text).split("\n")
    return "\n".join(output.styled(line, _COLOURS.get(line[:1], "")) for line in lines)


def _change(repo: Repository, state: State, task: str, number: int | None) -> Change:
    known = state.task_states[task]
    attempt = state.attempt_of(task)
    if number is not None:
        attempt = state.attempts.get(attempt_id(task, number))
        if attempt is None:
            raise UserError(
                f"cannot find attempt {number} of {task}; it has {known.attempts}; "
                f"try: gangsaw why {task}"
            )
    if attempt is None:
        raise UserError(
            f"cannot show changes of {task}: it has not started; try: gangsaw why {task}"
        )
    is_last = attempt.id == known.current
    if known.landed_commit and is_last:
        before = repo.resolve(f"{known.landed_commit}^1")
        assert before is not None  # a landing always has the integration branch as first parent
        return Change(before, known.landed_commit, "as it landed")
    found = _lying_about(repo, state.run, attempt)
    if found is None:
        raise UserError(
            f"cannot find changes of {attempt.id}: it has left none; try: gangsaw why {task}"
        )
    return found


def _lying_about(repo: Repository, run: str, attempt: Attempt) -> Change | None:
    """The work of an attempt that has not landed: its worktree, what was sealed, what was kept."""
    path = Path(attempt.path) if attempt.path else None
    if path is not None and (place := repo.place(path)) is not None:
        commit, what = snapshot_worktree(repo, path), "with its uncommitted files"
        if commit is None:
            commit = repo.git("rev-parse", "HEAD", place=place).text
            what = "as committed in its worktree"
        return Change(_base(repo, attempt, commit), commit, what)
    if attempt.commit:
        return Change(_base(repo, attempt, attempt.commit), attempt.commit, "as it was sealed")
    kept = {each.ref: each.commit for each in list_kept(repo, run)}
    for name in _KEPT_ORDER:
        commit = kept.get(f"refs/gangsaw/attempts/{run}/{attempt.id}/{name}")
        if commit is not None:
            return Change(_base(repo, attempt, commit), commit, f"as kept ({name})")
    return None


def _base(repo: Repository, attempt: Attempt, commit: str) -> str:
    """What the work is to be compared with: what was merged into it last, or where it began."""
    if attempt.onto and repo.is_ancestor(attempt.onto, commit):
        return attempt.onto
    return attempt.base
