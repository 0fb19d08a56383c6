"""Adapters that gangsaw does not ship: of an installed package, or of a file of the user's own.

Their kind is the name of an entry point of the group `gangsaw.agents`, or `PATH/FILE.py:NAME`.
Nothing is looked for until a kind is asked for that is not built in. Only the user's own settings
may name a file (`plan.config` sees to that): a repository must not run code by being looked at.

This is the border to code of other people. Whatever it raises, or hands over in a wrong shape, is
told as trouble of the adapter, with its file; it never reaches the engine.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

from gangsaw.agents.lines import one_line
from gangsaw.agents.protocol import Adapter, Program, Reader, TurnBrief
from gangsaw.core.conditions import Condition
from gangsaw.core.errors import UserError
from gangsaw.core.launch import (
    ConditionNoted,
    Ended,
    LaunchSpec,
    Note,
    OutcomeKind,
    TurnOutcome,
)
from gangsaw.core.settings import AgentSettings, adapter_file

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "gangsaw.agents"
PAGE = "docs/howto/add-an-agent.md"
_PACKAGE = str(Path(__file__).parent.parent)
_CALLED = ("launch", "interactive", "reader")


@cache
def _entries() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # costs more than all else at start-up

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def names() -> tuple[str, ...]:
    """The kinds that installed packages add, sorted."""
    return tuple(sorted(_entries()))


def resumes(kind: str) -> bool:
    """Whether sessions of this kind can be taken up again. `UserError` if there is no such kind,
    or its adapter cannot be used."""
    adapter = foreign_adapter(kind)
    if adapter is None:
        raise UserError(f"cannot find an adapter of kind {kind!r}; see {PAGE}")
    return adapter.resumes


@cache
def foreign_adapter(kind: str) -> Adapter | None:
    """The adapter of this kind; `None` where nobody offers one. `UserError`, with file and
    remedy, if it cannot be loaded or lacks something."""
    if (place := adapter_file(kind)) is not None:
        path = Path(os.path.expanduser(place[0]))
        source = f"{path}:{place[1]}"
        return _Guarded(kind, source, _made(source, lambda: _from_file(path, place[1])))
    entry = _entries().get(kind)
    if entry is None:
        return None
    source = f"{entry.value}{f' of {entry.dist.name}' if entry.dist else ''}"
    return _Guarded(kind, source, _made(source, entry.load))


def _made(source: str, load: Callable[[], object]) -> object:
    """The adapter itself: an object, or one made of a class without arguments."""
    with _blamed(source, "loading it"):
        found = load()
        return found() if isinstance(found, type) else found


def _from_file(path: Path, name: str) -> object:
    import importlib.util

    if not path.is_absolute():
        raise UserError(f"cannot use the adapter {path}:{name}: its path is relative; "
                        "try writing it in full, or from ~/")  # fmt: skip
    if not path.is_file():
        raise UserError(f"cannot use the adapter {path}:{name}: there is no such file; "
                        "try mending kind in your settings")  # fmt: skip
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & stat.S_IWOTH:
        raise UserError(f"cannot use the adapter {path}:{name}: others may change that file; "
                        f"try: chown $USER {path}; chmod go-w {path}")  # fmt: skip
    spec = importlib.util.spec_from_file_location(f"gangsaw_adapter_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        raise UserError(f"cannot use the adapter {path}:{name}: there is no {name} in that file; "
                        "try mending kind in your settings")  # fmt: skip
    return getattr(module, name)


@contextmanager
def _blamed(source: str, doing: str) -> Iterator[None]:
    """Whatever is raised within is told as the adapter's trouble: a `UserError` with the place."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        said = one_line(f"{type(error).__name__}: {error}", 300)
        # The place comes early and once: what people read of a reason has a bounded length.
        name = source.rpartition("/")[2].rpartition(":")[2]
        raise UserError(
            f"cannot use the adapter {name} ({_place_of(error, source)}): {doing} raised {said}; "
            f"try mending it there, see {PAGE}"
        ) from error


def _place_of(error: BaseException, source: str) -> str:
    """File and line where it happened; the adapter's file where it was none of its own lines."""
    import traceback

    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 0}"
    others = (_PACKAGE, "<frozen ")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(others)]
    own = [frame for frame in own if "importlib" not in frame.filename]
    return f"{own[-1].filename}:{own[-1].lineno or 0}" if own else source.rpartition(":")[0]


def _wrong(source: str, text: str) -> UserError:
    return UserError(f"cannot use the adapter {source}: {text}; try mending it, see {PAGE}")


class _Guarded:
    """An adapter of somebody else's, checked; `kind` is what the settings call it."""

    def __init__(self, kind: str, source: str, adapter: object) -> None:
        self.kind, self._source = kind, source
        lacking = [
            name
            for name in ("resumes", "program", "variables", *_CALLED)
            if not hasattr(adapter, name)
        ]
        lacking += [
            f"{name} (it cannot be called)"
            for name in _CALLED
            if name not in lacking and not callable(getattr(adapter, name))
        ]
        if lacking:
            raise _wrong(source, f"it lacks {', '.join(lacking)}")
        self._adapter: Adapter = adapter  # type: ignore[assignment] # looked at just now
        with _blamed(source, "asking what it offers"):
            self.resumes = self._adapter.resumes
            self.program = self._adapter.program
            self.variables = self._adapter.variables
        if not isinstance(self.resumes, bool):
            raise _wrong(source, "resumes must be True or False")
        if not (self.program is None or isinstance(self.program, Program)):
            raise _wrong(source, "program must be a Program or None")
        if not _is_texts(self.variables):
            raise _wrong(source, "variables must be a tuple of texts")

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """See `Adapter.launch`."""
        with _blamed(self._source, "launch"):
            return self._checked(self._adapter.launch(agent, brief), "launch")

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec | None:
        """See `Adapter.interactive`."""
        with _blamed(self._source, "interactive"):
            spec = self._adapter.interactive(agent, brief)
            return None if spec is None else self._checked(spec, "interactive")

    def reader(self, brief: TurnBrief) -> Reader:
        """See `Adapter.reader`."""
        with _blamed(self._source, "reader"):
            return _GuardedReader(self._source, self._adapter.reader(brief))

    def _checked(self, spec: object, said_by: str) -> LaunchSpec:
        if not isinstance(spec, LaunchSpec):
            raise _wrong(self._source, f"{said_by} must give a LaunchSpec")
        env: object = spec.env
        pairs = isinstance(env, tuple) and all(_is_texts(each) and len(each) == 2 for each in env)
        if not (_is_texts(spec.argv) and spec.argv and pairs):
            raise _wrong(self._source, f"{said_by} must give argv and env as tuples of texts")
        if not (_fits(spec.stdin, bytes | None) and _fits(spec.cwd, str)):
            raise _wrong(self._source, f"{said_by} must give cwd as text, stdin as bytes or None")
        return spec


class _GuardedReader:
    """A reader of somebody else's. Once it was in trouble it is asked nothing more, and the turn
    ends refused: the next one would end the same way."""

    def __init__(self, source: str, reader: Reader) -> None:
        self._source, self._reader = source, reader
        self._trouble = ""

    @property
    def ignored_lines(self) -> int:
        """See `Reader.ignored_lines`; 0 where it does not tell."""
        found = getattr(self._reader, "ignored_lines", 0)
        return found if isinstance(found, int) else 0

    def feed(self, chunk: bytes) -> list[Note]:
        """See `Reader.feed`; trouble is told once."""
        if self._trouble:
            return []
        try:
            with _blamed(self._source, "feed"):
                notes = list(self._reader.feed(chunk))
            for note in notes:
                if not _is_note(note):
                    raise _wrong(self._source, f"feed must give notes, not {one_line(repr(note))}")
        except UserError as error:
            self._trouble = error.text
            return [ConditionNoted(Condition.MALFORMED, error.text)]
        return notes

    def conclude(self, ended: Ended, stderr_tail: bytes) -> TurnOutcome:
        """See `Reader.conclude`."""
        if not self._trouble:
            try:
                with _blamed(self._source, "conclude"):
                    outcome = self._reader.conclude(ended, stderr_tail)
                if not _is_shaped(outcome, TurnOutcome):
                    raise _wrong(self._source, "conclude must give a TurnOutcome")
                return outcome
            except UserError as error:
                self._trouble = error.text
        return TurnOutcome(OutcomeKind.REFUSED, self._trouble)


def _is_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(text, str) for text in value)


def _is_note(value: object) -> bool:
    return isinstance(value, Note) and _is_shaped(value, type(value))


@cache
def _hints(kind: type) -> dict[str, object]:
    return get_type_hints(kind)


def _is_shaped(value: object, kind: type) -> bool:
    """Whether it is such a value, with fields of the types that are written there."""
    if not isinstance(value, kind):
        return False
    hints = _hints(kind)
    return all(_fits(getattr(value, one.name), hints[one.name]) for one in fields(value))  # type: ignore[arg-type] # notes and outcomes are dataclasses


def _fits(value: object, hint: object) -> bool:
    # A whole number will do for one with a fraction.
    whole = isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) or (whole and isinstance(0.0, hint))  # type: ignore[arg-type] # types and unions of them
