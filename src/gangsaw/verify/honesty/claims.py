"""What tests demand, in a form that is the same for every language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EXACT = 5.0
NONE = 4.0
PART = 3.0
KIND = 2.0
THERE = 1.0
"""How much an assertion demands: an exact value, nothing, a part or a bound, a type, anything."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One demand. Equal `text`s are the same demand. `sides` are the expressions that it is about,
    `words` the constants, attributes and callees in it, `names` its plain variables. `bound` is a
    number with the way in which it bounds, `slack` how far off a value may be."""

    text: str
    line: int
    shown: str
    level: float
    sides: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    callees: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    bound: tuple[str, float] | None = None
    slack: float = 0.0
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that keeps a test from running, or from counting."""

    line: int
    text: str
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A test, or a function that tests use. `rows` are the cases of a table that it runs over."""

    name: str
    line: int
    is_test: bool
    assertions: tuple[Assertion, ...] = ()
    skips: tuple[Skip, ...] = ()
    rows: tuple[str, ...] = ()
    statements: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()

    @property
    def bare(self) -> str:
        """The name without what it is in."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file. `statements` are all that can run, with the words in each; `tables`
    the named lists of cases, with the line of each."""

    path: str
    units: tuple[Unit, ...] = ()
    skips: tuple[Skip, ...] = ()
    statements: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tables: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
