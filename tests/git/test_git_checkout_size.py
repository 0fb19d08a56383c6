"""What the files of the user's checkout take."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gangsaw.git import checkout_mb, open_repository

MEGA = 1024 * 1024
WHO = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
COMMIT = (*WHO, "commit", "-q", "--allow-empty", "-m", "first")


@pytest.mark.parametrize("hashes", ["sha1", "sha256"])
@pytest.mark.parametrize(("size", "found"), [(0, 0), (1, 1), (MEGA, 1), (MEGA + 1, 2)])
def test_the_files_that_git_knows_of_count(
    tmp_path: Path, hashes: str, size: int, found: int
) -> None:
    git(tmp_path, "init", "-q", "-b", "main", f"--object-format={hashes}")
    (tmp_path / "known").write_bytes(b"x" * size)
    git(tmp_path, "add", "known")
    git(tmp_path, *COMMIT)
    (tmp_path / "unknown").write_bytes(b"x" * MEGA)
    assert checkout_mb(open_repository(tmp_path)) == found


def test_without_a_checkout_or_with_an_odd_index_there_is_nothing_to_tell(tmp_path: Path) -> None:
    bare, fresh, odd = tmp_path / "bare", tmp_path / "fresh", tmp_path / "odd"
    git(tmp_path, "init", "-q", "-b", "main", str(odd))
    git(odd, *COMMIT)
    git(tmp_path, "clone", "-q", "--bare", str(odd), str(bare))
    git(tmp_path, "clone", "-q", "--no-checkout", str(odd), str(fresh))
    (odd / ".git" / "index").write_bytes(b"DIRC and nothing of the kind")
    assert [checkout_mb(open_repository(folder)) for folder in (bare, fresh, odd)] == [0, 0, 0]


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
