"""`gangsaw worktrees`: the worktrees of this repository, and whose they are."""

from __future__ import annotations

import click

from gangsaw.cli import output
from gangsaw.cli.place import open_repo
from gangsaw.git import Kind, WorktreeEntry, list_worktrees
from gangsaw.views.text import flat


@click.command("worktrees")
@click.option("--json", "as_json", is_flag=True, help="Print them as an object.")
def command(as_json: bool) -> int:
    """Every worktree of this repository: yours, those of attempts, those in which checks run.

    \b
    Examples:
      gangsaw worktrees
      gangsaw worktrees --json
    """
    entries = list_worktrees(open_repo())
    if as_json:
        output.say_json({"schema_version": 1, "worktrees": [_object(entry) for entry in entries]})
        return 0
    for entry in entries:
        where = entry.branch or f"at {(entry.head or 'nothing')[:10]}"
        gone = "  (its folder is gone)" if entry.missing else ""
        output.say(f"{_kind(entry):<8}  {flat(where):<32}  {flat(str(entry.path))}{gone}")
    return 0


def _kind(entry: WorktreeEntry) -> str:
    return {Kind.ATTEMPT: "attempt", Kind.SLOT: "checks", None: "yours"}[entry.kind]


def _object(entry: WorktreeEntry) -> dict[str, object]:
    attempt = entry.path.name if entry.kind is Kind.ATTEMPT else None
    return {
        "path": str(entry.path),
        "head": entry.head,
        "branch": entry.branch,
        "kind": _kind(entry),
        "run": entry.path.parent.name if entry.kind is not None else None,
        "attempt": attempt,
        "missing": entry.missing,
    }
