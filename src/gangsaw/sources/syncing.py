"""A source brought up to what commits say: marks are set, and never taken away.

Only open records and those in progress are touched: what is done, dropped or on hold in the file is
settled. So it makes no difference how often, or after which commits, this is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.sources.assembling import SourceRead
from gangsaw.sources.place import Source, at_home, documents, source_of
from gangsaw.sources.programs import Ask, document_of, tell
from gangsaw.sources.protocol import Dialect, Document, Item, Report, Standing
from gangsaw.sources.references import Said, Says
from gangsaw.sources.registry import dialect
from gangsaw.sources.writing import (
    Unwritten,
    Wish,
    Written,
    foreseen,
    foreseen_in,
    write_back,
)

_OPEN = (Standing.OPEN, Standing.RUNNING)
_WANTED = {Says.DONE: Standing.DONE, Says.BEGUN: Standing.RUNNING}


@dataclass(frozen=True, slots=True)
class Mark:
    """A record that stands otherwise now, by which commit, and its place."""

    key: str
    standing: Standing
    commit: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Synced:
    """What came of it. `kept` are records with a standing that no commit changes; `refused` are the
    reasons why files were not written."""

    marks: tuple[Mark, ...] = ()
    kept: tuple[tuple[str, Standing], ...] = ()
    refused: tuple[str, ...] = ()
    is_changed: bool = False


def sync_source(
    source: Source, read: SourceRead, said: Said, ask: Ask, *, dry: bool = False
) -> Synced:
    """Have the source say what the commits say, through the program that keeps it, where one does.
    With `dry` nothing is written."""
    kind = dialect(source.dialect)
    items = {item.key: item for item in read.items.values()}
    wanted: dict[int, list[Wish]] = {}
    kept: list[tuple[str, Standing]] = []
    for key, word in said.words.items():
        item, standing = items.get(key), _WANTED.get(word.says)
        if item is None or standing is None or item.standing in (standing, Standing.DONE):
            continue
        home = item.home
        if home is None:
            continue  # no text has a place for where it stands
        if item.standing not in _OPEN:
            kept.append((key, item.standing))
            continue
        report = Report(key, standing, word.commit.id, at=word.commit.at)
        wanted.setdefault(home, []).append(Wish(report))
    refused: list[str] = []
    texts = {n: each.text for n, each in enumerate(_documents(source, ask))}
    is_changed = False
    for n, wishes in wanted.items():
        written, after = _foreseen(source, n, wishes, ask)
        if not dry and isinstance(written, Written) and written.is_changed:
            if source.through:
                written = tell(source.dialect, source.paths[n], ask, wishes)
            else:
                written = write_back(source.paths[n], source.shown[n], kind, wishes)
            _, after = _foreseen(source, n, (), ask)
        if isinstance(written, Unwritten):
            refused.append(written.reason)
            continue
        is_changed = is_changed or written.is_changed
        kept += written.kept
        texts[n] = after
    marks = _marks(kind, source, texts, items, said) if is_changed else ()
    return Synced(marks, tuple(kept), tuple(refused), is_changed)


def _documents(source: Source, ask: Ask) -> list[Document]:
    if source.through:
        return [document_of(source.dialect, source.paths[0], ask)]
    return documents(source)


def _foreseen(
    source: Source, n: int, wishes: Sequence[Wish], ask: Ask
) -> tuple[Written | Unwritten, str]:
    """What writing these would come to, and the text that there would be then."""
    kind = dialect(source.dialect)
    if not source.through:
        return foreseen(source.paths[n], source.shown[n], kind, wishes)
    try:
        (kept,) = _documents(source, ask)
        return foreseen_in(kept.text.encode(), kept.path, kind, wishes)
    except UserError as error:
        return Unwritten(error.text), ""


def _marks(
    kind: Dialect, source: Source, texts: dict[int, str], before: dict[str, Item], said: Said
) -> tuple[Mark, ...]:
    """The records that stand otherwise in these texts than before."""
    shown = source.shown
    after = kind.read([Document(shown[n], text) for n, text in texts.items()]).items
    found = []
    for item in after:
        word, old = said.words.get(item.key), before.get(item.key)
        if word is not None and old is not None and old.standing is not item.standing:
            place = shown[item.document], item.line
            found.append(Mark(item.key, item.standing, word.commit.id, *place))
    return tuple(found)


def home_source(kind: Dialect, folder: Path, branch: str) -> Source | None:
    """The source of a dialect where such files usually lie: the only one, or of several the one in
    a folder that the branch is called after. `None` where there is none, `UserError` where it is
    not clear which."""
    names = at_home(kind, folder)
    if len(names) > 1:
        words = branch.split("/")
        chosen = [name for name in names if Path(name).parent.name in words]
        if len(chosen) != 1:
            raise UserError(
                f"cannot tell which of {len(names)} files of {kind.name} the commits speak of; "
                f"try: gangsaw sync {names[-1]}, or a branch with the name of its folder"
            )
        names = chosen
    return source_of(kind, folder, names[0], kept=True) if names else None


def all_at_home(
    kinds: Sequence[Dialect], folder: Path, branch: str
) -> tuple[list[Source], list[str]]:
    """The sources of all dialects where such files usually lie, and why some are left out. A file
    is of one dialect: the first that is."""
    found: list[Source] = []
    reasons = []
    for kind in kinds:
        try:
            source = home_source(kind, folder, branch)
        except UserError as error:
            reasons.append(error.text)
            continue
        if source is not None and all(source.paths != other.paths for other in found):
            found.append(source)
    return found, reasons
