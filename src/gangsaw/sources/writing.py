"""Write-back: a few characters of a file changed, and nothing else of it, whoever else writes.

The bytes are read, the edits of the reports computed on exactly these, and the result put in place
of the file only if it still has the bytes that were read. If it has not, all is done again on what
it has now: another's change is never written over, and ours is made in their text. That is all the
merging there is, since an edit is not a difference of texts but a sentence about a record.
"""

from __future__ import annotations

from collections.abc import Sequence

from gangsaw.sources.protocol import Edit


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
