"""Backlog.md's folder: a Markdown file for each task, with its keys between `---` at its head.

Order: what `dependencies` says, by id in any case, or by its number alone. A task that others have
as their parent waits for them, and they for what it depends on. Files of `completed/` count, too;
drafts and archived tasks are left alone.

Written back: the word of the status.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gangsaw.sources.boxes import box_of
from gangsaw.sources.commands import command_of
from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.front_matter import Front, front_of, with_key, with_value
from gangsaw.sources.lines import heading, lines_of, one_line, uncommented
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
from gangsaw.sources.values import listed_under, paragraphs

WORDS_MAX = 20_000
"""Characters of one task that go into its prompt."""

PRIORITIES = {"critical": 9, "high": 8, "medium": 5, "low": 2}
"""What the words mean in a plan, where higher goes first."""

_WORDS = {
    **dict.fromkeys(("to do", "todo", "open", "new", "ready", "backlog", "next"), Standing.OPEN),
    **dict.fromkeys(("in progress", "doing", "active", "started", "wip"), Standing.RUNNING),
    **dict.fromkeys(("done", "completed", "complete", "closed", "merged"), Standing.DONE),
    **dict.fromkeys(("cancelled", "canceled", "won t do", "wontfix", "rejected"), Standing.DROPPED),
    **dict.fromkeys(
        ("draft", "blocked", "on hold", "deferred", "review", "in review", "testing", "paused"),
        Standing.LATER,
    ),
}
_OURS = {Standing.OPEN: "To Do", Standing.RUNNING: "In Progress", Standing.DONE: "Done"}
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*-\d+(?:\.\d+)*|\d+(?:\.\d+)*")
_CRITERIA = re.compile(r"acceptance criteria|definition of done", re.IGNORECASE)
_DESCRIPTION = re.compile(r"##[ \t]+Description[ \t]*")
_LABEL = re.compile(r"(agent|model|track)[:=](\S.{0,79})")


@dataclass(frozen=True, slots=True)
class _Task:
    """One file that is a task."""

    key: str
    front: Front
    document: int

    @property
    def line(self) -> int:
        return self.front.fields["id"].line.number


class Backlog:
    """See the head of the module."""

    name = "backlog"
    about = "Backlog.md's folder: a Markdown file a task, with id, status and dependencies"
    homes = ("backlog", ".backlog")
    members = ("tasks/*.md", "completed/*.md", "[a-zA-Z]*-[0-9]*.md")

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        front = front_of(text)
        if front is None or not _key(front) or not {"title", "status"} <= set(front.fields):
            return Sure.NO
        own = {"created_date", "dependencies", "assignee", "parent_task_id"}
        return Sure.CERTAIN if own & set(front.fields) else Sure.MAYBE

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        tasks: list[_Task] = []
        remarks: list[Remark] = []
        for n, document in enumerate(documents):
            task = _task(document, n, remarks)
            if task is not None:
                tasks.append(task)
        edges = Edges()
        _order(tasks, edges)
        in_order = sorted(tasks, key=lambda task: _number(task.key))
        items, cut = with_needs([_item(task) for task in in_order], edges)
        return Reading(items, (*remarks, *cut))

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        task = _task(document, 0, [])
        key = task.key if task is not None else ""
        wanted = {report.key: report.standing for report in reports}
        missing = tuple(report.key for report in reports if report.key != key)
        if task is None or key not in wanted:
            return Answer((), missing)
        edit = _edit(task.front, wanted[key], document.text)
        return Answer((edit,) if edit is not None else (), missing)


DIALECT = Backlog()


# --- records -----------------------------------------------------------------------------------


def _key(front: Front) -> str:
    """The id in small letters: programs of different age write it differently."""
    given = front.text("id").strip()
    return given.lower() if _ID.fullmatch(given) and len(given) <= 80 else ""


def _number(key: str) -> tuple[str, tuple[int, ...]]:
    """What an id is sorted by: `task-2` comes before `task-10`."""
    lead, _, number = key.rpartition("-")
    return lead, tuple(map(int, number.split(".")))


def _task(document: Document, n: int, remarks: list[Remark]) -> _Task | None:
    """The task of a file; `None` after saying why it is none."""
    front = front_of(document.text)
    if front is None or not _key(front):
        given = one_line(front.text("id"), 40) if front is not None else ""
        why = f"the id {given} is none of Backlog.md's" if given else "there is no id at its head"
        said = f"{why}; this file is not read"
        remarks.append(Remark(About.UNREAD, 1, said, "write id: task-1 between --- lines",
                              document=n))  # fmt: skip
        return None
    if front.torn:
        said = f"{_key(front)}: a merge has left its marks; this file is not read"
        remarks.append(Remark(About.UNREAD, front.torn, said, "resolve it", document=n))
        return None
    for field in front.doubles:
        said = f"the key {field.key} is given twice; the first one counts"
        remarks.append(Remark(About.NOTE, field.line.number, said, document=n))
    status = front.fields.get("status")
    if status is not None and status.texts and _word(front) not in _WORDS:
        said = one_line(status.text or status.texts[0][0], 40)
        said = f"the status of {_key(front)} is not known and counts as on hold: {said}"
        remarks.append(Remark(About.NOTE, status.line.number, said, "write To Do or Done",
                              document=n))  # fmt: skip
    return _Task(_key(front), front, n)


def _word(front: Front) -> str:
    status = front.fields.get("status")
    said = " ".join(text for text, _ in status.texts) if status is not None else ""
    return " ".join(re.findall(r"[^\W_]+", said.lower()))


def _standing(front: Front) -> Standing:
    """Where a task stands by its own word. A word that nobody knows is on hold."""
    status = front.fields.get("status")
    if status is None or not status.texts:
        return Standing.OPEN
    return _WORDS.get(_word(front), Standing.LATER)


def _item(task: _Task) -> Item:
    front = task.front
    body = uncommented("\n".join(line.text.rstrip() for line in front.body))
    body = re.sub(r"\n{3,}", "\n\n", body).strip()[:WORDS_MAX]
    title = one_line(front.text("title")) or one_line(body) or task.key
    fields: dict[str, Any] = {}
    priority = PRIORITIES.get(front.text("priority").strip().lower())
    if priority is not None:
        fields["priority"] = priority
    for label, _ in front.texts("labels"):
        if match := _LABEL.fullmatch(label):
            fields[match[1]] = one_line(match[2])
    if checks := list(dict.fromkeys(_checks(front))):
        fields["checks"] = checks
    also = [text for key in ("references", "documentation") for text, _ in front.texts(key)]
    parts = [
        title,
        body,
        listed_under("See also", also),
        # Without the path: a file that is moved or renamed makes it no other task.
        f"This is {task.key} of the backlog. Leave its file as it is: how the task stands is "
        "written there for you.",
    ]
    above = [front.text(key).strip() for key in ("parent_task_id", "milestone")]
    within = tuple(one_line(each) for each in (above[0].lower(), above[1]) if each)
    return Item(
        task.key,
        title,
        paragraphs(parts),
        task.line,
        standing=_standing(front),
        fields=fields,
        document=task.document,
        within=within,
        words=paragraphs([_words(front), listed_under("See also", also)]),
    )


def _words(front: Front) -> str:
    """What its body says, without criteria that are checks, sections that are left empty by that,
    and the heading of the description."""
    body = uncommented("\n".join(line.text.rstrip() for line in front.body))
    sections: list[list[str]] = [[""]]
    for line in body.split("\n"):
        if heading(line) is not None:
            sections.append([line])
        elif not (_is_criteria(sections[-1][0]) and _command_in(line)):
            sections[-1].append(line)
    kept: list[str] = []
    for head, *lines in sections:
        text = "\n".join(lines).strip("\n")
        is_plain = not head or (_DESCRIPTION.fullmatch(head) and not kept)
        if text or not (is_plain or _is_criteria(head)):
            kept.append(text if is_plain else f"{head}\n\n{text}".rstrip())
    return "\n\n".join(kept)[:WORDS_MAX]


def _is_criteria(line: str) -> bool:
    title = heading(line)
    return title is not None and _CRITERIA.match(title[1]) is not None


def _checks(front: Front) -> Iterator[str]:
    """The acceptance criteria that are commands and can be nothing else."""
    is_in = False
    for line in front.body:
        if heading(line.text) is not None:
            is_in = _is_criteria(line.text)
        elif is_in and (command := _command_in(line.text)):
            yield command


def _command_in(text: str) -> str | None:
    """The command that a criterion is."""
    found = lines_of(text)
    box = box_of(found[0]) if found else None
    return command_of(re.sub(r"^#\d+[ \t]+", "", box.rest)) if box is not None else None


# --- order -------------------------------------------------------------------------------------


def _order(tasks: Sequence[_Task], edges: Edges) -> None:
    keys = {task.key for task in tasks}
    below: dict[str, list[_Task]] = {}
    for task in tasks:
        parent = _meant(task, task.front.text("parent_task_id"), keys)
        if parent in keys and parent != task.key:
            below.setdefault(parent, []).append(task)
    for task in tasks:
        for given, line in _given(task.front):
            key = _meant(task, given, keys)
            if key != task.key:
                edges.say(task.key, Need(key, line))
            for child in below.get(task.key, ()):
                if key not in (child.key, task.key) and key in keys:
                    why = f"its parent {task.key} depends on {key}"
                    edges.infer(child.key, Need(key, child.line, why))
        for child in below.get(task.key, ()):
            why = f"{task.key} is the parent of {child.key}"
            edges.infer(task.key, Need(child.key, task.line, why))


def _given(front: Front) -> Iterator[tuple[str, int]]:
    """The names that a task depends on, also where they are one text with commas."""
    for text, line in front.texts("dependencies"):
        for name in text.split(","):
            if name.strip():
                yield name, line


def _meant(task: _Task, given: str, keys: set[str]) -> str:
    """The key that a name stands for: the id in any case, or its number alone."""
    name = given.strip().lower()
    if name in keys or not re.fullmatch(r"\d+(?:\.\d+)*", name):
        return name
    lead, dash, _ = task.key.rpartition("-")
    return f"{lead}{dash}{name}"


# --- standing ----------------------------------------------------------------------------------


def _edit(front: Front, wanted: Standing, text: str) -> Edit | None:
    """The edit by which a task says where it stands."""
    if wanted is _standing(front) or wanted not in _OURS:
        return None
    word = _OURS[wanted]
    status = front.fields.get("status")
    if status is None:
        before = front.fields.get("title", front.fields["id"])
        end = before.line.end or "\n"
        return with_key(before, "status", word, end)
    if status.text.islower():
        word = word.lower()
    return with_value(status, word)
