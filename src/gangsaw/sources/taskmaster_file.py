"""The tasks in a Task Master file: their tables with places, from either kind of root."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gangsaw.sources.json_nodes import JsonFault, Node, is_speakable, nodes_of
from gangsaw.sources.lines import LineNumbers, lines_of, one_line
from gangsaw.sources.protocol import About, Remark, Standing

MAIN_TAG = "master"
"""The tag whose tasks are named without it; the old root has these alone."""

TASKS_MAX = 20_000
"""Tasks and subtasks of one file."""

_WORDS = {
    **dict.fromkeys(("pending", "todo", "open", "not-started", "to-do"), Standing.OPEN),
    **dict.fromkeys(("in-progress", "active", "started"), Standing.RUNNING),
    **dict.fromkeys(("done", "completed", "complete", "closed", "merged"), Standing.DONE),
    **dict.fromkeys(("cancelled", "canceled", "skipped"), Standing.DROPPED),
    **dict.fromkeys(("deferred", "blocked", "review", "on-hold"), Standing.LATER),
}
WORDS = {Standing.OPEN: "pending", Standing.RUNNING: "in-progress", Standing.DONE: "done"}
"""The words that are written."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(slots=True)
class Job:
    """A task, or a subtask (`above` is then its task). `name` is its id within its tag; `last` is
    kept for who looks for its last subtasks."""

    key: str
    name: str
    tag: str
    node: Node
    line: int
    above: Job | None = None
    below: list[Job] = field(default_factory=list)
    last: list[Job] = field(default_factory=list)

    @property
    def table(self) -> Mapping[str, Any]:
        """What it says."""
        found = self.node.plain
        return found if isinstance(found, dict) else {}

    @property
    def own(self) -> Standing:
        """Where it stands by its own word. A word that nobody knows is on hold."""
        given = self.table.get("status")
        if given is None or given == "":
            return Standing.OPEN
        if not isinstance(given, str):
            return Standing.LATER
        return _WORDS.get(_word(given), Standing.LATER)

    @property
    def standing(self) -> Standing:
        """Where it stands: by its own word if that is settled, else by its task's if that is."""
        own = self.own
        if self.above is None or own in (Standing.DONE, Standing.DROPPED, Standing.LATER):
            return own
        above = self.above.own
        return own if above in (Standing.OPEN, Standing.RUNNING) else above


@dataclass(slots=True)
class Jobs:
    """All of a file by key, in its order."""

    by_key: dict[str, Job] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    @property
    def tasks(self) -> Iterator[Job]:
        """What is to be run: subtasks, and tasks without any."""
        return (job for job in self.by_key.values() if not job.below)


def _word(text: str) -> str:
    return re.sub(r"[\s_]+", "-", text.strip().lower())


def is_known(job: Job) -> bool:
    """Whether its status is a word that has a meaning, or none."""
    given = job.table.get("status")
    return given in (None, "") or (isinstance(given, str) and _word(given) in _WORDS)


def jobs_of(text: str) -> Jobs:
    """Everything in the text; what could not be read is remarked."""
    found = Jobs()
    numbers = LineNumbers(text)
    if not text.strip():
        found.remarks.append(Remark(About.UNREAD, 1, "the file is empty"))
        return found
    try:
        root, doubles = nodes_of(text)
    except JsonFault as fault:
        line = min(numbers.of(fault.at), len(lines_of(text)))
        found.remarks.append(Remark(About.UNREAD, line, f"not JSON: {fault.said}", "mend it there"))
        return found
    for member in doubles:
        said = f"the key {one_line(member.key, 60)} is given twice; the last one counts"
        found.remarks.append(Remark(About.NOTE, numbers.of(member.start), said))
    for member in root.members:
        inner = member.value.node("tasks")
        if inner is not None and inner.items and not is_speakable(member.key):
            said = "the name of a tag is no text; its tasks are not read"
            found.remarks.append(Remark(About.UNREAD, numbers.of(member.start), said, "rename it"))
    for tag, tasks in _tags(root):
        found.tags.append(tag)
        for node in tasks.items:
            _add(node, tag, None, text, numbers, found)
    return found


def _tags(root: Node) -> Iterator[tuple[str, Node]]:
    """The lists of tasks with their tags, the old root's first."""
    seen = set[str]()
    for member in root.members:
        counts = root.member(member.key) is member  # of a key given twice, the last
        inner = member.value.node("tasks")
        if counts and member.key == "tasks" and isinstance(member.value.plain, list):
            seen.add(MAIN_TAG)
            yield MAIN_TAG, member.value
        elif (
            counts
            and inner is not None
            and isinstance(inner.plain, list)
            and is_speakable(member.key)
            and member.key not in seen
        ):
            seen.add(member.key)
            yield member.key, inner


def _add(
    node: Node, tag: str, above: Job | None, text: str, numbers: LineNumbers, found: Jobs
) -> None:
    """Take a task or subtask in, with what is below it."""
    line = numbers.of(node.start)
    kind = f"subtask of {one_line(above.key, 60)}" if above else "task"

    def unread(said: str, remedy: str) -> None:
        found.remarks.append(Remark(About.UNREAD, line, said, remedy))

    if not isinstance(node.plain, dict):
        unread(f"a {kind} is no object: {one_line(str(node.plain), 40)}", "remove it")
        return
    given = name_of(node.node("id"), text)
    if not given:
        said = one_line(str(node.plain.get("id", "")), 40)
        unread(f"a {kind} has no id{said and f' that can be used: {said}'}", 'write "id": 1')
        return
    name = given
    if above is not None and not given.startswith(f"{above.name}."):
        name = f"{above.name}.{given}"
    key = name if tag == MAIN_TAG else f"{tag}/{name}"
    first = found.by_key.get(key)
    if first is not None:
        unread(f"{one_line(key, 60)} is taken by line {first.line}", "give it an id of its own")
        return
    if len(found.by_key) >= TASKS_MAX:
        if len(found.by_key) == TASKS_MAX:
            unread(f"more than {TASKS_MAX} tasks; the rest is not read", "split the file")
        return
    job = Job(key, name, tag, node, line, above)
    inner = node.node("subtasks")
    if above is not None and inner is not None and inner.items:
        unread(f"subtasks of subtask {one_line(key, 60)} are not read", "move them up")
    found.by_key[key] = job
    if above is not None:
        above.below.append(job)
    else:
        for each in inner.items if inner is not None else ():
            _add(each, tag, job, text, numbers, found)


def name_of(node: Node | None, text: str) -> str:
    """An id as it is written, also where it is a number such as 23.10; empty if it is none."""
    if (
        node is None
        or isinstance(node.plain, bool)
        or not isinstance(node.plain, (str, int, float))
    ):
        return ""
    said = node.plain.strip() if isinstance(node.plain, str) else text[node.start : node.end]
    return said if _ID.fullmatch(said) and len(said) <= 80 else ""
