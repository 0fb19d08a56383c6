"""Is it for want of disk space that something failed?

A full disk is nobody's fault and is waited for. Whether it is full is read from the file systems
that a run writes to; what an agent or a check says about it only counts if that reading agrees.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from gangsaw.meters import Disk, disk_free_mb, read_disk

FULL_MB = 2
"""With so little room left, whatever failed is taken to have failed for it."""
LOW_MB = 64
"""With so little (or less than the floor), it is believed of what says that it could not write: git
does not always say why, and gives back what it had written so far."""
_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})
_UNWRITTEN = ("unable to write", "write error", "cannot write", "could not write")
_SAYINGS = ("no space left on device", "disk quota exceeded", "enospc", "edquot")


def says_no_room(text: str) -> bool:
    """Whether the text speaks of a full disk, in the words of the system."""
    folded = text.lower()
    return any(saying in folded for saying in _SAYINGS)


def lacks_room(error: BaseException) -> bool:
    """Whether the error, or one it came from, is a full disk's."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, NoRoom):
            return True
        if isinstance(seen, OSError) and seen.errno in _ERRORS:
            return True
        if says_no_room(str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


class NoRoom(RuntimeError):
    """Something did not succeed while the disk was full; it says nothing about anybody's work."""


class Room:
    """The file systems of the folders that a run writes to. `floor_mb` gives the setting."""

    def __init__(self, folders: tuple[Path, ...], floor_mb: Callable[[], int]) -> None:
        self._folders, self._floor_mb = folders, floor_mb

    def free_mb(self) -> int:
        """What is free on the fullest of them, in MB."""
        return min(disk_free_mb(folder) for folder in self._folders)

    def fullest(self) -> Disk:
        """The least room in MB, and the highest use in percent, of any of them."""
        found = [read_disk(folder) for folder in self._folders]
        least = min(found, key=lambda disk: disk.free_mb)
        return Disk(least.total_mb, least.free_mb, max(disk.used_pct for disk in found))

    def is_to_blame(self, said: str) -> bool:
        """Whether a failure with this output is to be put down to a full disk."""
        free_mb = self.free_mb()
        if free_mb < FULL_MB:
            return True
        unwritten = any(saying in said.lower() for saying in _UNWRITTEN)
        low = free_mb < max(LOW_MB, self._floor_mb())
        return low and (unwritten or says_no_room(said))
