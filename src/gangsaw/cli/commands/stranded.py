"""`gangsaw stranded`: work that has not landed, and how to bring it back."""

from __future__ import annotations

from collections.abc import Iterable

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import open_repo
from gangsaw.git import Repository, Stranded, StrandedKind, list_refs, stranded
from gangsaw.store.control import Control
from gangsaw.views.status import named
from gangsaw.views.text import count_of, flat, span

FILES_SHOWN = 4


@click.command("stranded")
@click.option("--json", "as_json", is_flag=True, help="Print it as an object.")
def command(as_json: bool) -> int:
    """Work of attempts that is on no integration branch and not on its target: kept refs,
    branches, stashes, worktrees with uncommitted files. Each with the command that brings it back.

    \b
    Examples:
      gangsaw stranded
    """
    repo = open_repo()
    found = _once(stranded(repo, _where_work_lands(repo)))
    if as_json:
        output.say_json({"schema_version": 1, "stranded": [_object(each) for each in found]})
        return 0
    if not found:
        output.say("nothing is stranded: everything landed, or nothing was made")
        return 0
    now = clock.now_s()
    for each in found:
        files = named(list(each.files), FILES_SHOWN)
        output.say(f"{each.kind.value:<8}  {flat(each.name)}")
        output.say(
            f"          {count_of(len(each.files), 'file')}: {files} · {span(now - each.at)} ago"
        )
        output.say(f"          {flat(each.bring_back)}")
    return 0


def _once(found: Iterable[Stranded]) -> list[Stranded]:
    """Of several refs on one commit the first that is easily brought back."""
    kept: dict[tuple[str, bool], Stranded] = {}
    for each in found:
        key = (each.commit, each.kind is StrandedKind.WORKTREE)
        if key not in kept or (each.bring_back.startswith("git merge") and not _merges(kept[key])):
            kept[key] = each
    return list(kept.values())


def _merges(each: Stranded) -> bool:
    return each.bring_back.startswith("git merge")


def _where_work_lands(repo: Repository) -> list[str]:
    """The integration branches, and the targets of all runs."""
    refs = list(list_refs(repo, "refs/heads/gangsaw/run"))
    control = Control(repo.control_dir)
    if control.journal.exists():
        from gangsaw.cli.place import reading

        with reading(control) as journal:
            refs += [f"refs/heads/{row.target}" for row in journal.runs() if row.target]
    return list(dict.fromkeys(refs))


def _object(each: Stranded) -> dict[str, object]:
    return {
        "kind": each.kind.value, "name": each.name, "commit": each.commit, "at": each.at,
        "files": list(each.files), "bring_back": each.bring_back,
    }  # fmt: skip
