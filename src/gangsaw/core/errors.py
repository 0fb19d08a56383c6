"""The one error that a user can mend."""

from __future__ import annotations


class UserError(Exception):
    """Trouble that the user can mend; the text says what, where, and what to do next.

    `exit_code` is the exit code of the command that ends with it (2: usage, 1: failed,
    3: needs a person).
    """

    def __init__(self, text: str, *, exit_code: int = 2) -> None:
        super().__init__(text)
        self.text = text
        self.exit_code = exit_code
