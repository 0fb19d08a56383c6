"""A task file read again while its run goes on: as records by the ids that the run has for them.

What gangsaw itself has written there must not look like an edit. So the text is read as it would be
if every record that was accepted were still open: the dialect is asked for the edits that say so,
as it is when a landing is undone. Needs, order and everything else that is inferred from standings
come out as they did before. What the file calls each record is told beside.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gangsaw.core.edits import Record
from gangsaw.core.errors import UserError
from gangsaw.core.model import Plan, Task
from gangsaw.core.standing import Entry, Standing, TaskFile
from gangsaw.plan import Complaint
from gangsaw.sources.assembling import Expected, SourceRead, read_documents
from gangsaw.sources.place import document, faults_of, member_files
from gangsaw.sources.protocol import Dialect, Document, Item, Remark, Report
from gangsaw.sources.registry import dialect, surroundings
from gangsaw.sources.writing import with_edits


@dataclass(frozen=True, slots=True)
class Reread:
    """What the source says now, and the files that it consists of: those that are known, in their
    order, and behind them those that have come since; what could not be read of it, and notes."""

    records: tuple[Record, ...]
    paths: tuple[str, ...]
    shown: tuple[str, ...]
    unread: tuple[Complaint, ...] = ()
    notes: tuple[Complaint, ...] = ()


def files_now(task_file: TaskFile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The whole paths of the source's files, and what they are called: all that were known, there
    or not, and those that have come since. `UserError` for too many."""
    if not task_file.folder:
        return task_file.paths, task_file.shown
    known = set(task_file.paths)
    folder = Path(task_file.folder)
    found = member_files(dialect(task_file.dialect), folder)
    fresh = [path for path in found if os.fspath(path) not in known]
    shown = [os.path.join(task_file.folder_shown, path.relative_to(folder)) for path in fresh]
    return (*task_file.paths, *map(os.fspath, fresh)), (*task_file.shown, *shown)


def reread(
    task_file: TaskFile,
    entries: Mapping[str, Entry],
    expected: Expected,
    checked: Callable[[Plan], Plan],
    given: Sequence[Document] | None = None,
    before: Sequence[Complaint] | None = None,
    finished: Collection[str] = (),
) -> Reread:
    """The source as it is now. `checked` gives a plan as it may be kept, or raises. Where a program
    keeps the records, its text is `given`. `before` is what could not be read of the version that
    was taken up last, where that is known. Nobody waits for tasks that are `finished`,
    whether their records are still there or not.

    `UserError`, with file and line where there is one, for a version that cannot be used as a
    whole: faults of a plan, or accepted records that are not there while something that may be
    these could not be read.
    """
    paths, shown = files_now(task_file)
    there = [at for at, path in enumerate(paths) if given or _is_there(task_file, path)]
    if not there:
        gone = "none of its files is there any more"
        raise UserError(f"cannot read {task_file.folder_shown}: {gone}")
    kind = dialect(task_file.dialect)
    around: tuple[Remark, ...] = ()
    if given is None:
        around = surroundings(task_file.dialect)(tuple(Path(paths[at]) for at in there))
        given = [document(Path(paths[at]), shown[at]) for at in there]
    keys = {entry.key: name for name, entry in entries.items()}
    texts, standings, joined = reopened(kind, given, keys)
    settled = {*standings, *(entries[name].key for name in finished if name in entries)}
    read = read_documents(kind, texts, expected, around, keys, settled)
    _require_whole(read, entries, task_file, before)
    tasks = _tasks(task_file, read, entries, checked)
    records = tuple(
        Record(
            Entry(
                name,
                item.key,
                there[_home(item)],
                standings.get(item.key, item.standing),
                mute=item.home is None,
            ),
            tasks.get(name),
            item.holder,
            item.key in joined,
        )
        for name, item in read.items.items()
        if name in entries or name in tasks
    )
    return Reread(records, paths, shown, read.unread, read.notes)


def since(now: Sequence[Complaint], before: Sequence[Complaint]) -> tuple[Complaint, ...]:
    """What is said now that was not before, in whatever place it stood then."""
    known = Counter(map(unplaced, before))
    found = []
    for each in now:
        said = unplaced(each)
        if known[said]:
            known[said] -= 1
        else:
            found.append(each)
    return tuple(found)


def unplaced(complaint: Complaint) -> tuple[str, str]:
    """What it says of which file, without the lines that it names: they move with every edit above
    them."""
    return complaint.source, re.sub(r"\blines? \d+", "line", complaint.text)


def reopened(
    kind: Dialect, texts: Sequence[Document], accepted: Collection[str]
) -> tuple[list[Document], dict[str, Standing], frozenset[str]]:
    """The documents as if the `accepted` records (keys) that they call done were open; what they
    call those; and records that have joined them since.

    Those stand in a part of the source that is closed, with nothing that says of themselves that
    they are done. Where a record was accepted, its part was open then, with all in it: it was
    closed when the last of them was done, so what has no mark of its own came later."""
    done: dict[str, Item] = {}
    below: dict[str, Item] = {}
    first: dict[str, Item] = {}
    for item in kind.read(texts).items:
        if first.setdefault(item.key, item) is not item:
            continue  # it is not read: the key is taken
        if item.standing is Standing.DONE and item.key in accepted:
            done[item.key] = item
        elif item.inherited:
            below[item.key] = item
    ours = {item.within[:1] for item in done.values()}
    joined = {key: item for key, item in below.items() if item.within[:1] in ours}
    found = list(texts)
    for at, text in enumerate(texts):
        opened = [*done.items(), *joined.items()]
        own = [Report(key, Standing.OPEN) for key, item in opened if _home(item) == at]
        if own:
            found[at] = replace(text, text=with_edits(text.text, kind.edits(text, own).edits))
    return found, dict.fromkeys(done, Standing.DONE), frozenset(joined)


def _home(item: Item) -> int:
    """The document in which its standing is written, or it itself where none is."""
    return item.document if item.home is None else item.home


def _is_there(task_file: TaskFile, path: str) -> bool:
    """Whether the file is to be read: of a folder's files some may have gone since."""
    return not task_file.folder or os.path.exists(path)


def _require_whole(
    read: SourceRead,
    entries: Mapping[str, Entry],
    task_file: TaskFile,
    before: Sequence[Complaint] | None,
) -> None:
    if read.plan.errors:
        raise faults_of(read.plan.errors)
    missing = [entry for name, entry in entries.items() if name not in read.items]
    if not missing or not read.unread:
        return
    unread = read.unread
    if before is not None:
        unread = since(unread, before)
    else:
        # It may be one of those that are missing in their own file, or in one that is new.
        others = set(task_file.shown) - {task_file.shown[entry.document] for entry in missing}
        unread = tuple(each for each in unread if each.source not in others)
    if unread:
        raise faults_of(unread)


def _tasks(
    task_file: TaskFile,
    read: SourceRead,
    entries: Mapping[str, Entry],
    checked: Callable[[Plan], Plan],
) -> dict[str, Task]:
    """The tasks in it that are a part of the run."""
    if read.plan.plan is None:
        return {}
    tasks = {task.id: task for task in checked(read.plan.plan).tasks}
    if not task_file.narrowed:
        return tasks
    parts = set(task_file.epics)
    wanted: set[str] = set()
    pending = [
        name for name in tasks if name in entries or not parts.isdisjoint(read.items[name].within)
    ]
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending.extend(tasks[name].needs)
    return {name: task for name, task in tasks.items() if name in wanted}
