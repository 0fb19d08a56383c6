"""Tests written in Python, by their syntax trees; nothing of them is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence

from gangsaw.verify.honesty.claims import Assertion, Skip, Suite, Unit
from gangsaw.verify.honesty.python_asserts import (
    assertions_of_call,
    assertions_of_test,
    assertions_of_with,
    is_vacuous,
    plain,
    words_of,
)

SOURCE_MAX = 1_000_000
_SKIPS = frozenset(("skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure"))
_CONDITIONAL = frozenset(("skipif", "skipIf", "skipUnless"))
_SKIP_CALLS = frozenset(("skip", "skipTest", "importorskip", "xfail", "exit"))
_SWALLOWED = frozenset(("AssertionError", "Exception", "BaseException"))
_OFF_NAMES = frozenset(("collect_ignore", "collect_ignore_glob", "__test__"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def read_python(path: str, text: str) -> Suite | None:
    """What the tests of this file demand; `None` if it cannot be read."""
    if len(text) > SOURCE_MAX:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    try:
        return _Reader(path).suite(tree)
    except RecursionError:
        return None


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path
        self._units: dict[str, Unit] = {}
        self._skips: list[Skip] = []
        self._statements: dict[str, frozenset[str]] = {}
        self._tables: dict[str, tuple[int, tuple[str, ...]]] = {}

    def suite(self, tree: ast.Module) -> Suite:
        """The whole file."""
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }  # fmt: skip
        self._used = used | imported
        self._body(tree.body, "", (), is_suite=True)
        return Suite(
            self._path, tuple(self._units.values()), tuple(self._skips),
            self._statements, self._tables,
        )  # fmt: skip

    def _body(
        self, body: Sequence[ast.stmt], inside: str, marks: tuple[Skip, ...], *, is_suite: bool
    ) -> None:
        """The statements of a module or class that can be reached."""
        for node in _reached(body):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._function(node, inside, marks, is_suite=is_suite)
                case ast.ClassDef():
                    self._class(node, inside, marks)
                case ast.Assign() | ast.AnnAssign():
                    self._assignment(node, inside)
                case ast.Expr(value=ast.Call() as call) if _skip_call(call):
                    self._skips.append(Skip(node.lineno, plain(call), _is_conditional(call)))
                case ast.If() | ast.Try() | ast.With():
                    for part in _parts(node):
                        self._body(part, inside, marks, is_suite=is_suite)
                case ast.Delete(targets=targets):
                    for target in targets:
                        if isinstance(target, ast.Name):
                            self._units.pop(target.id, None)
                case _:
                    self._note(node)

    def _class(self, node: ast.ClassDef, inside: str, marks: tuple[Skip, ...]) -> None:
        collected = node.name.startswith("Test") or bool(node.bases)
        off = any(
            isinstance(each, ast.Assign) and "__test__" in plain(each.targets[0])
            and isinstance(each.value, ast.Constant) and not each.value.value
            for each in node.body
        )  # fmt: skip
        own = (*marks, *_marks(node.decorator_list), *_pytestmark(node.body))
        self._body(node.body, f"{inside}{node.name}.", own, is_suite=collected and not off)

    def _assignment(self, node: ast.Assign | ast.AnnAssign, inside: str) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        name = targets[0].id if isinstance(targets[0], ast.Name) else ""
        if name == "pytestmark" and not inside:
            self._skips += _pytestmark([node])
        elif name in _OFF_NAMES and not inside:
            off = name != "__test__" or (
                isinstance(node.value, ast.Constant) and not node.value.value
            )
            if off:
                self._skips.append(Skip(node.lineno, plain(node)))
        elif name and isinstance(node.value, (ast.List, ast.Tuple, ast.Dict, ast.Set)):
            self._tables[inside + name] = (node.lineno, _rows(node.value))
        self._note(node)

    def _function(
        self, node: Function, inside: str, marks: tuple[Skip, ...], *, is_suite: bool
    ) -> None:
        is_test = is_suite and node.name.startswith("test")
        fixture = any("fixture" in plain(each) for each in node.decorator_list)
        hook = node.name.startswith(("pytest_", "setUp", "tearDown", "setup", "teardown", "__"))
        live = is_test or fixture or hook or node.name in self._used or (not inside and (
            self._path.endswith(("conftest.py", "helpers.py", "utils.py")) 
        ))  # fmt: skip
        if not live or (node.name.startswith("_test") and node.name not in self._used):
            return
        found = _Walked()
        found.walk(node.body, swallowed=False)
        rows: list[str] = []
        for decorator in node.decorator_list:
            rows += _parametrized(decorator)
            found.note(decorator)
        skips = (*marks, *_marks(node.decorator_list), *found.skips)
        if _vanishes(node):
            skips = (*skips, Skip(node.lineno, "it is overwritten"))
        self._statements |= found.statements
        name = inside + node.name
        self._units[name] = Unit(
            name, node.lineno, is_test, tuple(found.assertions), skips, tuple(rows),
            frozenset(found.statements), frozenset().union(*found.statements.values()),
        )  # fmt: skip

    def _note(self, node: ast.stmt) -> None:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            self._statements[plain(node)] = words_of(node)


def _vanishes(node: Function) -> bool:
    """Whether the test is a generator, which pytest does not run."""
    own = [each for part in node.body for each in _own_nodes(part)]
    return node.name.startswith("test") and any(
        isinstance(each, (ast.Yield, ast.YieldFrom)) for each in own
    )


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement without those of functions within it."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _own_nodes(child)


class _Walked:
    """The statements of a function that can be reached, and what they demand."""

    def __init__(self) -> None:
        self.assertions: list[Assertion] = []
        self.skips: list[Skip] = []
        self.statements: dict[str, frozenset[str]] = {}

    def note(self, node: ast.AST) -> None:
        """Note a statement, or the head of one."""
        self.statements[plain(node)] = words_of(node)

    def walk(self, body: Sequence[ast.stmt], *, swallowed: bool, guarded: bool = False) -> None:
        """Look at the statements in order. `swallowed`: a failure of an assertion is caught;
        `guarded`: they run on a condition."""
        for node in _reached(body):
            match node:
                case ast.Assert():
                    self._claims(assertions_of_test(node.test, node.lineno), node, swallowed)
                case ast.Expr(value=ast.Call() as call) if _skip_call(call):
                    self.skips.append(Skip(node.lineno, plain(call), guarded))
                case ast.Expr(value=ast.Await(value=ast.Call() as call)):
                    self._claims(assertions_of_call(call), node, swallowed)
                case ast.Expr(value=ast.Call() as call):
                    self._claims(assertions_of_call(call), node, swallowed)
                case ast.Raise(exc=ast.expr() as raised) if "SkipTest" in plain(raised):
                    self.skips.append(Skip(node.lineno, plain(raised), guarded))
                case ast.Expr(value=ast.Constant()):
                    pass
                case ast.Return() if guarded:
                    self.skips.append(Skip(node.lineno, "return before its end", conditional=True))
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    self.walk(node.body, swallowed=swallowed)
                case _:
                    self._compound(node, swallowed, guarded)

    def _claims(self, found: Sequence[Assertion], node: ast.stmt, swallowed: bool) -> None:
        self_evident = isinstance(node, ast.Assert) and is_vacuous(node.test)
        if not swallowed and not self_evident:
            self.assertions += found
            self.note(node)

    def _compound(self, node: ast.stmt, swallowed: bool, guarded: bool) -> None:
        match node:
            case ast.If():
                self.note(node.test)
                for part in _parts(node):
                    self.walk(part, swallowed=swallowed, guarded=True)
            case ast.For() | ast.AsyncFor():
                self.note(node.target)
                self.note(node.iter)
                empty = isinstance(node.iter, (ast.List, ast.Tuple)) and not node.iter.elts
                if not empty:
                    self.walk(node.body, swallowed=swallowed, guarded=guarded)
            case ast.While():
                self.note(node.test)
                self.walk(node.body, swallowed=swallowed, guarded=guarded)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    if not swallowed:
                        self.assertions += assertions_of_with(item.context_expr)
                    self.note(item.context_expr)
                caught = any(_suppresses(item.context_expr) for item in node.items)
                self.walk(node.body, swallowed=swallowed or caught, guarded=guarded)
            case ast.Try():
                caught = any(_catches(clause) for clause in node.handlers)
                self.walk(node.body, swallowed=swallowed or caught, guarded=guarded)
                for clause in node.handlers:
                    self.walk(clause.body, swallowed=swallowed, guarded=True)
                self.walk(node.orelse, swallowed=swallowed, guarded=guarded)
                self.walk(node.finalbody, swallowed=swallowed, guarded=guarded)
            case ast.Match():
                for case in node.cases:
                    self.walk(case.body, swallowed=swallowed, guarded=True)
            case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Return(value=None):
                pass
            case _:
                self.note(node)


def _reached(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements up to the first that ends the block."""
    for node in body:
        yield node
        if isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
            return


def _parts(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    """The blocks of a compound statement that can be reached."""
    match node:
        case ast.If(test=ast.Constant(value=value)):
            yield node.body if value else node.orelse
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield node.orelse
        case ast.If():
            yield node.body
            yield node.orelse
        case ast.Try():
            yield node.body
            for clause in node.handlers:
                yield clause.body
            yield node.orelse
            yield node.finalbody
        case ast.With():
            yield node.body


def _catches(clause: ast.ExceptHandler) -> bool:
    """Whether the clause takes in a failed assertion and lets nothing of it out."""
    kind = plain(clause.type) if clause.type is not None else "BaseException"
    names = {each.strip() for each in kind.strip("()").split(",")}
    lets_out = any(isinstance(each, ast.Raise) for part in clause.body for each in ast.walk(part))
    fails = any("fail" in plain(part) for part in clause.body)
    return not _SWALLOWED.isdisjoint(names) and not lets_out and not fails


def _suppresses(node: ast.expr) -> bool:
    text = plain(node)
    return "suppress(" in text and any(name in text for name in _SWALLOWED)


def _name(node: ast.expr) -> str:
    """The last part of a dotted name, of what is called, or nothing."""
    match node:
        case ast.Call(func=func):
            return _name(func)
        case ast.Attribute(attr=attr):
            return attr
        case ast.Name(id=name):
            return name
        case _:
            return ""


def _skip_call(call: ast.Call) -> bool:
    name = _name(call)
    if name == "exit":
        return plain(call.func) == "pytest.exit"
    return name in _SKIP_CALLS and "mark" not in plain(call.func)


def _is_conditional(call: ast.Call) -> bool:
    return _name(call) == "importorskip"


def _marks(decorators: Sequence[ast.expr]) -> list[Skip]:
    """The decorators that keep a test from running or from counting."""
    found = []
    for each in decorators:
        name = _name(each)
        if name in _SKIPS:
            always = name == "xfail" and not (isinstance(each, ast.Call) and each.args)
            conditional = name in _CONDITIONAL and not _is_always(each)
            found.append(Skip(each.lineno, plain(each), conditional and not always))
        elif name == "parametrize" or name == "usefixtures":
            inner = [node for node in ast.walk(each) if isinstance(node, ast.Attribute)]
            found += [Skip(n.lineno, plain(n)) for n in inner if n.attr in _SKIPS]
    return found


def _is_always(node: ast.expr) -> bool:
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    return isinstance(first, ast.Constant) and bool(first.value)


def _pytestmark(body: Sequence[ast.stmt]) -> list[Skip]:
    found: list[Skip] = []
    for node in body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Name) and each.id == "pytestmark" for each in targets):
                value = node.value
                many = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
                found += _marks(many)
    return found


def _parametrized(decorator: ast.expr) -> list[str]:
    """The cases of a table in a decorator, each in its normal form."""
    if _name(decorator) not in ("parametrize", "expand", "data") or not isinstance(
        decorator, ast.Call
    ):
        return []
    values = decorator.args[-1:] if _name(decorator) != "data" else decorator.args
    if _name(decorator) == "parametrize":
        values = decorator.args[1:2]
    found: list[str] = []
    for value in values:
        if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
            found += [_row(each) for each in value.elts]
    return found


def _row(node: ast.expr) -> str:
    """One case; by itself or wrapped in `pytest.param`."""
    if isinstance(node, ast.Call) and _name(node) == "param":
        inner = node.args
        return plain(inner[0]) if len(inner) == 1 else plain(ast.Tuple(inner, ast.Load()))
    return plain(node)


def _rows(value: ast.expr) -> tuple[str, ...]:
    match value:
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return tuple(f"{plain(k) if k else '**'}: {plain(v)}" for k, v in pairs)
        case ast.List(elts=elts) | ast.Tuple(elts=elts) | ast.Set(elts=elts):
            return tuple(_row(each) for each in elts)
        case _:
            return ()
