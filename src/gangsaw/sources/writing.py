"""Write-back: a few characters of a file changed, and nothing else of it, whoever else writes.

The bytes are read, the edits of the reports computed on exactly these, and the result put in place
of the file only if it still has the bytes that were read. If it has not, all is done again on what
it has now: another's change is never written over, and ours is made in their text. That is all the
merging there is, since an edit is not a difference of texts but a sentence about a record.

The new text is whole on the disk before it gets the file's name: after a kill there is the old file
or the new one. What a kill may leave beside it has a name that says which two texts it can be; the
next writing removes it, unless it holds a third: that is a change of somebody, and is kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.sources.place import BOM, SOURCE_BYTES_MAX, text_of
from gangsaw.sources.protocol import Dialect, Document, Edit, Item, Report, Standing
from gangsaw.sources.swapping import exchange

TRIES_MAX = 20
"""How often a file that others change under our hands is read anew."""

LOCK = "lock"
PART = "part"
"""What the name of a text that is not whole yet ends with."""

LOCK_TRIES_MAX = 10
"""How often the lock's file may be gone just when the lock is ours."""

LEFT_MAX = 1_000
"""Files of ours beside a source that are looked at for what a kill has left."""

Swap = Callable[[Path, Path], bool]

OPEN = (Standing.OPEN, Standing.RUNNING)
"""Where nobody has settled a record yet."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A report to be written, and where the record stood by the last that we knew of."""

    report: Report
    was: Standing = Standing.OPEN


@dataclass(frozen=True, slots=True)
class Written:
    """The file says it. `kept` are records that somebody else has settled otherwise, with what they
    stand at: that is left alone. `missing` are not there any more. `is_changed`: by this call."""

    is_changed: bool
    kept: tuple[tuple[str, Standing], ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unwritten:
    """The file is as it was, for this reason."""

    reason: str


def with_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text after the edits, which do not overlap; several at one place come in their order."""
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise ValueError("edits overlap")
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])


def write_back(
    path: Path, shown: str, kind: Dialect, wishes: Sequence[Wish], *, swap: Swap = exchange
) -> Written | Unwritten:
    """Have the file at `path` say these. Repeatable, also after a kill. `swap` exchanges two names,
    or says that the system cannot; then another's change within the last moment can be lost."""
    try:
        place = path.resolve(strict=True)
        if not place.is_file():
            return Unwritten(f"{shown} is no file any more")
        if not os.access(place, os.W_OK):
            return Unwritten(f"{shown} is read-only; try: chmod u+w {shown}")
        with _locked(place):
            return _write(place, shown, kind, wishes, swap)
    except UserError as error:
        return Unwritten(error.text)
    except OSError as error:
        return Unwritten(f"{shown} cannot be written: {error.strerror or error}")


def put_in_place(
    place: Path, shown: str, before: bytes, after: bytes, *, swap: Swap = exchange
) -> bool:
    """Give the file these bytes if it has those before; whether it had. `UserError` where another
    gangsaw writes it, or a kill has left a change of somebody else beside it."""
    with _locked(place):
        _remove_left(place, shown)
        return _content(place) == before and _put(place, before, after, swap)


def foreseen(
    path: Path, shown: str, kind: Dialect, wishes: Sequence[Wish]
) -> tuple[Written | Unwritten, str]:
    """What `write_back` would come to if nobody else wrote, and the text that there would be then.
    Nothing is written."""
    try:
        return foreseen_in(_content(path), shown, kind, wishes)
    except UserError as error:
        return Unwritten(error.text), ""
    except OSError as error:
        return Unwritten(f"{shown} cannot be read: {error.strerror or error}"), ""


def foreseen_in(
    before: bytes, shown: str, kind: Dialect, wishes: Sequence[Wish]
) -> tuple[Written, str]:
    """The same for what a file contains. `UserError` where it is no text."""
    said = _said(before, shown, kind, wishes)
    if isinstance(said, Written):
        return said, text_of(before, shown)
    after, kept, missing = said
    return Written(True, kept, missing), text_of(after, shown)


def _write(
    place: Path, shown: str, kind: Dialect, wishes: Sequence[Wish], swap: Swap
) -> Written | Unwritten:
    _remove_left(place, shown)
    for _ in range(TRIES_MAX):
        before = _content(place)
        said = _said(before, shown, kind, wishes)
        if isinstance(said, Written):
            return said
        after, kept, missing = said
        if _put(place, before, after, swap):
            return Written(True, kept, missing)
    return Unwritten(f"{shown} is changed by somebody else all the time")


def _content(place: Path) -> bytes:
    with place.open("rb") as file:
        return file.read(SOURCE_BYTES_MAX + 1)


def _said(
    before: bytes, shown: str, kind: Dialect, wishes: Sequence[Wish]
) -> Written | tuple[bytes, tuple[tuple[str, Standing], ...], tuple[str, ...]]:
    """The bytes that say the wishes, with what is kept and missing; or that they say it already."""
    document = Document(shown, text_of(before, shown))
    reports, kept = granted({item.key: item for item in kind.read([document]).items}, wishes)
    answer = kind.edits(document, reports)
    if not answer.edits:
        return Written(False, tuple(kept), answer.missing)
    bom = BOM if before.startswith(BOM) else b""
    after = bom + with_edits(document.text, answer.edits).encode("utf-8")
    return after, tuple(kept), answer.missing


def granted(
    items: Mapping[str, Item], wishes: Sequence[Wish]
) -> tuple[list[Report], list[tuple[str, Standing]]]:
    """What of the wishes is to be said where the records stand as in `items`, and the records that
    somebody else has settled otherwise, with what they stand at."""
    reports, kept = [], list[tuple[str, Standing]]()
    for wish in wishes:
        item = items.get(wish.report.key)
        now = item.standing if item is not None else Standing.OPEN
        is_ours = now is wish.report.standing or now in OPEN or now is wish.was
        if is_ours and not _is_claimed(wish, item):
            reports.append(wish.report)
        else:
            kept.append((wish.report.key, now))
    return reports, kept


def _is_claimed(wish: Wish, item: Item | None) -> bool:
    """Whether somebody else has taken the record since we last knew of it. The file is exchanged
    for what we say only if it is still what this was judged by: of two that claim, one has it."""
    if item is None or wish.was is not Standing.OPEN or item.standing is not Standing.RUNNING:
        return False
    return bool(wish.report.holder and item.holder and item.holder != wish.report.holder)


# --- putting it in place -----------------------------------------------------------------------


def _put(place: Path, before: bytes, after: bytes, swap: Swap) -> bool:
    """Give the file its new bytes if it still has the old ones; whether it had."""
    aside = place.with_name(f"{_prefix(place)}{_digest(before)}-{_digest(after)}")
    durable("sources.prepare", lambda: _prepare(aside, place, after))
    if _content(place) != before:
        aside.unlink()
        return False
    is_ours = durable("sources.replace", lambda: _replace(aside, place, before, swap))
    _sync(place.parent)
    return is_ours


def _prepare(aside: Path, place: Path, after: bytes) -> None:
    """The new text, whole and on the disk, with the mode and owner of the file. Its name is a
    promise about its content, so it gets that last."""
    part = place.with_name(_prefix(place) + PART)
    with part.open("wb") as file:
        file.write(after)
        file.flush()
        shutil.copystat(place, part)
        os.utime(part)
        status = place.stat()
        with suppress(PermissionError):
            os.chown(part, status.st_uid, status.st_gid)
        os.fsync(file.fileno())
    part.replace(aside)


def _replace(aside: Path, place: Path, before: bytes, swap: Swap) -> bool:
    """Swap the names, and look at what came out: if somebody wrote into the file in the last
    moment, it is that, and it goes back."""
    if not swap(aside, place):
        aside.replace(place)
        return True
    if _content(aside) == before:
        aside.unlink()
        return True
    swap(aside, place)
    # What comes out now is ours, unless there was a third change in the same moment: then it stays
    # beside the file, under a name that is told.
    _remove_if_ours(aside)
    return False


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Alone among all gangsaws to write the file, or `UserError`. The lock's own file is gone
    afterwards."""
    name = place.with_name(_prefix(place) + LOCK)
    fd = _lock(name)
    try:
        yield
    finally:
        name.unlink(missing_ok=True)
        os.close(fd)


def _lock(name: Path) -> int:
    for _ in range(LOCK_TRIES_MAX):
        fd = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_name_of(name, fd):
                return fd
        except BlockingIOError:
            os.close(fd)
            break
        os.close(fd)
    raise UserError(f"another gangsaw is writing beside {name.name}; try again")


def _is_name_of(name: Path, fd: int) -> bool:
    """Whether the name still is that of the open file: who had the lock before took it away."""
    try:
        return os.path.samestat(name.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


# --- what a kill has left ----------------------------------------------------------------------


def _prefix(place: Path) -> str:
    return f".{place.name}.gangsaw-"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _remove_left(place: Path, shown: str) -> None:
    """Remove what writings that were cut short have left. `UserError` where it is a change of
    somebody else."""
    prefix = _prefix(place)
    left = [path for path in _beside(place) if path.name.startswith(prefix)]
    for path in left[:LEFT_MAX]:
        end = path.name.removeprefix(prefix)
        if end == PART:
            path.unlink(missing_ok=True)
        elif end != LOCK and not _remove_if_ours(path):
            raise UserError(
                f"cannot write {shown}: {path.name} beside it holds a change that was made in the "
                "very moment of our last writing; try putting it into the file, and removing it"
            )


def _beside(place: Path) -> list[Path]:
    with os.scandir(place.parent) as entries:
        return [place.with_name(entry.name) for entry in entries]


def _remove_if_ours(path: Path) -> bool:
    """Remove a file whose name says what is in it, if that is so or it was never finished."""
    names = path.name.rpartition("gangsaw-")[2].split("-")
    try:
        content = _content(path)
    except FileNotFoundError:
        return True
    if _digest(content) in names or not content:
        path.unlink(missing_ok=True)
        return True
    return False


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
