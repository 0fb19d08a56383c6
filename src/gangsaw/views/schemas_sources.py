"""The schema of what is printed about task files and commits."""

from __future__ import annotations

from gangsaw.core.standing import Standing
from gangsaw.views.schema_parts import (
    COMMIT,
    TEXT,
    TRUTH,
    VERSION,
    WHOLE,
    Schema,
    about,
    listed,
    table,
)

_STANDING: Schema = {"enum": [each.value for each in Standing]}


def sync_schema() -> Schema:
    """`gangsaw sync --json`."""
    record = table(record=TEXT, commit=COMMIT)
    source = table(
        source=TEXT, dialect=TEXT, commits=about("how many were read", WHOLE),
        changed=about("the file is (or would be) another now", TRUTH),
        marks=listed(
            table(record=TEXT, standing=_STANDING, commit=COMMIT, file=TEXT, line=WHOLE)
        ),
        kept=about("settled otherwise in the file, and left alone",
                   listed(table(record=TEXT, standing=_STANDING))),
        named=about("commits name them and do not say that they are done", listed(record)),
        begun=listed(record),
        taken_back=about("done once, and reverted or undone since", listed(record)),
        unknown=about("no such record", listed(record)),
        refused=about("why a file could not be written", listed(TEXT)),
    )  # fmt: skip
    return table(
        schema_version=VERSION, dry_run=TRUTH,
        left_out=about("files that were not looked at, and why", listed(TEXT)),
        unclear=about("words that may be of several files, and mark nothing", listed(TEXT)),
        sources=listed(source),
    )  # fmt: skip
