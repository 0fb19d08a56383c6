"""Is an acceptance test a command or prose? Only what can be nothing else is a command.

A wrong "prose" costs a reviewer a look; a wrong "command" runs words of somebody in a shell. So a
test is a command if a file says so, or if every part of it begins with a known program and goes on
with what looks like arguments and not like words of a sentence. What would have a shell run or
write something else (`$(…)`, backticks, redirections) is none, whatever a file says.
"""

from __future__ import annotations

import re
import shlex

COMMAND_MAX = 1_000
"""Characters of a command."""

_RUNNERS = frozenset(
    [
        "pytest", "python", "python3", "mypy", "ruff", "flake8", "pylint", "black", "isort",
        "tox", "nox", "coverage", "bandit", "pyright", "node", "npx", "npm", "pnpm", "yarn",
        "bun", "deno", "tsc", "eslint", "prettier", "jest", "vitest", "playwright", "cargo",
        "rustc", "go", "make", "just", "cmake", "ctest", "ninja", "bazel", "gradle", "./gradlew",
        "mvn", "dotnet", "rake", "bundle", "rspec", "mix", "rebar3", "swift", "php", "phpunit",
        "composer", "uv", "poetry", "hatch", "pre-commit", "bats", "shellcheck", "yamllint",
        "markdownlint", "jsonschema", "pwsh",
    ]
)  # fmt: skip
_SUBCOMMANDS = {
    "npm": "test run ci install start",
    "pnpm": "test run install build lint",
    "yarn": "test run install build lint",
    "bun": "test run install build",
    "deno": "test run check lint fmt",
    "cargo": "test build check clippy fmt run bench",
    "go": "test build vet run fmt generate",
    "dotnet": "test build run format",
    "gradle": "test build check",
    "./gradlew": "test build check",
    "mvn": "test verify package compile",
    "bazel": "test build run",
    "uv": "run sync pip",
    "poetry": "run install check",
    "hatch": "run test",
    "ruff": "check format",
    "coverage": "run report",
    "pre-commit": "run",
    "bundle": "exec",
    "composer": "test install validate",
    "mix": "test compile format",
    "swift": "test build",
    "rake": "test spec",
    "just": "test check lint build ci fmt",
    "make": "test tests check lint build all ci clean install fmt",
    "bats": "test tests",
}
"""The plain words that may follow a program at once; with others behind a word it is a sentence."""

_BEFORE_ANOTHER = {("uv", "run"), ("poetry", "run"), ("bundle", "exec"), ("hatch", "run")}
_FOLDERS = frozenset(["tests", "test", "src", "lib", "docs", "scripts", "app", "core", "all"])
_ODD = re.compile(r"[`$<\n\r\x00]|>(?!\s*/dev/null)")
_SPLIT = re.compile(r"\s*(?:&&|\|\||;|\|)\s*")
_SETTING = re.compile(r"[A-Z_][A-Z0-9_]*=\S*")
_ARGUMENT = re.compile(r"-|.*[/._=:*@\[\]]|\d+$")
_END = re.compile(r"[.!?…]$|[,:]$")


def command_of(test: str) -> str | None:
    """The command that a test is; `None` if it is prose, or if that is not certain."""
    text = test.strip()
    if len(text) > 2 and text[0] == text[-1] == "`" and "`" not in text[1:-1]:
        text = text[1:-1].strip()
    text = re.sub(r"^\$ (?=\S)", "", text)
    if not text or len(text) > COMMAND_MAX or _ODD.search(text):
        return None
    return text if all(_is_command(part) for part in _SPLIT.split(text)) else None


def stated_command(test: str) -> str | None:
    """The command of a test that its file calls one; `None` where it must not reach a shell, is too
    long, or ends like a sentence. Any program may be named."""
    text = test.strip()
    if not text or len(text) > COMMAND_MAX or _ODD.search(text):
        return None
    return text if all(_words_of(part) for part in _SPLIT.split(text)) else None


def _words_of(part: str) -> list[str]:
    """The words of one part between `&&` and the like, without settings before the program; none
    if it ends like a sentence."""
    try:
        words = shlex.split(part)
        raw = part.split()
    except ValueError:
        return []
    while words and _SETTING.fullmatch(words[0]):
        words, raw = words[1:], raw[1:]
    if not words or (_END.search(raw[-1]) and raw[-1] not in (".", "...", "./...")):
        return []
    return words


def _is_command(part: str) -> bool:
    """Whether one part is a program with arguments."""
    words = _words_of(part)
    return bool(words) and _is_call(words)


def _is_call(words: list[str]) -> bool:
    program, rest = words[0], words[1:]
    if program not in _RUNNERS and not program.startswith("./"):
        return False
    known = _SUBCOMMANDS.get(program, "").split()
    if known:
        if not rest or (rest[0] not in known and not rest[0].startswith("-")):
            return program in ("make", "just") and not rest
        if (program, rest[0]) in _BEFORE_ANOTHER:
            return bool(rest[1:]) and _is_call(rest[1:])
        if rest[0] in ("run", "exec") and rest[1:]:
            rest = rest[2:] if re.fullmatch(r"[\w:.-]+", rest[1]) else rest[1:]
        else:
            rest = rest[1:]
    elif program == "npx" and rest:
        return _is_call(rest) or len(rest) == 1
    return _are_arguments(rest)


def _are_arguments(words: list[str]) -> bool:
    """Whether these are arguments: options with a value each, paths, quoted texts; a bare word is
    the name of a usual folder."""
    after_option = False
    for word in words:
        is_option = word.startswith("-")
        is_plain = re.fullmatch(r"[A-Za-z']+[,.;:!?]?", word) is not None
        if not is_option and is_plain and not after_option and word.lower() not in _FOLDERS:
            return False
        is_odd = not (is_option or is_plain or " " in word or _ARGUMENT.match(word))
        if is_odd and not re.fullmatch(r"[\w-]+", word):
            return False
        after_option = is_option and "=" not in word
    return True
