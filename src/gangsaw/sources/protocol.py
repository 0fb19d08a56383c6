"""What a dialect is: the values that it hands over, and the few questions that it answers.

A dialect knows one way to write down tasks, and nothing else: no files, no git, no rules of plans.
It is given whole texts and answers with records and places in them; where the texts come from, what
a legal plan is, and how a changed text gets back to its file are the house's affair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Protocol

from gangsaw.core.standing import Standing as Standing

Place = tuple[int, int]
"""Line and column, from 1."""


OWN = -1
NOWHERE = -2


class Sure(Enum):
    """How sure a dialect is that a text is its own."""

    NO = 0
    MAYBE = 1
    CERTAIN = 2


class About(StrEnum):
    """What a remark is about: a file that cannot be used, a record that could not be read (the
    others can), or something that is read otherwise than one might think."""

    FAULT = "fault"
    UNREAD = "unread"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Document:
    """One text: the path that users know it by, and all of it with its line ends (no BOM)."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Need:
    """What a record waits for, by the key of the other. `why` is empty where the file says so in
    plain words; else the need was inferred, and users are told from what. `document` is where it
    stands, if that is not the document of its record."""

    key: str
    line: int
    why: str = ""
    col: int = 1
    document: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One task of a source. `key` is what its own file calls it, and never changes with its
    standing. `fields` are other keys of a plan's task (`scope`, `track`, `priority`, `agent`,
    `model`, `checks`, `review`, …) with values as `plan.yaml` has them; `places` says where such a
    value stands if not in `line`. `id` is the task's id in the plan (made from the key if empty).
    `document` counts from 0 where a source has several. `within` are keys of what it is a part of,
    an epic for one, the nearest first. `hold` says why it cannot be begun though its own word is
    that it is open: it waits for something that no task of the source is. Unlike `standing` it may
    follow from other documents. Where a source has several documents about one record,
    `elsewhere` says in which of them a value of `fields` stands, and `told_in` in which one its
    standing does: `OWN` is `document`, `NOWHERE` that no text has a place for it. `holder` is who
    has claimed it, where the file says so. `words` is what the record says besides its title and
    `fields`, without what a dialect adds for its agent: what another file is told of it (`None`:
    the whole prompt). `inherited`: it is done by the mark of what it is a part of alone, and by its
    own it is open.
    """

    key: str
    title: str
    prompt: str
    line: int
    col: int = 1
    standing: Standing = Standing.OPEN
    needs: tuple[Need, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    id: str = ""
    document: int = 0
    within: tuple[str, ...] = ()
    hold: str = ""
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    told_in: int = OWN
    holder: str = ""
    words: str | None = None
    inherited: bool = False

    @property
    def home(self) -> int | None:
        """The document that says where it stands, if any does."""
        if self.told_in == NOWHERE:
            return None
        return self.document if self.told_in == OWN else self.told_in


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to be told about a line: see `About`."""

    about: About
    line: int
    text: str
    remedy: str = ""
    col: int = 1
    document: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a source says, in the order of its text. No record of it is in neither."""

    items: tuple[Item, ...]
    remarks: tuple[Remark, ...] = ()
    goal: str = ""


PHASES = ("spawned", "working", "committed", "pr_created", "merged")
"""How far a record is."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be written about a record: where it stands now, and (if it landed) as which
    commit. `RUNNING` after a failed try, too; `OPEN` when it is given up or was undone. `phase` is
    how far a running one is, in the words of `PHASES`, and `at` when it was asked for (epoch
    seconds), for files that say such things; empty and 0 where it is not known. `holder` claims it,
    and `note` is a line that is added to its notes, in such files."""

    key: str
    standing: Standing
    commit: str = ""
    phase: str = ""
    at: float = 0.0
    holder: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` in place of the characters from `start` up to `end` of a document."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The edits that say the reports, not overlapping, and the keys of records that are not there
    any more. What a dialect has no word for (most have none for a failure) needs no edit."""

    edits: tuple[Edit, ...] = ()
    missing: tuple[str, ...] = ()


class Dialect(Protocol):
    """One way to write tasks down. `name` is what users call it, `about` one line for the table of
    dialects; `homes` are patterns below the repository where such files usually lie; `members` are
    patterns of the files that belong to it where the source is a folder (none: it never is).

    Every method takes whatever a file may hold, in time about linear to its size, and never raises.
    """

    name: str
    about: str
    homes: tuple[str, ...]
    members: tuple[str, ...]

    def detect(self, path: str, text: str) -> Sure:
        """Whether a text is of this dialect; `text` may be only its beginning."""
        ...

    def read(self, documents: Sequence[Document]) -> Reading:
        """The records. Reading a text again after `edits` gives the same keys."""
        ...

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """How the document would say these; nothing where it already does."""
        ...
