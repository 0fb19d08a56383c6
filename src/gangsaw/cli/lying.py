"""Work that has not landed, as the commands about it find it."""

from __future__ import annotations

from gangsaw.git import Repository, Stranded, distinct, list_refs, stranded
from gangsaw.store.control import Control
from gangsaw.store.journal import journal_if_any
from gangsaw.store.rows import RunRow


def find_stranded(repo: Repository, run: str | None = None) -> tuple[Stranded, ...]:
    """Everything stranded, of one run or of all, each work once, newest first."""
    runs = _runs(repo)
    lands_on = [*list_refs(repo, "refs/heads/gangsaw/run")]
    lands_on += [f"refs/heads/{row.target}" for row in runs if row.target]
    began = [row.started_at for row in runs if row.started_at is not None]
    found = distinct(stranded(repo, tuple(dict.fromkeys(lands_on)), min(began, default=None)))
    return tuple(each for each in found if run is None or each.run == run)


def _runs(repo: Repository) -> list[RunRow]:
    with journal_if_any(Control(repo.control_dir).journal) as journal:
        return list(journal.runs()) if journal is not None else []
