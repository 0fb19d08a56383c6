"""The report as one HTML page: nothing from elsewhere, no script, every text escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gangsaw.core.report import RunReport
from gangsaw.views.report.picture import timeline
from gangsaw.views.report.section import Section
from gangsaw.views.report.sections import sections, title_of
from gangsaw.views.text import flat

CELL_MAX = 400
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """\
body{font:15px/1.5 sans-serif;margin:2em auto;max-width:1060px;padding:0 1em;color:#1b1b1b;
background:#fff}
table{border-collapse:collapse;margin:.6em 0;font-size:13px}
th,td{border:1px solid #ccc;padding:.2em .6em;text-align:left;vertical-align:top}
th{background:#f1f1f1}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}"""


def page(report: RunReport) -> str:
    """The whole page."""
    return "\n".join(_parts(report)) + "\n"


def _parts(report: RunReport) -> Iterator[str]:
    title = escape(flat(title_of(report)))
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>{title}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{title}</h1>"
    for at, section in enumerate(sections(report)):
        yield from _section(section)
        if at == 0:
            yield f'<h2>Timeline</h2><div class="wide">{timeline(report)}</div>'
    yield "</body></html>"


def _section(section: Section) -> Iterator[str]:
    if section.title:
        yield f"<h2>{escape(section.title)}</h2>"
    if section.lines:
        yield "<p>" + "<br>\n".join(_text(line) for line in section.lines) + "</p>"
    if section.rows:
        yield '<div class="wide"><table>'
        yield f"<tr>{''.join(_cells(section, section.head, 'th'))}</tr>"
        for row in section.rows:
            yield f"<tr>{''.join(_cells(section, row, 'td'))}</tr>"
        yield "</table></div>"


def _cells(section: Section, row: tuple[str, ...], tag: str) -> Iterator[str]:
    for at, cell in enumerate(row):
        right = ' class="n"' if at in section.right else ""
        yield f"<{tag}{right}>{_text(cell)}</{tag}>"


def _text(text: str) -> str:
    return escape(flat(text, CELL_MAX))
