"""Run the checks of one tree, one after the other, each under its own shim."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from gangsaw.core.launch import LaunchSpec
from gangsaw.core.model import Check
from gangsaw.core.terms import CheckResult, Judgement
from gangsaw.procs import (
    Absent,
    Broken,
    Finished,
    Foreign,
    Lost,
    NotExecuted,
    TimedOut,
    kill,
    probe,
    run_to_end,
    settle,
)
from gangsaw.verify.judging import RunEnd, changed_text, evidence, judge, marks_before
from gangsaw.verify.slots import Slots
from gangsaw.verify.verdicts import Seen, Verdicts, fingerprint_of

GENERATIONS_MAX = 1000
_EXACT = "exact"
"""The file that says of a recorded check: it left the tracked files as they were."""
SWEEP_MAX_S = 20.0
SWEEP_PAUSE_S = 0.05

TIMEOUTS_MAX = 2
"""So many runs into the time limit, the last of them in full, are a red result: hanging on this
tree is then what the check does."""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """Which checks on which tree. `folder` keeps the records and logs of this run's checks;
    `plain_folder` is where they run for work without a commit. `setup` is a shell line run first
    in a fresh checkout; `finish` is called with the folder of each check that was run. `fresh`:
    without any cache of earlier checks.

    `timeout_s` is the limit of checks that have none of their own; `learned_s` says, by key, how
    long a first run may take where less is known to be enough. `retries`: whether red results are
    run again as each check wants it. `environment` gives what stands for the variables and the
    setup of a check; `verdicts` are the green results of earlier runs, and `run` is this one.
    """

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
    fresh: bool = False
    learned_s: Mapping[str, float] = field(default_factory=dict)
    retries: bool = True
    environment: Callable[[Check], str] = lambda check: ""
    verdicts: Verdicts | None = None
    run: str = ""


def run_checks(
    run: CheckRun, slots: Slots, cancelled: threading.Event
) -> tuple[Judgement, tuple[CheckResult, ...]]:
    """The verdict of all checks, in the order of their `order`: each of one order is run even when
    another of them failed, those of a higher one only when all before them passed.

    A check that was seen to pass on the same tree, by a former engine or in an earlier run, is not
    run again; one that failed is, since its cause may have lain outside of the tree.
    """
    ordered = sorted(run.checks, key=lambda check: check.order)
    known = {check.key: found for check in ordered if (found := _known(run, check, None))}
    if len(known) == len(ordered):
        results = [known[check.key] for check in ordered]
        return _overall(results), tuple(results)
    results = []
    with _place(run, slots) as path:
        broken = _set_up(run, path, cancelled)
        if broken is not None:
            return Judgement.INCONCLUSIVE, (broken,)
        for _, group in groupby(ordered, key=lambda check: check.order):
            for check in group:
                found = known.get(check.key) or _known(run, check, path)
                if found is None and cancelled.is_set():
                    return Judgement.INCONCLUSIVE, tuple(results)
                results.append(found or _settled(run, check, path, slots, cancelled))
            if _overall(results) is not Judgement.PASSED:
                break
    return _overall(results), tuple(results)


def _place(run: CheckRun, slots: Slots) -> AbstractContextManager[Path]:
    if run.plain_folder is not None:
        return nullcontext(run.plain_folder)
    return slots.checked_out(run.commit, fresh=run.fresh)


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
    check = Check("setup", ("sh", "-c", run.setup))
    result, _ = _run_one(run, check, path, run.timeout_s, cancelled)
    return None if result.judgement is Judgement.PASSED else result


# --- what is known already -----------------------------------------------------------------------


def _known(run: CheckRun, check: Check, path: Path | None) -> CheckResult | None:
    """That the check passed on this tree, if that is known. Where it depends on files, that can
    only be said with the checkout at `path`."""
    if not run.tree or (check.files and path is None):
        return None
    fingerprint = fingerprint_of(check, run.environment(check), path)
    found = _recorded(run, check, fingerprint)
    if found is not None or run.verdicts is None or not run.commit:
        return found
    seen = run.verdicts.find(run.tree, fingerprint)
    if seen is None:
        return None
    return CheckResult(
        check.name, Judgement.PASSED, 0.0, 0, key=check.key,
        seen_at=seen.at, seen_in=seen.run, fingerprint=fingerprint,
    )  # fmt: skip


def _folders(run: CheckRun, check: Check, fingerprint: str) -> Iterator[Path]:
    """The folders of this check on this tree, oldest first, those to come included."""
    key = f"{run.tree or run.commit}\0{check.key}\0{fingerprint}"
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    # One at a time: nearly always the first is the one, and a gate asks for hundreds of checks.
    return (run.folder / f"{name}.{number}" for number in range(GENERATIONS_MAX))


def _recorded(run: CheckRun, check: Check, fingerprint: str) -> CheckResult | None:
    """That this check passed on this tree, if a former engine recorded it."""
    for folder in _folders(run, check, fingerprint):
        if not folder.exists():
            return None
        found = probe(folder)
        if run.plain_folder is None and not (folder / _EXACT).exists():
            continue
        if isinstance(found, Finished) and not found.record.stop_asked:
            result = judge(check, folder, found, 0.0, 0.0)
            if result.judgement is Judgement.PASSED:
                return replace(result, fingerprint=fingerprint)
    return None


# --- running -------------------------------------------------------------------------------------


def _settled(
    run: CheckRun, check: Check, path: Path, slots: Slots, cancelled: threading.Event
) -> CheckResult:
    """The result of a check, run as often as it takes: once more, in full, after a run into the
    time limit, and as often as it wants after a red one."""
    limit_s = run.timeout_s if check.timeout_s is None else check.timeout_s
    timeout_s = min(limit_s, run.learned_s.get(check.key, limit_s))
    red_runs = timeouts = 0
    retries = check.retries if run.retries else 0
    while True:
        result, end = _run_one(run, check, path, timeout_s, cancelled)
        result = replace(result, red_runs=red_runs)
        red = result.judgement is Judgement.FAILED and _was_run(end)
        if run.plain_folder is None:
            result = _exact(run, result, path, slots)
        if isinstance(end, TimedOut) and not cancelled.is_set():
            timeouts += 1
            if timeouts >= TIMEOUTS_MAX:
                return replace(result, judgement=Judgement.FAILED)
            timeout_s = limit_s
        elif red and red_runs < retries:
            red_runs += 1
        else:
            return _kept(run, check, result)


def _was_run(end: RunEnd) -> bool:
    return not (isinstance(end, Finished) and isinstance(end.record.outcome, NotExecuted))


def _kept(run: CheckRun, check: Check, result: CheckResult) -> CheckResult:
    """The result, after keeping it for later runs where it was green at once."""
    clean = result.judgement is Judgement.PASSED and not result.red_runs
    if clean and run.verdicts is not None and run.tree and run.commit:
        seen = Seen(run.run, time.time(), result.duration_s)
        run.verdicts.keep(run.tree, result.fingerprint, check, seen)
    return result


def _exact(run: CheckRun, result: CheckResult, path: Path, slots: Slots) -> CheckResult:
    """The result as it may be believed: of a check that has changed tracked files nobody knows
    what it would say of the commit itself. They are put right for the next check."""
    altered = slots.put_right(path, run.commit)
    if not altered:
        (Path(result.log).parent / _EXACT).touch()
        return result
    passed = result.judgement is Judgement.PASSED
    judgement = Judgement.FAILED if passed else result.judgement
    note = "; ".join(filter(None, (result.note, changed_text(altered))))
    return replace(result, judgement=judgement, note=note)


def _run_one(
    run: CheckRun, check: Check, path: Path, timeout_s: float, cancelled: threading.Event
) -> tuple[CheckResult, RunEnd]:
    fingerprint = fingerprint_of(check, run.environment(check), path)
    folders = _folders(run, check, fingerprint)
    folder = next(f for f in folders if not f.exists() or _is_unused(f))
    folder.parent.mkdir(parents=True, exist_ok=True)
    spec = LaunchSpec(check.argv, str(path), run.env)
    before = marks_before(check, path)
    began = time.monotonic()
    end = run_to_end(
        folder,
        spec,
        mark=f"check-{secrets.token_hex(12)}",
        timeout_s=timeout_s,
        grace_s=run.grace_s,
        cancelled=cancelled,
    )
    duration_s = time.monotonic() - began
    if run.finish is not None:
        run.finish(folder)
    result = judge(check, folder, end, duration_s, timeout_s)
    failing, odd = evidence(check, result, path, before, folder)
    note = "; ".join(filter(None, (result.note, odd)))
    told = replace(
        result, failing=failing.names, failing_more=failing.more, note=note, fingerprint=fingerprint
    )
    return told, end


def _is_unused(folder: Path) -> bool:
    return isinstance(probe(folder), Absent)


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
