"""Records that a program keeps, and not a file: asked for and written through it.

A dialect whose records may be kept so has a `PROGRAM` in its module. It is the same dialect: the
program's answer is a text like any other, and who reads it does not know the difference. The room
starts nothing: how a program is asked is passed in as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from gangsaw.core.errors import UserError
from gangsaw.sources.assembling import Expected, SourceRead, read_documents
from gangsaw.sources.place import Source, documents
from gangsaw.sources.protocol import About, Dialect, Document, Remark
from gangsaw.sources.registry import dialect, program, surroundings
from gangsaw.sources.writing import Unwritten, Wish, Written


@dataclass(frozen=True, slots=True)
class Call:
    """A program called by name with arguments, in a folder, with these `settings` in its
    environment and none of the variables `without`. `only_reads`: it changes nothing."""

    program: str
    arguments: tuple[str, ...]
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    only_reads: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """It came to its end: its exit code and both outputs."""

    code: int
    out: bytes
    err: bytes


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It did not; `is_missing` if there is no such program."""

    reason: str
    is_missing: bool = False


Ask = Callable[[Call], Answered | Unanswered]


class NotThere(UserError):
    """The program that keeps the records is not installed here."""


def remembering(ask: Ask) -> Ask:
    """Asks the same only once until something is changed: for what is over in a moment, such as a
    hook. Records that others change meanwhile are seen as they were."""
    said: dict[tuple[str, tuple[str, ...], Path], Answered] = {}

    def ask_once(call: Call) -> Answered | Unanswered:
        if not call.only_reads:
            said.clear()
            return ask(call)
        key = (call.program, call.arguments, call.folder)
        if key not in said:
            answer = ask(call)
            if isinstance(answer, Unanswered):
                return answer
            said[key] = answer
        return said[key]

    return ask_once


class Program(Protocol):
    """What keeps records of a dialect. `folder` is where they are kept, as the source has it."""

    name: str

    def keeps(self, folder: Path) -> bool:
        """Whether the records of the folder are the program's, and files in it only copies."""
        ...

    def copy_of(self, folder: Path) -> Path:
        """The file to which the program copies the records, there or not."""
        ...

    def document(self, ask: Ask, folder: Path) -> tuple[Document, tuple[Remark, ...]]:
        """All records as a text of the dialect. `UserError` where they cannot be had."""
        ...

    def tell(
        self, ask: Ask, folder: Path, kind: Dialect, wishes: Sequence[Wish]
    ) -> Written | Unwritten:
        """Have it say these: see `writing.write_back`. Repeatable, also after a kill."""
        ...


def read_best(
    source: Source,
    expected: Expected | None = None,
    ask: Ask | None = None,
    *,
    no_copy: bool = False,
) -> tuple[Source, SourceRead]:
    """The plan of a source, through the program that keeps it where that is so, answers, and no
    file was named; and the source as which it was read. `UserError` where it is no text; with
    `no_copy` also where the program is there and does not answer, instead of the file."""
    keeper, folder = program(source.dialect), source.folder_path
    around: tuple[Remark, ...] = ()
    if ask is not None and keeper is not None and folder is not None and keeper.keeps(folder):
        try:
            text, remarks = keeper.document(ask, folder)
        except UserError as error:
            if not source.paths or (no_copy and not isinstance(error, NotThere)):
                raise
            said = f"{error.text.partition('; try: ')[0]}; read from the file, which may be old"
            around = (Remark(About.NOTE, 1, said, error.text.partition("; try: ")[2]),)
        else:
            through = replace(
                source, paths=(keeper.copy_of(folder),), shown=(text.path,), folder="",
                folder_path=None, through=keeper.name,
            )  # fmt: skip
            read = read_documents(dialect(source.dialect), [text], expected, remarks)
            return through, read
    if not source.paths:
        raise UserError(
            f"cannot read {source.folder}: there is no file in it; try naming one, as in "
            f"--from {source.dialect}:PATH"
        )
    around += surroundings(source.dialect)(source.paths)
    return source, read_documents(dialect(source.dialect), documents(source), expected, around)


def document_of(name: str, copy: Path, ask: Ask) -> Document:
    """The records of a dialect as they are kept now, by the file to which they are copied."""
    keeper = program(name)
    assert keeper is not None  # a source is kept so only by one
    return keeper.document(ask, copy.parent)[0]


def tell(name: str, copy: Path, ask: Ask, wishes: Sequence[Wish]) -> Written | Unwritten:
    """Have the program that keeps the records of a dialect say these."""
    keeper = program(name)
    assert keeper is not None  # a source is kept so only by one
    try:
        return keeper.tell(ask, copy.parent, dialect(name), wishes)
    except UserError as error:
        return Unwritten(error.text)
