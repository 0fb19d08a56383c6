"""From the end of one run of a check to its result."""

from __future__ import annotations

from pathlib import Path

from gangsaw.core.launch import Ended
from gangsaw.core.model import Check
from gangsaw.core.terms import CheckResult, Judgement
from gangsaw.procs import Cancelled, Finished, LostRun, NotExecuted, TimedOut
from gangsaw.verify.reports import (
    Failing,
    Mark,
    Unread,
    as_pytest_names,
    mark_of,
    names_in_output,
    read_junit,
    read_sarif,
)

TAIL_BYTES = 6000
CHANGED_SHOWN = 5

_SENT_BY_OTHERS = frozenset({9, 15})
"""A check killed by KILL or TERM was ended from outside (out of memory, a shutdown): no verdict."""

_SHELL_TOLD_OF = frozenset({128 + 9, 128 + 15})
"""The exit code of a shell whose command was ended so."""

RunEnd = Finished | TimedOut | LostRun | Cancelled


def judge(
    check: Check, folder: Path, end: RunEnd, duration_s: float, timeout_s: float
) -> CheckResult:
    """What the end of a run says. One that ended for a reason outside of the tree, or ran into its
    time limit, says nothing."""
    # Of a check that passed nobody reads the end here; its whole output stays in its log.
    tail, log = _tail(folder), str(folder / "out")
    code: int | None = None
    signal: int | None = None
    judgement = Judgement.INCONCLUSIVE
    cpu_s, note = 0.0, ""
    match end:
        case Finished(record):
            cpu_s = record.cpu_s
            note = _left_running(record.swept)
            match record.outcome:
                case Ended(code=0) if not record.stop_asked:
                    code, judgement, tail = 0, Judgement.PASSED, ""
                case Ended(ended_code, ended_signal):
                    code, signal = ended_code, ended_signal
                    killed = ended_signal in _SENT_BY_OTHERS or ended_code in _SHELL_TOLD_OF
                    outside = record.stop_asked or killed
                    judgement = Judgement.INCONCLUSIVE if outside else Judgement.FAILED
                case NotExecuted(error, step):
                    judgement = Judgement.FAILED
                    tail = f"cannot {step} {check.argv[0]}: {error}"
        case TimedOut(record):
            cpu_s = record.cpu_s if record is not None else 0.0
            tail = f"{tail}\n(still running after {timeout_s:.3g} s, and stopped)"
        case LostRun(_, reason):
            tail = f"{tail}\n({reason})"
        case Cancelled():
            pass
    return CheckResult(
        check.name, judgement, round(duration_s, 3), code, signal, log, tail,
        key=check.key, cpu_s=round(cpu_s, 3), note=note, timed_out=isinstance(end, TimedOut),
    )  # fmt: skip


def _left_running(swept: int) -> str:
    return f"left {_counted(swept, 'process', 'es')} running, which was ended" if swept else ""


def _counted(count: int, name: str, ending: str = "s") -> str:
    return f"{count} {name}{ending if count != 1 else ''}"


def marks_before(check: Check, tree: Path) -> tuple[Mark, Mark]:
    """How the reports are told from those that are there already."""
    return (
        mark_of(tree, check.junit) if check.junit else None,
        mark_of(tree, check.sarif) if check.sarif else None,
    )


def evidence(
    check: Check, result: CheckResult, tree: Path, before: tuple[Mark, Mark], folder: Path
) -> tuple[Failing, str]:
    """The tests that failed, and what is odd about the reports. A report that contradicts the exit
    code is told of; the exit code stands."""
    notes: list[str] = []
    found: list[Failing] = []
    if check.junit:
        found += _take(read_junit(tree, check.junit, before[0]), notes)
    if check.sarif:
        found += _take(read_sarif(tree, check.sarif, before[1]), notes)
    names = list(as_pytest_names(tree, (name for each in found for name in each.names)))
    more = sum(each.more for each in found)
    if result.judgement is Judgement.PASSED:
        if check.junit and names:
            notes.append(f"it ended with 0 although its report names failures: {names[0]}")
        if any(each.tests == 0 for each in found):
            notes.append("its report names no test at all")
        return Failing(), "; ".join(notes)
    if not names and result.judgement is Judgement.FAILED:
        read = names_in_output(folder)
        names, more = list(read.names), read.more
    return Failing(tuple(names), more), "; ".join(notes)


def _take(read: Failing | Unread, notes: list[str]) -> list[Failing]:
    if isinstance(read, Unread):
        notes.append(read.why)
        return []
    return [read]


def changed_text(paths: tuple[str, ...]) -> str:
    """That a check has changed tracked files."""
    shown = ", ".join(paths[:CHANGED_SHOWN])
    more = f" and {len(paths) - CHANGED_SHOWN} more" if len(paths) > CHANGED_SHOWN else ""
    return (
        f"it changed tracked files: {shown}{more}; so what it says is not true of the commit itself"
    )


def _tail(folder: Path) -> str:
    """The end of what the check wrote, standard output first."""
    parts = []
    for name in ("out", "err"):
        try:
            with (folder / name).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - TAIL_BYTES))
                parts.append(file.read(TAIL_BYTES).decode("utf-8", "replace"))
        except FileNotFoundError:
            continue
    return "\n".join(part for part in parts if part)[-TAIL_BYTES:]
