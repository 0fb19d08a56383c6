"""Single demands of tests in Python: `assert`, the methods of unittest, mocks, expected errors.

The styles are brought to one form, so that `self.assertEqual(a, b)` and `assert a == b` are the
same demand.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from gangsaw.verify.honesty.claims import EXACT, KIND, NONE, PART, THERE, Assertion

_EQUALS = frozenset(
    ("assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertSetEqual",
     "assertTupleEqual", "assertSequenceEqual", "assertMultiLineEqual", "assert_equal",
     "assertIs", "assert_array_equal", "assertCountEqual", "assert_frame_equal",
     "assert_series_equal", "eq_")
)  # fmt: skip
_CLOSE = frozenset(
    ("assertAlmostEqual", "assertAlmostEquals", "assert_allclose", "assert_almost_equal",
     "assert_array_almost_equal", "assert_approx_equal")
)  # fmt: skip
_PAIRS: dict[str, type[ast.cmpop]] = {
    "assertIn": ast.In,
    "assertNotIn": ast.NotIn,
    "assertGreater": ast.Gt,
    "assertGreaterEqual": ast.GtE,
    "assertLess": ast.Lt,
    "assertLessEqual": ast.LtE,
    "assertNotEqual": ast.NotEq,
    "assertIsNot": ast.IsNot,
}
_RAISES = frozenset(("raises", "warns", "assertRaises", "assertRaisesRegex", "assertWarns",
                     "assertWarnsRegex", "deprecated_call", "assertLogs"))  # fmt: skip
_BROAD = frozenset(("Exception", "BaseException", "Warning"))
_MOCKS = {
    "assert_called_once_with": EXACT,
    "assert_called_with": NONE,
    "assert_has_calls": NONE,
    "assert_any_call": PART,
    "assert_awaited_once_with": EXACT,
    "assert_awaited_with": NONE,
    "assert_called_once": KIND,
    "assert_awaited_once": KIND,
    "assert_not_called": EXACT,
    "assert_called": THERE,
    "assert_awaited": THERE,
}
_OWN = re.compile(r"_*(?:assert|check|verify|expect|ensure|validate|must|should)(?:_|[A-Z]|$)")
_SLACKS = ("rel", "abs", "rel_tol", "abs_tol", "rtol", "atol", "delta", "tolerance", "tol")
_FLIPPED = {"<": "<", "<=": "<", ">": ">", ">=": ">"}


def plain(node: ast.AST | None) -> str:
    """The node in its normal form: without `self.`, comments and layout."""
    if node is None:
        return ""
    return ast.unparse(node).replace("self.", "")


def words_of(node: ast.AST) -> frozenset[str]:
    """The constants, attributes and names of what is called in a node."""
    found: set[str] = set()
    for each in ast.walk(node):
        match each:
            case ast.Constant(value=value) if value is not None and not isinstance(value, bool):
                found.add(repr(value))
            case ast.Attribute(attr=attr):
                found.add(attr)
            case ast.Call(func=ast.Name(id=name)):
                found.add(name)
            case ast.keyword(arg=str(name)):
                found.add(name)
    return frozenset(found)


def _callees(node: ast.AST) -> frozenset[str]:
    found: set[str] = set()
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                found.add(name)
            case ast.Attribute(attr=name):
                found.add(name)
    return frozenset(found)


def _names(node: ast.AST) -> frozenset[str]:
    called = {
        id(each.func) for each in ast.walk(node)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
    }  # fmt: skip
    return frozenset(
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and id(each) not in called and each.id != "self"
    )


def is_vacuous(test: ast.expr) -> bool:
    """Whether the condition holds whatever the code does."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            return bool(elts)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(is_vacuous(each) for each in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(is_vacuous(each) for each in values)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=value)):
            return not value
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is() | ast.LtE() | ast.GtE()],
                         comparators=[right]):  # fmt: skip
            return plain(left) == plain(right)
        case ast.Compare(left=ast.Call(func=ast.Name(id="len")), ops=[ast.GtE()],
                         comparators=[ast.Constant(value=0)]):  # fmt: skip
            return True
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Name(id="object")]):
            return True
        case _:
            return False


def assertions_of_test(test: ast.expr, line: int) -> list[Assertion]:
    """The demands of `assert test`."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            return [found for each in values for found in assertions_of_test(each, line)]
        case ast.BoolOp(op=ast.Or(), values=values):
            sides = frozenset().union(*(_sides(each) for each in values))
            return [_made(test, line, KIND, sides)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            match operand:
                case ast.Compare(left=left, ops=[ast.In()], comparators=[right]):
                    negated = ast.Compare(left, [ast.NotIn()], [right])
                    return assertions_of_test(negated, line)
            return [_made(test, line, KIND, frozenset({plain(operand)}))]
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return [_comparison(left, op, right, line)]
        case ast.Compare():
            return [_made(test, line, PART, _sides(test))]
        case ast.Call(func=ast.Name(id="isinstance"), args=[value, _]):
            return [_made(test, line, KIND, frozenset({plain(value)}))]
        case ast.Call(func=ast.Attribute(attr="isclose" | "allclose"), args=[left, right, *_]):
            return [_close(test, left, right, line)]
        case _:
            return [_made(test, line, THERE, frozenset({plain(test)}))]


def _sides(node: ast.expr) -> frozenset[str]:
    """The expressions that a condition is about."""
    if isinstance(node, ast.Compare):
        parts = [node.left, *node.comparators]
        return frozenset(plain(each) for each in parts if not _is_constant(each))
    return frozenset({plain(node)})


def _is_constant(node: ast.expr) -> bool:
    """Whether it is written out, as a number, a text or a collection of such."""
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=operand):
            return _is_constant(operand)
        case ast.List(elts=elts) | ast.Tuple(elts=elts) | ast.Set(elts=elts):
            return all(_is_constant(each) for each in elts)
        case ast.Dict(values=values):
            return all(_is_constant(each) for each in values)
        case _:
            return False


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, line: int) -> Assertion:
    truth = right.value if isinstance(right, ast.Constant) else None
    if isinstance(op, (ast.Eq, ast.Is)) and truth is True:
        return assertions_of_test(left, line)[0]
    if isinstance(op, (ast.Eq, ast.Is)) and truth is False:
        return assertions_of_test(ast.UnaryOp(ast.Not(), left), line)[0]
    none = isinstance(right, ast.Constant) and right.value is None
    node = ast.Compare(left, [op], [right])
    sides = _sides(node)
    match op:
        case ast.Is() | ast.Eq() if none:
            return _made(node, line, NONE, sides)
        case ast.IsNot() | ast.NotEq() if none:
            return _made(node, line, THERE, sides)
        case ast.Eq() | ast.Is():
            if _is_constant(left) and not _is_constant(right):
                left, right = right, left
            node = ast.Compare(left, [ast.Eq()], [right])
            close = next((each for each in (left, right) if _is_approx(each)), None)
            if close is not None:
                other = left if close is right else right
                inner = close.args[0] if isinstance(close, ast.Call) and close.args else other
                return _close(close, other, inner, line, shown=plain(node))
            return _made(node, line, EXACT, sides)
        case ast.In():
            part = left.value if isinstance(left, ast.Constant) else None
            text = part if isinstance(part, str) else None
            choice = isinstance(right, (ast.List, ast.Tuple, ast.Set))
            return _made(node, line, PART, sides, part=None if choice else text)
        case ast.NotIn():
            return _made(node, line, PART, sides)
        case ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE():
            return _bounded(node, left, op, right, line)
        case _:
            return _made(node, line, KIND, sides)


def _bounded(
    node: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr, line: int
) -> Assertion:
    way = "<" if isinstance(op, (ast.Lt, ast.LtE)) else ">"
    limit = _number(right)
    if limit is None and (flipped := _number(left)) is not None:
        limit, way = flipped, ">" if way == "<" else "<"
    bound = (way, limit) if limit is not None else None
    return _made(node, line, PART, _sides(node), bound=bound)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -float(value)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, power = _number(left), _number(right)
            fits = base is not None and power is not None and 0 < base <= 100 and abs(power) <= 50
            return base**power if fits and base is not None and power is not None else None
        case _:
            return None


def _is_approx(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name in ("approx", "Approx", "IsApprox")
        case _:
            return False


def _close(
    node: ast.expr, left: ast.expr, right: ast.expr, line: int, shown: str = ""
) -> Assertion:
    slack = 0.0
    sides = frozenset(plain(each) for each in (left, right) if not _is_constant(each))
    if isinstance(node, ast.Call):
        for word in node.keywords:
            number = _number(word.value)
            if number is not None and word.arg in _SLACKS:
                slack = max(slack, number)
            elif number is not None and word.arg in ("places", "decimal"):
                slack = max(slack, 10.0 ** -min(max(number, -9), 99))
        positions = node.args[2:3] if not _is_approx(node) else node.args[1:2]
        for each in positions:
            number = _number(each)
            if number is not None:
                slack = max(slack, 10.0**-number if number >= 1 else number)
    return _made(node, line, EXACT, sides, slack=slack, shown=shown)


def _made(
    node: ast.AST,
    line: int,
    level: float,
    sides: frozenset[str],
    *,
    bound: tuple[str, float] | None = None,
    slack: float = 0.0,
    part: str | None = None,
    shown: str = "",
) -> Assertion:
    text = plain(node)
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
        text = " == ".join(sorted((plain(node.left), plain(node.comparators[0]))))
    return Assertion(
        shown or text, line, f"assert {shown or plain(node)}", level, sides, words_of(node),
        _callees(node), _names(node), bound, slack, part,
    )  # fmt: skip


def assertions_of_call(call: ast.Call) -> list[Assertion]:
    """The demands of a statement that is a call; none where it only does something."""
    name = _called(call)
    args, line = call.args, call.lineno
    if name in _EQUALS and len(args) >= 2:
        return [_comparison(args[0], ast.Eq(), args[1], line)]
    if name in _CLOSE and len(args) >= 2:
        return [_close(call, args[0], args[1], line, shown=plain(call))]
    if name in _PAIRS and len(args) >= 2:
        return [_comparison(args[0], _PAIRS[name](), args[1], line)]
    match name:
        case "assertTrue" | "assert_" | "ok_" if args:
            return [] if is_vacuous(args[0]) else assertions_of_test(args[0], line)
        case "assertFalse" if args:
            return assertions_of_test(ast.UnaryOp(ast.Not(), args[0]), line)
        case "assertIsNone" if args:
            return [_comparison(args[0], ast.Is(), ast.Constant(None), line)]
        case "assertIsNotNone" if args:
            return [_comparison(args[0], ast.IsNot(), ast.Constant(None), line)]
        case "assertIsInstance" if len(args) >= 2:
            test = ast.Call(ast.Name("isinstance"), args[:2], [])
            return assertions_of_test(test, line)
        case "fail":
            return [_made(call, line, THERE, frozenset())]
    if name in _RAISES and args:
        return [_raising(call, line)]
    if name in _MOCKS and isinstance(call.func, ast.Attribute):
        return [_made(call, line, _MOCKS[name], frozenset({plain(call.func.value)}))]
    if _OWN.match(name):
        return [_made(call, line, PART, frozenset())]
    return []


def assertions_of_with(node: ast.expr) -> list[Assertion]:
    """The demand of `with node:`, where that is an error which must come."""
    if isinstance(node, ast.Call) and _called(node) in _RAISES and node.args:
        return [_raising(node, node.lineno)]
    return []


def _raising(call: ast.Call, line: int) -> Assertion:
    kind = plain(call.args[0])
    level = THERE if kind.rpartition(".")[2] in _BROAD else NONE
    matches = _called(call).endswith("Regex") or any(word.arg == "match" for word in call.keywords)
    words = frozenset((kind.rpartition(".")[2],)) | frozenset().union(
        *(words_of(word.value) for word in call.keywords), frozenset()
    )
    text = plain(call)
    return Assertion(
        f"raises {text.partition('(')[2]}", line, f"with {text}", level + (0.5 if matches else 0),
        frozenset({"raises"}), words, frozenset({"raises"}), frozenset(),
    )  # fmt: skip


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


__all__: Sequence[str] = (
    "assertions_of_call", "assertions_of_test", "assertions_of_with", "is_vacuous", "plain",
    "words_of",
)  # fmt: skip
