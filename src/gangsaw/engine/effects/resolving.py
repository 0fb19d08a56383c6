"""What is needed to resolve a conflict: the means for doing it mechanically, and both sides of it
in words and diffs, for the agent of the younger attempt, for the next one, and for people."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from gangsaw.agents import fenced, plain_text
from gangsaw.core.errors import UserError
from gangsaw.core.model import attempt_id
from gangsaw.core.resolving import CLASHED
from gangsaw.core.settings import Settings
from gangsaw.core.state import Attempt, State
from gangsaw.engine.world import World
from gangsaw.git import (
    GitFailed,
    Means,
    Repository,
    common_base,
    diff_of_paths,
    kind_text,
    read_clashes,
)

LANDED_SHOWN = 5
"""Of so many landed tasks that touched the files in conflict, text and change are shown."""
LANDED_LOOKED_AT = 50
TEXT_MAX = 4_000
"""Characters of another task's text that are shown."""
DIFF_MAX = 12_000
"""Characters of diffs, all in all."""
PATHS_MAX = 100
_CUT = "\n[the rest is left out]"


def means_of(world: World) -> Means:
    """What conflicts may be resolved with before anybody is asked. `UserError` where the settings
    ask for a program that is not there."""
    return means_from(world.settings, world.environ.get("PATH"))


def means_from(settings: Settings, path: str | None) -> Means:
    """The same from settings alone."""
    wanted = settings.conflicts.mergiraf
    program = "" if wanted == "off" else shutil.which("mergiraf", path=path) or ""
    if wanted == "on" and not program:
        raise UserError(
            'cannot find mergiraf, which [landing] mergiraf = "on" asks for; try installing it, or '
            'mergiraf = "auto"'
        )
    return Means(settings.conflicts.union, program)


@dataclass(frozen=True, slots=True)
class LandedTask:
    """A task that has landed: who did it, its text, and the commit that brought it."""

    id: str
    title: str
    prompt: str
    agent: str
    commit: str


@dataclass(frozen=True, slots=True)
class Quarrel:
    """One piece of work and the commit that it does not merge with. `others` landed since the task
    was begun, the newest first."""

    task: str
    title: str
    prompt: str
    work: str
    onto: str
    paths: tuple[str, ...]
    others: tuple[LandedTask, ...]


def quarrel_of(state: State, attempt: Attempt, onto: str) -> Quarrel:
    """The attempt's work against `onto`, as far as the state knows of it."""
    task = state.tasks[attempt.task]
    since = state.task_states[task.id].since_landing or 0
    names = [name for name in reversed(state.landed[since:]) if state.task_states[name].finished]
    others = [_landed(state, name) for name in dict.fromkeys(names) if name != task.id]
    paths = attempt.returned_paths
    return Quarrel(
        task.id, task.title, task.prompt, attempt.commit, onto, paths,
        tuple(others[:LANDED_LOOKED_AT]),
    )  # fmt: skip


def _landed(state: State, name: str) -> LandedTask:
    task, attempt = state.tasks[name], state.attempt_of(name)
    agent = attempt.agent if attempt else ""
    return LandedTask(name, task.title, task.prompt, agent, state.task_states[name].landed_commit)


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a quarrel, as text: the `files` with the kind of their conflict, the `other`
    side's tasks with their changes, the `own` change."""

    files: tuple[str, ...]
    paths: tuple[str, ...]
    other: str
    own: str


def sides_of(repo: Repository, quarrel: Quarrel) -> Sides:
    """Both sides, read from the object store. What cannot be read is left out."""
    found = _kinds(repo, quarrel)
    paths = (tuple(found) or quarrel.paths)[:PATHS_MAX]
    files = [f"{path} ({found[path]})" if found.get(path) else path for path in paths]
    base = common_base(repo, quarrel.work, quarrel.onto) if quarrel.work else None
    own = _diff(repo, base, quarrel.work, paths) if base else ""
    return Sides(tuple(files), paths, _other_side(repo, quarrel, base, paths), own[:DIFF_MAX])


def _kinds(repo: Repository, quarrel: Quarrel) -> dict[str, str]:
    """Every path in conflict now, with its kind in words."""
    if not quarrel.work or not quarrel.onto:
        return {}
    found = read_clashes(repo, quarrel.onto, quarrel.work)
    return {clash.path: kind_text(clash) for clash in found.clashes}


def _other_side(
    repo: Repository, quarrel: Quarrel, base: str | None, paths: tuple[str, ...]
) -> str:
    blocks: list[str] = []
    room = DIFF_MAX
    for other in quarrel.others:
        diff = _diff(repo, f"{other.commit}^1", other.commit, paths) if other.commit else ""
        if not diff or len(blocks) == LANDED_SHOWN:
            continue
        blocks.append(_block(other, _cut(diff, room)))
        room = max(room - len(diff), 0)
    if not blocks and base:
        # Nobody's task: commits that somebody else put there.
        diff = _diff(repo, base, quarrel.onto, paths)
        blocks = [f"Commits that are no task's:\n\n{fenced(_cut(diff, room))}"] if diff else []
    return "\n\n".join(blocks)


def _block(other: LandedTask, diff: str) -> str:
    by = f", by {other.agent}" if other.agent else ""
    head = f"### {other.id}: {plain_text(other.title)} (landed{by})"
    asked = f"What it was asked to do:\n\n{fenced(_cut(other.prompt, TEXT_MAX))}"
    return f"{head}\n\n{asked}\n\nWhat it changed in these files:\n\n{fenced(diff)}"


def _cut(text: str, limit: int) -> str:
    plain = plain_text(text).strip("\n")
    return plain if len(plain) <= limit else plain[:limit] + _CUT


def _diff(repo: Repository, base: str, commit: str, paths: tuple[str, ...]) -> str:
    try:
        return diff_of_paths(repo, base, commit, paths)
    except GitFailed:
        return ""  # one of them is gone; what is left of the help is help enough


# --- prompts ------------------------------------------------------------------------------------


def former_attempt(state: State, attempt: Attempt) -> Quarrel | None:
    """What the attempt before this one came to, if it ended in conflict and this one began anew."""
    if attempt.number < 2 or attempt.start:
        return None
    former = state.attempts[attempt_id(attempt.task, attempt.number - 1)]
    if former.failed not in CLASHED or not former.commit:
        return None
    return quarrel_of(state, former, attempt.base)


def former_text(repo: Repository, quarrel: Quarrel) -> str:
    """Help for an attempt that does the same work once more, on a newer base."""
    base = common_base(repo, quarrel.work, quarrel.onto)
    diff = _diff(repo, base, quarrel.work, ()) if base else ""
    if not diff:
        return ""
    where = f" It conflicted in {', '.join(quarrel.paths[:10])}." if quarrel.paths else ""
    return (
        "An earlier attempt at this task could not be merged with what landed meanwhile, which is "
        f"in your worktree now.{where} Do the task anew on what is there; this is what that "
        f"attempt had changed, for help:\n\n{fenced(_cut(diff, DIFF_MAX))}"
    )
