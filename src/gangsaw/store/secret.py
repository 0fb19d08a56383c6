"""The repository's secret, and the tokens and proofs that are made from it.

An agent's token is the HMAC of its attempt's id under the secret, so nothing is kept for any
attempt. The token is only ever in the agent's environment: a request carries a proof made with it,
which fits that very request and no other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.core.redaction import TOKEN_PREFIX
from gangsaw.store.control import sync_folder

SECRET_NAME = "secret"
SECRET_BYTES = 32
ATTEMPT_FIELD, PROOF_FIELD = "attempt", "proof"
"""Names in the arguments of a request that comes from an agent."""


def repository_secret(control: Path) -> bytes:
    """The secret in the control folder, made on first use, readable by its owner only.

    `UserError` for something else in its place.
    """
    path = control / SECRET_NAME
    found = _read(path)
    if found is None:
        durable("store.secret.make", lambda: _make(path))
        found = _read(path)
    if found is None or len(found) != SECRET_BYTES:
        raise UserError(f"cannot use {path}: it is not the secret that was made; try removing it")
    return found


def token_of(secret: bytes, run: str, attempt: str) -> str:
    """What the agent of this attempt has in its environment; always the same."""
    digest = hmac.new(secret, _bytes(f"{run}\n{attempt}"), hashlib.sha256).hexdigest()
    return TOKEN_PREFIX + digest


def proof_of(token: str, key: str, verb: str, args: dict[str, Any]) -> str:
    """What a request of the token's holder carries; `args` without it."""
    plain = {name: value for name, value in args.items() if name != PROOF_FIELD}
    content = json.dumps([key, verb, plain], sort_keys=True, allow_nan=False)
    return hmac.new(token.encode(), content.encode(), hashlib.sha256).hexdigest()


def proves(secret: bytes, run: str, key: str, verb: str, args: dict[str, Any]) -> bool:
    """Whether the request comes from the attempt that it names."""
    token = token_of(secret, run, str(args.get(ATTEMPT_FIELD, "")))
    wanted = proof_of(token, key, verb, args)
    return hmac.compare_digest(wanted.encode(), _bytes(str(args.get(PROOF_FIELD, ""))))


def _bytes(text: str) -> bytes:
    """Also of half a character, which JSON can hold: a request may say anything."""
    return text.encode("utf-8", "surrogatepass")


def _read(path: Path) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; try removing it") from error
    with os.fdopen(fd, "rb") as file:
        return file.read(SECRET_BYTES + 1)


def _make(path: Path) -> None:
    """Whole or not at all; of two who make it at once, one does."""
    aside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)
