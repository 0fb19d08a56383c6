"""Where a source lies and of which dialect it is: what users write behind `--from`.

`PATH` is a file, a folder of a dialect that has folders, or what just one folder with such a file
is called; `NAME` is a dialect, whose usual places are looked through; `NAME:PATH` says both.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from glob import escape
from itertools import islice, takewhile
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.standing import HERE
from gangsaw.plan.complaint import Complaint, did_you_mean, listed
from gangsaw.sources.protocol import Dialect, Document, Sure
from gangsaw.sources.registry import (
    MAPPED,
    NAMES,
    dialect,
    dialects,
    is_one_plan,
    program,
    redirected,
)

SOURCE_BYTES_MAX = 64 * 1024 * 1024
"""Size of one file of a source."""

FILES_MAX = 5_000
"""Files of one source that is a folder."""

LOOKED_INTO_MAX = 20
"""Files of a folder by which its kind is told."""

_ADDRESS = re.compile(r"(?:[a-z]+:)?[a-z][a-z0-9+]+://", re.IGNORECASE)

_LISTED = ", ".join(NAMES)

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Source:
    """A source that was found: its dialect's name, and the absolute paths of its files, with the
    names by which users know them. Where it is a folder, `folder` is that, as it was named, and
    `folder_path` its absolute path; it may be without files only where a program keeps its records.
    `through`: it was read through the program of that name, and the path is that of its copy.
    `chosen` says why it is this one, where there are several."""

    dialect: str
    paths: tuple[Path, ...]
    shown: tuple[str, ...]
    folder: str = ""
    folder_path: Path | None = None
    through: str = ""
    chosen: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """The repository around a folder: its root, and what tells the branch that is checked out there
    (empty: none)."""

    root: Path
    branch: Callable[[], str]


def find_source(wanted: str, folder: Path, home: Home | None = None) -> Source:
    """The source that a user names, seen from `folder`; behind a `?` and before the last colon may
    be what holds of a table's fields. What has a usual place is looked for at the root of the
    repository (`home`), too. `UserError` where there is none, or where its kind is not certain."""
    if not wanted.strip():
        raise UserError(
            "cannot find a task file: its name is empty; try a path, or one of "
            f"{', '.join(NAMES)}, behind --from"
        )
    require_path(wanted)
    head, question, _ = wanted.partition("?")
    name, colon, rest = wanted.rpartition(":") if question else wanted.partition(":")
    kind = name.partition("?")[0]
    if colon and kind in NAMES:
        if not rest.strip():
            raise UserError(
                f"cannot read {wanted}: a path is missing behind the colon; try: {name}"
            )
        base, path = _called(kind, folder, rest, home)
        return _seen(source_of(dialect(name), base, path, kept=True), base, folder)
    if head in NAMES and not (folder / wanted).exists():
        return _at_home(dialect(wanted), folder, home)
    base, path = _called(None, folder, wanted, home)
    if not (base / path).exists():
        raise _nowhere(wanted)
    certain, maybe = _sure(base, path)
    if len(certain) == 1:
        return _seen(source_of(certain[0], base, path, kept=True), base, folder)
    raise _unsure(wanted, certain or maybe)


def require_path(wanted: str) -> None:
    """`UserError` for the address of something that is not on this machine."""
    if _ADDRESS.match(wanted):
        raise UserError(
            f"cannot read {wanted}: task files are read from the disk; try: curl -fsSLO {wanted}, "
            "and --from with the name of the file"
        )


def _nowhere(wanted: str) -> UserError:
    word = wanted.partition(":")[0]
    near = did_you_mean(word, NAMES) if not set(word) & set("./") else ""
    return UserError(f"cannot find {wanted}; {near or f'try a path, or one of {_LISTED}'}")


def _unsure(wanted: str, found: Sequence[Dialect]) -> UserError:
    """What is said of a path whose kind is none, or one of several."""
    if found:
        names = [each.name for each in found]
        return UserError(
            f"cannot tell what kind of task file {wanted} is: it may be {' or '.join(names)}; "
            f"try: --from {shlex.quote(f'{names[0]}:{wanted}')}"
        )
    return UserError(
        f"cannot read {wanted}: it is no task file that gangsaw knows ({_LISTED}); try: "
        f"--from {shlex.quote(f'NAME:{wanted}')} with the nearest of these names"
    )


def doubt(wanted: str, folder: Path) -> tuple[UserError, bool]:
    """What is said of a file that is no plan of ours, and whether some kind might be its own."""
    certain, maybe = _sure(folder, wanted)
    found = certain or maybe
    return _unsure(wanted, found), bool(found)


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


def _called(kind: str | None, folder: Path, wanted: str, home: Home | None) -> tuple[Path, str]:
    """The path that is wanted, and the folder it is seen from; for the name of just one folder with
    a source in its usual place (`003-goals` for `specs/003-goals`), that folder."""
    if "/" in wanted or (folder / wanted).exists():
        return folder, wanted
    for base in _bases(folder, home):
        found = sorted(set(islice(_folders_called(kind, base, wanted), FILES_MAX)))
        if len(found) > 1:
            first = found[0] if kind is None else f"{kind}:{found[0]}"
            raise UserError(
                f"cannot choose between {listed(found)}; try: --from {shlex.quote(first)}"
            )
        if found:
            return base, found[0]
    return folder, wanted


def _folders_called(kind: str | None, base: Path, wanted: str) -> Iterator[str]:
    """The folders of that name in which a source lies, in its usual place or deeper."""
    for each in dialects():
        for pattern in each.homes if kind in (None, each.name) else ():
            head, star, tail = pattern.partition("*/")
            deeper = [f"{head}**/{escape(wanted)}/{tail}"] if star else []
            for path in (path for one in (pattern, *deeper) for path in base.glob(one)):
                for parent in path.parents:
                    if parent.name == wanted and base in parent.parents:
                        yield os.fspath(parent.relative_to(base))


def _bases(folder: Path, home: Home | None) -> tuple[Path, ...]:
    """Where usual places are looked for, the nearest first."""
    return (folder,) if home is None or home.root == folder else (folder, home.root)


def _seen(source: Source, base: Path, folder: Path) -> Source:
    """The source that was found from `base`, with the names that it has from `folder`."""
    if base == folder:
        return source
    way = os.path.relpath(base, folder)
    shown = tuple(os.path.join(way, each) for each in source.shown)
    return replace(source, shown=shown, folder=source.folder and os.path.join(way, source.folder))


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
    path = redirected(kind, path)
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
    there = redirected(kind, path)
    if there != path:
        wanted, path = os.path.relpath(there, folder), there
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


def of_branch(names: Sequence[str], branch: str) -> str | None:
    """The one of several paths whose folder the branch is called after; `None` for none."""
    words = branch.split("/")
    found = [name for name in names if Path(name).parent.name in words]
    return found[0] if len(found) == 1 else None


def _at_home(kind: Dialect, folder: Path, home: Home | None) -> Source:
    """The one source of a dialect that lies where such files usually do, or of several the one of
    the branch."""
    for base in _bases(folder, home):
        names = at_home(kind, base)
        if names:
            break
    else:
        raise UserError(
            f"cannot find a {kind.name} source here: none of {', '.join(kind.homes)}; "
            f"try: --from {kind.name}:PATH"
        )
    if len(names) == 1:
        return _seen(source_of(kind, base, names[0], kept=True), base, folder)
    branch = home.branch() if home is not None else ""
    name = of_branch(names, branch)
    if name is None:
        example = os.path.normpath(os.path.join(os.path.relpath(base, folder), names[-1]))
        raise UserError(
            f"cannot choose between {listed(names)}; "
            f"try: --from {shlex.quote(f'{kind.name}:{example}')}"
        )
    found = _seen(source_of(kind, base, name, kept=True), base, folder)
    return replace(found, chosen=f"it is one of {len(names)}; the branch is {branch}")


def common_name(names: Sequence[str]) -> str:
    """What several files are called together: the folder that all of them are in."""
    if len(names) == 1:
        return names[0]
    folders = [name.split("/")[:-1] for name in (min(names), max(names))]
    same = takewhile(lambda pair: pair[0] == pair[1], zip(*folders, strict=False))
    return "/".join(part for part, _ in same) or names[0]


def place_in(root: Path, path: Path) -> str:
    """The path of a file or folder seen from the root of a repository, links followed; empty where
    it lies outside of it."""
    found = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
    return "" if found.split(os.sep, 1)[0] == os.pardir else found


def belonging(source: Source, root: Path) -> Callable[[str], bool]:
    """Tells whether a path seen from the root of a repository, as commits name it, is a file of
    this source. A file of a folder may have got another name since, or be gone."""
    files = {place_in(root, each) for each in source.paths} - {""}
    folder = place_in(root, source.folder_path) if source.folder_path is not None else ""
    below = f"{folder}/" if folder not in ("", HERE) else ""
    return lambda path: path in files or bool(below and path.startswith(below))


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
