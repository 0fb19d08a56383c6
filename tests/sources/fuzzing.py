"""Texts that no one would write, made from those of the corpus, and what must hold for any text.

`python -m tests.sources.fuzzing [DIALECT …] [--inputs N] [--seed S]` is the long campaign: every
text is read, one of `JUDGED_EVERY` is judged by everything. It prints, for each dialect, the text
that took the most time of the processor and how much memory it all took, and ends with 1 where one
took more than `READ_CPU_MAX_S`, or broke something: that text is then in a file to look at.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from gangsaw.core.errors import UserError
from gangsaw.sources import (
    NAMES,
    Document,
    Item,
    Report,
    Standing,
    dialect,
    read_documents,
    with_edits,
)
from gangsaw.sources.lines import lines_of
from tests.sources.corpus import cases

TEXT_MAX = 20_000
"""Characters of a text."""

HANG_CPU_S = 60.0
"""Of processor time: what takes that long will never end."""

READ_CPU_MAX_S = 1.0
"""Of processor time, for one step with one text: what a campaign wants."""

JUDGED_EVERY, TOGETHER_EVERY, FULL_EVERY, TRACED_EVERY = 10, 16, 100, 500
"""Of so many texts one is judged by everything, read together with others, made as long as can be,
or read with all its memory counted."""

HOSTILE = [
    "", " ", "\t", "\r", "\r\n", "\n", "\n\n", "\x00", "\x0b", "\u2028", "\ufeff", "\u202e", "é",
    "🔄", "- [ ] ", "- [x] ", "\xa0", "\u3000", "[", "]", "(", ")", "**", "`", "```", "~~~",
    "<!--", "-->", "#",
    "### ", "|", "| a | b |", "T001", "T001-T999", "T000001", "(depends on ", "(depends on T001)",
    " — Deps: ", "[P]", "[US1]", "[IMP-A]", "## Phase 2: x", "### **Group A: x**",
    "### **Group B: y** [DONE]", "**Prerequisites:** Group A-Z complete", "1. **Track 1: x**",
    "(after Track 1-9)", "→", "[DONE]", "### FIX-001: x", "**Status:** ", "**File:** ", "Open",
    "{", "}", '"', ":", ",", "\\", "&a *a", "## Issue #1", "#1", "#2-9", "Issues 1, 2 and 3", " → ",
    "A --> B", "```mermaid", "├── #2", "depends on #1", "blocks all", "| Issue | Depends on |",
    "## Phase 1", "`npm test` passes", "Owner Issue", "Per Issue", "src/{a,b}.py",
]  # fmt: skip

ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2.5, 1e308, 10**30, "", " ", "\x00", "\ud800", "1", "1.1",
    "x" * 999,
    [], {}, [[]], [{}], {"": None}, [None], ["1", 1, "1"], {"id": 1}, [{"id": "1"}],
]  # fmt: skip
"""What a field of JSON may be where nobody expects it."""

PATHS = {
    "planning": (
        "x/implementation-plan.md", "x/dependency-graph.md", "x/file-ownership.md",
        "x/verification-checklist.md", "x/integration-plan.md", "x/contracts.ts",
    ),
    "github": ("x/issues.json", "x/60/sub_issues.json", "x/62/dependencies/blocked_by.json"),
    "backlog": ("backlog/tasks/task-1 - a.md", "backlog/completed/task-2 - b.md"),
    "workstreams": ("workstreams/a.json", "workstreams/b.json"),
    "beads": (".beads/issues/a.jsonl", ".beads/issues/b.jsonl"),
}  # fmt: skip
"""Names by which a dialect tells its files apart; texts of all others have any."""

OTHER_PATHS = ("some/file.md",)

STANDINGS = (Standing.DONE, Standing.RUNNING, Standing.OPEN)


class Hung(Exception):
    """An input that would never have been read to its end."""


@contextmanager
def hang_guard() -> Iterator[None]:
    """Raise `Hung` where something takes a minute of the processor."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hung

    former = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


@dataclass(slots=True)
class Slowest:
    """The step that took the most time of the processor, and how long its text was."""

    cpu_s: float = 0.0
    step: str = ""
    chars: int = 0
    text: str = field(default="", repr=False)

    @contextmanager
    def timed(self, step: str, text: str) -> Iterator[None]:
        began = time.thread_time()
        yield
        took = time.thread_time() - began
        if took > self.cpu_s:
            self.cpu_s, self.step, self.chars, self.text = took, step, len(text), text


def seeds_of(name: str) -> list[str]:
    """All texts of a dialect in the corpus."""
    texts = []
    for case in cases(name):
        try:
            texts += [text.text for text in case.texts()]
        except UserError:
            continue
    return texts


def made(rng: Random, own: list[str], others: list[str]) -> str:
    """A text to read: one of `own` with something done to it."""
    text = rng.choice(own)
    revalued = _revalued(rng, text) if text.lstrip()[:1] in ("{", "[") else None
    if revalued is not None and rng.randrange(3):
        text = revalued
        if rng.randrange(3):
            return text[:TEXT_MAX]
    text = mutated(rng, text, others)
    return lengthened(rng, text, own) if rng.randrange(FULL_EVERY) == 0 else text


def mutated(rng: Random, text: str, others: list[str]) -> str:
    """The text with some lines and characters moved, doubled, lost, or taken from elsewhere."""
    for _ in range(rng.randint(1, 6)):
        at, to = sorted(rng.randint(0, len(text)) for _ in range(2))
        other = rng.choice(others)
        match rng.randrange(6):
            case 0:
                text = text[:at] + rng.choice(HOSTILE) + text[at:]
            case 1:
                text = text[:at] + text[min(to, at + 200) :]
            case 2:
                text = text[:to] + text[at : min(to, at + 500)] + text[to:]
            case 3:
                lines = text.split("\n")
                rng.shuffle(lines)
                text = "\n".join(lines)
            case 4:
                start = rng.randint(0, len(other))
                text = text[:at] + other[start : start + 500] + text[at:]
            case _:
                text = text[:at] + rng.choice(HOSTILE) * rng.randint(1, 30) + text[at:]
    return text[:TEXT_MAX]


def lengthened(rng: Random, text: str, own: list[str]) -> str:
    """The text made as long as can be: of itself, of some of its lines, or of others."""
    if not text:
        return text
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    piece = "".join(lines[at : at + rng.randint(1, 8)])
    match rng.randrange(3):
        case 0:
            return (text * (TEXT_MAX // len(text) + 1))[:TEXT_MAX]
        case 1:
            middle = piece * (max(0, TEXT_MAX - len(text)) // len(piece))
            return "".join(lines[:at]) + middle + "".join(lines[at:])
        case _:
            while len(text) < TEXT_MAX:
                text += rng.choice(own) or "\n"
            return text[:TEXT_MAX]


def _revalued(rng: Random, text: str) -> str | None:
    """JSON with some values lost, doubled, or of another kind, in lines or whole; `None` where the
    text is no JSON."""
    try:
        return json.dumps(_shaken(rng, json.loads(text)), indent=rng.choice([None, 1, 2]))
    except RecursionError:
        return None
    except ValueError:
        pass
    try:
        values = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        return None
    return "".join(json.dumps(each) + "\n" for each in _shaken(rng, values) or [])


def _shaken(rng: Random, value: Any) -> Any:
    homes = list(_homes(value))
    for _ in range(rng.randint(1, 5) if homes else 0):
        home = rng.choice(homes)
        keys: list[Any] = list(home) if isinstance(home, dict) else list(range(len(home)))
        if not keys:
            continue
        key, other = rng.choice(keys), rng.choice(homes)
        match rng.randrange(6):
            case 0:
                del home[key]
            case 1 if isinstance(home, dict):
                home[rng.choice(HOSTILE) or str(key).upper()] = home.pop(key)
            case 2 if isinstance(home, list):
                home += [json.loads(json.dumps(home[key]))] * rng.randint(1, 5)
            case 3:
                home[key] = json.loads(json.dumps(other))
            case 4:
                home[key] = rng.choice(HOSTILE) * rng.randint(1, 3)
            case _:
                home[key] = json.loads(json.dumps(rng.choice(ODD_VALUES)))
    return value


def _homes(value: Any) -> Iterator[Any]:
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, (dict, list)):
            yield each
            left += each.values() if isinstance(each, dict) else each


def judge(
    name: str, text: str, *, whole: bool, path: str = "some/file.md", slowest: Slowest | None = None
) -> tuple[Item, ...]:
    """Everything that must hold for any text; its records."""
    slowest = slowest or Slowest()
    kind, document = dialect(name), Document(path, text)
    items = glance(name, [document], slowest)
    keys = [item.key for item in items]
    for standing in STANDINGS:
        reports = [Report(key, standing, "f" * 40) for key in keys]
        with slowest.timed(f"write {standing}", text):
            answer = kind.edits(document, reports)
        assert answer.missing == ()
        after = with_edits(text, answer.edits)
        with slowest.timed(f"read {standing}", text):
            again = kind.read([Document(document.path, after)])
        assert [item.key for item in again.items] == keys
        if standing is Standing.DONE:
            first = {item.key: item for item in reversed(again.items)}
            told = [item for item in first.values() if item.home is not None]
            left = [item.key for item in told if item.standing is not standing]
            assert left == []
    if whole:
        plan(name, [document], set(keys), slowest)
    return items


def glance(name: str, documents: list[Document], slowest: Slowest) -> tuple[Item, ...]:
    """What must hold of one reading; its records."""
    kind = dialect(name)
    for document in documents:
        with slowest.timed("detect", document.text):
            kind.detect(document.path, document.text)
            kind.detect(document.path, document.text[: len(document.text) // 2])
    with slowest.timed("read", "".join(document.text for document in documents)):
        reading = kind.read(documents)
    last = [len(lines_of(document.text)) for document in documents]
    assert all(1 <= item.line <= last[item.document] for item in reading.items)
    assert all(1 <= each.line <= max(1, last[each.document]) for each in reading.remarks)
    return reading.items


def plan(name: str, documents: list[Document], keys: set[str], slowest: Slowest) -> None:
    """What must hold of the plan that is made of them."""
    with slowest.timed("plan", "".join(document.text for document in documents)):
        read = read_documents(dialect(name), documents)
    assert len(read.items) == len(keys)


@dataclass(slots=True)
class Campaign:
    """Many texts of one dialect, one after the other."""

    name: str
    seed: str
    judged_every: int = JUDGED_EVERY
    """Of so many texts one is written to, too; half of them are made into plans."""
    slowest: Slowest = field(default_factory=Slowest)
    traced_peak: int = 0
    records: int = 0

    def run(self, inputs: int) -> None:
        """Raises what the first broken text raises, with the text in its notes."""
        rng = Random(f"{self.name} {self.seed}")
        own = seeds_of(self.name)
        others = [text for each in NAMES for text in seeds_of(each)]
        paths = PATHS.get(self.name, OTHER_PATHS)
        for n in range(inputs):
            texts = [made(rng, own, others)]
            if len(paths) > 1 and n % TOGETHER_EVERY == 1:
                texts += [made(rng, own, others) for _ in range(rng.randint(1, 3))]
            path = rng.choice(paths)
            with hang_guard():
                try:
                    self._one(n, path, texts)
                except BaseException as error:
                    error.add_note(f"input {n} of {self.name} {self.seed}: {path} {texts!r}")
                    raise

    def _one(self, n: int, path: str, texts: list[str]) -> None:
        traced = n % TRACED_EVERY == 2
        if traced:
            tracemalloc.start()
        slowest = Slowest() if traced else self.slowest
        if len(texts) > 1:
            names = PATHS[self.name]
            documents = [
                Document(f"{at}/{names[(n + at) % len(names)]}", text)
                for at, text in enumerate(texts)
            ]
            items = glance(self.name, documents, slowest)
            plan(self.name, documents, {item.key for item in items}, slowest)
        elif n % self.judged_every == 0:
            whole = n % (2 * self.judged_every) == 0
            items = judge(self.name, texts[0], whole=whole, path=path, slowest=slowest)
        else:
            items = glance(self.name, [Document(path, texts[0])], slowest)
        self.records += len(items)
        if traced:
            self.traced_peak = max(self.traced_peak, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="tests.sources.fuzzing")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="DIALECT")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", default="campaign")
    options = parser.parse_args()
    bad = 0
    for name in options.names or NAMES:
        campaign, began = Campaign(name, options.seed), time.thread_time()
        campaign.run(min(200, options.inputs))
        before = _resident_mb()
        try:
            campaign.run(options.inputs)
        except Exception as error:
            bad += 1
            where = Path(tempfile.gettempdir()) / f"fuzzing-{name}-{options.seed}.txt"
            where.write_text("\n".join(error.__notes__), "utf-8", "surrogatepass")
            print(f"{name}: {type(error).__name__}: {error}; see {where}", flush=True)
            continue
        slowest = campaign.slowest
        if slowest.cpu_s > READ_CPU_MAX_S:
            bad += 1
            where = Path(tempfile.gettempdir()) / f"fuzzing-{name}-{options.seed}-slow.txt"
            where.write_text(slowest.text, "utf-8", "surrogatepass", newline="")
            print(f"{name}: TOO SLOW; see {where}")
        print(
            f"{name}: {options.inputs} texts, {campaign.records} records, "
            f"{time.thread_time() - began:.0f} s of the processor; slowest {slowest.cpu_s:.3f} s: "
            f"{slowest.step} of {slowest.chars} characters; memory {before:.0f} to "
            f"{_resident_mb():.0f} MB, most for one text {campaign.traced_peak / 1e6:.1f} MB",
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
