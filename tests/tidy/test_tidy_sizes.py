"""Functions fit a screen and modules one sitting."""

from __future__ import annotations

import math

from tests.tidy.sources import Figures, Function, excused, functions, modules

FUNCTION_LINES_MAX = 100
FUNCTION_LINES_P95 = 60
MODULE_LINES_MAX = 600
MODULE_LINES_TALK = 400


def too_long(sizes: dict[str, int], limit: int, excuses: dict[str, int]) -> list[str]:
    """Complaints about what is over the limit, and about excuses that are no longer needed."""
    complaints = []
    for name, size in sizes.items():
        if size > excuses.get(name, limit):
            complaints.append(f"{name} has {size} lines, {excuses.get(name, limit)} are allowed")
    for name, allowed in excuses.items():
        if name not in sizes:
            complaints.append(f"{name} is excused but gone: delete the excuse")
        elif sizes[name] <= limit:
            complaints.append(f"{name} is excused but fits: delete the excuse")
        elif sizes[name] < allowed:
            complaints.append(f"{name} has shrunk to {sizes[name]} lines: lower its excuse")
    return complaints


def p95(lengths: list[int]) -> int:
    """The length that 95 % of the functions do not exceed."""
    return sorted(lengths)[math.ceil(0.95 * len(lengths)) - 1]


def test_functions_fit_a_screen(record_property: Figures) -> None:
    every: list[Function] = [one for module in modules() for one in functions(module)]
    typical = p95([one.lines for one in every])
    longest = max(every, key=lambda one: one.lines)
    record_property(
        "figure",
        f"functions: {len(every)}, p95 {typical} lines, longest {longest.name} {longest.lines}",
    )

    assert typical <= FUNCTION_LINES_P95
    sizes = {one.name: one.lines for one in every}
    assert not too_long(sizes, FUNCTION_LINES_MAX, excused()["function_lines"])


def test_modules_stop_at_their_limit(record_property: Figures) -> None:
    sizes = {module.path: len(module.text.splitlines()) for module in modules()}
    talk = [f"{name} {size}" for name, size in sizes.items() if size > MODULE_LINES_TALK]
    record_property(
        "figure",
        f"modules: {len(sizes)}, over {MODULE_LINES_TALK} lines: {', '.join(talk) or 'none'}",
    )

    assert not too_long(sizes, MODULE_LINES_MAX, excused()["module_lines"])


def test_the_rule_sees_growth_and_stale_excuses() -> None:
    assert too_long({"a": 11}, 10, {})
    assert not too_long({"a": 12}, 10, {"a": 12})
    assert too_long({"a": 13}, 10, {"a": 12})
    assert too_long({"a": 11}, 10, {"a": 12})
    assert too_long({"a": 10}, 10, {"a": 12})
    assert too_long({}, 10, {"a": 12})
