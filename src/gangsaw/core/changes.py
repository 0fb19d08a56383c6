"""What a change does to files: the values that git reads and that honesty checks look at."""

from __future__ import annotations

from dataclasses import dataclass

LINK_MODE = "120000"
EXECUTABLE_MODE = "100755"
REPOSITORY_MODE = "160000"
_BINARY_LOOK = 8_000
"""Bytes at the beginning of a file in which a NUL makes it a binary one, as git has it."""


@dataclass(frozen=True, slots=True)
class Side:
    """A file before or after. `content` is `None` where it was not read: too large, or a link to a
    repository of its own."""

    mode: str
    blob: str
    size: int
    content: bytes | None

    @property
    def is_binary(self) -> bool:
        """Whether it is known not to be text."""
        return self.content is not None and b"\0" in self.content[:_BINARY_LOOK]

    @property
    def text(self) -> str | None:
        """The text of a plain text file, else `None`; odd bytes are replaced."""
        if self.content is None or self.is_binary or self.mode in (LINK_MODE, REPOSITORY_MODE):
            return None
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One path; `before` or `after` is `None` where there is no such file."""

    path: str
    before: Side | None
    after: Side | None


@dataclass(frozen=True, slots=True)
class Change:
    """The files in which two commits differ, and those that were in between only (`passing`): what
    one commit brought and a later one took away lands in the history all the same. `unread` says
    how many more differ than were looked at."""

    files: tuple[ChangedFile, ...]
    passing: tuple[ChangedFile, ...] = ()
    unread: int = 0
