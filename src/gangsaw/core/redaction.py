"""Secrets: which values are ones, and texts and bytes without them. Pure.

A secret is known by the name it goes by (`API_KEY`, `db_password`), by the shape of its value where
that is unmistakable, or as the password within an address. Its other forms (base64, JSON strings,
addresses, shell quotes) are taken out as well. What a program takes apart, letter by letter or by a
cipher, nobody can recognise.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

SECRET_MIN = 8
"""Length from which a value is taken for a secret; shorter ones occur everywhere by chance."""

LINE_MIN = 16
"""Length from which a single line of a secret of several lines is taken by itself."""

CUT_MIN = 10
"""Length from which a piece of a secret is known for one at the end of a text that was cut."""

VALUE_MAX = 32_768
"""Characters of a value that are looked at; nobody has a longer secret."""

REDACTED = "[secret]"
"""What stands for a secret: as long as the shortest of them."""

SHAPED = "what looks like a key or token"

TOKEN_PREFIX = "gangsaw-token-"
"""What an attempt's token begins with: there is one for each attempt, so they are known by their
shape and not one by one."""
TOKEN_DIGITS = 64

_WORDS = frozenset(
    [
        "key",
        "keys",
        "token",
        "tokens",
        "secret",
        "secrets",
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "pass",
        "pwd",
        "credential",
        "credentials",
        "creds",
        "auth",
        "apikey",
        "pat",
        "accesskey",
        "secretkey",
        "privatekey",
        "authtoken",
        "accesstoken",
        "signingkey",
    ]
)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_HARMLESS = re.compile(
    r"(?:OLD)?PWD|GIT_CONFIG_KEY_[0-9]+|.*(?:_FILE|_PATH|_DIR|_SOCK|_NAME|_ID|_URL|_COUNT|_TTL)"
    r"|MAX_.*TOKENS|.*_TOKENS?_(?:LIMIT|MAX)",
    re.IGNORECASE,
)
_SHAPED = re.compile(
    r"sk-(?=[\w-]*[0-9])(?=[\w-]*[A-Z])[\w-]{20,}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{12,}|AIza[\w-]{30,}|npm_[A-Za-z0-9]{30,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*"
)
_TOKEN = re.compile(rf"{TOKEN_PREFIX}[0-9a-f]{{8,{TOKEN_DIGITS}}}")  # whole, or cut at its end
_WHOLE_TOKEN = re.compile(rf"{TOKEN_PREFIX}[0-9a-f]{{{TOKEN_DIGITS}}}".encode())
_IN_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/@:]*:([^\s/@]+)@")
_PLACE = re.compile(r"(?:~|\.{0,2})/[\w./ -]*\Z")
_PLAIN_VALUE = re.compile(r"true|false|none|null|disabled|enabled|required|optional", re.I)
_PAIR = re.compile(
    r"""^[ \t]*(?:export[ \t]+|set[ \t]+)?["']?"""
    r"""(?:([A-Za-z_/][^\s="']*)["']?[ \t]*=|([A-Za-z_][\w.-]*)["']?:(?=\s))[ \t]*"""
    r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^\n]*)""",
    re.MULTILINE,
)
# From the beginning of a word only: else a word of a megabyte is read from each of its letters.
_INNER_PAIR = re.compile(
    r"""(?<![\w.-])([A-Za-z_][\w.-]*)["']?\s*[=:]\s*("(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
)
_STANDS_FOR = re.compile(r"\[secret-*\]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def is_secret_name(name: str) -> bool:
    """Whether a variable or setting of this name holds a secret, as far as a name tells."""
    if _HARMLESS.fullmatch(name):
        return False
    return any(part.lower() in _WORDS for part in _PARTS.findall(name))


def secrets_among(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Name and value of the secrets among named values; passwords within addresses by their own."""
    for name, text in pairs:
        value = text[:VALUE_MAX]
        for found in _IN_ADDRESS.finditer(value):
            yield from ((name, part) for part in {found[1], unquote(found[1])})
        named = (
            is_secret_name(name) and not _PLACE.match(value) and not _PLAIN_VALUE.fullmatch(value)
        )
        if named or _SHAPED.fullmatch(value):
            yield name, value


def pairs_in(text: str) -> Iterator[tuple[str, str]]:
    """The named values of a settings file, whatever its dialect: `.env`, INI, TOML, `.npmrc`."""
    for found in _PAIR.finditer(text):
        name = (found[1] or found[2]).rpartition(":")[2]
        yield name, _unquoted(found[3].strip())
    for found in _INNER_PAIR.finditer(text):
        yield found[1], _unquoted(found[2])


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) > 1 and value[0] == value[-1] == '"':
        inner = value[1:-1]
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), inner)
    return re.split(r"\s+#", value, maxsplit=1)[0].strip()


class Redactor:
    """Takes a set of secrets out of texts and bytes. Doing it twice is doing it once."""

    __slots__ = ("_forms", "_names", "_raw", "_tokens", "longest")

    def __init__(self, secrets: Iterable[tuple[str, str]] = (), *, tokens: bool = False) -> None:
        """`secrets` are names and values; values that are too short are left out. `tokens`: the
        tokens of attempts are secrets too. `longest` is the length of the longest form, in
        bytes."""
        self._tokens = tokens
        names: dict[str, str] = {}
        for name, value in secrets:
            kept = value.strip()
            if len(kept) >= SECRET_MIN:
                names.setdefault(kept, name)
        self._names: Mapping[str, str] = names
        forms = {form for value in names for form in forms_of(value)}
        # The longest first: a short form may be a part of a long one.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._raw = [_bytes(form) for form in self._forms]
        token = len(TOKEN_PREFIX) + TOKEN_DIGITS if tokens else 0
        self.longest = max(token, *map(len, self._raw), 0)

    def __bool__(self) -> bool:
        """Whether there is anything to take out."""
        return bool(self._forms) or self._tokens

    def text(self, text: str) -> str:
        """`text` with `REDACTED` for every secret, also for one that is cut off at either end."""
        if not self or not text:
            return text
        if self._tokens:
            text = _TOKEN.sub(REDACTED, text)
        for form in self._forms:
            if form in text:
                text = text.replace(form, REDACTED)
        return _STANDS_FOR.sub(REDACTED, self._without_ends(text))

    def _without_ends(self, text: str) -> str:
        """The text without half a secret at its beginning or end, where somebody has cut it."""
        body = text.rstrip("…\n ")
        tail = body[-self.longest :]
        for form in self._forms:
            if form[:CUT_MIN] in tail and (cut := _overlap(tail, form)):
                text = body[:-cut] + REDACTED + text[len(body) :]
                break
        rest = text.lstrip("…\n ")
        head = rest[: self.longest]
        for form in self._forms:
            if form[-CUT_MIN:] in head and (cut := _overlap(form, head)):
                return text[: len(text) - len(rest)] + REDACTED + rest[cut:]
        return text

    def blank(self, raw: bytes) -> bytes:
        """`raw` with every secret overwritten, its length kept."""
        for form in self._raw:
            if form in raw:
                raw = raw.replace(form, blank_of(len(form)))
        return _WHOLE_TOKEN.sub(lambda found: blank_of(len(found[0])), raw) if self._tokens else raw

    def named_in(self, text: str, *, by_shape: bool = False) -> str:
        """The name of the first secret whose value stands in the text as it is, or nothing. With
        `by_shape`, what is a secret by its very shape goes by the name of `SHAPED`."""
        found = next((name for value, name in self._names.items() if value in text), "")
        if self._tokens and _TOKEN.search(text):
            found = found or "the token of an attempt"
        return found or (SHAPED if by_shape and _SHAPED.search(text) else "")


def blank_of(length: int) -> bytes:
    """What is written over a secret of so many bytes (`SECRET_MIN` or more) in a file."""
    return b"[secret" + b"-" * (length - len(REDACTED)) + b"]"


def forms_of(value: str) -> Iterator[str]:
    """The ways in which a value may stand in a text: as it is, and as common programs write it."""
    yield value
    for line in value.splitlines() if "\n" in value else ():
        if len(line.strip()) >= LINE_MIN and not line.startswith("-----"):
            yield line.strip()
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield once.replace("/", "\\/")
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
    for encoded in (quote(_bytes(value), safe=""), quote(_bytes(value)), quote_plus(_bytes(value))):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)
    yield value.replace("'", "'\\''")
    yield re.sub(r'([\\"$`])', r"\\\1", value)
    yield repr(value)[1:-1]
    yield from _base64_forms(_bytes(value))
    yield _bytes(value).hex()
    yield _bytes(value).hex().upper()


def _base64_forms(raw: bytes) -> Iterator[str]:
    """In base64 by itself, and as the middle of something longer, wherever it begins in that."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        yield whole
        if len(whole.rstrip("=")) >= SECRET_MIN:
            yield whole.rstrip("=")
        for before in range(3):
            # The first and the last character also depend on what stands beside the secret.
            text = encode(b"\0" * before + raw).decode().rstrip("=")
            first = -(-before * 8 // 6)
            last = (before + len(raw)) * 8 // 6
            if last - first >= SECRET_MIN:
                yield text[first:last]


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _overlap(before: str, after: str) -> int:
    """How many characters the end of `before` shares with the beginning of `after`; 0 where they
    are too few to tell."""
    for length in range(min(len(before), len(after)), CUT_MIN - 1, -1):
        if before[-length:] == after[:length]:
            return length
    return 0
