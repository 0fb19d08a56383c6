"""Secrets, large and binary files, links that leave the tree, markers of conflicts, modes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator

from gangsaw.core.changes import EXECUTABLE_MODE, LINK_MODE, Change, ChangedFile
from gangsaw.core.honesty import Concern, ConcernKind
from gangsaw.core.redaction import pairs_in, secrets_among
from gangsaw.verify.honesty.lines import added_lines

PER_FILE_MAX = 5
"""Concerns of one kind about one file."""

_EXAMPLE = re.compile(r"EXAMPLE|example|dummy|DUMMY|placeholder|xxxx|XXXX|\.\.\.|…|<[^>]+>")
_SHAPES = re.compile(
    r"gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[\w-]{30,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}"
    r"|[rs]k_live_[A-Za-z0-9]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|hooks\.slack\.com/services/T\w+/B\w+/\w{16,}|sk-ant-[\w-]{20,}|sk-proj-[\w-]{20,}"
)
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://(?P<user>[^\s/@:]{1,80}):(?P<word>[^\s/@$'\"{}<>*%]{8,})"
    r"@(?P<host>[\w.-]+)"
)
_COMMON = frozenset(("password", "postgres", "changeme", "secret", "passw0rd", "pass1234"))
_ENV_FILE = re.compile(r"(?:^|/)(?:\.env(?:\.[\w-]+)?|[\w-]+\.env|\.envrc|\.netrc|\.pypirc)$")
_EXAMPLE_ENDS = (".example", ".sample", ".template", ".dist")
_MARKER = re.compile(r"(?:<{7}|>{7}|\|{7})(?:\s|$)")
_ENV_KEPT_MIN = 12
_KEPT_OUT = ".git"


def content_concerns(
    change: Change, large_bytes: int, named_in: Callable[[str], str]
) -> Iterator[Concern]:
    """What the files of the change hold that should not land. `named_in` names a known secret in a
    text, or a text that looks like one."""
    for file in change.files:
        yield from _of_secrets(file, named_in, "")
        yield from _of_size(file, large_bytes)
        yield from _of_links(file)
        yield from _of_markers(file)
        yield from _of_mode(file)
    for file in change.passing:
        yield from _of_secrets(file, named_in, ", in a commit before the last")


def _first(found: Iterable[Concern]) -> list[Concern]:
    return [each for each, _ in zip(found, range(PER_FILE_MAX), strict=False)]


def _of_secrets(file: ChangedFile, named_in: Callable[[str], str], where: str) -> Iterator[Concern]:
    yield from _first(_secret_lines(file, named_in, where))


def _secret_lines(
    file: ChangedFile, named_in: Callable[[str], str], where: str
) -> Iterator[Concern]:
    for number, line in added_lines(file):
        name = named_in(line) or _by_shape(line)
        if not name and _is_env_file(file.path):
            pairs = secrets_among(pairs_in(line))
            name = next((f"a value for {each}" for each, value in pairs if _is_value(value)), "")
        if name:
            # Never the line itself: what is told is kept.
            yield Concern(ConcernKind.SECRET, file.path, number, f"holds {_named(name)}{where}")
            if where:
                return


def _by_shape(line: str) -> str:
    address = _ADDRESS.search(line)
    if address and not _is_common(address["user"], address["word"], address["host"]):
        return "a password within an address"
    found = _SHAPES.search(line)
    return "what looks like a key or token" if found and not _EXAMPLE.search(found[0]) else ""


def _is_common(user: str, word: str, host: str) -> bool:
    """Whether it is one that everybody uses where nothing is to be guarded."""
    nowhere = "." not in host or host.startswith("127.")
    return word.lower() in _COMMON or word == user or nowhere or bool(_EXAMPLE.search(word))


def _named(name: str) -> str:
    return name if " " in name else f"the value of {name}"


def _is_env_file(path: str) -> bool:
    return bool(_ENV_FILE.search(path)) and not path.endswith(_EXAMPLE_ENDS)


def _is_value(value: str) -> bool:
    return len(value) >= _ENV_KEPT_MIN and not _EXAMPLE.search(value) and "$" not in value


def _of_size(file: ChangedFile, large_bytes: int) -> Iterator[Concern]:
    before, after = file.before, file.after
    if after is None:
        return
    if after.size > large_bytes and (before is None or after.size > before.size):
        kb = -(-after.size // 1000)
        text = f"has {kb:,} kB, more than {large_bytes // 1000:,}"
        yield Concern(ConcernKind.LARGE_FILE, file.path, 0, text)
    if after.is_binary:
        what = "is changed" if before is not None else "is new"
        yield Concern(ConcernKind.BINARY, file.path, 0, f"{what}, and no text")


def _of_links(file: ChangedFile) -> Iterator[Concern]:
    after = file.after
    if after is None or after.mode != LINK_MODE or after.content is None:
        return
    target = after.content.decode("utf-8", "surrogateescape")
    shown = target.encode("utf-8", "replace").decode()
    if leaves_tree(file.path, target):
        yield Concern(ConcernKind.LINK_OUT, file.path, 0, f"is a link to {shown}")


def leaves_tree(path: str, target: str) -> bool:
    """Whether a symbolic link at `path` leads out of the repository, or into git's own folder."""
    if target.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]|\\", target):
        return True
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    first = reached.split("/")[0]
    # A way that leaves the tree and comes back depends on where the checkout lies.
    depth = len(posixpath.dirname(path).split("/")) if "/" in path else 0
    for part in target.split("/"):
        depth += -1 if part == ".." else int(part not in ("", "."))
        if depth < 0:
            return True
    return first in ("..", _KEPT_OUT)


def _of_markers(file: ChangedFile) -> Iterator[Concern]:
    yield from _first(
        Concern(ConcernKind.CONFLICT_MARKERS, file.path, number, "has a marker of a conflict")
        for number, line in added_lines(file)
        if _MARKER.match(line)
    )


def _of_mode(file: ChangedFile) -> Iterator[Concern]:
    before, after = file.before, file.after
    if after is None or after.mode != EXECUTABLE_MODE or after.content is None:
        return
    was = before is not None and before.mode == EXECUTABLE_MODE
    if not was and not after.content.startswith((b"#!", b"\x7fELF", b"MZ")):
        text = "is executable now, and begins with no #!"
        yield Concern(ConcernKind.EXECUTABLE, file.path, 0, text)
