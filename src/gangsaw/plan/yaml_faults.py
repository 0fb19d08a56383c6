"""The words for YAML that cannot be read: what the parser says, told so that it can be mended."""

from __future__ import annotations

from typing import Any

from gangsaw.plan.yaml_text import SyntaxFault

_QUOTE = "put the text in quotes"

_INDENT = "indent it as its neighbours, or remove it"
_BLOCK = ("text after the | or > sign", "begin the text on the next line, indented")
_ESCAPE = "use single quotes, or write \\\\ for a backslash"
_COLON = ("a second ': ' in one line", "put a text that holds ': ' in quotes")
_DEEPER = ("this key is indented deeper than its neighbours above", "indent it as they are")
_NO_COLON = ("a key without ': ' after it", "write KEY: VALUE, or indent the text under its key")
_LIST = ("'- ' is out of place here", "begin the list on a line of its own")

_PROBLEMS: tuple[tuple[str, tuple[str, str]], ...] = (
    ("could not find expected ':'", _NO_COLON),
    ("found unknown escape character", ("an unknown escape in double quotes", _ESCAPE)),
    ("expected escape sequence", ("an unfinished escape in double quotes", _ESCAPE)),
    ("expected the node content", ("a value is missing or out of place here", _QUOTE)),
    ("expected alphabetic or numeric", ("a lone * or &", _QUOTE)),
    ("sequence entries are not allowed", _LIST),
    ("expected a comment or a line break", _BLOCK),
    ("expected chomping or indentation", _BLOCK),
    ("expected the document start", ("text after the end of the document", _INDENT)),
    ("expected '<document start>'", ("this line is out of line with the rest", _INDENT)),
    ("found incompatible", ("an unknown YAML version", "remove the line %YAML")),
    ("found undefined tag handle", ("an unknown tag", "quote a text that begins with !")),
)
"""What the parser says, what it means, and the remedy."""


def explained(error: Any, text: str) -> SyntaxFault:
    """A marked error of the parser as a fault with a remedy."""
    problem = str(error.problem or "")
    context = str(error.context or "")
    mark = error.problem_mark or error.context_mark
    start = error.context_mark or mark
    if mark is None:
        return SyntaxFault(1, 1, f"not YAML: {problem or context}", "")
    if "unexpected end of stream" in problem or "document separator" in problem:
        return _fault(
            start, "a quote that is opened here is never closed", "close it with the same quote"
        )
    if "'\\t'" in problem or "tab" in problem or _is_tab(text, mark):
        return _fault(mark, "a tab stands where blanks belong", "indent with blanks")
    if "that cannot start any token" in problem:
        char = problem.partition("character ")[2].partition(" that")[0]
        return _fault(mark, f"a text must not begin with {char}", _QUOTE)
    if "flow" in context and problem.startswith("expected ','"):
        closing = problem.partition("or ")[2].partition(",")[0]
        what = f"the list or table opened in line {start.line + 1} is not closed before this"
        return _fault(mark, what, f"write {closing} or a comma, or put the text in quotes")
    if "expected <block end>" in problem:
        what = f"this is indented differently from its neighbours (from line {start.line + 1})"
        return _fault(mark, what, "indent it exactly as the lines that it belongs with")
    if "mapping values are not allowed" in problem:
        return _fault(mark, *(_COLON if ": " in _line(text, mark)[: mark.column] else _DEEPER))
    for piece, meant in _PROBLEMS:
        if piece in problem:
            return _fault(mark, *meant)
    said = f"{context}: {problem}" if context else problem
    return _fault(
        mark,
        f"not YAML: {' '.join(said.split())[:160]}",
        "put texts with special characters in quotes",
    )


def _fault(mark: Any, text: str, remedy: str) -> SyntaxFault:
    return SyntaxFault(mark.line + 1, mark.column + 1, text, remedy)


def _line(text: str, mark: Any) -> str:
    """The line at fault."""
    lines = text.split("\n", mark.line + 1)
    return lines[mark.line] if mark.line < len(lines) else ""


def _is_tab(text: str, mark: Any) -> bool:
    """Whether the line at fault is indented with a tab."""
    line = _line(text, mark)
    return "\t" in line[: len(line) - len(line.lstrip())]
