"""What can go wrong in the store, apart from bugs."""

from __future__ import annotations

from gangsaw.core.errors import UserError


class DiskFull(UserError):
    """There was no room for a write: disk full, quota or file size limit reached.

    Nothing was written; what was there stays readable, and the same call works once there is room
    (see `reserve.release_reserve`).
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, exit_code=1)


class NoJournal(UserError):
    """There is no journal yet at that place, or none with a run: nothing has ever run here."""


class StaleWriter(Exception):
    """The run's last event is not the one the caller believes it to be.

    Somebody else wrote, or an append that seemed to fail was committed after all. What the caller
    holds in memory is then not what the log says: read the run again before anything is done.
    """

    def __init__(self, run: str, expected: int, found: int) -> None:
        super().__init__(f"run {run}: last event should be {expected}, the journal has {found}")
        self.run = run
        self.expected = expected
        self.found = found
