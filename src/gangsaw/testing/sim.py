"""`python -m gangsaw.testing.sim`: run simulated schedules, or look for planted faults.

Prints figures; exits with 1 when a schedule failed or a mutant was not found. A failing seed is
run again with `--trace SEED` (what happened, turn by turn). `--scenario SEED` makes a scenario
file of it that needs no simulation: of a seed that fails one that is as short as it gets, and red
until the core is mended; of one that passes the whole schedule. `--to FILE` says where to.
"""

from __future__ import annotations

import argparse
import gc
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from pathlib import Path

from gangsaw.testing.mutants import MUTANTS, SEEDS_MAX, Found, find
from gangsaw.testing.regression import failure_of, regression_of, shortest
from gangsaw.testing.scenario import scenario_of
from gangsaw.testing.simulation import Figures, Mode, Schedule

FAILURES_MAX = 10
"""Failing seeds after which a worker gives up."""

BATCH = 250
COLLECT_EVERY = 20
"""After so many schedules their memory is taken back: soon enough that it is still near at hand,
seldom enough that looking for it costs little."""

SEEDS = 100_000
SEEDS_LONG = 1_000_000

Failure = tuple[int, str]


def run_batch(start: int, seeds: int, mode: Mode | None) -> tuple[Figures, list[Failure]]:
    """The figures of the seeds from `start` on, and what went wrong in which of them."""
    total, failures = Figures(), list[Failure]()
    gc.freeze()
    gc.disable()  # what is made in a schedule is soon gone
    for seed in range(start, start + seeds):
        if seed % COLLECT_EVERY == 0:
            gc.collect()
        schedule = Schedule(seed, mode)
        error = schedule.outcome()
        if error is None:
            total.add(schedule.figures)
        else:
            failures.append((seed, f"{type(error).__name__}: {error} ({_notes(error)})"))
            if len(failures) >= FAILURES_MAX:
                break
    gc.enable()
    gc.collect()
    return total, failures


def _notes(error: Exception) -> str:
    return "; ".join(getattr(error, "__notes__", ()))


def run_all(
    start: int, seeds: int, mode: Mode | None = None, jobs: int = 2
) -> tuple[Figures, list[Failure]]:
    """The same in `jobs` processes."""
    batches = [(at, min(BATCH, start + seeds - at)) for at in range(start, start + seeds, BATCH)]
    total, failures = Figures(), list[Failure]()
    with ProcessPoolExecutor(jobs) as pool:
        running = [pool.submit(run_batch, at, size, mode) for at, size in batches]
        for batch in running:
            figures, failed = batch.result()
            total.add(figures)
            failures += failed
    return total, failures


def figures_text(figures: Figures, start: int, seeds: int) -> str:
    """The figures in one line."""
    shown = [f"{field.name}: {getattr(figures, field.name)}" for field in fields(figures)]
    return ", ".join([*shown, f"seeds: {start}..{start + seeds - 1}"])


def find_named(name: str, start: int, most: int) -> tuple[str, Found | None]:
    """The first schedule that shows the mutant of this name."""
    return name, find(MUTANTS[name], start=start, most=most)


def find_all(
    start: int, most: int = SEEDS_MAX, jobs: int = 2
) -> Iterator[tuple[str, Found | None]]:
    """Every mutant with the first schedule that shows it, or `None`."""
    with ProcessPoolExecutor(jobs) as pool:
        running = [pool.submit(find_named, name, start, most) for name in MUTANTS]
        for batch in running:
            yield batch.result()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gangsaw.testing.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=None, help="how many schedules")
    parser.add_argument("--long", action="store_true", help=f"{SEEDS_LONG} schedules")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--mode", type=Mode, choices=list(Mode), default=None)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--mutants", action="store_true", help="look for the planted faults")
    parser.add_argument("--trace", type=int, metavar="SEED", help="print one schedule")
    parser.add_argument("--scenario", type=int, metavar="SEED", help="make a scenario file of it")
    parser.add_argument("--to", type=Path, metavar="FILE", help="where the scenario is written")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code."""
    args = _parser().parse_args(argv)
    if args.trace is not None:
        return _trace(args.trace, args.mode)
    if args.scenario is not None:
        return _scenario(args.scenario, args.mode, args.to)
    if args.mutants:
        return _mutants(args.start, args.jobs)
    seeds = args.seeds or (SEEDS_LONG if args.long else SEEDS)
    figures, failures = run_all(args.start, seeds, args.mode, args.jobs)
    print(figures_text(figures, args.start, seeds))
    for seed, text in failures[:FAILURES_MAX]:
        print(f"FAILED seed {seed}: {text}")
    return 1 if failures else 0


def _mutants(start: int, jobs: int) -> int:
    missed = 0
    for name, found in find_all(start, jobs=jobs):
        if found is None:
            missed += 1
            print(f"NOT FOUND within {SEEDS_MAX}: {name}", flush=True)
        else:
            print(f"{found.schedules:6} {name}: {found.how[:100]}", flush=True)
    print(f"mutants: {len(MUTANTS)}, found: {len(MUTANTS) - missed}")
    return 1 if missed else 0


def scenario_text(seed: int, mode: Mode | None = None) -> str:
    """The seed's schedule as a scenario file: see `--scenario`."""
    failure = failure_of(seed, mode)
    if failure is not None:
        return regression_of(shortest(failure))
    schedule, _ = _replayed(seed, mode)
    return scenario_of(schedule)


def _scenario(seed: int, mode: Mode | None, to: Path | None) -> int:
    text = scenario_text(seed, mode)
    if to is None:
        print(text, end="")
    else:
        to.write_text(text, encoding="utf-8")
        print(f"{to}: {len(text.splitlines())} lines")
    return 0


def _replayed(seed: int, mode: Mode | None) -> tuple[Schedule, Exception | None]:
    schedule = Schedule(seed, mode, remember=True)
    return schedule, schedule.outcome()


def _trace(seed: int, mode: Mode | None) -> int:
    schedule, error = _replayed(seed, mode)
    print(f"seed {seed}, mode {schedule.mode}", schedule.scene, sep="\n")
    for turn in schedule.history or ():
        print(f"at {turn.at:.3f}" + ("" if turn.kept else " (lost: the engine died)"))
        for seen in turn.seen:
            print("   in ", seen)
        for event in turn.events:
            print("   out", event)
    if error is not None:
        traceback.print_exception(error)
    return 0 if error is None else 1


if __name__ == "__main__":
    sys.exit(main())
