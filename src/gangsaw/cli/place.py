"""From the current folder to the repository, its control folder and its journal.

Commands that only read need no git: the common folder is found by looking at `.git`, which costs
no process. Where that finds nothing, git is asked, and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gangsaw.core.errors import UserError
from gangsaw.store.control import Control
from gangsaw.store.errors import NoJournal
from gangsaw.store.lock import HeldBy, WriterLock

if TYPE_CHECKING:
    from gangsaw.git import Repository
    from gangsaw.sources import Home
    from gangsaw.store.journal import Journal
    from gangsaw.store.rows import RunRow

CONTROL_NAME = "gangsaw"
POINTER_MAX = 16_384
_GITDIR = b"gitdir: "


def here() -> Path:
    """The current folder; `UserError` where it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UserError(
            "cannot work here: the current folder has been deleted; try: cd into your repository"
        ) from None


def open_repo() -> Repository:
    """The repository of the current folder, by asking git."""
    from gangsaw.git import open_repository

    return open_repository(here())


def home_of(repo: Repository) -> Home:
    """The repository, for names of task files that lie in their usual places."""
    from gangsaw.sources import Home

    return Home(repo.root, lambda: repo.head_branch() or "")


def home_here() -> Home | None:
    """That of the repository here; `None` where there is none."""
    return home_of(open_repo()) if common_dir_of(here()) is not None else None


def find_control() -> Control:
    """The control folder of the repository here; it need not exist. `UserError` where there is
    no repository."""
    start = here()
    common = common_dir_of(start)
    if common is None:
        return Control(open_repo().control_dir)
    return Control(common / CONTROL_NAME)


def common_dir_of(start: Path) -> Path | None:
    """The common git folder of the repository that `start` lies in, found without git; `None`
    where only git can say."""
    for folder in (start, *start.parents):
        if _is_git_dir(folder):
            return None  # inside a git folder, or a bare repository: rare, so git may say
        pointer = folder / ".git"
        if pointer.is_dir():
            return pointer.resolve() if _is_git_dir(pointer) else None
        if pointer.is_file():
            return _common_of_pointer(pointer)
    return None


def _is_git_dir(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()


def _common_of_pointer(pointer: Path) -> Path | None:
    """The common folder behind the `.git` file of a linked worktree or a submodule."""
    named = _read_path(pointer, _GITDIR)
    if named is None:
        return None
    git_dir = (pointer.parent / named).resolve()
    if _is_git_dir(git_dir):
        return git_dir
    common = _read_path(git_dir / "commondir", b"")
    if common is None:
        return None
    found = (git_dir / common).resolve()
    return found if _is_git_dir(found) else None


def _read_path(file: Path, prefix: bytes) -> str | None:
    try:
        with file.open("rb") as stream:
            content = stream.read(POINTER_MAX)
    except OSError:
        return None
    if not content.startswith(prefix):
        return None
    return content.removeprefix(prefix).rstrip(b"\r\n").decode("utf-8", "surrogateescape")


@contextmanager
def reading(control: Control) -> Iterator[Journal]:
    """The journal, open for reading. `NoJournal` (a `UserError`) where nothing has run yet."""
    from gangsaw.store.journal import open_journal

    with open_journal(control.journal, writer=False) as journal:
        yield journal


def chosen_run(journal: Journal, wanted: str | None) -> RunRow:
    """The run called `wanted`, or the last one. `UserError` where there is none; `NoJournal` where
    there is no run at all."""
    runs = journal.runs()
    if not runs:
        raise NoJournal("cannot find a run: nothing has run here yet; try: gangsaw run PLAN")
    if wanted is None:
        return runs[-1]
    for row in runs:
        if row.run == wanted:
            return row
    names = ", ".join(row.run for row in runs[-8:])
    raise UserError(f"cannot find the run '{wanted}'; try one of: {names}")


def holder_of(control: Control, journal: Journal, run: str) -> HeldBy | None:
    """The live engine of this run: only the last run can have one."""
    runs = journal.runs()
    if not runs or runs[-1].run != run:
        return None
    return WriterLock.holder(control.lock)
