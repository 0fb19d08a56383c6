"""Trust in the setup of a repository: which commands, and which files that they name, a person has
agreed to have run.

It is remembered in the control folder, which no commit can change. What is remembered is a digest
of the line and of every file below the repository that one of its words names, so that a change of
either asks again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.git import Repository

FILE_NAME = "trust.json"
VERSION = 1
NEEDS_PERSON = 3
SEPARATORS = ";&|()<>"


@dataclass(frozen=True, slots=True)
class Setup:
    """A setup as it is now: its line, the files it names with their digests, and the digest of all
    of it."""

    line: str
    files: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """Changes with the line and with every named file."""
        text = json.dumps([self.line, self.files])
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Trusted:
    """What somebody agreed to; `by` is who."""

    digest: str
    line: str
    files: tuple[str, ...]
    by: str


def setup_in(folder: Path, line: str) -> Setup:
    """The setup `line` as it would be run in the checkout at `folder`."""
    return _setup(line, lambda name: _content(folder / name))


def setup_of(repo: Repository, line: str) -> Setup:
    """The setup `line` as it would be run in a fresh worktree: with the files of the last commit,
    and where that does not have them, those of the checkout, which may be copied."""
    root = repo.main_root or repo.root

    def content_of(name: str) -> bytes | None:
        shown = repo.git("cat-file", "blob", f"HEAD:{name}", ok=(0, 128))
        return shown.stdout if shown.code == 0 else _content(root / name)

    return _setup(line, content_of)


def _setup(line: str, content_of: Callable[[str], bytes | None]) -> Setup:
    found: dict[str, str] = {}
    for word in _words(line):
        name = word.removeprefix("./")
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts
        if name and inside and (content := content_of(name)) is not None:
            found[name] = hashlib.sha256(content).hexdigest()
    return Setup(line, tuple(sorted(found.items())))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=SEPARATORS)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quote without its end: the shell will complain of it
        return line.split()


def trusted(control: Path) -> tuple[Trusted, ...]:
    """Everything that was agreed to, the oldest first; nothing where the file cannot be read."""
    try:
        known = json.loads((control / FILE_NAME).read_bytes())
        return tuple(
            Trusted(str(e["digest"]), str(e["line"]), tuple(map(str, e["files"])), str(e["by"]))
            for e in known["setups"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def is_trusted(control: Path, setup: Setup) -> bool:
    """Whether somebody agreed to exactly this."""
    return any(entry.digest == setup.digest for entry in trusted(control))


def trust(control: Path, setup: Setup, by: str) -> None:
    """Remember that `by` agreed to it."""
    if not is_trusted(control, setup):
        names = tuple(name for name, _ in setup.files)
        _write(control, (*trusted(control), Trusted(setup.digest, setup.line, names, by)))


def revoke(control: Path) -> int:
    """Forget everything that was agreed to; how much it was."""
    known = trusted(control)
    if (control / FILE_NAME).exists():
        _write(control, ())
    return len(known)


def require_trust(control: Path, setup: Setup, folder: Path | None = None) -> None:
    """`UserError` unless somebody agreed to the setup, which lies in the worktree at `folder`."""
    if is_trusted(control, setup):
        return
    line, where = setup.line, f" --in {shlex.quote(str(folder))}" if folder else ""
    names = ", ".join(name for name, _ in setup.files)
    if any(entry.line == line for entry in trusted(control)):
        raise UserError(
            f"cannot run the setup `{line}`: {names or 'a file of it'} has changed since somebody "
            f"agreed to it; look at it, then: gangsaw trust{where}",
            exit_code=NEEDS_PERSON,
        )
    raise UserError(
        f"cannot run the setup `{line}` of this repository: nobody has agreed to it yet; look at "
        "it, then: gangsaw trust, or gangsaw run --trust-setup",
        exit_code=NEEDS_PERSON,
    )


def _write(control: Path, entries: tuple[Trusted, ...]) -> None:
    shape = {
        "version": VERSION,
        "setups": [
            {"digest": e.digest, "line": e.line, "files": list(e.files), "by": e.by}
            for e in entries
        ],
    }
    content = json.dumps(shape, indent=1).encode()
    durable("engine.trust", lambda: _replace(control / FILE_NAME, content))


def _replace(path: Path, content: bytes) -> None:
    """Write the file whole or not at all, for its owner only."""
    descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=path.parent)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
