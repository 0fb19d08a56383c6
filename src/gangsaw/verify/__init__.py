"""Checks, run by us, in a clean worktree of exactly one commit.

A verdict is the wait status of the command, seen from outside after its whole tree is dead. What
ended for a reason that is not the tree's fault (killed by somebody, lost) is inconclusive and
blames nobody. This room must not decide what follows from a verdict.
"""

from gangsaw.verify.checks import CheckRun, run_checks, sweep_former_checks
from gangsaw.verify.slots import Slots
from gangsaw.verify.verdicts import Verdicts

__all__ = ["CheckRun", "Slots", "Verdicts", "run_checks", "sweep_former_checks"]
