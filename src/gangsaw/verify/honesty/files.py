"""Which files hold tests, and in which language."""

from __future__ import annotations

import re
from enum import StrEnum


class Language(StrEnum):
    """Languages whose tests are understood."""

    PYTHON = "python"
    SCRIPT = "script"
    GO = "go"
    RUST = "rust"
    JAVA = "java"
    RUBY = "ruby"


_ENDS = {
    ".py": Language.PYTHON,
    **dict.fromkeys(
        (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"),
        Language.SCRIPT,
    ),
    ".go": Language.GO,
    ".rs": Language.RUST,
    **dict.fromkeys((".java", ".kt", ".cs", ".scala", ".groovy", ".php"), Language.JAVA),
    ".rb": Language.RUBY,
}
_FOLDERS = frozenset(("tests", "test", "__tests__", "spec", "specs", "testing", "e2e"))
_NAMES = re.compile(
    r"test_.*|.*_tests?\.\w+|.*[._-](?:test|spec|cy)\.\w+|.*(?:Test|Tests|Spec|IT)\.\w+"
    r"|conftest\.py|tests?\.\w+|.*_spec\.rb|doctest_.*"
)
_RUST_TESTS = re.compile(r"#\[(?:\w+::)?test\b|#\[cfg\(test\)\]|#\[rstest")


def language_of(path: str) -> Language | None:
    """The language of a file by its name, where its tests are understood."""
    dot = path.rfind(".")
    return _ENDS.get(path[dot:].lower()) if dot > 0 else None


def is_test_path(path: str) -> bool:
    """Whether a file holds tests, by its place and name."""
    *folders, name = path.split("/")
    return not _FOLDERS.isdisjoint(folders) or _NAMES.fullmatch(name) is not None


def holds_tests(path: str, text: str) -> bool:
    """Whether a file holds tests; those of Rust may stand in the file that they test."""
    if is_test_path(path):
        return True
    return language_of(path) is Language.RUST and _RUST_TESTS.search(text) is not None
