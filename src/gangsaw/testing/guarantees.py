"""Generate `docs/guarantees.md`: what is promised, and which tests showed it, with their figures.

    python -m gangsaw.testing.guarantees               write the page from what is recorded
    python -m gangsaw.testing.guarantees --check       only compare (exit code 1: it differs)
    python -m gangsaw.testing.guarantees --proven FILE exit code 1 where a guarantee has no test
                                                       that passed in these results
    python -m gangsaw.testing.guarantees --record FILE put these results into the record and write

The sentences are in `docs/guarantees.toml`, the record in `docs/guarantees.json`. FILE is what a
test run leaves behind: a JSON object a line, with `test`, `outcome`, `guarantees`, `capabilities`,
`figures`, `at` (a date), `long`, `where` and `reason` (why it was skipped).
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[3] / "docs"
ONCE_CHARS = 300
_USAGE = "usage: python -m gangsaw.testing.guarantees [--check | --proven FILE | --record FILE]"
_HEAD = """\
# What gangsaw guarantees

Each guarantee in one sentence, its bound, the tests that prove it with the real program, and the
figures that they printed when they were last recorded. Generated from the results of the tests by
`./dev test --record`; `./dev test` fails when a guarantee has no test that passed.
"""


@dataclass(frozen=True, slots=True)
class Guarantee:
    """One promise; `bound` is the figure that it must keep."""

    id: str
    title: str
    sentence: str
    bound: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one test showed: `figures` are lines of text, `at` is a date, `long` tells the campaigns
    that run only when asked for, `where` is the kind of machine."""

    test: str
    outcome: str
    guarantees: tuple[str, ...]
    figures: tuple[str, ...]
    at: str
    long: bool
    where: str


def read_guarantees(docs: Path) -> tuple[tuple[Guarantee, ...], tuple[str, ...]]:
    """The guarantees, and what is not promised."""
    table = tomllib.loads((docs / "guarantees.toml").read_text(encoding="utf-8"))
    promised = tuple(Guarantee(**entry) for entry in table["guarantee"])
    return promised, tuple(entry["text"] for entry in table["not_promised"])


def read_results(file: Path) -> list[Result]:
    """The results of a run, of tests that name a guarantee."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [found for found in map(_result, map(json.loads, lines)) if found.guarantees]


def _result(entry: dict[str, Any]) -> Result:
    lists = {name: tuple(entry[name]) for name in ("guarantees", "figures")}
    known = {name: entry[name] for name in Result.__slots__}
    return Result(**{**known, **lists})


def read_record(docs: Path) -> list[Result]:
    """What is recorded, sorted; nothing before the first record."""
    file = docs / "guarantees.json"
    if not file.exists():
        return []
    return [_result(entry) for entry in json.loads(file.read_text(encoding="utf-8"))]


def merged(record: list[Result], found: list[Result]) -> list[Result]:
    """The record with these results instead of the same tests' older ones.

    A long campaign's result stays beside that of the short form of the same test. After a whole
    short run, tests that it did not have any more are dropped.
    """
    short = {result.test for result in found}
    kept = {(r.test, r.long): r for r in record if r.long or r.test in short}
    kept |= {(r.test, r.long): r for r in found}
    return [kept[key] for key in sorted(kept)]


def unproven(promised: tuple[Guarantee, ...], found: list[Result]) -> list[str]:
    """Complaints: guarantees without a test that passed, tests of theirs that failed, and tests
    that name a guarantee nobody knows. A test that was skipped shows nothing; of one that ran more
    than once the last result counts."""
    found = list({result.test: result for result in found}.values())
    complaints = [
        f"{name}: {result.outcome}: {result.test}"
        for result in found if result.outcome == "failed" for name in result.guarantees
    ]  # fmt: skip
    proven = {name for result in found if result.outcome == "passed" for name in result.guarantees}
    known = {guarantee.id for guarantee in promised}
    complaints += [f"{name}: no test shows it" for name in sorted(known - proven)]
    complaints += [f"{name}: not in docs/guarantees.toml" for name in sorted(proven - known)]
    return complaints


def page(promised: tuple[Guarantee, ...], denied: tuple[str, ...], record: list[Result]) -> str:
    """The whole page."""
    parts = [_HEAD]
    told: set[str] = set()
    for guarantee in promised:
        shown = [result for result in record if guarantee.id in result.guarantees]
        parts.append("\n".join(_section(guarantee, shown, told)))
    parts.append("\n".join(["## Not promised", "", *(f"- {text}" for text in denied), ""]))
    return "\n".join(parts)


def _section(guarantee: Guarantee, shown: list[Result], told: set[str]) -> Iterator[str]:
    """The lines of one guarantee. What is long is told once on the whole page."""
    yield f"## {guarantee.id}: {guarantee.title}"
    yield ""
    yield f"{guarantee.sentence} Bound: **{guarantee.bound}**."
    yield ""
    for (test, long), cases in _by_test(shown).items():
        campaign = ", long campaign" if long else ""
        many = f"{len(cases)} cases, " if len(cases) > 1 else ""
        yield f"- `{test}` ({many}{cases[0].at}, {cases[0].where}{campaign})"
        figures = sorted({figure for result in cases for figure in result.figures} - told)
        yield from (f"  - {figure}" for figure in figures)
        told |= {figure for figure in figures if len(figure) > ONCE_CHARS}
    if not shown:
        yield "- nothing recorded yet"
    yield ""


def _by_test(shown: list[Result]) -> dict[tuple[str, bool], list[Result]]:
    """The results of each test function, whatever its parameters were."""
    found: dict[tuple[str, bool], list[Result]] = {}
    for result in shown:
        found.setdefault((result.test.partition("[")[0], result.long), []).append(result)
    return found


def write(docs: Path, record: list[Result]) -> None:
    """Write record and page."""
    text = json.dumps([asdict(result) for result in record], indent=1, ensure_ascii=False)
    (docs / "guarantees.json").write_text(text + "\n", encoding="utf-8")
    (docs / "guarantees.md").write_text(_rendered(docs, record), encoding="utf-8")


def _rendered(docs: Path, record: list[Result]) -> str:
    return page(*read_guarantees(docs), record)


def is_up_to_date(docs: Path) -> bool:
    """Whether the page is what it would be written as."""
    file = docs / "guarantees.md"
    return file.exists() and file.read_text("utf-8") == _rendered(docs, read_record(docs))


def main(arguments: list[str]) -> int:
    """The exit code: 0 fine, 1 not up to date or not proven, 2 usage."""
    match arguments:
        case []:
            write(DOCS, read_record(DOCS))
            return 0
        case ["--check"]:
            return 0 if is_up_to_date(DOCS) else _complain(["docs/guarantees.md: ./dev docs"])
        case ["--proven", file]:
            promised, _ = read_guarantees(DOCS)
            complaints = unproven(promised, read_results(Path(file)))
            if not complaints:
                print(f"guarantees: {len(promised)} of {len(promised)} shown by tests of this run")
            return _complain(complaints)
        case ["--record", file]:
            write(DOCS, merged(read_record(DOCS), read_results(Path(file))))
            return 0
        case _:
            return _complain([_USAGE], 2)


def _complain(complaints: list[str], code: int = 1) -> int:
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return code if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
