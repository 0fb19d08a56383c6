"""Task Master's `.taskmaster/tasks/tasks.json`: tasks with subtasks, in one list or by tags.

A task with subtasks is run as these: they wait for what their task waits for, and who needs the
task waits for its last ones. In a subtask a bare number is a neighbour, `23.8` a subtask anywhere
in the tag; tags know nothing of one another. A test strategy becomes a check only if it can be
nothing else but a command.

Written back: the word of the status; a task's when its last subtask is done, or its first begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from gangsaw.sources.commands import command_of
from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.json_nodes import JsonFault, begins_as_object, nodes_of, with_member
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import (
    About,
    Answer,
    Document,
    Edit,
    Item,
    Need,
    Reading,
    Remark,
    Report,
    Standing,
    Sure,
)
from gangsaw.sources.taskmaster_file import WORDS, Job, Jobs, is_known, jobs_of, name_of
from gangsaw.sources.values import listed_under, paragraphs, text_in, texts_in

HEAD_MAX = 20_000
"""Characters of a text by which its kind is told."""

STATE_BYTES_MAX = 100_000
"""Size of the file that names the current tag."""

NEEDS_MAX = 1_000
"""Entries of one list of dependencies."""

PRIORITIES = {"critical": 9, "highest": 9, "high": 8, "medium": 5, "low": 2, "lowest": 1}
"""What the words mean in a plan, where higher goes first. No word is medium, as with Task Master;
it is left away only where no task of the file has another."""

MEDIUM = PRIORITIES["medium"]

_MARKS = re.compile(r'"(?:testStrategy|subtasks|taskMasterVersion)"\s*:')
_LIST = re.compile(r'"tasks"\s*:\s*\[')
_OTHERS = re.compile(r'"(?:issue_type|userStories|openspec_change|files_scope)"\s*:')
_SETTLED = (Standing.DONE, Standing.DROPPED)


class Taskmaster:
    """See the head of the module."""

    name = "taskmaster"
    about = "Task Master's tasks.json: tags, subtasks, dependencies, priorities"
    homes = (".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json")
    members: tuple[str, ...] = ()

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        head = text[:HEAD_MAX]
        if not begins_as_object(head) or _OTHERS.search(head) or not _LIST.search(head):
            return Sure.NO
        if _MARKS.search(head) or ".taskmaster" in re.split(r"[/\\]", path):
            return Sure.CERTAIN
        has_needs = re.search(r'"dependencies"\s*:\s*\[', head)
        return Sure.MAYBE if has_needs or re.search(r'"id"\s*:\s*\d', head) else Sure.NO

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        jobs = jobs_of(document.text)
        edges = Edges()
        remarks = [
            each for job in jobs.by_key.values() for each in _order(job, jobs, edges, document.text)
        ]
        has_priority = any(_priority(job) not in (None, MEDIUM) for job in jobs.by_key.values())
        items = [_item(job, document.path, has_priority) for job in jobs.tasks]
        found, cut = with_needs(items, edges)
        told = (*jobs.remarks, *_unknown(jobs), *remarks, *cut)
        return Reading(found, told)

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        jobs = jobs_of(document.text)
        tasks = {job.key: job for job in jobs.tasks}
        wanted = {each.key: each.standing for each in reports if each.key in tasks}
        edits: list[Edit] = []
        touched: dict[str, Job] = {}
        for key, standing in wanted.items():
            job = tasks[key]
            edit = _edit(document.text, job, standing, job.standing)
            if edit is not None:
                edits.append(edit)
            if job.above is not None and standing is not job.standing:
                touched[job.above.key] = job.above
        for above in touched.values():
            edits += _edit_above(document.text, above, wanted)
        missing = tuple(report.key for report in reports if report.key not in tasks)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Taskmaster()


# --- records -----------------------------------------------------------------------------------


def _unknown(jobs: Jobs) -> Iterator[Remark]:
    """What is told of statuses, and of tags where there are several."""
    for job in jobs.by_key.values():
        if not is_known(job):
            said = one_line(str(job.table["status"]), 40)
            said = (
                f"the status of {one_line(job.key, 60)} is not known and counts as on hold: {said}"
            )
            yield Remark(About.NOTE, job.line, said, "write pending or done")
    if len(jobs.tags) > 1:
        names = ", ".join(one_line(tag, 40) for tag in jobs.tags)
        said = f"all tags are read: {names}"
        yield Remark(About.NOTE, 1, said, "--epic TAG runs one of them")


def _item(job: Job, path: str, has_priority: bool) -> Item:
    table, above = job.table, job.above
    title = one_line(text_in(table.get("title")) or text_in(table.get("description"))) or job.key
    commands, tested = _tests(job)
    fields: dict[str, Any] = {}
    if has_priority:
        fields["priority"] = _priority(job) or (above and _priority(above)) or MEDIUM
    if commands:
        fields["checks"] = commands
    parts = [
        title,
        text_in(table.get("description")),
        text_in(table.get("details")),
        listed_under("Done when", texts_in(table.get("acceptanceCriteria"))),
        *(f"How it is tested: {each}" for each in tested),
    ]
    if above is not None:
        parts += [
            f"It is a part of task {above.key}: {text_in(above.table.get('title'))}",
            text_in(above.table.get("description")),
            text_in(above.table.get("details")),
        ]
    own = paragraphs(parts[1:])
    parts.append(
        f"This is task {job.key} of {path}. Leave that file as it is: how the task stands is "
        "written there for you."
    )
    within = (above.key, job.tag) if above is not None else (job.tag,)
    return Item(
        job.key,
        title,
        paragraphs(parts),
        job.line,
        standing=job.standing,
        fields=fields,
        id=job.key.replace("/", "."),
        within=within,
        words=own,
        inherited=job.standing is Standing.DONE and job.own is not Standing.DONE,
    )


def _tests(job: Job) -> tuple[list[str], list[str]]:
    """The test strategies that are commands, and those that are words; the last subtasks have that
    of their task, too."""
    found = [text_in(job.table.get("testStrategy")).strip()]
    if job.above is not None and job in last_of(job.above):
        found.append(text_in(job.above.table.get("testStrategy")).strip())
    said = [(command_of(each), each) for each in dict.fromkeys(found) if each]
    return [command for command, _ in said if command], [each for is_, each in said if not is_]


def _priority(job: Job) -> int | None:
    given = job.table.get("priority")
    return PRIORITIES.get(given.strip().lower()) if isinstance(given, str) else None


# --- order -------------------------------------------------------------------------------------


def _order(job: Job, jobs: Jobs, edges: Edges, text: str) -> Iterator[Remark]:
    """Say what a task or subtask waits for: what is said of a task holds for its subtasks."""
    given = job.node.node("dependencies")
    nodes = given.items if given is not None and given.items else [given] if given else []
    first = [job, *_first(job)] if job.below else [job]
    takers = [each for each in first if not each.below]
    for node in islice(nodes, NEEDS_MAX):
        name = name_of(node, text)
        if not name:
            if node.plain not in (None, "", [], {}):
                said = f"{one_line(job.key, 60)} depends on {one_line(str(node.plain), 40)}"
                yield Remark(About.NOTE, job.line, f"{said}: that is no id", "write the id")
            continue
        key = _meant(job, name, jobs)
        other = jobs.by_key.get(key)
        if other is job or (other is not None and other is job.above):
            what = "itself" if other is job else f"the task that it is a part of, {other.key}"
            said = f"{one_line(job.key, 60)} depends on {what}; that is left out"
            yield Remark(About.NOTE, job.line, said)
            continue
        for taker in takers:
            _say(taker, job, other, key, edges)


def _meant(job: Job, name: str, jobs: Jobs) -> str:
    """The key that a name in a task's list stands for."""
    lead = job.key[: len(job.key) - len(job.name)]
    if job.above is not None and f"{job.above.key}.{name}" in jobs.by_key:
        return f"{job.above.key}.{name}"
    return f"{lead}{name}"


def _say(taker: Job, said_by: Job, other: Job | None, key: str, edges: Edges) -> None:
    """One need of one task; on a task with subtasks, it is on its last ones."""
    why = "" if taker is said_by else f"{said_by.key} depends on {key}"
    if other is not None and other.below:
        why = why or f"{key} is done with its subtasks"
        for each in last_of(other):
            if each is not taker:
                edges.infer(taker.key, Need(each.key, taker.line, why))
    elif why and other is not None:
        edges.infer(taker.key, Need(key, taker.line, why))
    else:
        edges.say(taker.key, Need(key, taker.line))


def _beside(job: Job) -> dict[str, set[str]]:
    """What each subtask of a task needs of its neighbours."""
    keys = {each.key for each in job.below}
    found: dict[str, set[str]] = {}
    for each in job.below:
        given = texts_in(each.table.get("dependencies"))
        own = {key for name in given for key in (f"{job.key}.{name}", _absolute(job, name))}
        found[each.key] = (own & keys) - {each.key}
    return found


def _absolute(job: Job, name: str) -> str:
    return job.key[: len(job.key) - len(job.name)] + name


def _first(job: Job) -> list[Job]:
    """The subtasks that wait for no neighbour that is still to be done."""
    open_ = {each.key for each in job.below if each.standing not in _SETTLED}
    beside = _beside(job)
    found = [each for each in job.below if not beside[each.key] & open_]
    return found or job.below


def last_of(job: Job) -> list[Job]:
    """The subtasks for which no neighbour waits that is still to be done."""
    job.last = job.last or _last(job)
    return job.last


def _last(job: Job) -> list[Job]:
    beside = _beside(job)
    needed = {key for needs in beside.values() for key in needs}
    held = {
        key
        for each in job.below
        if each.standing not in _SETTLED
        for key in beside[each.key]
    }  # fmt: skip
    found = [
        each
        for each in job.below
        if each.key not in held and (each.key not in needed or each.standing not in _SETTLED)
    ]
    return found or job.below


# --- standing ----------------------------------------------------------------------------------


def _edit(text: str, job: Job, wanted: Standing, now: Standing) -> Edit | None:
    """The edit by which a task says where it stands; only the word changes."""
    if wanted is now or wanted not in WORDS:
        return None
    known = job.node.node("status")
    if known is not None and known.plain != WORDS[wanted]:
        return Edit(known.start, known.end, f'"{WORDS[wanted]}"')
    names = ("description", "title", "id")
    after = next((name for name in names if job.node.node(name) is not None), "")
    # What has the word already stands otherwise by its task alone.
    return with_member(text, job.node, "status", WORDS[wanted], after)


def _edit_above(text: str, job: Job, wanted: dict[str, Standing]) -> Iterator[Edit]:
    """The edit of a task by its subtasks: it is done with the last, and begun with the first."""
    after = {each.key: wanted.get(each.key, each.standing) for each in job.below}
    if all(standing in _SETTLED for standing in after.values()):
        to = Standing.DONE
    elif job.own is Standing.DONE:
        # Those that had no word of their own were done by the task's, and must stay so.
        if any(each.own not in _SETTLED and each.key not in wanted for each in job.below):
            return
        to = Standing.RUNNING
    elif Standing.RUNNING in after.values() and job.own is Standing.OPEN:
        to = Standing.RUNNING
    else:
        return
    edit = _edit(text, job, to, job.own)
    if edit is not None:
        yield edit


# --- what lies beside --------------------------------------------------------------------------


def surroundings(paths: Sequence[Path]) -> tuple[Remark, ...]:
    """The tag that Task Master itself works on, where it is not the main one."""
    state = paths[0].parent.parent / "state.json"
    tag = _current(state) if paths[0].parent.parent.name == ".taskmaster" else ""
    if tag in ("", "master"):
        return ()
    said = f"Task Master's current tag is {one_line(tag, 60)}"
    return (Remark(About.NOTE, 1, said, f"--epic {one_line(tag, 60)} runs that alone"),)


def _current(state: Path) -> str:
    try:
        with state.open("rb") as file:
            node = nodes_of(file.read(STATE_BYTES_MAX).decode("utf-8", "replace"))[0]
    except (OSError, JsonFault):
        return ""
    return text_in(node.plain.get("currentTag")) if isinstance(node.plain, dict) else ""
