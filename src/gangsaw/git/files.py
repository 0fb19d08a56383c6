"""Small files of our own in the control folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_synced(path: Path, content: bytes) -> None:
    """Write the file whole or not at all, and onto the disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=path.parent)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
