"""The corpus of task files: what each is expected to say, and what becomes of it when all of it is
done.

`tests/corpus/DIALECT/NAME` is a file (or, for a dialect of folders, a folder) and `NAME.json`
beside it what is expected. A new dialect needs a folder there and nothing here. To write the
expected files anew after a change: `python -m tests.sources.corpus [DIALECT]`; read the diff.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gangsaw.core.errors import UserError
from gangsaw.sources import (
    Dialect,
    Document,
    Report,
    SourceRead,
    Standing,
    dialect,
    documents,
    read_documents,
)
from gangsaw.sources.lines import lines_of
from gangsaw.sources.place import source_of
from gangsaw.sources.writing import with_edits

CORPUS = Path(__file__).parents[1] / "corpus"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROMPTS_KEPT = 3
"""Prompts written down of one file; the others are made in the same way."""


@dataclass(frozen=True, slots=True)
class Case:
    """One file (or folder) of the corpus."""

    kind: str
    path: Path

    @property
    def expected(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    @property
    def dialect(self) -> Dialect:
        return dialect(self.kind)

    def texts(self) -> list[Document]:
        """Its documents, named as if its folder were the repository."""
        source = source_of(self.dialect, self.path.parent, self.path.name)
        return documents(source)

    def __str__(self) -> str:
        return f"{self.kind}/{self.path.name}"


def cases(kind: str | None = None) -> list[Case]:
    """All cases, or those of one dialect."""
    found = []
    for folder in sorted(path for path in CORPUS.iterdir() if path.is_dir()):
        for path in sorted(folder.iterdir()):
            is_expected = path.suffix == ".json" and path.with_suffix("").exists()
            if not is_expected and kind in (None, folder.name):
                found.append(Case(folder.name, path))
    return found


def found_in(case: Case) -> dict[str, Any]:
    """What is really found, in the shape of the expected files."""
    try:
        texts = case.texts()
    except UserError as error:
        return {"refused": str(error)}
    read = read_documents(case.dialect, texts)
    detected = [case.dialect.detect(text.path, text.text).name.lower() for text in texts]
    return {
        "detected": detected[0] if len(detected) == 1 else detected,
        "goal": read.goal,
        "items": [_item(name, read) for name in read.items],
        "plan": {t.id: list(t.needs) for t in read.plan.plan.tasks} if read.plan.plan else None,
        "errors": [str(each) for each in read.plan.errors],
        "unread": [str(each) for each in read.unread],
        "inferred": [str(each) for each in read.inferred],
        "notes": [str(each) for each in read.notes],
        "prompts": dict(list(_prompts(read))[:PROMPTS_KEPT]),
        "all_done": dict(_all_done(case.dialect, texts, read)),
    }


def _item(name: str, read: SourceRead) -> dict[str, Any]:
    item = read.items[name]
    said: dict[str, Any] = {"id": name, "line": item.line, "title": item.title}
    if item.key != name:
        said["key"] = item.key
    if item.document:
        said["document"] = item.document
    if item.home != item.document:
        said["told in"] = item.home
    if item.standing is not Standing.OPEN:
        said["standing"] = item.standing.value
    if item.needs:
        said["needs"] = [need.key + (f" ({need.why})" if need.why else "") for need in item.needs]
    return said | {"fields": item.fields} if item.fields else said


def _prompts(read: SourceRead) -> Iterator[tuple[str, list[str]]]:
    for task in read.plan.plan.tasks if read.plan.plan else ():
        yield task.id, task.prompt.split("\n")


def _all_done(
    kind: Dialect, texts: list[Document], read: SourceRead
) -> Iterator[tuple[str, list[str]]]:
    """The lines that change when every task that is left has landed, by document."""
    for n, text in enumerate(texts):
        mine = [item for item in read.items.values() if item.home == n]
        reports = [
            Report(item.key, Standing.DONE, COMMIT)
            for item in mine
            if item.standing in (Standing.OPEN, Standing.RUNNING)
        ]
        after = with_edits(text.text, kind.edits(text, reports).edits)
        yield text.path, changed_lines(text.text, after)


def changed_lines(before: str, after: str) -> list[str]:
    """The lines of a text that were not there before, with their numbers and their ends."""
    old = [line.text + line.end for line in lines_of(before)]
    new = [line.text + line.end for line in lines_of(after)]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [
        f"{n + 1}: {new[n]!r}"
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag != "equal"
        for n in range(start, end)
    ]


def done_everywhere(text: Document, kind: Dialect) -> Document:
    """The document after every record in it was done, whatever it was before."""
    keys = [item.key for item in kind.read([text]).items]
    reports = [Report(key, Standing.DONE, COMMIT) for key in dict.fromkeys(keys)]
    return replace(text, text=with_edits(text.text, kind.edits(text, reports).edits))


def write(kind: str | None) -> None:
    """Write what is expected anew."""
    for case in cases(kind):
        said = json.dumps(found_in(case), indent=1, ensure_ascii=False)
        case.expected.write_text(said + "\n", "utf-8")


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else None)
