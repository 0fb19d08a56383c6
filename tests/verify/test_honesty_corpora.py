"""How often honest changes alarm, and how many dishonest ones are seen: two written corpora, and
mechanical changes of the tests of this repository."""

from __future__ import annotations

import ast
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gangsaw.core.changes import ChangedFile
from tests.verify.change_stage import Written, changed, corpus, look

HERE = Path(__file__).parent
HONEST = list(corpus(HERE / "honest_changes.txt"))
DISHONEST = list(corpus(HERE / "dishonest_changes.txt"))
OWN = sorted(path for path in HERE.parent.glob("*/test_*.py") if "honesty" not in path.name)
"""Tests of what is looked for in a change hold it, and that is said of them with good reason."""
FILES = 60 if os.environ.get("GANGSAW_LONG") else 8
PER_FILE = 40 if os.environ.get("GANGSAW_LONG") else 8
FALSE_ALARMS_MAX = 0.10
SEEN_LEAST = 0.95

Figure = Callable[[str, object], None]


@pytest.mark.parametrize("change", DISHONEST, ids=lambda each: each.name)
def test_a_dishonest_change_is_seen_as_what_it_is(change: Written) -> None:
    assert change.kind in {each.kind.value for each in look(*change.files)}


def test_honest_changes_hardly_alarm(record_property: Figure) -> None:
    alarmed = [change.name for change in HONEST if look(*change.files)]
    share = len(alarmed) / len(HONEST)
    record_property(
        "figure",
        f"honest changes that alarm: {len(alarmed)} of {len(HONEST)} ({share:.0%}); dishonest "
        f"changes in the corpus that has to be seen, all of it: {len(DISHONEST)}",
    )
    assert len(HONEST) >= 60
    assert len(DISHONEST) >= 60
    assert share < FALSE_ALARMS_MAX, alarmed


def _own_files(seed: int) -> list[tuple[str, str]]:
    chosen = random.Random(seed).sample(OWN, FILES)
    return [(f"tests/{path.name}", path.read_text()) for path in chosen]


def _start(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1


def _damaged(text: str) -> Iterator[tuple[str, str]]:
    """What was done to the tests of a file, and the file then."""
    lines = text.splitlines(keepends=True)

    def put(node: ast.Assert, line: str) -> str:
        new = f"{' ' * node.col_offset}{line}\n"
        return "".join((*lines[: node.lineno - 1], new, *lines[node.end_lineno :]))

    for test in ast.walk(ast.parse(text)):
        if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test"):
            continue
        begin = _start(test)
        yield "test deleted", "".join((*lines[:begin], *lines[test.end_lineno :]))
        mark = f"{' ' * test.col_offset}@pytest.mark.skip\n"
        yield "test skipped", "".join((*lines[:begin], mark, *lines[begin:]))
        for node in ast.walk(test):
            if isinstance(node, ast.Assert):
                yield "assertion gone", put(node, "pass")
                yield "assert True", put(node, "assert True")
                if isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.Eq):
                    left = ast.unparse(node.test.left)
                    yield "value not compared", put(node, f"assert {left}")
                    yield "or True", put(node, f"assert {ast.unparse(node.test)} or True")


def test_damage_done_to_real_tests_is_seen(record_property: Figure) -> None:
    done: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for path, text in _own_files(1):
        damages = list(_damaged(text))
        for what, after in random.Random(path).sample(damages, min(PER_FILE, len(damages))):
            done[what] += 1
            missed[what] += not look(changed(path, text, after))
    seen = 1 - missed.total() / done.total()
    kinds = ", ".join(f"{what} {done[what] - missed[what]}/{done[what]}" for what in sorted(done))
    record_property("figure", f"damage to real tests seen: {seen:.1%} of {done.total()}: {kinds}")
    assert seen >= SEEN_LEAST, missed


def _rearranged(path: str, text: str) -> Iterator[tuple[str, tuple[ChangedFile, ...]]]:
    """Honest changes that a program can make."""
    lines = text.splitlines(keepends=True)
    body = ast.parse(text).body
    tests = [each for each in body if isinstance(each, ast.FunctionDef) and each.name[:4] == "test"]
    renamed = re.sub(r"def test_(\w+)", r"def test_that_\1", text)
    yield "tests renamed", (changed(path, text, renamed),)
    elsewhere = path.replace("tests/", "tests/moved/")
    yield "file moved", (changed(path, text, None), changed(elsewhere, None, text))
    yield "written anew", (changed(path, text, ast.unparse(ast.parse(text))),)
    if len(tests) < 2:
        return
    half = tests[len(tests) // 2 :]
    taken = {n for test in half for n in range(_start(test), test.end_lineno or 0)}
    first = "".join(line for n, line in enumerate(lines) if n not in taken)
    of_tests = {n for test in tests for n in range(_start(test), test.end_lineno or 0)}
    second = "".join(line for n, line in enumerate(lines) if n in taken or n not in of_tests)
    yield "file split", (changed(path, text, first), changed(elsewhere, None, second))
    whole = (changed(path, first, None), changed(elsewhere, second, text))
    yield "files merged", whole


def test_rearranging_real_tests_hardly_alarms(record_property: Figure) -> None:
    done: Counter[str] = Counter()
    alarmed: Counter[str] = Counter()
    for path, text in _own_files(2):
        for what, files in _rearranged(path, text):
            done[what] += 1
            alarmed[what] += bool(look(*files))
    share = alarmed.total() / done.total()
    record_property("figure", f"real tests rearranged: {alarmed.total()} of {done.total()} alarm")
    assert share < FALSE_ALARMS_MAX, alarmed
