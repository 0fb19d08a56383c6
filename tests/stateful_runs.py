"""How state machines are run: the same examples in every run, other ones in a long one.

A machine compares a part of gangsaw with a naive model, over 500 random histories of 50 steps, or
20,000 with `GANGSAW_LONG`. They come in portions, which run side by side. A machine is worth what
it finds: `how_found` runs it with a planted fault.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

LONG = bool(os.environ.get("GANGSAW_LONG"))
EXAMPLES = 20_000 if LONG else 500
STEPS = 50
PORTIONS = range(4)
FAULT_EXAMPLES_MAX = 500
"""A planted fault must be found within as many examples as every run has."""

Machine = type[RuleBasedStateMachine]


def run_portion(
    machine: Machine, portion: int, record_property: Callable[[str, object], None]
) -> None:
    """One portion of the machine's examples."""
    chosen = settings(
        max_examples=EXAMPLES // len(PORTIONS),
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    started = int.from_bytes(os.urandom(4)) if LONG else portion
    run_state_machine_as_test(
        seed(started)(type(machine.__name__, (machine,), {})), settings=chosen
    )
    record_property(
        "figure",
        f"stateful, {machine.__name__}: {EXAMPLES} examples of up to {STEPS} steps beside a model",
    )


def how_found(machine: Machine) -> str:
    """What the machine says about the fault planted now; `AssertionError` if it says nothing."""
    chosen = settings(
        max_examples=FAULT_EXAMPLES_MAX,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(0)(type(machine.__name__, (machine,), {})), settings=chosen)
    except (Exception, pytest.fail.Exception) as error:  # whatever it raises is its finding
        return f"{type(error).__name__}: {error}"
    raise AssertionError(f"{machine.__name__} finds nothing")


def quick_folder() -> Path:
    """A new folder on a file system in memory, where there is one: syncing it takes no time."""
    shm = Path("/dev/shm")
    return Path(tempfile.mkdtemp(dir=shm if os.access(shm, os.W_OK) else None))
