"""One kind of task file made into another, with the list of what the other one cannot say.

The new text is read again by the very reader of its kind, and compared with what went in. So the
list of losses cannot lie, whatever a writer of texts does wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gangsaw.core.errors import UserError
from gangsaw.plan import Complaint, read_whole
from gangsaw.sources.assembling import read_documents
from gangsaw.sources.drafts import Draft, Loss, draft_of_plan, draft_of_source, losses
from gangsaw.sources.protocol import Document
from gangsaw.sources.registry import PLAN, composer, dialect


@dataclass(frozen=True, slots=True)
class Converted:
    """The new files by their names, and what is not in them as it was."""

    files: Mapping[str, str]
    lost: tuple[Loss, ...]


def convert(draft: Draft, kind: str, at: float) -> Converted:
    """The draft as files of that kind; `at` is the time that is written into some (epoch seconds).
    `UserError` where there is no such kind, or nothing to write."""
    compose = composer(kind)
    if not draft.tasks:
        raise UserError("cannot convert it: there is no task in it; try: gangsaw plan check")
    made = compose(draft, at)
    documents = [Document(name, text) for name, text in made.files.items()]
    found, names = _read_again(kind, documents, made.keys)
    return Converted(made.files, tuple(losses(draft, found, names)))


def _read_again(
    kind: str, documents: Sequence[Document], keys: Mapping[str, str]
) -> tuple[Draft, Mapping[str, str]]:
    """What the new files say, and the ids that the tasks have in them. What could not be read at
    all says nothing."""
    nothing = Draft("", (), {})
    if kind == PLAN:
        whole = read_whole(documents[0].text, documents[0].path)
        return draft_of_plan(whole) or nothing, keys
    read = read_documents(dialect(kind), documents)
    ids = {item.key: name for name, item in read.items.items()}
    found, _ = draft_of_source(read)
    return found or nothing, {task: ids.get(key, key) for task, key in keys.items()}


def unread(complaints: Sequence[Complaint]) -> tuple[Loss, ...]:
    """Records that could not be read are lost with every conversion, and so are needs of which
    there is no record."""
    return tuple(Loss("", f"{each.source}:{each.line}", each.text, "") for each in complaints)
