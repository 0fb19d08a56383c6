"""What the files of a checkout take, by the index of the one that is there."""

from __future__ import annotations

from gangsaw.git.index_file import read_plain
from gangsaw.git.repository import Repository

INDEX_BYTES_MAX = 64 * 1024 * 1024
"""A larger index is not read for this."""
HASH_SIZES = (20, 32)
MEGA = 1024 * 1024


def checkout_mb(repo: Repository) -> int:
    """What the files that git knows of take in the user's checkout, in MB, rounded up; 0 where
    there is no checkout, or its index is none that is read here."""
    index = repo.git_dir / "index"
    try:
        if repo.bare or index.stat().st_size > INDEX_BYTES_MAX:
            return 0
        content = index.read_bytes()
    except OSError:
        return 0
    for hash_size in HASH_SIZES:
        files = read_plain(content, hash_size)
        if files is not None:
            return -(-sum(file.size for file in files) // MEGA)
    return 0
