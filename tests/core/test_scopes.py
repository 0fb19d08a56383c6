"""Scopes: what entries cover, and that `overlaps` never misses a common path."""

from __future__ import annotations

import fnmatch
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gangsaw.core.scopes import covers, overlaps, plain_prefix

NAMES = ["a", "b", "ab", "ba", "a.py", "[a]"]
PATHS = ["/".join(parts) for depth in (1, 2, 3) for parts in product(NAMES, repeat=depth)]

PARTS = st.sampled_from(
    ["a", "b", "ab", "*", "?", "a*", "*b", "**", "[ab]", "[!a]", "a?", "*.py", "[a]", "[b-", "?b*"]
)
ENTRIES = st.builds(
    lambda parts, end: "/".join(parts) + end,
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)


@pytest.mark.parametrize(
    ("entry", "path", "expected"),
    [
        ("src/app.py", "src/app.py", True),
        ("src/app.py", "src/app.pyc", False),
        ("src/", "src/deep/app.py", True),
        ("src", "src/deep/app.py", True),
        ("src", "srcs/app.py", False),
        (".", "anything/at/all", True),
        ("./src/", "src/a", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/**/*.py", "src/deep/er/a.py", True),
        ("src/**/*.py", "src/a.py", True),
        ("src/**", "src/a/b", True),
        ("*.md", "docs/guide/a.md", True),
        ("./*.md", "docs/a.md", False),
        ("./*.md", "a.md", True),
        ("src/*/", "src/a/b/c", True),
        ("src/*", "src/a/b", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("app/[id]/page.tsx", "app/[id]/page.tsx", True),
        ("app/[id]/page.tsx", "app/d/page.tsx", True),
        ("x[!0-9]", "xa", True),
        ("x[!0-9]", "x5", False),
        ("x[]]", "x]", True),
        ("x[", "x[", True),
        ("[z-a]", "b", False),
    ],
)
def test_covers(entry: str, path: str, expected: bool) -> None:
    assert covers([entry], path) is expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([], ["src/"], False),
        ([], [], False),
        (["src/list.py"], ["src/list.py"], True),
        (["src/"], ["src/list.py"], True),
        (["src/a/"], ["src/b/"], False),
        (["src/*.py"], ["src/*.md"], False),
        (["src/a*"], ["src/*b"], True),
        (["**/test_*.py"], ["tests/"], True),
        (["src/**/a.py"], ["src/**/b.py"], False),
        (["docs/", "src/x.py"], ["tests/", "src/*.py"], True),
        (["src/[ab].py"], ["src/[c-z].py"], False),
        (["src/[ab].py"], ["src/[b-z].py"], True),
        (["."], ["deep/down/file"], True),
        (["*.md"], ["docs/"], True),
    ],
)
def test_overlaps(a: list[str], b: list[str], expected: bool) -> None:
    assert overlaps(a, b) is expected
    assert overlaps(b, a) is expected


@given(st.lists(ENTRIES, max_size=2), st.lists(ENTRIES, max_size=2))
@settings(max_examples=300, deadline=None)
@example(["**/a"], ["a/**"])
@example(["[a]"], ["?a?"])
def test_overlaps_never_misses_a_common_path(a: list[str], b: list[str]) -> None:
    common = [path for path in PATHS if covers(a, path) and covers(b, path)]
    assert overlaps(a, b) or not common
    assert overlaps(a, b) == overlaps(b, a)


@given(ENTRIES)
@settings(deadline=None)
def test_an_entry_overlaps_itself_and_its_plain_beginning(entry: str) -> None:
    covered = [path for path in PATHS if covers([entry], path)]
    assert overlaps([entry], [entry])
    prefix = list(plain_prefix(entry))
    assert all(path.split("/")[: len(prefix)] == prefix for path in covered)


@given(
    st.sampled_from(["*", "?", "a*", "*b", "a?", "[ab]", "[!a]", "*a*b*"]),
    st.text("ab.", min_size=1),
)
def test_one_part_is_matched_as_fnmatch_does(pattern: str, name: str) -> None:
    if name not in {".", ".."}:
        expected = fnmatch.fnmatchcase(name, pattern)
        assert covers([f"./{pattern}"], name) is expected


def test_precise_where_it_is_simple() -> None:
    paths = [p for p in PATHS if "[" not in p]
    entries = ["a", "a/b", "a/*", "*/b", "a/**", "**/b", "a*", "./*.py", "b/"]
    for x, y in product(entries, repeat=2):
        common = any(covers([x], p) and covers([y], p) for p in paths)
        assert overlaps([x], [y]) is common, (x, y)


def test_long_patterns_end() -> None:
    stars = "/".join(["**", "*a*"] * 60)
    assert overlaps([stars], [stars])
    assert not overlaps(["./" + "*a" * 200 + "x"], ["b" * 2000])
