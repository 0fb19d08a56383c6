"""A simulated world for the core, driven by one seed.

A schedule is one run of a random plan, with agents that fail in every known way, an engine that
dies at any boundary, reports that come late, twice and out of order, and people who meddle. The
core is the real one; store, git, processes, checks, clock and people are played. After every turn
the promises of the core are checked by models that share no code with it. The same seed always
gives the same schedule.
"""

from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.figures import Figures
from gangsaw.testing.simulation.schedule import Mode, Schedule, run_seed

__all__ = ["Broken", "Figures", "Mode", "Schedule", "run_seed"]
