"""Run the checks of one tree, one after the other, each under its own shim."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.events import CheckResult, Judgement
from gangsaw.core.launch import Ended, LaunchSpec
from gangsaw.core.model import Check
from gangsaw.procs import (
    Absent,
    Broken,
    Cancelled,
    Finished,
    Foreign,
    Lost,
    LostRun,
    NotExecuted,
    TimedOut,
    kill,
    probe,
    run_to_end,
    settle,
)
from gangsaw.verify.slots import Slots

TAIL_BYTES = 6000
GENERATIONS_MAX = 1000
SWEEP_MAX_S = 20.0
SWEEP_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class CheckRun:
    """Which checks on which tree. `folder` keeps the records and logs of this run's checks;
    `plain_folder` is where they run for work without a commit. `setup` is a shell line run first
    in a fresh checkout; `finish` is called with the folder of each check that was run."""

    about: str
    commit: str
    tree: str
    checks: tuple[Check, ...]
    folder: Path
    env: tuple[tuple[str, str], ...]
    timeout_s: float
    grace_s: float
    plain_folder: Path | None = None
    setup: str | None = None
    prepare: Callable[[Path], None] | None = None
    finish: Callable[[Path], None] | None = None


def run_checks(
    run: CheckRun, slots: Slots, cancelled: threading.Event
) -> tuple[Judgement, tuple[CheckResult, ...]]:
    """The verdict of all checks, each of them run even when an earlier one failed.

    A check that a former engine saw pass on the same tree is not run again; one that failed is,
    since its cause may have lain outside of the tree.
    """
    results = [found for check in run.checks if (found := _recorded(run, check))]
    known = {result.name for result in results}
    missing = [check for check in run.checks if check.name not in known]
    if missing:
        with _place(run, slots) as path:
            broken = _set_up(run, path, cancelled)
            if broken is not None:
                return Judgement.INCONCLUSIVE, (broken,)
            for check in missing:
                if cancelled.is_set():
                    return Judgement.INCONCLUSIVE, tuple(results)
                results.append(_run_one(run, check, path, cancelled))
    return _overall(results), tuple(results)


def _place(run: CheckRun, slots: Slots) -> AbstractContextManager[Path]:
    if run.plain_folder is not None:
        return nullcontext(run.plain_folder)
    return slots.checked_out(run.commit)


def _overall(results: list[CheckResult]) -> Judgement:
    found = {result.judgement for result in results}
    if Judgement.FAILED in found:
        return Judgement.FAILED
    return Judgement.INCONCLUSIVE if Judgement.INCONCLUSIVE in found else Judgement.PASSED


def _set_up(run: CheckRun, path: Path, cancelled: threading.Event) -> CheckResult | None:
    """Bring the checkout into a state in which checks can run; the result, if that failed."""
    if run.plain_folder is not None:
        return None
    if run.prepare is not None:
        run.prepare(path)
    if run.setup is None:
        return None
    result = _run_one(run, Check("setup", ("sh", "-c", run.setup)), path, cancelled)
    return None if result.judgement is Judgement.PASSED else result


def _folders(run: CheckRun, check: Check) -> Iterator[Path]:
    """The folders of this check on this tree, oldest first, those to come included."""
    key = "\0".join((run.tree or run.commit, *check.argv)).encode("utf-8", "surrogateescape")
    name = hashlib.sha256(key).hexdigest()[:16]
    # One at a time: nearly always the first is the one, and a gate asks for hundreds of checks.
    return (run.folder / f"{name}.{number}" for number in range(GENERATIONS_MAX))


def _recorded(run: CheckRun, check: Check) -> CheckResult | None:
    """That this check passed on this tree, if a former engine recorded it."""
    if not run.tree:
        return None
    for folder in _folders(run, check):
        if not folder.exists():
            return None
        found = probe(folder)
        if isinstance(found, Finished) and not found.record.stop_asked:
            result = _judge(run, check, folder, found, 0.0)
            if result.judgement is Judgement.PASSED:
                return result
    return None


def _run_one(run: CheckRun, check: Check, path: Path, cancelled: threading.Event) -> CheckResult:
    folder = next(f for f in _folders(run, check) if not f.exists() or _is_unused(f))
    folder.parent.mkdir(parents=True, exist_ok=True)
    spec = LaunchSpec(check.argv, str(path), run.env)
    began = time.monotonic()
    end = run_to_end(
        folder,
        spec,
        mark=f"check-{secrets.token_hex(12)}",
        timeout_s=run.timeout_s,
        grace_s=run.grace_s,
        cancelled=cancelled,
    )
    if run.finish is not None:
        run.finish(folder)
    return _judge(run, check, folder, end, time.monotonic() - began)


def _is_unused(folder: Path) -> bool:
    return isinstance(probe(folder), Absent)


def _judge(
    run: CheckRun,
    check: Check,
    folder: Path,
    end: Finished | TimedOut | LostRun | Cancelled,
    duration_s: float,
) -> CheckResult:
    """What the end of a check says. A timeout is the tree's fault: hanging is failing."""
    # Of a check that passed nobody reads the end here; its whole output stays in its log.
    tail, log = _tail(folder), str(folder / "out")
    code: int | None = None
    signal: int | None = None
    judgement = Judgement.INCONCLUSIVE
    match end:
        case Finished(record):
            match record.outcome:
                case Ended(code=0) if not record.stop_asked:
                    code, judgement, tail = 0, Judgement.PASSED, ""
                case Ended(ended_code, ended_signal):
                    code, signal = ended_code, ended_signal
                    outside = record.stop_asked or ended_signal in _SENT_BY_OTHERS
                    judgement = Judgement.INCONCLUSIVE if outside else Judgement.FAILED
                case NotExecuted(error, step):
                    judgement = Judgement.FAILED
                    tail = f"cannot {step} {check.argv[0]}: {error}"
        case TimedOut():
            judgement = Judgement.FAILED
            tail = f"{tail}\n(still running after {run.timeout_s:.0f} s, and stopped)"
        case LostRun(_, reason):
            tail = f"{tail}\n({reason})"
        case Cancelled():
            pass
    return CheckResult(check.name, judgement, round(duration_s, 3), code, signal, log, tail)


_SENT_BY_OTHERS = frozenset({9, 15})
"""A check killed by KILL or TERM was ended from outside (out of memory, a shutdown): no verdict."""


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


def sweep_former_checks(folder: Path) -> int:
    """End every check that a former engine left running below `folder` (that of all runs); how
    many there were.

    Checks, unlike agents, are not adopted: their slot is needed, and running one again is free of
    harm. Waits until they are gone, at most `SWEEP_MAX_S`.
    """
    left = [path for path in folder.glob("*/*/*.*") if not _is_over(path)]
    for path in left:
        kill(path)
    deadline = time.monotonic() + SWEEP_MAX_S
    open_ones = left
    while open_ones and time.monotonic() < deadline:
        for path in open_ones:
            settle(path)
        open_ones = [path for path in open_ones if not _is_over(path)]
        if open_ones:
            time.sleep(SWEEP_PAUSE_S)
    return len(left)


def _is_over(path: Path) -> bool:
    """Also of one that another version of gangsaw started: only that version may end it."""
    return isinstance(probe(path), Finished | Lost | Absent | Broken | Foreign)
