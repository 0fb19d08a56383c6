"""`gangsaw rescue`: a branch with work that has not landed."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import click

from gangsaw.cli import output
from gangsaw.cli.lying import find_stranded
from gangsaw.cli.place import open_repo
from gangsaw.core.errors import UserError
from gangsaw.core.model import task_of
from gangsaw.git import Rescued, Stranded, StrandedKind, rescue
from gangsaw.views.text import flat

ID_MIN = 7
"""The shortest beginning of a commit's id that names it."""


@click.command("rescue")
@click.argument("what", required=False)
@click.option("--all", "everything", is_flag=True, help="All that `gangsaw stranded` lists.")
@click.option("--to", metavar="BRANCH", help="The branch to make, instead of rescue/TASK.N.")
@click.option("--run", "run_id", metavar="ID", help="Only work of this run's attempts.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as an object.")
def command(
    what: str | None, everything: bool, to: str | None, run_id: str | None, as_json: bool
) -> int:
    """Make a branch with work that has not landed. WHAT is a name from `gangsaw stranded`, a task,
    an attempt, a worktree, a stash or a commit.

    Commits are taken as they are, uncommitted files as one commit on top of them. Your checkout
    and the worktree stay as they are, and no branch that exists is moved: if the name is taken,
    the next free one is made. A second rescue of the same work finds the branch of the first.

    \b
    Examples:
      gangsaw rescue api
      gangsaw rescue r1/api.2/left-3f2a --to old-idea
      gangsaw rescue --all
    """
    if (what is None) != everything:
        raise UserError("cannot tell what to rescue; try: gangsaw rescue WHAT, or --all")
    if everything and to is not None:
        raise UserError("cannot bring everything to one branch; try without --to")
    repo = open_repo()
    found = find_stranded(repo, run_id)
    if what is not None:
        found = _chosen(found, what)
    made = rescue(repo, [each for each in found if each.kind is not StrandedKind.TRASH], to)
    if as_json:
        output.say_json({"schema_version": 1, "rescued": [_object(each) for each in made]})
        return 0
    for each in made:
        _tell(each)
    if not made:
        output.say("nothing to rescue: everything landed, or nothing was made")
    trash = sorted({each.bring_back for each in found if each.kind is StrandedKind.TRASH})
    for remedy in trash:
        output.say(f"in the trash of a clean there is more: {remedy}")
    return 0


def _chosen(found: Sequence[Stranded], what: str) -> tuple[Stranded, ...]:
    """The work called `what`: by its own name, else by its attempt, else by its task's last."""
    own = tuple(each for each in found if _is_called(each, what))
    by_attempt = tuple(
        each for each in found
        if each.attempt is not None and what in (each.attempt, f"{each.run}/{each.attempt}")
    )  # fmt: skip
    by_task = tuple(each for each in found if each.attempt and task_of(each.attempt) == what)
    for group in (by_attempt, own, by_task):
        if group:
            runs = [each.run for each in group]
            # Found newest first: of several runs the one that was at work last.
            last = tuple(each for each in group if each.run == runs[0])
            return _last_attempt(last) if group is by_task else last
    names = [each.call for each in found]
    near = get_close_matches(what, names, n=1)
    remedy = f"did you mean '{near[0]}'?" if near else "try: gangsaw stranded"
    raise UserError(f"cannot find stranded work called '{what}'; {remedy}")


def _last_attempt(found: Sequence[Stranded]) -> tuple[Stranded, ...]:
    """What there is of the last attempt that has left anything."""
    last = max(_number(each) for each in found)
    return tuple(each for each in found if _number(each) == last)


def _number(each: Stranded) -> int:
    """Of its attempt; 0 where a branch has only a name like that of one."""
    digits = (each.attempt or "").rpartition(".")[2]
    return int(digits) if digits.isdecimal() else 0


def _is_called(each: Stranded, what: str) -> bool:
    if what in (each.name, each.call):
        return True
    by_id = len(what) >= ID_MIN and each.commit.startswith(what)
    return by_id or (each.attempt is not None and len(what) > ID_MIN and each.call.startswith(what))


def _tell(each: Rescued) -> None:
    name = flat(each.branch)
    done = "made" if each.made else "there already:"
    output.say(f"{done} branch {name} at {each.commit[:12]}, from {flat(each.source)}")
    output.say(f"  git log -p HEAD..{name}    look at it")
    output.say(f"  git switch {name}    go on from it")


def _object(each: Rescued) -> dict[str, object]:
    return {"branch": each.branch, "commit": each.commit, "source": each.source, "made": each.made}
