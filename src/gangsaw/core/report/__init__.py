"""What became of a run, in figures: folded from its events, and from nothing else."""

from gangsaw.core.report.make import report_of as report_of
from gangsaw.core.report.values import RunReport as RunReport
