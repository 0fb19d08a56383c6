"""Why did work go back? What a person, or the next agent, needs to see it for themselves: the
command, the end of its output, the tests that failed, and the exact tree.
"""

from __future__ import annotations

import shlex
from typing import Any

from gangsaw.core.partial import part_of
from gangsaw.core.state import Attempt, State
from gangsaw.core.terms import CheckResult, Judgement

TAIL_CHARS = 1000
"""So much of the end of a check's output is enough where many tasks stand together."""
FAILING_MAX = 20


def returned_attempt(state: State, task: str) -> Attempt | None:
    """The newest attempt whose work was sent back and has not been mended since, if any."""
    known = state.task_states[task]
    if known.finished:
        return None
    for number in range(known.attempts, 0, -1):
        attempt = state.attempts.get(f"{task}.{number}")
        if attempt is not None and attempt.returned is not None:
            return attempt
    return None


def evidence(state: State, task: str, *, short: bool = False) -> dict[str, Any] | None:
    """Why the task's work went back, as an object; `None` where it did not. `short`: no more than
    fits where many tasks stand together."""
    attempt = returned_attempt(state, task)
    if attempt is None or attempt.returned is None:
        return None
    bad = [each for each in attempt.results if each.judgement is not Judgement.PASSED]
    return {
        "attempt": attempt.id,
        "cause": attempt.returned.value,
        "text": attempt.returned_text,
        "tree": attempt.returned_tree or None,
        "paths": list(attempt.returned_paths),
        "checks": [_check(state, each, short=short) for each in bad],
    }


def _check(state: State, each: CheckResult, *, short: bool) -> dict[str, Any]:
    return {
        "name": each.name,
        "command": command_of(state, each),
        "judgement": each.judgement.value,
        "code": each.code,
        "signal": each.signal,
        "tail": each.tail[-TAIL_CHARS:] if short else each.tail,
        "failing": list(each.failing[:FAILING_MAX] if short else each.failing),
        "only": list(each.only),
        "log": each.log,
    }


def command_of(state: State, result: CheckResult) -> str:
    """What the check of a result runs, as one would type it; its name where no check has it."""
    own = (check for task in state.tasks.values() for check in task.checks)
    for check in (*state.gate, *own):
        if result.part_of and check.key == result.part_of:
            return part_of(check, result.only).argv[2]
        if check.key == result.of or (not result.key and check.name == result.name):
            is_line = check.argv[:2] == ("sh", "-c") and len(check.argv) == 3
            return check.argv[2] if is_line else shlex.join(check.argv)
    return result.name
