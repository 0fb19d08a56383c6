"""What the messages of commits say about records: `T001: …`, `closes T001`, gangsaw's trailers.

A record is done by a commit whose subject begins with it, ends with it in brackets or has it as
its scope, unless its type says that it is no work on it (`docs: T001: …`); by words such as "closes
T001", not followed by what else is fixed ("fix T001 typo"); by a trailer (`Task: T001`). It is
begun by "WIP", "part of", "starts". Whatever else names it says nothing, nor does a doubtful word
("when T001 is done", "T001 postponed"): that is told, not written.
What gangsaw has landed says by its trailers, and only by these, of which file the task is that is
done (`Gangsaw-Task: T001`, `Gangsaw-File: specs/003-goals/tasks.md`); without a file it only names
it, for many files have a T001. What agents wrote on the way there does not count.
What is taken back by `git revert` or by gangsaw's undo does not count. Merges say nothing but
trailers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from gangsaw.sources.reference_doubts import (
    doubtful_place,
    doubtful_state,
    doubtful_verb,
    goes_on,
    is_aside,
    is_quoted,
    is_repair,
    with_code,
)

RANGE_MAX = 200
"""Records that one `T001-T009` may stand for."""

MESSAGE_MAX = 100_000
"""Characters of a message that are looked at."""

LINE_MAX = 2_000
"""Characters of a line that are looked at."""

LANDED, UNDONE, FILE = "gangsaw-task", "gangsaw-undo", "gangsaw-file"

_TOKEN = re.compile(r"[A-Za-z0-9]\w*(?:[.-]\w+)*")
_LIKE_ID = re.compile(r"(?=.*[A-Za-z])(?=.*[\d-])[\w.-]{3,}")
_RANGE = re.compile(
    r"\b([A-Za-z][A-Za-z-]{0,20})(\d{1,6})\s?(?:-|–|—|…|\.{2,3}|to|through)\s?\1(\d{1,6})\b"
)
_BETWEEN = re.compile(r"[\s,;&+/]{0,9}(?:\band\b)?[\s,;&+/]{0,9}")
_UNKNOWN = re.compile(r"T\d{3,6}[a-z]?")
_TYPE = r"(?:[a-z]+(?:\([^()]*\))?!?:\s*)?"
_AT_HEAD = re.compile(rf"{_TYPE}[\[(#\s]*", re.IGNORECASE)
_SCOPE = re.compile(r"[a-z]+\(", re.IGNORECASE)
_NOUN = r"(?:\s+(?:tasks?|issues?|items?|records?|stor(?:y|ies)))?[\s:#(\[]*"
_DONE_WORD = re.compile(
    r"(?<![\w)-])(?:clos(?:e[sd]?|ing)|complet(?:e[sd]?|ing)|finish(?:e[sd]|ing)?|fix(?:e[sd]|ing)?|"
    r"resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?|done(?:\s+with)?|tick(?:s|ed)?|land(?:s|ed)?)"
    rf"{_NOUN}", re.IGNORECASE)  # fmt: skip
_BEGUN_WORD = re.compile(
    r"\b(?:start(?:s|ed|ing)?|beg[aiu]n(?:s|ning)?|wip|continue[sd]?|progress\s+on|"
    rf"work(?:s|ing)?\s+on|part\s+(?:\d+\s+)?of|towards?){_NOUN}", re.IGNORECASE)  # fmt: skip
_DONE_AFTER = re.compile(
    r"[\])\s:]*(?:is\s+|are\s+|now\s+)*(?:done|completed?|finished)\b|\s*[✅✓✔]", re.IGNORECASE
)
_PARTLY = re.compile(
    r"\bwip\b|work in progress|\bpartial(?:ly)?\b|\bpart \d|in progress|\bunfinished\b|"
    r"\bincomplete\b|\bnot (?:yet )?(?:done|finished|complete)|\bblocked\b|\breverts?\b",
    re.IGNORECASE)  # fmt: skip
_BOX = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+\[(.)\]\s+[\[(*_`]*\Z")
_LISTING = re.compile(_NOUN, re.IGNORECASE)
_FIXING = re.compile(r"fix|implement", re.IGNORECASE)
_NAMING = ("task", "tasks")
_DONE_KEYS = ("task", "tasks", "closes", "completes", "fixes", "resolves", "implements", "done")
_REVERTS = re.compile(r"This reverts commit ([0-9a-f]{7,64})\b")
_FIXUP = re.compile(r"(?:fixup|squash|amend)! ")


class Says(IntEnum):
    """What a commit says about a record; the more it says, the higher."""

    NAMED = 1
    BEGUN = 2
    DONE = 3


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and what it says: its message whole, and of its trailers names and values.
    `is_inner`: an agent's, on the way to a landing that speaks for it."""

    id: str
    at: float
    message: str
    trailers: tuple[tuple[str, str], ...] = ()
    is_merge: bool = False
    is_inner: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """The last word about a record, and the commit that has it."""

    says: Says
    commit: Commit


@dataclass(slots=True)
class Said:
    """What a history says: the last word by key; what was taken back and not said again; names that
    look like records and are none, with their commits. `spoken` has what people say, as pairs of
    commit and name; `unclear` what of that does not count since it may be of another file."""

    words: dict[str, Word] = field(default_factory=dict)
    taken_back: dict[str, Commit] = field(default_factory=dict)
    unknown: dict[str, Commit] = field(default_factory=dict)
    spoken: set[tuple[str, str]] = field(default_factory=set)
    unclear: dict[str, Commit] = field(default_factory=dict)


def said_by(
    commits: Sequence[Commit],
    ids: Mapping[str, str],
    is_own: Callable[[str], bool] = lambda path: False,
    unclear: Collection[tuple[str, str]] = (),
) -> Said:
    """What these commits say, the newest first. `ids` has the key of each record by its id in a
    plan; keys are known by themselves. A record is done if any commit says so that was not taken
    back; a commit that only names it later changes nothing. `is_own` tells whether a path in a
    trailer of gangsaw's is that of the records' file. `unclear` are pairs as in `Said.spoken` that
    do not count."""
    known = {**ids, **{key: key for key in ids.values()}}
    found = Said()
    reverted: list[str] = []
    for commit in commits:
        is_back = any(commit.id.startswith(each) for each in reverted)
        ours = list(_landed(commit))
        words = _told(ours, known, is_own) if ours else _words(commit, known, found)
        for key, says in words:
            if not ours and not is_back and says is not Says.NAMED:
                pair = (commit.id, name_of(key))
                found.spoken.add(pair)
                if pair in unclear:
                    found.unclear.setdefault(key, commit)
                    continue
            _keep(found, key, says, commit, is_back)
        if not is_back:
            reverted += _REVERTS.findall(commit.message[:MESSAGE_MAX])
            for label, name, path in ours:
                if label == UNDONE and (key := known.get(name, "")) and is_own(path):
                    _take_back(found, key, commit)
    return found


def may_speak(commit: Commit) -> bool:
    """Whether a commit may say something of any record, whatever records there are."""
    if any(name.lower() in (*_DONE_KEYS, LANDED, UNDONE) for name, _ in commit.trailers):
        return True
    words = _TOKEN.finditer(commit.message[:MESSAGE_MAX])
    return any(_LIKE_ID.fullmatch(word[0]) for word in words)


def name_of(key: str) -> str:
    """What a record is called, alike in all files: keys and ids differ in their signs only."""
    return re.sub(r"[\W_]+", "-", key.casefold()).strip("-")


def _landed(commit: Commit) -> Iterator[tuple[str, str, str]]:
    """The tasks that gangsaw has landed or undone with this commit: which of both, the task, and
    the path of its file, empty where none is named. Of what an agent has written nothing is."""
    pair: tuple[str, str] | None = None
    for name, value in () if commit.is_inner else commit.trailers:
        label = name.lower()
        if label in (LANDED, UNDONE):
            if pair is not None:
                yield *pair, ""
            pair = label, value.strip()
        elif label == FILE and pair is not None:
            yield *pair, value.strip()
            pair = None
    if pair is not None:
        yield *pair, ""


def _told(
    landed: Sequence[tuple[str, str, str]], known: Mapping[str, str], is_own: Callable[[str], bool]
) -> Iterator[tuple[str, Says]]:
    """What gangsaw says of the records."""
    for label, name, path in landed:
        key = known.get(name)
        if key is not None and label == LANDED and (not path or is_own(path)):
            yield key, Says.DONE if path else Says.NAMED


def _keep(found: Said, key: str, says: Says, commit: Commit, is_back: bool) -> None:
    if key in found.taken_back:
        return
    if is_back and says is not Says.NAMED:
        _take_back(found, key, commit)
    elif not is_back and (key not in found.words or found.words[key].says < says):
        found.words[key] = Word(says, commit)


def _take_back(found: Said, key: str, commit: Commit) -> None:
    """What older commits say of it does not count any more, unless a newer one has said it anew."""
    word = found.words.get(key)
    if word is None or word.says is not Says.DONE:
        found.words.pop(key, None)
        found.taken_back.setdefault(key, commit)


def _words(commit: Commit, known: Mapping[str, str], found: Said) -> Iterator[tuple[str, Says]]:
    """What one commit of people says, record by record."""
    if commit.is_inner:
        return
    for name, value in commit.trailers:
        if (label := name.lower()) in _DONE_KEYS:
            for key in _listed(value, known, is_title=label in _NAMING):
                yield key, Says.DONE
    text = commit.message[:MESSAGE_MAX]
    if commit.is_merge or _FIXUP.match(text):
        return
    spoken = {f"{name}: {value}".strip() for name, value in commit.trailers}
    for n, (line, is_code) in enumerate(with_code(text.split("\n"))):
        if line.startswith((">", "#")) or line.strip() in spoken or _REVERTS.search(line):
            continue
        if is_code:
            for _, _, keys, _ in _groups(line[:LINE_MAX], known):
                yield from ((key, Says.NAMED) for key in keys)
        else:
            yield from _in_line(line[:LINE_MAX], n == 0, known, found, commit)


def _listed(value: str, known: Mapping[str, str], *, is_title: bool) -> Iterator[str]:
    """The records that the value of a trailer names: it, or those that it lists at its beginning.
    Whether a title may follow them at once?"""
    line = value[:LINE_MAX]
    if value.strip() in known:
        yield known[value.strip()]
        return
    for start, end, keys, _ in _groups(line, known):
        if _LISTING.fullmatch(f" {line[:start]}") and (is_title or not goes_on(line[end:])):
            yield from keys
        return


def _in_line(
    line: str, is_subject: bool, known: Mapping[str, str], found: Said, commit: Commit
) -> Iterator[tuple[str, Says]]:
    for start, end, keys, unknown in _groups(line, known):
        says = _says(line, start, end, is_subject)
        for name in unknown:
            if says is not Says.NAMED:
                found.unknown.setdefault(name, commit)
        for key in keys:
            yield key, says


def _says(line: str, start: int, end: int, is_subject: bool) -> Says:
    """What a line says about the records that it names from `start` to `end`."""
    lead, tail = line[:start], line[end:]
    if is_subject and _PARTLY.search(line):
        return Says.BEGUN if not re.search(r"\breverts?\b", line, re.IGNORECASE) else Says.NAMED
    if box := _BOX.fullmatch(lead):
        return Says.DONE if box[1] in "xX✓✔" else Says.NAMED
    if is_quoted(lead, tail):
        return Says.NAMED
    for word, says in ((_DONE_WORD, Says.DONE), (_BEGUN_WORD, Says.BEGUN)):
        match = _last(word, lead)
        if match is not None:
            is_other = says is Says.DONE and (
                goes_on(tail) or (is_subject and _FIXING.match(match[0]) and is_aside(line))
            )
            return Says.NAMED if is_other or doubtful_verb(lead[: match.start()]) else says
    if state := _DONE_AFTER.match(tail):
        return Says.NAMED if doubtful_state(lead, tail[state.end() :]) else Says.DONE
    if is_subject and _is_placed(lead, tail) and not doubtful_place(lead, tail):
        return Says.DONE
    return Says.NAMED


def _last(word: re.Pattern[str], lead: str) -> re.Match[str] | None:
    """The word if it is the last thing before the records."""
    near = max(0, len(lead) - 60)
    return next((m for m in word.finditer(lead, near) if m.end() == len(lead)), None)


def _is_placed(lead: str, tail: str) -> bool:
    """Whether records stand where a subject says what the commit is: at its head, as its scope, or
    in brackets at its end."""
    if is_aside(f"{lead}{tail}"):
        return False
    if _AT_HEAD.fullmatch(lead):
        if is_repair(lead):
            return re.match(r"[\])]*(?:\s*[:–—|]|\s+-\s|\s*\Z)", tail) is not None
        return re.match(r"[\])]*(?:\s*[:–—|]|\s+-\s|\s|\Z)", tail) is not None
    if _SCOPE.fullmatch(lead):
        return re.match(r"\)!?:", tail) is not None
    return lead.rstrip().endswith(("(", "[")) and re.fullmatch(r"[\])]+\.?\s*", tail) is not None


# --- names -------------------------------------------------------------------------------------


def _groups(line: str, known: Mapping[str, str]) -> Iterator[tuple[int, int, list[str], list[str]]]:
    """Records that a line names, those that are listed together as one: from, to, keys, and what
    looks like a record but is none."""
    group: tuple[int, int, list[str], list[str]] | None = None
    for start, end, keys, unknown in _named(line, known):
        if group is not None and _BETWEEN.fullmatch(line, group[1], start):
            group = group[0], end, [*group[2], *keys], [*group[3], *unknown]
            continue
        if group is not None:
            yield group
        group = start, end, keys, unknown
    if group is not None:
        yield group


def _named(line: str, known: Mapping[str, str]) -> Iterator[tuple[int, int, list[str], list[str]]]:
    at = 0
    ranges = {match.start(): match for match in _RANGE.finditer(line)}
    for match in _TOKEN.finditer(line):
        if match.start() < at:
            continue
        row = ranges.get(match.start())
        if row is not None and not (match.end() >= row.end() and match[0] in known):
            at = row.end()
            yield row.start(), at, *_between(row, known)
            continue
        at = match.end()
        if match[0] in known and _LIKE_ID.fullmatch(match[0]):
            yield match.start(), at, [known[match[0]]], []
        elif _UNKNOWN.fullmatch(match[0]):
            yield match.start(), at, [], [match[0]]


def _between(row: re.Match[str], known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The records from one to another, as far as there are such."""
    first, last, width = int(row[2]), int(row[3]), len(row[2])
    names = [f"{row[1]}{n:0{width}}" for n in range(first, min(last, first + RANGE_MAX) + 1)]
    keys = [known[name] for name in names if name in known]
    return keys, [] if keys else [name for name in names[:1] if _UNKNOWN.fullmatch(name)]
