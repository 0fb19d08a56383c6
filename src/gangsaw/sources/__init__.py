"""Other people's task files: read into plans, and their standing written back.

Rules: every record is a task or is named with its line; no need is guessed without being told;
nothing of a file is changed but the few characters that say how a record stands. Each dialect is a
module of its own behind `protocol.Dialect`, and knows nothing but its text; the registry is the
only place that names them. The room reads and writes task files and does nothing else.
"""

from gangsaw.sources.assembling import Expected, SourceRead, read_documents
from gangsaw.sources.place import (
    Home,
    Source,
    certain_source,
    common_name,
    documents,
    find_source,
    place_in,
)
from gangsaw.sources.programs import read_best
from gangsaw.sources.protocol import (
    About,
    Answer,
    Dialect,
    Document,
    Edit,
    Item,
    Need,
    Reading,
    Remark,
    Report,
    Standing,
    Sure,
)
from gangsaw.sources.registry import NAMES, dialect, dialects, is_phased
from gangsaw.sources.writing import with_edits

__all__ = [
    "NAMES",
    "About",
    "Answer",
    "Dialect",
    "Document",
    "Edit",
    "Expected",
    "Home",
    "Item",
    "Need",
    "Reading",
    "Remark",
    "Report",
    "Source",
    "SourceRead",
    "Standing",
    "Sure",
    "certain_source",
    "common_name",
    "dialect",
    "dialects",
    "documents",
    "find_source",
    "is_phased",
    "place_in",
    "read_best",
    "read_documents",
    "read_source",
    "with_edits",
]


def read_source(source: Source, expected: Expected | None = None) -> SourceRead:
    """The plan of a source, and everything to be told about it. `UserError` where it is no text."""
    return read_best(source, expected)[1]
