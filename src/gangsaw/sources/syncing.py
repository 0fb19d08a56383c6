"""A source brought up to what commits say: marks are set, and never taken away.

Only open records and those in progress are touched: what is done, dropped or on hold in the file is
settled. So it makes no difference how often, or after which commits, this is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.plan.complaint import listed
from gangsaw.sources.assembling import SourceRead
from gangsaw.sources.place import Source, at_home, documents, of_branch, source_of
from gangsaw.sources.programs import Ask, document_of, tell
from gangsaw.sources.protocol import Dialect, Document, Item, Report, Standing
from gangsaw.sources.references import Said, Says, name_of
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


HOMES_MAX = 100
"""Files of one dialect that are looked at."""


def home_sources(kind: Dialect, folder: Path, branch: str) -> list[Source]:
    """The sources of a dialect where such files usually lie; of several only the one in a folder
    that the branch is called after, if there is one. `UserError` where there are too many."""
    names = at_home(kind, folder)
    if len(names) > 1:
        chosen = of_branch(names, branch)
        names = names if chosen is None else [chosen]
    if len(names) > HOMES_MAX:
        raise UserError(
            f"cannot tell which of {len(names)} files of {kind.name} the commits speak of; "
            f"try: gangsaw sync {names[-1]}, or a branch with the name of its folder"
        )
    return [source_of(kind, folder, name, kept=True) for name in names]


def all_at_home(
    kinds: Sequence[Dialect], folder: Path, branch: str
) -> tuple[list[Source], list[str]]:
    """The sources of all dialects where such files usually lie, and why some are left out. A file
    is of one dialect: the first that is."""
    found: list[Source] = []
    reasons = []
    for kind in kinds:
        try:
            sources = home_sources(kind, folder, branch)
        except UserError as error:
            reasons.append(error.text)
            continue
        for source in sources:
            if all(source.paths != other.paths for other in found):
                found.append(source)
    return found, reasons


# --- one name in several files -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shared:
    """What people say that may be of several sources, as pairs of `Said.spoken`: for each source
    what does not count there, and of whom nobody can tell, the numbers of the sources."""

    unclear: tuple[frozenset[tuple[str, str]], ...]
    owners: Mapping[tuple[str, str], tuple[int, ...]]


def shared_words(sources: Sequence[Source], said: Sequence[Said], branch: str) -> Shared:
    """Which words of people may be of several of these sources. They are of the only one in a
    folder that the branch is called after; else nobody can tell."""
    users: dict[tuple[str, str], list[int]] = {}
    for n, each in enumerate(said):
        for pair in each.spoken:
            users.setdefault(pair, []).append(n)
    words = branch.split("/")
    unclear: list[set[tuple[str, str]]] = [set() for _ in sources]
    owners: dict[tuple[str, str], tuple[int, ...]] = {}
    for pair, numbers in users.items():
        if len(numbers) == 1:
            continue
        named = [n for n in numbers if Path(sources[n].shown[0]).parent.name in words]
        if len(named) != 1:
            owners[pair] = tuple(numbers)
        for n in numbers:
            if named != [n]:
                unclear[n].add(pair)
    return Shared(tuple(map(frozenset, unclear)), owners)


def doubts(
    sources: Sequence[Source], reads: Sequence[SourceRead], said: Sequence[Said], shared: Shared
) -> list[str]:
    """What is told of words that nobody can tell the file of, where one of the files would say
    something else by them."""
    found: dict[tuple[int, ...], dict[str, None]] = {}
    for n, each in enumerate(said):
        open_ = {item.key for item in reads[n].items.values() if item.standing in _OPEN}
        for key, commit in each.unclear.items():
            word = each.words.get(key)
            numbers = shared.owners.get((commit.id, name_of(key)))
            if key in open_ and numbers and (word is None or word.says is not Says.DONE):
                found.setdefault(numbers, {}).setdefault(key)
    return [
        f"cannot tell which of {len(numbers)} files {listed(list(keys))} is of "
        f"({', '.join(sources[n].shown[0] for n in numbers)}); try: gangsaw sync "
        f"{sources[numbers[-1]].shown[0]}"
        for numbers, keys in found.items()
    ]
