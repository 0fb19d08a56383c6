"""A person resolves a conflict: in a worktree beside those of the attempts, with or without a live
engine. The engine hears of it by requests; what is given is a ref, which it takes as an attempt."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gangsaw.agents import fenced, plain_text
from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, open_repo, reading
from gangsaw.cli.project import read_settings
from gangsaw.cli.requests import Answered, Recorded, Wish, ask, require_task, tell, user_name
from gangsaw.cli.secrecy import without_secrets
from gangsaw.core.errors import UserError
from gangsaw.core.model import Workspace, attempt_id
from gangsaw.core.policy.landing import gate_of_work
from gangsaw.core.state import Attempt, State, TaskState
from gangsaw.core.wire import decode_event
from gangsaw.engine.effects.resolving import Quarrel, Sides, quarrel_of, sides_of
from gangsaw.engine.layout import Layout, layout_for
from gangsaw.engine.loop import fold
from gangsaw.git import (
    Committed,
    Conflict,
    Conflicted,
    DirtyWorktree,
    IndexLocked,
    MergedIn,
    NotHeld,
    OtherMerge,
    RemovalBlocked,
    Repository,
    StillConflicted,
    UpToDate,
    WorktreeBlocked,
    add_worktree,
    begin_merge,
    branch_ref,
    commit_leftovers,
    conflict_markers,
    drop_branch,
    keep_attempt,
    merge_tree,
    read_ref,
    remove_kept,
)
from gangsaw.git.keeping import ATTEMPTS
from gangsaw.store import inbox
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.views.resolutions import Resolution, resolution_line, resolutions, touching

EARLIER_SHOWN = 10
MARKERS_SHOWN = 5
GIVEN = "it was given already"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person resolves the conflict of a task, and what of."""

    repo: Repository
    control: Control
    layout: Layout
    state: State
    task: str

    @property
    def name(self) -> str:
        """What the worktree, its branch and what is kept of it are called."""
        return f"{self.task}.resolve"

    @property
    def path(self) -> Path:
        return self.layout.worktree(self.name)

    @property
    def branch(self) -> str:
        return f"gangsaw/{self.layout.run}/{self.name}"

    @property
    def known(self) -> TaskState:
        return self.state.task_states[self.task]

    @property
    def is_half_gone(self) -> bool:
        """Whether a removal of the worktree was cut short."""
        if self.repo.place(self.path) is not None:
            return False
        gone = self.repo.admin_dir(self.path) is None
        return not gone or read_ref(self.repo, branch_ref(self.branch)) is not None

    @property
    def summary(self) -> Path:
        """The page with both sides, outside of the worktree."""
        return self.layout.control / "resolve" / self.layout.run / self.task / "RESOLVE.md"

    @property
    def attempt(self) -> Attempt:
        """The last attempt whose work was sealed; `UserError` where there is none."""
        for number in range(self.known.attempts, 0, -1):
            attempt = self.state.attempts[attempt_id(self.task, number)]
            if attempt.commit:
                return attempt
        raise UserError(
            f"cannot resolve {self.task}: no work of it is there yet; try: gangsaw why {self.task}"
        )


def place_of(task: str) -> Place:
    """The place for a task of the last run; `UserError` for one that there is not."""
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, None).run
        task = require_task(journal, run, task)
        state, _ = fold(journal, run)
    repo = open_repo()
    root = repo.main_root or repo.root
    settings, _ = read_settings(root, os.environ)
    if state.tasks[task].workspace is Workspace.NONE:
        raise UserError(
            f"cannot resolve {task}: it changes no files of the repository; try: gangsaw why {task}"
        )
    return Place(repo, control, layout_for(root, control.root, settings, run), state, task)


# --- begin --------------------------------------------------------------------------------------


def prepare(task: str, *, as_json: bool) -> int:
    """Make (or find) the worktree with the merge begun and the page about it; the exit code."""
    place = place_of(task)
    attempt, onto = place.attempt, place.state.head
    there = place.repo.place(place.path) is not None
    if not there and not isinstance(merge_tree(place.repo, onto, attempt.commit), Conflict):
        raise UserError(
            f"cannot find a conflict of {task}: its work merges with what has landed; "
            f"try: gangsaw why {task}, gangsaw retry {task} --from last"
        )
    wish = Wish("resolve", task)
    reply = ask(wish)
    if not (isinstance(reply, Answered | Recorded) and (isinstance(reply, Recorded) or reply.ok)):
        return tell(wish, reply, as_json=as_json) or 1
    made = add_worktree(place.repo, place.path, place.branch, attempt.commit)
    if isinstance(made, WorktreeBlocked):
        raise UserError(f"cannot make the worktree {place.path}: {made.reason}", exit_code=1)
    paths = _merge(place, onto)
    quarrel = quarrel_of(place.state, attempt, onto)
    sides = sides_of(place.repo, quarrel)
    earlier = touching(all_resolutions(place.control), sides.paths)
    _write_summary(place, quarrel, sides, earlier)
    if as_json:
        output.say_json(
            {"schema_version": 1, "task": task, "worktree": str(place.path),
             "paths": list(paths), "summary": str(place.summary), "work": attempt.commit,
             "onto": onto, "recorded": isinstance(reply, Recorded)}
        )  # fmt: skip
        return 0
    output.say(f"{task} is yours to resolve in {place.path}")
    for line in sides.files if paths else ["nothing is in conflict any more"]:
        output.say(f"  {line}")
    output.say(f"both sides, and what was done before: {place.summary}")
    output.say(f"when it is done: gangsaw resolve {task} --done; to give it back: --abort")
    return 0


def _merge(place: Place, onto: str) -> tuple[str, ...]:
    """Begin the merge there, or find it begun; the paths in conflict."""
    match begin_merge(place.repo, place.path, onto):
        case Conflicted(paths):
            return paths
        case MergedIn() | UpToDate():
            return ()
        case OtherMerge():
            output.warn("more has landed since; it is merged in by the same command, once you have "
                        "committed this merge")  # fmt: skip
            return ()
        case DirtyWorktree(paths):
            raise UserError(
                f"cannot merge what landed into {place.path}: {paths[0]} is not committed; "
                "try committing it there first"
            )
        case IndexLocked(lock):
            raise UserError(f"cannot merge in {place.path}: {lock} exists; try once more")


def _write_summary(place: Place, quarrel: Quarrel, sides: Sides, earlier: list[Resolution]) -> None:
    task, path = place.task, place.path
    checks = [f"    {check.name}" for check in gate_of_work(place.state, task)]
    now = clock.now_s()
    lines = [
        f"# {plain_text(quarrel.title)}: a conflict with what has landed",
        "",
        f"The merge is begun in `{path}`. In conflict:",
        "",
        *[f"- {plain_text(line)}" for line in sides.files],
        "",
        "## How to end it",
        "",
        f"    cd {path}",
        "    git status; git diff",
        *(checks or ["    # no checks are configured"]),
        f"    gangsaw resolve {task} --done     # commits what is left, checks and lands it",
        f"    gangsaw resolve {task} --abort    # gives it back",
        "",
        f"## This side: {task}",
        "",
        "What it was asked to do:",
        "",
        fenced(plain_text(quarrel.prompt)),
        "",
        "What it changed in these files:",
        "",
        fenced(plain_text(sides.own).strip("\n") or "(nothing)"),
        "",
        "## The other side",
        "",
        sides.other or "(nothing is known of it)",
        "",
        "## Earlier conflicts in these files",
        "",
        *([f"- {resolution_line(one, now)}" for one in earlier[-EARLIER_SHOWN:]] or ["(none)"]),
        "",
    ]
    place.summary.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = without_secrets("\n".join(lines))
    place.summary.write_text(text, encoding="utf-8", errors="surrogateescape")


# --- end ----------------------------------------------------------------------------------------


def give(task: str, *, as_json: bool) -> int:
    """Hand the resolution to the engine, live or next, and put the worktree away."""
    place = place_of(task)
    prefix = f"{ATTEMPTS}/{place.layout.run}/{place.name}/"
    if place.is_half_gone and _is_given(place, prefix):
        output.warn(f"-- {GIVEN}; its worktree is put away")
        _put_away(place)
        return 0
    commit = _resolved_commit(place)
    kept = keep_attempt(place.repo, place.layout.run, place.name, place.path, place.branch)
    ref = next(ref for ref in kept.refs if read_ref(place.repo, ref) == commit)
    wish = Wish("resolve_done", task, ref)
    if _is_given(place, ref):
        output.warn(f"-- {GIVEN}")
    else:
        reply = ask(wish)
        code = tell(wish, reply, as_json=as_json)
        if code:
            return code
    _put_away(place)
    return 0


def _resolved_commit(place: Place) -> str:
    """The commit of the resolution; `UserError` with what is still to be done."""
    task, repo, path = place.task, place.repo, place.path
    if repo.place(path) is None:
        raise UserError(f"cannot find {path}: try gangsaw resolve {task} first")
    message = f"Merge {task} with what has landed\n\nResolved by {user_name()}.\n"
    made = commit_leftovers(repo, path, message)
    match made:
        case StillConflicted(paths):
            names = ", ".join(paths[:MARKERS_SHOWN])
            raise UserError(
                f"cannot take it yet: {names} is still in conflict; try mending it in {path}, then "
                "git add, or git rm what is to go"
            )
        case IndexLocked(lock):
            raise UserError(f"cannot commit in {path}: {lock} exists; try once more")
    assert isinstance(made, Committed)
    commit = made.commit
    marks = conflict_markers(repo, place.state.head, commit)
    if marks:
        where = ", ".join(f"{name}:{line}" for name, line in marks[:MARKERS_SHOWN])
        raise UserError(f"cannot take it yet: there are conflict markers at {where}; try again")
    found = merge_tree(repo, place.state.head, commit)
    if isinstance(found, Conflict):
        raise UserError(
            f"cannot take it yet: it conflicts with what has landed since, in "
            f"{', '.join(found.paths[:MARKERS_SHOWN])}; try gangsaw resolve {task} once more"
        )
    return commit


def _is_given(place: Place, prefix: str) -> bool:
    """Whether a resolution held by a ref that begins so is known to the run, or waits for its next
    engine."""
    mine = [each for each in place.state.attempts.values() if each.task == place.task]
    starts = [each.start for each in mine]
    if any(start.startswith(prefix) for start in (place.known.start, *starts)):
        return True
    waiting = inbox.pending(place.control.inbox) if place.control.inbox.is_dir() else ()
    return any(
        request.verb == "resolve_done" and str(request.args.get("text")).startswith(prefix)
        for request in waiting
        if not isinstance(request, inbox.BadRequest)
    )


def give_back(task: str, *, as_json: bool) -> int:
    """Leave the conflict unresolved; what was done is kept by refs."""
    place = place_of(task)
    wish = Wish("resolve_abort", task)
    reply = ask(wish)
    there = place.repo.place(place.path) is not None or place.is_half_gone
    if isinstance(reply, Answered) and not reply.ok and there:
        output.warn(f"-- {reply.text}; its worktree is put away")
        code = 0
    else:
        code = tell(wish, reply, as_json=as_json)
    if not code:
        _put_away(place)
    return code


def _put_away(place: Place) -> None:
    """Remove the worktree, its branch and its page; everything in it is held by refs."""
    repo, run = place.repo, place.layout.run
    kept, gone = remove_kept(repo, run, place.name, place.path, place.branch)
    if isinstance(gone, NotHeld | RemovalBlocked):
        output.warn(f"-- left in place: {place.path}")
        return
    drop_branch(repo, run, place.name, place.branch)
    place.summary.unlink(missing_ok=True)
    if kept.refs:
        output.warn(f"-- what you did is held by {kept.refs[0]}")


# --- history ------------------------------------------------------------------------------------


def all_resolutions(control: Control) -> list[Resolution]:
    """Every resolution of every run here, oldest first."""
    with reading(control) as journal:
        return [one for row in journal.runs() for one in _of_run(journal, row.run)]


def _of_run(journal: Journal, run: str) -> list[Resolution]:
    told = ((row.at, decode_event(row.kind, row.body)) for row in journal.read(run))
    return resolutions(run, told)


def present_paths(task: str) -> tuple[str, ...]:
    """What the work of a task conflicts in now; where it does not, what it last conflicted in."""
    place = place_of(task)
    attempt = place.attempt
    found = merge_tree(place.repo, place.state.head, attempt.commit)
    return found.paths if isinstance(found, Conflict) else attempt.returned_paths
