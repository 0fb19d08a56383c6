"""The repository's secret: made once, private, and proofs that fit one request only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gangsaw.core.errors import UserError
from gangsaw.store.secret import SECRET_BYTES, proof_of, proves, repository_secret, token_of


def test_it_is_made_once_however_many_want_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: repository_secret(tmp_path), range(64)))
    assert len(found) == 1
    assert len(found.pop()) == SECRET_BYTES
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_something_else_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(UserError, match="try removing it"):
        repository_secret(tmp_path)
    (tmp_path / "secret").unlink()
    (tmp_path / "elsewhere").write_bytes(b"x" * SECRET_BYTES)
    (tmp_path / "secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="try removing it"):
        repository_secret(tmp_path)


def test_a_proof_fits_its_request_and_no_other() -> None:
    secret = b"s" * SECRET_BYTES
    args = {"attempt": "a.1", "text": "x", "paths": ["é"]}
    token = token_of(secret, "r1", "a.1")
    proved = args | {"proof": proof_of(token, "k", "claim", args)}
    assert proves(secret, "r1", "k", "claim", proved)
    for run, key, verb, more in (
        ("r2", "k", "claim", {}),
        ("r1", "other", "claim", {}),
        ("r1", "k", "done", {}),
        ("r1", "k", "claim", {"text": "y"}),
        ("r1", "k", "claim", {"attempt": "b.1"}),
        ("r1", "k", "claim", {"proof": ""}),
        ("r1", "k", "claim", {"proof": "é"}),
        ("r1", "k", "claim", {"proof": None}),
        ("r1", "k", "claim", {"proof": "\ud800"}),
        ("r1", "k", "claim", {"attempt": "\ud800"}),
    ):
        assert not proves(secret, run, key, verb, proved | more)
    assert token not in str(proved)
    assert token_of(b"t" * SECRET_BYTES, "r1", "a.1") != token != token_of(secret, "r1", "a.2")
