"""Where a source lies and of which dialect it is: what users write behind `--from`.

`PATH` is a file, a folder of a dialect that has folders, or what just one folder with such a file
is called; `NAME` is a dialect, whose usual places are looked through; `NAME:PATH` says both.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.plan.complaint import Complaint, listed
from gangsaw.sources.protocol import Dialect, Document, Sure
from gangsaw.sources.registry import MAPPED, NAMES, dialect, dialects, is_one_plan, program

SOURCE_BYTES_MAX = 64 * 1024 * 1024
"""Size of one file of a source."""

FILES_MAX = 5_000
"""Files of one source that is a folder."""

LOOKED_INTO_MAX = 20
"""Files of a folder by which its kind is told."""

_ADDRESS = re.compile(r"(?:[a-z]+:)?[a-z][a-z0-9+]+://", re.IGNORECASE)

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Source:
    """A source that was found: its dialect's name, and the absolute paths of its files, with the
    names by which users know them. Where it is a folder, `folder` is that, as it was named, and
    `folder_path` its absolute path; it may be without files only where a program keeps its records.
    `through`: it was read through the program of that name, and the path is that of its copy."""

    dialect: str
    paths: tuple[Path, ...]
    shown: tuple[str, ...]
    folder: str = ""
    folder_path: Path | None = None
    through: str = ""


def find_source(wanted: str, folder: Path) -> Source:
    """The source that a user names, seen from `folder`; behind a `?` and before the last colon may
    be what holds of a table's fields. `UserError` where there is none, or where
    its kind is not certain."""
    if not wanted.strip():
        raise UserError(
            "cannot find a task file: its name is empty; try a path, or one of "
            f"{', '.join(NAMES)}, behind --from"
        )
    if _ADDRESS.match(wanted):
        raise UserError(
            f"cannot read {wanted}: task files are read from the disk; try: curl -fsSLO {wanted}, "
            "and --from with the name of the file"
        )
    head, question, _ = wanted.partition("?")
    name, colon, rest = wanted.rpartition(":") if question else wanted.partition(":")
    kind = name.partition("?")[0]
    if colon and kind in NAMES:
        if not rest.strip():
            raise UserError(
                f"cannot read {wanted}: a path is missing behind the colon; try: {name}"
            )
        return source_of(dialect(name), folder, _called(kind, folder, rest), kept=True)
    if head in NAMES and not (folder / wanted).exists():
        return _at_home(dialect(wanted), folder)
    wanted = _called(None, folder, wanted)
    if not (folder / wanted).exists():
        raise UserError(f"cannot find {wanted}; try a path, or one of {', '.join(NAMES)}")
    certain, maybe = _sure(folder, wanted)
    if len(certain) == 1:
        return source_of(certain[0], folder, wanted, kept=True)
    found = certain or maybe
    if found:
        names = [each.name for each in found]
        raise UserError(
            f"cannot tell what kind of task file {wanted} is: it may be {' or '.join(names)}; "
            f"try: --from {names[0]}:{wanted}"
        )
    raise UserError(
        f"cannot read {wanted}: it is no task file that gangsaw knows ({', '.join(NAMES)}); try: "
        f"--from NAME:{wanted} with the nearest of these names"
    )


def with_mapping(wanted: str, mapping: str) -> str:
    """What users name, with what they say of a table's fields: `table?title=Summary:PATH`."""
    name, colon, rest = wanted.partition(":")
    if name in MAPPED.values():
        return f"{name}?{mapping}{colon}{rest}"
    kind = MAPPED.get(Path(wanted).suffix.lower())
    if kind is None or colon:
        kinds = " or ".join(dict.fromkeys(MAPPED.values()))
        raise UserError(f"cannot map the fields of {wanted}: it is no table; try: {kinds}:PATH")
    return f"{kind}?{mapping}:{wanted}"


def _called(kind: str | None, folder: Path, wanted: str) -> str:
    """The path that is wanted; for the name of just one folder with a source in its usual place
    (`003-goals` for `specs/003-goals`), that folder."""
    if "/" in wanted or (folder / wanted).exists():
        return wanted
    found = {
        os.fspath(parent.relative_to(folder))
        for each in dialects()
        if kind in (None, each.name)
        for pattern in each.homes
        for path in folder.glob(pattern)
        for parent in path.parents
        if parent.name == wanted and folder in parent.parents
    }
    return found.pop() if len(found) == 1 else wanted


def certain_source(path: Path, folder: Path) -> Source | None:
    """The source at a path if it is certain what it is; nothing of it is told otherwise."""
    try:
        certain, _ = _sure(folder, os.fspath(path))
    except UserError:
        return None
    if len(certain) != 1:
        return None
    return source_of(certain[0], folder, os.fspath(path), kept=True)


def _sure(folder: Path, wanted: str) -> tuple[list[Dialect], list[Dialect]]:
    """The dialects that are certain of a path, and those that think it might be theirs."""
    path = folder / wanted
    certain: list[Dialect] = []
    maybe: list[Dialect] = []
    text = "" if path.is_dir() else document(path, wanted).text
    for each in dialects():
        if path.is_dir():
            sure = _of_folder(each, path)
        else:
            sure = each.detect(wanted, text)
        if sure is Sure.CERTAIN:
            certain.append(each)
        elif sure is Sure.MAYBE:
            maybe.append(each)
    return certain, maybe


def _of_folder(kind: Dialect, path: Path) -> Sure:
    """Whether a folder is of a dialect: one of its first files is."""
    if is_kept(kind, path):
        return Sure.CERTAIN
    members = member_files(kind, path)[:LOOKED_INTO_MAX]
    found = (kind.detect(os.fspath(each), document(each, each.name).text) for each in members)
    return max(found, key=lambda sure: sure.value, default=Sure.NO)


def is_kept(kind: Dialect, folder: Path) -> bool:
    """Whether the records of the folder are kept by a program."""
    keeper = program(kind.name)
    return keeper is not None and keeper.keeps(folder)


def source_of(kind: Dialect, folder: Path, wanted: str, *, kept: bool = False) -> Source:
    """The source at a path, of this dialect whatever it looks like. With `kept` it may be a folder
    without files whose records a program keeps."""
    path = folder / wanted
    if is_one_plan(kind) and path.is_file() and path in member_files(kind, path.parent):
        wanted, path = os.path.dirname(wanted), path.parent
    if not path.is_dir():
        if not path.exists():
            raise UserError(f"cannot find {wanted}; try: ls {Path(wanted).parent}")
        return Source(kind.name, (path.absolute(),), (wanted,))
    members = member_files(kind, path)
    if not members and not (kept and is_kept(kind, path)):
        raise UserError(f"cannot read the folder {wanted} as {kind.name}; try naming a file in it")
    shown = [os.path.join(wanted, member.relative_to(path)) for member in members]
    paths = tuple(member.absolute() for member in members)
    return Source(kind.name, paths, tuple(shown), wanted, path.absolute())


def member_files(kind: Dialect, folder: Path) -> list[Path]:
    """The files of a folder that belong to the dialect, in the order of their names."""
    found: dict[Path, None] = {}
    for pattern in kind.members:
        for path in sorted(folder.glob(pattern)):
            if path.is_file():
                found[path] = None
            if len(found) > FILES_MAX:
                raise UserError(f"cannot read {folder}: more than {FILES_MAX} files; try a part")
    return list(found)


def at_home(kind: Dialect, folder: Path) -> list[str]:
    """The paths, seen from `folder`, at which such files usually lie and do."""
    found: dict[Path, str] = {}
    for pattern in kind.homes:
        for path in sorted(folder.glob(pattern)):
            place = path.parent if is_one_plan(kind) and path.is_file() else path
            found.setdefault(place.resolve(), os.fspath(path.relative_to(folder)))
    return list(found.values())


def _at_home(kind: Dialect, folder: Path) -> Source:
    """The one source of a dialect that lies where such files usually do."""
    names = at_home(kind, folder)
    if not names:
        raise UserError(
            f"cannot find a {kind.name} source here: none of {', '.join(kind.homes)}; "
            f"try: --from {kind.name}:PATH"
        )
    if len(names) > 1:
        raise UserError(
            f"cannot choose between {listed(names)}; try: --from {kind.name}:{names[-1]}"
        )
    return source_of(kind, folder, names[0], kept=True)


def common_name(names: Sequence[str]) -> str:
    """What several files are called together: the folder that all of them are in."""
    if len(names) == 1:
        return names[0]
    folders = [name.split("/")[:-1] for name in (min(names), max(names))]
    same = takewhile(lambda pair: pair[0] == pair[1], zip(*folders, strict=False))
    return "/".join(part for part, _ in same) or names[0]


# --- texts -------------------------------------------------------------------------------------


def documents(source: Source) -> list[Document]:
    """The texts of a source. `UserError` with the place of what is no text."""
    pairs = zip(source.paths, source.shown, strict=True)
    return [document(path, shown) for path, shown in pairs]


def document(path: Path, shown: str) -> Document:
    """The text of one file. `UserError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(SOURCE_BYTES_MAX + 1)
    except OSError as error:
        raise UserError(f"cannot read {shown}: {error.strerror}; try: ls -l {shown}") from error
    return Document(shown, text_of(content, shown))


def text_of(content: bytes, shown: str) -> str:
    """The text in the bytes of a file, without its BOM. `UserError` where there is none."""
    if len(content) > SOURCE_BYTES_MAX:
        most = SOURCE_BYTES_MAX // (1024 * 1024)
        raise UserError(f"cannot read {shown}: larger than {most} MiB; try splitting it")
    try:
        return content.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UserError(f"{shown}:1: cannot read UTF-16; try saving it as UTF-8") from error
        at = error.start + (len(BOM) if content.startswith(BOM) else 0)
        line = content.count(b"\n", 0, at) + 1
        said = f"the byte 0x{content[at]:02x} is not UTF-8"
        raise UserError(f"{shown}:{line}: {said}; try saving it as UTF-8") from error


def faults_of(complaints: Sequence[Complaint]) -> UserError:
    """The errors of a source that cannot be used."""
    return UserError("\n".join(str(each) for each in complaints))
