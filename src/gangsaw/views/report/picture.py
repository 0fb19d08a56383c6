"""The timeline of a run as SVG: a row for each task, a bar for each stretch, two bands below.

What an attempt was at is told by a pattern and by a title besides the colour. There is no script in
it and nothing from elsewhere, and every text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gangsaw.core.report import RunReport
from gangsaw.core.report.values import AttemptLine, Doing
from gangsaw.views.report.bands import bands, height_of
from gangsaw.views.report.words import DOING, lasted
from gangsaw.views.text import flat

ROWS_MAX = 300
"""Tasks that are drawn; the others are counted."""
STRETCHES_MAX = 20_000
"""Bars at most, so that a browser can show it."""
WIDTH, LEFT, RIGHT, TOP, ROW, BAR = 1000, 170, 30, 64, 20, 14
TICKS = 8
NAME_MAX = 22
_STEPS_S = (
    0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800,
    86_400, 172_800, 604_800,
)  # fmt: skip

_LOOKS: dict[Doing, tuple[str, str]] = {
    Doing.SET_UP: ("#8d99ae", '<path d="M0 3h6" stroke="#fff" stroke-width="1"/>'),
    Doing.WORK: ("#1d6fb8", ""),
    Doing.REVIEW: ("#7b3fa0", '<path d="M0 6L6 0" stroke="#fff" stroke-width="1.5"/>'),
    Doing.CHECK: ("#2a8c4a", '<circle cx="3" cy="3" r="1.3" fill="#fff"/>'),
    Doing.WAIT: ("#ffffff", '<path d="M0 6L6 0" stroke="#b0452b" stroke-width="1"/>'),
    Doing.QUEUE: ("#ffffff", '<circle cx="3" cy="3" r="1" fill="#555"/>'),
    Doing.LANDING: ("#d9822b", '<path d="M3 0v6" stroke="#fff" stroke-width="1"/>'),
}
"""Ground and pattern."""


def timeline(report: RunReport) -> str:
    """The picture as one `svg` element."""
    return "\n".join(_parts(report))


def _parts(report: RunReport) -> Iterator[str]:
    rows: dict[str, list[AttemptLine]] = {}
    for line in report.timeline:
        rows.setdefault(line.task, []).append(line)
    shown = list(rows)[:ROWS_MAX]
    bottom = TOP + ROW * (len(shown) + (len(rows) > len(shown)))
    height = bottom + height_of(report) + 16
    head = flat(f"Timeline of {report.run}")
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" font-family="sans-serif" font-size="11">'
    )
    yield f"<title>{escape(head)}</title>"
    yield f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    yield "<defs>" + "".join(_pattern(doing) for doing in Doing) + "</defs>"
    yield from _legend()
    yield from _ticks(report.totals.wall_s, height)
    left = STRETCHES_MAX
    for at, task in enumerate(shown):
        y = TOP + at * ROW
        yield (
            f'<text x="{LEFT - 6}" y="{y + 11}" text-anchor="end">'
            f"{escape(flat(task, NAME_MAX))}</text>"
        )
        for line in rows[task]:
            yield from _bars(line, y, report.totals.wall_s, left)
            left -= len(line.stretches)
    if len(rows) > len(shown):
        y = TOP + len(shown) * ROW + 11
        yield f'<text x="{LEFT}" y="{y}">and {len(rows) - len(shown)} more</text>'
    yield from bands(report, LEFT, WIDTH - RIGHT, bottom)
    yield "</svg>"


def _pattern(doing: Doing) -> str:
    ground, marks = _LOOKS[doing]
    return (
        f'<pattern id="p-{doing.value}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="{ground}"/>{marks}</pattern>'
    )


def _legend() -> Iterator[str]:
    x = LEFT
    for doing, word in DOING.items():
        yield f'<rect x="{x}" y="10" width="24" height="{BAR}" {_fill(doing)}/>'
        yield f'<text x="{x + 29}" y="21">{word}</text>'
        x += 105


def _fill(doing: Doing) -> str:
    return f'fill="url(#p-{doing.value})" stroke="#555" stroke-width="0.5"'


def _ticks(wall_s: float, height: int) -> Iterator[str]:
    step_s = next((each for each in _STEPS_S if wall_s / each <= TICKS), _STEPS_S[-1])
    count = min(TICKS * 4, int(wall_s / step_s) if wall_s > 0 else 0)
    for at in range(count + 1):
        x = _x(at * step_s, wall_s)
        yield f'<path d="M{x:.1f} {TOP - 8}V{height - 12}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">{lasted(at * step_s)}</text>'


def _x(seconds: float, wall_s: float) -> float:
    share = min(1.0, max(0.0, seconds / wall_s)) if wall_s > 0 else 0.0
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _bars(line: AttemptLine, y: int, wall_s: float, most: int) -> Iterator[str]:
    for each in line.stretches[: max(0, most)]:
        x, until = _x(each.since_s, wall_s), _x(each.until_s, wall_s)
        told = (
            f"{line.attempt}: {DOING[each.doing]} {lasted(each.seconds)}, from "
            f"{lasted(each.since_s)}" + (f", slot {each.slot}" if each.slot else "")
        )
        yield (
            f'<rect x="{x:.1f}" y="{y}" width="{max(0.5, until - x):.1f}" height="{BAR}" '
            f"{_fill(each.doing)}><title>{escape(flat(told))}</title></rect>"
        )
